"""Orders that are read again: of all versions of an order, in the file and in the log, one stands."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from worthwhile.ingestion.rewriting import take_out
from worthwhile.schema import QUARANTINE
from worthwhile.store.log import add_view
from worthwhile.store.tables import Writing


@dataclass(frozen=True)
class Settled:
    """`superseded`: events of the file that gave way to another version; `replaced`: events of the log that did."""

    superseded: int = 0
    replaced: int = 0


def settle_orders(con: duckdb.DuckDBPyConnection, change: Writing, staged_rows: str, *, ties: bool) -> Settled:
    """Leave in the log and in the view `legs` no order but in the version that stands.

    An order is known by its number, its customer and, where the file says it, the day on which it was placed, since
    shops use numbers again and may be two shops; or, where its customer was changed, by its number and the moment at
    which it was placed. The later version stands; of equal ones that with an event, since what was not paid may be paid
    later in the same second. Where files hold whole orders (`ties`) two that are equal so far are two states of the
    order: that with more given back stands, then with more refunds, then with the later one; else the one whose digest
    is the greater. So the log is the same in whatever order files come, and whether two states come in one or in two.

    Fills the view `superseded` with the events of `legs` that went, and the table `gone` with those of the log.
    """
    add_view(con, "quarantined", QUARANTINE, change.files("quarantine"))
    con.execute(f"CREATE OR REPLACE TEMP TABLE versions AS {_VERSIONS.format(rows=staged_rows)}")
    content = f"row(order_version, count(event_id) > 0{_CONTENT if ties else ''})"
    con.execute(f"CREATE OR REPLACE TEMP TABLE orders_now AS {_ORDERS.format(content=content)}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE told_legs AS SELECT legs.*, o.order_id IS NULL OR legs.order_version IS NULL"
        " OR (legs.order_version = o.version AND legs.state IS NOT DISTINCT FROM o.state AND NOT o.is_stale) AS stands"
        " FROM legs LEFT JOIN orders_now o"
        f" ON legs.order_id = o.order_id AND legs.customer_id = o.customer_id AND {_DAY.format('legs.')} = o.day"
    )
    con.execute("CREATE OR REPLACE TEMP VIEW legs AS SELECT * EXCLUDE (stands) FROM told_legs WHERE stands")
    con.execute("CREATE OR REPLACE TEMP VIEW superseded AS SELECT * EXCLUDE (stands) FROM told_legs WHERE NOT stands")
    replaced = take_out(
        con,
        change,
        f"SELECT event_id, order_id, customer_id FROM known k WHERE order_version IS NOT NULL"
        f" AND (order_id, customer_id, {_DAY.format('k.')}) IN"
        f" (SELECT (order_id, customer_id, day) FROM orders_now WHERE is_later)",
    )
    [(superseded,)] = con.execute("SELECT count(*) FROM superseded").fetchall()
    return Settled(superseded, replaced)


_DAY = "coalesce(CAST({}order_placed AS DATE), DATE '0001-01-01')"  # on which an order was placed, where that is told

# All that the file, the log and quarantine tell of the orders in the file. What came to nothing has no event.
_TOLD = "order_id, customer_id, order_placed, order_version"
_EVENT = (
    "event_id, coalesce(order_placed, CASE WHEN kind <> 'refund' THEN local_ts END) AS moment,"
    " CASE WHEN kind = 'refund' THEN amount END AS back, CASE WHEN kind = 'refund' THEN ts END AS back_at,"
    " hash(event_id, ts, discount, category, channel, country, title) AS mark"
)
_VERSIONS = f"""
    WITH now AS (
        SELECT {_TOLD}, state, {_EVENT} FROM legs WHERE order_version IS NOT NULL
        UNION ALL BY NAME
        SELECT {_TOLD}, state, order_placed AS moment FROM {{rows}}
        WHERE reason IS NOT NULL AND order_version IS NOT NULL AND customer_id IS NOT NULL
    ), numbers AS (
        SELECT DISTINCT order_id FROM now
    ), told AS (
        SELECT *, true AS is_now FROM now
        UNION ALL BY NAME
        SELECT {_TOLD}, {_EVENT}, false AS is_now FROM known
        WHERE order_version IS NOT NULL AND order_id IN (SELECT order_id FROM numbers)
        UNION ALL BY NAME
        SELECT {_TOLD}, order_placed AS moment, false AS is_now FROM quarantined
        WHERE order_version IS NOT NULL AND order_id IN (SELECT order_id FROM numbers)
    )
    SELECT * EXCLUDE (order_placed), {_DAY.format("")} AS day FROM told
"""

# What two versions of one moment are compared by. Money in hundredths of cents: sums of floats differ with their order.
_CONTENT = (
    ", CAST(round(-coalesce(sum(back), 0) * 1e4) AS HUGEINT), count(back), coalesce(max(back_at), 'epoch'),"
    " coalesce(bit_xor(mark), 0)"
)

# Of each order in the file, by customer and day: the version that stands there, and whether the log's is later or not.
_ORDERS = """
    WITH owners AS (
        SELECT order_id, customer_id, day, min(first) AS owner
        FROM (
            SELECT order_id, customer_id, day, min(customer_id) OVER (PARTITION BY order_id, moment) AS first
            FROM (SELECT DISTINCT order_id, customer_id, day, moment FROM versions WHERE moment IS NOT NULL)
        ) GROUP BY ALL
    ), owned AS (
        SELECT versions.*, coalesce(owner, customer_id) AS owner
        FROM versions LEFT JOIN owners USING (order_id, customer_id, day)
    ), states AS (
        SELECT order_id, owner, day, is_now, state, {content} AS content FROM owned
        GROUP BY order_id, owner, day, is_now, order_version, state
    ), compared AS (
        SELECT order_id, owner, day, max(content) FILTER (is_now) AS now, max(content) FILTER (NOT is_now) AS was,
            arg_max(state, (content, state)) FILTER (is_now) AS state
        FROM states GROUP BY ALL
    )
    SELECT DISTINCT order_id, customer_id, day, now[1] AS version, compared.state, coalesce(was > now, false)
        AS is_stale, coalesce(was < now, false) AS is_later
    FROM compared JOIN owned USING (order_id, owner, day) WHERE now IS NOT NULL
"""
