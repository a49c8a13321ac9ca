"""What of a file may be taken: columns that identify persons are left out, ids replaced, texts masked.

Which columns are read is decided once for each file, before its rows are; what becomes of an id is decided by the id
alone (`ids.py`). `cleaning` and `stage` ask here for the SQL of what they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import Columns, Table
from worthwhile.ingestion.forgotten import SUBJECT, Forgotten
from worthwhile.ingestion.identifiers import KINDS, NUMBERS_AND_TIMES, TELLING, identifiers, kinds_of_name
from worthwhile.ingestion.ids import identifies, plain_id
from worthwhile.ingestion.pseudonyms import (
    NUMBER_PREFIX,
    PREFIX,
    PSEUDONYM,
    Keyring,
    define_pseudonyms,
    masked,
    masked_emails,
)
from worthwhile.schema import CUSTOMERS
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import Writing, read_table

Mode: TypeAlias = Literal["auto", "always", "never"]
WHO = ("customer_id", "visitor_id")
_NUMBERS = ("order_id", "item_id")  # long numbers in these are no phone numbers
_EXACT = (*NUMBERS_AND_TIMES, *_NUMBERS, "picture")
_TEXTS = ("title", "text", "category", "channel", "country", "description")
_BETWEEN = '[][,;|{}:"\t]+'  # what may stand between the fields of a line that could not be split


@dataclass(frozen=True)
class Screening:
    """How one file is screened."""

    left_out: Mapping[int, str] = field(default_factory=dict)  # index of the column -> kind of identifier
    mode: Mode = "never"
    # Index of each column that says who bought or looked -> the kinds of identifier that its name speaks for.
    who: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    kind: str | None = None  # what the first of these holds
    forgotten: Forgotten = field(default_factory=Forgotten)
    notes: tuple[str, ...] = ()

    def taken(self, field: str, text: str, index: int) -> str:
        """SQL for the text of an event column, from the file's column `index`, as it is taken.

        Ids that identify are replaced, all else that goes into the log is masked. An e-mail address within the number
        of an order or item makes it another number, since masks would make one of many.
        """
        if field in WHO:
            return self._id(text, index, text)
        if field in _NUMBERS:
            return f"number_of({text})"
        if field == "picture":
            return masked_emails(text)
        return masked(text) if field in _TEXTS else text

    def _id(self, text: str, index: int, otherwise: str) -> str:
        kinds = self.who.get(index, ())
        made = f"{'phone_pseudonym' if 'phone' in kinds else 'pseudonym'}({text})"
        if self.mode == "auto":
            return f"CASE WHEN {identifies(text, kinds)} THEN {made} ELSE {otherwise} END"
        return made if self.mode == "always" else otherwise

    def content(self, columns: Columns, names: list[str]) -> str:
        """SQL for a refused row's content as JSON, from the struct `whole`."""
        fields = {index: event_column for event_column, index in columns.index.items()}
        parts = []
        for index, name in enumerate(names):
            if index in self.left_out:
                continue
            value = f"struct_extract(whole, {sql.text(name)})"
            if index in self.who:
                value = self._id(plain_id(f"trim({value})"), index, value)
            else:
                value = masked_emails(value) if fields.get(index) in _EXACT else masked(value)
            parts.append(f"{sql.name(name)} := {value}")
        return f"CAST(to_json(struct_pack({', '.join(parts)})) AS VARCHAR)"

    def torn_line(self, line: str) -> str:
        """SQL for what is kept of a line that cannot be split, as JSON.

        It may hold anything that its file holds: nothing of it is kept where columns identify persons, nor where one
        of its fields is the id of a customer who was forgotten.
        """
        if self.left_out or self.mode == "always" or self.kind in TELLING:
            return "CAST(NULL AS VARCHAR)"
        kept = f"CAST(json_object('line', {masked(line)}) AS VARCHAR)"
        if not self.forgotten.customers:
            return kept
        fields = f"list_transform(regexp_split_to_array({line}, {sql.text(_BETWEEN)}), lambda f: trim(f))"
        subjects = f"list_transform({fields}, lambda f: keyed_digest({sql.text(SUBJECT)} || f))"
        return f"CASE WHEN NOT list_has_any({subjects}, [{sql.texts(list(self.forgotten.customers))}]) THEN {kept} END"


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
    those that say who bought or looked, of which each id is replaced by a pseudonym where the mode asks for it or where
    it is an e-mail address, a phone number or the like. Raises InputError `no-key`.
    """
    found = identifiers(table, columns)
    index = columns.index.get("customer_id")  # a list of items has none
    kind = None if index is None else found.kinds.get(index)
    places = [
        place for name in WHO if name in columns for place in (columns.index[name], *columns.instead.get(name, ()))
    ]
    who = {place: kinds_of_name(table.names[place]) if table.has_header else () for place in places}
    first = [columns.index.get(name) for name in WHO]
    left_out = {place: own for place, own in found.kinds.items() if place not in first}
    define_pseudonyms(con, keyring.key())
    notes = _notes(table, columns, left_out)
    kept = {name: place for name, place in columns.index.items() if place not in left_out}
    how = {name: how for name, how in columns.how.items() if name in kept}
    instead = {
        name: tuple(place for place in places if place not in left_out or name == "customer_id")
        for name, places in columns.instead.items()
        if name in kept
    }
    taken = Columns(kept, how, columns.names, instead)
    return taken, Screening(left_out, mode, who, kind, forgotten, tuple(notes))


def _notes(table: Table, columns: Columns, left_out: Mapping[int, str]) -> list[str]:
    notes = []
    if left_out:
        listed = ", ".join(f"`{table.names[index]}` ({KINDS[own]})" for index, own in left_out.items())
        notes.append(f"identifies persons and was left out: {listed}")
    mapped = [f"`{table.names[i]}` as {name}" for name, i in columns.index.items() if i in left_out]
    if mapped:
        notes.append(f"for the same reason not read: {', '.join(mapped)}")
    return notes


@dataclass(frozen=True)
class Replaced:
    """What of a file was replaced: rows whose customer was, of how many that name one; whether the key was needed."""

    ids: int
    named: int
    needs_key: bool


def replaced_in(con: duckdb.DuckDBPyConnection, staged: Path) -> Replaced:
    """What was replaced in the staged rows of a file."""
    of_numbers = " OR ".join(f"coalesce(starts_with({name}, '{NUMBER_PREFIX}'), false)" for name in _NUMBERS)
    is_replaced = f"starts_with(customer_id, '{PREFIX}') AND regexp_full_match(customer_id, {sql.text(PSEUDONYM)})"
    [(ids, named, numbers)] = con.execute(
        f"SELECT count(*) FILTER ({is_replaced}), count(customer_id), coalesce(bool_or({of_numbers}), false)"
        f" FROM read_parquet([{sql.text(str(staged))}])"
    ).fetchall()
    return Replaced(ids, named, ids > 0 or numbers)


def notes_on_ids(columns: Columns, screening: Screening, replaced: Replaced) -> list[str]:
    """What is told of the ids of customers."""
    if "customer_id" not in columns:
        return []
    own, kind = f"`{columns.name('customer_id')}`", screening.kind
    if replaced.ids == replaced.named > 0:
        return [f"{own} was replaced by pseudonyms" + (f": it holds {KINDS[kind]}" if kind in TELLING else "")]
    if replaced.ids:
        return [
            f"{replaced.ids:,} of {replaced.named:,} ids in {own} are e-mail addresses, phone numbers or the like, and"
            " were replaced by pseudonyms"
        ]
    if kind is None or not replaced.named:
        return []
    return [f"{own} holds {KINDS[kind]} and stands in the log as it is; --pseudonymise replaces it"]


def check_mode(con: duckdb.DuckDBPyConnection, change: Writing, mode: Mode) -> None:
    """Raises InputError `bad-setting` where the ids so far were treated so that the same people would count twice.

    Under `always` none may stand in clear, and under `never` none be replaced. What the others did to an id does not
    show in it, so that `auto` cannot follow them.
    """
    modes = set(read_table(change.shop, "batches", versions=change.versions)["pseudonymise"].to_pylist())
    if modes <= {mode}:
        return
    add_view(con, "ids_so_far", CUSTOMERS, change.files("customers"))
    is_replaced = f"regexp_full_match(customer_id, {sql.text(PSEUDONYM)})"
    wrong = {"always": f"NOT {is_replaced}", "never": is_replaced, "auto": str(bool(modes & {"always", "never"}))}[mode]
    [(clear, replaced)] = con.execute(
        f"SELECT count(*) FILTER (NOT {is_replaced}), count(*) FILTER ({is_replaced}) FROM ids_so_far WHERE {wrong}"
    ).fetchall()
    if clear or replaced:
        own = f"{replaced:,} customers of this shop are replaced by pseudonyms"
        if clear:
            own = f"{clear:,} customers of this shop are in clear"
        raise InputError(
            "bad-setting",
            f"the ids of {own}; with privacy.pseudonymise = {mode} the same people would be counted twice",
            where="setting privacy.pseudonymise",
            remedy="go on with the setting as it was, or ingest all files into a new shop with the one that you want",
        )
