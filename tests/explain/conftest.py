"""A small shop with a recorded forecast to explain."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from oracles.small_orders import write_orders
from worthwhile.ingestion import ingest
from worthwhile.runs import forecast
from worthwhile.shop import Shop, create_shop, open_shop


@pytest.fixture(scope="session")
def _forecast_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "shop"
    made = create_shop(folder, currency="GBP", timezone="Europe/London", threads=1)
    ingest(made, write_orders(tmp_path_factory.mktemp("files") / "orders.csv", customers=80))
    forecast(made, "90d", cutoff="2011-07-01", model="logistic")
    return folder


@pytest.fixture
def shop(_forecast_shop: Path, tmp_path: Path) -> Shop:
    """80 customers over two years, forecast as of 2011-07-01 by the logistic model; a copy."""
    return open_shop(shutil.copytree(_forecast_shop, tmp_path / "shop"))
