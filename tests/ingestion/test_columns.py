"""Which column means what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import FIELDS, Columns, Table, check_mapping, format_of, plain, recognise
from worthwhile.ingestion.effects import EFFECTS, STATUSES, TOUCHES, TYPES
from worthwhile.ingestion.formats import FORMATS
from worthwhile.ingestion.formats.orders import NAMES, ORDERS
from worthwhile.schema import EVENT_KINDS


def table(*names: str, values: Sequence[Sequence[str]] = (), **more: Any) -> Table:
    return Table("orders.csv", names, values or [["x"] for _ in names], **more)


def found(*names: str, **more: Any) -> dict[str, str]:
    return recognise(table(*names, values=more.pop("values", ())), ORDERS, **more).to_dict()


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Customer ID", "customerid"),
        ("customer_id", "customerid"),
        ("ＣustomerＩD", "customerid"),
        ("付款时间（北京）", "付款时间"),
        ("Total [GBP]", "total"),
        ("(id)", "id"),
    ],
)
def test_names_are_compared_without_what_varies_between_exports(name: str, same: str) -> None:
    assert plain(name) == same


@pytest.mark.parametrize(
    "names",
    [
        ("Customer ID", "Order Date", "Order Number", "SKU", "Quantity", "Unit Price", "Total"),
        ("user_id", "created_at", "order_id", "product_id", "qty", "price", "amount"),
        ("会员编号", "下单时间", "订单编号", "商品编号", "数量", "单价", "实付金额"),
        ("买家会员名", "订单付款时间", "订单编号", "商品编码", "购买数量", "价格", "买家实际支付金额"),
    ],
)
def test_english_and_chinese_names_are_known(names: tuple[str, ...]) -> None:
    fields = ("customer_id", "ts", "order_id", "item_id", "quantity", "price", "amount")
    assert found(*names) == dict(zip(fields, names, strict=True))


def test_likelier_name_wins_over_the_order_of_columns() -> None:
    assert found("email", "customer id", "created at", "paid at") == {"customer_id": "customer id", "ts": "paid at"}


def test_mapping_given_wins_over_names() -> None:
    assert found("customer", "Buyer", "date", given={"customer_id": "buyer"})["customer_id"] == "Buyer"


def test_kept_mapping_is_used_where_its_column_is_there() -> None:
    kept = {"customer_id": "Buyer"}
    assert found("customer", "Buyer", "date", kept=kept)["customer_id"] == "Buyer"
    assert found("customer", "date", kept=kept)["customer_id"] == "customer"


def test_empty_name_given_leaves_a_column_out() -> None:
    assert "amount" not in found("customer", "date", "amount", "price", given={"amount": ""})


def test_date_is_found_by_its_values() -> None:
    names = found("customer", "when it was", "note", values=[["a"], ["2011-01-01 10:00"], ["b"]])
    assert names["ts"] == "when it was"


def test_customer_is_found_by_a_word_in_the_name_or_by_addresses() -> None:
    dates = ["2011-01-01"]
    assert found("loyal customer no", "date", values=[["a"], dates])["customer_id"] == "loyal customer no"
    assert found("contact", "date", values=[["a@b.com"], dates])["customer_id"] == "contact"


def test_how_each_column_was_found_is_told() -> None:
    shown = recognise(table("Buyer", "date", "order no"), ORDERS, given={"order_id": "order no"})
    assert shown.how == {"order_id": "given", "customer_id": "name", "ts": "name"}
    assert isinstance(shown, Columns)


@pytest.mark.parametrize(("names", "word"), [(("date", "amount"), "who bought"), (("customer", "amount"), "when")])
def test_missing_column_is_named_with_the_remedy(names: tuple[str, ...], word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        found(*names)
    assert caught.value.code == "bad-columns"
    assert "--map" in caught.value.remedy
    assert "amount" in caught.value.remedy


def test_two_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(InputError, match="two columns") as caught:
        found("customer_id", "Customer ID", "date")
    assert caught.value.code == "bad-columns"


def test_mapped_column_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(InputError, match="its columns are customer, date") as caught:
        found("customer", "date", given={"customer_id": "Buyer"})
    assert caught.value.code == "bad-columns"


def test_unknown_event_column_lists_those_there_are() -> None:
    with pytest.raises(InputError, match="customer_id"):
        check_mapping({"buyer": "Buyer"})


def test_formats_are_told_by_header_and_shape() -> None:
    retail = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")
    assert format_of(table(*retail), FORMATS).name == "online-retail"
    assert format_of(table("customer_id", "date", "n_cds", "amount"), FORMATS).name == "cdnow"
    shape = table("column_1", "column_2", "column_3", "column_4", has_header=False, by_blanks=True)
    assert format_of(shape, FORMATS).name == "cdnow"
    assert format_of(table("customer", "date"), FORMATS).name == "orders"


def test_no_name_means_two_things_and_all_are_written_plainly() -> None:
    names = [name for some in NAMES.values() for name in some]
    assert len(names) == len(set(names))
    assert set(NAMES) <= set(FIELDS)
    assert all(plain(name) == name for name in names)
    assert all(plain(word) == word for word in (*STATUSES, *TYPES))
    assert {*STATUSES.values(), *TYPES.values()} <= set(EFFECTS)
    assert set(TOUCHES) == set(EFFECTS) & set(EVENT_KINDS) - {"order", "refund"}
    for form in FORMATS.values():
        assert set(form.columns) <= set(FIELDS)


@pytest.mark.parametrize(
    "names",
    [
        ("Kundennummer", "Bestelldatum", "Bestellnummer", "Artikelnummer", "Menge", "Einzelpreis", "Betrag"),
        ("Kunde", "Datum", "Rechnungsnummer", "Artikelnr", "Anzahl", "Preis", "Gesamtbetrag"),
        ("Numéro client", "Date de commande", "N° commande", "Code article", "Quantité", "Prix unitaire", "Montant"),
        ("ID cliente", "Fecha pedido", "Número de pedido", "Código producto", "Cantidad", "Precio", "Importe"),
        ("Codice cliente", "Data ordine", "Numero ordine", "Codice articolo", "Quantità", "Prezzo", "Importo"),
    ],
)
def test_german_french_spanish_and_italian_names_are_known(names: tuple[str, ...]) -> None:
    fields = ("customer_id", "ts", "order_id", "item_id", "quantity", "price", "amount")
    assert found(*names) == dict(zip(fields, names, strict=True))
