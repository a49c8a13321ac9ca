"""What identifies persons is in none of a shop's tables after an ingest, and ids stay the same from file to file."""

from __future__ import annotations

import json
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.store.tables import Writing, read_table

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


# ---- one person, one id -------------------------------------------------------------------------------------------


def rows_of(people: Any, day: str) -> str:
    return "customer_id,order_id,date,amount\n" + "".join(
        f'"{who}",{day}-{n},{day},5\n' for n, who in enumerate(people)
    )


COUNTING_UP = [13000000000 + 7 * n for n in range(300)]
MANY_EMAILS, FEW_EMAILS = ([f"p{n}@example.com" for n in range(size)] for size in (19, 3))


@pytest.mark.parametrize(
    ("first", "then", "people"),
    [
        (COUNTING_UP, [13000000007], 300),
        ([13000000007], COUNTING_UP, 300),
        ([20000000000 + n for n in range(200)] + COUNTING_UP[:9], COUNTING_UP[:2], 209),
        ([*MANY_EMAILS, "M1"], [*FEW_EMAILS, *"ABCDEFGH", "M1"], 28),
        ([*"ABCDEFGH", "M1", *FEW_EMAILS], [*MANY_EMAILS, "M1"], 28),
        (["13812345678.0", "15987654321.0"], ["13812345678", "A", "B", "C"], 5),
        (["10.0.0.1", "A", "B", "C"], ["10.0.0.1"], 4),
        (["11010519491231002X", "A", "B", "C"], ["11010519491231002x"], 4),
    ],
)
def test_id_is_the_same_whatever_else_is_in_its_file(shop: Any, write: Any, first: Any, then: Any, people: int) -> None:
    ww.ingest(shop, write(rows_of(first, "2023-01-01")))
    ww.ingest(shop, write(rows_of(then, "2023-02-01"), name="b.csv"))
    assert len(ids(shop)) == people


@pytest.mark.parametrize(
    "text",
    [
        "Ann@X.com",
        " ann@x.com ",
        "ann@x.com;",
        "ann@x.com,",
        "mailto:ann@x.com",
        "Ann Roe <ann@x.com>",
        "ann@x.com (guest)",
        "'ann@x.com'",
    ],
)
@pytest.mark.parametrize("header", ["customer_id", "Email"])
def test_address_is_the_same_person_however_it_is_written(shop: Any, write: Any, text: str, header: str) -> None:
    text = rows_of(["ann@x.com", text, "7", "8", "9"], "2023-01-01").replace("customer_id", header)
    ww.ingest(shop, write(text))
    assert len(ids(shop)) == 4 and "7" in ids(shop)
    assert "x.com" not in everything(shop)


@pytest.mark.parametrize(
    "number",
    [
        "+44 7911 123456",
        "13812345678.0",
        "415-555-1234",
        "(212) 555-1234",
        "07700 900123",
        "0571-88886666",
        "01012345678",
    ],
)
def test_single_phone_number_among_other_ids_is_replaced(shop: Any, write: Any, number: str) -> None:
    ww.ingest(shop, write(rows_of([number, "A1", "A2", "A3"], "2023-01-01")))
    assert [name[:2] for name in ids(shop)] == ["A1", "A2", "A3", "c_"]


@pytest.mark.parametrize(
    "number", ["17", "0000123456", "0012345678", "6940095564123", "4155551234", "a1b2c3d4e5f60718"]
)
def test_numbers_that_do_not_tell_who_it_is_stay(shop: Any, write: Any, number: str) -> None:
    ww.ingest(shop, write(rows_of([number, "A1"], "2023-01-01")))
    assert ids(shop) == sorted([number, "A1"])
    assert not (shop.folder / "key").exists()


def test_number_that_does_not_tell_is_replaced_in_a_column_of_phone_numbers_in_any_share(shop: Any, write: Any) -> None:
    for name, people in (("a.csv", ["4155551234", "4155559999", "M1"]), ("b.csv", ["4155551234", "M1", "M2", "M3"])):
        day = "2023-01-01" if name == "a.csv" else "2023-02-01"
        ww.ingest(
            shop,
            write(rows_of(people, day).replace("customer_id", "Phone"), name=name),
            mapping={"customer_id": "Phone"},
        )
    assert [name[:2] for name in ids(shop)] == ["M1", "M2", "M3", "c_", "c_"]


def test_some_ids_replaced_are_counted_in_a_note(shop: Any, write: Any) -> None:
    (report,) = ww.ingest(shop, write(rows_of(["ann@x.com", "A1", "A2"], "2023-01-01"))).files
    assert any(note.startswith("1 of 3 ids in `customer_id` are e-mail addresses") for note in report.notes)
    assert report.pseudonymised


# ---- texts --------------------------------------------------------------------------------------------------------


def test_addresses_in_any_text_that_is_taken_are_masked_and_numbers_stay_apart(shop: Any, write: Any) -> None:
    text = (
        "customer_id,order_id,date,amount,sku,category,channel,country,description\n"
        "A1,o1-ann@x.com,2024-01-02,5,mug for ann@x.com,for ann@x.com,ann@x.com,ann@x.com,call 415-555-1234\n"
        "A1,o2-ann@x.com,2024-01-02,5,mug for bob@x.com,c,web,UK,d\n"
        "A2,o3,2024-01-02,5,s2,c,web,UK,d\nA3,o4,2024-01-02,5,s2,c,web,UK,d\n"
    )
    ww.ingest(shop, write(text))
    assert "x.com" not in everything(shop) and "415-555" not in everything(shop)
    events = read_table(shop, "events")
    assert len(set(events["order_id"].to_pylist())) == 4 and len(set(events["item_id"].to_pylist())) == 3
    assert "for [email]" in events["category"].to_pylist()


def test_torn_line_is_masked(shop: Any, write: Any) -> None:
    csv = "customer_id,date,amount,comment\nA1,2024-01-02,5,ok\nA2,2024-01-02,5,ask,jane@x.com or 13812345678\n"
    lines = '{"customer_id":"A1","date":"2024-01-03","amount":5}\n{"customer_id":"A2","note":"jane@x.com"\n'
    ww.ingest(shop, write(csv), write(lines, name="b.jsonl"))
    assert read_table(shop, "quarantine").sort_by("file")["content"].to_pylist() == [
        '{"line":"{\\"customer_id\\":\\"A2\\",\\"note\\":\\"[email]\\""}',
        '{"line":"A2,2024-01-02,5,ask,[email] or [phone]"}',
    ]


# ---- the mode -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["always", "never"])
def test_auto_cannot_follow_another_mode(shop: Any, write: Any, state: Any, mode: str) -> None:
    ww.ingest(shop, write(rows_of(["M1"], "2023-01-01")), pseudonymise=mode == "always")
    shop = ww.change_settings(shop, {"privacy.pseudonymise": "auto"})
    before = state(shop)
    with pytest.raises(InputError, match="counted twice") as caught:
        ww.ingest(shop, write(rows_of(["M1"], "2023-02-01"), name="b.csv"))
    assert caught.value.code == "bad-setting"
    assert state(shop) == before


def test_mode_is_kept_before_the_commit_so_that_a_crash_cannot_lose_it(
    shop: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, seen = Writing.commit, []

    def look(change: Writing, rows: Any) -> None:
        seen.append(ww.open_shop(shop.folder).settings["privacy.pseudonymise"])
        commit(change, rows)

    monkeypatch.setattr(Writing, "commit", look)
    ww.ingest(shop, write(rows_of(["M1"], "2023-01-01")), pseudonymise=True)
    assert seen == ["always"]


def test_commit_that_fails_leaves_the_settings_as_they_were(
    shop: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(change: Writing, rows: Any) -> None:
        raise OSError(28, "No space left on device")

    before = (shop.folder / "shop.toml").read_bytes()
    monkeypatch.setattr(Writing, "commit", fail)
    with pytest.raises(InputError):
        ww.ingest(shop, write(rows_of(["M1"], "2023-01-01")), pseudonymise=True)
    assert (shop.folder / "shop.toml").read_bytes() == before


def test_run_that_waited_reads_with_the_settings_kept_meanwhile(shop: Any, write: Any) -> None:
    waiting = ww.open_shop(shop.folder)
    ww.ingest(shop, write(rows_of(["M1"], "2023-01-01")), pseudonymise=True)
    ww.ingest(waiting, write(rows_of(["M1"], "2023-02-01"), name="b.csv"))
    assert len(ids(shop)) == 1
