"""What a buy-till-you-die law is fitted to: each customer's repeat orders, last order and age, alike ones together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

DAYS_A_WEEK = 7.0


@dataclass(frozen=True)
class Histories:
    """Distinct purchase histories, U of them, times in weeks.

    The likelihood needs a customer's (x, t_x, T) only, and customers who share them share its value. Functions of x
    alone (gamma, digamma) are computed for each of the V distinct x: `table[h.x_row]` is one for each history.
    """

    x: Array  # (U,) repeat orders
    t_x: Array  # (U,) from the first order to the last
    T: Array  # (U,) from the first order to the cutoff
    count: Array  # (U,) customers who have this history
    x_values: Array  # (V,) the distinct x, ascending
    x_row: Array  # (U,) x == x_values[x_row]
    history_row: Array  # (N,) the history of each customer

    def __len__(self) -> int:
        return len(self.x)

    @property
    def customers(self) -> float:
        return float(self.count.sum())

    def sample(self, size: int, rng: np.random.Generator) -> Histories:
        """Some of the histories, drawn without replacement, with their counts."""
        rows = np.sort(rng.choice(len(self), size=size, replace=False))
        x_values, x_row = np.unique(self.x[rows], return_inverse=True)
        return Histories(
            self.x[rows], self.t_x[rows], self.T[rows], self.count[rows], x_values, x_row, np.arange(len(rows))
        )


def collapse(x: Array, t_x: Array, T: Array) -> Histories:
    """Customers (N,) with x repeat orders and t_x, T in weeks; identical ones become one row with a count."""
    x, t_x, T = (np.asarray(column, dtype=np.float64) for column in (x, t_x, T))
    # Ranks packed into one integer sort several times faster than rows of floats.
    ranks = [np.unique(column, return_inverse=True) for column in (x, t_x, T)]
    key = ranks[0][1].astype(np.int64)
    for values, rank in ranks[1:]:
        key = np.unique(key, return_inverse=True)[1] * len(values) + rank
    _, first, history_row, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    x_values, x_row = np.unique(x[first], return_inverse=True)
    return Histories(x[first], t_x[first], T[first], count.astype(np.float64), x_values, x_row, history_row)
