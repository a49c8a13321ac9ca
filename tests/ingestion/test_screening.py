"""What identifies persons is in none of a shop's tables after an ingest, and ids stay the same from file to file."""

from __future__ import annotations

import json
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.store.tables import read_table

HEADER = "Email,Billing Name,Phone,Shipping Street,Date,Order,SKU,Product,Amount\n"
JANE = "{},Jane Doe,+44 7911 123456,12 High Street,{},o1,s1,Mug,{}\n"


def ids(shop: Any) -> list[str]:
    return sorted(set(read_table(shop, "events")["customer_id"].to_pylist()))


def everything(shop: Any) -> str:
    tables = ("events", "items", "item_categories", "customers", "quarantine", "batches")
    return json.dumps([read_table(shop, name).to_pylist() for name in tables], default=str, ensure_ascii=False)


def test_identifying_columns_go_into_no_table_and_are_listed(shop: Any, write: Any) -> None:
    rows = JANE.format("jane@example.com", "2023-01-01", 5) + JANE.format("jane@example.com", "soon", 5)
    (report,) = ww.ingest(shop, write(HEADER + rows)).files
    assert report.left_out == {"Billing Name": "name", "Phone": "phone", "Shipping Street": "address"}
    assert report.pseudonymised and report.to_dict()["left_out"] == dict(report.left_out)
    assert any("was left out: `Billing Name`" in note for note in report.notes)
    assert not [text for text in ("jane", "Jane", "7911", "High Street") if text in everything(shop)]


def test_content_of_refused_rows_has_the_pseudonym_and_nothing_that_identifies(shop: Any, write: Any) -> None:
    rows = JANE.format("jane@example.com", "2023-01-01", 5) + JANE.format("Jane@Example.com", "soon", 5)
    ww.ingest(shop, write(HEADER + rows))
    (row,) = read_table(shop, "quarantine").to_pylist()
    assert json.loads(row["content"]) == {
        "Email": ids(shop)[0],
        "Date": "soon",
        "Order": "o1",
        "SKU": "s1",
        "Product": "Mug",
        "Amount": "5",
    }


def test_line_that_cannot_be_split_is_not_kept_where_its_file_identifies_persons(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(HEADER + JANE.format("jane@example.com", "2023-01-01", 5) + "jane@example.com,Jane\n"))
    (row,) = read_table(shop, "quarantine").to_pylist()
    assert (row["reason"], row["content"]) == ("torn-line", None)


def test_addresses_and_numbers_in_reviews_searches_and_titles_are_masked(shop: Any, write: Any) -> None:
    text = (
        "customer,date,type,title,text,amount\n"
        "a,2023-01-01,review,Mug,mail me: me@example.com 13812345678,\n"
        "a,2023-01-02,search,,+44 7911 123456,\n"
        "a,2023-01-03,order,Card for Jo (jo@example.com),,5\n"
        "a,soon,order,x,me@example.com,5\n"
    )
    ww.ingest(shop, write(text))
    events = read_table(shop, "events").sort_by("ts")
    assert events["text"].to_pylist() == ["mail me: [email] [phone]", "[phone]", None]
    assert read_table(shop, "items")["title"].to_pylist() == ["Card for Jo ([email])", "Mug"]
    assert "example.com" not in everything(shop)


def test_shifted_address_shows_in_no_detail(shop: Any, write: Any) -> None:
    text = "Customer,Date,Amount\na,2023-01-01,5\na,2023-01-01,jane@example.com\n"
    ww.ingest(shop, write(text))
    (row,) = read_table(shop, "quarantine").to_pylist()
    assert row["detail"] == "amount is [email]" and "jane" not in row["content"]


def test_one_person_is_one_customer_in_all_files(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("Email,Date,Amount\nJane@Example.com,2023-01-01,5\n"))
    ww.ingest(shop, write("customer,Date,Amount\n17,2023-01-01,5\njane@example.com,2023-02-01,5\n", name="b.csv"))
    assert len(ids(shop)) == 2 and "17" in ids(shop)


def test_phone_numbers_as_ids_become_pseudonyms(shop: Any, write: Any) -> None:
    numbers = ("13812345678", "+86 159-8765-4321", "186 1111 2222")
    ww.ingest(shop, write("手机号,下单时间,实付金额\n" + "".join(f"{n},2023-01-01,5\n" for n in numbers)))
    ww.ingest(shop, write("手机号,下单时间,实付金额\n15987654321,2023-01-05,5\n", name="b.csv"))
    assert len(ids(shop)) == 3 and all(name.startswith("c_") for name in ids(shop))


def test_nickname_stands_as_it_is_with_a_note_unless_pseudonyms_are_asked_for(shop: Any, write: Any) -> None:
    text = "买家会员名,订单付款时间,买家实际支付金额\n小猫,2023-01-01,5\n大树,2023-01-02,5\n"
    (report,) = ww.ingest(shop, write(text)).files
    assert ids(shop) == ["大树", "小猫"]
    assert any("--pseudonymise replaces it" in note for note in report.notes)


def test_pseudonyms_asked_for_once_are_kept_for_later_files(shop: Any, write: Any) -> None:
    text = "买家会员名,订单付款时间,买家实际支付金额\n小猫,{},5\n"
    ww.ingest(shop, write(text.format("2023-01-01")), pseudonymise=True)
    shop = ww.open_shop(shop.folder)
    assert shop.settings["privacy.pseudonymise"] == "always"
    ww.ingest(shop, write(text.format("2023-02-01"), name="b.csv"))
    assert len(ids(shop)) == 1 and ids(shop)[0].startswith("c_")


def test_pseudonyms_may_be_declined_and_other_identifiers_are_left_out_all_the_same(shop: Any, write: Any) -> None:
    rows = JANE.format("jane@example.com", "2023-01-01", 5)
    (report,) = ww.ingest(shop, write(HEADER + rows), pseudonymise=False).files
    assert ids(shop) == ["jane@example.com"] and not report.pseudonymised
    assert "Billing Name" in report.left_out
    assert not (shop.folder / "key").exists()


@pytest.mark.parametrize(("first", "then"), [(True, False), (False, True)])
def test_change_of_mind_would_count_people_twice_and_is_refused(
    shop: Any, write: Any, state: Any, first: bool, then: bool
) -> None:
    text = "customer,Date,Amount\na,{},5\n"
    ww.ingest(shop, write(text.format("2023-01-01")), pseudonymise=first)
    before = state(shop)
    with pytest.raises(InputError, match="counted twice") as caught:
        ww.ingest(ww.open_shop(shop.folder), write(text.format("2023-01-02"), name="b.csv"), pseudonymise=then)
    assert caught.value.code == "bad-setting"
    assert state(shop) == before


def test_identifying_column_that_was_mapped_is_not_read_and_that_is_said(shop: Any, write: Any) -> None:
    text = "customer,date,amount,contact\na,2023-01-01,5,jane@example.com\nb,2023-01-01,5,ola@example.com\n"
    (report,) = ww.ingest(shop, write(text), mapping={"channel": "contact"}).files
    assert "channel" not in report.mapping
    assert any("`contact` as channel" in note for note in report.notes)
    assert "example.com" not in everything(shop)


def test_file_without_identifiers_is_read_as_before(shop: Any, write: Any) -> None:
    (report,) = ww.ingest(shop, write("customer,date,order id,amount\n17850,2023-01-01,13812345678,5\n17850,x\n")).files
    assert (report.left_out, report.pseudonymised, report.notes) == ({}, False, ())
    assert read_table(shop, "quarantine")["content"].to_pylist() == ['{"line":"17850,x"}']
    assert sorted(path.name for path in shop.folder.iterdir()) == ["shop.toml", "tables"]
