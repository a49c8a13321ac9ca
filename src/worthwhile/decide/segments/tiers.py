"""Value tiers: who holds the expected spend, from the top down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
TIERS = ("top", "high", "middle", "low")


def tiers_of(spend: Array, reach: Sequence[float]) -> Array:
    """The tier (N,) of each customer by expected spend (N,) >= 0.

    A customer's tier is that of the share of all expected spend which customers of more expected spend hold: `top` as
    long as these hold less than the first share of `reach`, and so on. Equal spend is equal tier, whatever the order;
    where nothing is expected of anyone, all are `low`, and so is everyone of whom nothing is expected.
    """
    total = float(spend.sum())
    if total <= 0:
        return np.full(len(spend), TIERS[-1], dtype=object)
    values, place, count = np.unique(-spend, return_inverse=True, return_counts=True)  # most first
    held = np.cumsum(-values * count)
    above = (np.concatenate([[0.0], held[:-1]]) / total)[place]
    number = np.searchsorted(np.asarray(reach), above * (1 + 1e-12), side="right")
    number[spend <= 0] = len(TIERS) - 1
    return np.array(TIERS, dtype=object)[number]
