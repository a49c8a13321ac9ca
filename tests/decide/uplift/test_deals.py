"""Several ways of dealing: their mean, and that nothing in it has seen the customers of whom it speaks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from worthwhile.decide.uplift.deals import MANY, Deals, usual_deals


@pytest.fixture(scope="module")
def small(campaigns: Any) -> Any:
    return campaigns.simulate("opposed", customers=1_500, seed=4)


@pytest.fixture(scope="module")
def dealt(small: Any) -> Deals:
    return Deals.of(small.trial, deals=3, folds=4, seed=5)


def test_a_level_is_the_mean_of_all_ways_and_the_first_is_that_of_one(small: Any, dealt: Deals) -> None:
    level, each = dealt.level(), dealt.levels()
    assert len(each) == 3 and not np.array_equal(dealt.all[0].folds, dealt.all[1].folds)
    assert np.allclose(level.said.effects, np.mean([one.said.effects for one in each], axis=0))
    assert np.allclose(level.scores, np.mean([one.scores for one in each], axis=0))
    assert np.array_equal(level.fold, dealt.first.folds)
    alone = Deals.of(small.trial, deals=1, folds=4, seed=5).level()
    assert np.array_equal(alone.said.effects, each[0].said.effects)


def test_what_is_known_outside_of_a_fold_does_not_change_with_what_its_customers_did(small: Any, dealt: Deals) -> None:
    trial = small.trial
    rows = dealt.first.rows_of([1])
    outcome = trial.outcome.copy()
    outcome[rows] = outcome[rows][::-1]
    first = replace(dealt.first, trial=replace(trial, outcome=outcome), surfaces={}, expected={}, models={})
    before, after = dealt.outside(1), Deals(first, dealt.others).outside(1)
    assert np.array_equal(before.rows, rows) and len(before.level.rows) == len(trial) - len(rows)
    assert np.array_equal(before.said.effects, after.said.effects)
    assert np.array_equal(before.level.said.effects, after.level.said.effects)
    assert np.array_equal(before.level.scores, after.level.scores)
    assert not np.array_equal(before.scores, after.scores)  # these say what the fold's customers did


def test_what_is_said_is_nearer_the_truth_than_what_one_way_says(small: Any, dealt: Deals) -> None:
    truth = small.effects()[..., None]
    errors = [float(((level.said.effects - truth) ** 2).mean()) for level in (dealt.level(), *dealt.levels())]
    assert errors[0] < min(errors[1:])


def test_large_logs_are_dealt_once() -> None:
    assert usual_deals(10_000) == 3 and usual_deals(MANY + 1) == 1
