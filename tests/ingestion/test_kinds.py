"""Rows that are no order: views, carts, reviews, searches, contacts, by the words of a type column."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from, snapshot_at
from worthwhile.ingestion.effects import TYPES
from worthwhile.store.log import open_log
from worthwhile.tasks import Task

HEADER = "user_id,event_time,event_type,product_id,price,rating,text\n"
VISITS = HEADER + (
    "a,2020-01-01 10:00,search,,,,red mug\n"
    "a,2020-01-01 10:01,view,m1,8.5,,\n"
    "a,2020-01-01 10:02,cart,m1,8.5,,\n"
    "a,2020-01-01 10:03,purchase,m1,8.5,,\n"
    "a,2020-01-09 09:00,review,m1,,4.5,lovely\n"
    "b,2020-01-10 09:00,campaign,,,,spring\n"
)


def one(report: Any) -> dict[str, Any]:
    (file,) = report.to_dict()["files"]
    return file


def test_a_row_becomes_the_kind_of_event_that_its_type_says(shop: Any, write: Any, events: Any) -> None:
    report = one(ww.ingest(shop, write(VISITS)))
    assert events(shop, "kind", "item_id", "amount", "rating", "text") == [
        ("search", None, None, None, "red mug"),
        ("view", "m1", None, None, None),
        ("cart", "m1", None, None, None),
        ("order_line", "m1", 8.5, None, None),
        ("review", "m1", None, 4.5, "lovely"),
        ("campaign", None, None, None, "spring"),
    ]
    assert report["refused"] == {}
    assert "1 view" in report["notes"][0]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *[("浏览", "view"), ("加购", "cart"), ("加入购物车", "cart"), ("收藏", "cart"), ("购买", "order_line")],
        *[("评价", "review"), ("搜索", "search"), ("营销触达", "campaign"), ("退款", "refund")],
        *[("pv", "view"), ("fav", "cart"), ("Add to cart", "cart"), ("page_view", "view"), ("buy", "order_line")],
        *[("Purchase", "order_line"), ("paid", "order_line"), ("Order", "order_line"), ("complete", "order_line")],
    ],
)
def test_words_of_types_in_english_and_chinese(shop: Any, write: Any, events: Any, word: str, kind: str) -> None:
    ww.ingest(shop, write(f"用户id,时间,行为类型,金额\na,2020-01-01,{word},7\nb,2020-01-02,购买,9\n"))
    assert events(shop, "kind")[0] == (kind,)


def test_visits_make_features_and_neither_orders_nor_customers(shop: Any, write: Any) -> None:
    lines = "".join(f"b,2020-01-1{n} 10:00,view,m1,9,,\n" for n in range(5))
    ww.ingest(shop, write(VISITS + lines))
    with open_log(shop) as log:
        made = snapshot_at(log, Task.of("30d"), cutoff_from("2020-01-20", log.zone), outcome=False)
    numbers = dict(zip(made.names, made.features[0], strict=True))
    assert list(made.customer_ids) == ["a"]
    assert [numbers[name] for name in ("orders_all", "amount_all", "views_30d", "carts_30d", "reviews_all")] == [
        *(1, 8.5, 1, 1, 1)
    ]
    assert numbers["rating_mean"] == 4.5


def test_unknown_type_is_refused_and_is_a_serious_finding(shop: Any, write: Any, refused: Any) -> None:
    report = one(ww.ingest(shop, write(VISITS + "a,2020-01-11,zork,m1,8.5,,\na,2020-01-12,,m1,8.5,,\n")))
    assert refused(shop) == [(7, "unknown-type"), (8, "unknown-type")]
    assert "`zork`" in report["notes"][0]
    found = {finding.code: finding for finding in ww.check(shop)}
    assert found["unknown-types"].severity == "serious"
    assert found["unknown-types"].count == 2
    assert "`zork` 1" in found["unknown-types"].detail
    assert "refused-rows" not in found


def test_row_without_a_type_is_an_order_where_all_others_are_sales_and_refunds(
    shop: Any, write: Any, events: Any
) -> None:
    ww.ingest(shop, write("customer,date,amount,type\na,2020-01-01,5,\na,2020-01-02,5,refund\n"))
    assert events(shop, "kind") == [("order_line",), ("refund",)]


def test_column_of_other_types_is_an_error_that_says_how_to_leave_it_out(
    shop: Any, write: Any, events: Any, state: Any
) -> None:
    before, path = state(shop), write("customer,date,amount,type\na,2020-01-01,5,shirt\na,2020-01-02,5,shoes\n")
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, path)
    assert caught.value.code == "bad-values"
    assert "--map type=" in str(caught.value.remedy)
    assert state(shop) == before
    ww.ingest(shop, path, mapping={"type": ""})
    assert events(shop, "kind") == [("order_line",), ("order_line",)]


def test_what_no_event_stands_for_is_left_aside_without_alarm(shop: Any, write: Any, refused: Any) -> None:
    ww.ingest(shop, write(VISITS + "a,2020-01-11,remove_from_cart,m1,8.5,,\n"))
    assert refused(shop) == [(7, "no-event")]
    found = {finding.code: finding for finding in ww.check(shop)}
    assert found["left-aside"].severity == "info"
    assert "`remove_from_cart` 1" in found["left-aside"].detail


def test_a_status_says_nothing_of_a_visit(shop: Any, write: Any, events: Any) -> None:
    text = "customer,date,amount,type,status\na,2020-01-01,,view,refunded\na,2020-01-02,,view,pending\n"
    ww.ingest(shop, write(text + "a,2020-01-03,5,purchase,refunded\n"))
    assert events(shop, "kind") == [("view",), ("view",), ("order_line",), ("refund",)]


def test_rating_that_is_no_number_is_refused_of_a_review_only(shop: Any, write: Any, refused: Any) -> None:
    text = "customer,date,amount,type,rating\na,2020-01-01,,review,good\na,2020-01-02,5,purchase,good\n"
    ww.ingest(shop, write(text + 'a,2020-01-03,,review,"4,5"\n'))
    assert refused(shop) == [(1, "bad-number")]


def test_words_beside_an_order_are_not_kept(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write("customer,date,amount,comment,rating\na,2020-01-01,5,leave it at the door,5\n"))
    assert events(shop, "text", "rating") == [(None, None)]


def test_shop_of_visits_alone_is_said_to_have_no_orders(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("user,time,action,item\na,2020-01-01,view,m\nb,2020-01-02,cart,m\n"))
    found = {finding.code: finding for finding in ww.check(shop)}
    assert found["no-orders"].severity == "serious"
    assert "no-amounts" not in found


def test_orders_without_amounts_beside_visits_are_counted_alone(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("user,time,behavior_type,item\na,2020-01-01,pv,m\na,2020-01-02,buy,m\n"))
    found = {finding.code: finding for finding in ww.check(shop)}
    assert found["no-amounts"].count == 1


def test_two_searches_of_one_second_are_two_events_in_any_order(shop: Any, write: Any, events: Any) -> None:
    header, rows = "user,time,type,query\n", ["a,2020-01-01,search,mug\n", "a,2020-01-01,search,cup\n"]
    ww.ingest(shop, write(header + rows[0] + "a,2020-01-02,purchase,\n"))
    again = one(ww.ingest(shop, write(header + rows[1] + rows[0], name="more.csv")))
    assert (again["events"], again["known"]) == (1, 1)
    assert len(events(shop, "event_id")) == 3


def test_no_word_of_an_unpaid_order_is_taken_for_a_sale() -> None:
    assert not {"下单", "ordercreated", "orderplaced"} & set(TYPES)


@pytest.mark.parametrize("word", ["login", "pending"])
def test_file_of_nothing_but_known_rows_that_are_no_events_lies_in_quarantine_and_stops_no_other(
    shop: Any, write: Any, refused: Any, events: Any, word: str
) -> None:
    nothing = write(
        f"{HEADER}a,2020-01-01 10:00,{word},,5,,\nb,2020-01-01 11:00,{word},,5,,\n,2020-01-01,{word},,5,,\n"
    )
    report = ww.ingest(shop, nothing, write(VISITS, "visits.csv"))
    assert [file.events for file in report.files] == [0, 6]
    assert len(events(shop, "kind")) == 6
    known = "no-event" if word == "login" else "never-paid"
    assert refused(shop) == [(1, known), (2, known), (3, "no-customer")]


def test_hour_of_segment_with_nothing_but_logins_is_read_as_what_it_is(shop: Any, write: Any) -> None:
    call = '{"type": "identify", "anonymousId": "a", "messageId": "m", "timestamp": "2024-01-01T10:00:00Z"}\n'
    report = one(ww.ingest(shop, write(call, "hour.jsonl")))
    assert (report["format"], report["refused"]) == ("segment", {"no-event": 1})


def hour(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps({"ts": "2024-05-01T10:00:00Z", "sku": "s1"} | row) + "\n" for row in rows)


@pytest.mark.parametrize("name", ["device_id", "deviceId", "client_id", "visitor_id", "设备ID"])
def test_visits_without_a_login_are_of_their_device(shop: Any, write: Any, events: Any, name: str) -> None:
    visits = [{"event": "view_item", "user_id": who, name: "d1", "sku": f"s{who}"} for who in (None, "u1")]
    [report] = ww.ingest(shop, write(hour(*visits), "hour.jsonl")).files
    assert report.mapping["visitor_id"] == name
    assert events(shop, "customer_id", "kind") == [("u1", "view"), ("u1", "view")]


def test_device_in_a_file_of_orders_says_nothing_of_who_bought(shop: Any, write: Any) -> None:
    [report] = ww.ingest(shop, write("user_id,device_id,date,amount\nu1,d1,2024-01-01,5\n")).files
    assert "device_id" in report.unread


@pytest.mark.parametrize("column", [{"user_id": None}, {}])
def test_hour_of_nobody_known_is_answered_with_the_way_to_name_devices(
    shop: Any, write: Any, column: dict[str, None]
) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write(hour({"event": "view_item", "gadget": "d1"} | column), "hour.jsonl"))
    assert "--map visitor_id=COLUMN" in caught.value.remedy


def test_visits_alone_leave_amounts_of_other_files_readable(shop: Any, write: Any) -> None:
    """A file without any amount was once written with a column of another type, which broke reading beside orders."""
    ww.ingest(shop, write("customer_id,order_id,date,amount\na,1,2020-01-01,101.5\n", "orders.csv"))
    visits = "customer_id,event_type,event_time,item_id\na,view,2020-01-02 10:00,m1\nb,cart,2020-01-03 10:00,m1\n"
    ww.ingest(shop, write(visits, "visits.csv"))
    files = list((shop.folder / "tables" / "events").rglob("*.parquet"))
    assert len(files) == 2 and {str(pq.read_schema(file).field("amount").type) for file in files} == {"double"}
