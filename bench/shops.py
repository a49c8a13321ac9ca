"""A seeded generator of shops: order lines of any size, for benchmarks of scale.

    python bench/shops.py orders.csv --lines 1000000 --seed 7

Customers arrive over three years and buy at gamma-distributed rates until an exponential lifetime ends; an order has
one and more lines, items come in categories with log-normal prices and Zipf popularity, the year has a season, and a
few lines are given back some days later.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

Array = np.ndarray[Any, Any]

START = np.datetime64("2021-01-01T00:00:00", "us")
DAYS = 3 * 365
LINES_PER_ORDER = 2.5
ORDERS_PER_CUSTOMER = 4.0  # on average, so that 10 million lines are of 1 million customers
REFUNDED = 0.03
COUNTRIES = ("United Kingdom", "Germany", "France", "Netherlands", "Ireland", "Spain")
COUNTRY_SHARES = (0.7, 0.1, 0.08, 0.05, 0.04, 0.03)
CATEGORIES = ("kitchen", "garden", "toys", "stationery", "lighting", "textiles", "gifts", "christmas")
BATCH_ORDERS = 100_000


@dataclass(frozen=True)
class Catalogue:
    """The items of a shop: (I,) each."""

    price: Array
    category: Array  # index into CATEGORIES
    chance: Array  # cumulative popularity


def make_catalogue(rng: np.random.Generator, items: int = 4000) -> Catalogue:
    popularity = 1.0 / np.arange(1, items + 1) ** 0.8
    price = np.round(np.exp(rng.normal(1.2, 0.8, items)), 2)
    return Catalogue(price, rng.integers(0, len(CATEGORIES), items), np.cumsum(popularity / popularity.sum()))


def make_lines(lines: int, seed: int = 0) -> Iterator[dict[str, Array]]:
    """Batches of order lines, customer after customer, refunds after their order; exactly `lines` in all.

    Columns: customer, order (both integers from 0), time (datetime64[us]), item, quantity (negative for a refund),
    price, amount, category (index), country (index).
    """
    rng = np.random.default_rng(seed)
    catalogue = make_catalogue(rng)
    made = customer = order = 0
    while made < lines:
        batch, customers, orders = _batch(rng, catalogue, customer, order)
        size = min(len(batch["customer"]), lines - made)
        yield {name: values[:size] for name, values in batch.items()}
        made, customer, order = made + size, customer + customers, order + orders


def _batch(
    rng: np.random.Generator, catalogue: Catalogue, customer: int, order: int
) -> tuple[dict[str, Array], int, int]:
    """Whole customers with about BATCH_ORDERS orders; also how many customers and orders they are."""
    customers = int(BATCH_ORDERS / ORDERS_PER_CUSTOMER)
    arrival = rng.uniform(0, DAYS, customers)
    lifetime = np.minimum(rng.exponential(rng.gamma(1.2, 300, customers)), DAYS - arrival)
    repeats = rng.poisson(rng.gamma(0.8, 0.018, customers) * lifetime)
    repeats = np.minimum(repeats, 500)
    who = np.repeat(np.arange(customers), repeats + 1)
    first = np.r_[0, np.cumsum(repeats + 1)[:-1]]
    day = arrival[who] + rng.uniform(0, 1, len(who)) * lifetime[who]
    day[first] = arrival
    day = np.minimum(_in_season(rng, day), DAYS - 1e-6)
    size = rng.geometric(1 / LINES_PER_ORDER, len(who))
    of_order = np.repeat(np.arange(len(who)), size)
    wealth = np.exp(rng.normal(0, 0.35, customers))
    lines = _lines(rng, catalogue, who[of_order], wealth)
    lines["customer"] = customer + who[of_order]
    lines["order"] = order + of_order
    lines["time"] = START + (np.floor(day[of_order] * 86_400) * 1_000_000).astype("timedelta64[us]")
    country = rng.choice(len(COUNTRIES), customers, p=COUNTRY_SHARES)
    lines["country"] = country[who[of_order]]
    return _with_refunds(rng, lines), customers, len(who)


def _in_season(rng: np.random.Generator, day: Array) -> Array:
    """One order in seven of the rest of the year moves to November or December of its year."""
    year = np.floor(day / 365)
    moved = rng.random(len(day)) < 1 / 7
    return np.where(moved & (day - year * 365 < 305), year * 365 + rng.uniform(305, 358, len(day)), day)


def _lines(rng: np.random.Generator, catalogue: Catalogue, who: Array, wealth: Array) -> dict[str, Array]:
    item = np.minimum(np.searchsorted(catalogue.chance, rng.random(len(who))), len(catalogue.price) - 1)
    quantity = np.ceil(rng.geometric(0.35, len(who)) * wealth[who]).astype(np.float64)
    price = catalogue.price[item]
    return {
        "item": item,
        "quantity": quantity,
        "price": price,
        "amount": np.round(quantity * price, 2),
        "category": catalogue.category[item],
    }


def _with_refunds(rng: np.random.Generator, lines: dict[str, Array]) -> dict[str, Array]:
    """A few lines come back whole, one to thirty days later, as lines with a negative quantity."""
    back = np.flatnonzero(rng.random(len(lines["customer"])) < REFUNDED)
    later = (rng.uniform(1, 30, len(back)) * 86_400).astype(np.int64) * 1_000_000
    refunds = {name: values[back] for name, values in lines.items()}
    refunds["time"] = np.minimum(refunds["time"] + later.astype("timedelta64[us]"), START + np.timedelta64(DAYS, "D"))
    refunds["quantity"], refunds["amount"] = -refunds["quantity"], -refunds["amount"]
    both = {name: np.concatenate([values, refunds[name]]) for name, values in lines.items()}
    order = np.argsort(np.concatenate([np.arange(len(lines["customer"])), back + 0.5]), kind="stable")
    return {name: values[order] for name, values in both.items()}


def _coded(prefix: str, numbers: Array) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def write_csv(path: Path, lines: int, seed: int = 0) -> None:
    """An order file: order_id, customer_id, order_time, sku, category, quantity, unit_price, country."""
    writer = None
    for batch in make_lines(lines, seed):
        table = pa.table(
            {
                "order_id": pa.array(batch["order"] + 100_000),
                "customer_id": _coded("C", batch["customer"]),
                "order_time": pc.strftime(pa.array(batch["time"].astype("datetime64[s]")), "%Y-%m-%d %H:%M:%S"),
                "sku": _coded("S", batch["item"]),
                "category": pa.array(np.array(CATEGORIES, dtype=object)[batch["category"]], pa.string()),
                "quantity": pa.array(batch["quantity"].astype(np.int64)),
                "unit_price": pa.array(batch["price"]),
                "country": pa.array(np.array(COUNTRIES, dtype=object)[batch["country"]], pa.string()),
            }
        )
        if writer is None:
            writer = pyarrow.csv.CSVWriter(
                path, table.schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")
            )
        writer.write_table(table)
    if writer is not None:
        writer.close()


def event_batches(lines: int, seed: int = 0) -> Iterator[pa.Table]:
    """The same lines in the columns of `worthwhile.schema.EVENTS`, a table a batch; the shop's zone is UTC."""
    from worthwhile.schema import EVENTS

    made = 0
    for batch in make_lines(lines, seed):
        size = len(batch["customer"])
        refund = batch["quantity"] < 0
        order_id = pa.array(batch["order"] + 100_000).cast(pa.string())
        columns = {
            "event_id": _coded("e", np.arange(made, made + size)),
            "ts": pa.array(batch["time"]).cast(pa.timestamp("us", tz="UTC")),
            "local_ts": pa.array(batch["time"]),
            "customer_id": _coded("C", batch["customer"]),
            "kind": pa.array(np.where(refund, "refund", "order_line"), pa.string()),
            "order_id": order_id,
            "item_id": _coded("S", batch["item"]),
            "quantity": pa.array(batch["quantity"]),
            "price": pa.array(batch["price"]),
            "amount": pa.array(batch["amount"]),
            "category": pa.array(np.array(CATEGORIES, dtype=object)[batch["category"]], pa.string()),
            "country": pa.array(np.array(COUNTRIES, dtype=object)[batch["country"]], pa.string()),
            "refund_of": pc.if_else(pa.array(refund), order_id, pa.scalar(None, pa.string())),
            "is_goods": pa.array(np.ones(size, dtype=bool)),
            "batch_id": pa.array(["generated"] * size, pa.string()),
        }
        made += size
        yield pa.table(
            [columns.get(field.name, pa.nulls(size, field.type)) for field in EVENTS],
            schema=EVENTS,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_csv(given.path, given.lines, given.seed)
    print(f"{given.path}: {given.lines:,} lines, {given.path.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
