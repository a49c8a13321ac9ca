"""The holdout tables of CDNOW (1/10 sample, 39 weeks to learn from, 39 weeks after), from the data that the package
lifetimes carries: forecasts that need no model, in our metrics, to the printed precision."""

import importlib.util
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from worthwhile.evaluation import metrics

LAST_DAY, END = date(1997, 9, 30), date(1998, 6, 30)
WEEKS = 39


@pytest.fixture(scope="module")
def cdnow():
    """x (repeat orders), T (weeks), mean value of repeat orders; orders and spend in the weeks after: all (2357,)."""
    folder = Path(importlib.util.find_spec("lifetimes").submodule_search_locations[0])
    orders = defaultdict(lambda: defaultdict(float))  # customer -> day -> value
    for line in (folder / "datasets" / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, amount = line.split()
        orders[customer][date(int(day[:4]), int(day[4:6]), int(day[6:]))] += float(amount)
    rows = []
    for of_customer in orders.values():
        before = sorted(day for day in of_customer if day <= LAST_DAY)
        after = [day for day in of_customer if LAST_DAY < day <= END]
        repeats = [of_customer[day] for day in before[1:]]
        mean = sum(repeats) / len(repeats) if repeats else 0.0
        spent = sum(of_customer[day] for day in after)
        rows.append((len(repeats), (LAST_DAY - before[0]).days / 7, mean, len(after), spent))
    return dict(zip(("x", "T", "mean", "orders", "spend"), np.array(rows).T, strict=True))


def test_the_sample_has_the_published_totals(cdnow):
    assert len(cdnow["x"]) == 2357
    assert cdnow["x"].sum() == 2457
    assert cdnow["orders"].sum() == 1882
    assert cdnow["spend"].sum() == pytest.approx(70976.39)


def test_constant_mean_of_orders_has_the_published_errors(cdnow):
    y = cdnow["orders"]
    f = np.full(len(y), y.mean())
    assert round(metrics.mean_absolute_error(f, y), 3) == 1.134
    assert round(metrics.root_mean_squared_error(f, y), 3) == 2.057
    assert np.isnan(metrics.spearman(f, y))
    assert metrics.normalized_gini(f, y) == pytest.approx(0.0, abs=0.001)


def test_past_rate_of_orders_has_the_published_errors(cdnow):
    f, y = cdnow["x"] / cdnow["T"] * WEEKS, cdnow["orders"]
    assert round(metrics.mean_absolute_error(f, y), 3) == 1.024
    assert round(metrics.root_mean_squared_error(f, y), 3) == 2.212
    assert round(metrics.relative_bias(f, y), 3) == 0.557
    assert round(metrics.spearman(f, y), 3) == 0.490


def test_past_rate_of_spend_has_the_published_errors(cdnow):
    f, y = cdnow["x"] / cdnow["T"] * WEEKS * cdnow["mean"], cdnow["spend"]
    assert round(metrics.mean_absolute_error(f, y), 2) == 43.31
    assert round(metrics.root_mean_squared_error(f, y), 1) == 200.0


@pytest.mark.parametrize(("what", "printed"), [("orders", 0.675), ("spend", 0.682)])
def test_printed_gini_of_the_past_rate_is_one_order_of_its_ties(cdnow, what, printed):
    """60 % of customers have the rate zero. The printed Gini took them in the order they happened to be in; ours is
    the mean over all orders, and the printed one is as near to it as such an order comes."""
    f = cdnow["x"] / cdnow["T"] * WEEKS * (cdnow["mean"] if what == "spend" else 1.0)
    y = cdnow[what]
    rng = np.random.default_rng(0)
    found = [metrics.normalized_gini(f + rng.random(len(f)) * 1e-9, y) for _ in range(200)]
    assert metrics.normalized_gini(f, y) == pytest.approx(np.mean(found), abs=0.001)
    assert abs(printed - np.mean(found)) < 3 * np.std(found)
