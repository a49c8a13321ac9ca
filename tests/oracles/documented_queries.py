"""The queries of docs/databases.md, and orders to try them on that are edited between two runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import worthwhile as ww
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table

PAGE = Path(__file__).parents[2] / "docs" / "databases.md"
TABLES = (
    "DROP TABLE IF EXISTS orders",
    "DROP TABLE IF EXISTS order_lines",
    "CREATE TABLE orders (order_id varchar(9), customer_id varchar(9), created_at timestamp, status varchar(9),"
    " refunded_at timestamp NULL, updated_at timestamp)",
    "CREATE TABLE order_lines (order_id varchar(9), line_number int, sku varchar(9), title varchar(9), quantity int,"
    " price numeric(10, 2), updated_at timestamp, customer_id varchar(9), created_at timestamp, status varchar(9))",
    *(
        f"INSERT INTO orders VALUES ('o{n}', 'c{n}', '2024-03-0{n} 10:00', 'paid', NULL, '2024-03-0{n} 10:00')"
        for n in (1, 2, 3)
    ),
    *(
        f"INSERT INTO order_lines VALUES ('o{n}', {k}, 's{k}', 'Item {k}', 1, {10 * k}, '2024-03-0{n} 10:00', 'c{n}',"
        f" '2024-03-0{n} 10:00', 'paid')"
        for n in (1, 2, 3)
        for k in (1, 2, 3)
    ),
)
# One line's quantity is edited, another line is deleted, and their orders' own rows stay as they are.
EDITS = (
    "UPDATE order_lines SET quantity = 5, updated_at = '2024-04-01 10:00' WHERE order_id = 'o1' AND line_number = 1",
    "UPDATE order_lines SET price = 31, updated_at = '2024-04-01 11:00' WHERE order_id = 'o2' AND line_number = 3",
    "DELETE FROM order_lines WHERE order_id = 'o2' AND line_number = 1",
)
HELD = {"o1": [("s1", 5, 50.0), ("s2", 1, 20.0), ("s3", 1, 30.0)], "o2": [("s2", 1, 20.0), ("s3", 1, 31.0)]}


def documented() -> list[str]:
    """The queries with `:since`, in the order of the page."""
    blocks = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if ":since" in block]


def check_edited_orders(shop: Shop, url: str, query: str, execute: Callable[[str], Any]) -> None:
    """Read the orders, edit them, read on: each order has its lines as they are now, once."""
    for statement in TABLES:
        execute(statement)
    mapping = {"updated_at": "order_changed_at"}
    [first] = ww.ingest(shop, url, query=query, since="last", mapping=mapping).files
    assert (first.events, first.refused) == (9, {})
    for statement in EDITS:
        execute(statement)
    [second] = ww.ingest(shop, url, query=query, since="last", mapping=mapping).files
    assert second.rows < 9
    held: dict[str, list[tuple[str, float, float]]] = {}
    for event in read_table(shop, "events").to_pylist():
        held.setdefault(event["order_id"], []).append((event["item_id"], event["quantity"], event["amount"]))
    untouched = [("s1", 1, 10.0), ("s2", 1, 20.0), ("s3", 1, 30.0)]
    assert {order: sorted(lines) for order, lines in held.items()} == HELD | {"o3": untouched}
