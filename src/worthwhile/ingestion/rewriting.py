"""Files of a table are written anew where rows that lie in them change or go."""

from __future__ import annotations

import duckdb

from worthwhile.schema import STORED
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import FILE_OPTIONS, Writing


def rewrite(
    con: duckdb.DuckDBPyConnection,
    change: Writing,
    named: str,
    query: str,
    *,
    table: str = "events",
    key: str = "event_id",
) -> None:
    """Write the files anew that hold rows whose key `named` has, by a query over their `rows`.

    Of events, the view `known` then shows them.
    """
    files = f"read_parquet([{sql.texts(change.files(table))}], filename = true)"
    found = con.execute(f"SELECT DISTINCT filename FROM {files} WHERE {key} IN (SELECT {key} FROM {named})")
    removed = [name for (name,) in found.fetchall()]
    new = change.new_file(table)
    rows = f"read_parquet([{sql.texts(removed)}])"
    con.execute(f"COPY ({query.format(rows=rows)}) TO {sql.text(str(new))} ({FILE_OPTIONS})")
    is_empty = con.execute(f"SELECT count(*) FROM read_parquet({sql.text(str(new))})").fetchall() == [(0,)]
    if is_empty:
        new.unlink()
    change.put(table, [] if is_empty else [new], removed)
    if table == "events":
        show_known(con, change)


def show_known(con: duckdb.DuckDBPyConnection, change: Writing) -> None:
    """The view `known`: the log so far."""
    add_view(con, "known", STORED["events"], change.files("events"))


def begin_taking_out(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that `take_out` fills: `gone` (event_id, order_id, customer_id) and `withdrawn` (item_id, title,
    lines), the lines with a title that went with these events."""
    con.execute("CREATE OR REPLACE TEMP TABLE gone (event_id VARCHAR, order_id VARCHAR, customer_id VARCHAR)")
    con.execute("CREATE OR REPLACE TEMP TABLE withdrawn (item_id VARCHAR, title VARCHAR, lines BIGINT)")


def take_out(con: duckdb.DuckDBPyConnection, change: Writing, events: str) -> int:
    """Take events out of the log, by a query for their event_id, order_id, customer_id; returns how many there are."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE going AS {events}")
    [(count,)] = con.execute("SELECT count(*) FROM going").fetchall()
    if count:
        con.execute(
            "INSERT INTO withdrawn SELECT item_id, title, count(*) FROM known SEMI JOIN going USING (event_id)"
            " WHERE item_id IS NOT NULL AND title IS NOT NULL GROUP BY ALL"
        )
        con.execute("INSERT INTO gone FROM going")
        rewrite(con, change, "going", "SELECT * FROM {rows} WHERE event_id NOT IN (SELECT event_id FROM going)")
    return int(count)
