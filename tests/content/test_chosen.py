"""The settings choose the encoders."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import worthwhile as ww
from worthwhile.content.chosen import picture_encoder, text_encoder
from worthwhile.content.items import item_vectors
from worthwhile.errors import InputError
from worthwhile.shop import Shop
from worthwhile.store.log import open_log

CUTOFF = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    (tmp_path / "orders.csv").write_text(
        "customer_id,order_id,date,amount,sku,title\n"
        "a,1,2024-01-05,3,m1,blue mug\na,2,2024-02-05,4,p1,plate\na,3,2024-03-05,4,s1,spade\n"
    )
    ww.ingest(shop, tmp_path / "orders.csv")
    items = "item_id,title,category,description,picture\nm1,blue mug,kitchen,,m.png\np1,plate,,,p.png\n"
    (tmp_path / "items.csv").write_text(items)
    ww.ingest(shop, tmp_path / "items.csv")
    return shop


def test_static_encoder_is_the_default_and_knows_nothing_of_after_the_cutoff(shop: Shop) -> None:
    with open_log(shop) as log:
        early, late = (text_encoder(shop, log, moment) for moment in (CUTOFF, datetime(2024, 4, 1, tzinfo=UTC)))
    assert early.id.startswith("static-") and early.id != late.id
    assert sorted(path.name for path in shop.vectors.iterdir()) == sorted([early.id, late.id])
    assert picture_encoder(shop) is None


def test_encoder_that_cannot_be_had_is_told_with_its_setting(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "other", content__text_encoder="./none", content__picture_encoder="./none")
    pytest.importorskip("transformers", reason="needs worthwhile[pictures]")
    with pytest.raises(InputError) as caught:
        picture_encoder(shop)
    assert (caught.value.code, caught.value.where) == ("no-such-model", "content.picture_encoder")


def test_item_with_picture_is_known_by_both_and_broken_picture_is_refused(shop: Shop) -> None:
    pytest.importorskip("transformers", reason="needs worthwhile[pictures]")
    pytest.importorskip("PIL", reason="needs worthwhile[pictures]")
    from PIL import Image
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    ViTModel(ViTConfig(image_size=16, patch_size=8, **sizes)).save_pretrained(shop.folder / "models" / "tiny")
    ViTImageProcessorPil(size={"height": 16, "width": 16}).save_pretrained(shop.folder / "models" / "tiny")
    (shop.folder / "pictures").mkdir()
    Image.new("RGB", (20, 20), "blue").save(shop.folder / "pictures" / "m.png")
    (shop.folder / "pictures" / "p.png").write_bytes(b"none")
    shop = ww.change_settings(shop, {"content.picture_encoder": "models/tiny"})
    with open_log(shop) as log:
        text, pictures = text_encoder(shop, log, CUTOFF), picture_encoder(shop)
        found = item_vectors(log, CUTOFF, text, kept=shop.vectors, pictures=pictures)
    assert found.item_id == ["m1", "p1"] and found.vectors.shape == (2, text.size + 8)
    assert found.refused.to_pylist() == [{"path": "p.png", "reason": "no-picture"}]
    squares = [float((block**2).sum()) for block in np.hsplit(found.vectors[0], [text.size])]
    assert squares == pytest.approx([0.5, 0.5], abs=1e-2)
    assert not found.vectors[1, text.size :].any() and np.isclose(np.linalg.norm(found.vectors[1]), 1, atol=1e-3)
