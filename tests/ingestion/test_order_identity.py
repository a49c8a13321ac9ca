"""Which orders are one: numbers are used again, by one shop or by two, and some numbers are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

import worthwhile as ww

HEAD = (
    "Name,Email,Financial Status,Paid at,Currency,Total,Refunded Amount,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Created at,Discount Code\n"
)


def order(
    number: str, who: str, day: str, *prices: float, paid: str = "", status: str = "paid", back: float = 0.0
) -> str:
    """The rows of one order as Shopify writes them: what is true of the order on the first alone."""
    first, *others = prices
    total, created = sum(prices), f"2024-{day} 10:00:00 +0000"
    told = f"{number},{who},{status},{paid or created},GBP,{total},{back},1,Mug,{first},M,{created},\n"
    return told + "".join(f"{number},{who},,,,,,1,Cup,{price},C,{created},\n" for price in others)


def test_one_customer_may_have_two_orders_of_one_number(shop: Any, write: Any, events: Any) -> None:
    here, there = order("#1001", "ann@x.example", "01-05", 20), order("#1001", "ann@x.example", "02-05", 50)
    for name, text in (("here", here), ("there", there), ("here again", here + "\n"), ("both", here + there)):
        ww.ingest(shop, write(HEAD + text, f"{name}.csv"))
    assert events(shop, "order_id", "amount") == [("#1001", 20.0), ("#1001", 50.0)]


@pytest.mark.parametrize("other", ["ann@x.example", "bob@x.example"])
def test_two_orders_of_one_number_in_one_file_keep_their_totals(shop: Any, write: Any, events: Any, other: str) -> None:
    text = order("#1001", "ann@x.example", "01-05", 15, 5) + order("#1001", other, "02-05", 30, 20)
    ww.ingest(shop, write(HEAD + text))
    assert [amount for (amount,) in events(shop, "amount")] == [5.0, 15.0, 20.0, 30.0]


def test_rows_that_only_the_first_row_explains_belong_to_the_order_above_them(
    shop: Any, write: Any, events: Any
) -> None:
    """Blank fields of further rows are of the order that they follow, not of another of its number."""
    text = order("#1", "ann@x.example", "01-05", 15, 5) + order("#1", "bob@x.example", "01-09", 30, 20)
    blank = text.replace("#1,bob@x.example,,", "#1,,,").replace("#1,ann@x.example,,", "#1,,,")
    ww.ingest(shop, write(HEAD + blank), pseudonymise=False)
    assert sorted(events(shop, "customer_id", "amount")) == [
        ("ann@x.example", 5.0), ("ann@x.example", 15.0), ("bob@x.example", 20.0), ("bob@x.example", 30.0),
    ]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_an_order_that_moved_to_another_customer_and_was_paid_later_is_one(
    shop: Any, write: Any, events: Any, turned: bool
) -> None:
    before = order("#1", "ann@x.example", "01-05", 20, status="partially_paid")
    after = order("#1", "ann.b@x.example", "01-05", 20, paid="2024-01-06 10:00:00 +0000")
    for name, text in enumerate((after, before) if turned else (before, after)):
        ww.ingest(shop, write(HEAD + text, f"{name}.csv"), pseudonymise=False)
    assert events(shop, "customer_id", "local_ts", "amount") == [("ann.b@x.example", "2024-01-06 10:00:00", 20.0)]


@pytest.mark.parametrize("number", ["N/A", "undefined", "(not set)", "null", "0", "-", "0.0"])
def test_what_stands_for_no_number_makes_no_order_of_all_that_bear_it(
    shop: Any, write: Any, events: Any, number: str
) -> None:
    def purchase(day: int) -> str:
        products = [{"sku": "s", "price": 10 * day, "quantity": 1}]
        told = {"order_id": number, "total": 10 * day + 2, "products": products}
        return json.dumps(
            {"type": "track", "event": "Order Completed", "messageId": str(day), "userId": "u", "anonymousId": "a",
             "timestamp": f"2024-01-0{day}T10:00:00Z", "properties": told}
        )  # fmt: skip

    ww.ingest(shop, write("\n".join(map(purchase, (1, 2, 3))) + "\n", "events.jsonl"))
    assert events(shop, "order_id", "item_id", "amount") == [
        row for day in (1, 2, 3) for row in ((None, "order-rest", 2.0), (None, "s", 10.0 * day))
    ]


def test_a_refused_line_leaves_the_total_of_its_order_and_a_note(shop: Any, write: Any, events: Any) -> None:
    text = order("#1", "ann@x.example", "01-05", 20, 10).replace("Mug,20,", "Mug,abc,")
    (file,) = ww.ingest(shop, write(HEAD + text + order("#2", "b@x.example", "01-05", 7))).files
    assert sorted(events(shop, "order_id", "item_id", "amount")) == [
        ("#1", "C", 10.0), ("#1", "order-rest", 20.0), ("#2", "M", 7.0),
    ]  # fmt: skip
    assert any("1 orders have refused lines" in note for note in file.notes)


def test_partly_refunded_orders_stand_and_are_told(shop: Any, write: Any, events: Any) -> None:
    text = "会员名,订单号,订单日期,实付金额,订单状态\n甲,1,2024-01-05,20,部分退款\n乙,2,2024-01-06,7,已完成\n"
    (file,) = ww.ingest(shop, write(text)).files
    assert [amount for (amount,) in events(shop, "amount")] == [20.0, 7.0]
    assert any("--map refunded_amount" in note for note in file.notes)
    assert not any("not known" in note for note in file.notes)
