import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from oracles.small_baskets import habits, line, moment
from oracles.small_orders import write_orders
from worthwhile.errors import InputError
from worthwhile.ingestion import ingest
from worthwhile.privacy import forget
from worthwhile.recommend import Filters, recommend_items
from worthwhile.recommend.build import SCHEMA, Recommender
from worthwhile.shop import create_shop, open_shop


@pytest.fixture(scope="module")
def _loaded(tmp_path_factory):
    """A learned mixture's worth of orders, and one customer who only looked."""
    folder = tmp_path_factory.mktemp("shop") / "shop"
    made = create_shop(folder, currency="GBP", threads=2)
    rows = [{**e, "is_goods": None} for e in habits()] + [
        line("eve", "i01", 299, country="Japan") | {"kind": "view", "amount": None}
    ]
    names = ("customer_id", "order_id", "ts", "item_id", "amount", "price", "country", "kind")
    file = folder.parent / "orders.csv"
    pacsv.write_csv(pa.table({n: [str(r[n]) if n == "ts" else r.get(n) for r in rows] for n in names}), file)
    ingest(made, file)
    return folder


@pytest.fixture
def shop(_loaded, tmp_path):
    return open_shop(shutil.copytree(_loaded, tmp_path / "shop"))


def test_the_table_has_ranked_items_with_scores_and_reasons(shop):
    made = recommend_items(shop, cutoff="2023-10-28", k=7)
    table = made.table()
    assert table.schema == SCHEMA
    assert made.facts["mixture"] == "learned" and made.facts["customers"] == 161
    rows = table.to_pylist()
    for customer in ("c000", "c077", "eve"):
        own = [row for row in rows if row["customer_id"] == customer]
        assert [row["rank"] for row in own] == list(range(1, 8))
        assert len({row["item_id"] for row in own}) == 7
        scores = [row["score"] for row in own]
        assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
        assert all(row["reason"] for row in own)
    assert [row["customer_id"] for row in rows] == sorted(row["customer_id"] for row in rows)


def test_what_is_asked_of_one_customer_is_what_all_are_given(shop):
    whole = recommend_items(shop, cutoff="2023-10-28", k=5).table()
    few = recommend_items(shop, cutoff="2023-10-28", k=5, customers=["eve", "c011", "c150"]).table()
    assert few.equals(whole.filter(pa.compute.is_in(whole["customer_id"], pa.array(["eve", "c011", "c150"]))))


def test_the_same_question_has_the_same_answer(shop):
    first, second = (recommend_items(shop, k=3).table() for _ in range(2))
    assert first.equals(second)
    assert not recommend_items(shop, k=3, seed=5).table()["score"].equals(first["score"])


def test_a_file_holds_the_same_table(shop, tmp_path):
    kept = recommend_items(shop, k=3).table()
    for name in ("a.parquet", "a.csv", "a.jsonl"):
        made = recommend_items(shop, k=3, out=tmp_path / name)
        assert made.table()["item_id"].equals(kept["item_id"]) and made.table()["rank"].equals(kept["rank"])
    assert pq.read_table(tmp_path / "a.parquet").equals(kept)


def test_a_customer_without_history_gets_what_is_popular_in_the_segment(shop):
    own = recommend_items(shop, k=10, customers=["eve"]).table()
    assert all(item >= "i20" for item in own["item_id"].to_pylist())  # what Japan buys
    assert own["reason"][0].as_py() == "popular with customers in Japan"


def test_filters_keep_to_stock_and_to_what_is_new(shop):
    everything = recommend_items(shop, k=40, customers=["c000"]).table().to_pylist()
    stock = {"i00", "i03", "i21", "unheard-of"}
    own = recommend_items(shop, k=40, customers=["c000", "eve"], filters=Filters(stock=stock)).table()
    assert set(own["item_id"].to_pylist()) == stock - {"unheard-of"}
    score = {row["item_id"]: row["score"] for row in everything}
    assert all(row["score"] == score[row["item_id"]] for row in own.to_pylist() if row["customer_id"] == "c000")
    new = recommend_items(shop, k=40, customers=["c000"], filters=Filters(new_only=True)).table()
    bought = {
        row["item_id"]
        for row in everything
        if row["reason"].startswith(("due", "bought before")) or "times" in row["reason"]
    }
    assert bought and set(new["item_id"].to_pylist()) == {row["item_id"] for row in everything} - bought


@pytest.mark.parametrize(
    ("asked", "code", "where"),
    [
        ({"k": 0}, "bad-argument", "--k"),
        ({"k": 10**6}, "bad-argument", "--k"),
        ({"customers": ["nobody"]}, "no-such-customer", "--customer"),
        ({"customers": []}, "bad-argument", "--customer"),
        ({"cutoff": "2031-01-01"}, "bad-argument", "--cutoff"),
        ({"cutoff": "2022-01-01"}, "no-history", "cutoff 2022-01-01T00:00:00+00:00"),
        ({"language": "fr"}, "bad-argument", "--lang"),
        ({"out": "table.xlsx"}, "bad-argument", "--out"),
        ({"seed": -1}, "bad-argument", "--seed"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_named(shop, asked, code, where):
    with pytest.raises(InputError) as caught:
        recommend_items(shop, **asked)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_orders_without_items_are_told(tmp_path):
    made = create_shop(tmp_path / "shop")
    (tmp_path / "a.csv").write_text("customer_id,order_date,amount\na,2023-01-01,3\nb,2023-01-02,4\n")
    ingest(made, tmp_path / "a.csv")
    with pytest.raises(InputError, match="names its items") as caught:
        recommend_items(made)
    assert caught.value.code == "no-history"


def test_a_small_shop_is_answered_by_the_fixed_rule(tmp_path):
    made = create_shop(tmp_path / "shop")
    ingest(made, write_orders(tmp_path / "orders.csv", customers=5))
    table = recommend_items(made, k=50)
    assert table.facts["mixture"] == "fixed"
    assert set(table.table()["customer_id"].to_pylist()) == {f"C000{i}" for i in range(5)}


def test_nothing_is_kept_in_the_shops_folder_and_who_is_forgotten_is_recommended_nothing(shop):
    def files():
        return sorted(str(p) for p in Path(shop.folder).rglob("*") if p.is_file())

    before = files()
    recommend_items(shop, k=3)
    assert files() == before
    forget(shop, "c005")
    assert "c005" not in recommend_items(shop, k=3).table()["customer_id"].to_pylist()
    with pytest.raises(InputError) as caught:
        recommend_items(shop, customers=["c005"])
    assert caught.value.code == "no-such-customer"


def test_a_customer_who_gave_all_back_has_no_history(make_log):
    refund = line("ann", "mug", 3) | {"kind": "refund", "amount": -2.0, "refund_of": "ann1", "order_id": "r1"}
    log = make_log([("ann", "mug", 1), ("bob", "pot", 2), ("bob", "mug", 2), ("dan", "pot", 2), refund])
    made = Recommender.of(log, moment(5))
    assert made.places(np.array(["ann", "bob", "eve"], object)).tolist() == [-1, 1, -1]
    assert made.items[made.rank(np.array(["ann"], object), 1).item[0, 0]] == "pot"
