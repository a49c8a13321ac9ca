"""What items are and what customers wrote reach the models that read events, as known at the cutoff."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.content.chosen import Encoders, encoders_of
from worthwhile.content.items import texts_before
from worthwhile.content.static import static_encoder
from worthwhile.features.sequences import Content, Sequences, build_sequences
from worthwhile.ingestion import ingest
from worthwhile.progress import silent
from worthwhile.runs.contents import Contents, contents_at
from worthwhile.runs.prepare import Snapshots
from worthwhile.shop import Shop, create_shop
from worthwhile.store.log import log_of, open_log
from worthwhile.tasks import Task

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)
EVENTS = pa.table(
    {
        "customer_id": ["a", "a", "b", "b", "b"],
        "local_ts": pa.array([f"2024-0{month}-05T00:00:00" for month in (1, 2, 2, 3, 3)]).cast(pa.timestamp("us")),
        "kind": ["order_line", "review", "order_line", "order_line", "review"],
        "item_id": ["mug", "mug", "plate", "spade", "spade"],
        "text": [None, "a fine blue mug", None, None, "digs well"],
    }
)
CATEGORIES = pa.table({"item_id": pa.array([], pa.string()), "category": pa.array([], pa.string())})


def titles(*items: str) -> pa.Table:
    known = {"mug": "blue mug", "plate": "white plate", "spade": "garden spade"}
    return pa.table({"item_id": list(items), "title": [known[item] for item in items]})


def made(events: pa.Table, items: pa.Table, folder: Path) -> tuple[Sequences, dict[str, Content]]:
    with log_of(events, items=items, item_categories=CATEGORIES) as log:
        sequences = build_sequences(log, folder / "sequences")
        encoders = Encoders(static_encoder(folder / "kept", texts_before(log, CUTOFF), seed=0))
        return sequences, contents_at(log, sequences, CUTOFF, encoders, kept=folder / "kept")


def test_rows_are_vectors_of_what_the_codes_name(tmp_path: Path) -> None:
    sequences, contents = made(EVENTS, titles("mug", "plate"), tmp_path)
    items, texts = contents["item"], contents["text"]
    assert sequences.vocabularies["item"].tolist() == ["mug", "plate", "spade"]
    assert items.vectors.any(axis=1).tolist() == [True, True, False] and (items.by, texts.by) == ("item", "text")
    assert sequences.texts().tolist() == ["a fine blue mug", "digs well"]
    likeness = items.vectors @ texts.vectors[0]
    assert likeness[0] > likeness[1] + 0.1


def test_what_is_not_known_before_the_cutoff_is_zeros_and_changes_no_other_vector(tmp_path: Path) -> None:
    _, whole = made(EVENTS, titles("mug", "plate"), tmp_path / "whole")
    early = EVENTS.filter(np.array(EVENTS["local_ts"]) < np.datetime64("2024-03-01"))
    _, cut = made(early, titles("mug", "plate"), tmp_path / "cut")
    for name in ("item", "text"):
        assert whole[name].encoder == cut[name].encoder
        known = len(cut[name].vectors)
        assert np.array_equal(whole[name].vectors[:known], cut[name].vectors)
        assert not whole[name].vectors[known:].any()


def test_a_list_tells_of_its_items_at_every_cutoff_whenever_its_rows_were_changed(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title,updated_at\ni0,red cup,2023-01-01\nlate,lamp,2023-10-01\n")
    ingest(shop, tmp_path / "items.csv")
    with open_log(shop) as log:
        texts = [set(texts_before(log, datetime(2023, month, 1, tzinfo=UTC))) for month in (6, 11)]
    assert all({"red cup", "lamp"} <= known for known in texts)


def test_log_without_titles_has_vectors_of_texts_alone(tmp_path: Path) -> None:
    _, contents = made(EVENTS, titles(), tmp_path)
    assert list(contents) == ["text"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = create_shop(tmp_path / "shop", threads=1)
    rows = [f"c{n % 7},{n},2023-{n % 12 + 1:02}-05,{n % 5 + 1},i{n % 4}" for n in range(60)]
    (tmp_path / "orders.csv").write_text("customer_id,order_id,date,amount,sku\n" + "\n".join(rows) + "\n")
    ingest(shop, tmp_path / "orders.csv")
    return shop


def test_shop_without_titles_and_texts_has_no_encoder(shop: Shop, tmp_path: Path) -> None:
    with open_log(shop) as log:
        assert encoders_of(shop, log, log.until) is None
        sequences = build_sequences(log, tmp_path / "s")
        assert Contents(shop, log, sequences).at(log.until) == {}
    assert not shop.vectors.exists()


def test_snapshots_of_a_cutoff_have_the_vectors_of_that_cutoff(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},{w} cup\n" for n, w in enumerate("abcd")))
    ingest(shop, tmp_path / "items.csv")
    with open_log(shop) as log:
        sequences = build_sequences(log, tmp_path / "s")
        snapshots = Snapshots(log, Task.of("30d"), sequences=sequences, contents=Contents(shop, log, sequences))
        matured, current = snapshots.before(log.until, silent)
    [encoder] = {place.name for place in shop.vectors.iterdir()}
    assert matured
    for snapshot in (*matured, current):
        assert snapshot.sequences is not None
        assert snapshot.sequences.contents["item"].encoder == encoder
        assert snapshot.sequences.contents["item"].vectors.any(axis=1).all()
