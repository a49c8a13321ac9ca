"""Refunds that name an order and do not say how much: each gives back what is left of its order."""

from __future__ import annotations

import duckdb


def settle_open_refunds(con: duckdb.DuckDBPyConnection) -> None:
    """Fill the table `open_amounts` (event_id, amount) for all open refunds that the new events may concern.

    Reads `fresh` and `known` with what `match_refunds` found (`matches`, `rematched`), and `gone`. An open refund of an
    item gives back what is left of that item, where the order has it; any other what is left of the order, all other
    refunds counted, whenever they were given. Of several alike the first takes it all. So amounts are a function of
    what is in the log, not of the order in which it came.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE open_amounts (event_id VARCHAR, amount DOUBLE)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE open_refunds AS"
        " SELECT event_id, ts, order_id, customer_id, item_id FROM fresh WHERE is_open"
    )
    con.execute(_KNOWN)
    if con.execute("SELECT count(*) FROM known_open").fetchall() != [(0,)]:
        con.execute(_CONCERNED)
    if con.execute("SELECT count(*) FROM open_refunds").fetchall() != [(0,)]:
        con.execute(_SETTLE)


# Those of the log are looked for first: mostly there are none, and the new events need not be read for them.
_KNOWN = """
    CREATE OR REPLACE TEMP TABLE known_open AS
    SELECT event_id, ts, order_id, customer_id, item_id FROM known WHERE kind = 'refund' AND is_open
"""
_CONCERNED = """
    INSERT INTO open_refunds SELECT * FROM known_open
    WHERE customer_id IN (SELECT customer_id FROM fresh UNION ALL SELECT customer_id FROM gone)
"""

# `around`: lines and refunds that say how much, each with the order that it belongs to.
_SETTLE = """
    INSERT INTO open_amounts
    WITH around AS (
        SELECT customer_id, coalesce(refund_of, order_id) AS order_id, item_id, kind, amount
        FROM fresh LEFT JOIN matches USING (event_id)
        WHERE kind IN ('order_line', 'refund') AND is_open IS NULL
            AND customer_id IN (SELECT customer_id FROM open_refunds)
        UNION ALL
        SELECT customer_id, coalesce(CASE WHEN r.event_id IS NULL THEN k.refund_of ELSE r.refund_of END, order_id),
            item_id, kind, amount
        FROM known k LEFT JOIN rematched r ON k.event_id = r.event_id
        WHERE kind IN ('order_line', 'refund') AND is_open IS NULL
            AND customer_id IN (SELECT customer_id FROM open_refunds)
    ), of_items AS (
        SELECT order_id, customer_id, item_id, greatest(sum(amount), 0) AS item_left FROM around
        WHERE item_id IS NOT NULL GROUP BY ALL HAVING count(*) FILTER (kind = 'order_line') > 0
    ), of_orders AS (
        SELECT order_id, customer_id, greatest(sum(amount), 0) AS order_left FROM around GROUP BY ALL
    ), asked AS (
        SELECT o.event_id, o.order_id, o.customer_id, item_left, coalesce(order_left, 0) AS order_left,
            row_number() OVER (
                PARTITION BY o.order_id, o.customer_id, item_left IS NULL,
                    CASE WHEN item_left IS NOT NULL THEN o.item_id END ORDER BY o.ts, o.event_id
            ) = 1 AS is_first
        FROM open_refunds o LEFT JOIN of_items i
                ON o.order_id = i.order_id AND o.customer_id = i.customer_id AND o.item_id = i.item_id
            LEFT JOIN of_orders w ON o.order_id = w.order_id AND o.customer_id = w.customer_id
    ), first AS (
        SELECT event_id, order_left, item_left IS NOT NULL AS is_item,
            CASE WHEN is_first THEN least(item_left, order_left) ELSE 0 END AS of_item,
            CASE WHEN is_first THEN order_left ELSE 0 END AS of_order,
            sum(of_item) FILTER (is_item) OVER (PARTITION BY order_id, customer_id) AS of_items
        FROM asked
    )
    SELECT event_id,
        round(-CASE WHEN is_item THEN of_item ELSE greatest(of_order - coalesce(of_items, 0), 0) END, 6) + 0.0
    FROM first
"""
