"""Refunds find their orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.refunds import Line, match_by_item
from worthwhile.ingestion.refunds import match_refunds
from worthwhile.schema import EVENTS

START = datetime(2020, 1, 1, tzinfo=UTC)


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
