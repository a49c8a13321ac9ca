"""Staged rows become part of the log: ids, what is new, refunds matched, what is told of items and customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from worthwhile.ingestion.refunds import match_refunds
from worthwhile.ingestion.stage import Staged
from worthwhile.schema import EVENTS, STORED
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.merged import merged, reduced
from worthwhile.store.tables import FILE_OPTIONS, Writing

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


@dataclass(frozen=True)
class _Extra:
    """How many events the rows of a file make beside their own, and how many refunds do not say how much."""

    refunds: int  # of rows that are an order and its refund
    rests: int  # what orders cost beyond their lines
    returns: int  # what was given back of whole orders
    open_refunds: int  # beside nothing: their amount is what is left of their order

    @property
    def events(self) -> int:
        return self.refunds + self.rests + self.returns


def absorb(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, *, batch_id: str, file: str) -> Absorbed:
    """Append the new events and the refused rows of one staged file; nothing is visible before the commit."""
    if staged.holds != "events":
        done = _absorb_list(con, change, staged, batch_id)
        _put_refused(con, change, staged, batch_id, file)
        return done
    known = change.files("events")
    add_view(con, "known", EVENTS, known)
    legs, extra = _identify(con, staged)
    replaced = replace_orders(con, change, ties=staged.whole_orders) if staged.versions else 0
    con.execute("CREATE OR REPLACE TEMP TABLE known_ids (event_id VARCHAR)")
    if known:
        _find_known(con, extra.refunds)
    none = con.execute("SELECT count(*) FROM known_ids").fetchall() == [(0,)]
    rows = _amounts_of_refunds(con) if extra.open_refunds else "SELECT * FROM legs"
    con.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS {_FRESH.format(rows=rows)}{'' if none else _UNKNOWN}")
    lines, refunds, categories = con.execute(_COUNTS).fetchall()[0]
    matched = match_refunds(con) if lines + refunds else 0
    batch = sql.text(batch_id)
    if lines + refunds:
        _put_events(con, change, {"<>": lines, "=": refunds}, batch)
        _rematch(con, change)
        _tell(con, change, categories > 0, batch)
    _put_refused(con, change, staged, batch_id, file)
    return Absorbed(lines + refunds, legs - lines - refunds, extra.events, matched, replaced)


def _put_refused(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str, file: str) -> None:
    if staged.refused:
        rows = sql.text(str(staged.rows))
        refused = _QUARANTINE.format(batch=sql.text(batch_id), file=sql.text(file), rows=rows)
        change.append("quarantine", con.sql(refused).to_arrow_reader(READER_ROWS))


def _absorb_list(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str) -> Absorbed:
    """Add what a list tells of items or customers, as of now: `events` counts the rows that were new or changed it."""
    table = staged.holds
    key = "item_id" if table == "items" else "customer_id"
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW listed AS SELECT * FROM read_parquet([{sql.text(str(staged.rows))}])"
        " WHERE reason IS NULL"
    )
    before, after = _standing(con, change, table, "before_list"), "after_list"
    told = _LISTED[table].format(batch=sql.text(batch_id), now=sql.text(datetime.now(UTC).isoformat()))
    con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {told}")
    _put_told(con, change, table)
    _standing(con, change, table, after)
    total, fresh = con.execute(
        f"SELECT count(*), count(*) FILTER ({key} IN (SELECT {key} FROM (FROM {after} EXCEPT FROM {before})))"
        " FROM listed"
    ).fetchall()[0]
    if table == "items":
        con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {_LISTED_CATEGORIES.format(batch=sql.text(batch_id))}")
        _put_told(con, change, "item_categories")
    return Absorbed(fresh, total - fresh, 0, 0, 0)


def _standing(con: duckdb.DuckDBPyConnection, change: Writing, table: str, name: str) -> str:
    """A table `name` of what is known of items or customers by now, batches aside."""
    add_view(con, "stored_list", STORED[table], change.files(table))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * EXCLUDE (batch_id) FROM ({merged(table, 'stored_list')})"
    )
    return name


def _identify(con: duckdb.DuckDBPyConnection, staged: Staged) -> tuple[int, _Extra]:
    """The view `legs`: events with their ids. Returns how many there are, and which rows make more than one.

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
    accepted, *counts = con.execute(
        "SELECT count(*), count(*) FILTER (is_paired) + count(*) FILTER (is_paired AND rest > 0),"
        " count(*) FILTER (rest > 0), count(*) FILTER (refunded > 0),"
        f" count(*) FILTER (kind = 'refund' AND amount IS NULL) FROM {rows} WHERE reason IS NULL"
    ).fetchall()[0]
    extra = _Extra(*counts)
    repeats = con.execute("SELECT count(*) FROM repeated WHERE occurrence > 1").fetchall() != [(0,)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW legs AS {_legs(rows, staged.parts > 1, repeats, extra)}")
    return accepted + extra.events, extra


def _legs(rows: str, many_parts: bool, repeats: bool, extra: _Extra) -> str:
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
    rests = _RESTS if extra.rests else ""
    refunds = _REFUNDS.format(refund_id=refund_id("event_id")) if extra.refunds else ""
    returns = _RETURNS.format(return_id=return_id("event_id", "refunded")) if extra.returns else ""
    return (
        f"WITH lines AS ({lines}), sold AS (SELECT * FROM lines {rests})"
        f" SELECT * FROM (SELECT * FROM sold {refunds} {returns}) {once}"
    )


# A refund stands at its own time where that is told, else at that of its order.
_GIVEN_BACK = "coalesce(refund_ts, ts) AS ts, coalesce(refund_local_ts, local_ts) AS local_ts"
_BACK = "CASE WHEN kind = 'refund' THEN -1.0 ELSE 1.0 END *"  # a cancellation gives the rest back
_RESTS = f"""
    UNION ALL
    SELECT * REPLACE ('{REST}' AS item_id, NULL AS title, NULL AS category, {_BACK} 1.0 AS quantity, rest AS price,
                      {_BACK} rest AS amount, NULL AS discount, false AS is_goods, md5(event_id || '/rest') AS event_id)
    FROM lines WHERE rest > 0
"""
_REFUNDS = f"""
    UNION ALL
    SELECT * REPLACE ('refund' AS kind, -quantity AS quantity, -amount AS amount, {_GIVEN_BACK},
                      {{refund_id}} AS event_id)
    FROM sold WHERE is_paired
"""
_RETURNS = f"""
    UNION ALL
    SELECT * REPLACE ('refund' AS kind, NULL AS item_id, NULL AS title, NULL AS category, NULL AS quantity,
                      NULL AS price, -refunded AS amount, NULL AS discount, {_GIVEN_BACK},
                      {{return_id}} AS event_id)
    FROM lines WHERE refunded > 0
"""


def replace_orders(con: duckdb.DuckDBPyConnection, change: Writing, *, ties: bool) -> int:
    """Take from the log the orders of which `legs` has a later version, and from `legs` those of which the log has.

    An order is known by its number and its customer, since shops use numbers again and may be two shops; or, where its
    customer was changed, by its number and its moment. With `ties`, what comes now wins where versions are equal and
    contents are not. Returns the events taken out.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE orders_now AS
        WITH versions AS (
            SELECT * FROM legs WHERE order_version IS NOT NULL
        ), now AS (
            SELECT order_id, customer_id, max(order_version) AS version, max_by(ts, order_version) AS ts
            FROM versions WHERE kind <> 'refund' GROUP BY ALL
        ), content AS (
            SELECT order_id, customer_id, bit_xor(hash(event_id)) AS mark
            FROM versions JOIN now USING (order_id, customer_id) WHERE order_version = version GROUP BY ALL
        ), former AS (
            SELECT order_id, customer_id, ts, event_id, order_version FROM known
            WHERE order_version IS NOT NULL AND order_id IN (SELECT order_id FROM now)
        ), same AS (
            SELECT DISTINCT now.order_id, now.customer_id, former.customer_id AS was_customer
            FROM now JOIN former
                ON now.order_id = former.order_id AND (now.customer_id = former.customer_id OR now.ts = former.ts)
        ), was AS (
            SELECT s.order_id, s.customer_id, list(DISTINCT s.was_customer) AS customers,
                max(order_version) AS version, bit_xor(hash(event_id)) AS mark
            FROM same s JOIN former f ON s.order_id = f.order_id AND s.was_customer = f.customer_id GROUP BY ALL
        )
        SELECT now.order_id, now.customer_id, now.version, was.customers,
            coalesce(was.version > now.version, false) AS is_stale,
            coalesce(was.version < now.version OR ({str(ties).lower()} AND was.version = now.version
                     AND was.mark <> content.mark), false) AS is_later
        FROM now JOIN content USING (order_id, customer_id) LEFT JOIN was USING (order_id, customer_id)
        """
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE legs_now AS"
        " SELECT legs.* FROM legs LEFT JOIN orders_now o USING (order_id, customer_id)"
        " WHERE o.order_id IS NULL OR legs.order_version IS NULL"
        " OR (legs.order_version = o.version AND NOT o.is_stale)"
    )
    con.execute("CREATE OR REPLACE TEMP VIEW legs AS SELECT * FROM legs_now")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT event_id FROM known"
        " SEMI JOIN (SELECT order_id, unnest(customers) AS customer_id FROM orders_now WHERE is_later)"
        " USING (order_id, customer_id) WHERE order_version IS NOT NULL"
    )
    [(count,)] = con.execute("SELECT count(*) FROM gone").fetchall()
    if count:
        _rewrite(con, change, "gone", "SELECT * FROM {rows} WHERE event_id NOT IN (SELECT event_id FROM gone)")
        add_view(con, "known", EVENTS, change.files("events"))
    return int(count)


def _rewrite(con: duckdb.DuckDBPyConnection, change: Writing, table: str, query: str) -> None:
    """Write the files anew that hold events named in `table`, by a query over their `rows`."""
    files = f"read_parquet([{sql.texts(change.files('events'))}], filename = true)"
    found = con.execute(f"SELECT DISTINCT filename FROM {files} WHERE event_id IN (SELECT event_id FROM {table})")
    removed = [name for (name,) in found.fetchall()]
    new = change.new_file("events")
    rows = f"read_parquet([{sql.texts(removed)}])"
    con.execute(f"COPY ({query.format(rows=rows)}) TO {sql.text(str(new))} ({FILE_OPTIONS})")
    is_empty = con.execute(f"SELECT count(*) FROM read_parquet({sql.text(str(new))})").fetchall() == [(0,)]
    if is_empty:
        new.unlink()
    change.put("events", [] if is_empty else [new], removed)


def _amounts_of_refunds(con: duckdb.DuckDBPyConnection) -> str:
    """A query for `legs` in which refunds that name an order, and not how much, give back all that is left of it."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE left_of_orders AS
        WITH asked AS (SELECT DISTINCT order_id, customer_id FROM legs WHERE kind = 'refund' AND amount IS NULL)
        SELECT order_id, customer_id, -greatest(sum(amount), 0.0) AS still
        FROM (
            SELECT event_id, order_id, customer_id, amount FROM legs WHERE amount IS NOT NULL
            UNION
            SELECT event_id, coalesce(refund_of, order_id) AS order_id, customer_id, amount
            FROM known WHERE amount IS NOT NULL
        ) SEMI JOIN asked USING (order_id, customer_id) GROUP BY ALL
        """
    )
    return (
        "SELECT * EXCLUDE (still) REPLACE (CASE WHEN kind = 'refund' THEN coalesce(amount, still, 0.0) ELSE amount END"
        " AS amount) FROM legs LEFT JOIN left_of_orders USING (order_id, customer_id)"
    )


def refund_id(order_line: str) -> str:
    """SQL for the id of the refund of an order line, whenever it was given: an order is refunded once."""
    return f"md5({order_line} || '/refund')"


def return_id(order_line: str, refunded: str) -> str:
    """SQL for the id of what was given back so far of the order whose first line this is."""
    return f"md5({order_line} || '/refunded/' || {refunded})"


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
    _rewrite(
        con,
        change,
        "rematched",
        "SELECT e.* REPLACE (CASE WHEN r.event_id IS NULL THEN e.refund_of ELSE r.refund_of END AS refund_of)"
        " FROM {rows} e LEFT JOIN rematched r ON e.event_id = r.event_id",
    )


def _tell(con: duckdb.DuckDBPyConnection, change: Writing, categories: bool, batch: str) -> None:
    """Add what the fresh events tell of items and customers to what was told before; see `store/merged.py`."""
    for table, query in _TOLD.items():
        if table == "item_categories" and not categories:
            continue
        con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {query.format(batch=batch)}")
        _put_told(con, change, table)


def _put_told(con: duckdb.DuckDBPyConnection, change: Writing, table: str) -> None:
    if con.execute("SELECT count(*) FROM told").fetchall() != [(0,)]:
        new = change.new_file(table)
        con.execute(f"COPY ({reduced(table, 'told')}) TO {sql.text(str(new))} ({FILE_OPTIONS})")
        change.put(table, [new])


# What the log does not have yet.
_FRESH = """
    SELECT * EXCLUDE (part, row, reason, detail, content, digest, is_paired, rest, refunded, refund_ts,
                      refund_local_ts, description, picture)
    FROM ({rows})
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
        order_version, {batch} AS batch_id
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

# What a list tells; a title in it weighs as much as in a thousand lines.
_LISTED = {
    "items": """
        SELECT item_id, category, price, title, description, picture, true AS is_goods, {batch} AS batch_id,
            CAST({now} AS TIMESTAMPTZ) AS as_of, 1000 AS lines
        FROM listed
    """,
    "customers": """
        SELECT customer_id, country, ts AS registered_at, content AS attributes, {batch} AS batch_id,
            CAST({now} AS TIMESTAMPTZ) AS as_of, CAST(NULL AS BIGINT) AS lines
        FROM listed
    """,
}

# Without a day on which it was told, a category is taken to have been known all along.
_LISTED_CATEGORIES = """
    SELECT DISTINCT item_id, category, CAST(NULL AS TIMESTAMPTZ) AS since, {batch} AS batch_id
    FROM listed WHERE category IS NOT NULL
"""

_QUARANTINE = """
    SELECT {batch} AS batch_id, {file} AS file, row, reason, detail, content
    FROM read_parquet([{rows}]) WHERE reason IS NOT NULL ORDER BY part, row
"""
