"""How good recommendations are: what of them was bought, how much of the range they show, and how little is obvious.

Letters: N customers, K recommendations a customer, I items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Quality:
    """Means over customers who bought something that counts."""

    customers: int
    recall_10: float  # of the items bought, or of ten where they are more, those that the first ten hold
    recall_20: float
    ndcg_10: float
    coverage: float  # share of the items sold that are recommended to anybody
    novelty: float  # mean of -log2 of the share of customers who bought the item before; of items sold


def evaluate(recommended: Array, bought: sparse.csr_matrix, popularity: Array) -> Quality:
    """Recommendations (N, K) int, best first and -1 where there are fewer, against what was bought (N, I) of ones.

    `popularity` (I,) is the share of customers who bought each item before the cutoff; items of 0 were not sold.
    Customers who bought nothing that counts are left out of recall and NDCG.
    """
    hits = hits_of(recommended, bought)
    size = np.diff(bought.indptr)
    counts = size > 0
    shown = recommended[recommended >= 0]
    sold = popularity > 0
    return Quality(
        customers=int(counts.sum()),
        recall_10=float(recall_at(10, hits[counts], size[counts]).mean()),
        recall_20=float(recall_at(20, hits[counts], size[counts]).mean()),
        ndcg_10=float(ndcg_at(10, hits[counts], size[counts]).mean()),
        coverage=float(sold[np.unique(shown)].sum() / sold.sum()),
        novelty=float(-np.log2(popularity[shown[sold[shown]]]).mean()),
    )


def hits_of(recommended: Array, bought: sparse.csr_matrix) -> Array:
    """Which recommendations (N, K) were bought: bool."""
    count = bought.shape[1]
    row = np.arange(len(recommended), dtype=np.int64)[:, None]
    own = np.repeat(np.arange(bought.shape[0], dtype=np.int64), np.diff(bought.indptr)) * count + bought.indices
    return np.isin(row * count + recommended, own) & (recommended >= 0)


def recall_at(k: int, hits: Array, size: Array) -> Array:
    """Hits among the first k over the number of items bought, at most k: (N,)."""
    return hits[:, :k].sum(axis=1) / np.minimum(size, k)


def ndcg_at(k: int, hits: Array, size: Array) -> Array:
    """Normalized discounted cumulative gain of the first k, with gain 1 for what was bought: (N,).

    Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation of IR techniques".
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    best = np.cumsum(discount)[np.minimum(size, k) - 1]
    found = hits[:, :k]
    return found @ discount[: found.shape[1]] / best
