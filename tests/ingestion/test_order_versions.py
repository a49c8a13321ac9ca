"""An order that changes after it was read: the later version takes the earlier one's place, whatever comes first."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

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
    assert (file.events, file.known, file.replaced) == (2, 2, 0)
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


def test_a_column_that_may_tell_versions_is_named_and_not_taken_by_itself(shop: Any, write: Any, events: Any) -> None:
    """Of lines with a time of change each it would leave the latest line alone."""
    (file,) = ww.ingest(shop, write(THIRD.replace("2024-01-03 10:00:00\n1", "2024-01-02 10:00:00\n1"))).files
    assert any("--map updated_at=updated_at" in note for note in file.notes)
    assert len(events(shop, "item_id")) == 2
