"""A shop and ways to put files into it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.shop import Shop
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return ww.create_shop(tmp_path / "shop", currency="GBP", timezone="Europe/London", threads=1)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a text file beside the shop."""

    def make(text: str, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return make


@pytest.fixture
def events() -> Callable[..., list[tuple[Any, ...]]]:
    """Columns of all events, in the order of time, customer, kind, amount."""

    def query(shop: Shop, *columns: str) -> list[tuple[Any, ...]]:
        picked = ", ".join(f"CAST({c} AS VARCHAR)" if c in ("ts", "local_ts") else c for c in columns)
        with open_log(shop) as log:
            return log.con.execute(
                f"SELECT {picked} FROM events ORDER BY ts_us, customer_id, kind, order_id, amount, event_id"
            ).fetchall()

    return query


@pytest.fixture
def refused() -> Callable[[Shop], list[tuple[int, str]]]:
    """Row and reason of all rows in quarantine."""

    def query(shop: Shop) -> list[tuple[int, str]]:
        table = read_table(shop, "quarantine").sort_by("row")
        return list(zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True))

    return query


@pytest.fixture
def state() -> Callable[[Shop], dict[str, str]]:
    """Digest of every file of the shop's folder, and every folder."""

    def look(shop: Shop) -> dict[str, str]:
        return {
            str(path.relative_to(shop.folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            for path in sorted(shop.folder.rglob("*"))
        }

    return look
