"""A real shop's rows are the simulated ones: a simulated shop, written down as events, gives the same through SQL."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import torch

from oracles.simulated_events import START, events_of
from worthwhile.features.build import cutoff_from, snapshot_at
from worthwhile.models.incontext.columns import COLUMNS, Asked, activity_year_before, columns_at, outcome_at, scale_at
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.shops import UNTOLD
from worthwhile.models.incontext.rows import NAMES, WHOLE, rows_of, whole_of
from worthwhile.models.incontext.snapshots import UNKNOWN, rows_of_snapshot, whole_of_snapshot
from worthwhile.models.incontext.tasks import moment_of
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

HORIZON = 61


def asked_of(shop):
    return Asked(shop.days - HORIZON - 15, torch.tensor([HORIZON]))


def shops_to_compare():
    """Simulated shops of more than a year that meet no leap day, by seed and place: some with refunds, some with
    enough orders for a season, some that record visits up to the cutoff, and some that tell of registrations."""
    found = {}
    for seed in range(4):
        shops = simulate(8, seed, customers=300)
        for i in range(8):
            if 480 < int(shops.days[i]) < 1090 and int((shops.shop == i).sum()) > 60:
                found[seed, i] = shops.one(i)
    looked_at = [
        place for place in found if columns_at(found[place], asked_of(found[place]))[0]["views_30d"].sum() > 20
    ]
    return {place: found[place] for place in dict.fromkeys([*list(found)[:7], *looked_at])}


SHOPS = shops_to_compare()


def test_some_shops_to_compare_record_visits_some_give_back_and_some_tell_of_registrations():
    assert any(float(columns_at(shop, asked_of(shop))[0]["carts_30d"].sum()) > 0 for shop in SHOPS.values())
    assert any(float(shop.refund.sum()) > 0 for shop in SHOPS.values())
    assert any(int(shop.registered.min()) < UNTOLD for shop in SHOPS.values())
    assert any(bool(activity_year_before(shop, asked_of(shop)).isfinite()) for shop in SHOPS.values())


@pytest.mark.parametrize("place", list(SHOPS), ids=str)
def test_rows_and_outcomes_of_a_snapshot_equal_those_of_the_simulated_shop(place):
    began = torch.tensor([float((START - datetime(START.year, 1, 1)).days)])
    untold = torch.full_like(SHOPS[place].registered, UNTOLD)  # as a snapshot sees it
    shop = replace(SHOPS[place], registered=untold, began=began)
    asked = asked_of(shop)
    columns, present = columns_at(shop, asked)
    columns = {name: column[present] for name, column in columns.items()}
    season = activity_year_before(shop, asked)
    scale = scale_at(shop, asked.cutoff)
    moment = moment_of(shop, asked, scale)
    want = rows_of(columns, shop.shop[present], moment)

    moment_asked = (START + timedelta(days=int(asked.cutoff))).replace(tzinfo=UTC)
    until = (START + timedelta(days=int(shop.days[0]) + 400)).date()
    with log_of(events_of(shop), until=until) as log:
        snapshot = snapshot_at(log, Task.of(f"{HORIZON}d"), moment_asked)
    assert len(snapshot) == int(present.sum())
    assert np.isclose(snapshot.scale, float(scale), rtol=1e-5)
    assert np.isclose(snapshot.activity_year_before, float(season), equal_nan=True)
    assert set(UNKNOWN) == set(COLUMNS) - set(snapshot.names)
    for name in COLUMNS:
        if name in UNKNOWN:
            assert bool(columns[name].isnan().all()), name
            continue
        close = np.isclose(snapshot.column(name), columns[name].numpy(), rtol=1e-4, atol=2e-3, equal_nan=True)
        assert close.all(), (name, snapshot.column(name)[~close][:3], columns[name].numpy()[~close][:3])
    got = rows_of_snapshot(snapshot)
    for i, name in enumerate(NAMES):
        if name == "rank_value":  # of logarithms that SQL rounds: neighbours may change places
            assert np.mean(np.abs(got[:, i].numpy() - want[:, i].numpy())) < 0.005
        elif name in (
            "year_sine",
            "year_cosine",
            "year_end_ahead",
            "year_end_behind",
        ):  # a year of the prior has a quarter of a day more
            assert np.allclose(got[:, i], want[:, i], atol=0.03, equal_nan=True), name
        else:
            assert np.allclose(got[:, i], want[:, i], rtol=1e-3, atol=5e-3, equal_nan=True), name

    amount, orders = (part[present] for part in outcome_at(shop, asked))
    assert np.array_equal(snapshot.outcome.orders, orders.numpy())
    assert np.allclose(snapshot.outcome.amount, amount.numpy(), rtol=1e-4, atol=1e-3)
    [whole] = whole_of(columns, shop.shop[present], moment, (amount, orders))
    assert len(whole) == len(WHOLE) and torch.allclose(whole_of_snapshot(snapshot), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Shanghai"])
@pytest.mark.parametrize("year", [2023, 2024])
@pytest.mark.parametrize(("month", "day", "ahead"), [(11, 1, 1.0), (12, 18, 1.0), (10, 25, 0.0), (1, 1, 0.0)])
def test_the_weeks_before_christmas_are_those_of_the_shops_calendar(zone, year, month, day, ahead):
    orders = pa.table({"customer_id": ["a"], "local_ts": [datetime(2022, 6, 1)], "amount": [5.0]})
    with log_of(orders, zone=zone, until=date(2025, 2, 1)) as log:
        snapshot = snapshot_at(log, Task.of("7d"), cutoff_from(date(year, month, day), log.zone))
    [row] = rows_of_snapshot(snapshot)
    assert float(row[NAMES.index("year_end_ahead")]) == pytest.approx(ahead, abs=0.08)
