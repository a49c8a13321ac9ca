"""Tables that people give beside the shop's data: read from files, their ids, texts and numbers checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]
# Ids and labels are read as texts, whatever they look like: 00123 is not 123.
TEXTS = ("customer_id", "action", "channel")


def read_table(path: Path | str, *, where: str, columns: Sequence[str] = ("customer_id",)) -> pa.Table:
    """A table from .parquet or .csv, ids and labels as texts. `where` is the option that it was given by, and `columns`
    are those that such a table has; both are for messages alone. Raises InputError `bad-file`, `bad-argument`."""
    path = Path(path)
    try:
        if path.suffix.lower() == ".parquet":
            return pq.read_table(path)
        if path.suffix.lower() == ".csv":
            return pacsv.read_csv(
                path, convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(TEXTS, pa.string()))
            )
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            "bad-file",
            f"this cannot be read as a table: {str(error).splitlines()[0]}",
            where=str(path),
            remedy=f"give a .parquet or .csv with {_listed(columns)}",
        ) from error
    raise InputError(
        "bad-argument",
        f"`{path.name}` is neither .parquet nor .csv",
        where=where,
        remedy=f"end the name in .parquet or .csv; it has {_listed(columns)}",
    )


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


def numbers_of(table: pa.Table, name: str, *, where: str) -> Array:
    """A column of numbers as float64. Raises InputError `bad-values` for what is none, NaN or infinite."""
    column = table[name]
    try:
        if pa.types.is_boolean(column.type):
            raise pa.ArrowInvalid("true and false are no numbers")
        column = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            "bad-values",
            f"the column is not of numbers: {str(error).splitlines()[0]}",
            where=f"{where}, {name}",
            remedy="write numbers as 12.50",
        ) from error
    found = np.array(pc.fill_null(column, np.nan).to_numpy(), dtype=np.float64)
    refuse_rows(table, name, pa.array(~np.isfinite(found)), "is no number", where=where)
    return found


def refuse_rows(table: pa.Table, name: str, wrong: Any, what: str, *, where: str) -> None:
    """Raises InputError `bad-values` for the first row that is wrong."""
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        value = table[name][row].as_py()
        raise InputError(
            "bad-values",
            f"`{name}` {what}: {value!r}" if value is not None else f"`{name}` {what}",
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
    if "customer_id" not in table.column_names:
        raise InputError("bad-columns", "there is no column `customer_id`", where=where, remedy="name it so")
    customers = texts_of(table, "customer_id", where=where)
    counts = np.ones(len(table))
    if "contacts" in table.column_names:
        counts = numbers_of(table, "contacts", where=where)
        wrong = (counts < 0) | (counts != np.round(counts))
        refuse_rows(table, "contacts", pa.array(wrong), "is no number of contacts", where=where)
    summed = pa.table({"customer_id": customers, "contacts": counts}).group_by("customer_id")
    found = summed.aggregate([("contacts", "sum")]).drop_null()
    return dict(zip(found["customer_id"].to_pylist(), map(int, found["contacts_sum"].to_pylist()), strict=True))


def read_ids(path: Path | str, *, where: str) -> frozenset[str]:
    """Ids of customers from a file: a column `customer_id` of a .csv or .parquet, or else one id a line.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`.
    """
    path = Path(path)
    if path.suffix.lower() in (".csv", ".parquet"):
        table = read_table(path, where=where)
        if "customer_id" not in table.column_names:
            raise InputError("bad-columns", "there is no column `customer_id`", where=str(path), remedy="name it so")
        return frozenset(texts_of(table, "customer_id", where=str(path)).drop_null().to_pylist())
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("bad-file", f"this cannot be read: {error}", where=where, remedy="one id a line") from error
    return frozenset(line.strip() for line in lines if line.strip())
