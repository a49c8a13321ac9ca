"""Files become events: what is counted, refused, known, matched, kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from, snapshot_at
from worthwhile.ingestion import REASONS
from worthwhile.schema import TABLES
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table, writing
from worthwhile.tasks import Task

HEADER = "customer_id,order_date,order_id,sku,quantity,price\n"
GOOD = HEADER + "a,2011-01-31 10:00,o1,s1,2,1.50\nb,2011-02-01 11:00,o2,s2,1,20\n"


def one(report: Any) -> dict[str, Any]:
    (file,) = report.to_dict()["files"]
    return file


# ---- the same thing again -----------------------------------------------------------------------------------------


def test_same_file_twice_changes_no_byte(shop: Any, write: Any, state: Any) -> None:
    path = write(GOOD)
    assert ww.ingest(shop, path).events == 2
    before = state(shop)
    again = one(ww.ingest(shop, path))
    assert state(shop) == before
    assert again["seen_before"]
    assert again["events"] == 0


def test_same_file_under_another_name_changes_no_byte(shop: Any, write: Any, state: Any) -> None:
    ww.ingest(shop, write(GOOD))
    before = state(shop)
    ww.ingest(shop, write(GOOD, name="copy.csv"))
    assert state(shop) == before


def test_same_file_named_twice_in_one_call_counts_once(shop: Any, write: Any, events: Any) -> None:
    report = ww.ingest(shop, write(GOOD), write(GOOD, name="copy.csv"))
    assert report.events == 2
    assert len(events(shop, "event_id")) == 2


def test_overlapping_file_adds_what_is_new(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write(GOOD))
    more = one(ww.ingest(shop, write(GOOD + "b,2011-02-03,o3,s1,1,1.5\n", name="more.csv")))
    assert (more["rows"], more["events"], more["known"]) == (3, 1, 2)
    assert len(events(shop, "event_id")) == 3


def test_overlapping_files_in_one_call_add_each_event_once(shop: Any, write: Any, events: Any) -> None:
    both = ww.ingest(shop, write(GOOD), write(GOOD + "b,2011-02-03,o3,s1,1,1.5\n", name="more.csv"))
    assert [file.events for file in both.files] == [2, 1]
    assert len(events(shop, "event_id")) == 3


def test_equal_lines_of_one_file_are_two_events_and_stay_two(shop: Any, write: Any, events: Any) -> None:
    line = "a,2011-01-31,o1,s1,1,2\n"
    ww.ingest(shop, write(HEADER + line * 2))
    assert len(set(events(shop, "event_id"))) == 2
    third = one(ww.ingest(shop, write(HEADER + line * 3, name="more.csv")))
    assert (third["events"], third["known"]) == (1, 2)


def test_ids_do_not_depend_on_the_kind_of_file(shop: Any, write: Any, tmp_path: Path) -> None:
    ww.ingest(shop, write(GOOD))
    path = tmp_path / "orders.parquet"
    table = {
        "Customer": ["a", "b"],
        "Date": pa.array(["2011-01-31T10:00", "2011-02-01T11:00"]).cast(pa.timestamp("ms")),
        "Order ID": ["o1", "o2"],
        "SKU": ["s1", "s2"],
        "Qty": [2.0, 1.0],
        "Unit price": [1.5, 20.0],
    }
    pq.write_table(pa.table(table), path)
    assert one(ww.ingest(shop, path))["known"] == 2


def test_same_file_with_another_mapping_is_refused(shop: Any, write: Any, state: Any) -> None:
    path = write("customer,buyer,date,amount\na,x,2011-01-31,1\n")
    ww.ingest(shop, path)
    before = state(shop)
    with pytest.raises(InputError, match="already"):
        ww.ingest(shop, path, mapping={"customer_id": "buyer"})
    assert state(shop) == before


# ---- values -------------------------------------------------------------------------------------------------------


def test_amount_is_quantity_times_price_or_the_amount_given(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,quantity,price,amount\na,2011-01-01,3,2.55,\na,2011-01-02,3,2.55,7\n"))
    assert events(shop, "amount") == [(7.65,), (7.0,)]


def test_discount_is_taken_off_where_no_amount_is_given(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,quantity,price,discount\na,2011-01-01,2,10,-3\na,2011-01-02,2,10,\n"))
    assert events(shop, "amount", "discount") == [(17.0, 3.0), (20.0, None)]


def test_price_is_made_from_amount_and_quantity(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,quantity,amount\na,2011-01-01,4,10\na,2011-01-02,0,10\n"))
    assert events(shop, "price") == [(2.5,), (None,)]


def test_days_without_time_are_local_midnights(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,amount\na,2011-07-01,1\na,2011-01-01,1\n"))
    assert events(shop, "ts", "local_ts") == [
        ("2011-01-01 00:00:00+00", "2011-01-01 00:00:00"),
        ("2011-06-30 23:00:00+00", "2011-07-01 00:00:00"),
    ]


@pytest.mark.parametrize(
    ("text", "moment", "local"),
    [
        ("2011-07-01 12:00", "2011-07-01 11:00:00+00", "2011-07-01 12:00:00"),
        ("2011-07-01T12:00:00Z", "2011-07-01 12:00:00+00", "2011-07-01 13:00:00"),
        ("2011-07-01 12:00:00.250+08:00", "2011-07-01 04:00:00.25+00", "2011-07-01 05:00:00.25"),
        ("2011-07-01 12:00:00-0530", "2011-07-01 17:30:00+00", "2011-07-01 18:30:00"),
        ("31/07/2011 12:05 AM", "2011-07-30 23:05:00+00", "2011-07-31 00:05:00"),
        ("31/07/2011 12:05 pm", "2011-07-31 11:05:00+00", "2011-07-31 12:05:00"),
        ("7/31/2011 1:05:09 PM", "2011-07-31 12:05:09+00", "2011-07-31 13:05:09"),
        ("2011年7月1日 08:30", "2011-07-01 07:30:00+00", "2011-07-01 08:30:00"),
        ("20110701", "2011-06-30 23:00:00+00", "2011-07-01 00:00:00"),
        ("20110701123000", "2011-07-01 11:30:00+00", "2011-07-01 12:30:00"),
        ("40725.5", "2011-07-01 11:00:00+00", "2011-07-01 12:00:00"),
        ("1309521600", "2011-07-01 12:00:00+00", "2011-07-01 13:00:00"),
        ("1309521600000", "2011-07-01 12:00:00+00", "2011-07-01 13:00:00"),
        ("1 July 2011", "2011-06-30 23:00:00+00", "2011-07-01 00:00:00"),
    ],
)
def test_moments_are_read_in_every_usual_form(
    shop: Any, write: Any, events: Any, text: str, moment: str, local: str
) -> None:
    ww.ingest(shop, write(f"customer;date;amount\na;{text};1\n"))
    assert events(shop, "ts", "local_ts") == [(moment, local)]


def test_time_in_a_column_of_its_own_is_joined(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,time of day,amount\na,2011-01-01,18:30,1\n"))
    assert events(shop, "local_ts") == [("2011-01-01 18:30:00",)]


def test_date_format_given_settles_dates_and_is_kept(shop: Any, write: Any, events: Any) -> None:
    text = "customer,date,amount\na,{}/02/2011 08:00,1\n"
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write(text.format("01")))
    assert caught.value.code == "ambiguous-dates"
    ww.ingest(shop, write(text.format("01")), date_format="%d/%m/%Y")
    ww.ingest(ww.open_shop(shop.folder), write(text.format("03"), name="next.csv"))
    assert events(shop, "local_ts") == [("2011-02-01 08:00:00",), ("2011-02-03 08:00:00",)]


def test_sign_of_decimals_given_settles_thousands_and_is_kept(shop: Any, write: Any, events: Any) -> None:
    text = "customer;date;amount\na;2020-01-{};1.299 £\n"
    with pytest.raises(InputError, match="--decimal") as caught:
        ww.ingest(shop, write(text.format("01")))
    assert caught.value.code == "ambiguous-numbers"
    ww.ingest(shop, write(text.format("01")), decimal=",")
    ww.ingest(ww.open_shop(shop.folder), write(text.format("02"), "later.csv"))
    assert events(shop, "amount") == [(1299.0,), (1299.0,)]
    with pytest.raises(InputError, match="--decimal"):
        ww.ingest(shop, write(text), decimal=";")


def test_date_format_may_speak_of_the_time_too(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,amount\na,01.02.11 at 8h05,1\n"), date_format="%d.%m.%y at %Hh%M")
    assert events(shop, "local_ts") == [("2011-02-01 08:05:00",)]


def test_doubt_about_the_dates_of_another_column_names_it_and_the_format_given_settles_it(
    shop: Any, write: Any, events: Any
) -> None:
    orders = write("customer,date,amount,refunded_at\na,2024-01-02,5,03/04/2024\nb,2024-01-13T10:00:00Z,5,\n")
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, orders)
    assert caught.value.code == "ambiguous-dates" and caught.value.where.endswith("column `refunded_at`")
    ww.ingest(shop, orders, date_format="%d/%m/%Y")
    assert events(shop, "local_ts", "amount") == [
        ("2024-01-02 00:00:00", 5.0),
        ("2024-01-13 10:00:00", 5.0),
        ("2024-04-03 00:00:00", -5.0),
    ]


def test_doubt_about_two_columns_names_both(shop: Any, write: Any) -> None:
    orders = write("customer,date,amount,refunded_at\na,02/01/2024,5,03/04/2024\n")
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, orders)
    assert caught.value.where.endswith("columns `date`, `refunded_at`")


@pytest.mark.parametrize(
    ("date_format", "text", "day"),
    [
        ("%d/%m/%Y", "2024-05-01", "2024-05-01 00:00:00"),
        ("%d.%m.%Y %H:%M", "2024-05-01 08:30", "2024-05-01 08:30:00"),
        ("%Y-%d-%m", "2024-05-01", "2024-01-05 00:00:00"),
        ("%Y-%d-%m %H:%M", "2024-05-01 08:30", "2024-01-05 08:30:00"),
    ],
)
def test_iso_dates_are_read_beside_a_format_that_does_not_speak_of_them(
    shop: Any, write: Any, events: Any, date_format: str, text: str, day: str
) -> None:
    ww.ingest(shop, write(f"customer,date,amount\na,{text},1\n"), date_format=date_format)
    assert events(shop, "local_ts") == [(day,)]


def test_ids_of_float_columns_lose_their_point(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,order id,amount\n12345.0,2011-01-01,77.0,1\n0012,2011-01-02,A.0,1\n"))
    assert events(shop, "customer_id", "order_id") == [("12345", "77"), ("0012", "A.0")]


def test_namibia_is_a_country(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,amount,country\na,2011-01-01,1,NA\nb,2011-01-02,1,\n"))
    assert events(shop, "country") == [("NA",), (None,)]


def test_file_without_amounts_counts_each_row_as_one_and_says_so(shop: Any, write: Any, events: Any) -> None:
    report = one(ww.ingest(shop, write("cust,date\na,2011-01-01\nb,2011-01-02\n")))
    assert events(shop, "amount") == [(1.0,), (1.0,)]
    assert report["notes"] == ["no amounts: every order counts as 1"]


def test_title_stands_for_an_item_without_a_number(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,amount,product\na,2011-01-01,1,Red scarf\n"))
    assert events(shop, "item_id") == [("Red scarf",)]


# ---- refunds ------------------------------------------------------------------------------------------------------


def test_negative_amount_or_quantity_is_a_refund(shop: Any, write: Any, events: Any) -> None:
    rows = "a,2011-01-01,o1,s,5,2\na,2011-01-02,r1,s,-2,2\na,2011-01-03,r2,s,1,-2\n"
    report = one(ww.ingest(shop, write(HEADER + rows)))
    assert events(shop, "kind", "quantity", "price", "amount", "refund_of") == [
        ("order_line", 5.0, 2.0, 10.0, None),
        ("refund", -2.0, 2.0, -4.0, "o1"),
        ("refund", -1.0, 2.0, -2.0, "o1"),
    ]
    assert report["refunds_matched"] == 2


@pytest.mark.parametrize("status", ["Refunded", "cancelled", "已退款", "交易关闭"])
def test_refunded_order_is_a_line_and_its_refund(shop: Any, write: Any, events: Any, status: str) -> None:
    text = f"customer,date,order id,amount,status\na,2011-01-01,o1,5,{status}\na,2011-01-02,o2,6,paid\n"
    report = one(ww.ingest(shop, write(text)))
    assert events(shop, "kind", "amount", "refund_of") == [
        ("order_line", 5.0, None),
        ("refund", -5.0, "o1"),
        ("order_line", 6.0, None),
    ]
    assert (report["rows"], report["paired"], report["events"]) == (2, 1, 3)


def test_order_refunded_in_a_later_export_gets_its_refund_only(shop: Any, write: Any, events: Any) -> None:
    text = "customer,date,order id,amount,status\na,2011-01-01,o1,5,{}\n"
    ww.ingest(shop, write(text.format("paid")))
    later = one(ww.ingest(shop, write(text.format("refunded"), name="later.csv")))
    assert (later["events"], later["known"]) == (1, 1)
    assert events(shop, "kind", "amount") == [("order_line", 5.0), ("refund", -5.0)]


def test_row_of_type_refund_is_a_refund_alone(shop: Any, write: Any, events: Any) -> None:
    text = "customer,date,order id,amount,type\na,2011-01-01,o1,5,sale\na,2011-01-02,o1,5,refund\n"
    ww.ingest(shop, write(text))
    assert events(shop, "kind", "amount", "refund_of") == [("order_line", 5.0, None), ("refund", -5.0, "o1")]


def test_refund_in_a_later_file_finds_its_order_in_the_log(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write(HEADER + "a,2011-01-01,o1,s,5,2\n"))
    ww.ingest(shop, write(HEADER + "a,2011-01-05,r1,s,-5,2\n", name="later.csv"))
    assert events(shop, "refund_of") == [(None,), ("o1",)]


def test_orders_never_paid_are_refused(shop: Any, write: Any, refused: Any) -> None:
    ww.ingest(shop, write("customer,date,amount,状态\na,2011-01-01,5,待付款\na,2011-01-02,6,已完成\n"))
    assert refused(shop) == [(1, "never-paid")]


def test_unknown_status_is_named_and_taken_for_an_order(shop: Any, write: Any) -> None:
    report = one(ww.ingest(shop, write("customer,date,amount,status\na,2011-01-01,5,zork\n")))
    assert report["events"] == 1
    assert "zork" in report["notes"][0]


# ---- rows refused -------------------------------------------------------------------------------------------------


def test_every_row_is_an_event_or_in_quarantine_with_its_reason(shop: Any, write: Any, refused: Any) -> None:
    rows = [
        ("a,2011-01-31,o1,s1,2,1.5", None),
        (",2011-01-31,o1,s1,2,1.5", "no-customer"),
        ("nan,2011-01-31,o1,s1,2,1.5", "no-customer"),
        ("a,,o1,s1,2,1.5", "no-date"),
        ("a,soon,o1,s1,2,1.5", "bad-date"),
        ("a,2011-02-30,o1,s1,2,1.5", "bad-date"),
        ("a,1931-01-01,o1,s1,2,1.5", "impossible-date"),
        ("a,2111-01-01,o1,s1,2,1.5", "impossible-date"),
        ("a,2011-01-31,o1,s1,two,1.5", "bad-number"),
        ("a,2011-01-31,o1,s1,2,", "no-amount"),
        (",,,,,", "empty-row"),
        ("a,2011-01-31,o1", "torn-line"),
        ("a,2011-01-31,o1,s1,2,1.5,7,8", "torn-line"),
        ("b,2011-01-31,o1,s1,2,1.5", None),
    ]
    report = one(ww.ingest(shop, write(HEADER + "\n".join(text for text, _ in rows) + "\n")))
    assert refused(shop) == [(row, reason) for row, (_, reason) in enumerate(rows, 1) if reason]
    assert report["rows"] == len(rows) == report["events"] + sum(report["refused"].values())
    assert set(report["refused"]) <= set(REASONS)


def test_refused_row_is_kept_whole_with_its_file(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(GOOD + 'a,soon,"o,1",s1,2,1.5\na,b\n', name="jan.csv"))
    first, second = read_table(shop, "quarantine").sort_by("row").to_pylist()
    assert (first["file"], first["row"], first["detail"]) == ("jan.csv", 3, "the date is soon")
    assert json.loads(first["content"]) == {
        "customer_id": "a",
        "order_date": "soon",
        "order_id": "o,1",
        "sku": "s1",
        "quantity": "2",
        "price": "1.5",
    }
    assert json.loads(second["content"]) == {"line": "a,b"}


def test_every_reason_has_a_meaning() -> None:
    assert all(meaning for meaning in REASONS.values())


# ---- files that are no order files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad-file"),
        ("%PDF-1.4 and so on", "bad-file"),
        ("customer,date,amount\n", "bad-file"),
        ("date,amount\n2011-01-01,1\n", "bad-columns"),
        ("customer,amount\na,1\n", "bad-columns"),
        ("customer,date,amount\n,2011-01-01,1\n", "bad-values"),
        ("customer,date,amount\na,yesterday,1\n", "bad-values"),
        ("customer,date,amount\na,2011-01-01,much\n", "bad-values"),
        ("customer,date,amount\na,01/02/2011,1\n", "ambiguous-dates"),
    ],
)
def test_file_that_is_no_order_file_leaves_the_shop_as_it_was(
    shop: Any, write: Any, state: Any, text: str, code: str
) -> None:
    for before_it in ((), (write(GOOD, name="good.csv"),)):
        if before_it:
            ww.ingest(shop, *before_it)
        before = state(shop)
        with pytest.raises(InputError) as caught:
            ww.ingest(shop, write(text, name="bad.csv"))
        assert caught.value.code == code
        assert "bad.csv" in caught.value.where
        assert caught.value.remedy
        assert state(shop) == before


def test_bad_file_among_good_ones_keeps_all_out(shop: Any, write: Any, state: Any) -> None:
    before = state(shop)
    with pytest.raises(InputError):
        ww.ingest(shop, write(GOOD), write("x", name="bad.csv"))
    assert state(shop) == before


def test_no_file_and_unknown_format_are_bad_arguments(shop: Any, write: Any) -> None:
    for arguments in (((), {}), ((write(GOOD),), {"format": "zork"})):
        with pytest.raises(InputError) as caught:
            ww.ingest(shop, *arguments[0], **arguments[1])
        assert caught.value.code == "bad-argument"


# ---- what is kept -------------------------------------------------------------------------------------------------


def test_mapping_given_is_kept_and_used_next_time(shop: Any, write: Any, events: Any) -> None:
    text = "customer,buyer,date,amount\nx,{},2011-01-01,1\n"
    ww.ingest(shop, write(text.format("a")), mapping={"customer_id": "buyer"})
    shop = ww.open_shop(shop.folder)
    assert shop.settings["ingest.columns"] == {"customer_id": "buyer"}
    report = one(ww.ingest(shop, write(text.format("b"), name="next.csv")))
    assert events(shop, "customer_id") == [("a",), ("b",)]
    assert report["how"]["customer_id"] == "kept"


def test_format_of_dates_kept_from_an_earlier_file_is_named_where_it_is_at_fault(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("customer,date,amount\na,03/04/2020,1\n"), date_format="%d/%m/%Y")
    shop = ww.open_shop(shop.folder)
    words = write("customer,date,amount\na,6 April 2020,1\n", "words.csv")
    with pytest.raises(InputError, match=r"worth settings SHOP ingest\.date_format=`"):
        ww.ingest(shop, words)
    both = write("customer,date,amount\na,5 April 2020,1\na,05/04/2020,1\n", "both.csv")
    assert "kept in shop.toml" in " ".join(ww.ingest(shop, both).files[0].notes)
    assert ww.ingest(ww.change_settings(shop, {"ingest.date_format": ""}), words).events == 1


def test_mapping_kept_is_named_where_it_is_at_fault_or_a_column_has_the_fields_name(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("Member,date,amount\na,2020-01-01,1\n"), mapping={"customer_id": "Member"})
    shop = ww.open_shop(shop.folder)
    both = write("customer_id,Member,date,amount\na,b,2020-01-01,1\n", "both.csv")
    (file,) = ww.ingest(shop, both).files
    assert file.mapping["customer_id"] == "Member"
    assert any("not from `customer_id`; --map customer_id=customer_id" in note for note in file.notes)
    with pytest.raises(InputError, match=r"worth settings SHOP ingest\.columns\.customer_id=`"):
        ww.ingest(shop, write("customer_id,Member,date,amount\na,,2020-01-01,1\n", "other.csv"))


def test_mapping_of_a_file_that_fails_is_not_kept(shop: Any, write: Any) -> None:
    with pytest.raises(InputError):
        ww.ingest(shop, write("x,date\na,soon\n"), mapping={"customer_id": "x"})
    assert ww.open_shop(shop.folder).settings["ingest.columns"] == {}


def test_items_and_customers_are_brought_up_to_date(shop: Any, write: Any) -> None:
    header = "customer,date,sku,title,category,price,country\n"
    ww.ingest(
        shop,
        write(
            header
            + "a,2011-01-01,s1,Mug,kitchen,2,UK\na,2011-01-02,s1,Mug,kitchen,3,UK\na,2011-01-03,s1,MUG,kitchen,2.5,UK\n"
        ),
    )
    ww.ingest(shop, write(header + "a,2011-02-01,s2,Lamp,,9,France\nb,2011-01-01,s1,,,1,\n", name="next.csv"))
    items = {row["item_id"]: row for row in read_table(shop, "items").to_pylist()}
    assert (items["s1"]["title"], items["s1"]["category"], items["s1"]["price"]) == ("Mug", "kitchen", 2.5)
    assert items["s2"]["title"] == "Lamp"
    customers = {row["customer_id"]: row["country"] for row in read_table(shop, "customers").to_pylist()}
    assert customers == {"a": "France", "b": None}


def test_a_category_is_known_from_the_first_event_that_tells_it_in_whatever_order_files_come(
    shop: Any, write: Any
) -> None:
    def known() -> list[tuple[Any, ...]]:
        rows = read_table(shop, "item_categories").to_pylist()
        return [(row["item_id"], row["category"], row["since"].isoformat()[:10]) for row in rows]

    header = "customer,date,sku,category,price\n"
    ww.ingest(shop, write(header + "a,2020-01-01,s1,,2\na,2020-01-05,s2,,2\n"))
    assert known() == []
    ww.ingest(
        shop,
        write(
            header + "a,2020-07-02 12:00,s1,cups,2\na,2020-07-01 12:00,s1,mugs,2\na,2020-07-03 12:00,s1,mugs,2\n",
            "b.csv",
        ),
    )
    assert known() == [("s1", "cups", "2020-07-02"), ("s1", "mugs", "2020-07-01")]
    ww.ingest(shop, write(header + "b,2020-03-01 12:00,s1,cups,2\n", "c.csv"))
    assert known() == [("s1", "cups", "2020-03-01"), ("s1", "mugs", "2020-07-01")]


def test_categories_of_a_later_file_change_no_feature_of_before(shop: Any, write: Any) -> None:
    def features() -> bytes:
        with open_log(shop) as log:
            return snapshot_at(
                log, Task.of("30d"), cutoff_from("2020-06-20", log.zone), outcome=False
            ).features.tobytes()

    header = "customer,date,sku,category,price\n"
    early = "".join(f"c{n},2020-0{1 + n % 5}-1{n % 9},s{n % 4},,{n}\n" for n in range(40))
    ww.ingest(shop, write(header + early))
    before = features()
    later = "".join(f"c{n},2020-07-0{1 + n},s{n % 4},tea{n % 2},3\n" for n in range(8))
    ww.ingest(shop, write(header + later, name="later.csv"))
    assert features() == before


def test_ledger_has_one_row_a_file_that_adds_up(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(GOOD + "a,soon,o,s,1,1\n"))
    (batch,) = read_table(shop, "batches").to_pylist()
    assert (batch["rows"], batch["events"], batch["known"], batch["refused"]) == (3, 2, 0, 1)
    assert batch["format"] == "orders"
    assert json.loads(batch["mapping"])["ts"] == "order_date"
    assert set(read_table(shop, "events")["batch_id"].to_pylist()) == {batch["batch_id"]}


def test_nothing_but_tables_and_settings_is_left_behind(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(GOOD))
    assert sorted(path.name for path in shop.folder.iterdir()) == ["shop.toml", "tables"]
    assert {path.name for path in (shop.folder / "tables").iterdir()} <= set(TABLES)


def test_ingest_after_a_crash_heals_the_shop(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write(GOOD))
    with writing(shop) as change:  # a writer that dies before its commit
        change.append("events", read_table(shop, "events"))
    ww.ingest(shop, write(GOOD + "c,2011-03-01,o9,s1,1,1\n", name="more.csv"))
    assert events(shop, "customer_id") == [("a",), ("b",), ("c",)]


def test_second_ingest_at_a_time_is_told_that_the_shop_is_busy(shop: Any, write: Any) -> None:
    with writing(shop), pytest.raises(InputError) as caught:
        ww.ingest(shop, write(GOOD), wait=0)
    assert caught.value.code == "shop-busy"


def test_progress_goes_up_to_one(shop: Any, write: Any) -> None:
    seen: list[float] = []
    ww.ingest(shop, write(GOOD), progress=lambda text, share: seen.append(share))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_column_of_currencies_may_hold_signs_and_signs_in_amounts_must_agree(
    shop: Any, write: Any, events: Any, refused: Any
) -> None:
    rows = ["£,£5.00", "gbp,6.00", "GBP,€7.00", "EUR,£8.00", "€,9.00", ",€10.00", ",£11.00"]
    text = "customer,date,currency,amount\n" + "".join(f"a,2020-01-0{k},{row}\n" for k, row in enumerate(rows, 1))
    ww.ingest(shop, write(text))
    assert events(shop, "amount") == [(5.0,), (6.0,), (11.0,)]
    assert refused(shop) == [(row, "other-currency") for row in (3, 4, 5, 6)]


@pytest.mark.parametrize(
    "above",
    ["sep=;\n", '"sep=;"\r\n', "Orders of 2024\n\n", "Orders of 2024;;\n;;\n", "made on\nMonday\n\n", "\ufeffsep=;\n"],
)
def test_what_stands_above_the_header_of_a_text_is_passed_over(
    shop: Any, write: Any, events: Any, refused: Any, above: str
) -> None:
    rows = [f"c{day};2024-01-{day};{day},50\n" for day in range(10, 30)]
    ww.ingest(shop, write(above + "customer;date;amount\n" + "".join([*rows[:5], "c;2024-01-09\n", *rows[5:]])))
    assert events(shop, "customer_id", "amount") == [(f"c{day}", day + 0.5) for day in range(10, 30)]
    assert refused(shop) == [(6, "torn-line")]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024/1/5 下午 3:20", "2024-01-05 15:20"),
        ("2024/1/5 上午12:05", "2024-01-05 00:05"),
        ("2024-01-05 10:00 GMT+8", "2024-01-05 02:00"),
        ("2024-01-05 10:00:00 UTC-03:30", "2024-01-05 13:30"),
        ("2024-01-05 10:00 GMT+0530", "2024-01-05 04:30"),
        ("2024-01-05 10:00 EST", "2024-01-05 15:00"),
        ("2024-01-05 10:00 JST", "2024-01-05 01:00"),
        ("2024-01-05 10:00 GMT", "2024-01-05 10:00"),
    ],
)
def test_zones_by_name_and_halves_of_the_day_are_read(
    shop: Any, write: Any, events: Any, text: str, moment: str
) -> None:
    ww.ingest(shop, write(f"customer,date,amount\na,{text},1\n"))
    assert events(shop, "ts") == [(f"{moment}:00+00",)]


def test_zone_of_two_meanings_is_not_guessed(shop: Any, write: Any, refused: Any) -> None:
    ww.ingest(shop, write("customer,date,amount\na,2024-01-05 10:00 CST,1\na,2024-01-05 10:00,1\n"))
    assert refused(shop) == [(1, "bad-date")]


def test_refused_rows_that_come_again_stand_in_quarantine_once_as_of_the_last_file(shop: Any, write: Any) -> None:
    row = "b,2024-99-02,5\n"
    ww.ingest(shop, write(f"customer,date,amount\na,2024-01-02,5\n{row}c,soon,5\n", "a.csv"))
    (again,) = ww.ingest(
        shop, write(f"customer,date,amount\na,2024-01-02,5\n{row}{row}d,2024-01-03,5\n", "b.csv")
    ).files
    assert (again.rows, again.events, again.known, dict(again.refused)) == (4, 1, 1, {"bad-date": 2})
    held = read_table(shop, "quarantine").to_pylist()
    assert sorted((r["file"], r["row"]) for r in held) == [("a.csv", 3), ("b.csv", 2), ("b.csv", 3)]
    ww.ingest(shop, write(f"customer,date,amount\na,2024-01-02,5\n{row}", "c.csv"))
    assert read_table(shop, "quarantine").num_rows == 3


def test_options_given_with_a_file_that_is_in_the_shop_already_are_not_kept(shop: Any, write: Any) -> None:
    orders = write("customer,date,amount\na,2024-01-02,5\n")
    ww.ingest(shop, orders)
    before = (shop.folder / "shop.toml").read_bytes()
    assert ww.ingest(shop, orders, date_format="%d/%m/%Y", decimal=",").files[0].seen_before
    assert (shop.folder / "shop.toml").read_bytes() == before


def test_mapping_in_the_settings_of_a_column_that_there_is_not_is_named(shop: Any, write: Any) -> None:
    shop = ww.change_settings(shop, {"ingest.columns": {"foo": "Buyer"}})
    with pytest.raises(InputError, match="`foo` is no event column") as caught:
        ww.ingest(shop, write("customer,date,amount\na,2024-01-02,5\n"))
    assert caught.value.where.endswith("shop.toml, ingest.columns")
