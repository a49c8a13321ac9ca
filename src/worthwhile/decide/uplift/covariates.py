"""What is known of each customer before the campaign, as numbers: from the log's own columns, or from a shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]

MOST_VALUES = 12  # of a column of texts; the rarer ones share a column


@dataclass(frozen=True)
class Coding:
    """How one column of the log became columns of numbers: itself, or one 0/1 column for each of its values."""

    column: str
    values: tuple[str, ...] | None  # None: a number

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,) if self.values is None else tuple(f"{self.column}={value}" for value in self.values)

    def of(self, table: pa.Table, *, source: str) -> Array:
        """The columns of numbers (N, D) of another table. Raises InputError `bad-columns` where it has no such column,
        or one of another kind."""
        if self.column not in table.column_names:
            raise InputError(
                "bad-columns",
                f"there is no column `{self.column}`, which effects were learned from",
                where=source,
                remedy=f"add it; the columns are {', '.join(table.column_names[:30])}",
            )
        column = _plain(table[self.column])
        if self.values is None and _is_number(column.type):
            return _as_numbers(column)[:, None]
        if self.values is not None and _is_text(column.type):
            return (_as_texts(column)[:, None] == np.array(self.values)).astype(np.float64)
        raise InputError(
            "bad-columns",
            f"`{self.column}` is of {column.type}; in the log it held {'numbers' if self.values is None else 'texts'}",
            where=source,
            remedy="give it as it was in the log",
        )


def coded(table: pa.Table, *, source: str, chosen: bool = False) -> tuple[Array, tuple[str, ...], list[Coding]]:
    """Covariates (N, D) float32, NaN where missing, their names (D,), and how they were made.

    A column of dates, ids or nested values, or with one value throughout, is left out. Raises InputError `bad-columns`
    where nothing is left, and for such a column where a person has `chosen` them.
    """
    parts, codings = [], []
    for column in table.column_names:
        made = _coded(table[column], column)
        if made is not None:
            parts.append(made[0])
            codings.append(made[1])
        elif chosen:
            raise InputError(
                "bad-columns",
                f"`{column}` ({table[column].type}) says nothing that customers could be told apart by",
                where=source,
                remedy="a covariate holds numbers, or texts that several customers share, and more than one value",
            )
    if not parts:
        raise InputError(
            "bad-columns",
            "no covariate is left: nothing is known of the customers before the campaign",
            where=source,
            remedy="add columns from before the campaign, or give its date so that the shop's features are taken",
        )
    matrix = np.column_stack(parts).astype(np.float32)
    return matrix, tuple(name for coding in codings for name in coding.names), codings


def _coded(column: pa.ChunkedArray, name: str) -> tuple[Array, Coding] | None:
    column = _plain(column)
    if _is_number(column.type):
        filled = _as_numbers(column)
        known = filled[np.isfinite(filled)]
        return (filled[:, None], Coding(name, None)) if len(known) and np.ptp(known) > 0 else None
    if not _is_text(column.type):
        return None
    texts = _as_texts(column)
    values, counts = np.unique(texts, return_counts=True)
    if len(values) < 2 or (len(values) > MOST_VALUES and counts.max() <= 1):
        return None  # all alike, or an id
    kept = values[np.argsort(-counts, kind="stable")[:MOST_VALUES]]
    return (texts[:, None] == kept).astype(np.float64), Coding(name, tuple(kept.tolist()))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_numbers(column: pa.ChunkedArray) -> Array:  # (N,), NaN where missing
    filled = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    filled[~np.isfinite(filled)] = np.nan
    return np.asarray(filled)


def _as_texts(column: pa.ChunkedArray) -> Array:  # (N,) of str, empty where missing
    return np.array([value if value is not None else "" for value in column.to_pylist()], dtype=object).astype(str)


def named(names: Sequence[str], wanted: Sequence[str]) -> Array:
    """The places of columns (by name, or by the column that they were made of)."""
    return np.array([i for i, name in enumerate(names) if name in wanted or name.split("=")[0] in wanted], dtype=int)
