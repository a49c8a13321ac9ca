import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from oracles import metrics as oracle
from worthwhile.evaluation import metrics
from worthwhile.evaluation.metrics import METRICS

# Few distinct values, so that ties and empty classes are common.
amounts = st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.5, 40.0])
scores = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])


@st.composite
def forecast_and_actual(draw, most=40):
    y = draw(st.lists(amounts, min_size=1, max_size=most))
    f = draw(st.lists(scores, min_size=len(y), max_size=len(y)))
    return f, y


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, abs=1e-9)


@given(forecast_and_actual(most=6))
def test_gini_is_the_mean_over_all_orders_of_tied_customers(case):
    f, y = case
    assert same(metrics.normalized_gini(np.array(f), np.array(y)), oracle.gini(f, y))


@given(forecast_and_actual(most=6))
def test_gain_curve_is_the_mean_over_all_orders_of_tied_customers(case):
    f, y = case
    n = len(y)
    curve = metrics.gain(np.array(f), np.array(y), np.arange(n + 1) / n)
    if sum(y) == 0:
        assert np.isnan(curve).all()
    else:
        assert curve == pytest.approx([0.0, *oracle.gain_curve(f, y)])


@given(forecast_and_actual())
def test_rank_and_decile_metrics_equal_their_oracles(case):
    f, y = case
    assert same(metrics.spearman(np.array(f), np.array(y)), oracle.spearman(f, y))
    assert same(metrics.decile_mape(np.array(f), np.array(y)), oracle.decile_mape(f, y))


@given(forecast_and_actual())
def test_buying_metrics_equal_their_oracles(case):
    p, y = case
    b = [value > 0 for value in y]
    assert same(metrics.area_under_roc(np.array(p), np.array(b)), oracle.auc(p, b))
    assert same(metrics.average_precision(np.array(p), np.array(b)), oracle.average_precision(p, b))
    found, wanted = metrics.at_base_rate(np.array(p), np.array(b)), oracle.at_base_rate(p, b)
    assert found.keys() == wanted.keys()
    assert all(same(found[name], wanted[name]) for name in wanted)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_distance_to_uniform_equals_its_oracle(u):
    assert metrics.distance_to_uniform(np.array(u)) == pytest.approx(oracle.distance_to_uniform(u))


@given(forecast_and_actual(), st.randoms(use_true_random=False))
def test_gini_and_auc_do_not_depend_on_the_order_of_rows(case, random):
    f, y = np.array(case[0]), np.array(case[1])
    order = list(range(len(y)))
    random.shuffle(order)
    assert same(metrics.normalized_gini(f, y), metrics.normalized_gini(f[order], y[order]))
    assert same(metrics.area_under_roc(f, y > 0), metrics.area_under_roc(f[order], y[order] > 0))


def test_auc_and_average_precision_equal_scikit_learn():
    rng = np.random.default_rng(3)
    p = rng.integers(0, 50, 3000) / 50
    b = rng.random(3000) < p
    assert metrics.area_under_roc(p, b) == pytest.approx(roc_auc_score(b, p), abs=1e-12)
    assert metrics.average_precision(p, b) == pytest.approx(average_precision_score(b, p), abs=1e-12)


def test_metrics_without_a_buyer_are_nan_and_no_exception():
    f, zero = np.array([1.0, 2.0]), np.zeros(2)
    none = zero > 0
    undefined = [
        metrics.relative_bias(f, zero),
        metrics.normalized_gini(f, zero),
        metrics.spearman(f, zero),
        metrics.decile_mape(f, zero),
        metrics.area_under_roc(f, none),
        metrics.average_precision(f, none),
        *metrics.at_base_rate(f, none).values(),
    ]
    assert all(math.isnan(value) for value in undefined)


def test_metrics_of_no_customer_are_nan_and_no_exception():
    e, none = np.zeros(0), np.zeros(0, dtype=bool)
    undefined = [
        metrics.mean(e),
        metrics.mean_absolute_error(e, e),
        metrics.root_mean_squared_error(e, e),
        metrics.relative_bias(e, e),
        metrics.normalized_gini(e, e),
        metrics.spearman(e, e),
        metrics.decile_mape(e, e),
        metrics.distance_to_uniform(e),
        metrics.area_under_roc(e, none),
        metrics.average_precision(e, none),
        *metrics.at_base_rate(e, none).values(),
        *metrics.gain(e, e, np.array([0.1])),
    ]
    assert all(math.isnan(value) for value in undefined)


def test_threshold_at_the_base_rate_calls_as_many_as_bought():
    p, b = np.array([0.9, 0.8, 0.7, 0.1]), np.array([True, False, True, False])
    assert metrics.at_base_rate(p, b) == {"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_threshold_does_not_split_tied_customers():
    p, b = np.array([0.9, 0.5, 0.5, 0.5]), np.array([True, True, True, False])
    assert metrics.at_base_rate(p, b)["recall"] == 1.0
    assert metrics.at_base_rate(p, b)["precision"] == 0.75


def test_forecast_in_the_order_of_the_actuals_has_gini_one():
    y = np.array([0.0, 0.0, 3.0, 10.0, 1.0])
    assert metrics.normalized_gini(y * 7 + 1, y) == pytest.approx(1.0)
    assert metrics.normalized_gini(-y, y) < 0


def test_decile_mape_of_a_doubled_forecast_is_one():
    y = np.arange(1.0, 101.0)
    assert metrics.decile_mape(2 * y, y) == pytest.approx(1.0)


def test_groups_are_equal_and_follow_the_forecast():
    group = metrics.groups_of(np.array([5.0, 1.0, 1.0, 3.0] * 5))
    assert np.bincount(group).tolist() == [2] * 10
    assert group[0] > group[3] > group[1]


def test_interval_counts_its_ends_and_the_atom_at_zero():
    upto = np.array([0.9, 0.03, 0.96, 0.95, 0.05])
    below = np.array([0.0, 0.0, 0.96, 0.95, 0.05])
    assert metrics.covered(upto, below, 0.9).tolist() == [True, False, False, True, True]


def test_loss_puts_the_better_value_first_whatever_the_direction():
    assert METRICS["crps"].loss(1.0) < METRICS["crps"].loss(2.0)
    assert METRICS["gini"].loss(0.8) < METRICS["gini"].loss(0.7)
    assert METRICS["bias"].loss(-0.1) < METRICS["bias"].loss(0.2)
    assert METRICS["coverage_90"].loss(0.88) < METRICS["coverage_90"].loss(0.99)


def test_every_metric_says_what_it_is_and_which_way_is_better():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.definition.endswith(".")
        assert metric.direction in ("lower", "higher", "nearest")
        assert math.isnan(metric.ideal) == (metric.direction != "nearest")
        assert metric.unit in ("currency", "orders", "ratio", "share", "score")
        assert metric.source
