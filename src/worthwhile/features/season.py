"""How busy a horizon was for those who bought before: what tells a model that learned in summer of Christmas."""

from __future__ import annotations

from datetime import date, datetime

from sqlglot import exp

from worthwhile.features import sql
from worthwhile.schema import to_us
from worthwhile.store.log import Log
from worthwhile.tasks import Horizon, Task

SETTLING = 0.5  # of the horizon, from the log's start to the spans counted
LEAST_ORDERS = 100  # of established customers in the horizon: below it the rate is noise


def activity_at(log: Log, task: Task, start: datetime) -> float:
    """Order days asked about in the horizon after `start`, for each one in the equal span before it.

    Counted over established customers, whose first order lies before both spans: so neither growth nor a shop's first
    wave of customers looks like a season. Refunds are not looked at. NaN where the log does not reach on far enough, or
    not half a horizon further back (the customers of a log's first days are its most frequent ones, and no measure of
    the others), or where such orders are few.
    """
    before, after = task.horizon.before(start, log.zone), task.horizon.after(start, log.zone)
    low, middle = (_local_day(moment, log) for moment in (before, start))
    if low - _local_day(log.first, log) < SETTLING * (middle - low) or after > log.until:
        return float("nan")
    asked = sql.Asked.of(task, None)
    lines = sql.events("kind = 'order_line'", sql.Span(None, to_us(after)), item_category=not asked.plain)
    counted = (
        exp.select(
            "MIN(day) AS first_day",
            f"COUNT(DISTINCT CASE WHEN day >= {low} AND day < {middle} THEN day END) AS orders_before",
            f"COUNT(DISTINCT CASE WHEN day >= {middle} THEN day END) AS orders",
        )
        .from_(lines.subquery("e")).where(asked.condition()).group_by("customer_id")
    )  # fmt: skip
    query = (
        exp.select("SUM(orders_before)", "SUM(orders)")
        .from_(counted.subquery("c")).where("orders_before > 0", f"first_day < {low}")
    )  # fmt: skip
    [(earlier, orders)] = log.con.execute(query.sql("duckdb")).fetchall()
    return orders / earlier if earlier and orders >= LEAST_ORDERS else float("nan")


def _local_day(moment: datetime, log: Log) -> int:
    return (moment.astimezone(log.zone).date() - date(1970, 1, 1)).days


def activity_year_before(log: Log, task: Task, cutoff: datetime) -> float:
    """`activity_at` the same day of the year before: the forecast of it. NaN too where the horizon is over a year."""
    year_ago = Horizon(1, "y").before(cutoff, log.zone)
    if task.horizon.after(year_ago, log.zone) > cutoff:  # would look beyond the cutoff
        return float("nan")
    return activity_at(log, task, year_ago)
