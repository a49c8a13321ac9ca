"""The event model's next-item head as a score: it knows whose items are whose, and nothing of what comes later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oracles.small_baskets import START, habits, line, moment
from worthwhile.features.sequences import build_sequences
from worthwhile.recommend import events
from worthwhile.recommend.build import Recommender
from worthwhile.recommend.events import EPOCH, EventScores, event_scores
from worthwhile.store.log import Log

FIRST = (START - EPOCH).days


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "EPOCHS", 4)


def learned(log: Log, folder: Path, until: int = 200) -> EventScores:
    return EventScores(log, build_sequences(log, folder), FIRST + 150, moment(until))


def test_items_of_a_customers_own_kind_score_higher_and_what_is_not_known_has_no_score(make_log, tmp_path, monkeypatch):
    monkeypatch.setattr(events, "EPOCHS", 60)
    scores = learned(make_log([*habits(60, days=200), line("eve", "late", 199)]), tmp_path / "s")
    names = [f"i{i:02d}" for i in range(40)]
    asked = [(customer, item) for customer in ("c000", "c001") for item in names]
    found = scores(moment(200), *(np.array(column, object) for column in zip(*asked, strict=True))).reshape(2, 2, 20)
    own = np.exp(found).sum(axis=2)
    assert own[0, 0] > 0.6 and own[1, 1] > 0.6
    odd = scores(moment(200), *np.array([["c000", "late"], ["nobody", "i00"], ["c000", "i00"]], object).T)
    assert np.isnan(odd).tolist() == [True, True, False]


def test_nothing_at_or_after_the_moment_asked_about_is_looked_at(make_log, tmp_path):
    rows = [row | {"amount": row["price"] * (1 if row["ts"] < moment(170) else 90)} for row in habits(40, days=200)]
    whole = learned(make_log(rows), tmp_path / "whole")
    before = [row for row in rows if row["ts"] < moment(170)]
    cut = learned(make_log(before), tmp_path / "cut", until=170)
    pairs = np.array([f"c{n % 40:03d}" for n in range(80)], object), np.array(["i00", "i25"] * 40, object)
    assert np.array_equal(whole(moment(170), *pairs), cut(moment(170), *pairs), equal_nan=True)
    assert not np.array_equal(whole(moment(200), *pairs), cut(moment(170), *pairs), equal_nan=True)


def test_where_no_item_sells_often_enough_none_has_a_score(make_log, tmp_path):
    rows = [line(f"c{n:03d}", f"once{n}", n) for n in range(190)]
    found = learned(make_log(rows), tmp_path / "s")(
        moment(200), np.array(["c000"], object), np.array(["once0"], object)
    )
    assert np.isnan(found).tolist() == [True]


def test_the_mixture_takes_it_in_where_enough_lies_before_its_windows(make_log, tmp_path, monkeypatch):
    log = make_log(habits())
    with event_scores(log, moment(320), tmp_path) as none:
        assert none is None
    monkeypatch.setattr(events, "LEAST_ORDERS", 100)
    with event_scores(log, moment(320), tmp_path) as scores:
        made = Recommender.of(log, moment(320), scores={"events": scores})
        assert made.mixture.is_learned and made.question.names[-1] == "events"
        assert (made.rank(np.array(["c000"], object), 5).item >= 0).all()
    assert not list(tmp_path.iterdir())
