"""Golden files of the formats of shop platforms and trackers: a real header each, and its traps."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.formats import FORMATS
from worthwhile.store.tables import read_table

FILES = Path(__file__).parents[1] / "data" / "formats"
COLUMNS = ("customer_id", "kind", "order_id", "item_id", "quantity", "amount")


@pytest.fixture
def shop_in(tmp_path: Path) -> Any:
    """Shops that keep ids as they are, so that tests can be read."""

    def make(currency: str, mode: str = "never") -> Any:
        folder = tmp_path / f"{currency}-{mode}"
        return ww.create_shop(
            folder, currency=currency, timezone="Europe/London", threads=1, privacy__pseudonymise=mode
        )

    return make


def ingested(shop: Any, *names: str) -> dict[str, Any]:
    (file,) = ww.ingest(shop, *(FILES / name for name in names)).to_dict()["files"]
    taken = file["events"] + file["known"] + file["superseded"]
    assert file["rows"] + file["paired"] == taken + sum(file["refused"].values())
    return file


def test_shopify_orders_of_several_rows_postage_discounts_and_refunds(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("GBP")
    assert ingested(shop, "shopify.csv")["format"] == "shopify"
    assert refused(shop) == [(5, "never-paid")]
    anna, ben = "anna@example.com", "ben@example.com"
    assert sorted(events(shop, *COLUMNS), key=lambda row: (row[2], row[1], str(row[3]))) == [
        (anna, "order_line", "#1001", "MUG-B", 2.0, 25.0),
        (anna, "order_line", "#1001", "POT", 1.0, 25.0),
        (anna, "order_line", "#1001", "order-rest", 1.0, 4.95),
        (ben, "order_line", "#1002", "SAU", 4.0, 36.0),
        (ben, "refund", "#1002", None, None, -9.0),
        (anna, "order_line", "#1003", "MUG-B", 1.0, 12.5),
        (anna, "order_line", "#1003", "order-rest", 1.0, 3.0),
        (anna, "refund", "#1003", None, None, -15.5),
    ]
    times = set(events(shop, "order_id", "kind", "local_ts", "is_goods")) - {("#1002", "order_line")}
    assert ("#1001", "order_line", "2025-10-02 21:09:34", True) in times  # of every row: the order was paid once
    assert ("#1003", "refund", "2025-11-03 12:00:00", True) in times
    assert {(order, goods) for order, _, _, goods in times if not goods} == {("#1001", False), ("#1003", False)}


def test_woocommerce_orders_guests_taxes_and_refunds(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("GBP")
    assert ingested(shop, "woocommerce.json")["format"] == "woocommerce"
    assert refused(shop) == [(4, "never-paid")]
    assert sorted(events(shop, *COLUMNS), key=lambda row: (row[2], row[1], str(row[3]))) == [
        ("26", "order_line", "727", "22", 1.0, 12.0),
        ("26", "order_line", "727", "WS", 2.0, 6.0),
        ("26", "order_line", "727", "order-rest", 1.0, 11.35),
        ("guest@example.com", "order_line", "728", "WH", 1.0, 20.0),
        ("guest@example.com", "refund", "728", None, None, -7.5),
    ]
    assert ("727", "2025-03-22 16:28:08") in events(shop, "order_id", "local_ts")  # `_gmt` means UTC


def test_segment_visits_before_the_login_and_a_refund_of_a_whole_order(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("GBP")
    assert ingested(shop, "segment.jsonl")["format"] == "segment"
    assert refused(shop) == [(10, "no-event")]
    assert events(shop, *COLUMNS, "text", "rating") == [
        ("u7", "view", None, None, None, None, None, None),
        ("u7", "view", None, "G-1", None, None, None, None),
        ("u7", "cart", None, "G-1", 1.0, None, None, None),
        ("u8", "search", None, None, None, None, "blue hotpants", None),
        ("u7", "order_line", "o50", "order-rest", 1.0, 3.0, None, None),
        ("u7", "order_line", "o50", "G-1", 1.0, 18.99, None, None),
        ("u7", "order_line", "o50", "G-2", 2.0, 25.99, None, None),
        ("u8", "order_line", "o51", "G-2", 1.0, 10.0, None, None),
        ("u7", "refund", "o50", None, None, -47.98, None, None),
        ("u8", "review", None, "p2", None, None, "fun", 5.0),
    ]


GA4_EVENTS = [
    ("c9", "view", None, "MUG", None, None),
    ("c9", "search", None, None, None, None),
    ("c9", "order_line", "T1", "SAU", 1.0, 5.0),
    ("c9", "order_line", "T1", "MUG", 2.0, 25.0),
    ("c9", "refund", "T1", "SAU", -1.0, -5.0),
]


def test_ga4_transaction_told_twice_counts_once(shop_in: Any, events: Any) -> None:
    shop = shop_in("GBP")
    file = ingested(shop, "ga4.jsonl")
    assert (file["format"], file["known"], file["superseded"]) == ("ga4", 0, 2)
    assert events(shop, *COLUMNS) == GA4_EVENTS
    assert events(shop, "text")[1] == ("tea pot",)


def test_ga4_as_nested_parquet_is_the_same(shop_in: Any, tmp_path: Path, events: Any) -> None:
    import json

    rows = [json.loads(line) for line in (FILES / "ga4.jsonl").read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "ga4.parquet")
    shop = shop_in("GBP")
    assert ww.ingest(shop, tmp_path / "ga4.parquet").files[0].format == "ga4"
    assert events(shop, *COLUMNS) == GA4_EVENTS


def test_snowplow_actions_and_their_contexts(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("GBP")
    assert ingested(shop, "snowplow.jsonl")["format"] == "snowplow"
    assert refused(shop) == [(4, "no-event")]
    assert events(shop, *COLUMNS) == [
        ("k4", "view", None, "P123", None, None),
        ("k4", "order_line", "abc-123", "order-rest", 1.0, 10.0),
        ("k4", "order_line", "abc-123", "P124", 1.0, 50.0),
        ("k4", "order_line", "abc-123", "P123", 1.0, 150.0),
    ]


def test_magento_takes_what_was_paid_and_what_was_given_back(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("GBP")
    assert ingested(shop, "magento.csv")["format"] == "magento"
    assert refused(shop) == [(3, "never-paid")]
    assert events(shop, "customer_id", "local_ts", "kind", "amount") == [
        ("ada@example.com", "2025-01-05 10:15:00", "order_line", 35.0),
        ("bob@example.com", "2025-01-06 15:05:00", "order_line", 18.0),
        ("bob@example.com", "2025-01-06 15:05:00", "refund", -6.0),
        ("ada@example.com", "2025-01-08 09:00:00", "order_line", 9.0),
        ("ada@example.com", "2025-01-08 09:00:00", "refund", -9.0),
    ]


def test_taobao_new_head_in_gb18030_with_masked_names_and_part_refunds(shop_in: Any, events: Any, refused: Any) -> None:
    shop = shop_in("CNY")
    assert ingested(shop, "taobao_new_gb18030.csv")["format"] == "taobao"
    assert refused(shop) == [(4, "never-paid")]
    assert events(shop, *COLUMNS) == [
        ("t**东", "order_line", "2100001", "红色羊毛围巾", 1.0, 128.5),
        ("小红", "order_line", "2100002", "羽绒服", 2.0, 1100.0),
        ("小红", "refund", "2100002", None, None, -100.0),
        ("t**东", "order_line", "2100003", "羊毛袜", 3.0, 59.9),
        ("t**东", "refund", "2100003", None, None, -59.9),
    ]


def test_jd_repeats_the_orders_sum_on_each_row(shop_in: Any, events: Any) -> None:
    shop = shop_in("CNY")
    file = ingested(shop, "jd.csv")
    assert file["format"] == "jd" and not any("counts as 1" in note for note in file["notes"])
    assert events(shop, *COLUMNS) == [
        ("jd_abc", "order_line", "300001", "10086", 1.0, 199.0),
        ("jd_abc", "order_line", "300001", "10087", 1.0, 199.0),
        ("jd_xyz", "order_line", "300002", "10087", 2.0, 180.0),
        ("jd_xyz", "order_line", "300003", "10086", 1.0, 299.0),
        ("jd_xyz", "refund", "300003", "10086", -1.0, -299.0),
    ]


OLIST = ("orders", "order_items", "customers", "order_reviews")


def test_olist_tables_are_joined_and_the_person_is_the_unique_one(shop_in: Any, events: Any) -> None:
    shop = shop_in("BRL")
    file = ingested(shop, *(f"olist/olist_{table}_dataset.csv" for table in OLIST))
    assert (file["format"], file["rows"]) == ("olist", 5)
    by_kind = sorted(events(shop, "customer_id", "kind", "order_id", "item_id", "amount", "rating"), key=str)
    assert by_kind == sorted(
        [
            ("u1", "order_line", "o1", "p1", 58.9, None),
            ("u1", "order_line", "o1", "p2", 20.0, None),
            ("u1", "order_line", "o1", "order-rest", 20.0, None),
            ("u1", "review", "o1", None, None, 4.0),
            ("u1", "order_line", "o2", "p1", 58.9, None),
            ("u1", "order_line", "o2", "order-rest", 19.93, None),
            ("u2", "order_line", "o3", "p2", 20.0, None),
            ("u2", "order_line", "o3", "order-rest", 5.0, None),
            ("u2", "refund", "o3", "p2", -20.0, None),
            ("u2", "refund", "o3", "order-rest", -5.0, None),
        ],
        key=str,
    )
    again = ww.ingest(shop, *(FILES / f"olist/olist_{table}_dataset.csv" for table in reversed(OLIST)))
    assert again.files[0].seen_before


def test_a_table_of_a_set_alone_is_a_clear_error(shop_in: Any) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop_in("BRL"), FILES / "olist" / "olist_orders_dataset.csv")
    assert caught.value.code == "bad-file" and "items and customers" in caught.value.what


def test_a_currency_other_than_the_shops_is_never_added_up(shop_in: Any, write: Any, refused: Any) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop_in("EUR"), FILES / "shopify.csv")
    assert caught.value.code == "bad-values" and "another currency" in caught.value.what
    shop = shop_in("GBP")
    ww.ingest(
        shop, write("customer_id,date,amount,currency\na,2024-01-01,5,GBP\nb,2024-01-02,7,usd\nc,2024-01-03,1,\n")
    )
    assert refused(shop) == [(2, "other-currency")]


def test_signs_of_amounts_tell_a_currency_where_no_column_does(
    shop_in: Any, write: Any, refused: Any, events: Any
) -> None:
    head = "customer_id,date,quantity,price\n"
    rows = ["a,2024-01-01,1,$5", "b,2024-01-02,1,€7", "c,2024-01-03,1,CHF 3", "d,2024-01-04,1,4", "e,2024-01-04,1,A$8"]
    for currency, wrong in (("USD", [2, 3, 5]), ("AUD", [2, 3]), ("EUR", [1, 3, 5]), ("CHF", [1, 2, 5])):
        shop = shop_in(currency)
        ww.ingest(shop, write(head + "\n".join(rows) + "\n"))
        assert refused(shop) == [(row, "other-currency") for row in wrong], currency
    shop = shop_in("CNY")
    chinese = 'a,2024-01-01,1,"￥1,299.00"\nb,2024-01-01,1,35元\nc,2024-01-01,1,RMB 12\nd,2024-01-01,1,HK$9\n'
    ww.ingest(shop, write(head + chinese))
    assert refused(shop) == [(4, "other-currency")]
    assert sorted(events(shop, "customer_id", "amount")) == [("a", 1299.0), ("b", 35.0), ("c", 12.0)]
    with pytest.raises(InputError) as caught:
        ww.ingest(shop_in("GBP"), write(head + "a,2024-01-01,1,$5\n"))
    assert "the currency is $" in caught.value.what and "--map" not in caught.value.remedy


@pytest.mark.parametrize("name", ["shopify.csv", "woocommerce.json", "magento.csv"])
def test_addresses_that_say_who_bought_never_reach_the_log(shop_in: Any, events: Any, name: str) -> None:
    """Not even those that stand in for a customer's number, of guests."""
    shop = shop_in("GBP", "auto")
    (file,) = ww.ingest(shop, FILES / name).files
    ids = {customer for (customer,) in events(shop, "customer_id")}
    assert file.pseudonymised and not any("@" in customer for customer in ids)
    assert "@" not in str(read_table(shop, "quarantine").to_pylist())


def test_every_format_says_what_it_is_and_has_a_page() -> None:
    for name, form in FORMATS.items():
        assert name == form.name and form.description
        for field in form.of_order:
            assert field in form.columns, (name, field)
        for field in form.instead:
            assert field in form.columns, (name, field)


# ---- what is known of items and customers ---------------------------------------------------------------------------


def test_a_catalogue_tells_of_items_and_is_no_order(shop_in: Any, write: Any, events: Any) -> None:
    shop = shop_in("GBP")
    ww.ingest(shop, write("customer_id,date,sku,amount\na,2024-01-01,M1,5\n"))
    head = "sku,title,category,price,description,image\n"
    text = head + "M1,Mug,Pots,12.5,A blue mug,img/m1.jpg\nM2,Pot,Pots,30,,\n,x,y,1,,\n"
    (file,) = ww.ingest(shop, write(text, "items.csv")).files
    assert (file.format, file.events, file.known, file.refused) == ("items", 2, 0, {"no-item": 1})
    items = {row["item_id"]: row for row in read_table(shop, "items").to_pylist()}
    assert items["M1"]["description"] == "A blue mug" and items["M1"]["picture"] == "img/m1.jpg"
    assert items["M2"]["category"] == "Pots" and len(events(shop, "item_id")) == 1
    (again,) = ww.ingest(shop, write(text.replace("30", "31"), "items2.csv")).files
    assert (again.events, again.known) == (1, 1)


def items_of(shop: Any) -> tuple[list[Any], list[Any]]:
    picked = [[row[name] for name in ("title", "category", "price")] for row in read_table(shop, "items").to_pylist()]
    return picked, [(row["category"], row["since"]) for row in read_table(shop, "item_categories").to_pylist()]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_later_catalogue_takes_the_place_of_an_earlier_one(
    shop_in: Any, write: Any, monkeypatch: pytest.MonkeyPatch, compacted: bool
) -> None:
    """Title, category and price alike, and whatever the clock says."""
    from worthwhile.ingestion import absorb
    from worthwhile.store.compact import compact

    class Back(datetime):
        year_told = 2030

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            Back.year_told -= 1
            return datetime(Back.year_told, 1, 1, tzinfo=tz)

    monkeypatch.setattr(absorb, "datetime", Back)
    shop = shop_in("GBP")
    line = "customer_id,date,order_id,sku,title,category,price\na,2024-01-01,1,m,MUG damaged,old,3\n"
    ww.ingest(shop, write(line, "line.csv"))
    for title, category, price in (("Mug", "Cups", 5.0), ("Zebra mug", "Zoo", 4.0), ("A mug", "Art", 6.0)):
        (file,) = ww.ingest(shop, write(f"sku,title,category,price\nm,{title},{category},{price}\n", "c.csv")).files
        assert file.events == 1
        if compacted:
            compact(shop, keep_days=0)
        items, categories = items_of(shop)
        assert items == [[title, category, price]]
        assert [told for told, since in categories if since is None] == [category]


def test_catalogues_that_say_when_they_were_changed_come_in_any_order(shop_in: Any, write: Any, tmp_path: Path) -> None:
    head = "sku,title,category,price,updated_at\n"
    lists = [f"m,Zebra mug,Zoo,4,2024-0{month}-01 10:00\n".replace("Z", "ZYX"[month - 1]) for month in (1, 2, 3)]
    found = []
    for place, order in enumerate(itertools.permutations(range(3))):
        shop = ww.create_shop(tmp_path / f"shop{place}", threads=1)
        for number in order:
            (file,) = ww.ingest(shop, write(head + lists[number], f"{number}.csv")).files
            assert file.format == "items" and file.mapping["updated_at"] == "updated_at"
        found.append(items_of(shop))
    assert found == [([["Xebra mug", "Xoo", 4.0]], [("Xoo", None)])] * 6


def test_a_list_of_members_tells_who_registered_when(shop_in: Any, write: Any, events: Any) -> None:
    shop = shop_in("GBP")
    ww.ingest(shop, write("customer_id,date,amount\na,2024-01-05,5\n"))
    (file,) = ww.ingest(
        shop, write("会员编号,注册日期,性别\na,2023-12-31,女\nb,2024-02-01,男\nc,,\n", "members.csv")
    ).files
    assert (file.format, file.events, file.refused) == ("customers", 3, {})
    known = {row["customer_id"]: row for row in read_table(shop, "customers").to_pylist()}
    assert str(known["a"]["registered_at"])[:10] == "2023-12-31" and known["c"]["registered_at"] is None
    assert "女" in known["a"]["attributes"] and events(shop, "customer_id") == [("a",)]


def test_what_a_visitor_did_counts_once_and_becomes_the_customers_when_the_login_is_told(
    shop: Any, write: Any, events: Any
) -> None:
    def line(event: str, hour: int, user: str | None, **properties: Any) -> str:
        stamp = f"2024-01-02T{hour:02d}:00:00Z"
        envelope = {"type": "track", "event": event, "messageId": f"m{hour}", "userId": user, "anonymousId": "a1"}
        return json.dumps(envelope | {"timestamp": stamp, "properties": properties}) + "\n"

    before = line("Product Viewed", 10, None, sku="s") + line("Products Searched", 11, None, query="mug")
    login = line("Product Viewed", 12, "u1", sku="s")
    ww.ingest(shop, write(before, "morning.jsonl"))
    assert {who for (who,) in events(shop, "customer_id")} == {"a1"}
    ww.ingest(shop, write(before + login, "day.jsonl"))
    found = [("u1", "view"), ("u1", "search"), ("u1", "view")]
    assert events(shop, "customer_id", "kind") == found
    ww.ingest(shop, write(before + "\n", "morning again.jsonl"))
    assert events(shop, "customer_id", "kind") == found


def test_segment_order_that_is_cancelled_with_its_products_is_undone_with_its_postage(
    shop: Any, write: Any, events: Any
) -> None:
    products = [{"sku": "SOCK", "price": 9.99, "quantity": 2}, {"sku": "CAP", "price": 5, "quantity": 1}]
    envelope = {"type": "track", "userId": "u1", "anonymousId": "a1"}
    lines = [
        {**envelope, "event": event, "messageId": event, "timestamp": f"2024-01-0{day}T10:00:00Z"}
        | {"properties": {"order_id": "o1", "total": 27.98, "currency": "GBP", "products": products[:many]}}
        for event, day, many in (("Order Completed", 1, 2), ("Order Refunded", 2, 1), ("Order Cancelled", 3, 2))
    ]
    completed, refunded, cancelled = (json.dumps(line) + "\n" for line in lines)
    ww.ingest(shop, write(completed + cancelled, "cancelled.jsonl"))
    told = events(shop, "kind", "item_id", "quantity", "amount", "refund_of")
    assert ("refund", "order-rest", -1.0, -3.0, "o1") in told
    assert sum(amount for (amount,) in events(shop, "amount")) == pytest.approx(0)
    again = write(completed.replace('"o1"', '"o2"') + refunded.replace('"o1"', '"o2"'), "refunded.jsonl")
    ww.ingest(shop, again)  # the total of a refund of some lines may be the order's: postage is not given back
    assert sum(amount for (amount,) in events(shop, "amount")) == pytest.approx(8.0)


def test_cancellations_of_one_number_and_moment_are_undone_for_each_customer(
    shop: Any, write: Any, events: Any
) -> None:
    lines = [
        {"type": "track", "userId": user, "anonymousId": user, "event": event, "timestamp": f"2024-01-0{day}T10:00:00Z"}
        | {"properties": {"order_id": "o1", "total": 12, "products": [{"sku": "SOCK", "price": 9, "quantity": 1}]}}
        for event, day in (("Order Completed", 1), ("Order Cancelled", 3))
        for user in ("u1", "u2")
    ]
    ww.ingest(shop, write("".join(json.dumps(line) + "\n" for line in lines), "two.jsonl"))
    rest = [row for row in events(shop, "customer_id", "item_id", "amount") if row[1] == "order-rest"]
    assert rest == [(user, "order-rest", amount) for amount in (3.0, -3.0) for user in ("u1", "u2")]


TAOBAO = "订单编号,买家会员名,买家实付金额,订单状态,买家下单时间,买家付款时间,宝贝标题,退款金额\n"


@pytest.mark.parametrize("head", [TAOBAO, TAOBAO.replace(",退款金额", "")], ids=["refunds", "no-refunds"])
@pytest.mark.parametrize("back", ["0.00", ""])
def test_taobao_order_closed_without_payment_was_never_paid(
    shop_in: Any, write: Any, refused: Any, head: str, back: str
) -> None:
    shop = shop_in("CNY")
    made, paid = "2024-01-01 10:00:00", "2024-01-01 10:05:00"
    rows = [
        ("1", "甲", "0.00", "交易关闭", made, "", "杯子", back),
        ("2", "乙", "9.00", "交易成功", made, paid, "杯子", "0.00"),
    ]
    width = head.count(",") + 1
    ww.ingest(shop, write(head + "".join(",".join(row[:width]) + "\n" for row in rows)))
    assert refused(shop) == [(1, "never-paid")]


def test_taobao_order_that_was_paid_and_closed_is_an_order_and_its_refund(
    shop_in: Any, write: Any, events: Any
) -> None:
    shop = shop_in("CNY")
    times = "2024-01-01 10:00:00,2024-01-01 10:05:00"
    rows = ("1,甲,9.00,交易关闭", "9.00"), ("2,乙,0.00,交易成功", "0.00"), ("3,丙,0.00,交易关闭", "9.00")
    ww.ingest(shop, write(TAOBAO + "".join(f"{begin},{times},杯子,{back}\n" for begin, back in rows)))
    assert events(shop, "order_id", "kind", "amount") == [
        ("3", "order_line", 0.0),
        ("2", "order_line", 0.0),
        ("1", "order_line", 9.0),
        ("1", "refund", -9.0),
    ]


def test_refunded_orders_are_counted_and_not_their_lines(shop_in: Any, write: Any) -> None:
    head = "订单号,商品ID,商品名称,订购数量,下单时间,应付金额,订单状态,下单帐号\n"
    rows = "".join(f"{n},{i},杯,1,2024-01-0{n} 10:00:00,30,已取消,u{n}\n" for n in (1, 2) for i in (1, 2, 3))
    notes = ww.ingest(shop_in("CNY"), write(head + rows)).files[0].notes
    assert [note for note in notes if note.startswith("2 orders were refunded, it is not known when")]
