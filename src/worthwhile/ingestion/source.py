"""A file of any kind becomes one table of texts: `raw` with part, row, c0, c1, ... and `torn` for broken lines.

All that follows reads `raw`, so that a new kind of file is a matter of this module only. Rows are counted from 1
after the header; a part is a sheet of a workbook.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.ingestion import json_file, text_file
from worthwhile.ingestion.columns import plain
from worthwhile.store import sql
from worthwhile.store.faults import refused

BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Source:
    """A file or a database's answer laid open: its columns as named in it, in the order of c0, c1, ..."""

    path: Path
    kind: str  # csv, json, parquet, xlsx, postgresql, mysql
    columns: tuple[str, ...]
    has_header: bool = True
    by_blanks: bool = False  # fields are parted by runs of blanks
    notes: tuple[str, ...] = ()
    address: str = ""  # of a database, without its password
    is_continued: bool = False  # a former batch of this database is in the shop

    @property
    def name(self) -> str:
        return self.address or self.path.name

    @property
    def where(self) -> str:
        """What errors name."""
        return self.address or str(self.path)


def column(index: int) -> str:
    """The name of a file's column in `raw`."""
    return f"c{index}"


def lay_open(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Source:
    """The views or tables `raw` and `torn` of a file, in this connection.

    Raises InputError `bad-file` for what is missing, empty, truncated or of no kind that can be read.
    """
    no_torn_lines(con)
    head = _head(path)
    try:
        if head.startswith(b"PAR1"):
            return _parquet(con, path, scratch)
        if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return _workbook(con, path, scratch)
        return _text(con, path, head, scratch)
    except (duckdb.Error, pa.ArrowException, EOFError, OSError, zipfile.BadZipFile) as error:
        if refused(error) is not None and str(scratch) in str(error):
            raise  # the shop's disk is full, and nothing is wrong with the file
        raise _bad_file(path, f"it cannot be read to its end: {str(error).splitlines()[0]}") from error


def no_torn_lines(con: duckdb.DuckDBPyConnection) -> None:
    """The table `torn`, empty."""
    con.execute("CREATE OR REPLACE TEMP TABLE torn (part INTEGER, row BIGINT, detail VARCHAR, content VARCHAR)")


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise _bad_file(path, "this is a folder, not a file", "name the files in it")
    if not path.is_file():
        raise _bad_file(path, "there is no such file", "check the name")
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise _bad_file(path, f"it cannot be opened: {error.strerror}", "check its permissions") from error
    if not head:
        raise _bad_file(path, "the file is empty", "export it again")
    return head


# ---- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Source:
    schema = pq.read_schema(path)
    files = sql.texts([_escaped(path)])
    if any(pa.types.is_nested(field.type) for field in schema):  # as Google's exports are
        rows = f"read_parquet([{files}], file_row_number = true, binary_as_string = true)"
        documents = scratch / "documents.parquet"
        con.execute(
            f"COPY (SELECT t.file_row_number + 1 AS row, to_json(t) AS doc FROM {rows} t)"
            f" TO {sql.text(str(documents))} (FORMAT parquet)"
        )
        return Source(path, "parquet", _flat(con, path, documents, scratch))
    columns = ", ".join(
        f"CAST({sql.name(name)} AS VARCHAR) AS {column(index)}" for index, name in enumerate(schema.names)
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW raw AS SELECT 0 AS part, file_row_number + 1 AS row, {columns}"
        f" FROM read_parquet([{files}], file_row_number = true, binary_as_string = true)"
    )
    return Source(path, "parquet", tuple(schema.names))


def _escaped(path: Path) -> str:
    """The path for DuckDB, which takes brackets, stars and question marks for patterns."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path.absolute()))


# ---- CSV, TSV and their kin ---------------------------------------------------------------------------------------


_CSV_OPTIONS = (
    "auto_detect = false, strict_mode = true, null_padding = false, max_line_size = 16000000,"
    " ignore_errors = true, store_rejects = true, rejects_limit = 0"
)


def _text(con: duckdb.DuckDBPyConnection, path: Path, head: bytes, scratch: Path) -> Source:
    readable = text_file.as_utf8(path, head, scratch)
    if first := json_file.first_sign(readable):
        return _json(con, path, readable, first, scratch)
    layout = text_file.layout_of(readable, path)
    staged = scratch / "raw.parquet"
    read = _read_blanks if layout.by_blanks else _read_delimited
    read(con, layout, sql.text(_escaped(readable)), staged)
    return Source(path, "csv", layout.columns, layout.has_header, layout.by_blanks)


def _json(con: duckdb.DuckDBPyConnection, path: Path, readable: Path, first: str, scratch: Path) -> Source:
    documents = scratch / "documents.parquet"
    json_file.documents(con, sql.text(_escaped(readable)), first, documents)
    return Source(path, "json", _flat(con, path, documents, scratch))


def _flat(con: duckdb.DuckDBPyConnection, path: Path, documents: Path, scratch: Path) -> tuple[str, ...]:
    """The view `raw` of documents of JSON, and the names of its columns."""
    staged = scratch / "raw.parquet"
    names, rows = json_file.flattened(con, sql.text(_escaped(documents)), str(path))
    con.execute(f"COPY (SELECT 0 AS part, * FROM ({rows})) TO {sql.text(str(staged))} (FORMAT parquet)")
    documents.unlink()
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.text(_escaped(staged))}])")
    return names


def _read_delimited(con: duckdb.DuckDBPyConnection, layout: text_file.Layout, file: str, staged: Path) -> None:
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    header = str(layout.has_header).lower()
    fields = ", ".join(f"'{column(index)}': 'VARCHAR'" for index in range(len(layout.columns)))
    con.execute(
        f"""
        COPY (SELECT * FROM read_csv({file}, delim = {sql.text(layout.delimiter)},
              quote = '"', escape = '"', header = {header}, columns = {{{fields}}}, {_CSV_OPTIONS}))
        TO {sql.text(str(staged))} (FORMAT parquet)
        """
    )
    _collect_torn(con, layout.has_header)
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS {_renumbered(con, staged)}")


def _read_blanks(con: duckdb.DuckDBPyConnection, layout: text_file.Layout, file: str, staged: Path) -> None:
    """Fields that runs of blanks part: each line is read whole and split here."""
    count, header = len(layout.columns), str(layout.has_header).lower()
    pick = ", ".join(f"f[{index + 1}] AS {column(index)}" for index in range(count))
    con.execute(
        f"""
        COPY (SELECT row_number() OVER () AS row, {pick}, len(f) <> {count} AS torn, line
              FROM (SELECT line, string_split_regex(trim(line), '\\s+') AS f
                    FROM read_csv({file}, delim = '\x01', quote = '', escape = '', header = {header},
                                  columns = {{'line': 'VARCHAR'}}, {_CSV_OPTIONS})
                    WHERE trim(line) <> ''))
        TO {sql.text(str(staged))} (FORMAT parquet)
        """
    )
    rows = f"read_parquet([{sql.text(_escaped(staged))}])"
    con.execute(f"INSERT INTO torn SELECT 0, row, 'it does not have {count} fields', line FROM {rows} WHERE torn")
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW raw AS SELECT 0 AS part, * EXCLUDE (torn, line) FROM {rows} WHERE NOT torn"
    )


def _collect_torn(con: duckdb.DuckDBPyConnection, has_header: bool) -> None:
    """The lines that DuckDB could not split, once each, with their row in the file."""
    con.execute(
        f"""
        INSERT INTO torn
        SELECT 0, line - {int(has_header)}, lower(min(CAST(error_type AS VARCHAR))), any_value(csv_line)
        FROM reject_errors GROUP BY line
        """
    )


def _renumbered(con: duckdb.DuckDBPyConnection, staged: Path) -> str:
    """A query over the staged rows in which the row numbers count the torn lines too.

    Parquet knows the number of each row: counting them while the file is read would take one thread for all.
    """
    file = f"read_parquet([{sql.text(_escaped(staged))}], file_row_number = true)"
    rows = f"(SELECT file_row_number + 1 AS row, * EXCLUDE (file_row_number) FROM {file})"
    if con.execute("SELECT count(*) FROM torn").fetchall() == [(0,)]:
        return f"SELECT 0 AS part, * FROM {rows}"
    # The k-th torn line at row d stands before all good rows from number d - k + 1 on.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE torn_before AS SELECT row - k + 1 AS good, k"
        " FROM (SELECT row, row_number() OVER (ORDER BY row) AS k FROM torn) UNION ALL SELECT 0, 0"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE torn_before AS SELECT good, max(k) AS k FROM torn_before GROUP BY good")
    return (
        f"SELECT 0 AS part, r.* REPLACE (r.row + t.k AS row) FROM {rows} r ASOF JOIN torn_before t ON r.row >= t.good"
    )


# ---- workbooks ----------------------------------------------------------------------------------------------------


def _workbook(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Source:
    """All sheets of a workbook that have the first sheet's header, each a part."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
        # One sheet at a time: a million rows of Python objects are a gigabyte.
        sheets = ((name, book.get_sheet_by_name(name).to_python(skip_empty_area=True)) for name in book.sheet_names)
        return _sheets(con, path, sheets, scratch)
    except CalamineError as error:
        raise _bad_file(path, f"it is neither a workbook nor any other kind that can be read: {error}") from error


def _sheets(
    con: duckdb.DuckDBPyConnection, path: Path, sheets: Iterable[tuple[str, list[list[Any]]]], scratch: Path
) -> Source:
    columns: tuple[str, ...] = ()
    notes: list[str] = []
    files: list[str] = []
    for name, rows in sheets:
        header, body = _split_header(rows)
        if len(header) < 2 or not body:
            continue
        if columns and [plain(text) for text in header] != [plain(text) for text in columns]:
            notes.append(f"sheet `{name}` has other columns and was left out")
            continue
        columns = columns or header
        files.append(_write_part(scratch, len(files), body, len(columns)))
    if not files:
        raise _bad_file(path, "no sheet has a header and rows below it", "export the orders as a table")
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.texts(files)}])")
    return Source(path, "xlsx", columns, notes=tuple(notes))


def _split_header(rows: list[list[Any]]) -> tuple[tuple[str, ...], list[list[Any]]]:
    """The first row with at least two values is the header; what stands above it is a title."""
    for index, row in enumerate(rows):
        if sum(cell != "" for cell in row) >= 2:
            names = tuple(_cell(cell) or f"column_{place + 1}" for place, cell in enumerate(row))
            return names, rows[index + 1 :]
    return (), []


def _write_part(scratch: Path, part: int, body: list[list[Any]], width: int) -> str:
    path = scratch / f"part-{part}.parquet"
    names = ["part", "row", *(column(index) for index in range(width))]
    schema = pa.schema([("part", pa.int32()), ("row", pa.int64()), *((name, pa.string()) for name in names[2:])])
    with pq.ParquetWriter(path, schema) as writer:
        for start, rows in _in_batches(body):
            texts = [pa.array([_cell(row[index]) for row in rows], pa.string()) for index in range(width)]
            numbers = pa.array(range(start + 1, start + len(rows) + 1), pa.int64())
            writer.write_batch(
                pa.record_batch([pa.array([part] * len(rows), pa.int32()), numbers, *texts], schema=schema)
            )
    return _escaped(path)


def _in_batches(body: list[list[Any]]) -> Iterator[tuple[int, list[list[Any]]]]:
    for start in range(0, len(body), BATCH_ROWS):
        yield start, body[start : start + BATCH_ROWS]


def _cell(value: Any) -> str | None:
    """A cell as text: whole numbers without a point, dates as ISO."""
    if value == "" or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time):
        return str(value)
    return str(value)


def _bad_file(path: Path, what: str, remedy: str = "export it again as CSV, TSV, Parquet or XLSX") -> InputError:
    return InputError("bad-file", what, where=str(path), remedy=remedy)
