"""How many customers a test needs: against published numbers, and against tests that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from worthwhile.decide.campaign.compare import adjusted, difference, sample_ratio
from worthwhile.decide.campaign.power import detectable, each_group, found_with, needed, share_to_leave


def test_sizes_are_those_of_the_textbook():
    """Cohen's medium effect of half a standard deviation: 63 in each group (64 by the t distribution)."""
    assert each_group(1.0, 0.5) == 63
    assert each_group(1.0, 0.2) == 393


def test_what_is_needed_is_the_fewest_that_find_it():
    held = needed(10.0, 1.0, 10_000, 2)
    sizes = [(held - k, (10_000 - held + k) // 2) for k in (0, 1)]
    assert detectable(10.0, *sizes[0]) <= 1.0 < detectable(10.0, *sizes[1])
    assert needed(10.0, 0.1, 10_000, 2) is None
    assert needed(0.0, 0.1, 100, 1) == 1


def test_with_several_small_arms_the_fewest_are_found_too():
    """Where customers do not part evenly more held out may show less: 13 of five arms show it with 2, not with 3."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        total, arms, effect = int(rng.integers(3, 200)), int(rng.integers(1, 6)), float(np.exp(rng.uniform(-2.5, 1.5)))
        tried = [h for h in range(1, total - arms + 1) if detectable(1.0, h, (total - h) // arms) <= effect]
        assert needed(1.0, effect, total, arms) == (tried[0] if tried else None)
    assert needed(1.0, 3.005, 13, 5) == 2


@pytest.mark.parametrize(("treated", "reach"), [(400, 2000), (400, 900), (400, 500), (400, 400)])
def test_of_a_plan_the_least_share_that_finds_an_effect_is_left_alone(treated, reach):
    """Against all shares of a grid: the treated stay as many until those who are worth a contact run out."""
    for effect in (0.15, 0.2, 0.25, 0.3, 0.5):
        shares = np.arange(1, 10_000) / 10_000
        count = np.minimum(treated, (1 - shares) * reach)
        least = (norm.ppf(0.975) + norm.ppf(0.8)) * np.sqrt(1 / count + (1 - shares) / (count * shares))
        finds = shares[least <= effect]
        found = share_to_leave(1.0, effect, treated, reach)
        assert (found is None) == (not len(finds)) and (found is None or abs(found - finds[0]) <= 2e-4)


def test_an_effect_of_the_detectable_size_is_found_as_often_as_was_said():
    rng = np.random.default_rng(0)
    effect = detectable(2.0, 80, 240)
    found = [difference(rng.normal(effect, 2.0, 240), rng.normal(0, 2.0, 80)).p_value < 0.05 for _ in range(600)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_adjusting_by_a_forecast_narrows_the_interval_and_keeps_its_promise():
    rng = np.random.default_rng(1)
    covers, widths = [], []
    for _ in range(400):
        x = rng.gamma(2.0, 1.0, 300)
        y = 3 * x + rng.normal(0, 1.0, 300)
        treated = rng.permutation(300) < 150
        y = y + 0.5 * treated
        one = adjusted(y[treated], y[~treated], x[treated], x[~treated])
        plain = difference(y[treated], y[~treated])
        covers.append(one.low <= 0.5 <= one.high)
        widths.append((one.high - one.low) / (plain.high - plain.low))
    assert np.mean(covers) == pytest.approx(0.95, abs=0.03)
    assert np.mean(widths) < 0.4


def test_difference_agrees_with_scipys_welch():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(2)
    a, b = rng.gamma(1.0, 5.0, 40), rng.gamma(2.0, 5.0, 25)
    found, theirs = difference(a, b), ttest_ind(a, b, equal_var=False)
    assert found.p_value == pytest.approx(theirs.pvalue)
    low, high = theirs.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_groups_too_small_or_without_spread_say_so():
    assert np.isnan(difference(np.array([1.0]), np.array([1.0, 2.0])).effect)
    assert difference(np.ones(3), np.ones(3)).p_value == 1.0
    same = adjusted(np.arange(3.0), np.arange(3.0), np.ones(3), np.ones(3))
    assert same == difference(np.arange(3.0), np.arange(3.0))


def test_sample_ratio_tells_a_loss_from_chance():
    assert sample_ratio(np.array([501, 499]), np.array([500.0, 500.0])) > 0.9
    assert sample_ratio(np.array([500, 400]), np.array([500.0, 500.0])) < 0.001


def test_the_power_of_the_detectable_difference_is_the_one_asked_for():
    assert found_with(2.0, detectable(2.0, 80, 240), 80, 240) == pytest.approx(0.8, abs=1e-5)
    assert found_with(2.0, 1e-12, 80, 240) == pytest.approx(0.05)
    assert found_with(2.0, -1.0, 80, 240) == found_with(2.0, 1.0, 80, 240)
    assert found_with(2.0, 1.0, 0, 240) == 0.0 and found_with(0.0, 1.0, 5, 5) == 1.0
