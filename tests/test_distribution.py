from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import lognorm, nbinom

from oracles.distribution import AmountLaw, CountLaw, crps_of_samples
from worthwhile.distribution import (
    COUNT_GRID,
    LOG_STEP,
    TAIL_LIMIT,
    Forecast,
    Histogram,
    agree_over_horizons,
    amount_grid,
    concatenate,
    from_geometric,
    from_lognormal,
    from_pmf,
    from_prob,
    pool,
)

SCALE = 20.0
GRID = amount_grid(SCALE)
LAST = float(GRID.points[-1])
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def histograms(draw, grid=GRID, rows=3):
    """Ragged histograms: most columns empty, some rows without atom or tail, tails from thin to the thickest."""
    weights = draw(
        hnp.arrays(np.float64, (rows, grid.columns), elements=st.sampled_from([0.0, 0.0, 0.0, 0.01, 1.0, 5.0]))
    )
    weights[:, 0] += draw(hnp.arrays(np.float64, rows, elements=st.sampled_from([0.0, 0.5, 100.0])))
    weights[:, 40] += 1e-3
    ratio = draw(hnp.arrays(np.float64, rows, elements=st.floats(1.002, TAIL_LIMIT)))
    return from_prob(grid, weights, tail_mean=grid.points[-1] * ratio)


def amounts():
    return st.one_of(st.just(0.0), st.floats(0.01, 1e3), st.floats(1e4, 1e7), st.sampled_from(list(GRID.points)))


def ragged(n=2000, seed=0):
    """Zero-inflated log-normals of all sizes, as a shop has them."""
    rng = np.random.default_rng(seed)
    return from_lognormal(GRID, rng.uniform(0.02, 0.98, n), SCALE * rng.lognormal(0, 1, n), rng.uniform(0.2, 1.5, n))


def a_forecast(amount, orders, horizon="90d"):
    ids = np.array([f"c{i}" for i in range(len(amount))], dtype=object)
    return Forecast(ids, datetime(2011, 9, 1, tzinfo=UTC), horizon, amount, orders, "past-rate")


# ---- reading a histogram ----------------------------------------------------------------------------------------


def test_every_amount_falls_into_the_column_whose_edges_hold_it():
    values = np.array([-1.0, 0.0, 1e-9, GRID.points[1], GRID.points[1] * 1.0001, LAST, LAST * 1.001])
    assert GRID.column_of(values).tolist() == [0, 0, 1, 1, 2, GRID.columns - 2, GRID.columns - 1]


def test_every_count_falls_on_the_nearest_point():
    middle = (COUNT_GRID.points[1:] + COUNT_GRID.points[:-1]) / 2
    assert COUNT_GRID.column_of(COUNT_GRID.points).tolist() == list(range(COUNT_GRID.columns))
    assert COUNT_GRID.column_of(middle + 0.01).tolist() == list(range(1, COUNT_GRID.columns))
    assert COUNT_GRID.column_of(np.array([1e9])).item() == COUNT_GRID.columns - 1


@few
@given(histograms(), st.lists(amounts(), min_size=3, max_size=3))
def test_amounts_are_read_as_their_law_says(histogram, values):
    x = np.array(values)
    laws = [AmountLaw(histogram, row) for row in range(3)]
    np.testing.assert_allclose(histogram.cdf(x), [law.cdf(v) for law, v in zip(laws, x, strict=True)], atol=1e-6)
    for q in (0.05, 0.5, 0.99):
        np.testing.assert_allclose(histogram.quantile(q), [law.quantile(q) for law in laws], rtol=1e-3, atol=1e-6)


@settings(few, max_examples=10, phases=[Phase.generate])  # shrinking integrals takes minutes
@given(histograms(rows=1), amounts())
def test_mean_and_crps_of_amounts_equal_their_integrals(histogram, y):
    law = AmountLaw(histogram, 0)
    assert histogram.mean()[0] == pytest.approx(law.mean(), rel=1e-4)
    for value in (y, 17.0, 333.0):
        assert histogram.crps(np.array([value]))[0] == pytest.approx(law.crps(value), rel=1e-5, abs=1e-6)


def test_crps_of_amounts_equals_the_one_of_samples():
    histogram = ragged(4)
    rng = np.random.default_rng(1)
    for row in range(4):
        samples = AmountLaw(histogram, row).sample(rng, 400_000)
        for y in (0.0, 15.0, 400.0):
            score = histogram[[row]].crps(np.array([y]))[0]
            assert score == pytest.approx(crps_of_samples(samples, y), rel=0.03, abs=0.03)


@few
@given(histograms(COUNT_GRID), st.sampled_from([0.0, 1.0, 7.0, 33.0, 40.0, 900.0, 5_000.0]))
def test_counts_are_read_as_their_law_says(histogram, y):
    laws = [CountLaw(histogram, row) for row in range(3)]
    np.testing.assert_allclose(histogram.mean(), [law.mean() for law in laws], rtol=1e-5)
    np.testing.assert_allclose(histogram.cdf(y), [law.cdf(y) for law in laws], atol=1e-6)
    np.testing.assert_allclose(histogram.crps(np.full(3, y)), [law.crps(y) for law in laws], rtol=1e-4, atol=1e-5)
    for q in (0.05, 0.5, 0.95):
        np.testing.assert_allclose(histogram.quantile(q), [law.quantile(q) for law in laws])


@few
@given(histograms())
def test_quantiles_do_not_cross_and_come_back_through_the_cdf(histogram):
    levels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999]
    quantiles = np.stack([histogram.quantile(q) for q in levels])
    assert np.all(np.diff(quantiles, axis=0) >= 0)
    back = np.stack([histogram.cdf(x) for x in quantiles])
    assert np.all(back >= np.array(levels)[:, None] - 1e-6)
    np.testing.assert_allclose(histogram.quantile(np.array([0.3, 0.6, 0.9]))[1], histogram.quantile(0.6)[1])


def test_an_outcome_beyond_the_last_bin_is_scored_exactly():
    histogram = from_lognormal(GRID, np.array([0.9]), np.array([LAST]), np.array([1.0]))
    assert histogram.prob[0, -1] > 0.1
    for y in (LAST, 3 * LAST, 50 * LAST):
        assert histogram.crps(np.array([y]))[0] == pytest.approx(AmountLaw(histogram, 0).crps(y), rel=1e-5)


def test_the_thickest_tail_has_a_finite_mean_that_is_the_laws():
    histogram = from_lognormal(GRID, np.ones(1), np.array([1e30]), np.array([4.0]))
    assert histogram.mean()[0] <= TAIL_LIMIT * LAST * (1 + 1e-6)
    assert np.isfinite(histogram.crps(np.array([1e9]))).all() and np.isfinite(histogram.quantile(0.99)).all()


def test_rounding_of_single_precision_makes_no_tail():
    """Rows of float32 miss 1 by some 1e-8; as a tail of 3,000 orders and more this would weigh like a customer."""
    prob = np.zeros((500, GRID.columns))
    prob[:, 0] = np.random.default_rng(0).uniform(0.5, 0.999, 500)
    prob[:, 30] = 1 - prob[:, 0]
    histogram = from_prob(GRID, prob, tail_mean=np.full(500, LAST * TAIL_LIMIT))
    assert np.all(histogram.cumulative()[:, -1] == 1)
    assert np.all(histogram.scaled(1.0).prob[:, -1] == 0)
    assert np.all(histogram.cdf(0.0) == histogram.prob[:, 0])


def test_reading_in_chunks_gives_the_same_numbers(monkeypatch):
    histogram = ragged(1000)
    y = np.random.default_rng(0).lognormal(3, 2, 1000)
    read = [Histogram.mean, Histogram.crps, Histogram.cdf, Histogram.quantile]
    arguments = [(), (y,), (y,), (np.random.default_rng(1).uniform(0.01, 0.99, 1000),)]
    whole = [method(histogram, *args) for method, args in zip(read, arguments, strict=True)]
    scaled = histogram.scaled(y / y.mean())
    monkeypatch.setattr(import_module("worthwhile.distribution"), "CHUNK_ROWS", 64)
    for method, args, expected in zip(read, arguments, whole, strict=True):
        np.testing.assert_array_equal(method(histogram, *args), expected)
    np.testing.assert_array_equal(histogram.scaled(y / y.mean()).prob, scaled.prob)
    np.testing.assert_array_equal(histogram.quantile(0.5)[:3], histogram[:3].quantile(0.5))


# ---- conversions ------------------------------------------------------------------------------------------------


def test_a_lognormal_keeps_its_mean_and_quantiles():
    rng = np.random.default_rng(0)
    n = 400
    p, mean, sigma = rng.uniform(0.05, 1, n), SCALE * rng.lognormal(0.5, 0.8, n), rng.uniform(0.1, 1.2, n)
    histogram = from_lognormal(GRID, p, mean, sigma)
    np.testing.assert_allclose(histogram.mean(), p * mean, rtol=0.005)
    on_grid = mean > SCALE / 2
    np.testing.assert_allclose(histogram.mean()[on_grid], (p * mean)[on_grid], rtol=0.0005)
    assert on_grid.mean() > 0.8
    np.testing.assert_allclose(histogram.p_positive, p, atol=1e-6)
    for q in (0.05, 0.5, 0.95):
        exact = lognorm(s=sigma, scale=np.exp(np.log(mean) - sigma**2 / 2)).ppf(q)
        quantile = histogram.given_positive().quantile(q)
        within = exact > GRID.points[1]
        assert np.all(np.abs(np.log(quantile / exact))[within] < LOG_STEP)


def test_a_lognormal_far_beyond_the_grid_keeps_its_mean():
    mean = np.array([0.2, 0.5, 1.0, 3.0]) * LAST
    histogram = from_lognormal(GRID, np.full(4, 0.7), mean, np.full(4, 1.0))
    assert np.all(histogram.prob[:, -1] > 0.01)
    np.testing.assert_allclose(histogram.mean(), 0.7 * mean, rtol=0.005)


@few
@given(st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4), st.floats(1e-3, 1e9), st.floats(0.0, 50.0))
def test_no_lognormal_loses_mass(p, mean, sigma):
    histogram = from_lognormal(GRID, np.array(p), np.full(4, mean), np.full(4, sigma))
    np.testing.assert_allclose(histogram.prob.sum(axis=1), 1, atol=1e-5)
    assert np.all(histogram.prob >= 0) and np.isfinite(histogram.mean()).all()
    np.testing.assert_allclose(histogram.p_positive, p, atol=1e-6)


@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0, 700.0])
def test_a_pmf_keeps_its_mean(mean):
    counts = np.arange(3000)
    pmf = nbinom(2.0, 2.0 / (2.0 + mean)).pmf(counts)[None, :]
    pmf /= pmf.sum()
    histogram = from_pmf(pmf)
    assert histogram.mean()[0] == pytest.approx((pmf @ counts)[0], rel=1e-4)
    np.testing.assert_allclose(histogram.prob[0, :32], pmf[0, :32], atol=1e-6)
    assert histogram.prob.sum() == pytest.approx(1, abs=1e-6)


def test_what_a_pmf_leaves_out_lies_beyond_the_last_point():
    histogram = from_pmf(np.array([[0.5, 0.4]]))
    assert histogram.prob[0, -1] == pytest.approx(0.1)
    assert histogram.mean()[0] == pytest.approx(0.4 + 0.1 * 1.2 * COUNT_GRID.points[-1], rel=1e-5)
    assert from_pmf(np.array([[0.5, 0.4]]), tail_mean=np.array([2000.0])).mean()[0] == pytest.approx(200.4, rel=1e-5)


@pytest.mark.parametrize("mean", [1.0, 1.01, 3.0, 45.0, 800.0])
def test_a_geometric_keeps_its_mean_and_chances(mean):
    histogram = from_geometric(np.array([0.25, 1.0]), np.full(2, mean))
    np.testing.assert_allclose(histogram.mean(), [0.25 * mean, mean], rtol=1e-5)
    np.testing.assert_allclose(histogram.p_positive, [0.25, 1.0], atol=1e-7)
    stop = 1 / mean
    np.testing.assert_allclose(histogram.prob[1, 1:20], stop * (1 - stop) ** np.arange(19), atol=1e-6)


# ---- making others of it ----------------------------------------------------------------------------------------


@few
@given(histograms(), histograms(), st.floats(0.01, 0.99))
def test_a_pool_is_linear_in_mean_and_cdf(a, b, weight):
    mixed = pool([a, b], [weight, 1 - weight])
    np.testing.assert_allclose(mixed.mean(), weight * a.mean() + (1 - weight) * b.mean(), rtol=1e-5)
    for x in (0.0, 3.0, 20.0, 900.0, LAST):
        expected = weight * a.cdf(x) + (1 - weight) * b.cdf(x)
        np.testing.assert_allclose(mixed.cdf(x), expected, atol=1e-6)


def test_a_pool_of_one_is_that_one_and_weights_are_normalised():
    a, b = ragged(5), ragged(5, seed=9)
    np.testing.assert_array_equal(pool([a, b], [2.0, 0.0]).prob, a.prob)
    np.testing.assert_allclose(pool([a, b], [3.0, 1.0]).prob, 0.75 * a.prob + 0.25 * b.prob, atol=1e-7)


@pytest.mark.parametrize("factor", [0.25, 0.8, 1.0, 1.07, 2.5])
def test_scaling_multiplies_mean_and_quantiles(factor):
    histogram = ragged()
    scaled = histogram.scaled(factor)
    large = histogram.mean() * min(factor, 1) > 0.2 * SCALE  # amounts far below the grid's lowest edge only blur
    np.testing.assert_allclose(scaled.mean()[large], factor * histogram.mean()[large], rtol=0.006)
    np.testing.assert_allclose(scaled.p_positive, histogram.p_positive, atol=1e-7)
    for q in (0.25, 0.5, 0.95):
        before = factor * histogram.given_positive().quantile(q)
        after = scaled.given_positive().quantile(q)
        seen = before > GRID.points[1]
        assert np.all(np.abs(np.log(after[seen] / before[seen])) < LOG_STEP)


def test_scaling_by_one_changes_nothing():
    histogram = ragged(50)
    np.testing.assert_allclose(histogram.scaled(1.0).prob, histogram.prob, atol=1e-7)


@pytest.mark.parametrize("factor", [0.3, 0.95, 1.05, 3.0])
def test_scaling_keeps_the_mean_of_a_heavy_tail(factor):
    histogram = from_lognormal(GRID, np.full(3, 0.8), np.array([0.1, 0.5, 1.0]) * LAST, np.full(3, 1.0))
    np.testing.assert_allclose(histogram.scaled(factor).mean(), factor * histogram.mean(), rtol=0.02)


def test_each_entity_may_have_a_factor_of_its_own():
    histogram = ragged(4)
    together = histogram.scaled(np.array([0.5, 1.0, 2.0, 3.0]))
    for row, factor in enumerate([0.5, 1.0, 2.0, 3.0]):
        np.testing.assert_allclose(together.prob[row], histogram[[row]].scaled(factor).prob[0], atol=1e-7)


@few
@given(histograms(), st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3))
def test_another_chance_leaves_the_positive_part(histogram, p):
    p = np.array(p)
    changed = histogram.with_p_positive(p)
    np.testing.assert_allclose(changed.p_positive, p, atol=1e-6)
    np.testing.assert_allclose(changed.mean(), p * histogram.given_positive().mean(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(changed.prob.sum(axis=1), 1, atol=1e-5)


def test_given_positive_has_mass_even_where_none_was():
    nothing = from_prob(GRID, np.eye(1, GRID.columns))
    assert nothing.given_positive().p_positive[0] == 1
    assert nothing.with_p_positive(np.array([0.5])).p_positive[0] == pytest.approx(0.5)


# ---- forecasts --------------------------------------------------------------------------------------------------


def forecast_of(seed, n=300, horizon="90d"):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.0, 1.0, n)
    amount = from_lognormal(GRID, p, SCALE * rng.lognormal(0, 1, n), rng.uniform(0.1, 2, n))
    return a_forecast(amount, from_geometric(p, 1 + rng.lognormal(0, 1, n)), horizon)


def test_amount_and_orders_of_a_forecast_agree_on_the_chance_of_no_order():
    forecast = forecast_of(0)
    np.testing.assert_array_equal(forecast.amount.prob[:, 0], forecast.orders.prob[:, 0])


def test_longer_horizons_never_have_less_of_anything():
    forecasts = agree_over_horizons([forecast_of(i, horizon=h) for i, h in enumerate(["30d", "90d", "1y"])])
    for shorter, longer in pairwise(forecasts):
        assert np.all(longer.p_active >= shorter.p_active - 1e-7)
        np.testing.assert_allclose(longer.amount.prob[:, 0], longer.orders.prob[:, 0], atol=1e-6)
        for part in ("amount", "orders"):
            a, b = getattr(shorter, part), getattr(longer, part)
            assert np.all(b.mean() >= a.mean() * (1 - 1e-6))
            for q in (0.05, 0.25, 0.5, 0.75, 0.95):
                assert np.all(b.quantile(q) >= a.quantile(q) * (1 - 1e-6))


def test_horizons_that_agree_already_are_left_alone():
    short = forecast_of(0)
    p = 1 - (1 - short.p_active) / 2
    longer = a_forecast(short.amount.with_p_positive(p), short.orders.with_p_positive(p), "1y")
    agreed = agree_over_horizons([short, longer])[1]
    np.testing.assert_allclose(agreed.amount.prob, longer.amount.prob, atol=1e-6)
    assert agreed.horizon == "1y"


def test_the_table_follows_the_contract():
    table = forecast_of(0, n=20).table("run-1")
    assert " ".join(table.column_names) == (
        "customer_id cutoff horizon p_active orders_mean spend_mean spend_median "
        "spend_q05 spend_q25 spend_q75 spend_q95 model run_id"
    )
    rows = table.to_pylist()
    assert rows[3]["customer_id"] == "c3" and rows[3]["cutoff"] == datetime(2011, 9, 1, tzinfo=UTC)
    assert {r["model"] for r in rows} == {"past-rate"} and {r["run_id"] for r in rows} == {"run-1"}
    for row in rows:
        q = [row[f"spend_{name}"] for name in ("q05", "q25", "median", "q75", "q95")]
        assert q == sorted(q) and q[0] >= 0
        assert 0 <= row["p_active"] <= 1 and row["spend_mean"] >= 0


def test_a_value_forecast_names_its_columns_after_value():
    forecast = forecast_of(0, n=2)
    named = Forecast(**{**vars(forecast), "amount_name": "value"})
    assert "value_median" in named.table("r").column_names and "spend_mean" not in named.table("r").column_names


def test_parts_join_to_the_whole():
    whole = forecast_of(0)
    joined = concatenate([whole[:100], whole[100:101], whole[101:]])
    assert joined.table("r").equals(whole.table("r"))


def test_the_variance_is_that_of_draws_and_never_below_zero():
    rng = np.random.default_rng(0)
    grid = amount_grid(10.0)
    made = from_lognormal(grid, np.array([0.3, 1.0, 0.9]), np.array([20.0, 5.0, 40.0]), np.array([0.8, 0.3, 1.0]))
    for i, (p, mean, sigma) in enumerate(((0.3, 20.0, 0.8), (1.0, 5.0, 0.3), (0.9, 40.0, 1.0))):
        spent = np.exp(rng.normal(np.log(mean) - sigma**2 / 2, sigma, 400_000))
        draws = np.where(rng.random(400_000) < p, spent, 0.0)
        assert made.variance()[i] == pytest.approx(draws.var(), rel=0.05)


def test_a_heavy_open_end_does_not_take_the_variance_away():
    grid = amount_grid(1.0)
    prob = np.zeros((1, grid.columns))
    prob[0, [0, -1]] = 0.9, 0.1
    made = from_prob(grid, prob, tail_mean=np.array([20 * grid.points[-1]]))
    assert made.variance()[0] == pytest.approx(0.09 * made.tail_mean[0] ** 2, rel=1e-6)
