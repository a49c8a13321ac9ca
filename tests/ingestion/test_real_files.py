"""The public data sets, held to pandas."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import worthwhile as ww
from worthwhile.ingestion import IngestReport
from worthwhile.shop import Shop
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table

pytestmark = pytest.mark.real_data
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / os.environ.get("WORTH_DATA", "../shared/data")


def data(name: str) -> Path:
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not in {FOLDER}; name the folder of the public data sets in WORTH_DATA")
    return path


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, IngestReport, Path]:
    path = data("online_retail_ii.parquet")
    shop = ww.create_shop(tmp_path_factory.mktemp("retail") / "shop", currency="GBP", timezone="Europe/London")
    return shop, ww.ingest(shop, path), path


def test_every_row_of_online_retail_is_an_event_or_in_quarantine(retail: tuple[Shop, IngestReport, Path]) -> None:
    shop, report, _ = retail
    assert report.rows == 1_044_848
    assert report.events + report.refused == 1_044_848
    assert read_table(shop, "events").num_rows + read_table(shop, "quarantine").num_rows == 1_044_848
    assert set(read_table(shop, "quarantine")["reason"].to_pylist()) == {"no-customer"}


def test_rows_in_quarantine_are_exactly_those_without_a_customer(retail: tuple[Shop, IngestReport, Path]) -> None:
    shop, _, path = retail
    rows = pd.read_parquet(path)
    refused = read_table(shop, "quarantine")
    assert sorted(refused["row"].to_pylist()) == (rows.index[rows["CustomerID"].isna()] + 1).tolist()
    row, content = refused["row"][0].as_py(), json.loads(refused["content"][0].as_py())
    assert content["Invoice"] == rows.loc[row - 1, "Invoice"]
    assert float(content["Price"]) == rows.loc[row - 1, "Price"]


def test_monthly_totals_of_online_retail_equal_pandas_to_the_penny(
    retail: tuple[Shop, IngestReport, Path],
) -> None:
    shop, _, path = retail
    rows = pd.read_parquet(path).dropna(subset=["CustomerID"])
    amount = (rows["Quantity"] * rows["Price"]).round(2)
    month = rows["InvoiceDate"].dt.strftime("%Y-%m")
    cancelled = rows["Invoice"].str.startswith("C")
    with open_log(shop) as log:
        found = log.con.execute(
            "SELECT strftime(local_ts, '%Y-%m'), kind, round(sum(round(amount, 2)), 2), count(*)"
            " FROM events GROUP BY ALL"
        ).fetchall()
    totals = {(m, kind): (total, count) for m, kind, total, count in found}
    expected = {}
    for kind, chosen in (("refund", cancelled), ("order_line", ~cancelled)):
        sums = amount[chosen].groupby(month[chosen]).agg(["sum", "size"])
        expected |= {(m, kind): (round(row["sum"], 2), int(row["size"])) for m, row in sums.iterrows()}
    assert totals == expected


def test_refunds_of_online_retail_mostly_find_an_earlier_order_of_their_customer(
    retail: tuple[Shop, IngestReport, Path],
) -> None:
    shop, report, _ = retail
    with open_log(shop) as log:
        (refunds, matched, wrong) = log.con.execute(
            """
            WITH orders AS (SELECT customer_id, order_id, min(ts_us) AS first FROM events
                            WHERE kind = 'order_line' GROUP BY ALL)
            SELECT count(*), count(refund_of), count(refund_of) FILTER (o.first IS NULL OR o.first > r.ts_us)
            FROM events r LEFT JOIN orders o ON r.customer_id = o.customer_id AND r.refund_of = o.order_id
            WHERE r.kind = 'refund'
            """
        ).fetchall()[0]
    assert wrong == 0
    assert matched == report.files[0].refunds_matched
    assert matched / refunds > 0.85


def test_quality_of_online_retail_names_its_traps(retail: tuple[Shop, IngestReport, Path]) -> None:
    found = {finding.code: finding for finding in ww.check(retail[0])}
    assert found["no-customer"].share == pytest.approx(0.2252, abs=1e-4)
    assert any("80,995" in str(example) for example in found["cancelled-soon"].examples)
    assert any("74,215" in str(example) for example in found["outlying-quantities"].examples)
    assert any(example.startswith("POST") for example in found["not-goods"].examples)
    assert found["gaps"].facts["longest"] == 11
    assert not {"reused-orders", "missing-ids", "refused-files", "repeated-totals", "big-customer"} & set(found)


@pytest.mark.parametrize(
    ("name", "rows", "customers", "amount", "last"),
    [
        ("CDNOW_sample.txt", 6_919, 2_357, 244_091.94, "1998-06-30"),
        ("cdnow_master.parquet", 69_659, 23_570, 2_500_315.63, "1998-06-30"),
        ("grocery_elog.parquet", 10_483, 1_525, 10_483.0, "2007-12-30"),
    ],
)
def test_other_sets_have_their_published_counts(
    tmp_path: Path, name: str, rows: int, customers: int, amount: float, last: str
) -> None:
    shop = ww.create_shop(tmp_path / "shop", currency="USD")
    assert ww.ingest(shop, data(name)).events == rows
    with open_log(shop) as log:
        found = log.con.execute(
            "SELECT count(*), count(DISTINCT customer_id), round(sum(amount), 2), CAST(max(local_ts)::DATE AS VARCHAR)"
            " FROM events"
        ).fetchall()[0]
    assert found == (rows, customers, amount, last)


def test_cdnow_of_the_package_lifetimes_holds_the_sample(tmp_path: Path, events: Callable[..., list[object]]) -> None:
    from importlib.util import find_spec

    spec = find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package lifetimes is not installed")
    shop = ww.create_shop(tmp_path / "shop", currency="USD")
    ww.ingest(shop, Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_master.txt")
    again = ww.ingest(shop, data("CDNOW_sample.txt"))
    assert (again.events, again.known) == (0, 6_919)
    assert len(events(shop, "event_id")) == 69_659
