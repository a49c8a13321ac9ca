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
from worthwhile.ingestion.pseudonyms import define_pseudonyms
from worthwhile.privacy.history import Rule
from worthwhile.schema import CUSTOMERS, EVENTS
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import read_table, table_files

ERASED = "[erased]"
# From this length on a text is taken to be an id wherever it stands; shorter ones are numbers as likely.
TELLING = 8


@dataclass(frozen=True)
class Request:
    """An erasure asked for at a moment (UTC): of a customer by all ids, or of events before moments of time."""

    at: datetime
    ids: Sequence[str] = ()  # of one customer: as asked for, and the pseudonyms that belong to it
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
    found = con.execute("SELECT pseudonym($1), phone_pseudonym($1)", [text]).fetchall()[0]
    return tuple(dict.fromkeys([text, *([text.lower()] if "@" in text else []), *found]))


def rules_of(con: duckdb.DuckDBPyConnection, shop: Shop, request: Request, versions: dict[str, int]) -> Rules:
    """The rules of a request, which read tables that they make in this connection."""
    _name_batch_columns(con, shop, versions)
    if request.ids:
        return _rules_of_customer(con, request)
    return _rules_of_age(con, shop, request, versions)


def _name_batch_columns(con: duckdb.DuckDBPyConnection, shop: Shop, versions: dict[str, int]) -> None:
    """The table `batch_columns`: of each batch, when it came and where a row's JSON has who bought."""
    ledger = read_table(shop, "batches", versions=versions).select(["batch_id", "ingested_at", "mapping"])
    con.register("ledger", ledger)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE batch_columns AS SELECT batch_id, ingested_at,"
        " '$.\"' || replace(json_extract_string(mapping, '$.customer_id'), '\"', '\\\"') || '\"' AS place FROM ledger"
    )
    con.unregister("ledger")


def _rules_of_customer(con: duckdb.DuckDBPyConnection, request: Request) -> Rules:
    con.register("asked", pa.table({"customer_id": pa.array(request.ids, pa.string())}))
    con.execute("CREATE OR REPLACE TEMP TABLE gone AS SELECT customer_id FROM asked")
    con.unregister("asked")
    named = _is_gone("customer_id")
    place = "(SELECT max(place) FROM batch_columns b WHERE b.batch_id = stored.batch_id)"
    bought = f"trim(json_extract_string(content, {place}))"
    torn = f"regexp_matches(json_extract_string(content, '$.line'), {_whole(request.ids)})"
    quarantined = [named, _is_gone(bought), torn]
    texts: dict[str, str] = {}
    if request.telling:
        pattern = _whole(request.telling)
        quarantined.append(f"regexp_matches(concat_ws(' ', detail, content), {pattern})")
        texts = {c: f"regexp_replace({c}, {pattern}, '\\1{ERASED}\\2', 'g')" for c in ("file", "source")}
    quarantine = Rule(" OR ".join(f"coalesce({c}, false)" for c in quarantined), _only(texts, "file"))
    rules = {"events": Rule(named), "customers": Rule(named), "quarantine": quarantine, "batches": Rule(texts=texts)}
    return Rules(rules, Rule(named), set(request.ids))


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
