"""All that a shop's tables hold, as one digest for each: what must not hang on how it came there."""

from __future__ import annotations

import hashlib

from worthwhile.schema import TABLES
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table

LOOKED_AT = ("events", "items", "item_categories", "customers")


def rows_of(shop: Shop, table: str) -> list[tuple[object, ...]]:
    """The rows of a table in a fixed order, without the batch that they came with."""
    columns = [name for name in TABLES[table].names if name != "batch_id"]
    read = read_table(shop, table)
    return sorted(zip(*(read[name].to_pylist() for name in columns), strict=True), key=repr)


def contents(shop: Shop) -> dict[str, str]:
    """Table -> digest of its rows."""
    return {table: hashlib.sha256(repr(rows_of(shop, table)).encode()).hexdigest() for table in LOOKED_AT}
