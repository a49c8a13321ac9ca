"""Tables that people give beside the shop's data: read from files, their ids, texts and numbers checked."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from worthwhile.decide.columns import KNOWN, OF_CHANNELS, called, check_columns, meaning, named
from worthwhile.errors import InputError
from worthwhile.ingestion.numbers import meant
from worthwhile.ingestion.text_file import DELIMITERS, as_utf8
from worthwhile.runs.tables import FORMULA_MARKED, without_marks

Array = np.ndarray[Any, Any]
# Ids and labels are read as texts, whatever they look like: 00123 is not 123.
TEXTS = ("customer_id", "action", "channel")
# Words for whether something is so; numbers that say it are read as numbers.
TRUE = ("true", "yes", "y", "是")
FALSE = ("false", "no", "n", "否")
# What spreadsheets put about an id: the point of a column of floats, and the formula that keeps noughts.
NOT_OF_THE_ID = (r"^\s*(\d+)\.0+\s*$", r'^="(.*)"$')
BLANKS = " \t\r\n\u00a0\u3000\ufeff"  # what stands around ids in exports, as it does when a shop's files are ingested


def read_table(
    path: Path | str,
    *,
    where: str,
    columns: Sequence[str] = ("customer_id",),
    known: Mapping[str, tuple[str, ...]] = KNOWN,
) -> pa.Table:
    """A table from .parquet, .csv or .jsonl, ids and labels as texts without blanks around them.

    A .csv may be in any encoding and with any delimiter that orders may be ingested in, and texts that were marked so
    that a spreadsheet does not take them for formulas are as they were; rows of it without anything are left out.
    `where` is the option that the file was given by. `columns` are those that such a table has: where it calls them
    otherwise (`known`, of `decide/columns.py`), they get their names. Raises InputError `bad-file`, `bad-argument`.
    """
    path = Path(path)
    remedy = f"give a .parquet, .csv or .jsonl with {_listed(columns)}"
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            "bad-argument", f"`{path.name}` is neither .parquet nor .csv nor .jsonl", where=where, remedy=remedy
        )
    refuse_missing(path, where=where, remedy=remedy)
    try:
        table = named(reader(path), columns, known)
        for name in TEXTS:
            if name in table.column_names and not pa.types.is_nested(table[name].type):
                table = table.set_column(table.column_names.index(name), name, _texts(table[name]))
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "bad-file",
            f"this cannot be read as a table: {str(error).splitlines()[0]}",
            where=f"{where} {path}",
            remedy=remedy,
        ) from error
    return table


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Ids or labels as texts. Those of whole numbers in a column of floats have no point: 123.0 is 123."""
    if pa.types.is_floating(column.type) and pc.all(pc.equal(column, pc.round(column))).as_py():
        column = pc.cast(column, pa.int64())
    return pc.utf8_trim(pc.cast(column, pa.string()), BLANKS)


def _bare(ids: Any) -> Any:
    """Ids without what spreadsheets put about them."""
    for pattern in NOT_OF_THE_ID:
        ids = pc.replace_substring_regex(ids, pattern, r"\1")
    return ids


def _unquoted(line: str) -> str:
    """A line as a spreadsheet writes a single cell: perhaps in quotes."""
    is_quoted = len(line) > 1 and line[0] == line[-1] == '"'
    return line[1:-1].replace('""', '"') if is_quoted else line


def refuse_missing(path: Path, *, where: str, remedy: str) -> None:
    """Raises InputError `bad-file` where there is no such file, by the option that it was given by."""
    if path.is_file():
        return
    what = "this is a folder, not a file" if path.is_dir() else "there is no such file"
    raise InputError("bad-file", what, where=f"{where} {path}", remedy=remedy)


def _read_csv(path: Path) -> pa.Table:
    with path.open("rb") as file:
        head = file.read(1 << 12)
    with TemporaryDirectory() as scratch:
        readable, _ = as_utf8(path, head, Path(scratch))
        with readable.open("rb") as file:
            first = file.readline(1 << 16).decode(errors="ignore")
        delimiter = max(DELIMITERS, key=first.count)
        # By the names as they stand in the file: blanks about them are taken away only afterwards.
        types = {name: pa.string() for name in _as_written(first, delimiter) if _is_text(name.strip(BLANKS))}
        options = pacsv.ConvertOptions(column_types=types)
        table = pacsv.read_csv(readable, parse_options=pacsv.ParseOptions(delimiter=delimiter), convert_options=options)
    table = without_marks(table.rename_columns([name.strip(BLANKS) for name in table.column_names]))
    for k, name in enumerate(table.column_names):
        if meaning(name) and pa.types.is_string(table[k].type):
            table = table.set_column(k, name, _bare(table[k]))
    filled = np.zeros(len(table), bool)
    for column in table.columns:
        texts = pa.types.is_string(column.type)
        there = pc.not_equal(column, "") if texts else pc.is_valid(column)
        filled |= np.asarray(pc.fill_null(there, False).to_numpy(), bool)
    return table if filled.all() else table.filter(pa.array(filled))


def _is_text(name: str) -> bool:
    """Whether a column of this name is of texts, in any kind of table."""
    return bool(meaning(name, TEXTS) or meaning(name, TEXTS, OF_CHANNELS))


def _as_written(header: str, delimiter: str) -> list[str]:
    """The names of a header's columns, blanks and all."""
    return next(csv.reader([header.removeprefix("\ufeff").rstrip("\r\n")], delimiter=delimiter), [])


_READERS: dict[str, Callable[[Path], pa.Table]] = {
    ".parquet": pq.read_table,
    ".csv": _read_csv,
    ".jsonl": pajson.read_json,
}


def _listed(columns: Sequence[str]) -> str:
    return f"the column{'s' if len(columns) > 1 else ''} {', '.join(columns)}"


def texts_of(table: pa.Table, name: str, *, where: str) -> pa.ChunkedArray:
    """A column as texts. Raises InputError `bad-values` where it holds lists or the like."""
    try:
        return pc.cast(table[name], pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            "bad-values", f"`{name}` is of {table[name].type}, not of texts", where=where, remedy="write texts"
        ) from error


def ids_of(table: pa.Table, *, where: str) -> pa.Array:
    """The column `customer_id` of a table with one row a customer. Raises InputError `bad-columns`, `bad-values` for a
    row without one, and for a customer who stands twice."""
    check_columns(table, ["customer_id"], where=where)
    refuse_nameless(table, "customer_id", where=where)
    ids = texts_of(table, "customer_id", where=where).combine_chunks()
    counts = pc.value_counts(ids)
    twice = pc.index(pc.greater(counts.field("counts"), 1), True).as_py()
    if twice >= 0:
        several = int(pc.sum(pc.greater(counts.field("counts"), 1)).as_py())
        others = f", and {several - 1:,} more do" if several > 1 else ""
        raise InputError(
            "bad-values",
            f"the customer `{counts.field('values')[twice].as_py()}` stands twice{others}",
            where=where,
            remedy="give one row a customer",
        )
    return ids


def numbers_of(table: pa.Table, name: str, *, where: str, truths: bool = False) -> Array:
    """A column of numbers as float64; with `truths` also one of true and false, or of words that say so (yes, 是),
    which are 1 and 0: whether a customer did something is told so, and no amount is.

    Raises InputError `bad-values` for what is none, NaN or infinite.
    """
    column = table[name]
    try:
        if pa.types.is_boolean(column.type) and not truths:
            raise pa.ArrowInvalid("true and false are no numbers")
        if truths and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            column = _truths(column)
        column = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise no_number(table, name, where=where, truths=truths) from error
    found = np.array(pc.fill_null(column, np.nan).to_numpy(), dtype=np.float64)
    refuse_rows(table, name, pa.array(~np.isfinite(found)), "is no number", where=where)
    return found


def _truths(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of texts with 1 and 0 in place of words for true and false."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    for words, number in ((TRUE, "1"), (FALSE, "0")):
        texts = pc.if_else(pc.is_in(texts, value_set=pa.array(words, texts.type)), number, texts)
    return texts


def no_number(table: pa.Table, name: str, *, where: str, truths: bool = False) -> InputError:
    """The error of a column that is not of numbers: its first row that holds none, and what to write there."""
    for row, value in enumerate(table[name].to_pylist()):
        if truths and isinstance(value, str) and value.strip().lower() in (*TRUE, *FALSE):
            continue
        if isinstance(value, str) and not _is_number(value):
            column = called(table, name)
            what = f"`{column}` is '{value}', which is no number" if value.strip() else f"`{column}` is missing"
            number = meant(value)
            wanted = _wanted(truths) if number is None else f"{number:.15g}"
            return InputError("bad-values", what, where=f"{where} row {row + 1}", remedy=f"write {wanted}")
    what = f"`{called(table, name)}` is of {table[name].type}, not of numbers"
    return InputError("bad-values", what, where=where, remedy="write numbers as 12.50")


def _wanted(truths: bool) -> str:
    return "1 or 0, yes or no, 是 or 否, or a number" if truths else "a number, as 12.50"


def _is_number(text: str) -> bool:
    try:
        return "_" not in text and math.isfinite(float(text))
    except ValueError:
        return False


def refuse_rows(table: pa.Table, name: str, wrong: Any, what: str, *, where: str) -> None:
    """Raises InputError `bad-values` for the first row that is wrong."""
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        value, name = table[name][row].as_py(), called(table, name)
        raise InputError(
            "bad-values",
            f"`{name}` {what}: {value!r}" if value not in (None, "") else f"`{name}` {what}",
            where=f"{where} row {row + 1}",
            remedy="mend the row or leave it out",
        )


def refuse_nameless(table: pa.Table, name: str, *, where: str) -> None:
    """Raises InputError `bad-values` for a row whose id or label is missing or empty."""
    texts = pc.utf8_trim_whitespace(texts_of(table, name, where=where))
    refuse_rows(table, name, pc.fill_null(pc.equal(texts, ""), True), "is missing", where=where)


def as_counts(table: pa.Table, *, where: str) -> dict[str, int]:
    """Contacts by customer, from a table with `customer_id` and perhaps `contacts`; without, each row is one.

    Raises InputError `bad-columns`, `bad-values`.
    """
    check_columns(table, ["customer_id"], where=where)
    refuse_nameless(table, "customer_id", where=where)
    customers = texts_of(table, "customer_id", where=where)
    counts = np.ones(len(table))
    if "contacts" in table.column_names:
        counts = numbers_of(table, "contacts", where=where)
        wrong = (counts < 0) | (counts != np.round(counts))
        refuse_rows(table, "contacts", pa.array(wrong), "is no number of contacts", where=where)
    summed = pa.table({"customer_id": customers, "contacts": counts}).group_by("customer_id")
    found = summed.aggregate([("contacts", "sum")])
    return dict(zip(found["customer_id"].to_pylist(), map(int, found["contacts_sum"].to_pylist()), strict=True))


def read_ids(path: Path | str, *, where: str) -> frozenset[str]:
    """Ids of customers from a file: a column `customer_id` of a .csv, .parquet or .jsonl, or else one id a line.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`.
    """
    path = Path(path)
    if path.suffix.lower() in _READERS:
        table = read_table(path, where=where)
        check_columns(table, ["customer_id"], where=f"{where} {path}")
        ids = texts_of(table, "customer_id", where=f"{where} {path}").to_pylist()
        return frozenset(name for name in ids if name)
    refuse_missing(path, where=where, remedy="give a file with one id a line, or with a column customer_id")
    with path.open("rb") as file, TemporaryDirectory() as scratch:
        head = file.read(1 << 12)
        if not head.strip():
            return frozenset()
        readable, _ = as_utf8(path, head, Path(scratch))
        lines = readable.read_text(encoding="utf-8-sig").splitlines()
    lines = [_unquoted(line.strip(BLANKS)) for line in lines]
    ids = _bare(pa.array([FORMULA_MARKED.sub(r"\1", line) for line in lines], pa.string())).to_pylist()
    ids = ids[1:] if ids and meaning(ids[0]) else ids
    return frozenset(name for name in ids if name)
