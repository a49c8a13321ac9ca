"""Staged rows become part of the log: ids, what is new, refunds matched, what is told of items and customers."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from worthwhile.ingestion.refunds import match_refunds
from worthwhile.ingestion.stage import Staged
from worthwhile.schema import EVENTS
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.merged import reduced
from worthwhile.store.tables import FILE_OPTIONS, Writing

READER_ROWS = 100_000


@dataclass(frozen=True)
class Absorbed:
    """What of a file was new, what was known; `paired` rows make two events, `matched` refunds found their order."""

    events: int
    known: int
    paired: int
    matched: int


def absorb(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, *, batch_id: str, file: str) -> Absorbed:
    """Append the new events and the refused rows of one staged file; nothing is visible before the commit."""
    known = change.files("events")
    add_view(con, "known", EVENTS, known)
    legs, paired = _identify(con, staged)
    con.execute("CREATE OR REPLACE TEMP TABLE known_ids (event_id VARCHAR)")
    if known:
        _find_known(con, paired)
    none = con.execute("SELECT count(*) FROM known_ids").fetchall() == [(0,)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS {_FRESH}{'' if none else _UNKNOWN}")
    lines, refunds, categories = con.execute(_COUNTS).fetchall()[0]
    matched = match_refunds(con) if lines + refunds else 0
    batch = sql.text(batch_id)
    if lines + refunds:
        _put_events(con, change, {"<>": lines, "=": refunds}, batch)
        _rematch(con, change)
        _tell(con, change, categories > 0, batch)
    if staged.refused:
        rows = sql.text(str(staged.rows))
        refused = _QUARANTINE.format(batch=batch, file=sql.text(file), rows=rows)
        change.append("quarantine", con.sql(refused).to_arrow_reader(READER_ROWS))
    return Absorbed(lines + refunds, legs - lines - refunds, paired, matched)


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
    accepted, paired = con.execute(
        f"SELECT count(*), count(*) FILTER (is_paired) FROM {rows} WHERE reason IS NULL"
    ).fetchall()[0]
    repeats = con.execute("SELECT count(*) FROM repeated WHERE occurrence > 1").fetchall() != [(0,)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW legs AS {_legs(rows, staged.parts > 1, repeats, paired > 0)}")
    return accepted + paired, paired


def _legs(rows: str, many_parts: bool, repeats: bool, paired: bool) -> str:
    """SQL for the events of staged rows. Later steps read it again and again, so it does no more than a file needs."""
    # Sheets of a workbook may overlap: what a former sheet has is the same event, not another.
    once = "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY part) = 1" if many_parts else ""
    lines = f"SELECT *, digest AS event_id FROM {rows} WHERE reason IS NULL"
    if repeats:
        lines = f"""
            SELECT s.*, CASE WHEN occurrence IS NULL THEN digest ELSE md5(digest || '/' || occurrence) END AS event_id
            FROM {rows} s LEFT JOIN (SELECT * FROM repeated WHERE occurrence > 1) r
                ON s.part = r.part AND s.row = r.row
            WHERE reason IS NULL
        """
    refunds = f"""
        UNION ALL
        SELECT * REPLACE ('refund' AS kind, -quantity AS quantity, -amount AS amount,
                          coalesce(refund_ts, ts) AS ts, coalesce(refund_local_ts, local_ts) AS local_ts,
                          {refund_id("event_id")} AS event_id)
        FROM lines WHERE is_paired
    """
    return f"WITH lines AS ({lines}) SELECT * FROM (SELECT * FROM lines {refunds if paired else ''}) {once}"


def refund_id(order_line: str) -> str:
    """SQL for the id of the refund of an order line, whenever it was given: an order is refunded once."""
    return f"md5({order_line} || '/refund')"


def _find_known(con: duckdb.DuckDBPyConnection, paired: int) -> None:
    """Fill the table `known_ids` with the events of `legs` that the log has.

    Only those of the same moments can be equal, but for refunds of lines, which the log
    may know at another time.
    """
    first, last = con.execute("SELECT CAST(min(ts) AS VARCHAR), CAST(max(ts) AS VARCHAR) FROM legs").fetchall()[0]
    if first is None:
        return
    # As literals, so that files and row groups of other times are passed over.
    con.execute(
        "INSERT INTO known_ids SELECT event_id FROM known"
        f" WHERE ts BETWEEN TIMESTAMPTZ {sql.text(first)} AND TIMESTAMPTZ {sql.text(last)}"
        " AND event_id IN (SELECT event_id FROM legs)"
    )
    if paired:
        con.execute(
            "INSERT INTO known_ids SELECT event_id FROM known WHERE kind = 'refund' AND event_id IN"
            " (SELECT event_id FROM legs WHERE is_paired AND kind = 'refund')"
        )


def _put_events(con: duckdb.DuckDBPyConnection, change: Writing, counts: dict[str, int], batch: str) -> None:
    """Write the fresh events, refunds into a file of their own."""
    added = []
    for sign, count in counts.items():
        if count:
            added.append(change.new_file("events"))
            events = f"{_EVENTS.format(batch=batch)} WHERE kind {sign} 'refund'"
            con.execute(f"COPY ({events}) TO {sql.text(str(added[-1]))} ({FILE_OPTIONS})")
    change.put("events", added)


def _rematch(con: duckdb.DuckDBPyConnection, change: Writing) -> None:
    """Write the files anew that hold refunds of former batches which belong to another order than was known then."""
    if con.execute("SELECT count(*) FROM rematched").fetchall() == [(0,)]:
        return
    files = f"read_parquet([{sql.texts(change.files('events'))}], filename = true)"
    found = con.execute(
        f"SELECT DISTINCT filename FROM {files} WHERE kind = 'refund' AND event_id IN (SELECT event_id FROM rematched)"
    )
    removed = [name for (name,) in found.fetchall()]
    new = change.new_file("events")
    con.execute(
        f"COPY (SELECT e.* REPLACE (CASE WHEN r.event_id IS NULL THEN e.refund_of ELSE r.refund_of END AS refund_of)"
        f" FROM read_parquet([{sql.texts(removed)}]) e LEFT JOIN rematched r ON e.event_id = r.event_id)"
        f" TO {sql.text(str(new))} ({FILE_OPTIONS})"
    )
    change.put("events", [new], removed)


def _tell(con: duckdb.DuckDBPyConnection, change: Writing, categories: bool, batch: str) -> None:
    """Add what the fresh events tell of items and customers to what was told before; see `store/merged.py`."""
    for table, query in _TOLD.items():
        if table == "item_categories" and not categories:
            continue
        con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {query.format(batch=batch)}")
        if con.execute("SELECT count(*) FROM told").fetchall() == [(0,)]:
            continue
        new = change.new_file(table)
        con.execute(f"COPY ({reduced(table, 'told')}) TO {sql.text(str(new))} ({FILE_OPTIONS})")
        change.put(table, [new])


# What the log does not have yet.
_FRESH = """
    SELECT * EXCLUDE (part, row, reason, detail, content, digest, is_paired, refund_ts, refund_local_ts) FROM legs
"""
_UNKNOWN = " WHERE event_id NOT IN (SELECT event_id FROM known_ids)"

_COUNTS = """
    SELECT count(*) FILTER (kind <> 'refund'), count(*) FILTER (kind = 'refund'),
        count(category) FILTER (item_id IS NOT NULL)
    FROM fresh
"""

_EVENTS = """
    SELECT event_id, ts, local_ts, customer_id, kind, order_id, item_id, quantity, price, amount, discount, category,
        channel, country, rating, text, refund_of, is_goods,
        CAST(NULL AS TIMESTAMPTZ) AS order_version, {batch} AS batch_id
    FROM fresh LEFT JOIN matches USING (event_id)
"""

# What a batch tells: few rows of many, since a shop says the same of an item again and again.
_TOLD = {
    "items": """
        SELECT item_id, category, CASE WHEN kind = 'order_line' AND price > 0 THEN price END AS price, title,
            CAST(NULL AS VARCHAR) AS description, CAST(NULL AS VARCHAR) AS picture, is_goods, {batch} AS batch_id,
            max(ts) AS as_of, count(*) AS lines
        FROM fresh WHERE item_id IS NOT NULL GROUP BY ALL
    """,
    "item_categories": """
        SELECT item_id, category, min(ts) AS since, {batch} AS batch_id
        FROM fresh WHERE item_id IS NOT NULL AND category IS NOT NULL GROUP BY ALL
    """,
    "customers": """
        SELECT customer_id, country, CAST(NULL AS TIMESTAMPTZ) AS registered_at, CAST(NULL AS VARCHAR) AS attributes,
            {batch} AS batch_id, max(ts) AS as_of, CAST(NULL AS BIGINT) AS lines
        FROM fresh GROUP BY ALL
    """,
}

_QUARANTINE = """
    SELECT {batch} AS batch_id, {file} AS file, row, reason, detail, content
    FROM read_parquet([{rows}]) WHERE reason IS NOT NULL ORDER BY part, row
"""
