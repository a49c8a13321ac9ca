import numpy as np
import pytest

from worthwhile.distribution import Forecast, amount_grid, from_geometric, from_lognormal
from worthwhile.models.recalibrate import PastLevel, recalibrated, season_factor


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


def windows(*ratios, activities):
    return [PastLevel(100.0, 100.0 * r, activity) for r, activity in zip(ratios, activities, strict=True)]


def test_a_busy_season_to_come_raises_the_total_and_a_quiet_one_lowers_it():
    usual = windows(1.0, 1.0, activities=(0.7, 0.9))
    assert season_factor(usual, 1.4) > 1.4
    assert season_factor(usual, 0.79) == pytest.approx(1.0, abs=0.05)
    assert season_factor(usual, 0.4) < 0.7


def test_a_shop_whose_totals_hardly_follow_the_season_is_moved_less():
    activities = np.exp(np.linspace(-0.5, 0.5, 6))
    follows, stays = windows(*activities, activities=activities), windows(*np.ones(6), activities=activities)
    assert season_factor(follows, 1.6) == pytest.approx(1.6, rel=0.02)
    # The slope's data weigh sum((log activity)^2) / WINDOW_SD^2 = 2.8 for none, the prior SLOPE_SD^-2 = 6.25 for 1.
    assert season_factor(stays, 1.6) == pytest.approx(1.6 ** (6.25 / (6.25 + 2.8)), rel=1e-3)


def test_forecasts_that_were_too_low_in_every_season_are_raised_but_less_than_fully():
    assert 1.15 < season_factor(windows(1.5, 1.5, 1.5, activities=(0.8, 0.8, 0.8)), 0.8) < 1.5


def test_a_season_that_nobody_knows_leaves_the_total_alone():
    assert season_factor([], 1.2) == 1.0
    assert season_factor(windows(1.5, 1.5, activities=(0.8, 0.8)), UNKNOWN) == 1.0
    assert season_factor(windows(1.5, activities=(UNKNOWN,)), 2.0) == 1.0
    assert season_factor([PastLevel(0.0, 10.0, 0.8)], 1.2) == 1.0


def test_a_level_stays_within_limits():
    assert season_factor(windows(1.0, activities=(0.01,)), 1.0) == 4.0
