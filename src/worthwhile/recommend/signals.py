"""What speaks for an item to a customer: one row of numbers for each pair that comes into question.

Some are of the customer's own purchases of the item (how often, how long ago, whether it is due), some of the item
(how many buy it, and in this season), some of the customer, some of what is bought together with what they bought.
The mixture (`mix.py`) makes one score of them.

Letters: C customers, I items, P pairs of a customer and an item, N pairs asked about, U customers asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.recommend.content import Content, alike, stands_for
from worthwhile.recommend.history import History, Lines, known_on, value_at
from worthwhile.recommend.popular import Popular, Segments, buyers_since, popular
from worthwhile.recommend.together import Together, together

Array = np.ndarray[Any, Any]

FADE_DAYS = 90.0  # after which a purchase counts 1/e in what a customer is known by
BASKET_DAYS = 200  # of the orders that tell what is bought in one order
YEAR, MONTH = 365, 30

OF_PAIR = ("times", "since", "since_first", "gap", "due", "share", "pace", "in_last", "in_last_three")
OF_CUSTOMER = ("orders", "since_order", "age", "basket", "last_basket", "own_share")
OF_ITEM = (
    "sold_7", "sold_30", "sold_60", "sold_180", "sold_ever", "year_ago", "before_year_ago", "season", "trend",
    "repeat", "price", "since_sold", "item_age", "popularity",
)  # fmt: skip
OF_BOTH = ("price_ratio", "here")
SCORES = ("together", "together_recent", "together_baskets", "like")
NAMES = (*OF_PAIR, *OF_CUSTOMER, *OF_ITEM, *OF_BOTH, *SCORES, *(f"{name}_of_best" for name in SCORES))


@dataclass(frozen=True)
class Sources:
    """All that signals on one day are read from."""

    history: History
    taste: sparse.csr_matrix  # (C, I): what a customer is known by: sqrt(times), fading; rows sum to at most 1
    recent: sparse.csr_matrix  # (C, I): how many of the last three orders hold the item
    by_customers: Together
    by_baskets: Together
    popular: Popular
    codes: Array  # (A, C) int32: segments of customers
    of_customer: Array  # (C, F) float32, in the order of `OF_CUSTOMER`
    of_item: Array  # (I, F) float32, in the order of `OF_ITEM`
    price_of_customer: Array  # (C,) float32: geometric mean
    like: sparse.csr_matrix | None  # (I, I): the cosine of contents
    stands_for: sparse.csr_matrix | None  # (I, I): of items that were never sold, those that they are most like


def sources_on(
    lines: Lines, day: int, segments: Segments, *, content: Content | None = None, unsold: bool = False
) -> Sources:
    """What was known on the morning of a day. `unsold` lets items that were never sold stand where their like do."""
    history = known_on(lines, day)
    fading = np.exp((history.last - day) / FADE_DAYS) * np.sqrt(history.times)
    bought = history.matrix(np.ones_like(history.times))
    by_customers = together(bought, shrink=10.0)
    common = popular(history, segments)
    of_item, price = _of_items(history, common)
    units = content.of(lines.items) if content is not None else None
    relatives = stands_for(units, lines.sold) if units is not None and unsold else None
    if relatives is not None:
        of_item[lines.sold :] = relatives[lines.sold :] @ np.nan_to_num(of_item)
        common = _with_unsold(common, relatives, lines.sold)
    return Sources(
        history=history,
        taste=_rows_to_one(history.matrix(fading)),
        recent=history.matrix(history.in_last_three),
        by_customers=by_customers,
        by_baskets=together(history.baskets(day - BASKET_DAYS), shrink=3.0, by_size=True),
        popular=common,
        codes=segments.of(lines.customers),
        of_customer=_of_customers(history),
        of_item=of_item,
        price_of_customer=price,
        like=alike(units, np.ones(len(units), bool)) if units is not None else None,
        stands_for=relatives,
    )


def _rows_to_one(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return (sparse.diags(1 / np.maximum(total, 1.0)) @ matrix).astype(np.float32).tocsr()


def _with_unsold(common: Popular, relatives: sparse.csr_matrix, sold: int) -> Popular:
    share = common.share.copy()
    share[sold:] = relatives[sold:] @ share
    lifts = [lift.copy() for lift in common.lift]
    for lift in lifts:
        lift[:, sold:] = (relatives[sold:] @ lift.T).T
    return Popular(share, tuple(lifts), common.buyers)


def _of_customers(history: History) -> Array:
    """(C, F) float32, in the order of `OF_CUSTOMER`; NaN where a customer had not ordered."""
    orders = history.orders
    found = np.full((len(orders), len(OF_CUSTOMER)), np.nan, np.float32)
    has = orders > 0
    start, end = history.order_start[:-1][has], history.order_start[1:][has] - 1
    lines = np.add.reduceat(history.order_size, start) if len(start) else start
    pairs = np.diff(history.pair_start)[has]
    found[has] = np.column_stack(
        [
            orders[has], history.day - history.order_day[end], history.day - history.order_day[start],
            lines / orders[has], history.order_size[end], pairs / np.maximum(lines, 1),
        ]
    )  # fmt: skip
    return found


def _of_items(history: History, common: Popular) -> tuple[Array, Array]:
    """Of items (I, F) float32, in the order of `OF_ITEM`, NaN where not known; of customers their usual price (C,)."""
    lines, day, count = history.lines, history.day, history.shape[1]
    sold = [buyers_since(history, day - days) for days in (7, 30, 60, 180, day)]
    item, when = lines.item[history.known], lines.day[history.known]
    year_ago, before = (_buyers_within(history, day - YEAR - back, day - YEAR - back + MONTH) for back in (0, MONTH))
    if len(when) and when.min() > day - YEAR - MONTH:  # not seen is not none
        before = np.full_like(before, np.nan)
        year_ago = np.full_like(year_ago, np.nan) if when.min() > day - YEAR else year_ago
    old = history.first < day - 2 * MONTH
    first_bought = np.bincount(history.pair_item[old], minlength=count)
    again = np.bincount(history.pair_item[old], history.times[old] > 1, minlength=count)
    first, last = np.full(count, np.nan), np.full(count, np.nan)
    by_day = np.argsort(when, kind="stable")
    last[item[by_day]] = when[by_day]
    first[item[by_day[::-1]]] = when[by_day[::-1]]
    price, of_customer = _prices(history)
    found = [
        *sold, year_ago, before, (year_ago + 1) / (before + 1), (sold[1] + 1) / (sold[3] / 6 + 1),
        (again + 0.6) / (first_bought + 2), price, day - last, day - first, common.share,
    ]  # fmt: skip
    return np.column_stack(found).astype(np.float32), of_customer


def _buyers_within(history: History, low: int, high: int) -> Array:
    """Customers who bought each item on a day from `low` until before `high`: (I,)."""
    lines, known = history.lines, history.known
    rows = known[(lines.day[known] >= low) & (lines.day[known] < high)]
    pairs = np.unique(lines.customer[rows].astype(np.int64) * history.shape[1] + lines.item[rows])
    return np.bincount(pairs % history.shape[1], minlength=history.shape[1]).astype(np.float32)


def _prices(history: History) -> tuple[Array, Array]:
    """The geometric mean of prices paid, of items (I,) and of customers (C,) float32; NaN where none is known."""
    lines = history.lines
    rows = history.known[lines.price[history.known] > 0]
    log_price = np.log(lines.price[rows])
    means = []
    for of, count in ((lines.item[rows], history.shape[1]), (lines.customer[rows], history.shape[0])):
        total, number = np.bincount(of, log_price, minlength=count), np.bincount(of, minlength=count)
        mean = np.divide(total, number, out=np.full(count, np.nan), where=number > 0)
        means.append(np.exp(mean).astype(np.float32))
    return means[0], means[1]


def scores_of(sources: Sources, customers: Array) -> dict[str, sparse.csr_matrix]:
    """What is bought together with, or is like, what customers (U,) bought: each (U, I), by the names of `SCORES`."""
    taste, recent = sources.taste[customers], sources.recent[customers]
    found = {
        "together": taste @ sources.by_customers.similarity,
        "together_recent": recent @ sources.by_baskets.similarity,
        "together_baskets": taste @ sources.by_baskets.similarity,
    }
    if sources.stands_for is not None:
        found = {name: score + score @ sources.stands_for.T for name, score in found.items()}
    if sources.like is not None:
        found["like"] = taste @ sources.like
    for score in found.values():
        score.sort_indices()
    return found


def signals(sources: Sources, customers: Array, scores: dict[str, sparse.csr_matrix], row: Array, item: Array) -> Array:
    """The signals (N, F) float32, in the order of `NAMES`, of pairs: `row` (N,) is an index into `customers` (U,)."""
    customer = customers[row]
    found = np.full((len(NAMES), len(row)), np.nan, np.float32)  # a row a signal, to be filled in
    columns = dict(zip(NAMES, found, strict=True))
    for names, values in ((OF_CUSTOMER, sources.of_customer[customer]), (OF_ITEM, sources.of_item[item])):
        for name, column in zip(names, values.T, strict=True):
            columns[name][:] = column
    _fill_own(columns, sources.history, sources.history.places(customers, row, item))
    columns["price_ratio"][:] = columns["price"] / sources.price_of_customer[customer]
    columns["here"][:] = np.prod(sources.popular.lifts(sources.codes[:, customer], item), axis=0)
    for name, score in scores.items():
        best = score.max(axis=1).toarray().ravel()
        columns[name][:] = value_at(score, row, item)
        columns[f"{name}_of_best"][:] = columns[name] / np.maximum(best[row], 1e-9)
    return found.T


def _fill_own(columns: dict[str, Array], history: History, place: Array) -> None:
    """What the customer's own purchases of the item say, at places of pairs (N,): NaN, counts 0, where it is -1."""
    own = np.flatnonzero(place >= 0)
    place = place[own]
    times, day = history.times[place], history.day
    since, since_first = day - history.last[place], day - history.first[place]
    for name in ("times", "share", "in_last", "in_last_three"):
        columns[name][:] = 0.0
    columns["times"][own] = times
    columns["since"][own] = since
    columns["since_first"][own] = since_first
    columns["in_last"][own] = history.in_last[place]
    columns["in_last_three"][own] = history.in_last_three[place]
    orders, age = columns["orders"][own], columns["age"][own]
    columns["share"][own] = times / orders
    # Purchases of the item for each that would be if it was bought in every order since the first time.
    columns["pace"][own] = times / np.maximum(orders * since_first / np.maximum(age, 1), 1e-3)
    again = times > 1
    gap = (since_first - since)[again] / (times[again] - 1)
    columns["gap"][own[again]] = gap
    columns["due"][own[again]] = since[again] / np.maximum(gap, 1)
