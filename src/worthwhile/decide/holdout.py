"""Who is left alone, so that what a plan or a campaign brings can be measured afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]

STRATA = 5


def lots(customers: Sequence[str], seed: int, *, of: str = "") -> Array:  # (N,) uint64
    """A number for each customer that hangs on its id, the seed and what is drawn for (`of`): who else is there changes
    nothing, and the next draw falls on others, so that nobody is left alone for ever."""
    prefix = (f"{seed}:{of}:" if of else f"{seed}:").encode()
    digests = (hashlib.blake2b(prefix + name.encode(), digest_size=8).digest() for name in customers)
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def strata_of(value: Array, eligible: Array, count: int = STRATA) -> Array:  # (N,) int
    """Customers in `count` groups of equal size by a number, 0 the lowest; of those who are not eligible -1."""
    found = np.full(len(value), -1)
    place = np.flatnonzero(eligible)
    if len(place):
        rank = np.empty(len(place), np.int64)
        rank[np.argsort(value[place], kind="stable")] = np.arange(len(place))
        found[place] = rank * count // len(place)
    return found


def held_out(customers: Sequence[str], strata: Array, size: float, *, seed: int, of: str = "") -> Array:  # (N,) of bool
    """Of each stratum the same share of customers, drawn by lot: `size` is the share, or from 1 on how many in all.

    A stratum's part is rounded so that the sum is right to one customer. Raises InputError `bad-argument`.
    """
    total = int((strata >= 0).sum())
    if not total:  # nobody could be contacted, so nobody needs to be left alone
        return np.zeros(len(strata), bool)
    if not 0 <= size <= max(total - 1, 0) or (size >= 1 and size != round(size)):
        raise InputError(
            "bad-argument",
            f"{size:g} of {total:,} customer{'s' if total > 1 else ''} cannot be held out",
            where="--holdout",
            remedy=("give a share such as 0.1, or a number of customers" if total > 1 else "one alone is not parted")
            + "; --holdout 0 leaves nobody alone (of a shop's plan it is 0.1 where nothing is said)",
        )
    share = size / total if size >= 1 else size
    lot, chosen, due = lots(customers, seed, of=of), np.zeros(len(strata), bool), 0.0
    for stratum in range(int(strata.max(initial=-1)) + 1):
        place = np.flatnonzero(strata == stratum)
        before, due = round(due), due + share * len(place)
        chosen[place[np.argsort(lot[place], kind="stable")][: round(due) - before]] = True
    return chosen
