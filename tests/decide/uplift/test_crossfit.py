"""Nested cross-fitting: nothing that is said of a customer was learned from them."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from oracles.uplift import score
from worthwhile.decide.uplift.crossfit import CrossFit
from worthwhile.decide.uplift.learners import LEARNERS
from worthwhile.decide.uplift.trial import deal_folds


def test_what_is_said_of_a_fold_does_not_change_with_what_its_customers_did(learned: Any) -> None:
    simulated, cross = learned
    trial = simulated.trial
    fold = frozenset({1})
    rows = cross.rows_of([1])
    outcome = trial.outcome.copy()
    outcome[rows] = outcome[rows][::-1]
    changed = CrossFit(replace(trial, outcome=outcome), cross.folds, cross.columns, cross.kinds, 0, False)
    assert np.array_equal(changed.said_in(1, fold).effects, cross.said_in(1, fold).effects)
    assert np.array_equal(changed.beyond(1).effects, cross.beyond(1).effects)
    outer, inner = cross.level(fold), changed.level(fold)
    assert np.array_equal(outer.said.effects, inner.said.effects) and np.array_equal(outer.scores, inner.scores)


def test_scores_are_those_of_the_formula_and_their_means_are_near_the_truth(learned: Any) -> None:
    simulated, cross = learned
    out = frozenset({0})
    rows = cross.rows_of([0])
    scores, _ = cross.scores_in(0, out)
    expected, _ = cross.expected_in(0, out)
    shares = simulated.trial.shares()
    for i in range(0, len(rows), 97):
        for k in range(3):
            got = simulated.trial.action[rows[i]] == k
            said = score(float(expected[0, 1, i, k]), simulated.trial.outcome[rows[i], 0], bool(got), shares[k])
            assert scores[i, 0, k] == pytest.approx(said)
    level = cross.level()
    error = level.scores[:, 0].std(axis=0) / np.sqrt(len(level.rows))
    assert (np.abs(level.scores[:, 0].mean(axis=0) - simulated.expected[:, 0].mean(axis=0)) < 3.5 * error).all()


def test_every_learner_finds_who_responds(learned: Any) -> None:
    simulated, cross = learned
    effects = cross.level().said.effects[:, 0, 1]  # of visits, by the second mail
    likes = simulated.trial.covariates[:, simulated.trial.names.index("likes_b")] > 0
    for i, name in enumerate(LEARNERS):
        if name != "common":
            assert effects[likes, i].mean() > effects[~likes, i].mean() + 0.02, name


def test_folds_hold_as_many_of_each_group_and_of_its_buyers(learned: Any) -> None:
    trial = learned[0].trial
    folds = deal_folds(trial, 5, seed=4)
    bought = trial.outcome[:, 1] > 0
    for k in range(3):
        for kind in (bought, ~bought):
            counts = np.bincount(folds[(trial.action == k) & kind], minlength=5)
            assert counts.max() - counts.min() <= 2


def test_the_same_seed_gives_the_same_bits_and_chances_of_an_observational_log_add_up(campaigns: ModuleType) -> None:
    trial = campaigns.simulate("constant", customers=1_200, seed=1, observational=True).trial
    one, two = (CrossFit.of(trial, observational=True, folds=3, seed=2) for _ in range(2))
    assert np.array_equal(one.said_in(0, frozenset({0})).effects, two.said_in(0, frozenset({0})).effects)
    chance = one.propensity_in(0, frozenset({0}))
    assert np.allclose(chance.sum(axis=1), 1) and chance.min() > 0.005 and chance.std() > 0.01
