"""`recommend_items` serves items that were never sold through the vectors of the shop's own encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from worthwhile.ingestion import ingest
from worthwhile.recommend import recommend_items
from worthwhile.shop import Shop, create_shop

WORDS = {"tea": ("green tea", "black tea", "white tea"), "pot": ("clay pot", "iron pot", "tin pot")}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Of eight customers the even ones buy tea and the odd ones pots; the list has a tea and a pot never sold."""
    shop = create_shop(tmp_path / "shop", threads=1)
    sold = [f"{kind}{n}" for kind in WORDS for n in range(3)]
    rows = [
        f"c{c},{c}-{day},2023-03-{day:02},4,{item}"
        for c in range(8)
        for day, item in zip((1, 9, 20), sold[3 * (c % 2) :], strict=False)
        if (c // 2 + day) % 4  # nobody buys all
    ]
    (tmp_path / "orders.csv").write_text("customer_id,order_id,date,amount,sku\n" + "\n".join(rows) + "\n")
    ingest(shop, tmp_path / "orders.csv")
    titles = {f"{kind}{n}": title for kind, all_ in WORDS.items() for n, title in enumerate(all_)}
    titles |= {"new-tea": "fine green tea", "new-pot": "small clay pot"}
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{i},{t}\n" for i, t in titles.items()))
    ingest(shop, tmp_path / "items.csv")
    return shop


def test_a_new_item_goes_to_those_who_bought_what_its_title_is_like(shop: Shop) -> None:
    rows = recommend_items(shop, k=4).table().to_pylist()
    given = {(row["customer_id"], row["item_id"]) for row in rows}
    assert all((f"c{c}", "new-tea") in given for c in (0, 2, 4, 6))
    assert all((f"c{c}", "new-pot") in given for c in (1, 3, 5, 7))
    assert not any((f"c{c}", "new-pot") in given for c in (0, 2, 4, 6))
    assert [place.name.split("-")[0] for place in shop.vectors.iterdir()] == ["static"]


def test_shop_without_titles_keeps_no_vectors(tmp_path: Path) -> None:
    shop = create_shop(tmp_path / "plain", threads=1)
    rows = [f"c{c},{c},2023-03-0{c + 1},4,i{c % 3}" for c in range(6)]
    (tmp_path / "orders.csv").write_text("customer_id,order_id,date,amount,sku\n" + "\n".join(rows) + "\n")
    ingest(shop, tmp_path / "orders.csv")
    assert recommend_items(shop, k=2).table().num_rows
    assert not shop.vectors.exists()
