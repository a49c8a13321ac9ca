import numpy as np
import pytest

from worthwhile.forecast import Forecast, amount_grid, from_geometric, from_lognormal
from worthwhile.models.recalibrate import PastTotal, recalibrated, season_factor, total_factor


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


def test_a_total_that_was_low_in_the_past_is_raised_but_less_than_fully():
    steady = [PastTotal(100, 150, 0.05), PastTotal(100, 150, 0.05)]
    assert 1.1 < total_factor(steady) < 1.5


def test_a_noisy_past_window_moves_the_total_less_than_a_clear_one():
    assert total_factor([PastTotal(100, 150, 1.0)]) < total_factor([PastTotal(100, 150, 0.05)])


def test_without_a_past_the_total_stays():
    assert total_factor([]) == 1.0
    assert total_factor([PastTotal(0.0, 10.0, 1.0)]) == 1.0


class _At:
    def __init__(self, activity, year_before=float("nan")):
        self.activity, self.activity_year_before = activity, year_before


UNKNOWN = float("nan")


def test_a_busy_season_to_come_raises_the_level_and_an_unknown_one_does_not():
    assert season_factor([_At(0.8), _At(0.8)], _At(UNKNOWN, 1.6)) > 1.4
    assert season_factor([_At(UNKNOWN)], _At(UNKNOWN, 1.6)) == 1.0
    assert season_factor([_At(0.8)], _At(UNKNOWN, UNKNOWN)) == 1.0
    assert season_factor([], _At(UNKNOWN, 1.2)) == 1.0


def test_the_same_season_needs_no_factor():
    assert season_factor([_At(1.3), _At(1.3)], _At(UNKNOWN, 1.3)) == pytest.approx(1.0)


def test_the_season_looks_at_the_year_before_never_at_the_outcome_itself():
    assert season_factor([_At(1.0)], _At(2.0, UNKNOWN)) == 1.0
