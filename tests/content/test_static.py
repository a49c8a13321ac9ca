"""The encoder without a download: of three texts or many, in English and Chinese, the same every time."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LogisticRegression

from worthwhile.content.hygiene import clean
from worthwhile.content.static import SIZE, fit_static, load_static, sample_of, static_encoder

DATA = Path(os.environ.get("WORTH_DATA", Path(__file__).parents[3] / "shared" / "data"))
GOODS = ["red teapot", "blue teapot", "teapot with a lid", "garden spade", "spade for the garden", "small garden rake"]
GOODS += ["红色茶壶", "蓝色茶壶", "带盖茶壶", "花园铲子", "花园用铲", "小花园耙子"]


def test_like_texts_are_nearer_than_unlike_ones_in_both_languages() -> None:
    vectors = fit_static(GOODS, seed=0).encode(
        ["green teapot", "teapots", "a garden fork", "绿茶壶", "大茶壶", "花园叉"]
    )
    like = vectors @ vectors.T
    assert min(like[0, 1], like[3, 4]) > 0.5 > max(like[0, 2], like[1, 2], like[3, 5], like[4, 5])


@pytest.mark.parametrize("texts", [[], ["x"], ["a", "b", "c"], ["same", "same"], GOODS, ["好"] * 3 + ["👍"]])
def test_any_number_of_texts_gives_unit_vectors_of_one_size(tmp_path: Path, texts: list[str]) -> None:
    encoder = static_encoder(tmp_path, texts, seed=1)
    vectors = encoder.encode([*texts, "", "\u4e00 never seen"])
    assert vectors.shape == (len(texts) + 2, SIZE) and vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths[: len(texts)], 1, atol=1e-5) and lengths[len(texts)] == 0
    assert np.isclose(lengths[-1], 1, atol=1e-5) or lengths[-1] == 0


def test_same_texts_in_any_order_give_the_same_encoder_bit_for_bit() -> None:
    one, other = (fit_static(sample_of(texts, seed=3), seed=3) for texts in (GOODS, [*GOODS[::-1], "", GOODS[0]]))
    assert one.id == other.id
    assert np.array_equal(one.encode(GOODS), other.encode(GOODS))
    assert fit_static(sample_of(GOODS[1:], seed=3), seed=3).id != one.id != fit_static(GOODS, seed=4).id


def test_encoder_is_kept_and_read_again_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = static_encoder(tmp_path, GOODS, seed=0)
    monkeypatch.setattr("worthwhile.content.static.fit_static", None)  # a second fit would fail
    again = static_encoder(tmp_path, GOODS, seed=0)
    assert again.id == fitted.id and np.array_equal(again.encode(GOODS), fitted.encode(GOODS))
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) < 10_000_000


@pytest.mark.parametrize("file", ["encoder.safetensors", "encoder.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": 0}', b"\x08" + b"\0" * 20])
def test_damaged_encoder_is_fitted_anew(tmp_path: Path, file: str, content: bytes) -> None:
    fitted = static_encoder(tmp_path, GOODS, seed=0)
    (tmp_path / fitted.id / file).write_bytes(content)
    assert load_static(tmp_path / fitted.id) is None
    again = static_encoder(tmp_path, GOODS, seed=0)
    assert np.array_equal(again.encode(GOODS), fitted.encode(GOODS))
    assert load_static(tmp_path / fitted.id) is not None


def test_sample_of_many_texts_is_bounded_distinct_and_the_same_in_any_order() -> None:
    texts = [f"text {k % 700}" for k in range(2_000)]
    sample = sample_of(texts, seed=0, count=50)
    assert len(sample) == len(set(sample)) == 50
    assert sample_of(reversed(texts), seed=0, count=50) == sample != sample_of(texts, seed=1, count=50)
    # A longer history replaces few of them.
    assert len({*sample} & {*sample_of([*texts, *(f"more {k}" for k in range(70))], seed=0, count=50)}) > 30


@pytest.mark.real_data
def test_sentiment_of_chinese_reviews_can_be_read_off_the_vectors() -> None:
    path = DATA / "chinese_shopping_reviews.parquet"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    reviews = pq.read_table(path).to_pandas().dropna(subset=["review"]).iloc[::30]
    texts, label = [clean(text) for text in reviews["review"]], reviews["label"].to_numpy()
    train = np.arange(len(texts)) % 3 > 0
    vectors = fit_static([text for text, is_train in zip(texts, train, strict=True) if is_train], seed=0).encode(texts)
    probe = LogisticRegression(C=10, max_iter=200).fit(vectors[train], label[train])
    assert probe.score(vectors[~train], label[~train]) > 0.8  # 0.5 by always saying the same
