"""How busy a horizon was, customer for customer: what tells a model that learned in summer that Christmas is coming."""

from __future__ import annotations

from datetime import date, datetime

from sqlglot import exp

from worthwhile.features import sql
from worthwhile.schema import to_us
from worthwhile.store.log import Log
from worthwhile.tasks import Horizon, Task

LEAST_ORDERS = 100  # of recent customers in the horizon: below it the rate is noise


def activity_at(log: Log, task: Task, start: datetime) -> float:
    """Orders asked about in the horizon after `start`, per customer who ordered in the equal span before it.

    Counted per recent customer, growth of the customer base and the wave of a first campaign cancel. NaN where the log
    does not reach back to the span before, or on to the horizon's end, or where the orders are few.
    """
    low, high = task.horizon.before(start, log.zone), task.horizon.after(start, log.zone)
    if low < log.first or high > log.until:
        return float("nan")
    day = (start.astimezone(log.zone).date() - date(1970, 1, 1)).days
    days = sql.order_days(sql.Asked.of(task, None), sql.Span(to_us(low), to_us(high)))
    counted = (
        exp.select("customer_id", f"SUM(CASE WHEN day < {day} THEN 1 ELSE 0 END) AS before", "COUNT(*) AS n")
        .from_(days.subquery("d")).where("asked", "counts").group_by("customer_id")
    )  # fmt: skip
    query = exp.select("COUNT(*)", "SUM(n - before)").from_(counted.subquery("c")).where("before > 0")
    [(customers, orders)] = log.con.execute(query.sql("duckdb")).fetchall()
    return orders / customers if customers and orders >= LEAST_ORDERS else float("nan")


def activity_year_before(log: Log, task: Task, cutoff: datetime) -> float:
    """`activity_at` the same day of the year before: the forecast of it. NaN too where the horizon is over a year."""
    year_ago = Horizon(1, "y").before(cutoff, log.zone)
    if task.horizon.after(year_ago, log.zone) > cutoff:  # would look beyond the cutoff
        return float("nan")
    return activity_at(log, task, year_ago)
