"""Random histories of a small shop, full of the cases that are easily got wrong, and logs made of them.

A row is a dict of an event as `tests/oracles/features.py` reads it. Times lie on the wall clock of the shop.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from worthwhile.schema import EVENTS
from worthwhile.schema import ITEM_CATEGORIES as ITEM_CATEGORIES_SCHEMA
from worthwhile.store.log import log_of

# Item -> category -> since when it is known, None all along; i5 has none.
ITEM_CATEGORIES: dict[str, dict[str, datetime | None]] = {
    "i1": {"tea": None},
    "i2": {"tea": datetime(2023, 1, 1, tzinfo=UTC), "pots": datetime(2023, 12, 1, tzinfo=UTC)},
    "i3": {"pots": None, "cups": datetime(2023, 8, 1, tzinfo=UTC), "pans": datetime(2023, 8, 1, tzinfo=UTC)},
    "i4": {"cups": datetime(2024, 2, 1, tzinfo=UTC)},
}
KINDS = ("order_line",) * 6 + ("refund",) * 2 + ("view", "cart", "review", "campaign", "search")
COLUMNS = [c for c in EVENTS.names if c not in ("event_id", "batch_id", "ts")]


def event(rng: np.random.Generator, span: tuple[datetime, datetime], customers: int, zone: ZoneInfo) -> dict:
    """One event between two wall-clock moments: first included, last not."""
    kind = str(rng.choice(KINDS))
    bought, seconds = kind == "order_line", int((span[1] - span[0]).total_seconds())
    at = span[0] + timedelta(seconds=int(rng.integers(seconds)))
    cents = int(rng.integers(0, 3000)) * int(rng.integers(0, 10) > 0)  # some are free

    def one_of(*values):
        return values[rng.integers(len(values))]

    return {
        "kind": kind,
        "customer_id": f"c{rng.integers(customers)}",
        "local_ts": at,
        "ts": at.replace(tzinfo=zone),
        "order_id": one_of("o1", "o2", "o3", "o4", "o5", None) if bought else None,
        "refund_of": one_of("o1", "o2", "o3", "o9", None) if kind == "refund" else None,
        "item_id": one_of("i1", "i2", "i3", "i4", "i5", None),
        "quantity": float(rng.integers(0, 6)) if bought else None,
        "price": None,
        "amount": cents / 100 if bought else -cents / 100 if kind == "refund" else None,
        "discount": one_of(None, int(rng.integers(0, 300)) / 100) if bought else None,
        "category": one_of(None, None, "tea", "pans"),
        "channel": one_of("web", "shop", None),
        "country": None,
        "rating": one_of(None, float(rng.integers(1, 6))) if kind == "review" else None,
        "text": None,
        "is_goods": bool(rng.integers(4)) if bought else True,
        "order_version": None,
        "order_placed": None,
        "is_open": None,
    }


def full_refund(row: dict, days: int, zone: ZoneInfo) -> dict:
    """What gives an order line back some days later."""
    at = row["local_ts"] + timedelta(days=days)
    changes = {"kind": "refund", "local_ts": at, "ts": at.replace(tzinfo=zone), "refund_of": row["order_id"]}
    empty = {"order_id": None, "quantity": None, "discount": None, "is_goods": True}
    return row | changes | empty | {"amount": -row["amount"]}


def history(seed: int, span: tuple[datetime, datetime], *, events: int, customers: int, zone: ZoneInfo) -> list[dict]:
    """Events between two wall-clock moments; some order lines are given back in full."""
    rng = np.random.default_rng(seed)
    rows = [event(rng, span, customers, zone) for _ in range(events)]
    for row in list(rows):
        if row["kind"] == "order_line" and row["order_id"] is not None and rng.integers(4) == 0:
            rows.append(full_refund(row, int(rng.integers(0, 40)), zone))
    return [row for row in rows if row["local_ts"] < span[1]]


def made_log(rows: list[dict], zone: ZoneInfo, *, until: datetime | None = None, told: dict | None = None):
    """The log of such rows, with what is told of items, by default `ITEM_CATEGORIES`."""
    table = pa.table({c: pa.array([r[c] for r in rows], EVENTS.field(c).type) for c in COLUMNS})
    told = ITEM_CATEGORIES if told is None else told
    known = [(item, category, since) for item, own in told.items() for category, since in own.items()]
    columns = zip(ITEM_CATEGORIES_SCHEMA.names, zip(*known, strict=True), strict=False)
    categories = pa.table({name: pa.array(values, ITEM_CATEGORIES_SCHEMA.field(name).type) for name, values in columns})
    return log_of(table, zone=zone, item_categories=categories, until=until)
