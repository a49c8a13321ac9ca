"""The table of candidates: what could be done for whom, what it costs, and what it is expected to bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.budget.problem import Array
from worthwhile.decide.columns import check_columns
from worthwhile.decide.consent import consents
from worthwhile.decide.tables import numbers_of, refuse_nameless, refuse_rows
from worthwhile.errors import InputError

NEEDED = ("customer_id", "action", "cost", "expected_margin")
COLUMNS = (*NEEDED, "channel", "consent")  # what a table may call otherwise
NUMBERS = ("cost", "expected_margin")
LARGEST = 1e13  # amount: beyond it a double has no pennies


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


def candidates_of(table: pa.Table, *, where: str = "candidates") -> Candidates:
    """Candidates in order, checked. Raises InputError `bad-columns`, `bad-values` naming row, column and value."""
    check_columns(table, NEEDED, where=where)
    for name in ("customer_id", "action"):
        refuse_nameless(table, name, where=where)
    numbers = {name: _amounts(table, name, where) for name in NUMBERS}
    consents(table, where=where)  # refused while rows are in the file's own order
    refuse_rows(table, "cost", pa.array(numbers["cost"] < 0), "is below zero", where=where)
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


def _amounts(table: pa.Table, name: str, where: str) -> Array:
    """A column of amounts as float64. Raises InputError `bad-values` for what is none, NaN or too large for pennies."""
    found = numbers_of(table, name, where=where)
    refuse_rows(table, name, pa.array(np.abs(found) > LARGEST), "is no amount of money", where=where)
    return found


def column_or_none(candidates: Candidates, name: str) -> Array | None:
    """A further column of numbers (R,), where there is one."""
    return _amounts(candidates.table, name, "candidates") if name in candidates.table.column_names else None
