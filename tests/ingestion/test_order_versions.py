"""An order that changes after it was read: the later version takes the earlier one's place, whatever comes first."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from openpyxl import Workbook

import worthwhile as ww
from worthwhile.store.tables import read_table

HEAD = "order_no,customer_id,date,sku,quantity,price,updated_at\n"
FIRST = HEAD + "1,a,2024-01-01,M,1,5,2024-01-01 10:00:00\n1,a,2024-01-01,P,1,9,2024-01-01 10:00:00\n"
SECOND = HEAD + "1,a,2024-01-01,M,3,5,2024-01-02 10:00:00\n2,b,2024-01-02,M,1,5,2024-01-02 11:00:00\n"
THIRD = HEAD + "1,a,2024-01-01,M,3,5,2024-01-03 10:00:00\n1,a,2024-01-01,P,2,9,2024-01-03 10:00:00\n"
LAST = [("1", "M", 15.0), ("1", "P", 18.0), ("2", "M", 5.0)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_latest_version_stands_in_whatever_order_files_come(
    shop: Any, write: Any, events: Any, order: tuple[int, ...]
) -> None:
    texts = (FIRST, SECOND, THIRD)
    for place in order:
        ww.ingest(shop, write(texts[place], f"{place}.csv"), mapping={"updated_at": "updated_at"})
    assert sorted(events(shop, "order_id", "item_id", "amount")) == LAST


def test_lines_of_one_version_may_come_in_two_files(shop: Any, write: Any, events: Any) -> None:
    head, *lines = THIRD.splitlines(keepends=True)
    for name, line in zip("ab", lines, strict=True):
        ww.ingest(shop, write(head + line, f"{name}.csv"), mapping={"updated_at": "updated_at"})
    assert sorted(events(shop, "order_id", "item_id", "amount")) == LAST[:2]


def test_versions_within_one_file_and_how_many_events_were_replaced(shop: Any, write: Any, events: Any) -> None:
    both = FIRST + "".join(THIRD.splitlines(keepends=True)[1:])
    (file,) = ww.ingest(shop, write(both), mapping={"updated_at": "updated_at"}).files
    assert (file.events, file.known, file.superseded, file.replaced) == (2, 0, 2, 0)
    later = THIRD.replace("2024-01-03", "2024-01-04").replace("P,2", "P,4")
    (file,) = ww.ingest(shop, write(later, "later.csv"), mapping={"updated_at": "updated_at"}).files
    assert (file.events, file.replaced) == (2, 2)
    assert sorted(events(shop, "item_id", "amount")) == [("M", 15.0), ("P", 36.0)]
    assert set(read_table(shop, "events")["batch_id"].to_pylist()) == {file.batch_id}


def test_an_order_that_is_exported_anew_is_replaced_whole(shop: Any, write: Any, events: Any) -> None:
    """Shopify's exports tell no version, but hold all lines of an order."""
    head = (
        "Name,Email,Financial Status,Paid at,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price"
    )
    paid = "2024-01-01 10:00:00 +0000"
    first = f"{head},Refunded Amount\n#1,a@x.example,paid,{paid},GBP,20,{paid},2,Mug,10,0\n"
    second = first.replace("paid,", "partially_refunded,").replace(",10,0\n", ",10,10\n")
    third = second.replace(",10,10\n", ",10,15\n")
    for name, text in (("1", first), ("2", second), ("3", third), ("again", third + "\n")):
        ww.ingest(shop, write(text, f"{name}.csv"))
    assert sorted(events(shop, "kind", "amount")) == [("order_line", 20.0), ("refund", -15.0)]


def test_two_shops_that_use_the_same_numbers_do_not_replace_each_others_orders(
    shop: Any, write: Any, events: Any
) -> None:
    there = THIRD.replace(",a,", ",z,").replace("2024-01-01", "2024-02-01")
    for name, text in (("here", FIRST), ("there", there), ("here again", THIRD), ("both", FIRST + there[len(HEAD) :])):
        ww.ingest(shop, write(text, f"{name}.csv"), mapping={"updated_at": "updated_at"})
    assert sorted(events(shop, "customer_id", "item_id", "amount")) == [
        ("a", "M", 15.0), ("a", "P", 18.0), ("z", "M", 15.0), ("z", "P", 18.0),
    ]  # fmt: skip


def test_an_order_that_was_moved_to_another_customer_is_the_same_order(shop: Any, write: Any, events: Any) -> None:
    moved = THIRD.replace(",a,", ",account,")
    for name, text in (("1", FIRST), ("2", moved), ("late", FIRST.replace("10:00", "11:00"))):
        ww.ingest(shop, write(text, f"{name}.csv"), mapping={"updated_at": "updated_at"})
    assert sorted(events(shop, "customer_id", "item_id", "amount")) == [
        ("account", "M", 15.0), ("account", "P", 18.0),
    ]  # fmt: skip


def test_a_refund_gives_back_the_order_of_its_own_customer_where_numbers_are_used_twice(
    shop: Any, write: Any, events: Any
) -> None:
    text = "customer_id,date,order_no,amount,type\na,2024-01-01,1,20,order\nb,2024-01-01,1,7,order\n"
    ww.ingest(shop, write(text + "b,2024-01-05,1,,refund\n"))
    assert [row for row in events(shop, "customer_id", "kind", "amount") if row[1] == "refund"] == [
        ("b", "refund", -7.0)
    ]


def test_a_refund_without_an_amount_is_as_large_as_what_is_left_of_its_order(
    shop: Any, write: Any, events: Any
) -> None:
    ww.ingest(shop, write("customer_id,date,order_no,amount\na,2024-01-01,1,20\na,2024-01-01,1,5\nb,2024-01-02,2,7\n"))
    head = "customer_id,date,order_no,amount,type\n"
    text = head + "a,2024-01-05,1,-4,refund\nb,2024-01-06,2,,refund\nc,2024-01-06,9,,refund\n"
    ww.ingest(shop, write(text, "refunds.csv"))
    ww.ingest(shop, write(head + "a,2024-01-09,1,,refund\n", "rest.csv"))
    assert [row for row in events(shop, "order_id", "kind", "amount") if row[1] == "refund"] == [
        ("1", "refund", -4.0),
        ("2", "refund", -7.0),
        ("9", "refund", 0.0),
        ("1", "refund", -21.0),
    ]


@pytest.mark.parametrize("first", ["order", "refund"])
def test_a_refund_without_an_amount_waits_for_its_order(shop: Any, write: Any, events: Any, first: str) -> None:
    texts = {
        "order": "customer_id,date,order_no,sku,amount,type\na,2024-01-02,1,M,50,sale\n",
        "refund": "customer_id,date,order_no,type\na,2024-01-05,1,refund\n",
        "more": "customer_id,date,order_no,sku,amount,type\na,2024-01-02,1,P,7,sale\na,2024-01-09,1,P,-3,sale\n",
    }
    for name in sorted(texts, key=lambda name: (name != first, name == "more", name)):
        ww.ingest(shop, write(texts[name], f"{name}.csv"))
    assert events(shop, "kind", "amount", "refund_of") == [
        ("order_line", 7.0, None),
        ("order_line", 50.0, None),
        ("refund", -54.0, "1"),
        ("refund", -3.0, "1"),
    ]


def test_refunds_without_amounts_give_back_each_item_once(shop: Any, write: Any, events: Any) -> None:
    head = "customer_id,date,order_no,sku,amount,type\n"
    ww.ingest(shop, write(head + "a,2024-01-02,1,M,50,sale\na,2024-01-02,1,P,7,sale\na,2024-01-02,1,Q,2,sale\n"))
    text = head + "a,2024-01-05,1,M,,refund\na,2024-01-05,1,P,,refund\na,2024-01-06,1,P,,refund\n"
    ww.ingest(shop, write(text + "a,2024-01-07,1,,,refund\na,2024-01-08,1,,,refund\n", "refunds.csv"))
    assert [amount for kind, amount in events(shop, "kind", "amount") if kind == "refund"] == [-50, -7, 0, -2, 0]


def test_an_older_export_that_comes_later_does_not_undo_a_refund(shop: Any, write: Any, events: Any) -> None:
    head = "ID,Purchase Point,Purchase Date,Grand Total (Purchased),Status,Customer Email,Total Refunded\n"
    older = head + "1,shop,2024-01-05 10:00:00,20,processing,a@x.example,0\n"
    for name, text in (("new", older.replace("processing,a@x.example,0", "complete,a@x.example,8")), ("old", older)):
        (file,) = ww.ingest(shop, write(text, f"{name}.csv")).files
    assert (file.events, file.known, file.superseded, file.replaced) == (0, 0, 1, 0)
    assert any("gave way to later ones" in note for note in file.notes)
    assert events(shop, "kind", "amount") == [("order_line", 20.0), ("refund", -8.0)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_later_version_that_was_never_paid_takes_the_order_out(
    shop: Any, write: Any, events: Any, refused: Any, turned: bool
) -> None:
    head = "order_no,customer_id,date,amount,status,updated_at\n"
    paid = head + "1,a,2024-01-01,5,paid,2024-01-01 10:00:00\n2,b,2024-01-01,6,paid,2024-01-01 10:00:00\n"
    failed = paid.replace("5,paid,2024-01-01", "5,failed,2024-01-02")
    refund = "order_no,customer_id,date,type\n1,a,2024-01-05,refund\n"
    for name, text in enumerate((failed, refund, paid) if turned else (paid, refund, failed)):
        ww.ingest(shop, write(text, f"{name}.csv"), mapping={"updated_at": "" if text == refund else "updated_at"})
    assert refused(shop) == [(1, "never-paid")]
    assert events(shop, "order_id", "kind", "amount", "refund_of") == [
        ("2", "order_line", 6.0, None), ("1", "refund", 0.0, None),
    ]  # fmt: skip
    again = failed.replace("failed,2024-01-02", "paid,2024-01-03")
    ww.ingest(shop, write(again, "again.csv"), mapping={"updated_at": "updated_at"})
    assert sorted(events(shop, "order_id", "amount")) == [("1", -5.0), ("1", 5.0), ("2", 6.0)]


def test_an_order_that_comes_again_changed_is_told_each_time_and_by_the_check(shop: Any, write: Any) -> None:
    """Where a column that may say which version counts is not read, both stand."""
    for day in (1, 2, 3):
        text = f"order_no,customer_id,date,sku,quantity,price,updated_at\n1,a,2024-01-01,M,{day},5,2024-01-0{day}\n"
        (file,) = ww.ingest(shop, write(text + "2,b,2024-01-01,M,1,5,2024-01-01\n", f"{day}.csv")).files
        assert any("may count twice" in note for note in file.notes) == (day > 1)
    found = {finding.code: finding for finding in ww.check(shop)}["changed-orders"]
    assert (found.severity, found.count, found.facts["amount"]) == ("serious", 1, 30.0)
    assert found.shown_examples() == ("1, a",)


def test_a_column_that_may_tell_versions_is_named_and_not_taken_by_itself(shop: Any, write: Any, events: Any) -> None:
    """Of lines with a time of change each it would leave the latest line alone."""
    (file,) = ww.ingest(shop, write(THIRD.replace("2024-01-03 10:00:00\n1", "2024-01-02 10:00:00\n1"))).files
    assert any("--map updated_at=updated_at" in note for note in file.notes)
    assert len(events(shop, "item_id")) == 2


BOTH = (
    "order_no,customer_id,date,sku,quantity,price,changed\n1,a,2024-01-01,M,1,5,2024-01-01\n"
    "1,a,2024-01-01,M,1,5,2024-01-02\n1,a,2024-01-01,P,1,7,2024-01-02\n"
)


def test_a_line_that_two_versions_in_one_file_share_stands_once(shop: Any, write: Any, events: Any) -> None:
    head, _, *last = BOTH.splitlines(keepends=True)
    for name, text in (("both", BOTH), ("last", head + "".join(last)), ("again", BOTH + "\n")):
        ww.ingest(shop, write(text, f"{name}.csv"), mapping={"updated_at": "changed"})
    assert sorted(events(shop, "item_id", "amount")) == [("M", 5.0), ("P", 7.0)]


def test_sheets_of_a_workbook_may_hold_a_version_each(shop: Any, tmp_path: Any, events: Any) -> None:
    head, *lines = (line.split(",") for line in BOTH.splitlines())
    book = Workbook()
    book.remove(book.active)
    for rows in (lines[:1], lines[1:], lines):
        sheet = book.create_sheet()
        for row in (head, *rows):
            sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    (tmp_path / "orders.xlsx").write_bytes(held.getvalue())
    (file,) = ww.ingest(shop, tmp_path / "orders.xlsx", mapping={"updated_at": "changed"}).files
    assert (file.events, file.superseded) == (2, 1)
    assert sorted(events(shop, "item_id", "amount")) == [("M", 5.0), ("P", 7.0)]


def test_totals_and_refunds_are_of_their_own_version(shop: Any, write: Any, events: Any) -> None:
    head = "order_no,customer_id,date,sku,amount,total,back,changed\n"
    text = head + "1,a,2024-01-01,M,30,30,0,2024-01-01\n1,a,2024-01-01,M,18,22,1,2024-01-02\n"
    mapping = {"updated_at": "changed", "order_total": "total", "refunded_amount": "back"}
    ww.ingest(shop, write(text), mapping=mapping)
    assert sorted(events(shop, "amount", "kind")) == [
        (-1.0, "refund"), (4.0, "order_line"), (18.0, "order_line"),
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["refunded_amount", "status"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_refund_stands_once_at_the_time_that_a_file_tells(
    shop: Any, write: Any, events: Any, column: str, turned: bool
) -> None:
    value = "20" if column == "refunded_amount" else "refunded"
    told = f"customer_id,order_id,date,amount,changed,{column},refunded_at\nA,1,2024-01-02,50,2024-02-03,{value},"
    texts = [told + "2024-02-02\n", told.replace(",refunded_at", "").removesuffix(",") + "\n"]
    mapping = {"updated_at": "changed", **({column: column} if column == "refunded_amount" else {})}
    for place, text in enumerate((*(texts[::-1] if turned else texts), texts[0] + "\n", texts[1] + "\n")):
        ww.ingest(shop, write(text, f"{place}.csv"), mapping=mapping)
    assert [(ts[:10], kind) for ts, kind in events(shop, "ts", "kind")] == [
        ("2024-01-02", "order_line"), ("2024-02-02", "refund"),
    ]  # fmt: skip


def test_two_rows_of_an_order_where_each_row_is_one_are_two_states_of_it(shop: Any, write: Any, events: Any) -> None:
    head = "ID,Purchase Point,Purchase Date,Grand Total (Purchased),Status,Customer Email,Total Refunded\n"
    before = "1,shop,2024-01-05 10:00:00,20,processing,a@x.example,0\n"
    after = before.replace("processing,a@x.example,0", "complete,a@x.example,8")
    (file,) = ww.ingest(shop, write(head + before + after + after)).files
    assert (file.events, file.superseded) == (2, 3)
    assert events(shop, "kind", "amount") == [("order_line", 20.0), ("refund", -8.0)]
