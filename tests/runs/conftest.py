"""A small shop on disk that forecasts and backtests are made in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oracles.small_orders import write_orders
from worthwhile.ingestion import ingest
from worthwhile.shop import Shop, create_shop, open_shop


@pytest.fixture(scope="session")
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "shop"
    made = create_shop(folder, currency="GBP", timezone="Europe/London", threads=1)
    ingest(made, write_orders(tmp_path_factory.mktemp("files") / "orders.csv", customers=24))
    return folder


@pytest.fixture
def shop(_loaded: Path, tmp_path: Path) -> Shop:
    """24 customers over two years, up to 2011-12-09; a copy to do with as one likes."""
    return open_shop(shutil.copytree(_loaded, tmp_path / "shop"))
