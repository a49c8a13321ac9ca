"""Whose an amount is: the order's, and so on every line of it, or each line's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import worthwhile as ww
from oracles.contents import rows_of
from worthwhile.errors import InputError
from worthwhile.shop import Shop

Lines = Callable[..., str]


def lines(orders: int, amount: Callable[[int, int], float], name: str = "Total", first: int = 1, items: int = 2) -> str:
    """Orders of so many items, of one piece, two pieces, ..."""
    rows = [
        f"{n},b{n % 7},2024-01-{1 + n % 28:02d},P{i},{i + 1},{amount(n, i)}\n"
        for n in range(first, first + orders)
        for i in range(items)
    ]
    return f"Order ID,Buyer,Date,Product,Qty,{name}\n" + "".join(rows)


def total(n: int, _: int) -> float:
    return 10.5 + n


def own(n: int, i: int) -> float:
    return 10.5 + n + 7 * i


@pytest.fixture
def spent(shop: Shop, write: Any, events: Any) -> Callable[..., float]:
    """Ingest texts as files, in one go; returns the sum of amounts."""

    def look(*texts: str, **options: Any) -> float:
        ww.ingest(shop, *(write(text, f"{place}.csv") for place, text in enumerate(texts)), **options)
        return sum(amount for (amount,) in events(shop, "amount"))

    return look


@pytest.mark.parametrize("name", ["Order Total", "order_total", "订单总金额"])
def test_column_named_the_orders_total_counts_once_an_order(spent: Any, name: str) -> None:
    assert spent(lines(2, total, name)) == pytest.approx(11.5 + 12.5)


def test_total_of_rows_without_numbers_of_orders_is_the_rows_amount(spent: Any, events: Any, shop: Shop) -> None:
    assert spent("buyer,date,order_total\na,2024-01-01,3\na,2024-01-01,4\n") == 7


def test_rows_that_lack_the_orders_number_count_by_themselves(spent: Any) -> None:
    text = "order_id,buyer,date,order_total\no1,a,2024-01-01,3\n,a,2024-01-01,4\n,a,2024-01-01,5\n"
    assert spent(text) == 12


@pytest.mark.parametrize("back", ["o1,a,2024-01-05,-1,30", "o1,a,2024-01-05,1,-30"])
def test_refund_of_an_orders_total_stays_a_refund(spent: Any, events: Any, shop: Shop, back: str) -> None:
    assert spent(f"order_id,buyer,date,qty,order_total\no1,a,2024-01-01,1,30\n{back}\n") == 0
    assert events(shop, "kind", "amount") == [("order_line", 30.0), ("refund", -30.0)]


def test_refund_of_an_order_with_prices_and_a_total_stays_a_refund(spent: Any, events: Any, shop: Shop) -> None:
    head = "order_id,buyer,date,sku,qty,price,order_total\n"
    assert spent(f"{head}o1,a,2024-01-01,x,1,30,30\no1,a,2024-01-05,x,-1,30,30\n") == 0


def test_number_that_is_used_again_has_a_total_each_time(spent: Any) -> None:
    assert spent("order_id,buyer,date,order_total\no1,a,2023-01-01,30\no1,a,2024-01-01,50\n") == 80


def test_each_version_of_an_order_in_one_file_has_its_whole_total(spent: Any) -> None:
    text = "order_id,buyer,date,order_total,changed\no1,a,2024-01-01,30,2024-01-02\no1,a,2024-01-01,30,2024-01-03\n"
    assert spent(text, mapping={"updated_at": "changed"}) == 30


def test_amount_that_is_the_same_on_every_line_of_all_orders_is_their_total(spent: Any, shop: Shop) -> None:
    assert spent(lines(6, total)) == pytest.approx(sum(total(n, 0) for n in range(1, 7)))
    assert shop.read_again().settings["ingest.columns"] == {"order_total": "Total"}
    [batch] = rows_of(shop, "batches")
    assert '"order_total": "Total"' in str(batch)


def test_note_says_how_to_overrule_what_values_told(shop: Shop, write: Any) -> None:
    [report] = ww.ingest(shop, write(lines(6, total))).files
    assert report.how["order_total"] == "value"
    assert [note for note in report.notes if "all 6 orders of several items; --map 'amount=Total'" in note]


def test_amount_that_is_said_to_be_each_lines_is(spent: Any, shop: Shop) -> None:
    assert spent(lines(6, total), mapping={"amount": "Total"}) == pytest.approx(2 * sum(10.5 + n for n in range(1, 7)))


def test_what_is_said_now_stands_against_what_values_told(spent: Any, shop: Shop) -> None:
    spent(lines(6, total))
    spent(lines(1, own, first=50), mapping={"amount": "Total"})
    assert shop.read_again().settings["ingest.columns"] == {"amount": "Total"}


@pytest.mark.parametrize(
    "text",
    [
        lines(40, own),
        lines(6, total, name="Line Total"),
        lines(6, lambda n, i: 9.99),  # a shop of one price
        lines(4, total),  # too few to tell
        lines(40, total).replace(",P1,", ",P0,"),  # two lines of one item
        lines(9, total).replace(",P1,2,", ",P1,1,"),  # two sizes of one price
        lines(40, total).replace("39,b4,2024-01-12,P1,2,49.5", "39,b4,2024-01-12,P1,2,50"),
    ],
    ids=["own", "line-total", "one-price", "few", "one-item", "sizes", "one-tells"],
)
def test_amount_that_may_be_each_lines_is_taken_so(shop: Shop, write: Any, text: str) -> None:
    [report] = ww.ingest(shop, write(text)).files
    assert "order_total" not in report.mapping
    assert shop.read_again().settings["ingest.columns"] == {}


SINGLE = lines(3, total, items=1, first=900)  # of orders that both readings leave as they are


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_files_that_tell_nothing_may_come_before_and_after_the_one_that_tells(
    shop: Shop, write: Any, events: Any, turned: bool, at_once: bool
) -> None:
    few = lines(3, total, first=500)
    files = [write(text, f"{place}.csv") for place, text in enumerate((SINGLE, lines(6, total), few))]
    files = [files[1], files[2], files[0]] if turned else files
    for some in [files] if at_once else [[file] for file in files]:
        ww.ingest(shop, *some)
    once = sum(total(n, 0) for n in (*range(1, 7), *range(500, 503), *range(900, 903)))
    assert sum(amount for (amount,) in events(shop, "amount")) == pytest.approx(once)
    before = events(shop, "event_id")
    assert ww.ingest(shop, *files).events == 0
    assert events(shop, "event_id") == before


@pytest.mark.parametrize("at_once", [False, True])
def test_orders_that_were_read_as_lines_are_not_left_so_unsaid(shop: Shop, write: Any, at_once: bool) -> None:
    few, many = write(lines(3, total, first=500), "few.csv"), write(lines(6, total), "many.csv")
    if not at_once:
        ww.ingest(shop, few)
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, *([few, many] if at_once else [many]))
    assert caught.value.code == "bad-columns"
    assert "3 orders were read before" in caught.value.what
    assert "--map 'order_total=Total'" in caught.value.remedy


@pytest.mark.parametrize("at_once", [False, True])
def test_file_is_read_as_its_sisters_that_tell_of_lines(shop: Shop, write: Any, at_once: bool) -> None:
    told, odd = write(lines(40, own, first=500), "told.csv"), write(lines(12, total), "odd.csv")
    if not at_once:
        ww.ingest(shop, told)
    report = ww.ingest(shop, *([told, odd] if at_once else [odd])).files[-1]
    assert report.mapping["amount"] == "Total"


def test_orders_of_several_totals_are_told(shop: Shop, write: Any) -> None:
    [report] = ww.ingest(shop, write(lines(2, own, "Order Total"))).files
    assert [note for note in report.notes if note.startswith("2 orders have several totals in `Order Total`")]
