"""Refunds are matched to the orders that they undo."""

from __future__ import annotations

import duckdb

ROUNDS = 20  # each serves at least one refund of every line asked for; real shops are done after a few


def match_refunds(con: duckdb.DuckDBPyConnection) -> int:
    """Fill the table `matches` (event_id, refund_of) for the refunds of the table `fresh`; returns how many.

    Reads the views `fresh` (new events) and `known` (the log so far), both in the columns of an event.
    A refund belongs to the order whose id it bears, if that customer has it. Else to the latest order at or before
    its time in which the same customer bought at least as many of the same item, less what other refunds took of
    that line already; refunds are served in the order of time. Else, since shops often enter refunds by hand under
    another item, to the latest order line of exactly its amount of which nothing was given back.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE matches (event_id VARCHAR, refund_of VARCHAR)")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE refunds AS SELECT event_id, customer_id, order_id, item_id, ts,"
        " coalesce(abs(quantity), 1) AS quantity, abs(amount) AS amount FROM fresh WHERE kind = 'refund'"
    )
    if con.execute("SELECT count(*) FROM refunds").fetchall() == [(0,)]:
        return 0
    con.execute(_CANDIDATES)
    con.execute(
        "INSERT INTO matches SELECT r.event_id, r.order_id FROM refunds r"
        " SEMI JOIN (SELECT customer_id, order_id FROM candidates WHERE kind = 'order_line') l"
        " ON r.customer_id = l.customer_id AND r.order_id = l.order_id"
    )
    con.execute("DELETE FROM refunds WHERE event_id IN (SELECT event_id FROM matches)")
    con.execute(_LINES)
    for rule in (_SAME_ITEM, _SAME_AMOUNT):
        for _ in range(ROUNDS):
            if not _one_round(con, rule):
                break
    return int(con.execute("SELECT count(*) FROM matches").fetchall()[0][0])


# All events of the customers who have refunds to match.
_CANDIDATES = """
    CREATE OR REPLACE TEMP TABLE candidates AS
    SELECT event_id, customer_id, order_id, item_id, ts, kind, coalesce(abs(quantity), 1) AS quantity, amount,
        refund_of
    FROM (SELECT * FROM known UNION ALL BY NAME SELECT *, CAST(NULL AS VARCHAR) AS refund_of FROM fresh)
    WHERE customer_id IN (SELECT customer_id FROM refunds) AND kind IN ('order_line', 'refund')
"""

# The order lines that a refund could belong to, with what other refunds left of them. A refund names an order,
# not a line: what it took is taken from the first lines of that order and item.
_LINES = """
    CREATE OR REPLACE TEMP TABLE lines AS
    WITH taken AS (
        SELECT customer_id, coalesce(c.refund_of, m.refund_of) AS order_id, item_id, sum(quantity) AS taken
        FROM candidates c LEFT JOIN matches m ON c.event_id = m.event_id
        WHERE kind = 'refund' AND coalesce(c.refund_of, m.refund_of) IS NOT NULL GROUP BY ALL
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
