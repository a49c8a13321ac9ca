"""Ids in tables that people give, as the shop knows them: an id that identifies a person is a pseudonym there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.tables import texts_of
from worthwhile.errors import InputError
from worthwhile.ingestion.ids import identifies, plain_id
from worthwhile.ingestion.pseudonyms import PSEUDONYM, Keyring, define_pseudonyms
from worthwhile.shop import Shop
from worthwhile.store.log import open_log

Array = np.ndarray[Any, Any]


def as_the_shop_knows(shop: Shop, customer_ids: Array) -> Array:
    """The ids (N,) str as an ingest of the same file would keep them, so that they meet the shop's customers, and no
    address or phone number is written into the run. Raises InputError `no-key`."""
    mode = shop.settings["privacy.pseudonymise"]
    if mode == "never":
        return customer_ids
    # The shop's own tables may be where the ids were taken from.
    known = f"regexp_full_match(id, '{PSEUDONYM}')"
    replaced = f"NOT {known}" if mode == "always" else identifies("id")
    given = pa.table({"place": np.arange(len(customer_ids)), "id": pa.array(customer_ids, pa.string())})
    with duckdb.connect() as con:
        con.register("given", given)
        con.execute(f"CREATE TEMP TABLE plain AS SELECT place, {plain_id('trim(id)')} AS id FROM given")
        counted = con.execute(f"SELECT count(*) FILTER ({replaced}) FROM plain").fetchall()
        if not counted[0][0]:
            return _column(con, "SELECT id FROM plain ORDER BY place")
        keyring = Keyring(shop)
        define_pseudonyms(con, keyring.key())
        keyring.keep()
        return _column(con, f"SELECT CASE WHEN {replaced} THEN pseudonym(id) ELSE id END FROM plain ORDER BY place")


def known_ids(shop: Shop, customers: Collection[str]) -> frozenset[str]:
    """Some customers as the shop knows them. Raises InputError `no-key`."""
    return frozenset(as_the_shop_knows(shop, np.array(sorted(customers), dtype=object)).tolist())


def known_counts(shop: Shop, contacts: Mapping[str, int]) -> dict[str, int]:
    """Counts by customer, of customers as the shop knows them. Raises InputError `no-key`."""
    found: dict[str, int] = {}
    for name, count in zip(
        as_the_shop_knows(shop, np.array(list(contacts), dtype=object)), contacts.values(), strict=True
    ):
        found[name] = found.get(name, 0) + count
    return found


def with_known_ids(shop: Shop, table: pa.Table, *, where: str) -> pa.Table:
    """The table with its `customer_id`, where there is such a column, as the shop knows them. Raises InputError
    `no-key`, `bad-values`."""
    if "customer_id" not in table.column_names:
        return table
    given = texts_of(table, "customer_id", where=where).to_numpy(zero_copy_only=False)
    ids = pa.array(as_the_shop_knows(shop, given.astype(object)), pa.string())
    return table.set_column(table.column_names.index("customer_id"), "customer_id", ids)


def known_to_shop(shop: Shop, customer_ids: Array) -> int:
    """How many of the ids (N,) are of people in the shop's log."""
    try:
        log = open_log(shop)
    except InputError as error:
        if error.code == "empty-shop":
            return 0
        raise
    with log:
        known = log.con.sql("SELECT DISTINCT customer_id FROM events").to_arrow_table()["customer_id"]
    return int(pc.sum(pc.is_in(pa.array(customer_ids, pa.string()), value_set=known.combine_chunks())).as_py() or 0)


def _column(con: duckdb.DuckDBPyConnection, query: str) -> Array:
    return np.array([text for (text,) in con.execute(query).fetchall()], dtype=object)
