import numpy as np
import pytest

from worthwhile.distribution import Forecast, amount_grid, from_geometric, from_lognormal
from worthwhile.models.recalibrate import PastLevel, level_factor, recalibrated


def a_forecast(n=200, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.01, 0.95, n)
    amount = from_lognormal(amount_grid(20.0), p, np.exp(rng.normal(3.5, 1, n)), rng.uniform(0.3, 1.2, n))
    orders = from_geometric(p, 1 + rng.exponential(2, n))
    ids = np.array([f"c{i}" for i in range(n)], dtype=object)
    return Forecast(ids, None, "90d", amount, orders, "test")


@pytest.mark.parametrize("factor", [0.4, 0.8, 1.0, 1.3, 2.5])
def test_recalibration_multiplies_the_totals_of_amount_and_orders(factor):
    before = a_forecast()
    after = recalibrated(before, factor)
    assert after.amount.mean().sum() == pytest.approx(factor * before.amount.mean().sum(), rel=0.01)
    assert after.orders.mean().sum() == pytest.approx(factor * before.orders.mean().sum(), rel=0.02)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_recalibration_keeps_one_chance_of_no_order(factor):
    after = recalibrated(a_forecast(), factor)
    np.testing.assert_allclose(after.amount.p_positive, after.orders.p_positive, atol=1e-6)
    np.testing.assert_allclose(after.amount.prob.sum(axis=1), 1, atol=1e-5)


def test_more_buying_never_lowers_anybodys_chance_or_mean():
    before = a_forecast()
    after = recalibrated(before, 1.5)
    assert np.all(after.p_active >= before.p_active)
    assert np.all(after.amount.mean() >= before.amount.mean())


UNKNOWN = float("nan")


def windows(*ratios, activity=UNKNOWN, ages=(90, 180, 270)):
    return [PastLevel(100.0, 100.0 * r, activity, age) for r, age in zip(ratios, ages, strict=False)]


def test_a_total_that_was_low_in_past_windows_is_raised_but_less_than_fully():
    assert 1.1 < level_factor(windows(1.5, 1.5), UNKNOWN) < 1.5


def test_a_late_window_tells_more_than_an_early_one():
    assert level_factor(windows(1.5, 1.0), UNKNOWN) > level_factor(windows(1.0, 1.5), UNKNOWN)


def test_without_past_windows_the_total_stays():
    assert level_factor([], UNKNOWN) == 1.0
    assert level_factor([PastLevel(0.0, 10.0, UNKNOWN, 90)], 1.2) == 1.0


def test_a_busy_season_to_come_raises_the_level():
    quiet = windows(1.0, 1.0, activity=0.5)
    assert level_factor(quiet, 1.0) > 1.5
    assert level_factor(quiet, 0.5) == pytest.approx(1.0)
    assert level_factor(quiet, 0.25) < 0.7


def test_a_season_that_no_window_knows_changes_nothing():
    assert level_factor(windows(1.0), 2.0) == 1.0


def test_known_seasons_are_trusted_more_than_unknown_ones():
    assert level_factor(windows(1.5, activity=0.8), 0.8) > level_factor(windows(1.5), UNKNOWN)


def test_a_level_stays_within_limits():
    assert level_factor(windows(1000.0), UNKNOWN) == 4.0
