"""A simulated shop in which browsing and what items are foretell who buys, by a known law.

Customers have phases of interest: they look at items for one to three weeks, and half of the phases end in an order.
Besides, they order now and then without looking. Some items run out, so that their buyers are back after about a month;
which do is told by the items' vectors alone: each item sells too rarely for its number to tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, Any]

START = datetime(2023, 1, 1)
DAYS = 600
PHASE_EVERY = 90.0  # days between a customer's phases of interest, in the mean
ENDS_IN_ORDER = 0.5
UNSEEN_EVERY = 150.0  # days between orders without looking, in the mean
RUNS_OUT = 0.4  # share of items
BACK = 0.6  # share of buyers of such an item who are back for more
WIDTH = 12


@dataclass(frozen=True)
class PlantedShop:
    customer: Array  # (E,) int
    day: Array  # (E,) float
    is_order: Array  # (E,) bool: an order, else a view
    item: Array  # (E,) int
    amount: Array  # (E,) float, of orders
    vectors: Array  # (items, WIDTH) float32: what the items are

    def without_views(self) -> PlantedShop:
        return self._events(self.is_order)

    def with_views_of_others(self, seed: int = 0) -> PlantedShop:
        """The views of each customer become those of another one: as many, and they tell nothing."""
        other = np.random.default_rng(seed).permutation(self.customer.max() + 1)
        return replace(self, customer=np.where(self.is_order, self.customer, other[self.customer]))

    def with_vectors_of_others(self, seed: int = 0) -> PlantedShop:
        return replace(self, vectors=np.random.default_rng(seed).permutation(self.vectors))

    def _events(self, rows: Array) -> PlantedShop:
        parts = {name: getattr(self, name)[rows] for name in ("customer", "day", "is_order", "item", "amount")}
        return replace(self, **parts)

    def events(self) -> pa.Table:
        """The table of events, for `log_of`."""
        times = np.datetime64(START, "us") + (self.day * 86_400e6).astype("timedelta64[us]")
        return pa.table(
            {
                "customer_id": pa.array([f"c{c:06d}" for c in self.customer]),
                "local_ts": pa.array(times),
                "kind": pa.array(np.where(self.is_order, "order_line", "view").tolist()),
                "item_id": pa.array([f"i{i:05d}" for i in self.item]),
                "amount": pa.array(np.where(self.is_order, self.amount, np.nan), from_pandas=True),
            }
        )


def planted_shop(customers: int = 4000, items: int = 3000, seed: int = 0, *, side: Array | None = None) -> PlantedShop:
    """`side` (items,) bool: which run out; drawn where it is not given."""
    rng = np.random.default_rng(seed)
    drawn = rng.random(items) < RUNS_OUT
    side = drawn if side is None else side
    direction = rng.normal(size=WIDTH) / np.sqrt(WIDTH)
    vectors = np.where(side, 1.0, -1.0)[:, None] * direction + rng.normal(0, 0.5, (items, WIDTH)) / np.sqrt(WIDTH)
    eager = rng.gamma(2.0, 0.5, customers)  # mean 1
    phase, began = _moments(rng, eager / PHASE_EVERY)
    lasts = rng.uniform(7, 21, len(phase))
    looks = rng.integers(3, 9, len(phase))
    viewer = np.repeat(phase, looks)
    view_day = np.repeat(began, looks) + rng.random(looks.sum()) * np.repeat(lasts, looks)
    ends = rng.random(len(phase)) < ENDS_IN_ORDER
    unseen, unseen_day = _moments(rng, eager / UNSEEN_EVERY)
    buyer = np.concatenate([phase[ends], unseen])
    bought = np.concatenate([(began + lasts)[ends], unseen_day])
    item = rng.integers(items, size=len(buyer))
    orders = [(buyer, bought, item)]
    for _ in range(6):  # who is back may buy what runs out again
        back = side[item] & (rng.random(len(item)) < BACK)
        buyer, bought = buyer[back], bought[back] + rng.uniform(20, 40, back.sum())
        item = rng.integers(items, size=len(buyer))
        orders.append((buyer, bought, item))
    buyer, bought, item = (np.concatenate(part) for part in zip(*orders, strict=True))
    customer, day = np.concatenate([viewer, buyer]), np.concatenate([view_day, bought])
    is_order = np.arange(len(customer)) >= len(viewer)
    whole = PlantedShop(
        customer=customer,
        day=day,
        is_order=is_order,
        item=np.concatenate([rng.integers(items, size=len(viewer)), item]),
        amount=np.where(is_order, 30 * np.exp(rng.normal(0, 0.5, len(customer))), 0.0),
        vectors=vectors.astype(np.float32),
    )
    return whole._events(whole.day < DAYS)


def _moments(rng: np.random.Generator, rate: Array) -> tuple[Array, Array]:
    """Customers and days of Poisson processes at these rates a day, over the whole time."""
    counts = rng.poisson(rate * DAYS)
    return np.repeat(np.arange(len(rate)), counts), rng.random(counts.sum()) * DAYS
