"""Refunds are matched to the orders that they undo."""

from __future__ import annotations

import duckdb

FEW = 10_000  # refunds whose customers' orders are held in memory
ROUNDS = 20  # each serves at least one refund of every line asked for; real shops are done after a few


def match_refunds(con: duckdb.DuckDBPyConnection) -> int:
    """Match the refunds of all customers of the table `fresh`; returns how many of `fresh` found their order.

    Reads the views `fresh` (new events) and `known` (the log so far), both in the columns of an event, and the table
    `gone` of what was taken out of the log (event_id, order_id, customer_id). Fills the table
    `matches` (event_id, refund_of) for refunds of `fresh`, and `rematched` with those of `known` that now belong to
    another order than they were matched to: an order that comes later than its refund finds it too, so that what is
    matched does not hang on the order in which files come.

    A refund belongs to the order whose id it bears, if that customer has it. Else to the latest order at or before
    its time in which the same customer bought at least as many of the same item, less what other refunds took of
    that line already; refunds are served in the order of time. Else, since shops often enter refunds by hand under
    another item, to the latest order line of exactly its amount of which nothing was given back.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE matches (event_id VARCHAR, refund_of VARCHAR)")
    con.execute(_REFUNDS)
    [(count,)] = con.execute("SELECT count(*) FROM refunds").fetchall()
    if not count:
        con.execute("CREATE OR REPLACE TEMP TABLE rematched AS SELECT * FROM matches")
        return 0
    around = _AROUND
    if count <= FEW:
        con.execute(f"CREATE OR REPLACE TEMP TABLE around_few AS {_AROUND}")
        around = "SELECT * FROM around_few"
    con.execute(f"CREATE OR REPLACE TEMP VIEW around AS {around}")
    con.execute(
        "INSERT INTO matches SELECT event_id, order_id FROM refunds SEMI JOIN (SELECT customer_id, order_id FROM around"
        " WHERE kind = 'order_line' AND order_id IN (SELECT order_id FROM refunds)) USING (customer_id, order_id)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE all_refunds AS SELECT * FROM refunds")
    con.execute("DELETE FROM refunds WHERE event_id IN (SELECT event_id FROM matches)")
    if con.execute("SELECT count(*) FROM refunds").fetchall() != [(0,)]:
        _match_lines(con)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE rematched AS SELECT event_id, m.refund_of FROM all_refunds r"
        " LEFT JOIN matches m USING (event_id) WHERE NOT r.is_fresh AND m.refund_of IS DISTINCT FROM r.refund_of"
    )
    con.execute("DELETE FROM matches WHERE event_id IN (SELECT event_id FROM all_refunds WHERE NOT is_fresh)")
    return int(con.execute("SELECT count(*) FROM matches").fetchall()[0][0])


def _match_lines(con: duckdb.DuckDBPyConnection) -> None:
    """Match the refunds whose own number is no order's, by item and then by amount."""
    con.execute(_CANDIDATES)
    con.execute(_LINES)
    for rule in (_SAME_ITEM, _SAME_AMOUNT):
        for _ in range(ROUNDS):
            if not _one_round(con, rule):
                break


# The new refunds, and of customers of whom an order or a refund is new the former ones that this may concern: all but
# those that bear their order's number, which stay with it unless it was taken out.
_REFUNDS = """
    CREATE OR REPLACE TEMP TABLE refunds AS
    SELECT event_id, customer_id, order_id, item_id, ts, coalesce(abs(quantity), 1) AS quantity, abs(amount) AS amount,
        refund_of, is_fresh
    FROM (
        SELECT *, CAST(NULL AS VARCHAR) AS refund_of, true AS is_fresh FROM fresh WHERE kind = 'refund'
        UNION ALL BY NAME
        SELECT *, false AS is_fresh FROM known WHERE kind = 'refund'
            AND (refund_of IS NULL OR refund_of IS DISTINCT FROM order_id)
            AND customer_id IN (SELECT customer_id FROM fresh WHERE kind IN ('order_line', 'refund')
                                UNION ALL SELECT customer_id FROM gone)
        UNION ALL BY NAME
        SELECT *, false AS is_fresh FROM known WHERE kind = 'refund' AND refund_of = order_id
            AND (order_id, customer_id) IN (SELECT (order_id, customer_id) FROM gone)
    )
"""

# All orders and refunds of the customers who have refunds: read once where they are few, since the log may be large.
# Each side is filtered by itself, which lets the reader of the files pass over most of them.
_AROUND = " UNION ALL ".join(
    f"""
    SELECT event_id, customer_id, order_id, item_id, ts, kind, coalesce(abs(quantity), 1) AS quantity, amount,
        {settled} AS settled
    FROM {side} WHERE customer_id IN (SELECT customer_id FROM refunds) AND kind IN ('order_line', 'refund')
    """
    for side, settled in (("known", "kind = 'refund' AND refund_of = order_id"), ("fresh", "false"))
)

# Those of the customers who have refunds left to match.
_CANDIDATES = """
    CREATE OR REPLACE TEMP TABLE candidates AS
    SELECT * FROM around WHERE customer_id IN (SELECT customer_id FROM refunds)
"""

# The order lines that a refund could belong to, with what other refunds left of them. A refund names an order,
# not a line: what it took is taken from the first lines of that order and item.
_LINES = """
    CREATE OR REPLACE TEMP TABLE lines AS
    WITH taken AS (
        SELECT customer_id, coalesce(m.refund_of, c.order_id) AS order_id, item_id, sum(quantity) AS taken
        FROM candidates c LEFT JOIN matches m ON c.event_id = m.event_id
        WHERE settled OR m.event_id IS NOT NULL GROUP BY ALL
    ), ordered AS (
        SELECT event_id, customer_id, order_id, item_id, ts, quantity, amount,
            sum(quantity) OVER (PARTITION BY customer_id, order_id, item_id ORDER BY ts, event_id) - quantity AS before
        FROM candidates WHERE kind = 'order_line' AND order_id IS NOT NULL
    )
    SELECT event_id, customer_id, order_id, item_id, ts, quantity, amount,
        quantity - least(greatest(coalesce(taken, 0) - before, 0), quantity) AS remaining
    FROM ordered LEFT JOIN taken USING (customer_id, order_id, item_id)
"""


# What a line must be to take a refund, and how much of it the refund takes.
_SAME_ITEM = ("r.item_id = l.item_id AND l.remaining >= r.quantity", "r.quantity")
_SAME_AMOUNT = ("r.amount = l.amount AND r.amount > 0 AND l.remaining = l.quantity", "l.quantity")


def _one_round(con: duckdb.DuckDBPyConnection, rule: tuple[str, str]) -> bool:
    """Each refund asks for its latest line that can take it; each line serves the earliest that fit into it."""
    fits, takes = rule
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE served AS
        WITH asked AS (
            SELECT r.event_id, r.ts, {takes} AS quantity, l.event_id AS line, l.order_id, l.remaining
            FROM refunds r JOIN lines l ON r.customer_id = l.customer_id AND l.ts <= r.ts AND {fits}
            QUALIFY row_number() OVER (PARTITION BY r.event_id ORDER BY l.ts DESC, l.event_id) = 1
        )
        SELECT event_id, line, order_id, quantity FROM asked
        QUALIFY sum(quantity) OVER (PARTITION BY line ORDER BY ts, event_id) <= remaining
        """
    )
    con.execute("INSERT INTO matches SELECT event_id, order_id FROM served")
    con.execute("DELETE FROM refunds WHERE event_id IN (SELECT event_id FROM served)")
    con.execute(
        "UPDATE lines SET remaining = remaining - s.taken"
        " FROM (SELECT line, sum(quantity) AS taken FROM served GROUP BY line) s WHERE lines.event_id = s.line"
    )
    return con.execute("SELECT count(*) FROM served").fetchall() != [(0,)]
