"""Refused rows that came again, and those that were corrected and accepted, are missing no longer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import worthwhile as ww

HEADER = "customer_id,order_id,date,amount,currency\n"
GOOD = "".join(f"{n},o{n},2025-01-{1 + n:02d},{10 + n},GBP\n" for n in range(9))


@pytest.fixture
def told(shop: Any, write: Any) -> Callable[..., dict[str, int]]:
    """Ingest a file of these rows, and count what the findings say is refused."""

    def look(rows: str, name: str = "orders.csv", header: str = HEADER) -> dict[str, int]:
        ww.ingest(shop, write(header + rows, name))
        codes = ("refused-rows", "no-customer", "mixed-currencies")
        return {finding.code: finding.count for finding in ww.check(shop) if finding.code in codes}

    return look


def test_corrected_row_is_missing_no_longer(told: Any) -> None:
    assert told(GOOD + "a,x,2025-01-20,12 kg,GBP\n,y,2025-01-20,5,GBP\n") == {"refused-rows": 1, "no-customer": 1}
    assert told(GOOD + "a,x,2025-01-20,12,GBP\n,y,2025-01-20,5,GBP\n") == {"no-customer": 1}
    assert told(GOOD + "a,x,2025-01-20,12,GBP\nb,y,2025-01-20,5,GBP\n", "corrected.csv") == {}


def test_row_that_is_refused_again_counts_once(told: Any) -> None:
    usd = "a,x,2025-01-20,12,USD\n"
    assert told(GOOD + usd) == {"mixed-currencies": 1}
    assert told(usd + GOOD + "c,z,2025-02-01,5,GBP\n", "overlapping.csv") == {"mixed-currencies": 1}
    assert told(usd + "d,w,2025-02-02,5,GBP\ne,v,2025-02-03,5,EUR\n", "later.csv") == {"mixed-currencies": 2}


def test_two_equal_rows_of_one_file_are_two_and_stay_two_where_it_comes_again(told: Any) -> None:
    bad = ",,2025-01-20,12,GBP\n" * 2
    assert told(GOOD + bad) == {"no-customer": 2}
    assert told(GOOD + bad + "c,z,2025-02-01,5,GBP\n", "more.csv") == {"no-customer": 2}


def test_row_without_a_number_is_settled_by_the_same_file_with_all_that_it_had(told: Any) -> None:
    assert told(GOOD + "a,,20-20-20,12,GBP\n") == {"refused-rows": 1}
    assert told(GOOD + "a,,2025-01-20,12,GBP\n") == {}


def test_another_day_s_file_of_the_same_name_settles_nothing(told: Any) -> None:
    assert told(GOOD + "a,,20-20-20,12,GBP\n") == {"refused-rows": 1}
    assert told("".join(f"{n},p{n},2025-02-{1 + n:02d},5,GBP\n" for n in range(12))) == {"refused-rows": 1}


def test_other_lines_of_the_order_and_other_customers_with_its_number_settle_nothing(told: Any) -> None:
    header = "customer_id,order_id,date,sku,amount\n"
    bad = "a,x,2025-01-20,s1,12 kg\n"
    assert told("a,x,2025-01-20,s2,5\n" + bad, header=header) == {"refused-rows": 1}
    assert told("a,x,2025-01-20,s3,5\nb,x,2025-01-21,s1,5\n", "more.csv", header) == {"refused-rows": 1}
    assert told("a,x,2025-01-20,s1,12\n", "corrected.csv", header) == {}


def test_share_is_of_rows_that_came_first(shop: Any, write: Any) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        ww.ingest(shop, write(f"{HEADER}{GOOD},y,2025-01-20,5,GBP\n{name},{name},2025-03-01,5,GBP\n", name))
    (found,) = [finding for finding in ww.check(shop) if finding.code == "no-customer"]
    assert found.share == pytest.approx(1 / 13)


TAOBAO = "订单编号,买家会员名,买家实付金额,订单状态,买家下单时间,买家付款时间,宝贝标题\n"


def codes(shop: Any) -> dict[str, int]:
    return {finding.code: finding.count for finding in ww.check(shop)}


def test_number_within_a_formula_is_the_same_number_once_it_is_paid(tmp_path: Path, write: Any) -> None:
    shop = ww.create_shop(tmp_path / "cny", currency="CNY", threads=1)
    row = '"=""2100000{0}""",买家{0},{1},{2},2024-01-0{0} 10:00:00,{3},杯\n'
    sold = "".join(row.format(n, 9, "交易成功", "2024-01-05 10:00:00") for n in (1, 2))
    ww.ingest(shop, write(TAOBAO + sold + row.format(3, 0, "等待买家付款", ""), "m1.csv"))
    assert codes(shop) == {"never-paid": 1}
    ww.ingest(shop, write(TAOBAO + row.format(3, 9, "交易成功", "2024-01-06 10:00:00"), "m2.csv"))
    assert codes(shop) == {}


@pytest.mark.parametrize(
    ("customer", "sku"), [(0, "A"), (5, ""), (0, "")], ids=["guest", "no-sku", "guest-without-sku"]
)
def test_what_another_column_stood_in_for_is_known_once_it_is_paid(
    shop: Any, write: Any, customer: int, sku: str
) -> None:
    def exported(status: str, version: int) -> str:
        line = {"sku": sku, "product_id": 7, "name": "Cup", "quantity": 1, "total": "10.00"}
        when = {"date_created_gmt": "2024-03-02T10:00:00", "date_modified_gmt": f"2024-03-0{version}T12:00:00"}
        paid = {"date_paid_gmt": "2024-03-02T11:00:00" if status == "completed" else None, "total": "10.00"}
        who = {"customer_id": customer, "billing": {"email": "g2@x.example", "country": "DE"}}
        order = {"id": 2, "status": status, "currency": "GBP", **when, **paid, **who, "line_items": [line]}
        whole = order | {"id": 1, "status": "completed", "customer_id": 9, "date_paid_gmt": "2024-03-02T11:00:00"}
        return json.dumps([whole, order])

    ww.ingest(shop, write(exported("pending", 2), "g1.json"))
    assert codes(shop)["never-paid"] == 1
    ww.ingest(shop, write(exported("completed", 9), "g2.json"))
    assert "never-paid" not in codes(shop)


def test_share_counts_rows_and_not_the_events_that_they_made(shop: Any, write: Any) -> None:
    """Each order's postage is an event beside its line's; the same orders come again with one more."""
    head = "order_id,customer_id,date,sku,price,order_total\n"
    rows = "".join(f"o{n},c{n},2024-01-{1 + n:02d},s,10,12\n" for n in range(8))
    totals = {"order_total": "order_total"}
    ww.ingest(shop, write(f"{head}{rows}bad,b,soon,s,10,12\n", "one.csv"), mapping=totals)
    ww.ingest(shop, write(f"{head}{rows}o9,c9,2024-02-01,s,10,12\n", "two.csv"))
    (found,) = [finding for finding in ww.check(shop) if finding.code == "refused-rows"]
    assert found.share == pytest.approx(1 / 10)
