"""Lifecycle stages: one rule for each, in a fixed order; the first rule that holds decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.segments.customers import Customers
from worthwhile.decide.segments.thresholds import Thresholds

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Stage:
    """A stage and its rule: which customers (N,) bool it takes of those that no earlier rule took."""

    name: str
    holds: Callable[[Customers, Thresholds], Array]


def _new(customers: Customers, at: Thresholds) -> Array:
    """The second order is still open: a first order not long ago, or a single one that has not gone cold."""
    single = (customers.orders <= 1) & (customers.rhythm.kept >= at.at_risk)
    return (customers.tenure <= at.new_days) | single


# In the order in which they are asked. `new` comes before the losses: of a first order a fortnight ago no own pace is
# known yet that could have been left.
RULES: tuple[Stage, ...] = (
    Stage("prospect", lambda customers, at: customers.orders == 0),
    Stage("new", _new),
    Stage("lost", lambda customers, at: customers.rhythm.kept < at.lost),
    Stage("at_risk", lambda customers, at: customers.rhythm.kept < at.at_risk),
    Stage("cooling", lambda customers, at: customers.rhythm.kept < at.cooling),
    Stage("growing", lambda customers, at: customers.rhythm.pace >= at.growing),
    Stage("loyal", lambda customers, at: np.ones(len(customers), bool)),
)
# In the order in which they are shown: along a customer's life.
STAGES = ("prospect", "new", "growing", "loyal", "cooling", "at_risk", "lost")


def stages_of(customers: Customers, at: Thresholds) -> Array:
    """The stage of each customer (N,): a name of STAGES. `at.new_days` must be set."""
    assert at.new_days > 0
    return np.select([stage.holds(customers, at) for stage in RULES], [stage.name for stage in RULES], "").astype(
        object
    )
