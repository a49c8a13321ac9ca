"""Effects are as different as held-out scores bear out, and averages keep their mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.decide.uplift.learners import LEARNERS
from worthwhile.decide.uplift.shrink import settled, shrink, shrink_groups

ONE = np.ones(6_000)


def told(signal: float, *, n: int = 6_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Learners that say an effect of sd 1 with noise of their own, scores that bear `signal` of it out, and folds."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    found = truth[:, None] + rng.normal(0, 0.5, (n, len(LEARNERS)))
    return truth, found, 2 + signal * truth + rng.normal(0, 20 if signal == 0 else 1, n), rng.integers(0, 5, n)


def test_a_sure_signal_is_kept_at_its_own_size_and_noise_is_shrunk_away() -> None:
    truth, found, gain, fold = told(1.0)
    kept = shrink(found, ONE, gain, gain, fold)
    assert np.corrcoef(kept.effect(found, ONE), truth)[0, 1] > 0.95
    assert kept.effect(found, ONE).std() == pytest.approx(1.0, abs=0.1) and kept.t > 20
    truth, found, gain, fold = told(0.0)
    none = shrink(found, ONE, gain, gain, fold)
    assert none.effect(found, ONE).std() < 0.5 and abs(none.t) < 3


def test_the_wrong_way_round_is_not_followed() -> None:
    _, found, gain, fold = told(-1.0)
    assert shrink(found, ONE, gain, gain, fold).slope == 0
    assert shrink_groups(found[:, 0], ONE, gain, gain).slope == 0


def test_learners_that_say_the_same_of_all_give_everybody_the_average() -> None:
    gain = np.random.default_rng(0).normal(3, 1, 500)
    kept = shrink(np.ones((500, len(LEARNERS))), np.ones(500), gain, gain, np.arange(500) % 5)
    said, size = np.ones((4, len(LEARNERS))), np.array([1.0, 1.0, 2.0, 0.5])
    assert np.allclose(kept.effect(said, size), size * gain.mean())
    assert np.allclose(np.sqrt(kept.variance(said, size)), size * gain.std() / np.sqrt(500))


def test_effects_in_proportion_to_size_keep_their_average_however_sizes_differ() -> None:
    truth, found, _, fold = told(1.0)
    size = np.exp(np.random.default_rng(3).normal(0, 1, len(truth)))
    gain = size * (2 + truth)
    for effect in (
        shrink(found, size, gain, gain, fold).effect(found, size),
        shrink_groups(found[:, 0], size, gain, gain).effect(found[:, 0], size),
    ):
        assert effect.mean() == pytest.approx(gain.mean())
        assert np.corrcoef(effect / size, truth)[0, 1] > 0.85


@given(st.floats(-3, 3), st.floats(0.1, 5))
@settings(max_examples=40)
def test_a_settled_mean_is_within_one_standard_error_of_the_unbiased_one(rest: float, noise: float) -> None:
    rng = np.random.default_rng(1)
    calm = rng.normal(1, 1, 400)
    whole = calm + rest + rng.normal(0, noise, 400)
    mean, error = settled(whole, calm)
    assert abs(mean - whole.mean()) <= (whole - calm).std() / np.sqrt(400) + 1e-9
    assert error > 0


def test_effects_are_less_sure_where_learners_disagree() -> None:
    _, found, gain, fold = told(1.0)
    kept = shrink(found, ONE, gain, gain, fold)
    alike = np.repeat(found.mean(axis=1, keepdims=True), found.shape[1], axis=1)
    assert (kept.variance(found, ONE) > kept.variance(alike, ONE)).mean() > 0.95
