"""The generator of shops in bench/: seeded, of exact size, and of sense."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

import worthwhile as ww
from worthwhile.schema import EVENTS
from worthwhile.store.log import open_log


@pytest.fixture(scope="module")
def shops() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shops", Path(__file__).parents[1] / "bench" / "shops.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shops"] = module
    spec.loader.exec_module(module)
    return module


def test_same_seed_makes_the_same_lines_and_another_seed_others(shops: ModuleType) -> None:
    one, two, other = (pa.concat_tables(shops.event_batches(5_000, seed)) for seed in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)
    assert one.schema.equals(EVENTS)


def test_refunds_come_after_their_orders_and_never_outweigh_them(shops: ModuleType) -> None:
    table = pa.concat_tables(shops.event_batches(20_000, 3)).to_pandas()
    refunds = table[table["kind"] == "refund"]
    assert 0.01 < len(refunds) / len(table) < 0.06
    ordered = table[table["kind"] == "order_line"].groupby("order_id").agg(ts=("ts", "min"), amount=("amount", "sum"))
    joined = refunds.join(ordered, on="refund_of", suffixes=("", "_order"))
    assert (joined["ts"] >= joined["ts_order"]).all()
    net = table.groupby("order_id")["amount"].sum()
    assert np.all(net > -1e-6)


def test_file_is_ingested_whole_and_agrees_with_the_events(shops: ModuleType, tmp_path: Path) -> None:
    shops.write_csv(tmp_path / "orders.csv", 3_000, 4)
    shop = ww.create_shop(tmp_path / "shop")
    report = ww.ingest(shop, tmp_path / "orders.csv")
    assert (report.rows, report.events, report.refused) == (3_000, 3_000, 0)
    table = pa.concat_tables(shops.event_batches(3_000, 4)).to_pandas()
    with open_log(shop) as log:
        (total, customers) = log.con.execute("SELECT sum(amount), count(DISTINCT customer_id) FROM events").fetchall()[
            0
        ]
    assert total == pytest.approx(table["amount"].sum(), abs=1e-6)
    assert customers == table["customer_id"].nunique()
