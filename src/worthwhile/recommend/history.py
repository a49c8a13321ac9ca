"""What customers bought before a cutoff, as arrays: one row a customer, item and local day.

Read from the log once for the run's cutoff. What was known on an earlier day, for the windows that the mixture is
learned from, is a part of the same rows (`known_on`).

Letters: C customers who bought, I items, L lines, P pairs of a customer and an item, O orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from scipy import sparse

from worthwhile.errors import InputError
from worthwhile.features.build import no_history
from worthwhile.schema import to_us
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]

NEVER = 2**30  # the day of what never happens
# Given back to nothing when less than this share of the amount is left, as in features/sql.py.
REST = "1e-4"

# Goods that were paid for. A gift and a sample, at no amount, are not what a customer chose.
_BOUGHT = "kind = 'order_line' AND is_goods AND item_id IS NOT NULL AND coalesce(amount, 1) > 0 AND ts_us < $cutoff"

_DAYS = f"""
    CREATE OR REPLACE TEMP TABLE recommend_days AS
    WITH lines AS (
        SELECT customer_id, item_id, day, order_id, sum(amount) AS amount, avg(price) AS price
        FROM events WHERE {_BOUGHT} GROUP BY ALL
    ), refunds AS (
        SELECT customer_id, coalesce(refund_of, order_id) AS order_id, item_id, day, -amount AS amount
        FROM events WHERE kind = 'refund' AND is_goods AND ts_us < $cutoff
    ), item_back AS (
        SELECT customer_id, order_id, item_id, day,
            sum(amount) OVER (PARTITION BY customer_id, order_id, item_id ORDER BY day) AS back
        FROM refunds WHERE item_id IS NOT NULL
    ), item_gone AS (
        SELECT customer_id, order_id, item_id, min(b.day) AS gone
        FROM item_back b JOIN
            (SELECT customer_id, order_id, item_id, sum(amount) AS amount FROM lines GROUP BY ALL)
            USING (customer_id, order_id, item_id)
        WHERE back >= amount * (1 - {REST}) GROUP BY ALL
    ), order_back AS (
        SELECT customer_id, order_id, day, sum(amount) OVER (PARTITION BY customer_id, order_id ORDER BY day) AS back
        FROM refunds
    ), order_gone AS (
        SELECT customer_id, order_id, min(b.day) AS gone
        FROM order_back b JOIN (SELECT customer_id, order_id, sum(amount) AS amount FROM lines GROUP BY ALL)
            USING (customer_id, order_id)
        WHERE back >= amount * (1 - {REST}) GROUP BY ALL
    )
    SELECT l.customer_id, l.item_id, l.day, avg(l.price) AS price,
        max(least(coalesce(i.gone, {NEVER}), coalesce(o.gone, {NEVER}))) AS gone
    FROM lines l
        LEFT JOIN item_gone i USING (customer_id, order_id, item_id)
        LEFT JOIN order_gone o USING (customer_id, order_id)
    GROUP BY l.customer_id, l.item_id, l.day
"""
_ROWS = """
    WITH buyers AS (
        SELECT customer_id, row_number() OVER (ORDER BY customer_id) - 1 AS customer
        FROM (SELECT DISTINCT customer_id FROM recommend_days)
    ), sold AS (
        SELECT item_id, row_number() OVER (ORDER BY item_id) - 1 AS item
        FROM (SELECT DISTINCT item_id FROM recommend_days)
    )
    SELECT customer, item, day, price, gone
    FROM recommend_days JOIN buyers USING (customer_id) JOIN sold USING (item_id) ORDER BY customer, day, item
"""

# Items of a list that have never been sold. One whose first event comes later is not known at the cutoff.
_UNSOLD = """
    SELECT item_id FROM items
    WHERE is_goods AND item_id NOT IN (SELECT item_id FROM events WHERE item_id IS NOT NULL AND kind = 'order_line')
    ORDER BY item_id
"""


@dataclass(frozen=True)
class Lines:
    """What was bought before a cutoff, ascending by customer, day and item."""

    customers: Array  # (C,) str, ascending: those who bought
    items: Array  # (I,) str: the `sold` first, ascending, then those of lists that were never sold, ascending
    sold: int  # how many of the items were sold
    customer: Array  # (L,) int32: index into customers
    item: Array  # (L,) int32: index into items
    day: Array  # (L,) int32: local day counted from 1970-01-01
    price: Array  # (L,) float32: of one unit; NaN where not known
    gone: Array  # (L,) int32: the day on which it was known to be given back whole; NEVER where it was not
    end: int  # the first day of which nothing is known

    def __len__(self) -> int:
        return len(self.day)


def read_lines(log: Log, cutoff: datetime) -> Lines:
    """The lines of goods with an item id before `cutoff` (UTC), known refunds with them.

    Raises InputError `no-history` where nobody had ordered, where no order names an item, and where there is only one.
    """
    log.con.execute(_DAYS, {"cutoff": to_us(cutoff)})
    try:
        customers, items = (
            [name for (name,) in log.con.execute(f"SELECT DISTINCT {c} FROM recommend_days ORDER BY {c}").fetchall()]
            for c in ("customer_id", "item_id")
        )
        rows = log.con.sql(_ROWS).to_arrow_table()
    finally:
        log.con.execute("DROP TABLE recommend_days")
    if len(items) < 2:
        raise _too_few(log, cutoff, len(items))
    unsold = [name for (name,) in log.con.execute(_UNSOLD).fetchall()]
    columns = {name: rows[name].to_numpy() for name in rows.column_names}
    return Lines(
        customers=np.array(customers, dtype=object),
        items=np.array(items + unsold, dtype=object),
        sold=len(items),
        customer=columns["customer"].astype(np.int32),
        item=columns["item"].astype(np.int32),
        day=columns["day"].astype(np.int32),
        price=columns["price"].astype(np.float32),
        gone=columns["gone"].astype(np.int32),
        end=day_after(cutoff, log),
    )


def day_after(cutoff: datetime, log: Log) -> int:
    """The first local day that begins at the cutoff or after it."""
    local = cutoff.astimezone(log.zone)
    midnight = (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    return (local.date() - date(1970, 1, 1)).days + (0 if midnight else 1)


def _too_few(log: Log, cutoff: datetime, items: int) -> InputError:
    ordered = "SELECT count(*) FROM events WHERE kind = 'order_line' AND ts_us < ?"
    [(orders,)] = log.con.execute(ordered, [to_us(cutoff)]).fetchall()
    if not orders:
        return no_history(cutoff, log)
    what = "only one item had been sold before the cutoff" if items else "no order before the cutoff names its items"
    return InputError(
        "no-history",
        what,
        where=f"cutoff {cutoff.astimezone(log.zone).isoformat()}",
        remedy="recommending needs order lines of at least two items: ingest a file whose lines have an item id"
        " (--map item_id=COLUMN)",
    )


@dataclass(frozen=True)
class History:
    """What was known on the morning of a day. Pairs are ascending by customer and item, orders by customer and day."""

    lines: Lines
    day: int
    known: Array  # (K,) int: the rows of `lines` that were known and not given back
    pair_start: Array  # (C+1,) int: a customer's pairs
    pair_item: Array  # (P,) int32
    times: Array  # (P,) float32: days on which the customer bought the item
    first: Array  # (P,) int32: the first of these days
    last: Array  # (P,) int32
    in_last: Array  # (P,) float32: 1 where the last order holds it
    in_last_three: Array  # (P,) float32: how many of the last three orders hold it
    order_start: Array  # (C+1,) int: a customer's orders
    order_day: Array  # (O,) int32
    order_size: Array  # (O,) int32: items

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.lines.customers), len(self.lines.items)

    @property
    def orders(self) -> Array:  # (C,) int
        return np.diff(self.order_start)

    @property
    def pair_customer(self) -> Array:  # (P,) int
        return np.repeat(np.arange(self.shape[0]), np.diff(self.pair_start))

    def matrix(self, values: Array) -> sparse.csr_matrix:
        """Values of pairs (P,) as a matrix of customers and items (C, I) float32."""
        # Copied: scipy changes the places of a matrix where it drops zeros or sorts.
        parts = (values.astype(np.float32), self.pair_item, self.pair_start)
        return sparse.csr_matrix(parts, shape=self.shape, copy=True)

    def places(self, customers: Array, row: Array, item: Array) -> Array:
        """Where pairs (N,) lie among those known, -1 where the customer never bought the item.

        `row` is an index into `customers` (U,).
        """
        sizes = np.diff(self.pair_start)[customers]
        own = np.repeat(self.pair_start[customers] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        keys = np.repeat(np.arange(len(customers), dtype=np.int64), sizes) * self.shape[1] + self.pair_item[own]
        at = np.searchsorted(keys, row.astype(np.int64) * self.shape[1] + item)
        found = np.full(len(row), -1, np.int64)
        inside = at < len(keys)
        inside[inside] = keys[at[inside]] == row[inside].astype(np.int64) * self.shape[1] + item[inside]
        found[inside] = own[at[inside]]
        return found

    def baskets(self, since: int) -> sparse.csr_matrix:
        """Orders from the day `since` on, and the items that they hold (B, I) of ones."""
        rows = self.known[self.lines.day[self.known] >= since]
        _, starts = _starts(self.lines.customer[rows], self.lines.day[rows])
        pointer = np.append(starts, len(rows))
        ones = np.ones(len(rows), np.float32)
        return sparse.csr_matrix((ones, self.lines.item[rows], pointer), shape=(len(starts), self.shape[1]))


def known_on(lines: Lines, day: int) -> History:
    """What was known on the morning of `day`, of which nothing at or after it."""
    known = np.flatnonzero((lines.day < day) & (lines.gone >= day))
    customer, item, when = lines.customer[known], lines.item[known], lines.day[known]
    count, items = len(lines.customers), len(lines.items)
    of_order, order_at = _starts(customer, when)
    order_start = np.searchsorted(customer[order_at], np.arange(count + 1))
    back = order_start[customer + 1] - of_order  # 1 in the last order, 2 in that before, ...
    by_pair = np.argsort(customer.astype(np.int64) * items + item, kind="stable")
    of_pair, at = _starts(customer[by_pair], item[by_pair])
    pairs = len(at)
    ends = np.append(at, len(known))[1:] - 1
    return History(
        lines=lines,
        day=day,
        known=known,
        pair_start=np.searchsorted(customer[by_pair][at], np.arange(count + 1)),
        pair_item=item[by_pair][at],
        times=np.bincount(of_pair, minlength=pairs).astype(np.float32),
        first=when[by_pair][at],
        last=when[by_pair][ends],
        in_last=np.bincount(of_pair[back[by_pair] == 1], minlength=pairs).astype(np.float32),
        in_last_three=np.bincount(of_pair[back[by_pair] <= 3], minlength=pairs).astype(np.float32),
        order_start=order_start,
        order_day=when[order_at],
        order_size=np.diff(np.append(order_at, len(known))).astype(np.int32),
    )


def _starts(*keys: Array) -> tuple[Array, Array]:
    """Of rows that are ascending by `keys`: the number of each row's group (L,), and where each group starts (G,)."""
    if not len(keys[0]):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    new = np.ones(len(keys[0]), bool)
    new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return np.cumsum(new) - 1, np.flatnonzero(new)


def bought_within(lines: Lines, day: int, days: int) -> sparse.csr_matrix:
    """Which items each customer bought from the morning of `day` on, for so many days: (C, I) of ones."""
    rows = np.flatnonzero((lines.day >= day) & (lines.day < day + days))
    shape = (len(lines.customers), len(lines.items))
    kept = sparse.csr_matrix((np.ones(len(rows), np.float32), (lines.customer[rows], lines.item[rows])), shape=shape)
    kept.data[:] = 1.0
    return kept


def value_at(matrix: sparse.csr_matrix, row: Array, column: Array) -> Array:
    """Entries of a sparse matrix with sorted columns, at places (N,): 0 where it has none. float32."""
    width = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * width + matrix.indices
    wanted = row.astype(np.int64) * width + column
    place = np.searchsorted(keys, wanted)
    found = place < len(keys)
    found[found] = keys[place[found]] == wanted[found]
    values = np.zeros(len(wanted), np.float32)
    values[found] = matrix.data[place[found]]
    return values


__all__ = ["NEVER", "History", "Lines", "bought_within", "known_on", "read_lines", "value_at"]
