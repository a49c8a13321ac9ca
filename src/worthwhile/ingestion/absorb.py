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


@dataclass(frozen=True)
class Absorbed:
    """What of a file was new, what was known; `paired` rows make two events, `matched` refunds found their order."""

    events: int
    known: int
    paired: int
    matched: int


def absorb(
    con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, *, batch_id: str, file: str, scratch: Path
) -> Absorbed:
    """Append the new events and the refused rows of one staged file; nothing is visible before the commit."""
    rows = sql.text(str(staged.rows))
    add_view(con, "known", EVENTS, change.files("events"))
    legs, paired = _identify(con, staged)
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
    if staged.refused:
        refused = _QUARANTINE.format(batch=sql.text(batch_id), file=sql.text(file), rows=rows)
        change.append("quarantine", con.sql(refused).to_arrow_reader(READER_ROWS))
    fresh.unlink()
    return Absorbed(events, legs - events, paired, matched)


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
        ), both_legs AS (
            SELECT * FROM lines
            UNION ALL
            SELECT * REPLACE ('refund' AS kind, -quantity AS quantity, -amount AS amount,
                              coalesce(refund_ts, ts) AS ts, coalesce(refund_local_ts, local_ts) AS local_ts,
                              {refund_id("event_id")} AS event_id)
            FROM lines WHERE is_paired
        )
        SELECT * FROM both_legs {once}
        """
    )
    accepted, paired = con.execute(
        f"SELECT count(*), count(*) FILTER (is_paired) FROM {rows} WHERE reason IS NULL"
    ).fetchall()[0]
    return accepted + paired, paired


def refund_id(order_line: str) -> str:
    """SQL for the id of the refund of an order line, whenever it was given: an order is refunded once."""
    return f"md5({order_line} || '/refund')"


# What the log does not have yet. Only its events of the same span of time can be equal.
_FRESH = """
    SELECT * EXCLUDE (part, row, reason, detail, content, digest, is_paired, refund_ts, refund_local_ts) FROM legs
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
        CAST(NULL AS TIMESTAMPTZ) AS order_version, {batch} AS batch_id
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
