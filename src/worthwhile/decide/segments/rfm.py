"""The grid of recency, frequency and monetary value: five levels of each, and a name for each region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.segments.customers import Customers

Array = np.ndarray[Any, Any]
LEVELS = 5
HIGH = 4  # from this level on a quantity is high: the upper two fifths

# (recency, frequency, monetary is high) -> region; Chinese merchants know these eight as the RFM customers.
REGIONS: dict[tuple[bool, bool, bool], str] = {
    (True, True, True): "best",
    (True, False, True): "big_seldom",
    (False, True, True): "best_drifting",
    (False, False, True): "big_gone",
    (True, True, False): "frequent_small",
    (True, False, False): "recent_small",
    (False, True, False): "frequent_drifting",
    (False, False, False): "dormant",
}


@dataclass(frozen=True)
class Rfm:
    """Levels 1 to 5 (N,) of each customer, 5 the best; 0 and "" for those without an order."""

    recency: Array
    frequency: Array
    monetary: Array
    region: Array  # (N,) str
    shared: dict[str, tuple[float, float]]  # quantity -> most frequent value, and the share of customers that have it

    def used(self, name: str) -> int:
        """How many of the five levels are in use: fewer where many customers share one value."""
        levels = getattr(self, name)
        return len(np.unique(levels[levels > 0]))


def levels_of(values: Array) -> Array:
    """Level (N,) 1 to 5 of each value, 5 the largest: the fifth in which the middle of its equals lies.

    Equal values have equal levels. Where customers share one value (a shop where most ordered once) the fifths cannot
    be equal, and some level stays empty, rather than that ids or chance part what is the same.
    """
    if not len(values):
        return np.zeros(0, int)
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    middle = (below + count / 2) / len(values)
    return np.minimum(np.floor(middle * LEVELS).astype(int) + 1, LEVELS)[place]


def rfm_of(customers: Customers) -> Rfm:
    """The grid of a shop's customers: days since the last order, orders so far, spend so far."""
    bought = customers.orders > 0
    values = {
        "recency": -customers.recency[bought],
        "frequency": customers.orders[bought],
        "monetary": customers.spend_all[bought],
    }
    levels = {}
    for name, of_buyers in values.items():
        levels[name] = np.zeros(len(customers), int)
        levels[name][bought] = levels_of(of_buyers)
    high = np.stack([levels[name] >= HIGH for name in values], axis=1)
    region = np.array([REGIONS[(bool(r), bool(f), bool(m))] for r, f, m in high], dtype=object)
    region[~bought] = ""
    shared = {name: _most_frequent(np.abs(of_buyers)) for name, of_buyers in values.items() if len(of_buyers)}
    return Rfm(levels["recency"], levels["frequency"], levels["monetary"], region, shared)


def _most_frequent(values: Array) -> tuple[float, float]:
    """The value that most have, the smallest of equals, and the share of them."""
    distinct, count = np.unique(values, return_counts=True)
    return float(distinct[count.argmax()]), float(count.max() / len(values))
