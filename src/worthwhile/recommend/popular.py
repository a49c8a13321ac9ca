"""What many buy: all customers, and those of a customer's own segment (country, channel, first category)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.recommend.history import History
from worthwhile.schema import to_us
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]

RECENT_DAYS, SEASON_DAYS = 60, 180
ATTRIBUTES = ("country", "channel", "category")
MOST_VALUES = 50  # of an attribute; customers of rarer ones have none
# As many customers of a segment buying as everybody does are added to it: a segment of few says little.
SHRINK = 20.0

# A contact by the shop has the channel of the campaign, which is not where the customer buys.
_SEGMENTS = """
    WITH known AS (
        SELECT item_id, arg_max(category, (coalesce(since_us, -1), category)) AS category
        FROM item_categories WHERE since_us IS NULL OR since_us < $cutoff GROUP BY item_id
    ), seen AS (
        SELECT customer_id, arg_max(e.country, (ts_us, e.country)) FILTER (e.country IS NOT NULL) AS country,
            arg_max(channel, (ts_us, channel)) FILTER (channel IS NOT NULL AND kind <> 'campaign') AS channel,
            arg_min(coalesce(e.category, k.category), (ts_us, coalesce(e.category, k.category)))
                FILTER (coalesce(e.category, k.category) IS NOT NULL) AS category
        FROM events e LEFT JOIN known k USING (item_id) WHERE ts_us < $cutoff GROUP BY customer_id
    ), registered AS (
        SELECT customer_id, country FROM customers WHERE epoch_us(registered_at) < $cutoff
    )
    SELECT customer_id, coalesce(s.country, r.country) AS country, s.channel, s.category
    FROM seen s FULL JOIN registered r USING (customer_id) ORDER BY customer_id
"""


@dataclass(frozen=True)
class Segments:
    """Of every customer known before the cutoff the country, channel and first category, where they are told."""

    customers: Array  # (N,) str, ascending: those who only looked or registered too
    codes: Array  # (A, N) int32: index into values; -1 where not known, or rare
    values: tuple[tuple[str, ...], ...]  # of each attribute

    def of(self, customers: Array) -> Array:
        """Codes of customers (A, M), -1 for who is not known."""
        place = np.searchsorted(self.customers, customers)
        place[place == len(self.customers)] = 0
        found = self.customers[place] == customers
        return np.where(found, self.codes[:, place], -1)


def read_segments(log: Log, cutoff: datetime) -> Segments:
    """What the log and the list of customers told of each before `cutoff` (UTC)."""
    table = log.con.sql(_SEGMENTS, params={"cutoff": to_us(cutoff)}).to_arrow_table()
    codes: list[Array] = []
    values: list[tuple[str, ...]] = []
    for attribute in ATTRIBUTES:
        column = table[attribute].to_numpy()
        told = np.array([value is not None for value in column], dtype=bool)
        names, count = np.unique(column[told].astype(str), return_counts=True)
        kept = np.sort(names[np.lexsort((names, -count))[:MOST_VALUES]])
        code: Array = np.full(len(column), -1, np.int32)
        if len(kept):
            place = np.minimum(np.searchsorted(kept, column[told].astype(str)), len(kept) - 1)
            code[told] = np.where(kept[place] == column[told].astype(str), place, -1)
        codes.append(code)
        values.append(tuple(kept.tolist()))
    return Segments(table["customer_id"].to_numpy().astype(object), np.array(codes), tuple(values))


@dataclass(frozen=True)
class Popular:
    """How many customers bought each item lately, and how much more those of each segment do."""

    share: Array  # (I,) float32: of the customers who bought lately, those who bought the item; never 0 for what sold
    lift: tuple[Array, ...]  # of each attribute (values, I) float32: share in the segment over share of all, shrunk
    buyers: tuple[Array, ...]  # of each attribute (values, I) int32: customers of the segment who bought the item

    def lifts(self, codes: Array, item: Array) -> Array:
        """The lift of items (N,) to customers with these codes (A, N), of each attribute: (A, N) float32."""
        found: Array = np.ones(codes.shape, np.float32)
        for own, code, lift in zip(found, codes, self.lift, strict=True):
            known = code >= 0
            own[known] = lift[code[known], item[known]]
        return found

    def scores(self, codes: Array) -> Array:
        """Of one customer with these codes (A,): share times lifts, (I,) float32."""
        score = self.share.copy()
        for code, lift in zip(codes, self.lift, strict=True):
            if code >= 0:
                score *= lift[code]
        return score


def buyers_since(history: History, day: int) -> Array:
    """Customers who bought each item on `day` or later: (I,) float32."""
    return np.bincount(history.pair_item[history.last >= day], minlength=history.shape[1]).astype(np.float32)


def popular(history: History, segments: Segments) -> Popular:
    """What is popular on the history's day: of the last 60 days, where that says nothing of 180, or of all time."""
    recent, season, ever = (
        buyers_since(history, history.day - days) for days in (RECENT_DAYS, SEASON_DAYS, history.day)
    )
    weight = recent + 0.1 * season + 0.001 * ever
    active = max(float(np.sum(_last_order(history) >= history.day - RECENT_DAYS)), 1.0)
    codes = segments.of(history.lines.customers)
    pairs = history.matrix((history.last >= history.day - SEASON_DAYS).astype(np.float32))
    pairs.eliminate_zeros()
    lift, buyers = [], []
    for code, values in zip(codes, segments.values, strict=True):
        held = np.flatnonzero(code >= 0)
        member = sparse.csr_matrix((np.ones(len(held), np.float32), (code[held], held)), shape=(len(values), len(code)))
        count = (member @ pairs).toarray()  # (V, I)
        size = (member @ np.minimum(np.diff(pairs.indptr), 1).astype(np.float32))[:, None]
        share = (season + 1) / (len(code) + 1)
        lift.append(((count + SHRINK * share) / (size + SHRINK) / share).astype(np.float32))
        buyers.append(count.astype(np.int32))
    return Popular((weight / active).astype(np.float32), tuple(lift), tuple(buyers))


def _last_order(history: History) -> Array:
    """The day of each customer's last order (C,); 0 where there is none."""
    last = np.zeros(history.shape[0], np.int64)
    has = history.orders > 0
    last[has] = history.order_day[history.order_start[1:][has] - 1]
    return last
