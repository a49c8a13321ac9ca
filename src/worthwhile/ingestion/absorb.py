"""Staged rows become part of the log: ids, what is new, refunds matched, items and customers brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from worthwhile.ingestion.refunds import match_refunds
from worthwhile.ingestion.stage import Staged
from worthwhile.schema import CUSTOMERS, EVENTS, ITEM_CATEGORIES, ITEMS
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import Writing

READER_ROWS = 100_000
REST = "order-rest"  # the item of what an order cost beyond its lines: postage, taxes


@dataclass(frozen=True)
class Absorbed:
    """What of a file was new, what was known; `paired`: events that rows make beside their own; `matched` refunds
    found their order; `replaced` events were of an earlier version of an order, and are gone."""

    events: int
    known: int
    paired: int
    matched: int
    replaced: int


def absorb(
    con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, *, batch_id: str, file: str, scratch: Path
) -> Absorbed:
    """Append the new events and the refused rows of one staged file; nothing is visible before the commit."""
    if staged.holds != "events":
        done = _absorb_list(con, change, staged, batch_id, scratch)
        _quarantine(con, change, staged, batch_id, file)
        return done
    add_view(con, "known", EVENTS, change.files("events"))
    legs, paired = _identify(con, staged)
    replaced = replace_orders(con, change, ties=staged.whole_orders) if staged.versions else 0
    _whole_orders(con)
    fresh = scratch / f"fresh-{batch_id}.parquet"
    con.execute(f"COPY ({_FRESH + _NOT_REFUNDED_BEFORE * (paired > 0)}) TO {sql.text(str(fresh))} (FORMAT parquet)")
    con.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS SELECT * FROM read_parquet([{sql.text(str(fresh))}])")
    events = int(con.execute("SELECT count(*) FROM fresh").fetchall()[0][0])
    matched = match_refunds(con) if events else 0
    if events:
        batch = sql.text(batch_id)
        change.append("events", con.sql(_EVENTS.format(batch=batch)).to_arrow_reader(READER_ROWS))
        _update(con, change, "items", ITEMS, _ITEMS.format(batch=batch), scratch)
        if con.execute("SELECT count(category) FROM fresh WHERE item_id IS NOT NULL").fetchall() != [(0,)]:
            _update(con, change, "item_categories", ITEM_CATEGORIES, _ITEM_CATEGORIES.format(batch=batch), scratch)
        _update(con, change, "customers", CUSTOMERS, _CUSTOMERS.format(batch=batch), scratch)
    _quarantine(con, change, staged, batch_id, file)
    fresh.unlink()
    return Absorbed(events, legs - events, paired, matched, replaced)


def _quarantine(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str, file: str) -> None:
    if staged.refused:
        rows = sql.text(str(staged.rows))
        refused = _QUARANTINE.format(batch=sql.text(batch_id), file=sql.text(file), rows=rows)
        change.append("quarantine", con.sql(refused).to_arrow_reader(READER_ROWS))


def _absorb_list(
    con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str, scratch: Path
) -> Absorbed:
    """What a list tells of items or customers: what it does not say is kept. `events` counts what is new or changed."""
    rows, batch = f"read_parquet([{sql.text(str(staged.rows))}])", sql.text(batch_id)
    con.execute(f"CREATE OR REPLACE TEMP VIEW told AS SELECT * FROM {rows} WHERE reason IS NULL")
    schema, query, key = {
        "items": (ITEMS, _LISTED_ITEMS, "item_id"),
        "customers": (CUSTOMERS, _LISTED_CUSTOMERS, "customer_id"),
    }[staged.holds]
    columns = ", ".join(name for name in schema.names if name != "batch_id")
    add_view(con, "before", schema, change.files(staged.holds))
    con.execute(f"CREATE OR REPLACE TEMP TABLE before_list AS SELECT {columns} FROM before")
    _update(con, change, staged.holds, schema, query.format(batch=batch), scratch)
    add_view(con, "after", schema, change.files(staged.holds))
    changed = f"(SELECT {columns} FROM after EXCEPT SELECT * FROM before_list)"
    total, fresh = con.execute(
        f"SELECT count(*), count(*) FILTER ({key} IN (SELECT {key} FROM {changed})) FROM told"
    ).fetchall()[0]
    if staged.holds == "items" and con.execute("SELECT count(category) FROM told").fetchall() != [(0,)]:
        con.execute("CREATE OR REPLACE TEMP VIEW fresh AS SELECT * REPLACE (CAST(NULL AS TIMESTAMPTZ) AS ts) FROM told")
        _update(con, change, "item_categories", ITEM_CATEGORIES, _ITEM_CATEGORIES.format(batch=batch), scratch)
    return Absorbed(fresh, total - fresh, 0, 0, 0)


def _identify(con: duckdb.DuckDBPyConnection, staged: Staged) -> tuple[int, int]:
    """The view `legs`: events with their ids. Returns how many there are, and how many rows make two.

    An event's id is the digest of its content and of its occurrence among equal rows of its part. Few rows have an
    equal one, so these are found first by a short hash, and only they are counted.
    """
    rows = f"read_parquet([{sql.text(str(staged.rows))}])"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT part, row, row_number() OVER (PARTITION BY part, digest ORDER BY row) AS occurrence
        FROM {rows} WHERE reason IS NULL AND hash(part, digest) IN (
            SELECT hash(part, digest) AS short FROM {rows} WHERE reason IS NULL GROUP BY short HAVING count(*) > 1
        )
        """
    )
    # Sheets of a workbook may overlap: what a former sheet has is the same event, not another.
    once = "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY part) = 1" if staged.parts > 1 else ""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP VIEW legs AS
        WITH lines AS (
            SELECT s.*, CASE WHEN coalesce(occurrence, 1) = 1 THEN digest
                             ELSE md5(digest || '/' || occurrence) END AS event_id
            FROM {rows} s LEFT JOIN (SELECT * FROM repeated WHERE occurrence > 1) r
                ON s.part = r.part AND s.row = r.row
            WHERE reason IS NULL
        ), all_lines AS (
            SELECT * FROM lines
            UNION ALL
            SELECT * REPLACE ('{REST}' AS item_id, NULL AS title, NULL AS category, 1.0 AS quantity, rest AS price,
                              rest AS amount, NULL AS discount, false AS is_goods,
                              md5(event_id || '/rest') AS event_id)
            FROM lines WHERE rest > 0
        ), both_legs AS (
            SELECT * FROM all_lines
            UNION ALL
            SELECT * REPLACE ('refund' AS kind, -quantity AS quantity, -amount AS amount,
                              coalesce(refund_ts, ts) AS ts, coalesce(refund_local_ts, local_ts) AS local_ts,
                              {refund_id("event_id")} AS event_id)
            FROM all_lines WHERE is_paired
            UNION ALL
            SELECT * REPLACE ('refund' AS kind, NULL AS item_id, NULL AS title, NULL AS category, NULL AS quantity,
                              NULL AS price, -refunded AS amount, NULL AS discount,
                              coalesce(refund_ts, ts) AS ts, coalesce(refund_local_ts, local_ts) AS local_ts,
                              md5(event_id || '/refunded/' || refunded) AS event_id)
            FROM lines WHERE refunded > 0
        )
        SELECT * FROM both_legs {once}
        """
    )
    accepted, paired = con.execute(
        "SELECT count(*), count(*) FILTER (is_paired) + count(*) FILTER (rest > 0) + count(*) FILTER (refunded > 0)"
        f" + count(*) FILTER (is_paired AND rest > 0) FROM {rows} WHERE reason IS NULL"
    ).fetchall()[0]
    return accepted + paired, paired


def _whole_orders(con: duckdb.DuckDBPyConnection) -> None:
    """The view `whole`: what is left of orders, negative, that a refund names without saying how much."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE whole AS
        WITH asked AS (SELECT DISTINCT order_id FROM legs WHERE kind = 'refund' AND amount IS NULL)
        SELECT order_id, -greatest(sum(amount), 0.0) AS still
        FROM (
            SELECT event_id, order_id, amount FROM legs WHERE amount IS NOT NULL
            UNION
            SELECT event_id, coalesce(refund_of, order_id) AS order_id, amount FROM known WHERE amount IS NOT NULL
        ) SEMI JOIN asked USING (order_id) GROUP BY order_id
        """
    )


def replace_orders(con: duckdb.DuckDBPyConnection, change: Writing, *, ties: bool) -> int:
    """Take from the log the orders of which `legs` has a later version, and from `legs` those of which the log has.

    With `ties`, what comes now wins where versions are equal and contents are not. Returns the events taken out.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE orders_now AS
        WITH now AS (
            SELECT order_id, max(order_version) AS version FROM legs WHERE order_version IS NOT NULL GROUP BY order_id
        ), content AS (
            SELECT order_id, bit_xor(hash(event_id)) AS mark FROM legs JOIN now USING (order_id)
            WHERE order_version = version GROUP BY order_id
        ), was AS (
            SELECT order_id, max(order_version) AS version, bit_xor(hash(event_id)) AS mark FROM known
            WHERE order_version IS NOT NULL AND order_id IN (SELECT order_id FROM now) GROUP BY order_id
        )
        SELECT now.order_id, now.version AS version, coalesce(was.version > now.version, false) AS is_stale,
            coalesce(was.version < now.version OR ({str(ties).lower()} AND was.version = now.version
                     AND was.mark <> content.mark), false) AS is_later
        FROM now JOIN content USING (order_id) LEFT JOIN was USING (order_id)
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE legs_now AS SELECT legs.* FROM legs LEFT JOIN orders_now o USING (order_id)"
        " WHERE o.order_id IS NULL OR legs.order_version IS NULL"
        " OR (legs.order_version = o.version AND NOT o.is_stale)"
    )
    con.execute("CREATE OR REPLACE TEMP VIEW legs AS SELECT * FROM legs_now")
    gone = "order_version IS NOT NULL AND order_id IN (SELECT order_id FROM orders_now WHERE is_later)"
    ids = [text for (text,) in con.execute(f"SELECT event_id FROM known WHERE {gone}").fetchall()]
    if ids:
        change.remove("events", "event_id", ids)
        add_view(con, "known", EVENTS, change.files("events"))
    return len(ids)


def refund_id(order_line: str) -> str:
    """SQL for the id of the refund of an order line, whenever it was given: an order is refunded once."""
    return f"md5({order_line} || '/refund')"


# What the log does not have yet. Only its events of the same span of time can be equal.
_FRESH = """
    SELECT * EXCLUDE (part, row, reason, detail, content, digest, is_paired, rest, refunded, refund_ts,
                      refund_local_ts, still)
        REPLACE (CASE WHEN kind = 'refund' THEN coalesce(amount, still, 0.0) ELSE amount END AS amount)
    FROM legs LEFT JOIN whole USING (order_id)
    WHERE event_id NOT IN (
        SELECT event_id FROM known
        WHERE ts BETWEEN (SELECT min(ts) FROM legs) AND (SELECT max(ts) FROM legs)
    )
"""

# But for refunds of lines: the log may know them at another time than this file does.
_NOT_REFUNDED_BEFORE = """
    AND (NOT is_paired OR kind <> 'refund' OR event_id NOT IN (SELECT event_id FROM known WHERE kind = 'refund'))
"""

_EVENTS = """
    SELECT event_id, ts, local_ts, customer_id, kind, order_id, item_id, quantity, price, amount, discount, category,
        channel, country, rating, text, refund_of, is_goods,
        order_version, {batch} AS batch_id
    FROM fresh LEFT JOIN matches USING (event_id)
"""

# The latest file knows best; what it does not say is kept.
_ITEMS = """
    WITH seen AS (
        SELECT item_id, arg_max(category, ts) AS category,
            arg_max(price, ts) FILTER (kind = 'order_line' AND price > 0) AS price,
            mode(title) AS title, bool_and(is_goods) AS is_goods
        FROM fresh WHERE item_id IS NOT NULL GROUP BY item_id
    )
    SELECT item_id, coalesce(s.category, o.category) AS category, coalesce(s.price, o.price) AS price,
        coalesce(s.title, o.title) AS title, o.description, o.picture, coalesce(s.is_goods, o.is_goods) AS is_goods,
        coalesce(o.batch_id, {batch}) AS batch_id
    FROM seen s FULL JOIN stored o USING (item_id) ORDER BY item_id
"""

_LISTED_ITEMS = """
    WITH seen AS (
        SELECT item_id, last(category ORDER BY row) AS category, last(price ORDER BY row) AS price,
            last(title ORDER BY row) AS title, last(description ORDER BY row) AS description,
            last(picture ORDER BY row) AS picture
        FROM told GROUP BY item_id
    )
    SELECT item_id, coalesce(s.category, o.category) AS category, coalesce(s.price, o.price) AS price,
        coalesce(s.title, o.title) AS title, coalesce(s.description, o.description) AS description,
        coalesce(s.picture, o.picture) AS picture, coalesce(o.is_goods, true) AS is_goods,
        coalesce(o.batch_id, {batch}) AS batch_id
    FROM seen s FULL JOIN stored o USING (item_id) ORDER BY item_id
"""

_LISTED_CUSTOMERS = """
    WITH seen AS (
        SELECT customer_id, last(country ORDER BY row) AS country, min(ts) AS registered_at,
            last(content ORDER BY row) AS attributes
        FROM told GROUP BY customer_id
    )
    SELECT customer_id, coalesce(s.country, o.country) AS country,
        coalesce(s.registered_at, o.registered_at) AS registered_at, coalesce(s.attributes, o.attributes) AS attributes,
        coalesce(o.batch_id, {batch}) AS batch_id
    FROM seen s FULL JOIN stored o USING (customer_id) ORDER BY customer_id
"""

# A category is known from the first event that tells it, in whatever order files come.
_ITEM_CATEGORIES = """
    WITH told AS (
        SELECT item_id, category, ts AS since, {batch} AS batch_id, true AS is_new FROM fresh
        WHERE item_id IS NOT NULL AND category IS NOT NULL
        UNION ALL BY NAME
        SELECT item_id, category, since, batch_id, false AS is_new FROM stored
    )
    SELECT item_id, category, CASE WHEN count(*) = count(since) THEN min(since) END AS since,
        arg_min(batch_id, is_new) AS batch_id
    FROM told GROUP BY item_id, category ORDER BY item_id, category
"""

_CUSTOMERS = """
    WITH seen AS (SELECT customer_id, arg_max(country, ts) AS country FROM fresh GROUP BY customer_id)
    SELECT customer_id, coalesce(s.country, o.country) AS country, o.registered_at, o.attributes,
        coalesce(o.batch_id, {batch}) AS batch_id
    FROM seen s FULL JOIN stored o USING (customer_id) ORDER BY customer_id
"""

_QUARANTINE = """
    SELECT {batch} AS batch_id, {file} AS file, row, reason, detail, content
    FROM read_parquet([{rows}]) WHERE reason IS NOT NULL ORDER BY part, row
"""


def _update(
    con: duckdb.DuckDBPyConnection, change: Writing, table: str, schema: pa.Schema, query: str, scratch: Path
) -> None:
    """Replace a small table by its rows merged with the new ones."""
    add_view(con, "stored", schema, change.files(table))
    merged = scratch / f"{table}.parquet"  # written first: the query reads the files that are replaced
    con.execute(f"COPY ({query}) TO {sql.text(str(merged))} (FORMAT parquet)")
    change.replace(
        table, con.sql(f"SELECT * FROM read_parquet([{sql.text(str(merged))}])").to_arrow_reader(READER_ROWS)
    )
    merged.unlink()
