"""What items are like each other by their content: the vectors of their titles, descriptions or pictures.

It serves two ends: an item like those that a customer bought is worth a look, and an item that has never been sold is
given the standing of those that it is most like.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.content.chosen import encoders_of
from worthwhile.content.items import item_vectors
from worthwhile.progress import Progress, silent
from worthwhile.shop import Shop
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]

NEAREST = 30  # items kept of each
RELATIVES = 10  # sold items that stand for one that was never sold
ROWS_AT_ONCE = 512
LEAST_ALIKE = 0.2  # cosine below which two items have nothing to do with each other


@dataclass(frozen=True)
class Content:
    """Items as vectors; zero rows where nothing is known."""

    item_ids: Array  # (N,) str
    vectors: Array  # (N, D) float32

    def of(self, items: Array) -> Array:
        """Unit vectors of items (I, D) float32, in their order; zeros where there is none."""
        place = {item: k for k, item in enumerate(self.item_ids.tolist())}
        rows = np.array([place.get(item, -1) for item in items.tolist()])
        found = np.zeros((len(items), self.vectors.shape[1]), np.float32)
        found[rows >= 0] = self.vectors[rows[rows >= 0]]
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.divide(found, length, out=np.zeros_like(found), where=length > 0)


def content_of(shop: Shop, log: Log, cutoff: datetime, progress: Progress = silent) -> Content | None:
    """The vectors of items known before the cutoff by the encoders of the settings; None where nothing tells of them.

    Raises InputError as `encoders_of` does, `cannot-write`.
    """
    encoders = encoders_of(shop, log, cutoff)
    if encoders is None:
        return None
    text, pictures = encoders.text, encoders.pictures
    found = item_vectors(log, cutoff, text, kept=shop.vectors, pictures=pictures, progress=progress)
    return Content(np.array(found.item_id, dtype=object), found.vectors) if found.vectors.any() else None


def alike(units: Array, among: Array, nearest: int = NEAREST) -> sparse.csr_matrix:
    """The cosine of each item with its nearest ones (I, I) float32, from unit vectors (I, D).

    Only the items `among` (I,) bool may be neighbours; an item is none of its own. Of equally near ones the first.
    """
    allowed = np.flatnonzero(among)
    count, kept = len(units), min(nearest, len(allowed))
    rows, columns, data = [], [], []
    for low in range(0, count, ROWS_AT_ONCE):
        cosine = units[low : low + ROWS_AT_ONCE] @ units[allowed].T  # (R, A)
        own = np.arange(low, low + len(cosine))
        cosine[own[:, None] == allowed[None, :]] = -1.0
        best = np.argsort(-cosine, axis=1, kind="stable")[:, :kept]
        value = np.take_along_axis(cosine, best, axis=1)
        good = value >= LEAST_ALIKE
        rows.append(np.broadcast_to(own[:, None], best.shape)[good])
        columns.append(allowed[best[good]])
        data.append(value[good])
    found = sparse.csr_matrix(
        (np.concatenate(data).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))), shape=(count, count)
    )
    found.sort_indices()
    return found


def stands_for(units: Array, sold: int) -> sparse.csr_matrix:
    """Of each item that was never sold the weights of the sold ones most like it (I, I) float32: they sum to 1.

    The first `sold` items are those that were sold; their rows are empty, as are those of items that are like none.
    """
    near = alike(units, np.arange(len(units)) < sold, RELATIVES).tolil()
    near[:sold] = 0
    weights = near.tocsr()
    total = np.asarray(weights.sum(axis=1)).ravel()
    return (sparse.diags(np.divide(1, total, out=np.zeros_like(total), where=total > 0)) @ weights).astype(np.float32)
