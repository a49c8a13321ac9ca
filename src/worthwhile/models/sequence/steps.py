"""Steps: what one customer did of one kind on one local day, with all items of it. The network reads steps.

An order of forty lines is one decision, and so is an evening of browsing: a network that reads lines one by one spends
nearly all of its work inside of orders. What is in a step is a bag of items.

Letters: C customers, S steps, L lines (events of steps), F numbers of a step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from worthwhile.features.sequences import KINDS, NONE, Sequences
from worthwhile.features.slices import Growing, ranges, slices
from worthwhile.schema import to_us

Array = np.ndarray[Any, Any]

ORDER, REFUND = KINDS.index("order_line"), KINDS.index("refund")
YEAR_DAYS = 365.25
# What is told of a step, beside kind, channel and items; F columns.
NUMBERS = (
    "amount",  # signed log1p of the amount over the scale
    "lines",  # log1p
    "quantity",  # log1p of its size
    "gap",  # log1p of days since the customer's step before; 0 for the first
    "order_gap",  # log1p of days since the order before
    "gap_ratio",  # log of order_gap over the customer's mean gap so far
    "age",  # log1p of days since the customer's first step
    "orders",  # log1p of orders so far, this one included
    "mean_amount",  # signed log1p of the mean amount of orders so far over the scale
    "known_items",  # share of lines with an item that the customer had ordered before
    "price",  # log of amount over scale for one line
    "rating",
    "rated",
    "year_sine",
    "year_cosine",
    "week_sine",
    "week_cosine",
    "hour",  # of the day, 0 to 1
)


@dataclass(frozen=True)
class Recoded:
    """Codes in another numbering, which are looked up as they are asked for."""

    values: Array
    codes: Array  # the new code of each old one

    def __getitem__(self, place: Any) -> Array:
        return self.codes[self.values[place]]


@dataclass(frozen=True)
class Steps:
    """Steps of all customers, customer after customer in the order of time.

    All but `offsets` are memory maps: a network reads a batch of customers at a time.
    """

    offsets: Array  # (C + 1,) int64
    last_us: Array  # (S,) int64: moment of the step's last event
    day: Array  # (S,) int32
    kind: Array  # (S,) int8
    channel: Array | Recoded  # (S,) int32, NONE where untold
    amount: Array  # (S,) float32 over the scale
    numbers: Array  # (S, F) float32
    line_offsets: Array  # (S + 1,) int64
    item: Array | Recoded  # (L,) int32, NONE where untold
    category: Array | Recoded  # (L,) int32
    folder: Path  # where what is as long as the steps may be kept
    contents: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    # name -> vectors (words, width) float32, and the row of each line (L,), NONE where there is none

    @property
    def customers(self) -> int:
        return len(self.offsets) - 1

    def __len__(self) -> int:
        return len(self.day)

    def content_of(self, name: str, lines: Array, begins: Array) -> Array:
        """The mean vector (P, width) float32 of the steps whose lines begin at these places of `lines`."""
        vectors, rows = self.contents[name]
        row = rows[lines]
        step = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(lines))))
        told = row != NONE
        mean = csr_array(
            (np.ones(told.sum(), dtype=np.float32), (step[told], row[told])), shape=(len(begins), len(vectors))
        )
        count = np.maximum(np.bincount(step[told], minlength=len(begins)), 1)
        return (mean @ vectors / count[:, None]).astype(np.float32)

    def ends_at(self, cutoff: datetime) -> Array:
        """(C,) int64: where the steps of each customer end that were over before the cutoff (UTC).

        The first that was not ends them: within a day, steps do not lie in the order of time.
        """
        until, ends = to_us(cutoff), np.empty(self.customers, dtype=np.int64)
        for some in slices(self.offsets):
            first, end = self.offsets[some], self.offsets[some.stop]
            later = np.flatnonzero(self.last_us[self.offsets[some.start] : end] >= until) + self.offsets[some.start]
            later = np.append(later, end)
            ends[some] = np.minimum(later[np.searchsorted(later, first)], self.offsets[some.start + 1 : some.stop + 1])
        return ends


def steps_of(sequences: Sequences, until: datetime, scale: float, parted: Iterable[datetime] = ()) -> Steps:
    """The steps of all customers before `until` (UTC); amounts in units of `scale`.

    A day in which one of the moments `parted` (UTC) lies has steps before it and steps from it on: at a cutoff that is
    not midnight, what came later that day must not be in a step that is asked about. They are made a slice of customers
    at a time, in files beside the sequences that are gone with the steps.
    """
    ends = sequences.ends_at(until)
    told = np.concatenate([[0], np.cumsum(ends - sequences.offsets[:-1])])
    words = {"item", "category", *(content.by for content in sequences.contents.values())}
    cuts = np.sort(np.array([to_us(moment) for moment in parted], dtype=np.int64))
    counts, columns, lines = np.zeros(len(sequences), dtype=np.int64), Growing(sequences.folder), 0
    for some in slices(told):
        part, customer = _steps_of_some(sequences, some, ends, cuts, scale=scale, words=words)
        counts[some] = np.bincount(customer - some.start, minlength=some.stop - some.start)
        line_offsets = lines + np.cumsum(part.pop("lines"))
        columns.add(part | {"line_offsets": line_offsets if lines else np.append(0, line_offsets)})
        lines += int(told[some.stop] - told[some.start])
    made = columns.arrays()
    rows = {word: made.pop(word) for word in words}
    return Steps(
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        item=rows["item"],
        category=rows["category"],
        contents={name: (content.vectors, rows[content.by]) for name, content in sequences.contents.items()},
        folder=sequences.folder,
        **made,
    )


def _steps_of_some(
    sequences: Sequences, some: slice, ends: Array, cuts: Array, *, scale: float, words: Collection[str]
) -> tuple[dict[str, Array], Array]:
    """The columns of the steps of some customers, how many lines each step has, and whose it is (S,)."""
    first = sequences.offsets[:-1][some]
    counts = ends[some] - first
    events, _ = ranges(first, counts)
    customer = np.repeat(np.arange(some.start, some.stop, dtype=np.int32), counts)
    day, kind = sequences.columns["day"][events], sequences.columns["kind"][events]
    # Kinds of one day lie in the order of their codes: visits come before what they led to, refunds after orders.
    place = np.array([_PLACES[name] for name in KINDS], dtype=np.int8)[kind]
    era = np.searchsorted(cuts, sequences.columns["ts_us"][events], side="right")
    order = np.lexsort((place, era, day, customer))
    events, customer, day, kind, era = events[order], customer[order], day[order], kind[order], era[order]
    new = np.ones(len(day), dtype=bool)
    new[1:] = (customer[1:] != customer[:-1]) | (day[1:] != day[:-1]) | (kind[1:] != kind[:-1])
    new[1:] |= era[1:] != era[:-1]
    first = np.flatnonzero(new)
    take = {name: sequences.columns[name][events] for name in ("ts_us", "amount", "quantity", "rating", *words)}
    lines = np.diff(np.append(first, len(day)))
    amount = np.add.reduceat(take["amount"], first).astype(np.float64) / scale if len(first) else np.zeros(0)
    step = _Step(customer[first], day[first], kind[first], lines, amount)
    rated = ~np.isnan(take["rating"])
    numbers = _numbers(
        step,
        quantity=_sum(np.abs(take["quantity"]), first),
        known=_sum(_known_items(customer, kind, take["item"], np.repeat(np.arange(len(first)), lines)), first),
        rating=_sum(np.where(rated, take["rating"], 0), first) / np.maximum(_sum(rated, first), 1),
        rated=_sum(rated, first) > 0,
        minute=sequences.columns["minute"][events[first]],
    )
    columns = {
        "last_us": np.maximum.reduceat(take["ts_us"], first) if len(first) else take["ts_us"],
        "day": step.day,
        "kind": step.kind,
        "channel": sequences.columns["channel"][events[first]],
        "amount": amount.astype(np.float32),
        "numbers": numbers,
        "lines": lines,
    }
    return columns | {word: take[word] for word in words}, step.customer


_DAY = ("campaign", "search", "view", "cart", "order_line", "refund", "review")
_PLACES = {kind: place for place, kind in enumerate(_DAY)}


@dataclass(frozen=True)
class _Step:
    customer: Array  # (S,)
    day: Array
    kind: Array
    lines: Array
    amount: Array  # over the scale


def _sum(values: Array, first: Array) -> Array:
    return np.add.reduceat(values.astype(np.float64), first) if len(first) else np.zeros(0)


def _signed_log(values: Array) -> Array:
    return np.sign(values) * np.log1p(np.abs(values))


def _known_items(customer: Array, kind: Array, item: Array, step: Array) -> Array:
    """(L,) whether the customer had ordered the item in an earlier step."""
    pair = customer.astype(np.int64) * (int(item.max(initial=0)) + 2) + item + 1
    ordered = (kind == ORDER) & (item != NONE)
    far = np.iinfo(np.int64).max
    _, place = np.unique(pair, return_inverse=True)
    earliest = np.full(place.max(initial=0) + 1, far)
    np.minimum.at(earliest, place[ordered], step[ordered])
    return (earliest[place] < step) & (item != NONE)


def _numbers(
    step: _Step, *, quantity: Array, known: Array, rating: Array, rated: Array, minute: Array
) -> Array:  # (S, F)
    begins = np.ones(len(step.day), dtype=bool)
    begins[1:] = step.customer[1:] != step.customer[:-1]
    start = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))  # (S,) the customer's first step
    day = step.day.astype(np.float64)
    is_order = step.kind == ORDER
    orders = _running(is_order, start)
    spent = _running(np.where(is_order, step.amount, 0), start)
    gap = np.where(begins, 0, day - np.concatenate([[0], day[:-1]]))
    before = _last_order_before(is_order, start)
    order_gap = np.where(before >= 0, day - day[before], 0)
    age = day - day[start]
    first_order = _first_order(is_order, start)
    mean_gap = (day - day[first_order]) / np.maximum(orders - is_order, 1)
    year, week = 2 * np.pi * day / YEAR_DAYS, 2 * np.pi * day / 7
    columns = {
        "amount": _signed_log(step.amount),
        "lines": np.log1p(step.lines),
        "quantity": np.log1p(quantity),
        "gap": np.log1p(gap),
        "order_gap": np.log1p(order_gap),
        "gap_ratio": np.where(before >= 0, np.log1p(order_gap) - np.log1p(np.maximum(mean_gap, 0)), 0),
        "age": np.log1p(age),
        "orders": np.log1p(orders),
        "mean_amount": _signed_log(spent / np.maximum(orders, 1)),
        "known_items": known / step.lines,
        "price": np.log(np.abs(step.amount) / step.lines + 1e-3),
        "rating": np.where(rated, rating - 3, 0),
        "rated": rated,
        "year_sine": np.sin(year),
        "year_cosine": np.cos(year),
        "week_sine": np.sin(week),
        "week_cosine": np.cos(week),
        "hour": minute / 1440,
    }
    return np.stack([columns[name] for name in NUMBERS], axis=1).astype(np.float32)


def _running(values: Array, start: Array) -> Array:
    """Sums within each customer, up to and with each step."""
    total = np.cumsum(values, dtype=np.float64)
    return total - (total[start] - values[start])


def _last_order_before(is_order: Array, start: Array) -> Array:
    """(S,) the customer's last order step before each step; -1 where there is none."""
    steps = np.arange(len(is_order))
    latest = np.maximum.accumulate(np.where(is_order, steps, -1))
    before = np.concatenate([[-1], latest[:-1]])
    return np.where(before >= start, before, -1)


def _first_order(is_order: Array, start: Array) -> Array:
    """(S,) the customer's first order step up to each step; the step itself where there is none."""
    steps = np.arange(len(is_order))
    nth = _running(is_order, start)
    return np.maximum.accumulate(np.where(is_order & (nth == 1), steps, start))
