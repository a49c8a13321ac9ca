"""A file of any kind becomes one table of texts: `raw` with part, row, c0, c1, ... and `torn` for broken lines.

All that follows reads `raw`, so that a new kind of file is a matter of this module only. Rows are counted from 1
after the header; a part is a sheet of a workbook.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.ingestion import json_file, limits, text_file
from worthwhile.ingestion.broken_quotes import NEVER_CLOSED, Record, records, swallows
from worthwhile.ingestion.columns import plain
from worthwhile.ingestion.words import counted
from worthwhile.ingestion.workbook_check import bad_workbook, check_workbook
from worthwhile.store import sql
from worthwhile.store.faults import refused

BATCH_ROWS = 50_000
NOTES = 5  # of one kind
_OLE = b"\xd0\xcf\x11\xe0"  # how old workbooks (XLS) begin, and those with a password


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
    sheet: str = ""  # of a workbook of several, the one whose columns these are
    other_sheets: tuple[str, ...] = ()  # those with other columns, which are left out

    @property
    def name(self) -> str:
        return self.address or self.path.name

    @property
    def where(self) -> str:
        """What errors name."""
        return self.address or str(self.path) + (f", sheet `{self.sheet}`" if self.sheet else "")


def column(index: int) -> str:
    """The name of a file's column in `raw`."""
    return f"c{index}"


def lay_open(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    scratch: Path,
    *,
    has_orders: Callable[[Sequence[str]], bool] = lambda names: True,
) -> Source:
    """The views or tables `raw` and `torn` of a file, in this connection.

    Of a workbook's sheets the first is read whose header `has_orders` by the names of its columns, if any.
    Raises InputError `bad-file` for what is missing, empty, truncated or of no kind that can be read.
    """
    no_torn_lines(con)
    head = _head(path)
    try:
        if head.startswith(b"PAR1"):
            return _parquet(con, path, scratch)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE)):
            return _workbook(con, path, head, scratch, has_orders)
        return _text(con, path, head, scratch)
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, pa.ArrowException, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        if refused(error) is not None and str(scratch) in str(error):
            raise  # the shop's disk is full, and nothing is wrong with the file
        raise _bad_file(path, f"it cannot be read to its end: {_first_line(error)}") from error


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Raises InputError `bad-file` where the file is another one at the end than at the beginning.

    A file that is still being written has been read up to some place in its middle.
    """
    before = _state(path)
    yield
    if _state(path) != before:
        raise _bad_file(path, "it changed while it was read", "wait until it is written to its end, and ingest it then")


def _state(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


# What a path can lead to that is no file.
_NO_FILES = {
    stat.S_IFDIR: ("this is a folder, not a file", "name the files in it"),
    stat.S_IFIFO: ("this is a pipe, not a file", "write what comes out of it to a file"),
    stat.S_IFSOCK: ("this is a socket, not a file", "name a file"),
    stat.S_IFCHR: ("this is a device, not a file", "name a file"),
    stat.S_IFBLK: ("this is a device, not a file", "name a file"),
}


def no_torn_lines(con: duckdb.DuckDBPyConnection) -> None:
    """The table `torn`, empty."""
    con.execute("CREATE OR REPLACE TEMP TABLE torn (part INTEGER, row BIGINT, detail VARCHAR, content VARCHAR)")


def _head(path: Path) -> bytes:
    """The first bytes of a file that there is and that may be read; a pipe or device is not even opened."""
    try:
        str(path).encode()
        mode = path.stat().st_mode
    except UnicodeEncodeError as error:
        raise _bad_file(path, "its name is no valid text", "rename it") from error
    except (OSError, ValueError) as error:
        raise _not_there(path, error) from error
    if not stat.S_ISREG(mode):
        raise _bad_file(path, *_NO_FILES.get(stat.S_IFMT(mode), ("this is no file", "name a file")))
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise _bad_file(path, f"it cannot be opened: {error.strerror}", "check its permissions") from error
    if not head:
        raise _bad_file(path, "the file is empty", "export it again")
    return head


def _not_there(path: Path, error: Exception) -> InputError:
    if isinstance(error, PermissionError):
        return _bad_file(path, "the folder it lies in cannot be read", "check its permissions")
    if os.path.islink(path):  # noqa: PTH114 - pathlib raises on names that hold a zero byte
        return _bad_file(path, "this is a link that leads nowhere", "name the file itself")
    return _bad_file(path, "there is no such file", "check the name")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


# ---- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(con: duckdb.DuckDBPyConnection, path: Path, scratch: Path) -> Source:
    """All columns as texts, by their place: two columns of one name are two columns."""
    columns = _parquet_columns(path)
    if any(pa.types.is_nested(field.type) for field in pq.read_schema(path)):  # as Google's exports are
        documents = scratch / "documents.parquet"
        con.execute(
            "COPY (SELECT t.file_row_number + 1 AS row, to_json(t) AS doc"
            f" FROM read_parquet([{sql.text(_escaped(path))}], file_row_number = true, binary_as_string = true) t)"
            f" TO {sql.text(str(documents))} (FORMAT parquet)"
        )
        return Source(path, "parquet", _flat(con, path, documents, scratch))
    staged = scratch / "raw.parquet"
    for as_text in ("true", "false"):  # first bytes as text, and where they are none as \xFF
        rows = f"read_parquet([{sql.text(_escaped(path))}], binary_as_string = {as_text})"
        names = [name for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
        picked = ", ".join(f"CAST({sql.name(name)} AS VARCHAR) AS {column(index)}" for index, name in enumerate(names))
        try:
            con.execute(f"COPY (SELECT {picked} FROM {rows}) TO {sql.text(str(staged))} (FORMAT parquet)")
        except duckdb.Error as error:
            if as_text == "true" and "encoding" in str(error):
                continue
            raise
        break
    _keep_long_cells_apart(con, _counted(staged), len(columns))
    return Source(path, "parquet", columns)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    """The names of the columns. Raises InputError `bad-file` where the footer speaks of what no export holds."""
    with pq.ParquetFile(path) as file:
        names = tuple(name or f"column_{place}" for place, name in enumerate(file.schema_arrow.names, start=1))
        rows = file.metadata.num_rows
    if len(names) > limits.MOST_COLUMNS:
        raise text_file.too_wide(path, len(names))
    if not names:
        raise _bad_file(path, "it has no columns", "export it again")
    if rows > max(limits.FREE_ROWS, limits.MOST_ROWS_A_BYTE * path.stat().st_size):
        raise _bad_file(path, f"it speaks of {rows:,} rows, far more than a file of its size holds")
    return names


def _escaped(path: Path) -> str:
    """The path for DuckDB, which takes brackets, stars and question marks for patterns."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path.absolute()))


def _keep_long_cells_apart(con: duckdb.DuckDBPyConnection, rows: str, width: int) -> None:
    """The view `raw` of staged rows without those that have an endless field, which go to `torn`."""
    longest = f"greatest({', '.join(f'length({column(index)})' for index in range(width))})"
    [(most,)] = con.execute(f"SELECT coalesce(max({longest}), 0) FROM {rows}").fetchall()
    if most <= limits.MOST_CELL:
        con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT 0 AS part, * FROM {rows}")
        return
    kept = ", ".join(f"left({column(index)}, {limits.KEPT_OF_LONG_CELL})" for index in range(width))
    con.execute(
        f"INSERT INTO torn SELECT 0, row, 'a field has ' || {longest} || ' characters', concat_ws(' | ', {kept})"
        f" FROM {rows} WHERE {longest} > {limits.MOST_CELL}"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW raw AS SELECT 0 AS part, * FROM {rows} WHERE {longest} <= {limits.MOST_CELL}"
        f" OR {longest} IS NULL"
    )


# ---- CSV, TSV and their kin ---------------------------------------------------------------------------------------


_CSV_OPTIONS = (
    "auto_detect = false, strict_mode = true, null_padding = false, max_line_size = 16000000,"
    " ignore_errors = true, store_rejects = true, rejects_limit = 0"
)


def _text(con: duckdb.DuckDBPyConnection, path: Path, head: bytes, scratch: Path) -> Source:
    readable, notes = text_file.as_utf8(path, head, scratch)
    if first := json_file.first_sign(readable):
        return replace(_json(con, path, readable, first, scratch), notes=notes)
    layout = text_file.layout_of(readable, path)
    staged = scratch / "raw.parquet"
    if layout.begin:
        readable = text_file.from_header(readable, layout.begin, scratch)
    if layout.titles:
        notes = (
            *notes,
            f"lines above the header, taken for a title: {layout.titles}",
        )
    if layout.by_blanks:
        _read_blanks(con, layout, sql.text(_escaped(readable)), staged)
        return Source(path, "csv", layout.columns, layout.has_header, layout.by_blanks, notes)
    if not _read_delimited(con, layout, sql.text(_escaped(readable)), staged) or _quotes_are_broken(
        con, layout, staged
    ):
        rows = _read_line_by_line(con, layout, readable, staged)
        notes = (*notes, *_broken_quotes(con))
    else:
        _collect_torn(con, layout.has_header)
        rows = _renumbered(con, staged)
    _keep_long_cells_apart(con, rows, len(layout.columns))
    notes = (*notes, *_torn_end(con, readable))
    return Source(path, "csv", layout.columns, layout.has_header, layout.by_blanks, notes)


def _torn_end(con: duckdb.DuckDBPyConnection, readable: Path) -> tuple[str, ...]:
    """A note on a file that ends within a line, as one that is still being written or was cut off does."""
    with readable.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) in b"\r\n":
            return ()
    [(last, torn)] = con.execute("SELECT (SELECT max(row) FROM raw), (SELECT max(row) FROM torn)").fetchall()
    if torn is None or torn < (last or 0):
        return ()
    return (
        "the file ends in the middle of its last row: if it is cut off, or was still being written, ingest it again"
        " when it is whole",
    )


def _json(con: duckdb.DuckDBPyConnection, path: Path, readable: Path, first: str, scratch: Path) -> Source:
    if not json_file.is_whole(readable, first):
        raise _bad_file(path, "it is cut off: a list is opened and never closed")
    documents = scratch / "documents.parquet"
    json_file.documents(con, sql.text(_escaped(readable)), first, documents, str(path))
    return Source(path, "json", _flat(con, path, documents, scratch))


def _flat(con: duckdb.DuckDBPyConnection, path: Path, documents: Path, scratch: Path) -> tuple[str, ...]:
    """The view `raw` of documents of JSON, and the names of its columns."""
    staged = scratch / "raw.parquet"
    names, rows = json_file.flattened(con, sql.text(_escaped(documents)), str(path))
    con.execute(f"COPY (SELECT 0 AS part, * FROM ({rows})) TO {sql.text(str(staged))} (FORMAT parquet)")
    documents.unlink()
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.text(_escaped(staged))}])")
    return names


def _read_delimited(con: duckdb.DuckDBPyConnection, layout: text_file.Layout, file: str, staged: Path) -> bool:
    """Whether DuckDB could read the file; it cannot where line ends are of two kinds."""
    con.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")
    header = str(layout.has_header).lower()
    fields = ", ".join(f"'{column(index)}': 'VARCHAR'" for index in range(len(layout.columns)))
    try:
        con.execute(
            f"""
            COPY (SELECT * FROM read_csv({file}, delim = {sql.text(layout.delimiter)},
                  quote = '"', escape = '"', header = {header}, columns = {{{fields}}}, {_CSV_OPTIONS}))
            TO {sql.text(str(staged))} (FORMAT parquet)
            """
        )
    except duckdb.InvalidInputException:
        return False
    return True


def _quotes_are_broken(con: duckdb.DuckDBPyConnection, layout: text_file.Layout, staged: Path) -> bool:
    """Whether DuckDB took more than one line for a record that is none, or kept only the beginning of a torn one.

    It skips all that a quote which is never closed swallows, up to the end of the file, and keeps 10,000 characters.
    """
    [(cut,)] = con.execute(
        "SELECT count(*) FROM reject_errors WHERE error_type = 'UNQUOTED VALUE' OR length(csv_line) >= 10000"
        " OR contains(rtrim(csv_line, chr(10) || chr(13)), chr(10))"
    ).fetchall()
    if cut:
        return True
    width = len(layout.columns)
    longer = [f"contains({column(index)}, chr(10))" for index in range(width)]
    rows = con.execute(
        f"SELECT {', '.join(map(column, range(width)))} FROM read_parquet([{sql.text(_escaped(staged))}])"
        f" WHERE {' OR '.join(longer)} LIMIT {BATCH_ROWS}"
    ).fetchall()
    cells = (cell for row in rows for cell in row if cell and "\n" in cell)
    return any(swallows(cell.splitlines()[1:-1], layout.delimiter, width) for cell in cells)


def _read_line_by_line(con: duckdb.DuckDBPyConnection, layout: text_file.Layout, readable: Path, staged: Path) -> str:
    """The file once more, by a reader that a quote cannot lead astray; it is slow and needed for few files."""
    width = len(layout.columns)
    schema = pa.schema([("row", pa.int64()), *((column(index), pa.string()) for index in range(width))])
    found = records(readable, layout.delimiter, width, has_header=layout.has_header)
    with pq.ParquetWriter(staged, schema) as writer:
        for start, batch in _batches(found):
            good = [(start + k, record.fields) for k, record in enumerate(batch) if record.fields is not None]
            texts = [pa.array([fields[index] or None for _, fields in good], pa.string()) for index in range(width)]
            writer.write_batch(pa.record_batch([pa.array([row for row, _ in good], pa.int64()), *texts], schema=schema))
            torn = [
                (0, start + k, record.detail, record.content) for k, record in enumerate(batch) if record.fields is None
            ]
            if torn:
                con.executemany("INSERT INTO torn VALUES (?, ?, ?, ?)", torn)
    return _read(staged)


def _broken_quotes(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """A note on lines that were refused for a quote: what looked like one to the other reader may have been none."""
    [(count,)] = con.execute(f"SELECT count(*) FROM torn WHERE detail = {sql.text(NEVER_CLOSED)}").fetchall()
    if not count:
        return ()
    lines = counted(count, "line has a quote that is", "lines have quotes that are")
    return (f"{lines} opened and never closed: refused, and what comes after read",)


def _batches(found: Iterator[Record]) -> Iterator[tuple[int, list[Record]]]:
    """Records in batches, each with the row of its first."""
    start = 1
    while batch := list(islice(found, BATCH_ROWS)):
        yield start, batch
        start += len(batch)


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


def _counted(staged: Path) -> str:
    """The staged rows with their numbers, which Parquet knows: to count them while the file is read would take one
    thread for all."""
    file = f"read_parquet([{sql.text(_escaped(staged))}], file_row_number = true)"
    return f"(SELECT file_row_number + 1 AS row, * EXCLUDE (file_row_number) FROM {file})"


def _renumbered(con: duckdb.DuckDBPyConnection, staged: Path) -> str:
    """The staged rows with numbers that count the torn lines too."""
    if con.execute("SELECT count(*) FROM torn").fetchall() == [(0,)]:
        return _counted(staged)
    # The k-th torn line at row d stands before all good rows from number d - k + 1 on.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE torn_before AS SELECT row - k + 1 AS good, k"
        " FROM (SELECT row, row_number() OVER (ORDER BY row) AS k FROM torn) UNION ALL SELECT 0, 0"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE torn_before AS SELECT good, max(k) AS k FROM torn_before GROUP BY good")
    numbered = staged.with_name("numbered.parquet")
    con.execute(
        f"COPY (SELECT r.* REPLACE (r.row + t.k AS row) FROM {_counted(staged)} r"
        f" ASOF JOIN torn_before t ON r.row >= t.good ORDER BY r.row) TO {sql.text(str(numbered))} (FORMAT parquet)"
    )
    numbered.replace(staged)
    return _read(staged)


def _read(staged: Path) -> str:
    return f"read_parquet([{sql.text(_escaped(staged))}])"


# ---- workbooks ----------------------------------------------------------------------------------------------------


def _workbook(
    con: duckdb.DuckDBPyConnection, path: Path, head: bytes, scratch: Path, has_orders: Callable[[Sequence[str]], bool]
) -> Source:
    """All sheets of a workbook that have the header of one, each a part: of the first that may have orders, else of the
    first."""
    from python_calamine import CalamineError, PasswordError

    if not head.startswith(_OLE):
        check_workbook(path)
    try:
        with _silent_panics():
            return _read_book(con, path, scratch, has_orders)
    except PasswordError as error:
        raise _protected(path) from error
    except CalamineError as error:
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise _protected(path) from error
        raise bad_workbook(path, f"this workbook cannot be read: {_first_line(error)}") from error
    except BaseException as error:
        # The reader is written in Rust, whose panics are no Exceptions; a broken workbook can bring one about.
        if type(error).__name__ == "PanicException":
            raise bad_workbook(path, "this workbook is broken") from error
        raise


def _read_book(
    con: duckdb.DuckDBPyConnection, path: Path, scratch: Path, has_orders: Callable[[Sequence[str]], bool]
) -> Source:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(str(path))
    # One sheet at a time, one row at a time: a million rows of Python objects are a gigabyte.
    return _sheets(
        con, path, _Sheets(book.sheet_names, lambda name: _rows(book.get_sheet_by_name(name))), scratch, has_orders
    )


@dataclass(frozen=True)
class _Sheets:
    """The sheets of a workbook; `open` gives the rows of one."""

    names: Sequence[str]
    open: Callable[[str], Iterator[list[Any]]]

    def tables(self) -> Iterator[tuple[str, tuple[str, ...], int, Iterator[list[Any]]]]:
        """Of each sheet that has a header and rows below it: name, header, titles above it, rows."""
        for name in self.names:
            rows = self.open(name)
            header, titles = _header(rows)
            first = next(rows, None)
            if len(header) >= 2 and first is not None:
                yield name, header, titles, chain([first], rows)


@contextmanager
def _silent_panics() -> Iterator[None]:
    """Rust writes its panics to stderr by itself, over whatever is shown there; what they mean is told by an error."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _protected(path: Path) -> InputError:
    return bad_workbook(path, "it is protected by a password", "open it, and save it without one")


def _rows(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet from its first cell on, without the empty rows before it."""
    return islice(sheet.iter_rows(), (sheet.start or (0, 0))[0], None)


def _sheets(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    sheets: _Sheets,
    scratch: Path,
    has_orders: Callable[[Sequence[str]], bool],
) -> Source:
    columns: tuple[str, ...] = ()
    chosen, others, notes = "", [], list[str]()
    files: list[str] = []
    for name, header, titles, rows in sheets.tables():
        if not columns:
            chosen, columns = name, header
            if not has_orders(header):  # a summary may stand before the orders
                found = ((other, names) for other, names, *_ in sheets.tables() if has_orders(names))
                chosen, columns = next(found, (name, header))
        if [plain(text) for text in header] != [plain(text) for text in columns]:
            others.append(name)
            continue
        if len(header) > limits.MOST_COLUMNS:
            raise text_file.too_wide(path, len(header))
        if titles:
            notes.append(f"rows above the header of sheet `{name}`, taken for a title: {titles}")
        files.append(_write_part(scratch, len(files), rows, len(columns)))
    if not files:
        raise bad_workbook(path, "no sheet has a header and rows below it", "export the orders as a table")
    left_out = [f"sheet `{name}` has other columns than `{chosen}` and was left out" for name in others]
    if others:
        left_out[-1] += "; to read a sheet too, save it as a file of its own"
    if len(left_out) > NOTES:
        rest = counted(len(left_out) - NOTES + 1, "more sheet", "more sheets")
        left_out = [*left_out[: NOTES - 1], f"{rest} left out likewise; to read one too, save it as a file of its own"]
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.texts(files)}])")
    sheet = chosen if len(sheets.names) > 1 else ""
    return Source(
        path, "xlsx", columns, notes=(*notes[:NOTES], *left_out), sheet=sheet, other_sheets=tuple(others[:NOTES])
    )


def _header(rows: Iterator[list[Any]]) -> tuple[tuple[str, ...], int]:
    """The first row with at least two values, the header, and how many stand above it: a title. Takes all of them from
    `rows`."""
    titles = 0
    for row in rows:
        values = sum(cell != "" for cell in row)
        if values >= 2:
            return tuple(_cell(cell) or f"column_{place + 1}" for place, cell in enumerate(row)), titles
        titles += values
    return (), titles


def _write_part(scratch: Path, part: int, body: Iterator[list[Any]], width: int) -> str:
    path = scratch / f"part-{part}.parquet"
    names = ["part", "row", *(column(index) for index in range(width))]
    schema = pa.schema([("part", pa.int32()), ("row", pa.int64()), *((name, pa.string()) for name in names[2:])])
    with pq.ParquetWriter(path, schema) as writer:
        start = 0
        while rows := list(islice(body, BATCH_ROWS)):
            texts = [pa.array([_cell(row[index]) for row in rows], pa.string()) for index in range(width)]
            numbers = pa.array(range(start + 1, start + len(rows) + 1), pa.int64())
            writer.write_batch(
                pa.record_batch([pa.array([part] * len(rows), pa.int32()), numbers, *texts], schema=schema)
            )
            start += len(rows)
    return _escaped(path)


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


def _bad_file(path: Path, what: str, remedy: str = "export it again as CSV, TSV, JSON, Parquet or XLSX") -> InputError:
    return InputError("bad-file", what, where=str(path), remedy=remedy)
