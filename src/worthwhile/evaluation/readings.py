"""What the scores and curves need of a forecast and its outcome, read off once: one number for each customer.

Histograms of a million customers take 400 MB; they are read in chunks, so that nothing of their size is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.distribution import Forecast
from worthwhile.features.snapshot import Outcome

Array = np.ndarray[Any, Any]
CHUNK = 2_048  # customers: arrays of 1.6 MB stay in the cache; larger chunks take a third longer


@dataclass(frozen=True)
class Readings:
    """All (N,), in the order of the forecast."""

    amount: Array  # actual
    orders: Array  # actual
    mean: Array
    median: Array
    crps: Array
    zero: Array  # P(amount = 0)
    upto: Array  # F(actual amount)
    below: Array  # F just under the actual amount: 0 at amount zero, else F(amount)
    p_active: Array
    orders_mean: Array
    orders_median: Array
    orders_crps: Array

    def __len__(self) -> int:
        return len(self.amount)

    @property
    def active(self) -> Array:  # bool
        return self.orders > 0

    @property
    def spent(self) -> Array:  # bool
        return self.amount > 0

    @property
    def given_purchase(self) -> Array:
        """F(actual amount) of the positive part alone, of those who spent: (buyers,). Uniform if calibrated."""
        upto, zero = self.upto[self.spent], self.zero[self.spent]
        # A model that was certain of no purchase has no positive part to ask: its buyers lie outside every interval.
        return np.where(zero < 1, (upto - zero) / np.where(zero < 1, 1 - zero, 1.0), 1.0)

    def pit(self, seed: int) -> Array:
        """Randomised probability integral transform: uniform between F just under the outcome and F of it."""
        v = np.random.default_rng(seed).random(len(self))
        return self.below + v * (self.upto - self.below)


def _read_chunk(forecast: Forecast, amount: Array, orders: Array) -> dict[str, Array]:
    upto = forecast.amount.cdf(amount)
    return {
        "mean": forecast.amount.mean(),
        "median": forecast.amount.quantile(0.5),
        "crps": forecast.amount.crps(amount),
        "zero": forecast.amount.prob[:, 0].astype(np.float64),
        "upto": upto,
        "below": np.where(amount > 0, upto, 0.0),
        "p_active": forecast.p_active,
        "orders_mean": forecast.orders.mean(),
        "orders_median": forecast.orders.quantile(0.5),
        "orders_crps": forecast.orders.crps(orders),
    }


def read(forecast: Forecast, outcome: Outcome) -> Readings:
    """The numbers of every customer; outcome in the order of the forecast."""
    amount, orders = np.asarray(outcome.amount, np.float64), np.asarray(outcome.orders, np.float64)
    n = len(forecast)
    assert amount.shape == orders.shape == (n,), (amount.shape, orders.shape, n)
    chunks = [slice(start, start + CHUNK) for start in range(0, max(n, 1), CHUNK)]
    parts = [_read_chunk(forecast[rows], amount[rows], orders[rows]) for rows in chunks]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Readings(amount, orders, **columns)
