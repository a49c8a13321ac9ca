"""The columns of a file as cleaned texts, a field each, and what the words in them mean."""

from __future__ import annotations

import duckdb

from worthwhile.ingestion.columns import FIELDS, plain
from worthwhile.ingestion.effects import STATUSES, TOUCHES, TYPES
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.source import column
from worthwhile.ingestion.words import counted
from worthwhile.store import sql

# Texts that stand for "nothing". Countries and titles keep NA, which is Namibia's code.
_MISSING = ("", "nan", "null", "none", "<na>")
MISSING_DATA = (*_MISSING, "na", "n/a", "#n/a", "nat", "-", "--")
_WORDS = ("order_id", "item_id", "title", "category", "channel", "country", "status", "text", "currency")
# Around texts of exports meant for spreadsheets: tabs, line ends, wide and fixed blanks, marks. SQL.
_BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288) || chr(65279)"
LISTED = 5  # examples named in notes
MOST_WORDS = 10_000  # of a status or type column that are looked at, the most frequent first


def cleaned(reading: Reading) -> str:
    """Every field as text, NULL where nothing is meant; ids without the point that a float column gave them."""
    picked = []
    for field in FIELDS:
        if field not in reading.columns:
            picked.append(f"CAST(NULL AS VARCHAR) AS {sql.name(field)}")
            continue
        places = (reading.columns.index[field], *reading.columns.instead.get(field, ()))
        texts = [_text(field, place, reading) for place in places]
        if field in reading.form.of_order:
            texts = [_of_order(text, reading) for text in texts]
        value = reading.screening.taken(field, f"coalesce({', '.join(texts)})")
        picked.append(f"{value} AS {sql.name(field)}")
    indexes = range(len(reading.source.columns))
    everything = ", ".join(f"nullif(trim({column(index)}), '')" for index in indexes)
    names = unique(reading.source.columns)
    left_out = reading.screening.left_out
    content = ", ".join(f"{sql.name(names[i])} := {column(i)}" for i in indexes if i not in left_out)
    rows = (
        f"SELECT part, row, coalesce({everything}) IS NULL AS is_empty,"
        f" struct_pack({content}) AS whole, {', '.join(picked)} FROM raw"
    )
    if "visitor_id" not in reading.columns:
        return rows
    # Who a visitor is may be told by another visit.
    known = "max(customer_id) OVER (PARTITION BY visitor_id)"
    who = f"coalesce(customer_id, CASE WHEN visitor_id IS NOT NULL THEN coalesce({known}, visitor_id) END)"
    return f"SELECT * REPLACE ({who} AS customer_id) FROM ({rows})"


def _text(field: str, place: int, reading: Reading) -> str:
    """SQL for the text of one of the file's columns, read as a field."""
    form = reading.form
    text = f"trim({column(place)}{f', {_BLANKS}' if reading.odd_blanks else ''})"
    missing = (*(_MISSING if field in _WORDS else MISSING_DATA), *form.nothing.get(field, ()))
    nothing, read = is_one_of(text, missing), text
    if field in ("refunded_at", "updated_at"):  # how databases write that there is no such time
        nothing = f"{nothing} OR starts_with({text}, '0000')"
    if field in ("customer_id", "visitor_id", "order_id", "item_id"):
        plain_id = rf"regexp_replace(regexp_replace({text}, '^(\d+)\.0+$', '\1'), '^=\"(.*)\"$', '\1')"
        read = f"CASE WHEN contains({text}, '.0') OR starts_with({text}, '=') THEN {plain_id} ELSE {text} END"
    value = f"CASE WHEN NOT ({nothing}) THEN {read} END"
    if field in form.utc:
        value = rf"regexp_replace({value}, '(\d\d:\d\d(:\d\d(\.\d+)?)?)$', '\1Z')"
    return value


def _of_order(text: str, reading: Reading) -> str:
    """SQL for a text that may stand on another row of the order."""
    order = _text("order_id", reading.columns.index["order_id"], reading)
    return f"coalesce({text}, max({text}) OVER (PARTITION BY part, {order}))"


def is_one_of(text: str, words: tuple[str, ...]) -> str:
    """SQL for whether a text is one of few short words. IN (...) would be a join of all rows, and far slower."""
    longest = max(len(word) for word in words)
    return f"(strlen({text}) <= {longest} AND list_contains([{sql.texts(words)}], lower({text})))"


def unique(names: tuple[str, ...]) -> list[str]:
    """Names that differ even when case is not looked at, as the keys of a struct must."""
    seen: set[str] = set()
    unique = []
    for name in names:
        while name.lower() in seen:
            name += "_"
        seen.add(name.lower())
        unique.append(name)
    return unique


def find_effects(con: duckdb.DuckDBPyConnection, reading: Reading) -> tuple[list[str], dict[str, int]]:
    """Make the table `effects` of what each status or type of the file means.

    Returns notes on those that are not known, and the statuses among them with their rows. A row without a type is an
    order, unless the file has types that are none: then it could be anything.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE effects (field VARCHAR, text VARCHAR, effect VARCHAR)")
    notes = []
    unknown_statuses: dict[str, int] = {}
    told = {
        "status": ("status is not known and was taken for orders", "statuses are not known and were taken for orders"),
        "type": ("type is not known and was refused", "types are not known and were refused"),
    }
    found: dict[str, set[str]] = {}
    own = {"status": STATUSES | dict(reading.form.statuses), "type": TYPES | dict(reading.form.types)}
    for field, words in own.items():
        if field not in reading.columns:
            continue
        texts = dict(
            con.execute(
                f"SELECT {field}, count(*) AS n FROM cleaned WHERE {field} IS NOT NULL GROUP BY 1"
                f" ORDER BY n DESC, 1 LIMIT {MOST_WORDS}"
            ).fetchall()
        )
        known = {text: words[plain(text)] for text in texts if plain(text) in words}
        found[field] = set(known.values())
        for text, effect in known.items():
            con.execute("INSERT INTO effects VALUES (?, ?, ?)", [field, text, effect])
        unknown = {text: rows for text, rows in texts.items() if text not in known}
        if unknown:
            shown = ", ".join(f"`{text}`" for text in list(unknown)[:LISTED]) + (
                ", ..." if len(unknown) > LISTED else ""
            )
            notes.append(f"{counted(len(unknown), *told[field])}: {shown}")
        if field == "status":
            unknown_statuses = unknown
    if not found.get("type", set()) & {*TOUCHES, "no-event"}:
        con.execute("INSERT INTO effects VALUES ('blank', NULL, 'order')")
    return notes, unknown_statuses
