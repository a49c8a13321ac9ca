"""Files of the event log are written anew where events that lie in them change or go."""

from __future__ import annotations

import duckdb

from worthwhile.schema import EVENTS
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import FILE_OPTIONS, Writing


def rewrite(con: duckdb.DuckDBPyConnection, change: Writing, table: str, query: str) -> None:
    """Write the files anew that hold events named in `table`, by a query over their `rows`; then `known` shows them."""
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
    add_view(con, "known", EVENTS, change.files("events"))
