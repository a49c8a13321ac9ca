"""Refused rows that come again: quarantine has each once, though refused rows have no ids as events do."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from worthwhile.ingestion.stage import Staged
from worthwhile.schema import QUARANTINE
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import FILE_OPTIONS, Writing


def without_known_refusals(
    con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged, name: str
) -> tuple[Staged, int]:
    """The staged rows less those that quarantine has from this address already, and how many these are.

    The overlap is read again each time, and a run that finds nothing new changes nothing.
    """
    add_view(con, "quarantined", QUARANTINE, change.files("quarantine"))
    [(held,)] = con.execute("SELECT count(*) FROM quarantined WHERE file = ?", [name]).fetchall()
    if not staged.refused or not held:
        return staged, 0
    fewer = staged.rows.with_name("fewer.parquet")
    rows = f"read_parquet([{sql.text(str(staged.rows))}])"
    con.execute(
        f"""
        COPY (
            SELECT * FROM {rows} WHERE reason IS NULL
            UNION ALL
            SELECT s.* EXCLUDE (nth) FROM (
                SELECT *, row_number() OVER (PARTITION BY reason, content ORDER BY part, row) AS nth
                FROM {rows} WHERE reason IS NOT NULL
            ) s LEFT JOIN (
                SELECT reason, content, count(*) AS held FROM quarantined WHERE file = {sql.text(name)} GROUP BY ALL
            ) q ON s.reason = q.reason AND s.content IS NOT DISTINCT FROM q.content
            WHERE nth > coalesce(held, 0)
        ) TO {sql.text(str(fewer))} (FORMAT parquet)
        """
    )
    counted = f"SELECT reason, count(*) FROM read_parquet([{sql.text(str(fewer))}]) WHERE reason IS NOT NULL"
    refused = dict(con.execute(f"{counted} GROUP BY ALL ORDER BY ALL").fetchall())
    known = sum(staged.refused.values()) - sum(refused.values())
    fewer.replace(staged.rows)
    return replace(staged, refused=refused), known


def drop_former_refusals(con: duckdb.DuckDBPyConnection, change: Writing, staged: Staged) -> None:
    """Take out of quarantine what the file refuses again, as often as it does: its own rows come in their place.

    So quarantine says which file had a row last, and whether a later one had it no more. Rows without content, which
    could be any, stay beside each other.
    """
    files = change.files("quarantine")
    if not staged.refused or not files:
        return
    held = "read_parquet([{}], filename = true, file_row_number = true)"
    columns = ", ".join(QUARANTINE.names)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE former AS SELECT filename, file_row_number FROM (
            SELECT filename, file_row_number, times,
                row_number() OVER (PARTITION BY q.reason, q.content, q.order_version ORDER BY batch_id, q.row) AS nth
            FROM {held.format(sql.texts(files))} q JOIN (
                SELECT reason, content, order_version, count(*) AS times
                FROM read_parquet([{sql.text(str(staged.rows))}]) WHERE content IS NOT NULL GROUP BY ALL
            ) s ON q.reason = s.reason AND q.content = s.content
                AND q.order_version IS NOT DISTINCT FROM s.order_version
        ) WHERE nth <= times
        """
    )
    removed = [name for (name,) in con.execute("SELECT DISTINCT filename FROM former ORDER BY 1").fetchall()]
    if not removed:
        return
    new = change.new_file("quarantine")
    con.execute(
        f"COPY (SELECT {columns} FROM {held.format(sql.texts(removed))} ANTI JOIN former"
        f" USING (filename, file_row_number)) TO {sql.text(str(new))} ({FILE_OPTIONS})"
    )
    is_empty = con.execute(f"SELECT count(*) FROM read_parquet({sql.text(str(new))})").fetchall() == [(0,)]
    if is_empty:
        new.unlink()
    change.put("quarantine", [] if is_empty else [new], removed)
