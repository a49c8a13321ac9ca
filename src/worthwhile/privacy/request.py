"""What is asked to be erased, as rules for each table: one customer, or all that is older than some day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from worthwhile.ingestion.forgotten import BROWSING
from worthwhile.ingestion.ids import BLANKS, known_as, plain_id
from worthwhile.ingestion.pseudonyms import define_pseudonyms
from worthwhile.privacy.history import Rule, named_files
from worthwhile.schema import CUSTOMERS, EVENTS, QUARANTINE
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import read_table, read_versions, table_files

ERASED = "[erased]"
# From this length on a text is taken to be an id wherever it stands; shorter ones are numbers as likely.
TELLING = 8


@dataclass(frozen=True)
class Request:
    """An erasure asked for at a moment (UTC): of a customer by all ids, or of events before moments of time."""

    at: datetime
    ids: Sequence[str] = ()  # of one customer: as asked for, and the pseudonyms and visitors that belong to it
    events: Sequence[str] = ()  # the customer's events that older versions have under the id of another
    events_before: datetime | None = None
    browsing_before: datetime | None = None

    @property
    def what(self) -> str:
        return "customer" if self.ids else "age"

    @property
    def before(self) -> dict[str, str]:
        moments = {"events": self.events_before, "browsing": self.browsing_before}
        return {kind: moment.isoformat() for kind, moment in moments.items() if moment}

    @property
    def telling(self) -> list[str]:
        """Ids that stand for nothing else, wherever they are found."""
        return [text for text in self.ids if "@" in text or len(text) >= TELLING]

    def to_dict(self) -> dict[str, Any]:
        moments = {"at": self.at, "events_before": self.events_before, "browsing_before": self.browsing_before}
        return {
            "ids": list(self.ids),
            "events": list(self.events),
            **{k: m.isoformat() if m else None for k, m in moments.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Request:
        moments = {k: t and datetime.fromisoformat(t) for k, t in document.items() if k not in ("ids", "events")}
        return cls(ids=tuple(document["ids"]), events=tuple(document["events"]), **moments)


@dataclass(frozen=True)
class Rules:
    """What goes of each table, and whom runs and reports must no longer name."""

    tables: Mapping[str, Rule]
    customer: Rule
    customers: set[str] = field(default_factory=set)


def ids_of(con: duckdb.DuckDBPyConnection, key: bytes, customer: str) -> tuple[str, ...]:
    """All ids that a customer can have in the log: the text itself, and what it becomes as a pseudonym."""
    define_pseudonyms(con, key)
    text = customer.strip()
    found = con.execute(f"SELECT {known_as('$1')}, pseudonym($1), phone_pseudonym($1)", [text]).fetchall()[0]
    return tuple(dict.fromkeys([text, *([text.lower()] if "@" in text else []), *found]))


def request_of(con: duckdb.DuckDBPyConnection, shop: Shop, ids: Sequence[str], at: datetime) -> Request:
    """The request of a customer who has these ids, with the visitors and events that the shop knows to be theirs.

    A browser or device is theirs that refused rows, or events that got the customer's id later, show with them and
    with nobody else. An event that was a visitor's at first lies in older versions as such.
    """
    versions = read_versions(shop)
    _name_batch_columns(con, shop, versions)
    _name_gone(con, ids)
    add_view(con, "refused", QUARANTINE, table_files(shop, "quarantine", versions))
    _name_renamed(con, shop, versions)
    found = con.execute(f"{_visitors_of_refused_rows()} UNION {_VISITORS_OF_EVENTS} ORDER BY visitor_id").fetchall()
    ids = tuple(dict.fromkeys([*ids, *(visitor for (visitor,) in found)]))
    _name_gone(con, ids)
    events = con.execute(_EVENTS_OF_OTHERS).fetchall()
    return Request(at, ids=ids, events=tuple(event for (event,) in events))


def _visitors_of_refused_rows() -> str:
    return (
        f"SELECT visitor_id FROM (SELECT {_field('place')} AS customer_id, {_field('visitor_place')} AS visitor_id"
        f" FROM refused JOIN batch_columns USING (batch_id)) WHERE customer_id <> '' AND visitor_id <> ''"
        f" GROUP BY visitor_id HAVING bool_and({_is_gone('customer_id')})"
    )


def _name_renamed(con: duckdb.DuckDBPyConnection, shop: Shop, versions: dict[str, int]) -> None:
    """The tables `renamed`, of the customer's events that any version has under another id, with that id; `renamed_now`
    of whose these are; `named_now` of whom else the events of such ids are."""
    folder = shop.table_path("events").absolute()
    add_view(con, "events_ever", EVENTS, [str(file) for file in named_files(folder)])
    add_view(con, "events_now", EVENTS, table_files(shop, "events", versions))
    gone = _is_gone("customer_id")
    con.execute(f"CREATE OR REPLACE TEMP TABLE theirs AS SELECT DISTINCT event_id FROM events_ever WHERE {gone}")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE renamed AS SELECT DISTINCT event_id, customer_id AS visitor_id FROM events_ever"
        f" WHERE event_id IN (SELECT event_id FROM theirs) AND NOT {gone}"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE renamed_now AS SELECT event_id, customer_id FROM events_now"
        " WHERE event_id IN (SELECT event_id FROM renamed)"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE named_now AS SELECT DISTINCT visitor_id, customer_id FROM events_now JOIN ("
        " SELECT DISTINCT event_id, customer_id AS visitor_id FROM events_ever"
        " WHERE customer_id IN (SELECT visitor_id FROM renamed)"
        ") USING (event_id) WHERE customer_id <> visitor_id"
    )


_VISITORS_OF_EVENTS = """
    SELECT visitor_id FROM renamed JOIN renamed_now USING (event_id)
    WHERE customer_id IN (SELECT customer_id FROM gone)
        AND visitor_id NOT IN (
            SELECT visitor_id FROM named_now WHERE customer_id NOT IN (SELECT customer_id FROM gone)
        )
"""
# Those that are somebody else's by now, who told us what the visitor's were, stay.
_EVENTS_OF_OTHERS = """
    SELECT DISTINCT event_id FROM renamed WHERE visitor_id NOT IN (SELECT customer_id FROM gone)
        AND event_id NOT IN (
            SELECT event_id FROM renamed_now WHERE customer_id NOT IN (SELECT customer_id FROM gone)
        )
    ORDER BY event_id
"""


def _field(place: str) -> str:
    """SQL for a field of a refused row, cleaned as ids are."""
    return plain_id(f"trim(json_extract_string(content, {place}), {BLANKS})")


def rules_of(con: duckdb.DuckDBPyConnection, shop: Shop, request: Request, versions: dict[str, int]) -> Rules:
    """The rules of a request, which read tables that they make in this connection."""
    _name_batch_columns(con, shop, versions)
    if request.ids:
        return _rules_of_customer(con, request)
    return _rules_of_age(con, shop, request, versions)


def _name_batch_columns(con: duckdb.DuckDBPyConnection, shop: Shop, versions: dict[str, int]) -> None:
    """The table `batch_columns`: of each batch, when it came and where a row's JSON has who bought, and who looked."""
    ledger = read_table(shop, "batches", versions=versions).select(["batch_id", "ingested_at", "mapping"])
    con.register("ledger", ledger)
    places = ", ".join(
        f"""'$."' || replace(json_extract_string(mapping, '$.{field}'), '"', '\\"') || '"' AS {place}"""
        for field, place in (("customer_id", "place"), ("visitor_id", "visitor_place"))
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE batch_columns AS SELECT batch_id, ingested_at, {places} FROM ledger")
    con.unregister("ledger")


# Columns that may name a customer in the rows of others, and in which the id is blanked.
_TEXTS: dict[str, tuple[str, ...]] = {
    "events": ("text", "channel", "country"),
    "customers": ("attributes", "country"),
    "quarantine": ("file",),
    "batches": ("file", "source", "unknown_statuses"),
}
# The same, but for ids that are numbers: of those, others have orders by accident.
_NUMBERS = ("order_id", "refund_of")


def _rules_of_customer(con: duckdb.DuckDBPyConnection, request: Request) -> Rules:
    _name_gone(con, request.ids)
    _name_table(con, "gone_events", "event_id", request.events)
    named = _is_gone("customer_id")
    names = [
        _field(f"(SELECT max({place}) FROM batch_columns b WHERE b.batch_id = stored.batch_id)")
        for place in ("place", "visitor_place")
    ]
    torn = _says("json_extract_string(content, '$.line')", request.ids)
    quarantined = [named, *map(_is_gone, names), torn]
    texts: dict[str, dict[str, str]] = {table: {} for table in _TEXTS}
    if request.telling:
        quarantined.append(_says("concat_ws(' ', detail, content, order_id)", request.telling))
        texts = {table: {c: _blanked(c, request.telling) for c in columns} for table, columns in _TEXTS.items()}
        if words := [text for text in request.telling if not text.isdigit()]:
            texts["events"] |= {column: _blanked(column, words) for column in _NUMBERS}
    wheres = {
        "events": f"{named} OR event_id IN (SELECT event_id FROM gone_events)",
        "customers": named,
        "quarantine": " OR ".join(f"coalesce({c}, false)" for c in quarantined),
        "batches": "false",
    }
    return Rules({t: Rule(where, texts[t]) for t, where in wheres.items()}, Rule(named), set(request.ids))


def _name_gone(con: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> None:
    """The table `gone` of the ids that are to go."""
    _name_table(con, "gone", "customer_id", ids)


def _name_table(con: duckdb.DuckDBPyConnection, name: str, column: str, values: Sequence[str]) -> None:
    con.register("asked", pa.table({column: pa.array(values, pa.string())}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {column} FROM asked")
    con.unregister("asked")


def _is_gone(column: str) -> str:
    listed = "(SELECT customer_id FROM gone)"
    return f"({column} IN {listed} OR (contains({column}, '@') AND lower({column}) IN {listed}))"


def _patterns(texts: Sequence[str]) -> list[str]:
    """SQL patterns of any of these texts standing for itself, not within another word or number; in the groups 1 and 2
    is what stands beside it.

    Addresses are known in any case of letters, and may be the end of a longer one; a short id is none beside a point
    or dash, as in a date or an amount.
    """
    ids = [re.escape(text) for text in texts if "@" not in text and len(text) >= TELLING]
    others = [re.escape(text) for text in texts if "@" not in text and len(text) < TELLING]
    others += [f"(?i:{re.escape(text)})" for text in texts if "@" in text]
    patterns = [rf"(^|[^0-9A-Za-z])(?:{'|'.join(ids)})($|[^0-9A-Za-z])"] if ids else []
    patterns += [rf"(^|[^0-9A-Za-z_@.\-])(?:{'|'.join(others)})($|[^0-9A-Za-z_@\-])"] if others else []
    return [sql.text(pattern) for pattern in patterns]


def _says(column: str, texts: Sequence[str]) -> str:
    return "(" + " OR ".join(f"regexp_matches({column}, {pattern})" for pattern in _patterns(texts)) + ")"


def _blanked(column: str, texts: Sequence[str]) -> str:
    """SQL for a column without these texts."""
    blanked = column
    for pattern in _patterns(texts) * 2:  # what stands between two of them is beside both, and found with one
        blanked = f"regexp_replace({blanked}, {pattern}, '\\1{ERASED}\\2', 'g')"
    hints = {f"contains({column}, {sql.text('@' if '@' in text else text)})" for text in texts}
    return f"CASE WHEN {' OR '.join(sorted(hints))} THEN {blanked} ELSE {column} END"


def _rules_of_age(con: duckdb.DuckDBPyConnection, shop: Shop, request: Request, versions: dict[str, int]) -> Rules:
    """Events of before; customers of whom none is left; refused rows of batches that came before."""
    tests = []
    if request.events_before:
        tests.append(f"ts < TIMESTAMPTZ '{request.events_before.isoformat()}'")
    if request.browsing_before:
        tests.append(f"(kind IN {BROWSING} AND ts < TIMESTAMPTZ '{request.browsing_before.isoformat()}')")
    old = " OR ".join(tests)
    for table, schema in (("events", EVENTS), ("customers", CUSTOMERS)):
        add_view(con, table, schema, table_files(shop, table, versions))
    con.execute(f"CREATE OR REPLACE TEMP TABLE stay AS SELECT DISTINCT customer_id FROM events WHERE NOT ({old})")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gone AS SELECT customer_id FROM events UNION SELECT customer_id FROM customers"
    )
    con.execute("DELETE FROM gone WHERE customer_id IN (SELECT customer_id FROM stay)")
    customers = {name for (name,) in con.execute("SELECT customer_id FROM gone").fetchall()}
    named = "customer_id NOT IN (SELECT customer_id FROM stay)"
    rules = {"events": Rule(old), "customers": Rule(named)}
    if request.events_before:
        moment = f"TIMESTAMPTZ '{request.events_before.isoformat()}'"
        con.execute(
            "CREATE OR REPLACE TEMP TABLE old_batches AS"
            f" SELECT batch_id FROM batch_columns WHERE ingested_at < {moment}"
        )
        is_old = "batch_id IN (SELECT batch_id FROM old_batches)"
        rules["quarantine"] = Rule(is_old)
        blank = f"CASE WHEN {is_old} THEN '{ERASED}' ELSE {{}} END"
        rules["batches"] = Rule(texts={name: blank.format(name) for name in ("file", "source")})
    return Rules(rules, Rule(named), customers)
