"""The game of boosted trees: their exact contributions on the scale of their links, carried over to currency.

What each reason adds to each link is known exactly (TreeSHAP and lines), for the customer and for the typical one.
The forecast with only some reasons present is then what follows from the typical customer's links and what these add.

Letters: N customers, P reasons, S sets of them, L links, O outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.explain.game import Game
from worthwhile.explain.reasons import EVENTS, REASONS, reasons_of_features
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.protocol import Additive

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LinkGame:
    """A game whose answers follow from links."""

    game: Game
    model: Additive

    @property
    def snapshot(self) -> Snapshot:
        return self.game.snapshot

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.game.reasons

    def of(self, snapshot: Snapshot) -> LinkGame:
        return replace(self, game=self.game.of(snapshot))

    def with_minor(self, minor: frozenset[str]) -> LinkGame:
        return replace(self, game=self.game.with_minor(minor))

    def opened(self) -> Opened:
        """The game with its contributions worked out."""
        typical, snapshot = self.game.typical, self.game.snapshot
        links = self.model.links()
        start, end = links(typical), links(snapshot)  # (1, L), (N, L)
        groups = self._groups()
        added = self.model.contributions(snapshot, groups) - self.model.contributions(typical, groups)
        return Opened(self.model, snapshot.scale, start, _closed(added[:, : len(self.reasons)], end - start))

    def _groups(self) -> Array:
        """(F + 1,) the place of each feature's reason, and of the events that vectors tell of; one beyond the last
        for those in which nobody differs."""
        place = {reason: i for i, reason in enumerate(self.reasons)}
        place |= dict.fromkeys(self.game.minor, len(self.reasons) - 1)
        of_reason = [place.get(reason, len(self.reasons)) for reason in REASONS]
        features = np.array(of_reason)[reasons_of_features(self.game.snapshot.names)]
        return np.append(features, place.get(EVENTS, len(self.reasons)))


@dataclass(frozen=True)
class Opened:
    """Links of the typical customer (1, L), and what each reason adds to them for each customer (N, P, L)."""

    model: Additive
    scale: float
    start: Array
    added: Array

    def value(self, present: Array) -> Array:
        """(S, N, O) expected amount, P(active) and orders where only the reasons present (S, P) are their own."""
        links = self.start + np.einsum("sp,npl->snl", present.astype(np.float64), self.added)
        amount, orders = self.model.answer(links.reshape(-1, links.shape[2]), self.scale)
        said = np.stack([amount.mean(), orders.p_positive, orders.mean()], axis=1)
        return said.reshape(*links.shape[:2], -1)


def _closed(added: Array, whole: Array) -> Array:
    """Contributions (N, P, L) that add up to `whole` (N, L): what is missing (of a bin's own column, of rounding) goes
    to each reason by its size."""
    size = np.abs(added)
    total = size.sum(axis=1, keepdims=True)
    share = np.where(total > 0, size / np.where(total > 0, total, 1.0), 1 / added.shape[1])
    return added + share * (whole - added.sum(axis=1))[:, None, :]
