"""The columns of a file as cleaned texts, a field each, and what the words in them mean."""

from __future__ import annotations

import duckdb

from worthwhile.ingestion.columns import FIELDS, plain
from worthwhile.ingestion.effects import PARTLY_REFUNDED, STATUSES, TOUCHES, TYPES
from worthwhile.ingestion.formats import Format
from worthwhile.ingestion.ids import BLANKS, plain_id
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.source import column
from worthwhile.ingestion.words import counted
from worthwhile.store import sql

# Texts that stand for "nothing". Countries and titles keep NA, which is Namibia's code.
_MISSING = ("", "nan", "null", "none", "<na>")
MISSING_DATA = (*_MISSING, "na", "n/a", "#n/a", "nat", "-", "--")
_NO_NUMBER = (*MISSING_DATA, "0", "0.0", "undefined", "(not set)")  # of an order, as trackers and exports write it
_WORDS = ("item_id", "title", "category", "channel", "country", "status", "text", "currency")
# Around texts of exports meant for spreadsheets: tabs, line ends, wide and fixed blanks, marks. SQL.
_SHORT = 4  # signs: most words for nothing have no more
# What becomes of an order; and what of it stands on its first row, where not on each.
_TELLING = ("ts", "status", "order_total", "refunded_amount", "refunded_at")
_TOLD_ONCE = ("order_total", "status")
LISTED = 5  # examples named in notes
MOST_WORDS = 10_000  # of a status or type column that are looked at, the most frequent first


def cleaned(reading: Reading) -> str:
    """Every field as text, NULL where nothing is meant; ids without the point that a float column gave them."""
    picked, texts_of = [], []
    for field in FIELDS:
        if field not in reading.columns:
            picked.append(f"CAST(NULL AS VARCHAR) AS {sql.name(field)}")
            continue
        taken = []
        for place in (reading.columns.index[field], *reading.columns.instead.get(field, ())):
            text = _text(field, place, reading)
            if field in reading.form.of_order:
                text = _of_order(text, reading)
            name = f"{field}_{place}"  # in a query of its own: what is taken of a text looks at it many times
            texts_of.append(f"{text} AS {name}")
            taken.append(reading.screening.taken(field, name, place))
        picked.append(f"coalesce({', '.join(taken)}) AS {sql.name(field)}")
    indexes = range(len(reading.source.columns))
    everything = ", ".join(f"nullif(trim({column(index)}), '')" for index in indexes)
    names = unique(reading.source.columns)
    left_out = reading.screening.left_out
    content = ", ".join(f"{sql.name(names[i])} := {column(i)}" for i in indexes if i not in left_out)
    source = f"({_orders_apart(reading)})" if reading.form.of_order else "raw"
    rows = (
        f"SELECT part, row, coalesce({everything}) IS NULL AS is_empty,"
        f" struct_pack({content}) AS whole, {', '.join(picked)}, {_state(reading)} AS state"
        f" FROM (SELECT *, {', '.join(texts_of)} FROM {source})"
    )
    if "visitor_id" not in reading.columns:
        return rows
    # Who a visitor is may be told by another visit.
    known = "max(customer_id) OVER (PARTITION BY visitor_id)"
    who = f"coalesce(customer_id, CASE WHEN visitor_id IS NOT NULL THEN coalesce({known}, visitor_id) END)"
    return f"SELECT * REPLACE ({who} AS customer_id) FROM ({rows})"


def _state(reading: Reading) -> str:
    """SQL for which state of its order a row is of, where a file may hold several and nothing says which is later."""
    form = reading.form
    if form.of_order:
        return "hash(part, nth)"
    if form.row_is_order:
        return "hash(part, row)"
    told = [sql.name(field) for field in form.of_state if field in reading.columns]
    return f"hash({', '.join(told)})" if told else "CAST(NULL AS UBIGINT)"


def _text(field: str, place: int, reading: Reading) -> str:
    """SQL for the text of one of the file's columns, read as a field."""
    form = reading.form
    text = f"trim({column(place)}{f', {BLANKS}' if reading.odd_blanks else ''})"
    nothing, read = is_one_of(text, words_for_nothing(field, form)), text
    if field in ("placed_at", "refunded_at", "updated_at"):  # how databases write that there is no such time
        nothing = f"{nothing} OR starts_with({text}, '0000')"
    if field in ("customer_id", "visitor_id", "order_id", "item_id"):
        read = plain_id(text)
    value = f"CASE WHEN NOT ({nothing}) THEN {read} END"
    if field in form.utc:
        value = rf"regexp_replace({value}, '(\d\d:\d\d(:\d\d(\.\d+)?)?)$', '\1Z')"
    return value


def words_for_nothing(field: str, form: Format) -> tuple[str, ...]:
    """Texts in lower case that stand for no value of a field."""
    words = _MISSING if field in _WORDS else _NO_NUMBER if field == "order_id" else MISSING_DATA
    return (*words, *form.nothing.get(field, ()))


def _of_order(text: str, reading: Reading) -> str:
    """SQL for a text that may stand on another row of the order."""
    order = _text("order_id", reading.columns.index["order_id"], reading)
    return f"coalesce({text}, max({text}) OVER (PARTITION BY part, {order}, nth))"


def _orders_apart(reading: Reading) -> str:
    """SQL for `raw` with `nth`, which of several orders of its number a row is of, or which state of one: the file may
    be of two shops, or of several exports.

    What is true of an order stands on its first row, so a row that tells otherwise, or tells it again after rows that
    do not, begins another one.
    """
    columns = reading.columns
    order = _text("order_id", columns.index["order_id"], reading)
    told = {field: _text(field, columns.index[field], reading) for field in _TELLING if field in columns}
    for field in ("placed_at" if "placed_at" in columns else "ts", "customer_id"):
        places = (columns.index[field], *columns.instead.get(field, ()))
        told[field] = f"coalesce({', '.join(_text(field, place, reading) for place in places)})"
    texts = ", ".join(f"{text} AS {field}" for field, text in told.items())  # each is looked at several times
    tests = [f"{field} <> last_value({field} IGNORE NULLS) OVER before" for field in told]
    if once := next((field for field in _TOLD_ONCE if field in told), ""):
        tests.append(f"{once} IS NOT NULL AND lag({once}) OVER here IS NULL AND count({once}) OVER before > 0")
    begins = " OR ".join(f"coalesce({test}, false)" for test in tests)
    return f"""
        SELECT * EXCLUDE (begins, order_text, {", ".join(told)}),
            count(*) FILTER (begins) OVER (PARTITION BY part, order_text ORDER BY row) AS nth
        FROM (
            SELECT *, {begins} AS begins FROM (SELECT *, {order} AS order_text, {texts} FROM raw)
            WINDOW here AS (PARTITION BY part, order_text ORDER BY row),
                before AS (PARTITION BY part, order_text ORDER BY row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
    """


def is_one_of(text: str, words: tuple[str, ...]) -> str:
    """SQL for whether a text is one of few short words. IN (...) would be a join of all rows, and far slower."""
    short = [word for word in words if len(word) <= _SHORT]
    tests = [f"(strlen({text}) <= {_SHORT} AND list_contains([{sql.texts(short)}], lower({text})))"] if short else []
    for length in sorted({len(word) for word in words} - set(range(_SHORT + 1))):  # most texts are of another length
        same = [word for word in words if len(word) == length]
        tests.append(f"(strlen({text}) = {length} AND list_contains([{sql.texts(same)}], lower({text})))")
    return f"({' OR '.join(tests)})"


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
        partly = next((text for text in known if plain(text) in PARTLY_REFUNDED), None)
        if partly and "refunded_amount" not in reading.columns:
            notes.append(
                f"of orders that are `{partly}` the file does not say how much was given back, and they stand whole:"
                " --map refunded_amount=COLUMN names the column that says it"
            )
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
