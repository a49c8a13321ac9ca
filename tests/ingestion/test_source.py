"""Files of any kind become one table of texts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.source import Source, lay_open

CSV = "customer,date,amount\na,2011-01-31,1.5\nb,2011-02-01,2\n"


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Path], tuple[Source, list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    """A file's source, its good rows, its torn ones."""

    def look(path: Path) -> tuple[Source, list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        con = duckdb.connect()
        scratch = tmp_path / f"scratch-{path.name}"
        scratch.mkdir()
        source = lay_open(con, path, scratch)
        good = con.execute("SELECT * EXCLUDE part FROM raw ORDER BY part, row").fetchall()
        return source, good, con.execute("SELECT row, content FROM torn ORDER BY row").fetchall()

    return look


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiter_is_told(write: Any, opened: Any, sign: str) -> None:
    source, rows, _ = opened(write(CSV.replace(",", sign)))
    assert source.columns == ("customer", "date", "amount")
    assert rows == [(1, "a", "2011-01-31", "1.5"), (2, "b", "2011-02-01", "2")]


def test_comma_within_quotes_and_over_lines_is_text(write: Any, opened: Any) -> None:
    _, rows, torn = opened(write('customer,note,amount\na,"x, y",1\nb,"two\nlines ""quoted""",2\n'))
    assert rows == [(1, "a", "x, y", "1"), (2, "b", 'two\nlines "quoted"', "2")]
    assert torn == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_text_is_read_in_every_usual_encoding(write: Any, opened: Any, encoding: str) -> None:
    text = "客户,日期,金额\n王小明,2011-01-31,1.5\n张三,2011-02-01,2\n"
    source, rows, _ = opened(write(text, encoding=encoding))
    assert source.columns == ("客户", "日期", "金额")
    assert [row[1] for row in rows] == ["王小明", "张三"]


def test_western_text_is_not_taken_for_chinese(write: Any, opened: Any) -> None:
    _, rows, _ = opened(write("customer,date,amount\nJosé Müller,2011-01-31,£5\n", encoding="cp1252"))
    assert rows[0][1:] == ("José Müller", "2011-01-31", "£5")


def test_sign_cut_in_half_makes_no_other_encoding_of_a_chinese_file(write: Any, opened: Any) -> None:
    text = "customer,date,amount,title\n" + "".join(f"顾客{n},2024-01-02,5,杯子\n" for n in range(9))
    path = write(text)
    content = text.encode("gb18030")
    cut = content.index("顾客5".encode("gb18030"))
    path.write_bytes(content[: cut + 1] + content[cut + 2 :])
    source, rows, _ = opened(path)
    assert [row[4] for row in rows] == ["杯子"] * 9
    others = [row[1] for row in rows if row[0] != 6]
    assert others == [f"顾客{n}" for n in range(9) if n != 5]
    assert source.notes == ("1 line has bytes that are no text, such as line 7: \ufffd stands for them",)


def test_stray_byte_in_a_line_of_utf8_costs_no_more_than_itself(write: Any, opened: Any) -> None:
    path = write("customer,date,amount,title\n")
    lines = [f"顾客{n},2024-01-02,5,杯子\n".encode() for n in range(3)]
    lines[1] = lines[1].replace("杯".encode(), "杯".encode() + b"\xe9")
    path.write_bytes(path.read_bytes() + b"".join(lines))
    source, rows, _ = opened(path)
    assert [(row[1], row[4]) for row in rows] == [("顾客0", "杯子"), ("顾客1", "杯\ufffd子"), ("顾客2", "杯子")]
    assert "such as line 3" in source.notes[0]


def test_packed_file_is_unpacked(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(CSV.encode()))
    assert len(opened(path)[1]) == 2


def test_windows_line_ends_and_missing_last_one(write: Any, opened: Any) -> None:
    _, rows, _ = opened(write(CSV.replace("\n", "\r\n").rstrip()))
    assert rows[-1] == (2, "b", "2011-02-01", "2")


def test_torn_lines_are_kept_apart_and_count_as_rows(write: Any, opened: Any) -> None:
    text = "a,b,c\n1,2,3\n4,5\n6,7,8\n9,9,9,9\n10,11,12\n"
    _, rows, torn = opened(write(text))
    assert rows == [(1, "1", "2", "3"), (3, "6", "7", "8"), (5, "10", "11", "12")]
    assert torn == [(2, "4,5"), (4, "9,9,9,9")]


def test_first_and_last_line_torn(write: Any, opened: Any) -> None:
    _, rows, torn = opened(write("a,b\n1\n2,3\n4,5\n6,7\n8,9\n10\n"))
    assert [row[0] for row in rows] == [2, 3, 4, 5]
    assert [row[0] for row in torn] == [1, 6]


def test_fields_parted_by_blanks_need_no_header(write: Any, opened: Any) -> None:
    lines = [f" {n:05d} 19970101  1   11.77" for n in range(1, 21)]
    lines[1] = " 00002 19970112"
    source, rows, torn = opened(write("\n".join(lines) + "\n"))
    assert source.by_blanks
    assert not source.has_header
    assert rows[:2] == [(1, "00001", "19970101", "1", "11.77"), (3, "00003", "19970101", "1", "11.77")]
    assert torn == [(2, " 00002 19970112")]


def test_file_without_header_has_numbered_columns(write: Any, opened: Any) -> None:
    source, rows, _ = opened(write("a,2011-01-31,1.5\nb,2011-02-01,2\n"))
    assert source.columns == ("column_1", "column_2", "column_3")
    assert len(rows) == 2


def test_parquet_is_read_as_text(tmp_path: Path, opened: Any) -> None:
    path = tmp_path / "odd [name]*.parquet"
    table = pa.table(
        {
            "id": pa.array([12345.0, None]),
            "when": pa.array([datetime(2011, 1, 31, 7, 45), None], pa.timestamp("us")),
            "price": [2.55, 0.1],
        }
    )
    pq.write_table(table, path)
    _, rows, _ = opened(path)
    assert rows == [(1, "12345.0", "2011-01-31 07:45:00", "2.55"), (2, None, None, "0.1")]


def test_sheets_of_one_header_are_parts_and_others_are_left_out(tmp_path: Path, opened: Any) -> None:
    book = openpyxl.Workbook()
    for name, day in (("2009", 1), ("2010", 2)):
        sheet = book.create_sheet(name)
        sheet.append(["Customer ID", "Date", "Price"])
        sheet.append([13085, datetime(2010, 1, day, 7, 45), 6.95])
        sheet.append([None, datetime(2010, 1, day), 2])
    book.create_sheet("notes").append(["something", "else"])
    book["notes"].append([1, 2])
    path = tmp_path / "orders.xlsx"
    book.save(path)
    source, rows, _ = opened(path)
    assert source.columns == ("Customer ID", "Date", "Price")
    assert rows[0] == (1, "13085", "2010-01-01 07:45:00", "6.95")
    assert [row[0] for row in rows] == [1, 2, 1, 2]
    assert rows[1][1] is None
    (note,) = source.notes
    assert note.startswith("sheet `notes` has other columns than `2009` and was left out; to read a sheet too, save it")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"%PDF-1.7\n1 0 obj",
        b"\x89PNG\r\n\x1a\n",
        b"PAR1" + b"\x00" * 20,
        b"PK\x03\x04" + b"\x00" * 20,
        b"\xd0\xcf\x11\xe0" + b"\x00" * 20,
        gzip.compress(b"a,b\n" * 1000)[:40],
        gzip.compress(b""),
        b"\x00\x01\x02\x03" * 9,
        b"just some words\nand more of them in a row\n",
    ],
    ids=["empty", "blank", "pdf", "png", "parquet", "zip", "xls", "gzip", "gzip-empty", "binary", "prose"],
)
def test_what_is_no_table_is_one_clear_error(tmp_path: Path, opened: Any, content: bytes) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        opened(path)
    assert caught.value.code == "bad-file"
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_missing_file_and_folder_are_told_apart(tmp_path: Path, opened: Any) -> None:
    with pytest.raises(InputError, match="no such file"):
        opened(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="folder"):
        opened(tmp_path)


def test_breaks_within_quotes_in_a_file_with_two_kinds_of_line_ends_are_no_broken_quotes(
    write: Any, opened: Any
) -> None:
    head, row = '"id","where","sum"\n', '"{n}","Main, {n}\nShop","1,100.25"\r\n'
    source, rows, torn = opened(write(head + "".join(row.format(n=n) for n in range(1, 9))))
    assert (len(rows), torn, source.notes) == (8, [], ())
    more = '2,"never closed,x\r\n' + "".join(f"{n},x,{n}\r\n" for n in range(3, 2000))
    source, rows, torn = opened(write(head + row.format(n=1) + more, "broken.csv"))
    assert (len(rows), len(torn)) == (1998, 1)
    assert source.notes == ("1 line has a quote that is opened and never closed: refused, and what comes after read",)


def test_titles_above_the_header_of_a_sheet_are_told(tmp_path: Path, opened: Any) -> None:
    book = openpyxl.Workbook()
    for row in (["Orders of January"], [], ["made on Monday"], ["Customer", "Date"], ["a", "2024-01-01"]):
        book.active.append(row)
    book.save(tmp_path / "title.xlsx")
    source, rows, _ = opened(tmp_path / "title.xlsx")
    assert rows == [(1, "a", "2024-01-01")]
    assert source.notes == ("rows above the header of sheet `Sheet`, taken for a title: 2",)


def summary_and_details(path: Path, header: list[str], first: str = "汇总") -> Path:
    book = openpyxl.Workbook()
    book.active.title = first
    for row in (["月份", "订单数", "客户数", "金额"], ["1月", 2, 2, 30]):
        book.active.append(row)
    sheet = book.create_sheet("明细")
    for row in (header, ["a", "2024-01-01", 10], ["b", "2024-01-02", 20]):
        sheet.append(row)
    book.save(path)
    return path


def test_sheet_that_says_who_bought_is_read_where_the_first_does_not(shop: Any, tmp_path: Path, events: Any) -> None:
    path = summary_and_details(tmp_path / "sum.xlsx", ["会员号", "日期", "金额"])
    [report] = ww.ingest(shop, path).files
    assert events(shop, "customer_id", "amount") == [("a", 10.0), ("b", 20.0)]
    assert any(note.startswith("sheet `汇总` has other columns than `明细`") for note in report.notes)


def test_mapping_tells_which_sheet_has_the_orders(shop: Any, tmp_path: Path, events: Any) -> None:
    path = summary_and_details(tmp_path / "sum.xlsx", ["谁", "日期", "金额"])
    ww.ingest(shop, path, mapping={"customer_id": "谁"})
    assert events(shop, "customer_id", "amount") == [("a", 10.0), ("b", 20.0)]


def test_workbook_without_customers_is_refused_by_sheet_and_names_the_others(shop: Any, tmp_path: Path) -> None:
    path = summary_and_details(tmp_path / "sum.xlsx", ["谁", "日期", "金额"])
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, path)
    assert caught.value.where.endswith("sum.xlsx, sheet `汇总`")
    assert "Of its other sheets (`明细`) save the one with the orders" in caught.value.remedy


def test_workbook_that_is_cut_off_is_said_to_be(tmp_path: Path, opened: Any) -> None:
    path = summary_and_details(tmp_path / "whole.xlsx", ["会员号", "日期", "金额"])
    half = tmp_path / "half.xlsx"
    half.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="it is cut off: its end is missing"):
        opened(half)


@pytest.mark.parametrize(
    ("text", "says"), [(CSV + "c,2011-02", True), (CSV + "c,2011-02\n", False), (CSV.rstrip("\n"), False)]
)
def test_file_that_ends_within_a_row_is_said_to(write: Any, opened: Any, text: str, says: bool) -> None:
    source, _, _ = opened(write(text))
    assert any("ends in the middle of its last row" in note for note in source.notes) == says
