"""A small shop whose customers are forecast at a day in the middle of its log, so that campaigns after it matured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import worthwhile as ww
from oracles.small_orders import write_orders
from worthwhile.shop import Shop

CUTOFF = "2011-06-01"


@pytest.fixture(scope="session")
def _forecast_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decide") / "shop"
    made = ww.create_shop(folder, currency="GBP", timezone="Europe/London", threads=1, value__margin=0.4)
    ww.ingest(made, write_orders(tmp_path_factory.mktemp("files") / "orders.csv", customers=60))
    ww.forecast(made, horizon="90d", model="past-rate", cutoff=CUTOFF)
    return folder


@pytest.fixture
def shop(_forecast_shop: Path, tmp_path: Path) -> Shop:
    """60 customers over two years, a margin of 40 %, a forecast of 90 days from 2011-06-01."""
    return ww.open_shop(shutil.copytree(_forecast_shop, tmp_path / "shop"))
