"""Columns that are not read: told, and asked about where they may hold the amounts."""

from __future__ import annotations

from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.columns import Table, recognise
from worthwhile.ingestion.formats.orders import ORDERS
from worthwhile.ingestion.unread import maybe_money, unread


def candidates(name: str, values: list[str]) -> tuple[str, ...]:
    table = Table("orders.csv", ("customer", "date", name), (["a"], ["2024-01-31"], values))
    columns = recognise(table, ORDERS)
    return maybe_money(table, columns, unread(table, columns, ()))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *[("Bedrag", ["12.50", "8"]), ("Waarde", ["12,50", "8,00"]), ("kwota", ["€ 12", "€ 9"])],
        *[("實付", ["12", "9"]), ("Postage", ["3.5", "0"]), ("Average", ["3", "2"])],
    ],
)
def test_numbers_that_could_be_money_are_candidates(name: str, values: list[str]) -> None:
    assert candidates(name, values) == (name,)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *[("StoreID", ["12", "9"]), ("till no", ["1", "2"]), ("rating", ["4.5", "5"]), ("kg weight", ["1.5", "2"])],
        *[("pieces", ["2", "3"]), ("门店编号", ["12", "9"]), ("积分", ["120", "90"]), ("row", ["7", "8"])],
        *[("serial", ["00123", "00124"]), ("basket", ["20240131001", "20240131002"]), ("gift", ["0", "1"])],
        *[("note", ["12", "none"]), ("nth", ["1", "2", "3"]), ("sent", ["20240131", "20240201"]), ("empty", [])],
    ],
)
def test_ids_quantities_days_and_flags_are_none(name: str, values: list[str]) -> None:
    assert candidates(name, values) == ()


def test_file_whose_amounts_were_not_recognised_is_refused_with_the_columns_that_may_be_them(
    shop: Any, write: Any, events: Any, state: Any
) -> None:
    path = write("Buyer,Paid on,Doc,Waarde,till no\nb0,2025-03-15,x0,10,1\nb1,2025-05-28,x1,11.5,2\n")
    before = state(shop)
    with pytest.raises(InputError, match="`Waarde` holds numbers that could be money") as caught:
        ww.ingest(shop, path)
    assert caught.value.code == "bad-columns"
    assert "--map 'amount=Waarde'" in caught.value.remedy
    assert "--map amount= counts every order as 1" in caught.value.remedy
    assert state(shop) == before
    ww.ingest(shop, path, mapping={"amount": "Waarde"})
    assert events(shop, "amount") == [(10.0,), (11.5,)]


def test_whoever_says_that_there_are_no_amounts_is_believed(shop: Any, write: Any) -> None:
    path = write("Buyer,Paid on,Waarde\nb0,2025-03-15,10\nb1,2025-05-28,11.5\n")
    (report,) = ww.ingest(shop, path, mapping={"amount": ""}).files
    assert report.notes == ("no amounts: every order counts as 1",)
    assert report.unread == ("Waarde",)


def test_visits_need_no_amounts_and_are_not_asked_for_them(shop: Any, write: Any) -> None:
    (report,) = ww.ingest(shop, write("user,time,action,item,dwell\na,2020-01-01,view,m,3.5\n")).files
    assert (report.events, report.unread) == (1, ("dwell",))


def test_columns_that_are_not_read_are_told(shop: Any, write: Any) -> None:
    text = "customer,date,amount,colour,phone\na,2020-01-01,5,red,+44 20 7946 0958\n"
    (report,) = ww.ingest(shop, write(text)).files
    assert report.unread == ("colour",)
    assert report.to_dict()["unread"] == ["colour"]
