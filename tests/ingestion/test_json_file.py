"""JSON of all layouts as rows and columns."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError

ORDERS = [
    {"customer": {"id": 7}, "date": "2024-01-01", "order_id": "1", "items": [{"sku": "M", "qty": 2, "price": 5.0}]},
    {"customer": {"id": 8}, "date": "2024-01-02", "order_id": "2", "items": [{"sku": "M", "qty": 1, "price": 5.0},
                                                                            {"sku": "P", "qty": 1, "price": 9.5}]},
]  # fmt: skip
MAPPING = {"customer_id": "customer.id", "item_id": "items.sku", "quantity": "items.qty", "price": "items.price"}
EVENTS = [("7", "1", "M", 10.0), ("8", "2", "M", 5.0), ("8", "2", "P", 9.5)]


def lines(orders: list[Any]) -> str:
    return "".join(json.dumps(order) + "\n" for order in orders)


@pytest.mark.parametrize(
    "text",
    [
        lines(ORDERS),
        json.dumps(ORDERS),
        json.dumps(ORDERS, indent=2),
        json.dumps({"orders": ORDERS, "page": 1}),
        json.dumps({"orders": ORDERS}, indent=1),
        "\n".join(json.dumps(order, indent=1) for order in ORDERS),
        "\ufeff" + lines(ORDERS),
    ],
    ids=["lines", "list", "indented", "wrapped", "wrapped and indented", "one after the other", "with a mark"],
)
def test_json_of_any_layout_is_the_same(shop: Any, write: Any, events: Any, text: str) -> None:
    ww.ingest(shop, write(text, "orders.json"), mapping=MAPPING)
    assert events(shop, "customer_id", "order_id", "item_id", "amount") == EVENTS


def test_packed_json_lines(shop: Any, tmp_path: Path, events: Any) -> None:
    path = tmp_path / "orders.jsonl.gz"
    path.write_bytes(gzip.compress(lines(ORDERS).encode()))
    ww.ingest(shop, path, mapping=MAPPING)
    assert events(shop, "customer_id", "order_id", "item_id", "amount") == EVENTS


def test_lines_that_are_no_objects_are_refused_and_the_others_read(shop: Any, write: Any, refused: Any) -> None:
    text = lines(ORDERS[:1]) + "oops\n[1, 2]\n" + '{"customer": {"id": 9}, "date"\n' + lines(ORDERS[1:])
    (file,) = ww.ingest(shop, write(text, "orders.jsonl"), mapping=MAPPING).files
    assert file.events == 3 and refused(shop) == [(2, "torn-line"), (3, "torn-line"), (4, "torn-line")]


def test_an_order_without_lines_is_one_row(shop: Any, write: Any, refused: Any) -> None:
    bare = [{**ORDERS[0], "items": []}, {k: v for k, v in ORDERS[0].items() if k != "items"}, ORDERS[1]]
    ww.ingest(shop, write(lines(bare), "orders.jsonl"), mapping=MAPPING)
    assert refused(shop) == [(1, "no-amount"), (2, "no-amount")]


def test_names_with_any_sign_are_read(shop: Any, write: Any, events: Any) -> None:
    text = lines([{"who/is~it": {"a.b": "x"}, "when?": "2024-01-01", 'the "sum"': 3}])
    ww.ingest(
        shop, write(text, "x.json"), mapping={"customer_id": "who/is~it.a.b", "ts": "when?", "amount": 'the "sum"'}
    )
    assert events(shop, "customer_id", "amount") == [("x", 3.0)]


def test_cut_json_is_a_clear_error(shop: Any, write: Any, state: Any) -> None:
    before = state(shop)
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write(json.dumps(ORDERS)[:-20], "orders.json"), mapping=MAPPING)
    assert caught.value.code == "bad-file" and state(shop) == before


def test_keys_that_are_values_are_too_many_columns(shop: Any, write: Any) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write(json.dumps([{f"customer-{i}": {"spend": i} for i in range(2500)}]), "x.json"))
    assert caught.value.code == "bad-file" and "fields" in caught.value.what
