"""`trees-events`: boosted trees that read what the event network says of each customer, beside the features.

A network that learned from a customer's past windows knows what came of them, and trees that read its word on these
windows would believe it too much. So there are two networks, each learned from one half of the customers, and each
speaks of the other half only, in past windows and in the one asked about alike (cross-fitting). Hidden states of two
networks have nothing to do with each other; what their outputs mean is the same in both, so trees read these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self
from zlib import crc32

import numpy as np

from worthwhile.distribution import Forecast, Histogram
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.model import EventModel, events_of
from worthwhile.models.trees import HistogramTrees

Array = np.ndarray[Any, Any]

HALVES = 2


class EventTrees:
    """`trees-histogram` whose trees read `EventModel.vectors` too; the lines that they correct do not."""

    name: ClassVar[str] = "trees-events"

    def __init__(self, *, student: bool = False, **options: Any) -> None:
        """`options`: those of `EventModel`; one network for each half unless `members` says more.

        There is no `student` here: it learns the answers alone, and trees read what comes next too.
        """
        self._networks = [EventModel(**{"members": 1, **options}) for _ in range(HALVES)]
        self._trees = HistogramTrees()

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody of a half bought in any past horizon, or there are no events."""
        _check_halves(matured)
        sequences = events_of(current)
        everybody = sequences.customer_ids  # those too who only look
        mine = half_of(everybody)
        for half, network in enumerate(self._networks):
            others = [snapshot[half_of(snapshot.customer_ids) != half] for snapshot in (*matured, current)]
            theirs = sequences.without(everybody[mine == half])
            network.fit(others[:-1], replace(others[-1], sequences=theirs), seed=seed)
        self._trees.fit(Matured([self._with_vectors(snapshot, current) for snapshot in matured]), current, seed=seed)

    def _with_vectors(self, snapshot: Snapshot, current: Snapshot) -> Snapshot:
        """The snapshot with what the networks say of each customer; events are those of `current`'s log."""
        mine = half_of(snapshot.customer_ids)
        told = [
            network.vectors(replace(snapshot[mine == half], sequences=current.sequences))
            for half, network in enumerate(self._networks)
        ]
        vectors = np.empty((len(snapshot), told[0].shape[1]), dtype=np.float32)
        for half, part in enumerate(told):
            vectors[mine == half] = part
        return replace(snapshot, vectors=vectors)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return replace(self._trees.forecast(self._with_vectors(snapshot, snapshot)), model=self.name)

    def links(self) -> Callable[[Snapshot], Array]:
        """From a snapshot to the trees' links (N, L)."""
        links = self._trees.links()
        return lambda snapshot: links(self._with_vectors(snapshot, snapshot))

    def answer(self, links: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders that follow from links (N, L)."""
        return self._trees.answer(links, scale)

    def contributions(self, snapshot: Snapshot, groups: Array) -> Array:
        """(N, G, L) what each group (`protocol.Additive`) adds to each link."""
        return self._trees.contributions(self._with_vectors(snapshot, snapshot), groups)

    def save(self, folder: Path) -> None:
        self._trees.save(folder / "trees")
        for half, network in enumerate(self._networks):
            network.save(folder / f"events-{half}")

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model._trees = HistogramTrees.load(folder / "trees")
        model._networks = [EventModel.load(folder / f"events-{half}") for half in range(HALVES)]
        return model


def _check_halves(matured: Sequence[Snapshot]) -> None:
    """Raises InputError `no-history` where all who bought in past horizons are of one half."""
    buyers = [half_of(s.customer_ids[s.outcome.active]) for s in matured if s.outcome]
    if len(set(np.concatenate(buyers).tolist()) if buyers else ()) == 1:
        raise InputError(
            "no-history",
            "each half of the customers is learned from apart, and of one nobody is seen to buy in any past horizon",
            remedy="ask for a shorter horizon, or for in-context, last-period or past-rate",
        )


def half_of(customer_ids: Iterable[str]) -> Array:
    """(N,) int: which half each customer is in, by the id alone, so that it is the same at every cutoff."""
    return np.array([crc32(customer.encode()) % HALVES for customer in customer_ids], dtype=np.int64)
