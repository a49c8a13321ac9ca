"""A small file of orders that every command can be run on: 80 customers over two years, the same every time."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

COLUMNS = ("order_id", "customer_id", "order_date", "sku", "category", "quantity", "price")
FIRST, LAST = date(2009, 12, 1), date(2011, 12, 9)
CATEGORIES = ("toys", "tea", "books")


def order_rows(customers: int = 80, *, first: date = FIRST, seed: int = 7) -> list[tuple[str, ...]]:
    """Lines of orders, oldest first, from `first` to LAST: Poisson buyers with rates and lifetimes of their own."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(customers):
        day = first + timedelta(days=int(rng.integers(0, (LAST - first).days * 0.4)))
        end = min(LAST, day + timedelta(days=int(rng.exponential(500))))
        gap = rng.gamma(2.0, 25.0) + 5
        while day <= end:
            for line in range(int(rng.integers(1, 4))):
                item = int(rng.integers(0, 30))
                price = f"{5 + item * 0.75:.2f}"
                rows.append((day, k, line, f"I{item:03d}", CATEGORIES[item % 3], str(rng.integers(1, 5)), price))
            day += timedelta(days=int(rng.exponential(gap)) + 1)
    rows.sort()
    return [
        (f"O{day:%y%m%d}-{k}", f"C{k:04d}", day.isoformat(), item, category, quantity, price)
        for day, k, _, item, category, quantity, price in rows
    ]


def write_orders(path: Path, *, customers: int = 80, first: date = FIRST) -> Path:
    """The file as CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(order_rows(customers, first=first))
    return path
