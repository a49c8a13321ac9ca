"""Which items come into question for a customer: few of many, so that signals are worked out for hundreds only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.recommend.signals import OF_ITEM, Sources
from worthwhile.recommend.together import top_places

Array = np.ndarray[Any, Any]

OWN = 300  # of what the customer bought, what they are best known by
NEAR = 150  # by each score of what is bought together, and as many of those that are new to the customer
POPULAR = 150
SEASON = 50  # that sold most at this time of last year
UNSOLD = 30  # items that were never sold, by content


def candidates(
    sources: Sources, customers: Array, scores: dict[str, sparse.csr_matrix], allowed: Array, *, least: int = 0
) -> tuple[Array, Array]:
    """Pairs of customers (U,) and items that are `allowed` (I,) bool: rows into `customers` and items, both (N,).

    Ascending by row and item, each once; at least so many of a customer, where so many are allowed and were sold.
    """
    count = len(sources.of_item)
    taste = sources.taste[customers]
    common = common_items(sources, allowed, max(POPULAR, least))
    keys = [(np.arange(len(customers))[:, None] * count + common[None, :]).ravel(), _top(taste, allowed, OWN)]
    for score in scores.values():
        keys.append(_top(score, allowed, NEAR))
        keys.append(_top(_without(score, taste), allowed, NEAR))
    if sources.stands_for is not None:
        unsold = allowed & (np.arange(count) >= sources.history.lines.sold)
        keys += [_top(scores[name], unsold, UNSOLD) for name in ("like", "together")]
    row, item = np.divmod(np.unique(np.concatenate(keys)), count)
    return row, item


def common_items(sources: Sources, allowed: Array, count: int) -> Array:
    """Items that come into question for everybody: popular now, or at this time of last year; (M,) int."""
    share, year_ago = sources.popular.share, np.nan_to_num(sources.of_item[:, OF_ITEM.index("year_ago")])
    return np.unique(np.concatenate([first_of(share, allowed, count), first_of(year_ago, allowed, SEASON)]))


def first_of(score: Array, allowed: Array, count: int) -> Array:
    """The items of the greatest positive scores (I,) among the allowed ones; of equal ones the first."""
    places = np.flatnonzero(allowed & (score > 0))
    return places[np.argsort(-score[places], kind="stable")[:count]]


def _top(score: sparse.csr_matrix, allowed: Array, count: int) -> Array:
    """Keys (row * I + item) of the greatest positive scores of each row among the allowed items."""
    data = np.where(allowed[score.indices], score.data, 0)
    places = top_places(data, score.indptr, count)
    row = np.searchsorted(score.indptr, places, side="right") - 1
    return row.astype(np.int64) * score.shape[1] + score.indices[places]


def _without(score: sparse.csr_matrix, owned: sparse.csr_matrix) -> sparse.csr_matrix:
    """The scores where a row owns nothing."""
    row = np.repeat(np.arange(score.shape[0], dtype=np.int64), np.diff(score.indptr))
    own = np.repeat(np.arange(owned.shape[0], dtype=np.int64), np.diff(owned.indptr))
    width = score.shape[1]
    is_own = np.isin(row * width + score.indices, own * width + owned.indices, assume_unique=True)
    left = score.copy()
    left.data = np.where(is_own, 0, left.data)
    return left
