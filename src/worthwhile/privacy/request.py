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
from worthwhile.ingestion.ids import known_as
from worthwhile.ingestion.pseudonyms import define_pseudonyms
from worthwhile.privacy.history import Rule
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
        return {"ids": list(self.ids), **{k: m.isoformat() if m else None for k, m in moments.items()}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Request:
        moments = {k: t and datetime.fromisoformat(t) for k, t in document.items() if k != "ids"}
        return cls(ids=tuple(document["ids"]), **moments)


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


def with_visitors(con: duckdb.DuckDBPyConnection, shop: Shop, ids: Sequence[str]) -> tuple[str, ...]:
    """The ids of a customer, and those of browsers and devices that refused rows know to be theirs alone.

    Of events the log knows one id alone, so that these rows are all that tells.
    """
    versions = read_versions(shop)
    _name_batch_columns(con, shop, versions)
    _name_gone(con, ids)
    add_view(con, "refused", QUARANTINE, table_files(shop, "quarantine", versions))
    found = con.execute(
        f"SELECT visitor_id FROM (SELECT {_field('place')} AS customer_id, {_field('visitor_place')} AS visitor_id"
        f" FROM refused JOIN batch_columns USING (batch_id)) WHERE customer_id <> '' AND visitor_id <> ''"
        f" GROUP BY visitor_id HAVING bool_and({_is_gone('customer_id')}) ORDER BY visitor_id"
    ).fetchall()
    return tuple(dict.fromkeys([*ids, *(visitor for (visitor,) in found)]))


def _field(place: str) -> str:
    return f"trim(json_extract_string(content, {place}))"


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


def _rules_of_customer(con: duckdb.DuckDBPyConnection, request: Request) -> Rules:
    _name_gone(con, request.ids)
    named = _is_gone("customer_id")
    names = [
        _field(f"(SELECT max({place}) FROM batch_columns b WHERE b.batch_id = stored.batch_id)")
        for place in ("place", "visitor_place")
    ]
    torn = f"regexp_matches(json_extract_string(content, '$.line'), {_whole(request.ids)})"
    quarantined = [named, *map(_is_gone, names), torn]
    texts: dict[str, str] = {}
    if request.telling:
        pattern = _whole(request.telling)
        quarantined.append(f"regexp_matches(concat_ws(' ', detail, content), {pattern})")
        columns = ("file", "source", "unknown_statuses")
        texts = {c: f"regexp_replace({c}, {pattern}, '\\1{ERASED}\\2', 'g')" for c in columns}
    quarantine = Rule(" OR ".join(f"coalesce({c}, false)" for c in quarantined), _only(texts, "file"))
    rules = {"events": Rule(named), "customers": Rule(named), "quarantine": quarantine, "batches": Rule(texts=texts)}
    return Rules(rules, Rule(named), set(request.ids))


def _name_gone(con: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> None:
    """The table `gone` of the ids that are to go."""
    con.register("asked", pa.table({"customer_id": pa.array(ids, pa.string())}))
    con.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT customer_id FROM asked")
    con.unregister("asked")


def _only(texts: Mapping[str, str], *columns: str) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name in columns}


def _is_gone(column: str) -> str:
    listed = "(SELECT customer_id FROM gone)"
    return f"({column} IN {listed} OR (contains({column}, '@') AND lower({column}) IN {listed}))"


def _whole(texts: Sequence[str]) -> str:
    """A pattern of any of these texts standing for itself, not within another word or number."""
    either = "|".join(re.escape(text) for text in texts)
    return sql.text(rf"(?i)(^|[^0-9A-Za-z_@.\-])(?:{either})($|[^0-9A-Za-z_@\-])")


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
