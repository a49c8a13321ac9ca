"""What the shop's own orders say of coming back: when second orders came, and who returned after how long a silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from worthwhile.decide.segments.thresholds import (
    ENOUGH_SECOND_ORDERS,
    NEW_DAYS_RANGE,
    NEW_DAYS_UNKNOWN,
    SECOND_ORDER_SHARE,
)
from worthwhile.features import sql
from worthwhile.schema import to_us
from worthwhile.store.log import Log
from worthwhile.tasks import Task

EPOCH = datetime(1970, 1, 1).date()
FOLLOWED_DAYS = 365  # that a customer is watched after the first order; half the log's length where that is less
SILENCES = (30, 60, 90, 120, 180, 270, 365)  # days without an order
ORDERS = "segment_orders"  # customer_id, day of an order that counts, after: the day of the next one


@dataclass(frozen=True)
class SecondOrders:
    """Second orders of those customers whose first order lies at least `followed_days` back."""

    customers: int
    followed_days: int
    came_back: int  # within followed_days
    median_days: float  # from the first order to the second, of those who came back; NaN where nobody did
    most_days: float  # within which SECOND_ORDER_SHARE of them had come

    @property
    def new_days(self) -> int:
        """How long a customer is new: until most second orders have come."""
        if self.came_back < ENOUGH_SECOND_ORDERS:
            return NEW_DAYS_UNKNOWN
        low, high = NEW_DAYS_RANGE
        return min(max(round(self.most_days), low), high)


@dataclass(frozen=True)
class Silence:
    """Of all stretches of `days` without an order that began early enough to see what followed: how many ended with an
    order in the horizon after them."""

    days: int
    stretches: int
    returned: int


def make_orders(log: Log, task: Task, cutoff: datetime) -> None:
    """The table ORDERS: all orders before the cutoff (UTC) that the task asks about and that were not given back."""
    days = sql.order_days(sql.Asked.of(task, None), sql.Span(None, to_us(cutoff)))
    asked = exp.select("customer_id", "day").from_(days.subquery("d", copy=False)).where("asked")
    log.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {ORDERS} AS SELECT customer_id, day,"
        " lead(day) OVER (PARTITION BY customer_id ORDER BY day) AS after,"
        f" row_number() OVER (PARTITION BY customer_id ORDER BY day) AS number FROM ({asked.sql('duckdb')})"
    )


def day_of(moment: datetime, log: Log) -> int:
    """The shop's local day of a moment, counted from 1970-01-01."""
    return (moment.astimezone(log.zone).date() - EPOCH).days


def second_orders(log: Log, cutoff: datetime) -> SecondOrders:
    """From the table ORDERS."""
    followed = max(min(FOLLOWED_DAYS, (cutoff - log.first).days // 2), 1)
    [row] = log.con.execute(
        "SELECT count(*), count(*) FILTER (gap <= $followed), median(gap) FILTER (gap <= $followed),"
        " quantile_cont(gap, $share) FILTER (gap <= $followed)"
        f" FROM (SELECT after - day AS gap FROM {ORDERS} WHERE number = 1 AND day + $followed <= $today)",
        {"followed": followed, "share": SECOND_ORDER_SHARE, "today": day_of(cutoff, log)},
    ).fetchall()
    customers, came_back, median, most = row
    unknown = float("nan")
    return SecondOrders(
        customers, followed, came_back, unknown if median is None else median, unknown if most is None else most
    )


def silences(log: Log, task: Task, cutoff: datetime) -> list[Silence]:
    """From the table ORDERS; lengths that no stretch has reached are left out."""
    today, span = day_of(cutoff, log), round(task.horizon.nominal_days)
    rows = log.con.execute(
        "SELECT s, count(*), count(*) FILTER (after < day + s + $span)"
        f" FROM {ORDERS}, (SELECT unnest($silences) AS s)"
        " WHERE (after IS NULL OR after >= day + s) AND day + s + $span <= $today GROUP BY s ORDER BY s",
        {"silences": list(SILENCES), "span": span, "today": today},
    ).fetchall()
    return [Silence(*row) for row in rows]
