"""Whose a column of amounts is where its name does not tell: each line's, or the order's and so on every line of it.

Read as the line's, an order's total is counted once for each line. Where no order has several lines both readings give
the same, so that files with too few to tell go by the name, and agree with what later files tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.cleaning import is_one_of, words_for_nothing
from worthwhile.ingestion.columns import Columns, plain
from worthwhile.ingestion.formats import Format
from worthwhile.ingestion.formats.orders import ORDERS
from worthwhile.ingestion.source import Source, column
from worthwhile.ingestion.words import counted
from worthwhile.schema import EVENTS
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.log import add_view
from worthwhile.store.tables import held_files

# Orders of several items that bear one amount each. Where quantities differ few of them tell; else prices may be equal:
# of seats, of a shirt in several sizes. Then amounts must differ as totals do and prices of a list do not.
_FEW, _MANY, _FEW_AMOUNTS, _SHARE_OF_AMOUNTS = 5, 10, 3, 0.5
_SAMPLE = 1000  # rows; where they tell that each line has its own amount, the others are not looked at
# Names, as `columns.plain` makes them, that say whose the amount is.
_OF_LINE = frozenset(("lineamount", "linetotal", "小计", "zeilenbetrag", "positionsbetrag"))


@dataclass(frozen=True)
class Orders:
    """Orders of several items: how many, those with one amount on all lines, and how these are."""

    count: int = 0
    same: int = 0
    amounts: int = 0  # different ones
    quantities_differ: int = 0

    @property
    def tell_lines(self) -> bool:
        return self.same < self.count

    @property
    def tell_totals(self) -> bool:
        by_quantities = self.quantities_differ >= _FEW and self.amounts >= _FEW_AMOUNTS
        by_amounts = self.count >= _MANY and self.amounts >= _SHARE_OF_AMOUNTS * self.count
        return self.count > 0 and not self.tell_lines and (by_quantities or by_amounts)


@dataclass(frozen=True)
class Told:
    """What files of this run told of columns, by their plain names: read as the order's, or as each line's."""

    of_order: set[str] = field(default_factory=set)
    of_line: dict[str, Orders] = field(default_factory=dict)


def settle_whose(
    con: duckdb.DuckDBPyConnection,
    shop: Shop,
    ledger: Sequence[Mapping[str, Any]],
    *,
    source: Source,
    form: Format,
    columns: Columns,
    told: Told,
) -> tuple[Columns, tuple[str, ...]]:
    """The columns, the amount taken for the order's total where all orders of several items say so, and notes on it.

    Raises InputError `bad-columns` where the shop holds such orders read the other way.
    """
    if form.name != "orders" or "order_id" not in columns or not {"item_id", "title"} & set(columns.index):
        return columns, ()
    if "order_total" in columns:
        return columns, _on_several_totals(con, columns) if columns.how["order_total"] != "given" else ()
    by_guess = columns.how.get("amount") in ("name", "value") and "price" not in columns
    if not by_guess or (name := plain(columns.name("amount"))) in _OF_LINE:
        return columns, ()
    orders = _in_file(con, columns, "amount", _SAMPLE)
    if not orders.tell_lines:
        orders = _in_file(con, columns, "amount")
    if name not in told.of_order:
        if not orders.tell_totals:
            told.of_line[name] = _sum(told.of_line.get(name, Orders()), orders)
            return columns, ()
        before = _sum(_in_shop(con, shop, ledger, name), told.of_line.get(name, Orders()))
        if before.tell_lines:  # files of one shop are read alike
            return columns, ()
        if before.count:
            raise _read_as_lines(source, columns.name("amount"), before.count)
        told.of_order.add(name)
    how = f"it is the same on every line of all {counted(orders.count, 'order', 'orders')} of several items"
    if orders.tell_lines or not orders.count:
        how = "another file tells so"
    said = f"`{columns.name('amount')}` is taken for the order's total: {how}"
    return _as_total(columns), (f"{said}; --map 'amount={columns.name('amount')}' takes it for each line's",)


def _as_total(columns: Columns) -> Columns:
    index = {"order_total" if name == "amount" else name: place for name, place in columns.index.items()}
    how = {"order_total" if name == "amount" else name: way for name, way in columns.how.items()} | {
        "order_total": "value"
    }
    return replace(columns, index=index, how=how)


def _read_as_lines(source: Source, name: str, count: int) -> InputError:
    orders = counted(count, "order was", "orders were")
    return InputError(
        "bad-columns",
        f"`{name}` is the order's total, on every line of it; {orders} read before with it as each line's amount",
        where=source.where,
        remedy=f"ingest all files into a new shop with --map 'order_total={name}'; if it is each line's amount after"
        f" all, go on with --map 'amount={name}'",
    )


def _sum(one: Orders, other: Orders) -> Orders:
    return Orders(one.count + other.count, one.same + other.same)


def is_same_reading(
    con: duckdb.DuckDBPyConnection, shop: Shop, batch: Mapping[str, Any], mapping: Mapping[str, str]
) -> bool:
    """Whether a file that was read with an amount is read alike with that as the order's total: it has no order of
    several items."""
    then = json.loads(batch["mapping"])
    as_then = {"amount" if name == "order_total" else name: own for name, own in mapping.items()}
    return bool(
        "order_total" in mapping
        and "amount" not in mapping
        and then == as_then
        and not _in_shop(con, shop, [batch], plain(then["amount"])).count
    )


def _on_several_totals(con: duckdb.DuckDBPyConnection, columns: Columns) -> tuple[str, ...]:
    orders = _in_file(con, columns, "order_total")
    if not orders.tell_lines:
        return ()
    name = columns.name("order_total")
    many = counted(orders.count - orders.same, "order has", "orders have")
    return (
        f"{many} several totals in `{name}`, and each of them counts once; if it is each line's amount, ingest into a"
        f" new shop with --map 'amount={name}'",
    )


def _in_file(con: duckdb.DuckDBPyConnection, columns: Columns, money: str, rows: int | None = None) -> Orders:
    """The orders of several items in the table `raw`, or in so many rows of it. What was given back is left out."""
    amount = _text(columns, money)
    item = next(_text(columns, name) for name in ("item_id", "title") if name in columns)
    quantity = _text(columns, "quantity") if "quantity" in columns else "NULL"
    keys = [_text(columns, name) for name in ("order_id", "customer_id", "type") if name in columns]
    is_numbered = f"NOT {is_one_of(keys[0], words_for_nothing('order_id', ORDERS))}"
    some = f"(SELECT * FROM raw LIMIT {rows})" if rows else "raw"
    return _counted(
        con,
        f"SELECT min({amount}) AS low, max({amount}) AS high,"
        f" min({quantity}) IS DISTINCT FROM max({quantity}) AS quantities_differ FROM {some}"
        f" WHERE {is_numbered} AND regexp_matches({amount}, '^[^-(]*[1-9]')"
        f" GROUP BY {', '.join(keys)} HAVING min({item}) <> max({item})",
    )


def _in_shop(con: duckdb.DuckDBPyConnection, shop: Shop, batches: Sequence[Mapping[str, Any]], name: str) -> Orders:
    """The orders of several items in the log that were read with a column of this plain name as each line's amount."""
    ids = [batch["batch_id"] for batch in batches if plain(json.loads(batch["mapping"]).get("amount", "")) == name]
    if not ids:
        return Orders()
    held, _ = held_files(shop, ["events"])
    try:
        add_view(con, "events_before", EVENTS, held.files["events"])
        return _counted(
            con,
            "SELECT min(amount) AS low, max(amount) AS high, false AS quantities_differ FROM events_before"
            f" WHERE batch_id IN ({sql.texts(ids)}) AND kind = 'order_line' AND order_id IS NOT NULL AND amount > 0"
            " GROUP BY order_id, customer_id HAVING min(item_id) <> max(item_id)",
        )
    finally:
        held.close()


def _counted(con: duckdb.DuckDBPyConnection, orders: str) -> Orders:
    query = (
        "SELECT count(*), count(*) FILTER (low = high), count(DISTINCT low),"
        f" count(*) FILTER (low = high AND quantities_differ) FROM ({orders})"
    )
    [row] = con.execute(query).fetchall()
    return Orders(*row)


def _text(columns: Columns, name: str) -> str:
    return f"trim({column(columns.index[name])})"
