"""What every model must pass, whatever its family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from worthwhile.distribution import Forecast
from worthwhile.features.snapshot import Outcome, Snapshot


def assert_sound(forecast: Forecast, snapshot: Snapshot) -> None:
    """One proper distribution for each customer, amount and orders with one chance of no order."""
    assert len(forecast) == len(snapshot)
    for histogram in (forecast.amount, forecast.orders):
        assert np.isfinite(histogram.prob).all() and histogram.prob.min(initial=0) >= 0
        assert np.allclose(histogram.prob.sum(axis=1), 1, atol=1e-5)
        assert np.isfinite(histogram.mean()).all()
    assert np.allclose(forecast.amount.p_positive, forecast.orders.p_positive, atol=1e-5)


def assert_equal(a: Forecast, b: Forecast) -> None:
    for name in ("amount", "orders"):
        assert np.array_equal(getattr(a, name).prob, getattr(b, name).prob)
        assert np.array_equal(getattr(a, name).tail_mean, getattr(b, name).tail_mean)


def in_currency(snapshot: Snapshot, rate: float) -> Snapshot:
    """The same snapshot with all amounts in another currency."""
    money = np.array(["amount" in name or "value" in name for name in snapshot.names])
    features = np.where(money, snapshot.features * np.float32(rate), snapshot.features)
    outcome = snapshot.outcome and Outcome(snapshot.outcome.amount * rate, snapshot.outcome.orders)
    return replace(snapshot, features=features, outcome=outcome, scale=snapshot.scale * rate)


def with_outcome(snapshot: Snapshot, amount: float, orders: float, rows=slice(None)) -> Snapshot:
    """The snapshot with this outcome for these rows, none for others."""
    here = np.zeros(len(snapshot))
    here[rows] = 1.0
    return replace(snapshot, outcome=Outcome(here * amount, here * orders))


def normalized_gini(actual, predicted) -> float:
    def area(order):
        gain = np.cumsum(actual[order])
        return 2 * np.mean(gain / gain[-1]) - 1

    return area(np.argsort(-predicted, kind="stable")) / area(np.argsort(-actual, kind="stable"))
