"""What of a file may be taken: columns that identify persons are left out, ids replaced, texts masked.

Decided once for each file, before its rows are read; `stage` asks here for the SQL of what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import Columns, Table
from worthwhile.ingestion.forgotten import Forgotten
from worthwhile.ingestion.identifiers import ALWAYS_REPLACED, KINDS, NUMBERS_AND_TIMES, identifiers
from worthwhile.ingestion.pseudonyms import (
    PSEUDONYM,
    Keyring,
    define_pseudonyms,
    is_email,
    masked,
    masked_emails,
)
from worthwhile.ingestion.source import column
from worthwhile.schema import CUSTOMERS
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import Writing

Mode: TypeAlias = Literal["auto", "always", "never"]
# Which ids of customers are replaced: none, all, all as phone numbers, those that are e-mail addresses.
Replaced: TypeAlias = Literal["none", "all", "phones", "emails"]
FREE_TEXTS = ("title", "text")
_EXACT = (*NUMBERS_AND_TIMES, "order_id", "item_id")  # long numbers in these are no phone numbers


@dataclass(frozen=True)
class Screening:
    """How one file is screened."""

    left_out: Mapping[int, str] = field(default_factory=dict)  # index of the column -> kind of identifier
    replaced: Replaced = "none"
    forgotten: Forgotten = field(default_factory=Forgotten)
    notes: tuple[str, ...] = ()

    @property
    def keeps_torn_lines(self) -> bool:
        """A line that cannot be split may hold anything that its file holds, or a customer who was forgotten."""
        return not self.left_out and self.replaced == "none" and not self.forgotten.customers

    def taken(self, field: str, text: str) -> str:
        """SQL for the text of an event column as it is taken: ids replaced, free text masked, all else as it was."""
        if field == "customer_id" or (field == "visitor_id" and self.replaced == "all"):
            return self._id(text)
        return masked(text) if field in FREE_TEXTS else text

    def _id(self, text: str) -> str:
        if self.replaced == "none":
            return text
        if self.replaced == "emails":
            return f"CASE WHEN {is_email(text)} THEN pseudonym({text}) ELSE {text} END"
        return f"phone_pseudonym({text})" if self.replaced == "phones" else f"pseudonym({text})"

    def content(self, columns: Columns, names: list[str]) -> str:
        """SQL for a refused row's content as JSON, from the struct `whole` and the column `customer_id`."""
        fields = {index: event_column for event_column, index in columns.index.items()}
        parts = []
        for index, name in enumerate(names):
            if index in self.left_out:
                continue
            value = f"struct_extract(whole, {sql.text(name)})"
            if fields.get(index) == "customer_id":
                value = value if self.replaced == "none" else "customer_id"
            else:
                value = masked_emails(value) if fields.get(index) in _EXACT else masked(value)
            parts.append(f"{sql.name(name)} := {value}")
        return f"CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)"


UNSCREENED = Screening()


def screen(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    *,
    mode: Mode,
    keyring: Keyring,
    forgotten: Forgotten,
) -> tuple[Columns, Screening]:
    """The columns that are taken of a file whose rows are in `raw`, and how they are.

    A column that identifies persons is left out even where it was recognised as, or mapped to, an event column; but
    the one that says who bought, which is replaced by pseudonyms where the mode asks for it or where it holds e-mail
    addresses, phone numbers and the like. Raises InputError `no-key`.
    """
    found = identifiers(table, columns)
    index = columns.index.get("customer_id")  # a list of items has none
    kind = None if index is None else found.kinds.get(index)
    left_out = {place: own for place, own in found.kinds.items() if place != index}
    who = [] if index is None else [index, *columns.instead.get("customer_id", ())]
    replaced = _replaced(con, who, kind, mode)
    if replaced != "none" or forgotten.customers:
        define_pseudonyms(con, keyring.key())
    notes = _notes(table, columns, left_out, replaced, kind)
    kept = {name: place for name, place in columns.index.items() if place not in left_out}
    how = {name: how for name, how in columns.how.items() if name in kept}
    instead = {
        name: tuple(place for place in places if place not in left_out or name == "customer_id")
        for name, places in columns.instead.items()
        if name in kept
    }
    return Columns(kept, how, columns.names, instead), Screening(left_out, replaced, forgotten, tuple(notes))


def _replaced(con: duckdb.DuckDBPyConnection, who: list[int], kind: str | None, mode: Mode) -> Replaced:
    """Which ids are replaced, by the columns that say who bought, the first where it says it."""
    if mode == "never":
        return "none"
    if mode == "always" or kind in ALWAYS_REPLACED:
        return "phones" if kind == "phone" else "all"
    emails = " OR ".join(is_email(column(index)) for index in who) or "false"
    return "emails" if con.execute(f"SELECT 1 FROM raw WHERE {emails} LIMIT 1").fetchall() else "none"


def _notes(
    table: Table, columns: Columns, left_out: Mapping[int, str], replaced: Replaced, kind: str | None
) -> list[str]:
    notes = []
    if left_out:
        listed = ", ".join(f"`{table.names[index]}` ({KINDS[own]})" for index, own in left_out.items())
        notes.append(f"identifies persons and was left out: {listed}")
    mapped = [f"`{table.names[i]}` as {name}" for name, i in columns.index.items() if i in left_out]
    if mapped:
        notes.append(f"for the same reason not read: {', '.join(mapped)}")
    if "customer_id" not in columns:
        return notes
    own = f"`{columns.name('customer_id')}`"
    if replaced == "emails":
        notes.append(f"e-mail addresses in {own} were replaced by pseudonyms")
    elif replaced != "none":
        notes.append(f"{own} was replaced by pseudonyms" + (f": it holds {KINDS[kind]}" if kind else ""))
    elif kind is not None:
        notes.append(f"{own} holds {KINDS[kind]} and stands in the log as it is; --pseudonymise replaces it")
    return notes


def check_mode(con: duckdb.DuckDBPyConnection, change: Writing, mode: Mode) -> None:
    """Raises InputError `bad-setting` where the log's ids are of the other kind: people would count twice."""
    if mode == "auto":
        return
    add_view(con, "ids_so_far", CUSTOMERS, change.files("customers"))
    pattern = sql.text(PSEUDONYM)
    replaced, others = con.execute(
        f"SELECT count(*) FILTER (p), count(*) FILTER (NOT p) FROM"
        f" (SELECT regexp_full_match(customer_id, {pattern}) AS p FROM ids_so_far)"
    ).fetchall()[0]
    wrong = others if mode == "always" else replaced
    if wrong:
        own = "in clear" if mode == "always" else "replaced by pseudonyms"
        raise InputError(
            "bad-setting",
            f"the ids of {wrong:,} customers of this shop are {own}; with privacy.pseudonymise = {mode} the same people"
            " would be counted twice",
            where="setting privacy.pseudonymise",
            remedy="ingest all files into a new shop with the setting that you want",
        )
