"""What a shop holds does not hang on the order in which its files came, nor on how its rows were parted into files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import worthwhile as ww
from oracles.contents import rows_of
from worthwhile.shop import Shop

HEADER = "customer_id,order_id,date,sku,title,category,quantity,price,country,type"
TABLES = ("events", "items", "item_categories", "customers")


@dataclass(frozen=True)
class Plan:
    """Orders and refunds, each a group of rows that stay together; which batch each goes to; and the batches' order."""

    groups: tuple[tuple[str, ...], ...]
    batch_of: tuple[int, ...]
    order: tuple[int, ...]  # batches in the order of ingest, some more than once


def digested(row: str) -> tuple[str, ...]:
    """What of a row makes its event's id."""
    who, order, day, item, _, _, many, price, _, _ = row.split(",")
    return who, order, day, item, many, price


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    groups = []
    for number in range(draw(st.integers(2, 9))):
        who, day = draw(st.sampled_from("ab")), draw(st.integers(1, 4))
        back = draw(st.sampled_from(("", "", "", "named", "by item", "by hand", "unnumbered", "open", "open item")))
        named = f"o{draw(st.integers(0, number))}"
        order = {"": f"o{number}", "named": named, "unnumbered": "", "open": named, "open item": named}.get(
            back, f"C{number}"
        )
        rows = []
        for _ in range(1 if back else draw(st.integers(1, 3))):
            item = "M" if back == "by hand" else draw(st.sampled_from("xy"))
            title, category = draw(st.sampled_from(("Mug", "MUG", ""))), draw(st.sampled_from(("k", "l", "")))
            many = draw(st.integers(1, 3)) * (-1 if back else 1)
            price, country = draw(st.sampled_from(("2", "3"))), draw(st.sampled_from(("UK", "FR", "")))
            told = f"{item},{title},{category},{many},{price},{country},"
            if back.startswith("open"):  # how much is not said
                told = f"{item if back == 'open item' else ''},,,,,,refund"
            rows.append(f"{who},{order},2020-01-0{day} 10:00:00,{told}")
        # Equal rows of two files are one event, those of one file are two: so equal ones must stay together.
        if not any(digested(row) in map(digested, group) for row in rows for group in groups):
            groups.append(tuple(rows))
    batches = draw(st.integers(1, 3))
    batch_of = tuple(draw(st.integers(0, batches - 1)) for _ in groups)
    order = tuple(draw(st.permutations(range(batches)))) + tuple(
        draw(st.lists(st.integers(0, batches - 1), max_size=1))
    )
    return Plan(tuple(groups), batch_of, order)


def held(shop: Shop) -> dict[str, list[Any]]:
    return {table: rows_of(shop, table) for table in TABLES}


def ingest(shop: Shop, folder: Path, name: str, groups: list[tuple[str, ...]]) -> None:
    if groups:
        path = folder / name
        path.write_text("\n".join([HEADER, *(row for group in groups for row in group)]) + "\n")
        ww.ingest(shop, path)


@settings(max_examples=8, deadline=None)
@given(plans())
def test_files_in_any_order_and_parting_give_the_same_shop(plan: Plan) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, parted = (ww.create_shop(folder / shop, threads=1) for shop in ("whole", "parted"))
        ingest(whole, folder, "whole.csv", list(plan.groups))
        for place, batch in enumerate(plan.order):
            mine = [group for group, of in zip(plan.groups, plan.batch_of, strict=True) if of == batch]
            # A batch that comes again comes as another file with its rows turned around.
            ingest(parted, folder, f"{place}.csv", mine if batch not in plan.order[:place] else mine[::-1])
        assert held(parted) == held(whole)


SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Total,Refunded Amount,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem sku,Cancelled at,Created at\n"
)


@st.composite
def shopify_orders(draw: st.DrawFn) -> str:
    """One order as one export shows it: edited or not, paid, given back, or moved to another customer."""
    number, who, day = draw(st.sampled_from("12")), draw(st.sampled_from("ab")), draw(st.sampled_from("15"))
    created = f"2024-01-0{day} 10:00:0{'ab'.index(who)} +0000"
    state = draw(st.sampled_from(("pending", "paid", "paid", "partially_refunded", "refunded", "cancelled")))
    paid = "" if state == "pending" else draw(st.sampled_from((created, f"2024-01-0{int(day) + 1} 09:00:00 +0000")))
    total, cancelled = draw(st.sampled_from((20, 30))), "2024-02-01 10:00:00 +0000" if state == "cancelled" else ""
    back = {"partially_refunded": draw(st.sampled_from((5, 8))), "refunded": total}.get(state, 0)
    status = "refunded" if state == "cancelled" else state
    email = draw(st.sampled_from((who, who, f"{who}-moved"))) + "@x.example"
    return f"#{number},{email},{status},{paid},EUR,{total},{back},1,Mug,{total - 2},M,{cancelled},{created}\n"


def woocommerce_order(number: int, version: int, status: str) -> dict[str, Any]:
    """What WooCommerce tells of an order as of some version, by which all else follows."""
    return {
        "id": number, "status": status, "currency": "EUR", "date_created_gmt": f"2024-01-0{number}T10:00:00",
        "date_paid_gmt": f"2024-01-0{number}T10:00:00", "date_modified_gmt": f"2024-02-0{version}T10:00:00",
        "total": f"{20 + version}.00", "customer_id": number, "refunds": [],
        "line_items": [{"sku": "P", "product_id": 9, "name": "Pot", "quantity": 1, "total": f"{20 + version}.00"}],
    }  # fmt: skip


@st.composite
def woocommerce_exports(draw: st.DrawFn) -> list[str]:
    states = draw(st.lists(st.sampled_from(("processing", "completed", "failed", "trash")), min_size=4, max_size=4))
    exports = []
    for _ in range(draw(st.integers(2, 3))):
        versions = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
        orders = [woocommerce_order(n, v, states[v - 1]) for n, v in zip((1, 2), versions, strict=True)]
        exports.append(json.dumps([*orders, woocommerce_order(3, 1, "completed")]))
    return exports


def shop_of(folder: Path, texts: Sequence[str], suffix: str, **options: Any) -> dict[str, list[Any]]:
    shop = ww.create_shop(folder, currency="EUR", threads=1)
    for place, text in enumerate(texts):
        path = folder.with_name(f"{folder.name}-{place}{suffix}")
        path.write_text(text)
        ww.ingest(shop, path, pseudonymise=False, **options)
    return held(shop)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(shopify_orders(), min_size=1, max_size=3), min_size=2, max_size=3), st.randoms())
def test_exports_of_whole_orders_in_any_order_give_the_same_shop(exports: list[list[str]], random: Random) -> None:
    steady = "#9,z@x.example,paid,2024-01-01 10:00:00 +0000,EUR,7,0,1,Mug,7,M,,2024-01-01 10:00:00 +0000\n"
    texts = [SHOPIFY + steady + "".join(orders) for orders in exports]
    with tempfile.TemporaryDirectory() as name:
        once = shop_of(Path(name) / "once", texts, ".csv")
        turned = random.sample(texts, len(texts))
        assert shop_of(Path(name) / "turned", turned, ".csv") == once


@settings(max_examples=6, deadline=None)
@given(woocommerce_exports(), st.randoms())
def test_versions_that_came_to_nothing_in_any_order_give_the_same_shop(exports: list[str], random: Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        once = shop_of(Path(name) / "once", exports, ".json")
        assert shop_of(Path(name) / "turned", random.sample(exports, len(exports)), ".json") == once


VERSIONS = "order_no,customer_id,date,sku,title,quantity,amount,total,back,back_at,changed\n"
VERSIONS_MAPPING = {
    "order_total": "total",
    "refunded_amount": "back",
    "refunded_at": "back_at",
    "updated_at": "changed",
}


@st.composite
def histories(draw: st.DrawFn) -> list[str]:
    """Each version of each order as its lines: some change from one to the next, some stay, some stand twice."""
    versions = []
    for number in range(1, draw(st.integers(2, 4))):
        lines = draw(st.lists(st.sampled_from(("M,Mug,1,8", "M,MUG,1,8", "P,Pot,2,6")), min_size=1, max_size=3))
        for day in range(1, draw(st.integers(2, 5))):
            if draw(st.booleans()):
                lines = draw(st.permutations([*lines, draw(st.sampled_from(("M,Mug,1,8", "Q,,1,3", "P,pot,2,5")))]))
            total = sum(int(line.split(",")[-1]) for line in lines) + draw(st.sampled_from((0, 0, 2, -3)))
            back = draw(st.sampled_from((0, 0, 1, 2)))
            tail = f"{total},{back},{f'2024-02-0{day}' if back else ''},2024-03-0{day}\n"
            versions.append("".join(f"{number},{'ab'[number % 2]},2024-01-0{number},{line},{tail}" for line in lines))
    return versions


@settings(max_examples=6, deadline=None)
@given(histories(), st.data())
def test_versions_in_one_file_or_in_many_in_any_order_give_the_same_shop(
    versions: list[str], data: st.DataObject
) -> None:
    batch_of = data.draw(st.lists(st.integers(0, 2), min_size=len(versions), max_size=len(versions)))
    batches = ["".join(v for v, of in zip(versions, batch_of, strict=True) if of == batch) for batch in range(3)]
    read_again = data.draw(st.lists(st.sampled_from(versions), max_size=2))
    parted = data.draw(st.permutations([*filter(None, batches), *read_again]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = shop_of(folder / "whole", [VERSIONS + "".join(versions)], ".csv", mapping=VERSIONS_MAPPING)
        texts = [VERSIONS + text + "\n" * place for place, text in enumerate(parted)]  # each is another file
        assert shop_of(folder / "parted", texts, ".csv", mapping=VERSIONS_MAPPING) == whole


@st.composite
def magento_states(draw: st.DrawFn) -> list[str]:
    states = []
    for number in (1, 1, 1, 2, 2):
        total, back = draw(st.sampled_from((20, 25))), draw(st.sampled_from((0, 8)))
        status = draw(st.sampled_from(("processing", "complete", "closed")))
        states.append(f"{number},shop,2024-01-0{number} 10:00:00,{total},{status},{number}@x.example,{back}\n")
    return states


@st.composite
def shopify_states(draw: st.DrawFn) -> list[str]:
    """Orders whose fields stand on their first row alone; where these are the same, the lines are."""
    one_line = draw(st.integers(0, 5))
    states = []
    for number in (1, 1, 1, 2, 2):
        at, back = f"2024-01-0{number} 10:00:00 +0000", draw(st.sampled_from((0, 3, 5)))
        status = "partially_refunded" if back else "paid"
        text = f"#{number},{'ab'[number - 1]}@x.example,{status},{at},EUR,20,{back},1,Mug,10,M,,{at}\n"
        if back != one_line:
            text += f"#{number},{'ab'[number - 1]}@x.example,,,,,,1,Pot,8,P,,{at}\n"
        states.append(text)
    return states


@st.composite
def jd_states(draw: st.DrawFn) -> list[str]:
    """Orders whose sum and status stand on each row; of one sum and status the lines are the same."""
    states = []
    for number in (1, 1, 1, 2, 2):
        total, status = draw(st.sampled_from((20, 26))), draw(st.sampled_from(("等待出库", "完成", "已取消")))
        items = ("M", "P") if (total == 20) == (status == "完成") else ("M",)
        states.append(
            "".join(
                f"{number},{item},杯,1,2024-01-0{number} 10:00:00,{total},{status},小红{number}\n" for item in items
            )
        )
    return states


HEADS = {
    "magento": "ID,Purchase Point,Purchase Date,Grand Total (Purchased),Status,Customer Email,Total Refunded\n",
    "shopify": SHOPIFY,
    "jd": "订单号,商品ID,商品名称,订购数量,下单时间,应付金额,订单状态,下单帐号\n",
}


@pytest.mark.parametrize(
    ("form", "states"), [("magento", magento_states()), ("shopify", shopify_states()), ("jd", jd_states())]
)
@settings(max_examples=4, deadline=None)
@given(st.data())
def test_states_of_an_order_in_one_file_or_in_many_give_the_same_shop(
    form: str, states: st.SearchStrategy[list[str]], data: st.DataObject
) -> None:
    told = list(dict.fromkeys(data.draw(states)))
    with tempfile.TemporaryDirectory() as name:
        whole = shop_of(Path(name) / "whole", [HEADS[form] + "".join(told)], ".csv")
        assert len(whole["events"]) > 1
        texts = [HEADS[form] + state for state in data.draw(st.permutations([*told, told[0]]))]
        assert shop_of(Path(name) / "parted", [text + "\n" * n for n, text in enumerate(texts)], ".csv") == whole


@st.composite
def visits(draw: st.DrawFn) -> list[str]:
    """Events of browsers, some of which are told to be a customer's."""
    lines = []
    for hour in range(draw(st.integers(3, 7))):
        browser, who = draw(st.sampled_from("xy")), draw(st.sampled_from((None, None, "u1", "u2")))
        at = {"anonymousId": f"browser-{browser}", "userId": who, "timestamp": f"2024-01-01T{hour:02}:00:00Z"}
        told = draw(st.sampled_from(({"event": "Product Viewed", "properties": {"sku": "M"}}, {
            "event": "Order Completed",
            "properties": {"order_id": f"o{hour}", "total": 9, "products": [{"sku": "M", "quantity": 1, "price": 9}]},
        })))  # fmt: skip
        lines.append(json.dumps({"type": "track", "messageId": str(hour), **at, **told}) + "\n")
    return lines


@settings(max_examples=6, deadline=None)
@given(visits(), st.data())
def test_visitors_are_who_they_are_whichever_file_comes_first(lines: list[str], data: st.DataObject) -> None:
    hours = st.lists(st.sampled_from(lines), min_size=1, max_size=3, unique=True).map(sorted)
    texts = ["".join(file) for file in (lines, *data.draw(st.lists(hours, min_size=1, max_size=2)))]
    with tempfile.TemporaryDirectory() as name:
        once = shop_of(Path(name) / "once", texts, ".jsonl", format="segment")
        assert shop_of(Path(name) / "turned", texts[::-1], ".jsonl", format="segment") == once


ORDER, REFUND = "a,o1,2020-01-01,x,Mug,k,2,3,UK,", "a,C1,2020-01-05,x,Mug,k,-1,3,UK,"


def test_refund_that_comes_before_its_order_is_matched_when_the_order_comes(tmp_path: Path, events: Any) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    ingest(shop, tmp_path, "refund.csv", [(REFUND,)])
    assert events(shop, "kind", "refund_of") == [("refund", None)]
    ingest(shop, tmp_path, "order.csv", [(ORDER,)])
    assert events(shop, "kind", "refund_of") == [("order_line", None), ("refund", "o1")]


def test_refund_without_a_number_is_matched_when_its_order_comes(tmp_path: Path, events: Any) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    ingest(shop, tmp_path, "refund.csv", [(REFUND.replace("C1", ""),)])
    ingest(shop, tmp_path, "order.csv", [(ORDER,)])
    assert events(shop, "kind", "refund_of") == [("order_line", None), ("refund", "o1")]


def test_refund_moves_to_a_later_order_that_comes_after_it(tmp_path: Path, events: Any) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    ingest(shop, tmp_path, "first.csv", [(ORDER,), (REFUND,)])
    assert events(shop, "kind", "refund_of")[-1] == ("refund", "o1")
    ingest(shop, tmp_path, "later.csv", [(ORDER.replace("o1", "o2").replace("01-01", "01-03"),)])
    assert events(shop, "kind", "refund_of")[-1] == ("refund", "o2")


@pytest.mark.parametrize("turned", [False, True])
def test_title_that_most_lines_bear_wins_whichever_file_comes_first(tmp_path: Path, turned: bool) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    mugs = [(f"a,o{n},2020-01-0{n},x,Mug,k,1,3,UK,",) for n in (1, 2, 3)]
    noted = [(f"b,o{n},2020-02-0{n},x,damaged,k,1,{n},UK,",) for n in (4, 5)]
    for place, groups in enumerate((noted, mugs) if turned else (mugs, noted)):
        ingest(shop, tmp_path, f"{place}.csv", groups)
    [(item, _, price, title, *_)] = rows_of(shop, "items")
    assert (item, price, title) == ("x", 5.0, "Mug")
