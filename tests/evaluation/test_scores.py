import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.distribution import Forecast, amount_grid, from_geometric, from_lognormal
from worthwhile.evaluation import CURVES, METRICS, curves, evaluate, mean_ranks, score, summary
from worthwhile.evaluation import readings as readings_module
from worthwhile.evaluation.readings import read
from worthwhile.evaluation.scores import SCORES, join_scores
from worthwhile.features.snapshot import Outcome

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)


def make_case(n=400, seed=0, model="made-up"):
    """A forecast and an outcome drawn from its own law: what happens is what was forecast."""
    rng = np.random.default_rng(seed)
    p, mean, sigma = rng.beta(1, 2, n), 40 * np.exp(rng.normal(0, 1, n)), rng.uniform(0.3, 1.2, n)
    orders_mean = 1 + rng.gamma(1, 1, n)
    made = Forecast(
        np.array([f"c{i}" for i in range(n)], dtype=object),
        CUTOFF,
        "90d",
        from_lognormal(amount_grid(30.0), p, mean, sigma),
        from_geometric(p, orders_mean),
        model,
    )
    active = rng.random(n) < p
    spent = mean * np.exp(rng.normal(0, 1, n) * sigma - sigma**2 / 2)
    orders = rng.geometric(1 / orders_mean)
    return made, Outcome(np.where(active, spent, 0.0), np.where(active, orders, 0).astype(float))


def as_dict(table):
    return dict(zip(table["metric"].to_pylist(), table["value"].to_pylist(), strict=True))


def points(table, curve):
    rows = [row for row in table.to_pylist() if row["curve"] == curve]
    assert [row["k"] for row in rows] == list(range(len(rows)))
    return rows


def test_scores_hold_every_metric_once_with_the_customers_it_rests_on():
    made, outcome = make_case()
    table = score(made, outcome, horizon="90d")
    assert table.schema == SCORES
    assert table["metric"].to_pylist() == list(METRICS)
    rests_on = dict(zip(table["metric"].to_pylist(), table["customers"].to_pylist(), strict=True))
    assert rests_on["crps"] == 400
    assert rests_on["spearman_buyers"] == rests_on["coverage_90_buyers"] == (outcome.amount > 0).sum()
    assert rests_on["coverage_50_likely"] == (made.p_active >= 0.5).sum()
    assert set(table["cutoff"].to_pylist()) == {CUTOFF}
    assert set(table["horizon"].to_pylist()) == {"90d"}
    assert set(table["model"].to_pylist()) == {"made-up"}


def test_scores_equal_the_distributions_read_customer_by_customer():
    made, outcome = make_case(n=150, seed=1)
    found = as_dict(score(made, outcome))
    y, n = outcome.amount, 150
    assert found["crps"] == pytest.approx(made.amount.crps(y).mean())
    assert found["mae"] == pytest.approx(np.abs(made.amount.quantile(0.5) - y).mean())
    assert found["rmse"] == pytest.approx(math.sqrt(((made.amount.mean() - y) ** 2).mean()))
    assert found["bias"] == pytest.approx(made.amount.mean().sum() / y.sum() - 1)
    assert found["brier"] == pytest.approx(sum((made.p_active[i] - (outcome.orders[i] > 0)) ** 2 for i in range(n)) / n)
    assert found["orders_crps"] == pytest.approx(made.orders.crps(outcome.orders).mean())
    assert found["orders_bias"] == pytest.approx(made.orders.mean().sum() / outcome.orders.sum() - 1)


@given(st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_coverage_equals_comparing_the_outcome_with_the_quantiles(seed):
    made, outcome = make_case(n=80, seed=seed)
    found = as_dict(score(made, outcome))
    y, spent, likely = outcome.amount, outcome.amount > 0, made.p_active >= 0.5
    given_purchase = made.amount.given_positive()
    for level, edge in ((50, 0.25), (90, 0.05)):
        inside = (made.amount.quantile(edge) <= y) & (y <= made.amount.quantile(1 - edge))
        of_buyers = (given_purchase.quantile(edge) <= y) & (y <= given_purchase.quantile(1 - edge))
        assert found[f"coverage_{level}"] == pytest.approx(inside.mean())
        # An outcome of zero counts with the part of the atom's mass that lies between the two levels.
        zero = made.amount.prob[:, 0].astype(float)
        part = np.clip((np.minimum(zero, 1 - edge) - edge) / zero, 0, 1)
        found_inside = np.where(y > 0, inside, part)[likely].mean()
        assert found[f"coverage_{level}_likely"] == pytest.approx(found_inside)
        assert found[f"coverage_{level}_buyers"] == pytest.approx(of_buyers[spent].mean())


def test_a_forecast_that_is_the_law_itself_is_found_calibrated():
    made, outcome = make_case(n=20_000, seed=2)
    found = as_dict(score(made, outcome))
    chance = np.std(outcome.amount) * math.sqrt(20_000) / outcome.amount.sum()  # one standard error of the total
    assert abs(found["bias"]) < 3 * chance
    assert found["pit_distance"] < 0.015
    assert found["coverage_50_buyers"] == pytest.approx(0.5, abs=0.02)
    assert found["coverage_90_buyers"] == pytest.approx(0.9, abs=0.01)
    assert abs(found["buyers_bias"]) < 0.03
    assert found["decile_mape"] < 0.1
    for row in points(curves(made, outcome), "reliability"):
        assert row["y"] == pytest.approx(row["x"], abs=4 * math.sqrt(0.25 / row["n"]))
    for row in points(curves(made, outcome), "coverage"):
        assert row["y"] == pytest.approx(row["x"], abs=0.02)


def test_a_forecast_scaled_down_is_found_too_low_with_too_narrow_a_reach():
    made, outcome = make_case(n=5000, seed=3)
    low = Forecast(made.customer_ids, CUTOFF, "90d", made.amount.scaled(0.5), made.orders, "low")
    found, honest = as_dict(score(low, outcome)), as_dict(score(made, outcome))
    assert found["bias"] == pytest.approx(0.5 * (1 + honest["bias"]) - 1, abs=0.01)
    assert found["crps"] > honest["crps"]
    assert found["coverage_90_buyers"] < honest["coverage_90_buyers"] - 0.05
    assert found["gini"] == pytest.approx(honest["gini"], abs=0.005)


def test_the_plain_interval_over_buyers_would_mislead_and_the_one_given_purchase_does_not():
    made, outcome = make_case(n=20_000, seed=4)
    spent = outcome.amount > 0
    r = read(made, outcome)
    plain = np.mean((r.upto[spent] >= 0.05) & (r.below[spent] <= 0.95))
    assert plain < 0.87
    assert as_dict(score(made, outcome))["coverage_90_buyers"] == pytest.approx(0.9, abs=0.01)


def test_chunks_do_not_change_the_scores(monkeypatch):
    made, outcome = make_case(n=257, seed=5)
    whole = evaluate(made, outcome, seed=7)
    monkeypatch.setattr(readings_module, "CHUNK", 50)
    for chunked, at_once in zip(evaluate(made, outcome, seed=7), whole, strict=True):
        column = "value" if "value" in chunked.column_names else "y"
        assert chunked[column].to_pylist() == pytest.approx(at_once[column].to_pylist(), rel=1e-5)


def test_evaluate_gives_what_score_and_curves_give():
    made, outcome = make_case(n=120, seed=6)
    assert evaluate(made, outcome, horizon="90d", seed=3) == (
        score(made, outcome, horizon="90d", seed=3),
        curves(made, outcome, seed=3),
    )


def test_scores_without_any_buyer_are_nan_where_undefined_and_no_exception():
    made, _ = make_case(n=50)
    nobody = Outcome(np.zeros(50), np.zeros(50))
    found = as_dict(score(made, nobody))
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert {"bias", "gini", "auc", "f1", "coverage_90_buyers", "spearman_buyers"} <= undefined
    assert not {"crps", "mae", "rmse", "brier", "coverage_90", "orders_crps"} & undefined
    table = curves(made, nobody)
    assert all(math.isnan(row["y"]) for row in points(table, "gain"))
    assert all(math.isnan(row["y"]) for row in points(table, "coverage"))


@pytest.mark.parametrize("n", [0, 1, 3])
def test_very_few_customers_are_scored_without_an_exception(n):
    made, outcome = make_case(n=5)
    few = made[:n], Outcome(outcome.amount[:n], outcome.orders[:n])
    scores, drawn = evaluate(*few)
    assert scores.num_rows == len(METRICS)
    assert set(drawn["curve"].to_pylist()) >= {"gain", "pit", "coverage", "total"}


def test_buyers_of_a_model_that_was_certain_of_no_purchase_lie_outside_its_intervals():
    made, _ = make_case(n=4)
    certain = Forecast(
        made.customer_ids, CUTOFF, "90d", made.amount.with_p_positive(np.zeros(4)), made.orders, "certain"
    )
    found = as_dict(score(certain, Outcome(np.array([5.0, 0, 0, 0]), np.array([1.0, 0, 0, 0]))))
    assert found["coverage_90_buyers"] == 0.0
    assert not math.isnan(found["pit_distance"])


def test_curves_hold_the_points_that_a_reader_can_add_up():
    made, outcome = make_case(n=1003, seed=8)
    table = curves(made, outcome)
    assert list(dict.fromkeys(table["curve"].to_pylist())) == list(CURVES)
    deciles = points(table, "deciles")
    assert len(deciles) == 10
    assert sum(row["n"] for row in deciles) == 1003
    assert [row["x"] for row in deciles] == sorted(row["x"] for row in deciles)
    assert sum(row["y"] * row["n"] for row in deciles) == pytest.approx(outcome.amount.sum())
    gain = points(table, "gain")
    assert len(gain) == 51
    assert (gain[0]["x"], gain[0]["y"]) == (0.0, 0.0)
    assert (gain[-1]["x"], gain[-1]["y"]) == pytest.approx((1.0, 1.0))
    assert all(a["y"] <= b["y"] for a, b in pairwise(gain))
    pit = points(table, "pit")
    assert sum(row["n"] for row in pit) == 1003
    assert sum(row["y"] for row in pit) / len(pit) == pytest.approx(1.0)
    assert sum(row["n"] for row in points(table, "reliability")) == 1003
    (total,) = points(table, "total")
    assert total["x"] == pytest.approx(made.amount.mean().sum())
    assert total["y"] == pytest.approx(outcome.amount.sum())


def test_top_decile_share_lies_on_the_gain_curve():
    made, outcome = make_case(n=500, seed=9)
    at_tenth = next(row["y"] for row in points(curves(made, outcome), "gain") if row["x"] == pytest.approx(0.1))
    assert as_dict(score(made, outcome))["top_decile_share"] == pytest.approx(at_tenth)


# ---- over cutoffs --------------------------------------------------------------------------------------------------


def scores_of(values, metric="crps", horizon="90d"):
    """values: model -> a value for each cutoff."""
    rows = [
        {
            "cutoff": datetime(2024, 1 + month, 1, tzinfo=UTC),
            "horizon": horizon,
            "model": model,
            "metric": metric,
            "value": value,
            "customers": 100,
        }
        for model, found in values.items()
        for month, value in enumerate(found)
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


def rows_of(table, **where):
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in where.items())]


def test_summary_gives_mean_spread_and_rank_over_cutoffs():
    table = summary(scores_of({"a": [1.0, 3.0, 2.0], "b": [2.0, 2.0, 2.0]}))
    (a,), (b,) = rows_of(table, model="a"), rows_of(table, model="b")
    assert (a["mean"], a["sd"], a["cutoffs"]) == (2.0, pytest.approx(1.0), 3)
    assert a["mean_rank"] == pytest.approx((1 + 2 + 1.5) / 3)
    assert b["mean_rank"] == pytest.approx((2 + 1 + 1.5) / 3)


def test_summary_ranks_bias_by_its_distance_from_zero():
    table = summary(scores_of({"low": [-0.3], "high": [0.2]}, metric="bias"))
    assert [row["model"] for row in sorted(table.to_pylist(), key=lambda row: row["mean_rank"])] == ["high", "low"]


def test_summary_leaves_out_cutoffs_where_a_metric_is_undefined():
    table = summary(scores_of({"a": [1.0, math.nan], "b": [math.nan, math.nan]}))
    (a,), (b,) = rows_of(table, model="a"), rows_of(table, model="b")
    assert (a["mean"], a["cutoffs"], a["mean_rank"]) == (1.0, 1, 1.0)
    assert math.isnan(a["sd"])
    assert b["cutoffs"] == 0
    assert math.isnan(b["mean"])
    assert math.isnan(b["mean_rank"])


def test_summary_keeps_horizons_apart():
    table = summary(join_scores([scores_of({"a": [1.0]}), scores_of({"a": [5.0]}, horizon="1y")]))
    assert [(row["horizon"], row["mean"]) for row in table.to_pylist()] == [("90d", 1.0), ("1y", 5.0)]


def test_summary_of_nothing_is_empty():
    assert summary(join_scores([])).num_rows == 0


def test_mean_ranks_average_over_cutoffs_then_metrics():
    table = join_scores(
        [scores_of({"a": [1.0, 1.0], "b": [2.0, 2.0]}), scores_of({"a": [0.1, 0.9], "b": [0.5, 0.5]}, metric="gini")]
    )
    assert mean_ranks(table, ["crps", "gini"]) == {"a": pytest.approx(1.25), "b": pytest.approx(1.75)}
    assert mean_ranks(table, ["gini"]) == {"a": 1.5, "b": 1.5}


def test_no_forecast_gains_more_than_perfect_foresight():
    made, outcome = make_case(n=500, seed=10)
    table = curves(made, outcome)
    gain, perfect = (np.array([row["y"] for row in points(table, name)]) for name in ("gain", "gain_perfect"))
    ranked = np.concatenate([[0.0], np.cumsum(np.sort(outcome.amount)[::-1])]) / outcome.amount.sum()
    assert np.all(gain <= perfect + 1e-12) and np.any(gain < perfect - 0.01)
    assert perfect[::5] == pytest.approx(ranked[::50])
