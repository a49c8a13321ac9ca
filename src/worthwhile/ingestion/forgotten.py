"""Whom the shop has forgotten, and since when: what stands in old files of theirs is not taken again.

The list holds keyed digests of ids, no ids. Rows dated before the moment of forgetting are refused; a customer who
comes back is a new customer, whose later rows are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.ingestion.pseudonyms import keyed_digest
from worthwhile.shop import Shop

LIST_FILE = "forgotten.parquet"
SUBJECT = "forgotten: "  # stands before an id, so that its digest on the list is not its pseudonym
EVERYONE, EVERYONES_BROWSING = "*", "* browsing"  # what the shop keeps no longer, of all customers
BROWSING = ("view", "search", "cart", "campaign")

_SCHEMA = pa.schema(
    [
        pa.field("subject", pa.string(), nullable=False),  # a keyed digest, or one of the two for everyone
        pa.field("until", pa.timestamp("us", tz="UTC"), nullable=False),  # what is dated before is not taken
    ]
)


@dataclass(frozen=True)
class Forgotten:
    """The list: digest of an id -> the moment before which nothing of it is taken."""

    until: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def customers(self) -> dict[str, datetime]:
        return {subject: moment for subject, moment in self.until.items() if not subject.startswith("*")}

    def added(self, subjects: Mapping[str, datetime]) -> Forgotten:
        """With further subjects; the later of two moments holds."""
        later = {subject: max(moment, self.until.get(subject, moment)) for subject, moment in subjects.items()}
        return Forgotten({**self.until, **later})


def subject_of(key: bytes, customer_id: str) -> str:
    """How a customer of the log is called on the list."""
    return keyed_digest(key, SUBJECT + customer_id)


def read_forgotten(shop: Shop) -> Forgotten:
    """The shop's list. Raises InputError `damaged`."""
    path = _path(shop)
    if not path.is_file():
        return Forgotten()
    try:
        table = pq.read_table(path).cast(_SCHEMA)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            "damaged",
            "the list of forgotten customers cannot be read",
            where=str(path),
            remedy="restore it from a copy: without it, old files would bring these customers back",
        ) from error
    return Forgotten(dict(zip(table["subject"].to_pylist(), table["until"].to_pylist(), strict=True)))


def write_forgotten(shop: Shop, forgotten: Forgotten) -> None:
    """Put a list in the place of the shop's, at once."""
    path = _path(shop)
    path.parent.mkdir(exist_ok=True)
    rows = [{"subject": subject, "until": moment} for subject, moment in sorted(forgotten.until.items())]
    temporary = path.with_name(path.name + ".new")
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), temporary)
    temporary.replace(path)


def _path(shop: Shop) -> Path:
    return shop.privacy / LIST_FILE


def refuse_forgotten(con: duckdb.DuckDBPyConnection, forgotten: Forgotten) -> str:
    """SQL that is true for the rows not to be taken: of columns `customer_id`, `ts` (may be NULL), `type_effect`.

    Makes the table `forgotten_customers` from the view `cleaned`; needs the macro `keyed_digest` where the list has
    customers. A row of a forgotten customer whose date cannot be read counts as old.
    """
    conditions = []
    if forgotten.customers:
        con.register("forgotten_list", pa.table({"subject": list(forgotten.customers), "until": _moments(forgotten)}))
        con.execute(
            "CREATE OR REPLACE TEMP TABLE forgotten_customers AS SELECT customer_id, epoch_us(until) AS until_us"
            " FROM (SELECT DISTINCT customer_id FROM cleaned WHERE customer_id IS NOT NULL)"
            f" JOIN forgotten_list ON keyed_digest('{SUBJECT}' || customer_id) = subject"
        )
        con.unregister("forgotten_list")
        until = "(SELECT until_us FROM forgotten_customers f WHERE f.customer_id = timed.customer_id)"
        conditions.append(f"coalesce(coalesce(epoch_us(ts), -9e18) < {until}, false)")
    for subject, kinds in ((EVERYONE, "true"), (EVERYONES_BROWSING, f"type_effect IN {BROWSING}")):
        if subject in forgotten.until:
            moment = forgotten.until[subject].astimezone(UTC).isoformat()
            conditions.append(f"coalesce(ts < TIMESTAMPTZ '{moment}' AND {kinds}, false)")
    return " OR ".join(conditions) or "false"


def _moments(forgotten: Forgotten) -> pa.Array:
    return pa.array(list(forgotten.customers.values()), pa.timestamp("us", tz="UTC"))
