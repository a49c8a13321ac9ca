"""Which policy is chosen, and what it is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from worthwhile.decide.uplift.policies import Judge, Policy, Reading, assigned, choose, share_value, value_of


def both(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, values


def test_customers_are_told_apart_only_where_that_gains_beyond_noise() -> None:
    rng = np.random.default_rng(0)
    plain = rng.normal(1, 1, 2_000)
    noise = rng.normal(0, 1, 2_000)
    noise -= noise.mean()
    se = noise.std() / np.sqrt(2_000)
    assert choose([both(plain), both(plain + noise + 0.3 * se)], 1.0) == 0
    assert choose([both(plain), both(plain + noise + 0.7 * se)], 1.0) == 1
    assert choose([both(plain), both(plain + 0.1), both(plain + 0.2)], 1.0) == 2


def test_rounding_of_an_outcome_that_nobody_had_is_no_gain() -> None:
    assert choose([both(np.zeros(100)), both(np.full(100, 1e-17)), both(np.zeros(100))], 1.0) == 0


def test_random_targeting_is_kept_only_where_it_is_surely_better() -> None:
    rng = np.random.default_rng(0)
    base, noise = rng.normal(size=1_000), rng.normal(size=1_000)
    noise -= noise.mean()
    assert choose([both(base + 0.001 + noise), both(base), both(base), both(base - 1)], 0.3) == 2
    assert choose([both(base + 1 + noise), both(base), both(base), both(base)], 0.3) == 0


def test_nobody_is_given_an_action_that_harms_them() -> None:
    reading = Reading(personal=np.array([[1.0, 2.0], [-1.0, -2.0]]), groups=np.zeros((2, 2)), raw=np.zeros((2, 2, 6)))
    assert assigned(Policy("personal"), reading).tolist() == [2, 0]
    assert assigned(Policy("groups"), reading).tolist() == [0, 0]


def test_a_share_contacts_the_first_and_leaves_the_rest() -> None:
    reading = Reading(np.array([[3.0], [1.0], [2.0], [0.0]]), np.zeros((4, 1)), np.zeros((4, 1, 6)))
    scores = np.array([[0.0, 10.0]] * 4)
    assert share_value(Policy("shrunk", 1), reading, scores, 0.5).tolist() == [10, 0, 10, 0]
    assert share_value(Policy("random", 1), reading, scores, 0.5).tolist() == [5, 5, 5, 5]


def test_personal_policy_is_chosen_where_each_mail_has_its_own_customers(learned: Any) -> None:
    simulated, cross = learned
    judged = Judge.of(cross.level(), 0)
    assert judged.choose(1.0).rule in ("groups", "personal")
    true = simulated.expected[:, 0]
    personal = value_of(Policy("personal"), judged.held, true, 1.0).mean()
    assert personal > true.mean(axis=0).max()
    assert personal == pytest.approx(true.max(axis=1).mean(), rel=0.06)
