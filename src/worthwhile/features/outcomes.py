"""What happened in the horizon: the amount and the number of orders of each customer of a snapshot."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from worthwhile.features import sql
from worthwhile.features.snapshot import Array, Outcome
from worthwhile.features.terms import ValueTerms
from worthwhile.schema import to_us
from worthwhile.store.log import Log
from worthwhile.tasks import Task


def outcome_query(task: Task, start_us: int, end_us: int, start_day: int, *, value: ValueTerms | None) -> exp.Select:
    """The statement: `customer_id`, `amount`, `orders` of each customer with an order line or refund in the horizon.

    `orders` are local days with order lines asked about that were not given back by `end_us`. `amount` is the lines'
    sum and that of all refunds that fall in the horizon, of earlier orders too. For the target `value`, a line counts
    with its margin, and discounted from its local day to `start_day` at the yearly rate: (1 + rate)^(-days / 365.25).
    """
    asked, span = sql.Asked.of(task, value), sql.Span(start_us, end_us)
    amount = "amount"
    if task.target == "value" and value is not None and value.discount_rate:
        amount = f"amount * POWER({1 + value.discount_rate!r}, ({start_day} - day) / CAST(365.25 AS DOUBLE))"
    paid = (
        exp.select("customer_id", f"SUM(CASE WHEN {asked.condition()} THEN {asked.worth(amount)} ELSE 0 END) AS amount")
        .from_(
            sql.events("e.kind IN ('order_line', 'refund')", span, item_category=asked.by_category).subquery(
                "e", copy=False
            )
        )
        .group_by("customer_id")
    )
    ordered = (
        exp.select("customer_id", "COUNT(*) AS orders")
        .from_(sql.order_days(asked, span).subquery("d", copy=False))
        .where("asked")
        .group_by("customer_id")
    )
    return (
        exp.select(
            "p.customer_id",
            "GREATEST(0, p.amount) / 1000000 AS amount",
            "CAST(o.orders AS DOUBLE) AS orders",
        )
        .from_(paid.subquery("p", copy=False))
        .join(ordered.subquery("o", copy=False), on="p.customer_id = o.customer_id")
    )


def outcome_of(
    log: Log, task: Task, cutoff: datetime, customer_ids: pa.Array, *, value: ValueTerms | None = None
) -> Outcome:
    """The outcome of each customer, in the order given (N,). Whoever placed no order has the amount 0.

    The horizon must lie within the log: whether it does is for the caller to see to.
    """
    end = task.horizon.after(cutoff, log.zone)
    start_day = (cutoff.astimezone(log.zone).date() - datetime(1970, 1, 1).date()).days
    query = outcome_query(task, to_us(cutoff), to_us(end), start_day, value=value)
    table = log.con.sql(query.sql("duckdb")).to_arrow_table()
    places = pc.index_in(customer_ids, value_set=table["customer_id"].combine_chunks())
    found = ~places.is_null().to_numpy(zero_copy_only=False)
    rows = places.drop_null().to_numpy()

    def filled(name: str) -> Array:
        column = np.zeros(len(customer_ids))
        column[found] = table[name].to_numpy()[rows]
        return column

    return Outcome(amount=filled("amount"), orders=filled("orders"))
