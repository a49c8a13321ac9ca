"""What is bought together: for each item its nearest ones by the customers, or the orders, that hold both.

Similarity is the cosine of two items' columns with shrinkage, which keeps two items that one customer bought once from
being taken for twins (Sarwar et al. 2001, "Item-based collaborative filtering recommendation algorithms"; shrinkage as
in Bell and Koren 2007). Only an item's nearest ones are kept, so that a score is a sparse product whatever the number
of items.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.recommend.history import value_at

Array = np.ndarray[Any, Any]

NEAREST = 200  # items kept of each
MOST_ITEMS = 2_000  # who bought more says nothing about what goes together, and costs the square of it
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Together:
    """Items and their nearest ones by who holds both."""

    similarity: sparse.csr_matrix  # (I, I)
    count: Array  # (I,) how many hold each item, and the shrinkage

    def both(self, item: Array, other: Array) -> Array:
        """How many hold both items, where they are near each other: (N,) int. Of similarity not weighted by size."""
        shared = value_at(self.similarity, item, other) * np.sqrt(self.count[item] * self.count[other])
        return np.rint(shared).astype(np.int64)


def together(holders: sparse.csr_matrix, *, shrink: float, nearest: int = NEAREST, by_size: bool = False) -> Together:
    """The nearest items by `holders` (R, I) of ones: customers, or orders.

    Similarity is n_ij / sqrt((n_i + shrink) (n_j + shrink)), where each holder counts in n_ij as 1, or as 1 over the
    number of its items (`by_size`), since two items of a large order have little to do with each other.
    """
    size = np.diff(holders.indptr)
    kept = holders[(size > 1) & (size <= MOST_ITEMS)]
    count = np.asarray(holders.sum(axis=0)).ravel() + shrink
    weighted = sparse.diags(1 / np.diff(kept.indptr)) @ kept if by_size else kept
    weighted_of_item = weighted.T.tocsr().astype(np.float32)
    parts = [
        _nearest(weighted_of_item[low : low + ROWS_AT_ONCE] @ kept, low, count, nearest)
        for low in range(0, holders.shape[1], ROWS_AT_ONCE)
    ]
    return Together(sparse.vstack(parts, format="csr"), count)


def _nearest(product: sparse.csr_matrix, low: int, count: Array, nearest: int) -> sparse.csr_matrix:
    """Similarities of the items from `low` on to all others, the nearest of each, columns ascending."""
    product.sort_indices()
    row = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    data = product.data / np.sqrt(count[row + low] * count[product.indices])
    data[product.indices == row + low] = 0.0
    kept = top_places(data, product.indptr, nearest)
    pointer = np.searchsorted(row[kept], np.arange(product.shape[0] + 1))
    return sparse.csr_matrix((data[kept].astype(np.float32), product.indices[kept], pointer), shape=product.shape)


def top_places(data: Array, pointer: Array, count: int) -> Array:
    """Places of the `count` greatest positive entries of each row of a CSR matrix, ascending; of equals the first."""
    places = []
    for low, high in pairwise(pointer.tolist()):
        part = data[low:high]
        if high - low > count:
            least = np.partition(part, high - low - count)[high - low - count]
            above = np.flatnonzero(part > least)
            equal = np.flatnonzero(part == least)[: count - len(above)]
            chosen = np.sort(np.concatenate([above, equal]))
        else:
            chosen = np.arange(high - low)
        places.append(low + chosen[part[chosen] > 0])
    return np.concatenate(places) if places else np.zeros(0, np.int64)
