import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import t as student

from oracles.made_report import PAST, made_content, made_forecast
from worthwhile.report import facts
from worthwhile.report.facts import PastTotal

amounts = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1e6))


def past(*pairs):
    return [PastTotal(datetime(2020, 1 + i, 1, tzinfo=UTC), f, a) for i, (f, a) in enumerate(pairs)]


@given(amounts)
def test_the_top_share_is_what_the_best_customers_hold(values):
    held = facts.held_by_top(values, 0.5)
    if values.sum() == 0:
        assert math.isnan(held)
        return
    ranked = sorted(values, reverse=True)
    whole, part = divmod(len(values) / 2, 1)
    expected = (sum(ranked[: int(whole)]) + (part * ranked[int(whole)] if part else 0)) / sum(ranked)
    assert held == pytest.approx(expected)


@given(amounts)
def test_every_customer_and_all_value_lies_in_one_bin(values):
    bins = facts.spend_bins(values)
    assert sum(b.customers for b in bins) == len(values)
    assert len(bins) <= 10 and all(a.high == b.low for a, b in pairwise(bins))
    for b in bins:
        assert b.customers == np.sum((values >= b.low) & (values < b.high))
    if values.sum() > 0:
        assert sum(b.value_share for b in bins) == pytest.approx(1)


def test_deciles_hold_all_customers_and_fall(content):
    groups = facts.deciles(content.forecast)
    means = [g.mean for g in groups]
    assert sum(g.customers for g in groups) == 400 and len(groups) == 10
    assert means == sorted(means, reverse=True) and sum(g.share for g in groups) == pytest.approx(1)


def test_the_interval_of_the_total_follows_the_errors_of_past_totals(content):
    total = float(facts.amounts(content.forecast).sum())
    found = facts.total_interval(content.forecast, past((100, 110), (100, 90), (100, 100)))
    reach = student.ppf(0.95, 3) * math.sqrt((math.log(1.1) ** 2 + math.log(0.9) ** 2) / 3)
    assert found.kind == "backtest"
    assert (found.low, found.high) == pytest.approx((total * math.exp(-reach), total * math.exp(reach)))


def test_an_interval_from_past_errors_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    forecast = made_content(10, []).forecast
    total = float(facts.amounts(forecast).sum())
    inside = 0
    for _ in range(2000):
        errors = np.exp(rng.normal(0, 0.2, 5))
        found = facts.total_interval(forecast, past(*((100.0, 100.0 * e) for e in errors[:4])))
        inside += found.low <= total * errors[4] <= found.high
    assert inside / 2000 == pytest.approx(0.9, abs=0.02)


def test_with_few_past_tests_errors_that_are_usual_elsewhere_stand_beside_them(content):
    forecast = replace(content.forecast, variance_of_total=math.nan)
    total = float(facts.amounts(forecast).sum())
    found = facts.total_interval(forecast, past((100, 110), (100, 90)))
    squares = math.log(1.1) ** 2 + math.log(0.9) ** 2 + facts.USUAL_TESTS * facts.USUAL_ERROR**2
    reach = student.ppf(0.95, 2 + facts.USUAL_TESTS) * math.sqrt(squares / (2 + facts.USUAL_TESTS))
    assert found.kind == "few"
    assert (found.low, found.high) == pytest.approx((total * math.exp(-reach), total * math.exp(reach)))


def test_without_a_past_test_the_range_is_wide_and_wider_in_a_small_shop(content):
    found = facts.total_interval(content.forecast, [])
    small = replace(content.forecast, variance_of_total=100 * content.forecast.variance_of_total)
    assert found.kind == "usual" and found.high > 1.9 * found.low
    assert facts.total_interval(small, []).high > found.high


def test_the_variance_of_the_total_is_that_of_summed_customers(content):
    forecast, _ = made_forecast(400, model="ensemble", cutoff=datetime(2024, 7, 1, tzinfo=UTC))
    rng = np.random.default_rng(0)
    totals = np.zeros(1500)
    for row in range(0, 400):  # draw each customer from their own histogram
        u = rng.random(1500)
        single = forecast.amount[np.full(1500, row)]
        totals += single.quantile(np.clip(u, 1e-9, 1 - 1e-9))
    assert math.sqrt(content.forecast.variance_of_total) == pytest.approx(totals.std(), rel=0.1)


def test_top_customers_are_the_best_in_order_and_ties_by_id():
    base = made_content(6, []).forecast
    table = base.table.set_column(
        base.table.column_names.index("spend_mean"), "spend_mean", pa.array([1.0, 5.0, 5.0, 0.0, 9.0, 5.0])
    )
    table = table.set_column(0, "customer_id", pa.array(["f", "e", "d", "c", "b", "a"]))
    rows = facts.top_customers(replace(base, table=table), 3)
    assert [r["customer_id"] for r in rows] == ["b", "a", "d"]


def test_customers_at_risk_are_big_spenders_that_will_likely_stay_away(content):
    risk = facts.at_risk(content.forecast)
    spent = facts.numbers(content.forecast.table, "past_year")
    limit = np.sort(spent)[-risk.among]
    assert risk.among == 40 and 0 < len(risk.rows) <= facts.SHOWN_AT_RISK
    assert all(r["past_year"] >= limit and r["p_active"] < 0.5 for r in risk.rows)
    assert [r["past_year"] for r in risk.rows] == sorted((r["past_year"] for r in risk.rows), reverse=True)


def test_without_a_past_nobody_is_called_at_risk(content):
    bare = content.forecast.table.drop_columns(["past_year"])
    assert facts.at_risk(replace(content.forecast, table=bare)) is None


def test_pooled_curves_weigh_cutoffs_by_their_customers():
    moments = [datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)]
    curves = pa.table(
        {
            "cutoff": moments,
            "model": ["m", "m"],
            "curve": ["deciles", "deciles"],
            "k": [0, 0],
            "x": [1.0, 4.0],
            "y": [2.0, math.nan],
            "n": [10, 30],
        }
    )
    assert facts.pooled_curve(curves, "deciles", "m") == [facts.CurvePoint(1.0, 2.0, 10)]
    known = curves.set_column(5, "y", pa.array([2.0, 6.0]))
    assert facts.pooled_curve(known, "deciles", "m") == [facts.CurvePoint(3.25, 5.0, 40)]


def test_reliability_pools_by_probability_and_not_by_the_number_of_the_point(content):
    for point in facts.pooled_curve(content.backtest.curves, "reliability", "ensemble"):
        assert 0 <= point.x <= 1
    xs = [p.x for p in facts.pooled_curve(content.backtest.curves, "reliability", "ensemble")]
    assert all(int(x * 10 + 1e-9) == i for x, i in zip(xs, sorted({int(x * 10 + 1e-9) for x in xs}), strict=True))


def test_the_best_model_of_a_metric_follows_its_direction(content):
    table = facts.score_table(content.backtest.scores)
    bias = {m: abs(table.mean("bias", m)) for m in table.models}
    gini = {m: table.mean("gini", m) for m in table.models}
    assert table.best("bias") == min(bias, key=bias.get) and table.best("gini") == max(gini, key=gini.get)
    assert len(table.cutoffs) == len(PAST)


def test_a_model_that_lacks_a_cutoff_comes_last(content):
    scores = content.backtest.scores
    kept = pa.array([not (r["model"] == "bg-nbd" and r["cutoff"] == PAST[0]) for r in scores.to_pylist()])
    table = facts.score_table(scores.filter(kept))
    assert table.models[-1] == "bg-nbd" and math.isnan(table.cells["crps"]["bg-nbd"][0])
