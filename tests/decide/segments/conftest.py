"""Logs in memory of a few events, and a shop on disk with orders, visits and forecasts."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oracles.small_baskets import moment
from oracles.small_orders import write_orders
from worthwhile.decide.segments import Segments, make_segments, recorded_segments
from worthwhile.ingestion import ingest
from worthwhile.runs import forecast
from worthwhile.shop import Shop, create_shop, open_shop
from worthwhile.store.log import Log, log_of

MakeLog = Callable[[list[dict[str, Any]]], Log]
# So long a horizon that few windows of it have passed: forecasts are quick.
CUTOFF, HORIZON, DAYS = date(2011, 9, 1), "200d", 200


def event(customer: str, kind: str, day: int, **more: Any) -> dict[str, Any]:
    """An event on a day counted from small_baskets.START."""
    amount = {"order_line": 10.0, "refund": -10.0}.get(kind)
    return {"customer_id": customer, "kind": kind, "ts": moment(day), "amount": amount, **more}


@pytest.fixture
def make_log() -> Iterator[MakeLog]:
    opened: list[Log] = []

    def make(events: list[dict[str, Any]]) -> Log:
        names = sorted({name for row in events for name in row})
        opened.append(log_of(pa.table({name: [row.get(name) for row in events] for name in names})))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


def write_visits(path: Path) -> Path:
    """Visits, carts and reviews of ten customers, and of ten people who never order."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "event_type", "event_time", "item_id"))
        for k in range(10):
            for name in (f"C{k:04d}", f"V{k:04d}"):
                day = CUTOFF - timedelta(days=3 + 5 * k)
                writer.writerow((name, "view", f"{day} 10:00:00", "I001"))
                if k % 3 == 0:
                    writer.writerow((name, "cart", f"{day} 10:05:00", "I001"))
    return path


@pytest.fixture(scope="session")
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segments")
    shop = create_shop(folder / "shop", currency="CNY", timezone="Asia/Shanghai", threads=1)
    ingest(shop, write_orders(folder / "orders.csv", customers=60))
    ingest(shop, write_visits(folder / "visits.csv"))
    forecast(shop, HORIZON, cutoff=CUTOFF, model="past-rate")
    make_segments(shop)
    return folder / "shop"


@pytest.fixture(scope="session")
def made(_loaded: Path) -> Segments:
    """The recorded segments of 60 customers who ordered and ten people who only looked, as of 2011-09-01."""
    return recorded_segments(open_shop(_loaded))


@pytest.fixture
def shop(_loaded: Path, tmp_path: Path) -> Shop:
    """Their shop; a copy to do with as one likes."""
    return open_shop(shutil.copytree(_loaded, tmp_path / "shop"))
