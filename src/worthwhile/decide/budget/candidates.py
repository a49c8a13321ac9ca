"""The table of candidates: what could be done for whom, what it costs, and what it is expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from worthwhile.decide.budget.problem import Array
from worthwhile.errors import InputError

NEEDED = ("customer_id", "action", "cost", "expected_margin")
NUMBERS = ("cost", "expected_margin")
LARGEST = 1e13  # amount: beyond it a double has no pennies
# Ids and labels are read as texts, whatever they look like: 00123 is not 123.
TEXTS = ("customer_id", "action", "channel")


@dataclass(frozen=True)
class Candidates:
    """Candidates in order: customers ascending, of each the actions ascending. R rows, N customers."""

    table: pa.Table
    cost: Array  # (R,) >= 0
    margin: Array  # (R,) before the cost
    owner: Array  # (R,) int32, ascending
    ids: pa.Array  # (N,) of texts, in the order of owners
    _coded: dict[str, tuple[Array, list[str]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def customers(self) -> int:
        return len(self.ids)

    def places(self, customers: Sequence[str]) -> Array:
        """The number of each customer; -1 of those without a candidate."""
        found = pc.index_in(pa.array(customers, pa.string()), value_set=self.ids)
        return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)

    def coded(self, column: str) -> tuple[Array, list[str]]:
        """A column of labels as numbers (R,), and the labels, ascending. Raises InputError `bad-columns`."""
        if column not in self._coded:
            if column not in self.table.column_names:
                raise InputError(
                    "bad-columns",
                    f"the candidates have no column `{column}`, which a limit asks about",
                    remedy=f"add it, or leave the limit out; the columns are {', '.join(self.table.column_names)}",
                )
            self._coded[column] = codes_of(self.table[column])
        return self._coded[column]

    def labels(self, column: str) -> Array:  # (R,) of str
        codes, names = self.coded(column)
        return np.array(names, object)[codes]

    def check_label(self, column: str, name: str, *, where: str) -> None:
        """Raises InputError `bad-argument` where no candidate bears the label."""
        known = self.coded(column)[1]
        if name not in known:
            shown = ", ".join(f"`{k}`" for k in known[:10]) + (" and more" if len(known) > 10 else "")
            raise InputError(
                "bad-argument",
                f"no candidate has the {column} `{name}`",
                where=where,
                remedy=f"the candidates have {shown or 'none'}",
            )

    def groups(self, column: str, may: Array) -> tuple[list[str], Array]:
        """The groups of a column and how many of the customers who may be contacted each has.

        Raises InputError `bad-values` where a customer is of two groups.
        """
        codes, names = self.coded(column)
        first = np.flatnonzero(np.diff(self.owner, prepend=-1))
        of = codes[first]
        odd = np.flatnonzero(of[self.owner] != codes)
        if len(odd):
            customer = self.ids[int(self.owner[odd[0]])].as_py()
            raise InputError(
                "bad-values",
                f"the customer `{customer}` is of two groups of `{column}`",
                where=f"fairness of {column}",
                remedy="give each customer one value in that column",
            )
        return names, np.bincount(of[may], minlength=len(names))


def codes_of(column: pa.ChunkedArray) -> tuple[Array, list[str]]:
    """Texts as numbers in the order of the texts; what is missing is the text ''."""
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    encoded = texts.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    rank = pc.rank(encoded.dictionary, tiebreaker="first").to_numpy().astype(np.int64) - 1
    names = encoded.dictionary.take(pc.sort_indices(encoded.dictionary)).to_pylist()
    return rank[encoded.indices.to_numpy(zero_copy_only=False)], names


def read_candidates(path: Path | str) -> pa.Table:
    """A table from .parquet or .csv, ids and labels as texts. Raises InputError `bad-file`, `bad-argument`."""
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
            remedy=f"give a .parquet or .csv with the columns {', '.join(NEEDED)}",
        ) from error
    raise InputError(
        "bad-argument",
        f"`{path.name}` is neither .parquet nor .csv",
        where="--candidates",
        remedy="end the name in .parquet or .csv",
    )


def candidates_of(table: pa.Table, *, where: str = "candidates") -> Candidates:
    """Candidates in order, checked. Raises InputError `bad-columns`, `bad-values` naming row, column and value."""
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise InputError(
            "bad-columns",
            f"there is no column {' or '.join(f'`{name}`' for name in missing)}",
            where=where,
            remedy=f"candidates have the columns {', '.join(NEEDED)}",
        )
    for name in ("customer_id", "action"):
        _refuse(table, name, pc.is_null(table[name]), "is missing", where)
    numbers = {name: _numbers(table, name, where) for name in NUMBERS}
    _refuse(table, "cost", pa.array(numbers["cost"] < 0), "is below zero", where)
    owner, ids = codes_of(table["customer_id"])
    action, actions = codes_of(table["action"])
    key = owner * max(len(actions), 1) + action
    order = np.argsort(key, kind="stable")
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    if len(twice):
        row = int(order[twice[0] + 1])
        raise InputError(
            "bad-values",
            f"the action `{table['action'][row].as_py()}` stands twice for the customer"
            f" `{table['customer_id'][row].as_py()}`",
            where=f"{where} row {row + 1}",
            remedy="give each customer an action once: the best of its rows",
        )
    if np.any(np.diff(order) < 0):
        table, numbers = table.take(order), {name: column[order] for name, column in numbers.items()}
        owner, action = owner[order], action[order]
    made = Candidates(
        table, numbers["cost"], numbers["expected_margin"], owner.astype(np.int32), pa.array(ids, pa.string())
    )
    made._coded["action"] = (action, actions)
    return made


def _numbers(table: pa.Table, name: str, where: str) -> Array:
    """A column of numbers as float64. Raises InputError `bad-values` for what is none, NaN or infinite."""
    column = table[name]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)):
        try:
            column = pc.cast(column, pa.float64())
        except pa.ArrowInvalid as error:
            raise InputError(
                "bad-values",
                f"the column is not of numbers: {str(error).splitlines()[0]}",
                where=f"{where}, {name}",
                remedy="write amounts as 12.50",
            ) from error
    found = np.array(pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy(), dtype=np.float64)
    _refuse(table, name, pa.array(~np.isfinite(found)), "is no number", where)
    _refuse(table, name, pa.array(np.abs(found) > LARGEST), "is no amount of money", where)
    return found


def _refuse(table: pa.Table, name: str, wrong: Any, what: str, where: str) -> None:
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        value = table[name][row].as_py()
        raise InputError(
            "bad-values",
            f"`{name}` {what}: {value!r}" if value is not None else f"`{name}` {what}",
            where=f"{where} row {row + 1}",
            remedy="mend the row or leave it out",
        )


def column_or_none(candidates: Candidates, name: str) -> Array | None:
    """A further column of numbers (R,), where there is one."""
    return _numbers(candidates.table, name, "candidates") if name in candidates.table.column_names else None
