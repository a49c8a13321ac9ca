"""Arrays of all customers' events that need not fit into memory: read a slice of customers at a time, and written to
files that are read through memory maps.

Letters: C customers, R rows (events, steps or lines).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from worthwhile.store.faults import told

Array = np.ndarray[Any, Any]

ROWS = 500_000  # in a slice, if no customer has more
UNWRITTEN = "the events cannot be laid out for the models that read them"


def slices(offsets: Array, rows: int = ROWS) -> Iterator[slice]:
    """Customers in order, at least one slice of them, each of at most `rows` rows or one customer.

    `offsets` (C + 1,): the rows of customer c are offsets[c] to offsets[c + 1].
    """
    first, customers = 0, len(offsets) - 1
    while first < customers or first == 0:
        end = int(np.searchsorted(offsets, offsets[first] + rows, side="right")) - 1
        end = min(max(end, first + 1), customers)
        yield slice(first, end)
        first = max(end, 1)


def counted(offsets: Array, true: Callable[[slice], Array]) -> Array:
    """(C,) int64: how many rows of each customer are true; `true` gives it (bool) for a slice of rows."""
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    for some in slices(offsets):
        edges = offsets[some.start : some.stop + 1]
        before = np.concatenate([[0], np.cumsum(true(slice(edges[0], edges[-1])), dtype=np.int64)])
        counts[some] = np.diff(before[edges - edges[0]])
    return counts


def ranges(first: Array, count: Array) -> tuple[Array, Array]:
    """The places `first` to `first + count` of each, one after the other, and where those of each begin."""
    begins = np.cumsum(count) - count
    return np.repeat(first - begins, count) + np.arange(count.sum()), begins


class Growing:
    """Arrays that grow in nameless files of a folder. They take disk, and are gone once nobody holds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[IO[bytes], np.dtype[Any], tuple[int, ...]]] = {}

    def add(self, parts: dict[str, Array]) -> None:
        """Append to each array (R, ...) by its name; its type is that of the first part.

        Raises InputError `cannot-write`, as `arrays` does.
        """
        with told(self._folder, UNWRITTEN):
            for name, part in parts.items():
                if name not in self._files:
                    new = TemporaryFile(dir=self._folder)  # noqa: SIM115 (`arrays` closes it)
                    self._files[name] = (new, part.dtype, part.shape[1:])
                file, dtype, _ = self._files[name]
                file.write(np.ascontiguousarray(part, dtype=dtype).data)

    def arrays(self) -> dict[str, Array]:
        """The arrays as read-only memory maps. Nothing can be added any more."""
        with told(self._folder, UNWRITTEN):
            return {name: _mapped(*kept) for name, kept in self._files.items()}


def _mapped(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    with file:  # the map holds it open
        size = file.tell()
        if not size:
            return np.empty((0, *shape), dtype=dtype)
        file.flush()
        rows = size // (dtype.itemsize * int(np.prod(shape)))
        return np.asarray(np.memmap(file, dtype=dtype, mode="r", shape=(rows, *shape)))
