"""The forecast of customers of whom only some reasons are told: the rest is that of the typical customer.

Every model is asked through `Forecast`, so what holds for one holds for all.

Letters: N customers, F features, P reasons, S sets of them, O outputs (expected amount, P(active), expected orders).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.distribution import Forecast
from worthwhile.explain.reasons import EVENTS, MINOR, REASONS, reasons_of_features
from worthwhile.explain.typical import as_columns, as_parts
from worthwhile.features.snapshot import Snapshot

Array = np.ndarray[Any, Any]
Answer = Callable[[Snapshot], Forecast]

ROUNDING = 1e-6  # relative; features are float32, of seven digits


@dataclass(frozen=True)
class Game:
    """Customers, the typical customer, and who answers."""

    snapshot: Snapshot  # (N) customers asked about
    typical: Snapshot  # one customer
    answer: Answer
    reasons: tuple[str, ...]  # (P,) those in which anybody differs from the typical customer
    minor: frozenset[str] = frozenset()  # reasons that stand or fall together, as the one reason MINOR

    def value(self, present: Array) -> Array:
        """(S, N, O) expected amount, P(active) and orders where only the reasons present (S, P) are their own."""
        sets, n = len(present), len(self.snapshot)
        mixed = self.snapshot[np.tile(np.arange(n), sets)]
        said = outputs(self.answer(self._mixed(mixed, np.repeat(present, n, axis=0))))
        return said.reshape(sets, n, -1)

    def value_of_each(self, present: Array) -> Array:
        """(N, O) the same where each customer has reasons present (N, P) of their own."""
        return outputs(self.answer(self._mixed(self.snapshot, present)))

    def _mixed(self, snapshot: Snapshot, present: Array) -> Snapshot:
        """Customers (N) with their own features and events where present (N, P), else those of the typical one."""
        names = snapshot.names
        place = {reason: i for i, reason in enumerate(self.reasons)}
        place |= dict.fromkeys(self.minor, len(self.reasons) - 1)
        of_reason = np.array([place.get(list(REASONS)[r], -1) for r in reasons_of_features(names)])
        own = np.where(of_reason >= 0, present[:, of_reason], True)  # (N, F)
        parts = np.where(own, as_parts(snapshot.features, names), as_parts(self.typical.features, names))
        whole = np.all(own, axis=1, keepdims=True)
        features = np.where(whole, snapshot.features, as_columns(parts, names))
        ids = snapshot.customer_ids
        if EVENTS in place:
            ids = np.where(present[:, place[EVENTS]], ids, self.typical.customer_ids[0])
        return replace(snapshot, features=features, customer_ids=ids)

    def of(self, snapshot: Snapshot) -> Game:
        """The same game of other customers."""
        return replace(self, snapshot=snapshot)

    def with_minor(self, minor: frozenset[str]) -> Game:
        """The game in which these reasons count as one, which comes last."""
        if len(minor) < 2:
            return self
        return replace(self, reasons=(*(r for r in self.reasons if r not in minor), MINOR), minor=minor)


def game_of(snapshot: Snapshot, typical: Snapshot, answer: Answer, *, reads_events: bool) -> Game:
    """The game of these customers. Reasons in which all of them are typical take no part."""
    names, of_reason = list(REASONS), reasons_of_features(snapshot.names)
    # Features that are made anew from others (`as_columns`) may differ from the same ones by the last digit.
    same = np.isclose(snapshot.features, typical.features, rtol=ROUNDING, atol=0.0, equal_nan=True)
    differs = {names[r] for r in np.unique(of_reason[~same.all(axis=0)])}
    if reads_events:
        differs.add(EVENTS)
    return Game(snapshot, typical, answer, tuple(reason for reason in REASONS if reason in differs))


def outputs(forecast: Forecast) -> Array:
    """(N, 3) the numbers that are explained: expected amount, P(active), expected orders."""
    return np.stack([forecast.amount.mean(), forecast.p_active, forecast.orders.mean()], axis=1)
