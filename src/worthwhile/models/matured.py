"""The matured snapshots that several models are fitted on, with what the first of them worked out for the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from threading import Lock
from typing import Any, TypeVar, overload

from worthwhile.features.snapshot import Snapshot

T = TypeVar("T")


class Matured(Sequence[Snapshot]):
    """Snapshots with outcomes, oldest first, that remember what models make of them alike: standardised columns,
    columns cut into bins, who buys.

    Models learn the same from any sequence of snapshots; from this one, what they have in common is worked out once.
    It lives as long as the fits it is made for, and may be used from several threads.
    """

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshots = tuple(snapshots)
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, Lock] = {}
        self._lock = Lock()

    @overload
    def __getitem__(self, place: int) -> Snapshot: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Snapshot, ...]: ...
    def __getitem__(self, place: int | slice) -> Snapshot | tuple[Snapshot, ...]:
        return self._snapshots[place]

    def __len__(self) -> int:
        return len(self._snapshots)

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(self._snapshots)

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """`make()`, or what it gave for this key before. Who asks while it is being made waits for it."""
        with self._lock:
            mine = self._locks.setdefault(key, Lock())
        with mine:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]


def matured_of(snapshots: Sequence[Snapshot]) -> Matured:
    """The snapshots as `Matured`: the same object where they are already."""
    return snapshots if isinstance(snapshots, Matured) else Matured(snapshots)


def once(matured: Sequence[Snapshot], key: Hashable, make: Callable[[], T]) -> T:
    """`make()`, remembered under `key`, which says all that it hangs on beside the snapshots, where these remember."""
    return matured.once(key, make) if isinstance(matured, Matured) else make()
