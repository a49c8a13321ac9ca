"""Gamma-Gamma and the histogram of an amount."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import buytilldie as oracle
from oracles import cdnow
from worthwhile.distribution import Histogram, amount_grid
from worthwhile.models.buytilldie import gammagamma
from worthwhile.models.buytilldie.amounts import Buyers, amount_columns, kept_counts

CDNOW = np.array([6.25, 3.74, 15.44])


def amount_of(value_parameters, x, mean, pmf, *, scale=20.0, alive=1.0):
    grid = amount_grid(scale)
    gamma = np.array([value_parameters[2] + x * mean])
    buyers = Buyers(float(x), gamma, np.array([alive]), np.zeros(1, dtype=int), np.array([pmf]))
    return Histogram(grid, *amount_columns(grid, value_parameters, buyers))


def test_gamma_gamma_has_the_published_parameters_on_cdnow():
    snapshot = cdnow.sample()
    x, mean = snapshot.column("x"), snapshot.column("repeat_value_mean")
    repeat = (x > 0) & (mean > 0)
    assert repeat.sum() == 946
    parameters, log_likelihood = gammagamma.fit(x[repeat], mean[repeat])
    assert parameters.round(2).tolist() == [6.25, 3.74, 15.44]
    assert log_likelihood == pytest.approx(-4055.918, abs=0.001)


@pytest.mark.parametrize(("x", "mean"), [(1, 5.0), (1, 300.0), (4, 35.0), (30, 80.0)])
def test_gamma_gamma_likelihood_is_the_integral_over_the_rate(x, mean):
    value, _ = gammagamma.log_likelihood(CDNOW, np.array([x]), np.array([mean]))
    assert value[0] == pytest.approx(np.log(oracle.gamma_gamma_likelihood(CDNOW, x, mean)), abs=1e-6)


positive = st.floats(0.1, 50.0)


@settings(max_examples=60, deadline=None)
@given(p=positive, q=positive, gamma=positive, x=st.integers(1, 60), mean=st.floats(0.01, 1000))
def test_gamma_gamma_gradient_is_that_of_the_likelihood(p, q, gamma, x, mean):
    parameters, customer = np.array([p, q, gamma]), (np.array([x]), np.array([mean]))
    value, slope = gammagamma.log_likelihood(parameters, *customer)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * parameters[i]
        up, down = (gammagamma.log_likelihood(parameters + sign * step, *customer)[0][0] for sign in (1, -1))
        noise = 1e-6 + 1e-10 * (abs(value[0]) + x * p) / step[i]
        assert slope[i, 0] == pytest.approx((up - down) / (2 * step[i]), rel=1e-4, abs=noise)


def test_values_with_a_law_of_infinite_mean_get_a_finite_one():
    rng = np.random.default_rng(0)
    mean = 20 / rng.gamma(0.7, size=400)  # q = 0.7: no mean
    parameters, _ = gammagamma.fit(np.ones(400), mean)
    assert parameters[1] > gammagamma.LOWEST_Q
    assert np.isfinite(gammagamma.expected_value(parameters, np.zeros(1), np.zeros(1))).all()


def test_equal_values_of_all_customers_end_in_a_narrow_law_around_them():
    parameters, _ = gammagamma.fit(np.ones(50), np.full(50, 40.0))
    assert gammagamma.expected_value(parameters, np.zeros(1), np.zeros(1))[0] == pytest.approx(40, rel=0.02)
    histogram = amount_of(parameters, 0, 0.0, [0.0, 1.0])
    assert histogram.quantile(0.05)[0] > 30
    assert histogram.quantile(0.95)[0] < 52


def test_assumed_values_have_the_mean_given():
    assert gammagamma.expected_value(gammagamma.assumed(37.0), np.zeros(1), np.zeros(1))[0] == pytest.approx(37)


@given(most=st.integers(1, 4096))
def test_thinning_counts_keeps_mass_and_mean(most):
    points, spread = kept_counts(most)
    assert points[0] == 0 and points[1] == 1 and points[-1] == most
    assert np.allclose(spread.sum(axis=1), 1)
    assert np.allclose(spread @ points, np.arange(most + 1))


@settings(max_examples=80, deadline=None)
@given(
    p=st.floats(1.0, 20.0),
    q=st.floats(1.5, 20.0),
    x=st.integers(0, 30),
    mean=st.floats(2.0, 300.0),
    weights=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=40),
    alive=st.floats(0.01, 1.0),
)
def test_mean_of_the_amount_is_orders_times_value(p, q, x, mean, weights, alive):
    parameters = np.array([p, q, 30.0 * (q - 1) / p])  # a new customer's order is worth 30
    pmf = (np.array(weights) + 0.01) / np.sum(np.array(weights) + 0.01)
    histogram = amount_of(parameters, x, mean, pmf, alive=alive)
    expected = gammagamma.expected_value(parameters, np.array([x]), np.array([mean]))[0]
    assert histogram.mean()[0] == pytest.approx(alive * expected * (pmf @ np.arange(len(pmf))), rel=0.005)
    assert histogram.prob.min() >= 0
    assert histogram.prob.sum() == pytest.approx(1)


@pytest.mark.parametrize(("x", "mean"), [(0, 0.0), (3, 60.0), (40, 15.0)])
def test_amount_has_the_law_of_orders_played_out(x, mean):
    rng = np.random.default_rng(2)
    pmf = np.array([0.3, 0.3, 0.2, 0.1, 0.05, 0.0, 0.0, 0.05])
    amounts = oracle.play_amount(CDNOW, x, mean, rng.choice(8, size=20_000, p=pmf), seed=5)
    histogram = amount_of(CDNOW, x, mean, pmf)
    played = np.array([np.mean(amounts <= edge) for edge in histogram.grid.points])
    # Four standard errors, and the width of the bins where the law is narrow.
    assert np.abs(histogram.cumulative()[0] - played).max() < 0.014 + (0.02 if x == 40 else 0.0)


def test_the_open_end_holds_the_mean_of_what_lies_beyond_the_grid():
    # In units of a cent the grid ends at 30: an order of 35 on average is half beyond it.
    histogram = amount_of(CDNOW, 0, 0.0, [0.2, 0.8], scale=0.01)
    amounts = oracle.play_amount(CDNOW, 0, 0.0, np.ones(50_000, dtype=int), seed=7)
    last = histogram.grid.points[-1]
    assert histogram.tail_mean[0] == pytest.approx(amounts[amounts > last].mean(), rel=0.02)
    assert histogram.prob[0, -1] == pytest.approx(0.8 * np.mean(amounts > last), abs=0.005)
    assert histogram.mean()[0] == pytest.approx(0.8 * 6.25 * 15.44 / 2.74, rel=0.005)
