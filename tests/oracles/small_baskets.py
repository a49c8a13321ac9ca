"""Small logs of baskets whose habits are known, for recommendations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

START = date(2023, 1, 1)


def moment(day: int) -> datetime:
    """The morning of a day counted from START, UTC."""
    return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)


def line(customer: str, item: str, day: int, **more: Any) -> dict[str, Any]:
    """An order line on a day; its order is that of the customer on that day."""
    return {
        "customer_id": customer, "item_id": item, "ts": moment(day) + timedelta(hours=10), "kind": "order_line",
        "order_id": f"{customer}{day}", "amount": 2.0, "price": 2.0, "is_goods": True,
    } | more  # fmt: skip


def habits(customers: int = 160, items: int = 40, days: int = 330, seed: int = 0) -> list[dict[str, Any]]:
    """Customers of two countries who each buy four favourites every three weeks or so, and sometimes another item.

    Favourites are of the country's half of the items: what is bought together, and what is popular where, is known.
    """
    rng = np.random.default_rng(seed)
    events = []
    for c in range(customers):
        half = c % 2
        own = rng.choice(items // 2, 4, replace=False) + half * items // 2
        day = int(rng.integers(0, 120))
        while day < days:
            bought = set(own[rng.random(4) < 0.6].tolist()) | {int(rng.integers(items // 2)) + half * items // 2}
            where = ("France", "Japan")[half]
            events += [line(f"c{c:03d}", f"i{i:02d}", day, country=where, price=1.0 + i) for i in sorted(bought)]
            day += int(rng.integers(14, 29))
    return events
