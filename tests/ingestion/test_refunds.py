"""Refunds find their orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import worthwhile as ww
from oracles.refunds import Line, match_by_item
from worthwhile.ingestion.refunds import match_refunds
from worthwhile.schema import EVENTS

START = datetime(2020, 1, 1, tzinfo=UTC)
GONE = "CREATE TEMP TABLE gone (event_id VARCHAR, order_id VARCHAR, customer_id VARCHAR)"


def table(lines: list[Line], *, price: float | None = None, matched: dict[str, str] | None = None) -> pa.Table:
    """The lines as events; without a price each amount is another, so that none is equal to any other by chance."""
    rows = []
    for place, line in enumerate(lines):
        moment = START + timedelta(hours=line.time)
        sign = -1 if line.is_refund else 1
        rows.append(
            {
                "event_id": line.name,
                "ts": moment,
                "local_ts": moment.replace(tzinfo=None),
                "customer_id": line.customer,
                "kind": "refund" if line.is_refund else "order_line",
                "order_id": line.order,
                "item_id": line.item,
                "quantity": float(sign * line.quantity),
                "amount": sign * (line.quantity * price if price else 1000.0 + place),
                "refund_of": (matched or {}).get(line.name),
                "is_goods": True,
                "batch_id": "b",
            }
        )
    return pa.Table.from_pylist(rows, schema=EVENTS)


def match(fresh: list[Line], known: pa.Table | None = None, *, price: float | None = None) -> dict[str, str]:
    con = duckdb.connect()
    con.register("fresh", table(fresh, price=price).drop_columns(["refund_of"]))
    con.register("known", EVENTS.empty_table() if known is None else known)
    con.execute(GONE)
    count = match_refunds(con)
    found = dict(con.execute("SELECT event_id, refund_of FROM matches").fetchall())
    assert count == len(found)
    return found


def line(name: str, time: int, quantity: int, *, item: str = "i", order: str = "", customer: str = "c") -> Line:
    return Line(name, customer, order or f"o-{name}", item, time, quantity)


def back(name: str, time: int, quantity: int, *, item: str = "i", order: str = "", customer: str = "c") -> Line:
    return Line(name, customer, order or f"C-{name}", item, time, quantity, is_refund=True)


def test_refund_belongs_to_the_latest_order_that_is_large_enough() -> None:
    lines = [line("a", 1, 9), line("b", 2, 5), line("late", 9, 9)]
    assert match([*lines, back("r", 5, 4)]) == {"r": "o-b"}
    assert match([*lines, back("r", 5, 6)]) == {"r": "o-a"}
    assert match([*lines, back("r", 5, 10)]) == {}


def test_line_is_not_refunded_twice() -> None:
    lines = [line("a", 1, 5), line("b", 2, 5)]
    assert match([*lines, back("r", 5, 5), back("s", 6, 5), back("t", 7, 5)]) == {"r": "o-b", "s": "o-a"}


def test_what_a_former_file_refunded_is_gone() -> None:
    known = table([line("a", 1, 5), line("b", 2, 5), back("r", 3, 4)], matched={"r": "o-b"})
    assert match([back("s", 5, 2)], known) == {"s": "o-a"}
    assert match([back("s", 5, 1)], known) == {"s": "o-b"}


def test_other_customers_and_items_are_let_alone() -> None:
    lines = [line("a", 1, 5, customer="d"), line("b", 2, 5, item="j")]
    assert match([*lines, back("r", 5, 1)]) == {}


def test_refund_that_bears_the_orders_number_belongs_to_it_whatever_its_item() -> None:
    lines = [line("a", 1, 5, order="o1"), line("b", 2, 5, order="o2")]
    assert match([*lines, back("r", 5, 1, item="x", order="o1")]) == {"r": "o1"}


def test_refund_entered_by_hand_belongs_to_the_latest_line_of_its_amount() -> None:
    lines = [line("a", 1, 3), line("b", 2, 4), line("c", 3, 5)]
    assert match([*lines, back("r", 5, 4, item="M")], price=2.5) == {"r": "o-b"}
    assert match([*lines, back("r", 5, 4), back("s", 6, 4, item="M")], price=2.5) == {"r": "o-c", "s": "o-b"}


def test_shop_without_order_numbers_has_no_matches() -> None:
    fresh = table([line("a", 1, 5), back("r", 2, 5)])
    orders = fresh.set_column(fresh.column_names.index("order_id"), "order_id", pa.nulls(len(fresh), pa.string()))
    con = duckdb.connect()
    con.register("fresh", orders.drop_columns(["refund_of"]))
    con.register("known", EVENTS.empty_table())
    con.execute(GONE)
    assert match_refunds(con) == 0


small = st.integers(1, 4)
LINES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 9), small, st.booleans()), max_size=14
)


@settings(max_examples=40, deadline=None)
@given(LINES)
def test_matches_equal_those_of_the_slow_oracle(drawn: list[tuple[str, str, int, int, bool]]) -> None:
    lines = [
        Line(f"e{n:02d}", customer, f"{'C' if is_refund else ''}{n}", item, time, quantity, is_refund)
        for n, (customer, item, time, quantity, is_refund) in enumerate(drawn)
    ]
    assert match(lines) == match_by_item(lines)


# ---- when it was given back ---------------------------------------------------------------------------------------

DATED = "customer,date,order id,amount,status,refunded at\n"


def test_refund_stands_at_the_time_that_the_file_tells(shop: Any, write: Any, events: Any) -> None:
    rows = "a,2020-01-01 10:00,o1,5,refunded,2020-07-01 09:30\na,2020-01-02,o2,6,paid,\n"
    report = ww.ingest(shop, write(DATED + rows)).files[0]
    assert events(shop, "kind", "ts", "local_ts", "refund_of") == [
        ("order_line", "2020-01-01 10:00:00+00", "2020-01-01 10:00:00", None),
        ("order_line", "2020-01-02 00:00:00+00", "2020-01-02 00:00:00", None),
        ("refund", "2020-07-01 08:30:00+00", "2020-07-01 09:30:00", "o1"),
    ]
    assert report.notes == ()
    assert "undated-refunds" not in {finding.code for finding in ww.check(shop)}


@pytest.mark.parametrize(
    ("name", "text", "local"),
    [
        ("退款时间", "2020年7月1日 09:30", "2020-07-01 09:30:00"),
        ("Cancelled_at", "2020-07-01T09:30:00+01:00", "2020-07-01 09:30:00"),
        ("refund date", "13/07/2020", "2020-07-13 00:00:00"),
        ("取消时间", "1593592200", "2020-07-01 09:30:00"),
    ],
)
def test_times_of_refunds_are_found_by_name_and_read_in_every_form(
    shop: Any, write: Any, events: Any, name: str, text: str, local: str
) -> None:
    ww.ingest(shop, write(f"customer,date,order id,amount,status,{name}\na,2020-01-01,o1,5,已退款,{text}\n"))
    assert events(shop, "kind", "local_ts")[1] == ("refund", local)


def test_column_of_refund_times_may_be_mapped(shop: Any, write: Any, events: Any) -> None:
    text = "customer,date,order id,amount,status,ended\na,2020-01-01,o1,5,cancelled,2020-02-01\n"
    ww.ingest(shop, write(text), mapping={"refunded_at": "ended"})
    assert events(shop, "kind", "local_ts")[1] == ("refund", "2020-02-01 00:00:00")


def test_time_of_a_refund_speaks_for_one_where_there_is_no_status(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(
        shop, write("customer,date,order id,amount,refunded at\na,2020-01-01,o1,5,2020-03-01\na,2020-01-02,o2,6,\n")
    )
    assert events(shop, "kind", "amount") == [("order_line", 5.0), ("order_line", 6.0), ("refund", -5.0)]


def test_status_decides_whether_and_the_time_only_when(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(
        shop,
        write(DATED + "a,2020-01-01,o1,5,paid,2020-03-01\nb,2020-01-01,o2,5,refunded,0000-00-00 00:00:00\n"),
    )
    assert events(shop, "kind", "customer_id") == [("order_line", "a"), ("order_line", "b"), ("refund", "b")]


def test_refund_lies_after_its_order_even_if_the_file_knows_its_day_only(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write(DATED + "a,2020-01-01 10:00,o1,5,refunded,2020-01-01\n"))
    assert events(shop, "kind", "local_ts")[1] == ("refund", "2020-01-01 10:00:00.000001")
    assert "undated-refunds" not in {finding.code for finding in ww.check(shop)}


def test_time_of_a_refund_that_cannot_be_read_is_no_reason_to_guess(shop: Any, write: Any, refused: Any) -> None:
    rows = "a,2020-01-01,o1,5,refunded,soon\na,2020-01-01,o2,5,paid,soon\na,2020-01-01,o3,5,refunded,1900-01-01\n"
    ww.ingest(shop, write(DATED + rows))
    assert refused(shop) == [(1, "bad-date"), (3, "impossible-date")]


def test_refund_known_at_its_time_is_not_read_again_from_a_file_that_does_not_tell_it(
    shop: Any, write: Any, events: Any
) -> None:
    ww.ingest(shop, write(DATED + "a,2020-01-01,o1,5,refunded,2020-07-01\n"))
    bare = "customer,date,order id,amount,status\na,2020-01-01,o1,5,refunded\n"
    again = ww.ingest(shop, write(bare, name="bare.csv")).files[0]
    assert (again.events, again.known) == (0, 2)
    assert len(events(shop, "event_id")) == 2


def test_row_that_is_itself_a_refund_stands_at_the_time_told(shop: Any, write: Any, events: Any) -> None:
    text = (
        "customer,date,order id,amount,type,refund time\na,2020-01-01,o1,5,sale,\na,2020-01-01,o1,5,refund,2020-02-01\n"
    )
    ww.ingest(shop, write(text))
    assert events(shop, "kind", "local_ts")[1] == ("refund", "2020-02-01 00:00:00")


def test_refunds_without_a_time_are_told_at_ingest_and_by_the_check(shop: Any, write: Any) -> None:
    rows = "a,2020-01-01,o1,5,refunded\na,2020-01-02,o2,6,paid\na,2020-01-03,o2,-1,paid\n"
    report = ww.ingest(shop, write("customer,date,order id,amount,status\n" + rows)).files[0]
    assert "--map refunded_at" in report.notes[0]
    found = {finding.code: finding for finding in ww.check(shop)}["undated-refunds"]
    assert (found.severity, found.count, found.facts["refunds"], found.facts["amount"]) == ("warning", 1, 2, -5.0)


def test_day_and_month_of_refunds_are_told_by_the_orders_dates(shop: Any, write: Any, events: Any) -> None:
    ww.ingest(shop, write(DATED + "a,31/01/2020,o1,5,refunded,01/02/2020\n"))
    assert events(shop, "kind", "local_ts")[1] == ("refund", "2020-02-01 00:00:00")
