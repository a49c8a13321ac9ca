"""Golden small files: one of each format, with what must come of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.ingestion.formats import FORMATS
from worthwhile.store.tables import read_table

FILES = Path(__file__).parents[1] / "data" / "formats"


def ingested(shop: Any, name: str) -> dict[str, Any]:
    (file,) = ww.ingest(shop, FILES / name).to_dict()["files"]
    return file


def test_online_retail_lines_cancellations_and_postage(shop: Any, events: Any, refused: Any) -> None:
    file = ingested(shop, "online_retail_ii.csv")
    assert file["format"] == "online-retail"
    assert refused(shop) == [(6, "no-customer"), (9, "no-customer")]
    columns = ("local_ts", "customer_id", "kind", "order_id", "item_id", "quantity", "amount", "refund_of", "is_goods")
    first, second = datetime(2009, 12, 1, 7, 45), datetime(2009, 12, 1, 9, 6)
    assert events(shop, *columns) == [
        (str(first), "13001", "order_line", "500001", "20002A", 12.0, 10.2, None, True),
        (str(first), "13001", "order_line", "500001", "20001", 6.0, 15.3, None, True),
        (str(first), "13001", "order_line", "500001", "20001", 6.0, 15.3, None, True),
        (str(second), "13002", "order_line", "500002", "20003", 3.0, 3.75, None, True),
        (str(second), "13002", "order_line", "500002", "POST", 1.0, 18.0, None, False),
        ("2009-12-14 11:30:00", "13001", "refund", "C500004", "20001", -2.0, -5.1, "500001", True),
        ("2009-12-14 12:00:00", "13003", "refund", "C500005", "20009", -1.0, -7.5, None, True),
        ("2009-12-16 14:00:00", "13002", "order_line", "500007", "20003", 4.0, 0.0, None, True),
        ("2009-12-16 15:00:00", "13003", "order_line", "500008", "M", 1.0, 3.2, None, False),
        ("2009-12-17 15:00:00", "13003", "order_line", "500009", "gift_0001_20", 1.0, 17.02, None, False),
    ]
    goods = {row["item_id"]: row["is_goods"] for row in read_table(shop, "items").to_pylist()}
    assert goods["20001"] and not goods["POST"] and not goods["gift_0001_20"]


def test_online_retail_workbook_with_overlapping_sheets_counts_each_line_once(
    shop: Any, tmp_path: Path, events: Any
) -> None:
    header = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    first = [489434, 85048, "15CM GLASS BALL", 12, datetime(2009, 12, 1, 7, 45), 6.95, 13085, "United Kingdom"]
    both = [538171, "84029E", "WHITE MUG", 2, datetime(2010, 12, 9, 14, 9), 1.5, 12748, "United Kingdom"]
    last = ["C581569", 85048, "15CM GLASS BALL", -5, datetime(2011, 12, 9, 11, 58), 6.95, 13085, "United Kingdom"]
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in (("Year 2009-2010", [first, both, both]), ("Year 2010-2011", [both, both, last])):
        sheet = book.create_sheet(name)
        for row in (header, *rows):
            sheet.append(row)
    book.save(tmp_path / "online_retail_II.xlsx")
    (file,) = ww.ingest(shop, tmp_path / "online_retail_II.xlsx").to_dict()["files"]
    assert (file["format"], file["rows"], file["events"], file["known"]) == ("online-retail", 6, 4, 2)
    assert events(shop, "order_id", "item_id", "amount", "refund_of") == [
        ("489434", "85048", 83.4, None),
        ("538171", "84029E", 3.0, None),
        ("538171", "84029E", 3.0, None),
        ("C581569", "85048", -34.75, "489434"),
    ]


@pytest.mark.parametrize("name", ["cdnow_master.txt", "cdnow_with_header.txt"])
def test_cdnow_with_and_without_header(shop: Any, events: Any, name: str) -> None:
    assert ingested(shop, name)["format"] == "cdnow"
    assert events(shop, "customer_id", "local_ts", "quantity", "amount") == [
        ("00001", "1997-01-01 00:00:00", 1.0, 11.77),
        ("00002", "1997-01-12 00:00:00", 1.0, 12.0),
        ("00002", "1997-01-12 00:00:00", 5.0, 77.0),
    ]


def test_cdnow_sample_has_the_customers_of_the_full_file(shop: Any, events: Any) -> None:
    assert ingested(shop, "cdnow_sample.txt")["format"] == "cdnow"
    assert events(shop, "customer_id", "amount") == [
        ("00004", 29.33),
        ("00021", 63.34),
        ("00021", 63.34),
        ("00004", 29.73),
        ("00050", 0.0),
    ]


def test_cdnow_as_parquet(shop: Any, tmp_path: Path, events: Any) -> None:
    table = {
        "customer_id": pa.array([1], pa.int32()),
        "date": [datetime(1997, 1, 1).date()],
        "n_cds": [1],
        "amount": [11.77],
    }
    pq.write_table(pa.table(table), tmp_path / "cdnow.parquet")
    assert ww.ingest(shop, tmp_path / "cdnow.parquet").files[0].format == "cdnow"
    assert events(shop, "customer_id", "local_ts", "amount") == [("1", "1997-01-01 00:00:00", 11.77)]


def test_chinese_export_in_gbk_with_closed_and_unpaid_orders(shop: Any, events: Any, refused: Any) -> None:
    file = ingested(shop, "taobao_gbk.csv")
    assert file["format"] == "taobao"
    assert refused(shop) == [(4, "never-paid")]
    assert events(shop, "customer_id", "kind", "item_id", "amount", "refund_of") == [
        ("小明", "order_line", "红色围巾", 128.5, None),
        ("张三李四", "order_line", "羽绒服", 1088.0, None),
        ("小明", "order_line", "袜子", 59.9, None),
        ("小明", "refund", "袜子", -59.9, "3003"),
    ]


def test_european_numbers_and_dates(tmp_path: Path, events: Any) -> None:
    shop = ww.create_shop(tmp_path / "european", currency="EUR", timezone="Europe/London", threads=1)
    ingested(shop, "european.csv")
    assert events(shop, "local_ts", "price", "amount", "refund_of") == [
        ("2023-01-31 00:00:00", 1249.5, 2499.0, None),
        ("2023-02-01 00:00:00", 19.9, 19.9, None),
        ("2023-02-02 00:00:00", 19.9, -19.9, None),
    ]


def test_utf16_with_tabs(shop: Any, events: Any) -> None:
    ingested(shop, "utf16.tsv")
    assert events(shop, "customer_id", "amount") == [("ä1", 10.5), ("b2", 20.0)]


def test_format_can_be_forced(shop: Any, write: Any, events: Any) -> None:
    path = write("Invoice,StockCode,Quantity,InvoiceDate,Price,Customer ID\nC1,POST,1,2011-01-31,5,a\n")
    assert ww.ingest(shop, path, format="online-retail").files[0].format == "online-retail"
    assert events(shop, "kind", "amount", "is_goods") == [("refund", -5.0, False)]


def test_every_format_says_what_it_is() -> None:
    assert list(FORMATS)[-1] == "orders"
    assert all(form.description and form.name == name for name, form in FORMATS.items())
