from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.features.build import median_order_value
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots, default_backtest_cutoffs
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
TASK = Task.of("160d")  # so long that few windows are to be made
EARLY, LATE = FIRST + timedelta(days=340), FIRST + timedelta(days=500)


def made_log(days=500):
    """30 customers who order every ten days or so, half of them tea and half of them pots."""
    rng = np.random.default_rng(3)
    rows = [
        (f"c{k:02d}", FIRST + timedelta(days=int(day)), "tea" if k < 14 else "pots", 5.0 + k)
        for k in range(30)
        for day in np.sort(rng.choice(days, days // 10, replace=False))
    ]
    rows += [("c29", FIRST + timedelta(days=day), "pots", 5.0) for day in (0, days - 1)]
    names = ("customer_id", "ts", "category", "amount")
    return log_of(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))


@pytest.fixture(scope="module")
def log():
    with made_log() as opened:
        yield opened


@pytest.fixture(scope="module")
def prepared(log):
    """The snapshots made, the matured ones among them, and the one that is asked about."""
    snapshots = Snapshots(log, TASK)
    return snapshots, *snapshots.before(EARLY, silent)


def test_what_is_learned_from_had_ended_by_the_cutoff(prepared):
    _, matured, current = prepared
    assert current.cutoff == EARLY
    assert [(s.cutoff - FIRST).days for s in matured] == [100, 140, 180]
    assert all(s.end <= EARLY and s.outcome is not None for s in matured)


def test_snapshots_of_one_run_share_scale_and_columns(prepared):
    _, matured, current = prepared
    assert {s.scale for s in matured} == {current.scale}
    assert {s.names for s in matured} == {current.names}


def test_a_snapshot_learned_from_has_its_own_scale_once_it_is_asked_about(log, prepared):
    snapshots, matured, current = prepared
    assert current.scale == median_order_value(log, TASK, EARLY)
    own = {s.cutoff: median_order_value(log, TASK, s.cutoff) for s in matured}
    assert set(own.values()) != {current.scale}
    assert {cutoff: snapshots.at(cutoff).scale for cutoff in own} == own


def test_what_is_forecast_carries_nothing_of_its_horizon(prepared):
    current = prepared[-1]
    assert current.outcome is not None and np.isfinite(current.activity)
    blind = current.unseen()
    assert blind.outcome is None and np.isnan(blind.activity)
    assert blind.features is current.features


def test_snapshots_that_no_later_cutoff_takes_are_dropped(prepared):
    snapshots = replace(prepared[0], made=dict(prepared[0].made))
    snapshots.keep_for([LATE])
    assert sorted((cutoff - FIRST).days for cutoff, _ in snapshots.made) == [100, 180, 340]
    snapshots.keep_for([])
    assert snapshots.made == {}


def test_backtest_cutoffs_lie_one_horizon_apart_up_to_the_last_that_matured(log):
    cutoffs = default_backtest_cutoffs(log, Task.of("60d"), 3)
    assert [(cutoff - FIRST).days for cutoff in cutoffs] == [320, 380, 440]


def test_cutoffs_have_as_much_history_as_the_horizon_is_long(log):
    cutoffs = default_backtest_cutoffs(log, Task.of("200d"), 9)
    assert len(cutoffs) == 1 and cutoffs[0] - log.first >= timedelta(days=200)


def test_a_horizon_of_over_half_the_log_cannot_be_tested(log):
    with pytest.raises(InputError) as caught:
        default_backtest_cutoffs(log, Task.of("300d"), 1)
    assert caught.value.code == "not-matured" and "at most 250d" in caught.value.remedy


def test_where_no_horizon_has_passed_shorter_ones_come_along():
    with made_log(60) as short:
        matured, current = Snapshots(short, Task.of("90d")).before(short.until, silent)
    assert len(matured) == 0
    assert current.shorter and all(s.outcome is not None and s.end <= current.cutoff for s in current.shorter)
    assert {s.scale for s in current.shorter} == {current.scale}
