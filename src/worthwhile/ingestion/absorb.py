"""Staged rows become part of the log: ids, what is new, refunds matched, what is told of items and customers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import duckdb

from worthwhile.ingestion.open_refunds import settle_open_refunds
from worthwhile.ingestion.order_totals import REST
from worthwhile.ingestion.order_versions import Settled, settle_orders
from worthwhile.ingestion.refunds import match_refunds
from worthwhile.ingestion.rewriting import begin_taking_out, rewrite, show_known, take_out
from worthwhile.ingestion.stage import Staged
from worthwhile.ingestion.visitors import name_visitors
from worthwhile.schema import STORED
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.merged import merged, reduced
from worthwhile.store.tables import FILE_OPTIONS, Writing

READER_ROWS = 100_000


@dataclass(frozen=True)
class Absorbed:
    """What of a file was new, what was known; `paired`: events that rows make beside their own; `matched` refunds
    found their order. `replaced` events of the log gave way to another version of their order, `superseded` ones of
    the file did. `come_again`: orders that the log had with other lines, where nothing tells which version counts."""

    events: int
    known: int
    paired: int
    matched: int = 0
    replaced: int = 0
    superseded: int = 0
    come_again: int = 0


@dataclass(frozen=True)
class _Extra:
    """How many events the rows of a file make beside their own."""

    refunds: int  # of rows that are an order and its refund
    rests: int  # what orders cost beyond their lines
    returns: int  # what was given back of whole orders

    @property
    def events(self) -> int:
        return self.refunds + self.rests + self.returns


def absorb(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, *, batch_id: str, file: str) -> Absorbed:
    """Append the new events and the refused rows of one staged file; nothing is visible before the commit."""
    if staged.holds != "events":
        done = _absorb_list(con, change, staged, batch_id)
        _put_refused(con, change, staged, batch_id, file)
        return done
    show_known(con, change)
    legs, extra = _identify(con, staged)
    begin_taking_out(con)
    rows = f"read_parquet([{sql.text(str(staged.rows))}])"
    settled = settle_orders(con, change, rows, ties=staged.whole_orders) if staged.versions else Settled()
    con.execute("CREATE OR REPLACE TEMP TABLE known_ids (event_id VARCHAR)")
    retold = False
    if change.files("events"):
        settled = replace(settled, replaced=settled.replaced + _take_out_earlier_refunds(con, change, extra))
        _find_known(con, extra)
        retold = staged.visitors and name_visitors(con, change)
    none = con.execute("SELECT count(*) FROM known_ids").fetchall() == [(0,)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS {_FRESH.format(rows='legs')}{'' if none else _UNKNOWN}")
    lines, refunds, categories = con.execute(_COUNTS).fetchall()[0]
    again = _come_again(con) if staged.may_tell_versions and lines else 0
    matched = 0
    if lines + refunds + settled.replaced:
        matched = match_refunds(con)
        settle_open_refunds(con)
        _put_events(con, change, {"<>": lines, "=": refunds}, sql.text(batch_id))
        _revise(con, change)
    if lines + refunds + settled.superseded + settled.replaced or retold:
        _tell(con, change, sql.text(batch_id), settled, categories=categories > 0, retold=retold)
    _put_refused(con, change, staged, batch_id, file)
    events, superseded = lines + refunds, settled.superseded
    known = legs - events - superseded
    return Absorbed(events, known, extra.events, matched, settled.replaced, superseded, again)


def _come_again(con: duckdb.DuckDBPyConnection) -> int:
    """How many orders of `fresh` the log has with other lines."""
    order = "order_id, customer_id FROM {} WHERE kind = 'order_line' AND order_id IS NOT NULL"
    [(count,)] = con.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {order.format('fresh')}) SEMI JOIN (SELECT {order.format('known')})"
        " USING (order_id, customer_id)"
    ).fetchall()
    return int(count)


def _put_refused(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str, file: str) -> None:
    if staged.refused:
        rows = sql.text(str(staged.rows))
        refused = _QUARANTINE.format(batch=sql.text(batch_id), file=sql.text(file), rows=rows)
        change.append("quarantine", con.sql(refused).to_arrow_reader(READER_ROWS))


def _absorb_list(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, batch_id: str) -> Absorbed:
    """Add what a list tells of items or customers: `events` counts the rows that were new or changed it.

    A row is as of when it was last changed, where the list says so; else as of now, and after all that was told before.
    """
    table = staged.holds
    key = "item_id" if table == "items" else "customer_id"
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW listed AS SELECT * FROM read_parquet([{sql.text(str(staged.rows))}])"
        " WHERE reason IS NULL"
    )
    before, after = _standing(con, change, table, "before_list"), "after_list"
    now = f"TIMESTAMPTZ {sql.text(datetime.now(UTC).isoformat())}"
    [(latest,)] = con.execute(
        f"SELECT CAST(greatest({now}, max(as_of) + INTERVAL 1 MICROSECOND) AS VARCHAR) FROM stored_list"
    ).fetchall()
    as_of = f"coalesce(order_version, TIMESTAMPTZ {sql.text(latest)})"
    told = _LISTED[table].format(batch=sql.text(batch_id), as_of=as_of)
    con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {told}")
    _put_told(con, change, table)
    _standing(con, change, table, after)
    total, fresh = con.execute(
        f"SELECT count(*), count(*) FILTER ({key} IN (SELECT {key} FROM (FROM {after} EXCEPT FROM {before})))"
        " FROM listed"
    ).fetchall()[0]
    if table == "items":
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE told AS {_LISTED_CATEGORIES.format(batch=sql.text(batch_id), as_of=as_of)}"
        )
        _put_told(con, change, "item_categories")
    return Absorbed(fresh, total - fresh, 0)


def _standing(con: duckdb.DuckDBPyConnection, change: Writing, table: str, name: str) -> str:
    """A table `name` of what is known of items or customers by now, batches aside."""
    add_view(con, "stored_list", STORED[table], change.files(table))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * EXCLUDE (batch_id) FROM ({merged(table, 'stored_list')})"
    )
    return name


def _identify(con: duckdb.DuckDBPyConnection, staged: Staged) -> tuple[int, _Extra]:
    """The view `legs`: events with their ids. Returns how many there are, and which rows make more than one.

    An event's id is the digest of its content and of its occurrence among equal rows of its part, and of its version of
    the order. Few rows have an equal one, so these are found first by a short hash, and only they are counted.
    """
    rows = f"read_parquet([{sql.text(str(staged.rows))}])"
    equal = f"part, digest{_VERSION if staged.versions else ''}"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT part, row, row_number() OVER (PARTITION BY {equal} ORDER BY row) AS occurrence
        FROM {rows} WHERE reason IS NULL AND hash(part, digest) IN (
            SELECT hash(part, digest) AS short FROM {rows} WHERE reason IS NULL GROUP BY short HAVING count(*) > 1
        )
        """
    )
    accepted, *counts = con.execute(
        "SELECT count(*), count(*) FILTER (is_paired) + count(*) FILTER (is_paired AND rest > 0),"
        f" count(*) FILTER (rest > 0), count(*) FILTER (refunded > 0) FROM {rows} WHERE reason IS NULL"
    ).fetchall()[0]
    extra = _Extra(*counts)
    repeats = con.execute("SELECT count(*) FROM repeated WHERE occurrence > 1").fetchall() != [(0,)]
    con.execute(f"CREATE OR REPLACE TEMP VIEW legs AS {_legs(rows, staged.parts > 1, repeats, extra)}")
    return accepted + extra.events, extra


def _legs(rows: str, many_parts: bool, repeats: bool, extra: _Extra) -> str:
    """SQL for the events of staged rows. Later steps read it again and again, so it does no more than a file needs."""
    # Sheets of a workbook may overlap: what another sheet has is the same event, not another.
    once = ""
    if many_parts:
        once = f"QUALIFY row_number() OVER (PARTITION BY event_id{_VERSION} ORDER BY ts DESC, part) = 1"
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


_VERSION = ", order_version, state"  # of an order: an event may be of several, of which one stands in the end

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


def refund_id(order_line: str) -> str:
    """SQL for the id of the refund of an order line, whenever it was given: an order is refunded once."""
    return f"md5({order_line} || '/refund')"


def return_id(order_line: str, refunded: str) -> str:
    """SQL for the id of what was given back so far of the order whose first line this is."""
    return f"md5({order_line} || '/refunded/' || {refunded})"


# Refunds that rows make beside their own event: their ids tell no time.
_MADE_REFUNDS = "SELECT event_id, ts FROM legs WHERE kind = 'refund' AND (is_paired OR refunded > 0)"


def _take_out_earlier_refunds(con: duckdb.DuckDBPyConnection, change: Writing, extra: _Extra) -> int:
    """Take refunds out of the log that `legs` know at a later time; returns how many.

    A file that does not say when an order was refunded has the refund at the order's time, before any that does. So
    the later time is the better one, and it is the same whichever file comes first.
    """
    if not extra.refunds + extra.returns:
        return 0
    return take_out(
        con,
        change,
        "SELECT k.event_id, k.order_id, k.customer_id FROM known k JOIN"
        f" (SELECT event_id, max(ts) AS ts FROM ({_MADE_REFUNDS}) GROUP BY event_id) m USING (event_id)"
        " WHERE k.kind = 'refund' AND k.ts < m.ts",
    )


def _find_known(con: duckdb.DuckDBPyConnection, extra: _Extra) -> None:
    """Fill the table `known_ids` with the events of `legs` that the log has.

    Only those of the same moments can be equal, but for refunds that rows make, which the log may know at a later time.
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
    if extra.refunds + extra.returns:
        con.execute(
            "INSERT INTO known_ids SELECT event_id FROM known WHERE kind = 'refund' AND event_id IN"
            f" (SELECT event_id FROM ({_MADE_REFUNDS}))"
        )


def _put_events(con: duckdb.DuckDBPyConnection, change: Writing, counts: dict[str, int], batch: str) -> None:
    """Write the fresh events, refunds into a file of their own."""
    added = []
    for sign, count in counts.items():
        if count:
            added.append(change.new_file("events"))
            events = f"{(_REFUNDS_FOUND if sign == '=' else _LINES).format(batch=batch)} WHERE kind {sign} 'refund'"
            con.execute(f"COPY ({events}) TO {sql.text(str(added[-1]))} ({FILE_OPTIONS})")
    if added:
        change.put("events", added)


def _revise(con: duckdb.DuckDBPyConnection, change: Writing) -> None:
    """Write the files anew that hold refunds of former batches which belong to another order than was known then, or
    give back more or less of it."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE revised AS SELECT event_id FROM rematched UNION"
        " SELECT event_id FROM open_amounts a JOIN known k USING (event_id) WHERE a.amount IS DISTINCT FROM k.amount"
    )
    if con.execute("SELECT count(*) FROM revised").fetchall() == [(0,)]:
        return
    rewrite(
        con,
        change,
        "revised",
        "SELECT e.* REPLACE (CASE WHEN r.event_id IS NULL THEN e.refund_of ELSE r.refund_of END AS refund_of,"
        " coalesce(a.amount, e.amount) AS amount)"
        " FROM {rows} e LEFT JOIN rematched r ON e.event_id = r.event_id"
        " LEFT JOIN open_amounts a ON e.event_id = a.event_id",
    )


def _tell(
    con: duckdb.DuckDBPyConnection, change: Writing, batch: str, settled: Settled, *, categories: bool, retold: bool
) -> None:
    """Add what the fresh events tell of items and customers to what was told before; see `store/merged.py`.

    So do versions of orders that gave way: had they come first, they would have told it then. The lines with a title
    are counted, and therefore only those of events that stand.
    """
    rows, also = "(SELECT *, true AS stands FROM fresh)", {"items": "", "customers": _RETOLD if retold else ""}
    if settled.superseded:
        rows = f"({rows} UNION ALL BY NAME SELECT *, false AS stands FROM superseded)"
        categories = True
    if settled.replaced:
        also["items"] = _WITHDRAWN
    for table, query in _TOLD.items():
        if table == "item_categories" and not categories:
            continue
        told = (query + also.get(table, "")).format(batch=batch, rows=rows)
        con.execute(f"CREATE OR REPLACE TEMP TABLE told AS {told}")
        _put_told(con, change, table)


def _put_told(con: duckdb.DuckDBPyConnection, change: Writing, table: str) -> None:
    if con.execute("SELECT count(*) FROM told").fetchall() != [(0,)]:
        new = change.new_file(table)
        con.execute(f"COPY ({reduced(table, 'told')}) TO {sql.text(str(new))} ({FILE_OPTIONS})")
        change.put(table, [new])


# What the log does not have yet.
_FRESH = """
    SELECT * EXCLUDE (part, row, state, visitor_id, reason, detail, content, digest, is_paired, rest, refunded,
                      refund_ts, refund_local_ts, description, picture)
    FROM ({rows})
"""
_UNKNOWN = " WHERE event_id NOT IN (SELECT event_id FROM known_ids)"

_COUNTS = """
    SELECT count(*) FILTER (kind <> 'refund'), count(*) FILTER (kind = 'refund'),
        count(category) FILTER (item_id IS NOT NULL)
    FROM fresh
"""

_EVENTS = """
    SELECT event_id, ts, local_ts, customer_id, kind, order_id, item_id, quantity, price, {amount} AS amount, discount,
        category, channel, country, rating, text, {refund_of} AS refund_of, is_goods, order_version, order_placed,
        is_open, {{batch}} AS batch_id, CASE WHEN order_version IS NOT NULL OR kind = 'refund' THEN title END AS title
    FROM fresh
"""
_LINES = _EVENTS.format(amount="amount", refund_of="CAST(NULL AS VARCHAR)")
_REFUNDS_FOUND = (
    _EVENTS.format(amount="coalesce(fresh.amount, open_amounts.amount)", refund_of="refund_of")
    + " LEFT JOIN matches USING (event_id) LEFT JOIN open_amounts USING (event_id)"
)

# What a batch tells: few rows of many, since a shop says the same of an item again and again.
_TOLD = {
    "items": """
        SELECT item_id, category, CASE WHEN kind = 'order_line' AND price > 0 THEN price END AS price, title,
            CAST(NULL AS VARCHAR) AS description, CAST(NULL AS VARCHAR) AS picture, is_goods, {batch} AS batch_id,
            max(ts) AS as_of, count(*) FILTER (stands) AS lines
        FROM {rows} WHERE item_id IS NOT NULL GROUP BY ALL
    """,
    "item_categories": """
        SELECT item_id, category, min(ts) AS since, {batch} AS batch_id, CAST(NULL AS TIMESTAMPTZ) AS as_of
        FROM {rows} WHERE item_id IS NOT NULL AND category IS NOT NULL GROUP BY ALL
    """,
    "customers": """
        SELECT customer_id, country, CAST(NULL AS TIMESTAMPTZ) AS registered_at, CAST(NULL AS VARCHAR) AS attributes,
            {batch} AS batch_id, max(ts) AS as_of, CAST(NULL AS BIGINT) AS lines
        FROM {rows} GROUP BY ALL
    """,
}

_WITHDRAWN = """
        UNION ALL BY NAME
        SELECT item_id, title, true AS is_goods, {batch} AS batch_id, -lines AS lines FROM withdrawn
"""
_RETOLD = """
        UNION ALL BY NAME
        SELECT customer_id, country, {batch} AS batch_id, as_of FROM retold
"""

# What a list tells.
_LISTED = {
    "items": """
        SELECT item_id, category, price, title, description, picture, true AS is_goods, {batch} AS batch_id,
            {as_of} AS as_of, CAST(NULL AS BIGINT) AS lines
        FROM listed
    """,
    "customers": """
        SELECT customer_id, country, ts AS registered_at, content AS attributes, {batch} AS batch_id,
            {as_of} AS as_of, CAST(NULL AS BIGINT) AS lines
        FROM listed
    """,
}

# Without a day on which it was told, a category is taken to have been known all along.
_LISTED_CATEGORIES = """
    SELECT DISTINCT item_id, category, CAST(NULL AS TIMESTAMPTZ) AS since, {batch} AS batch_id, {as_of} AS as_of
    FROM listed WHERE category IS NOT NULL
"""

_QUARANTINE = """
    SELECT {batch} AS batch_id, {file} AS file, row, reason, detail, content, order_id, customer_id, order_placed,
        order_version
    FROM (
        SELECT * REPLACE (CASE WHEN order_version IS NOT NULL THEN order_id END AS order_id,
                          CASE WHEN order_version IS NOT NULL THEN customer_id END AS customer_id)
        FROM read_parquet([{rows}]) WHERE reason IS NOT NULL
    ) ORDER BY part, row
"""
