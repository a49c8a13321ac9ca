"""Several files that are one source: tables that name each other's rows, joined into one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import Table, plain
from worthwhile.ingestion.formats import FORMATS
from worthwhile.ingestion.formats.format import Format
from worthwhile.ingestion.source import Source, column
from worthwhile.store import sql


@dataclass(frozen=True)
class Member:
    """One file of a set, laid open and kept aside until the others are there."""

    form: Format
    table: str
    path: Path
    digest: str
    rows: Path  # Parquet: the file's columns by their plain names


def member_of(table: Table) -> tuple[Format, str] | None:
    """The set, and which of its tables a file is."""
    names = {plain(name) for name in table.names}
    for form in FORMATS.values():
        for name, marks in form.tables.marks.items() if form.tables else ():
            if marks <= names:
                return form, name
    return None


def put_aside(
    con: duckdb.DuckDBPyConnection, source: Source, form: Format, table: str, digest: str, scratch: Path
) -> Member:
    """Keep what `raw` holds of a file of a set. Raises InputError `bad-file` where a line of it is torn."""
    torn = con.execute("SELECT row, content FROM torn ORDER BY row LIMIT 1").fetchall()
    if torn:
        raise InputError(
            "bad-file",
            f"row {torn[0][0]} of the {form.name} table `{table}` is torn: {torn[0][1]}",
            where=str(source.path),
            remedy="mend the line or export the table again",
        )
    names: dict[str, int] = {}
    for index, name in enumerate(source.columns):
        names.setdefault(plain(name) or f"column{index}", index)
    picked = ", ".join(f"nullif(trim({column(index)}), '') AS {sql.name(name)}" for name, index in names.items())
    kept = scratch / "member.parquet"
    con.execute(f"COPY (SELECT {picked} FROM raw) TO {sql.text(str(kept))} (FORMAT parquet)")
    return Member(form, table, source.path, digest, kept)


def joined(con: duckdb.DuckDBPyConnection, members: Sequence[Member], scratch: Path) -> tuple[Source, str]:
    """The members of one set as one source, laid open as `raw`, and its digest. Raises InputError `bad-file`."""
    form = members[0].form
    assert form.tables is not None
    there = _by_table(members)
    missing = [table for table in form.tables.needed if table not in there]
    if missing:
        raise InputError(
            "bad-file",
            f"this is the table `{members[0].table}` of {form.name}, which says nothing without"
            f" {' and '.join(missing)}",
            where=str(members[0].path),
            remedy="name the files of all its tables in one command",
        )
    for table, marks in form.tables.marks.items():
        if table in there:
            query = f"SELECT * FROM read_parquet([{sql.text(str(there[table].rows))}])"
        else:
            empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {sql.name(name)}" for name in sorted(marks))
            query = f"SELECT {empty} WHERE false"
        con.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(table)} AS {query}")
    staged = scratch / "raw.parquet"
    result = con.sql(form.tables.rows)
    names = tuple(result.columns)
    renamed = ", ".join(f"{sql.name(name)} AS {column(index)}" for index, name in enumerate(names))
    con.execute(
        f"COPY (SELECT 0 AS part, row_number() OVER () AS row, {renamed} FROM ({form.tables.rows}))"
        f" TO {sql.text(str(staged))} (FORMAT parquet)"
    )
    for table in form.tables.marks:
        con.execute(f"DROP VIEW {sql.name(table)}")
    con.execute("CREATE OR REPLACE TEMP TABLE torn (part INTEGER, row BIGINT, detail VARCHAR, content VARCHAR)")
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.text(str(staged))}])")
    digest = hashlib.sha256("".join(sorted(member.digest for member in members)).encode()).hexdigest()
    paths = " + ".join(member.path.name for member in members)
    return Source(members[0].path.with_name(paths), "csv", names), digest


def _by_table(members: Sequence[Member]) -> Mapping[str, Member]:
    there: dict[str, Member] = {}
    for member in members:
        if member.table in there:
            raise InputError(
                "bad-file",
                f"two files are the table `{member.table}` of {member.form.name}",
                where=f"{there[member.table].path} and {member.path}",
                remedy="name one of each table",
            )
        there[member.table] = member
    return there
