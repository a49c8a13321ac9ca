"""What is known of items at a cutoff becomes their text and vector; nothing that was told later does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import worthwhile as ww
from worthwhile.content.items import item_contents, item_vectors, texts_before
from worthwhile.content.static import static_encoder
from worthwhile.shop import Shop
from worthwhile.store.log import log_of, open_log

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)
ORDERS = """customer_id,order_id,date,amount,sku,title,category,Event type,Review
a,1,2024-01-05,3,m1,blue mug,kitchen,order,
a,2,2024-02-05,4,m1,blue mug,kitchen,order,
b,3,2024-02-07,4,p1,plate,,order,
b,,2024-02-09,,m1,,,review,lovely & round
b,4,2024-03-05,4,s1,garden spade,garden,order,
a,5,2024-03-06,4,p1,plate,garden,order,
a,,2024-03-07,,m1,,,review,broke at once
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    (tmp_path / "orders.csv").write_text(ORDERS)
    ww.ingest(shop, tmp_path / "orders.csv")
    return shop


def contents(shop: Shop) -> list[tuple[str, ...]]:
    with open_log(shop) as log:
        return [tuple(row.values()) for row in item_contents(log, CUTOFF).to_pylist()]


def test_items_and_categories_of_after_the_cutoff_are_not_known(shop: Shop) -> None:
    assert contents(shop) == [("m1", "blue mug. kitchen", None), ("p1", "plate", None)]


def test_compaction_changes_nothing(shop: Shop) -> None:
    before = contents(shop)
    ww.compact(shop)
    assert contents(shop) == before


def test_items_of_a_list_are_known_before_anyone_buys_them(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        "item_id,title,category,description,picture\nn1,new jug,kitchen,<p>holds 2 l</p>,jugs/n1.jpg\n"
    )
    ww.ingest(shop, tmp_path / "items.csv")
    assert ("n1", "new jug. kitchen. <p>holds 2 l</p>", "jugs/n1.jpg") in contents(shop)


def test_texts_to_fit_on_are_those_of_before_the_cutoff(shop: Shop) -> None:
    with open_log(shop) as log:
        assert list(texts_before(log, CUTOFF)) == ["blue mug. kitchen", "plate", "lovely & round"]


def test_postage_is_no_item() -> None:
    items = pa.table({"item_id": ["m", "post"], "title": ["mug", "postage"], "is_goods": [True, False]})
    events = pa.table({"customer_id": ["a"], "ts": [datetime(2024, 1, 1, tzinfo=UTC)], "item_id": ["post"]})
    with log_of(events, items=items, until=date(2024, 4, 1)) as log:
        assert item_contents(log, CUTOFF)["item_id"].to_pylist() == ["m"]


def test_item_vectors_are_of_unit_length_in_the_order_of_ids(shop: Shop) -> None:
    with open_log(shop) as log:
        encoder = static_encoder(shop.vectors, texts_before(log, CUTOFF), seed=0)
        found = item_vectors(log, CUTOFF, encoder, kept=shop.vectors)
    assert found.item_id == ["m1", "p1"] and found.refused.num_rows == 0
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-3)
    assert (shop.vectors / encoder.id / "encoder.json").is_file()
