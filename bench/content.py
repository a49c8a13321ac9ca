"""How fast contents become vectors, and how good these are: python bench/content.py --data ../shared/data

Texts: the static encoder, and all-MiniLM-L6-v2 as it is (float32), with its linear layers in int8 (torch, dynamic), and
in ONNX Runtime (float32, int8). All encode the same texts in turns, round by round, in one process on one thread; the
seconds are those of the processor, and the best round of each counts, since others may be using the machine.

Quality: the rank correlation of the cosine similarities of random pairs with those of float32, and what a linear probe
on the vectors gets right that was fitted to other texts: the sentiment of Chinese reviews and whether an Amazon review
gave five stars (accuracy and AUC). The static encoder is fitted to the texts that the probe is fitted to.

Pictures: vision transformers of two usual sizes with random weights, since speed does not hang on them. ONNX Runtime's
rows need `onnx`, `onnxscript` and `onnxruntime`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from worthwhile.content.encoder import unit_length
from worthwhile.content.hygiene import clean
from worthwhile.content.picture import load_picture_encoder
from worthwhile.content.static import fit_static, sample_of
from worthwhile.content.text import BATCH, MINILM, TextEncoder, load_text_encoder

Encode = Callable[[Sequence[str]], np.ndarray]
PAIRS = 20_000


@dataclass(frozen=True)
class Probe:
    """Texts with a label to be told from their vectors; the first two thirds are fitted to."""

    name: str
    texts: list[str]
    label: np.ndarray

    @property
    def fitted(self) -> int:
        return len(self.texts) * 2 // 3

    def quality(self, vectors: np.ndarray) -> tuple[float, float]:
        """Accuracy and AUC on the last third."""
        columns = StandardScaler().fit(vectors[: self.fitted])
        probe = LogisticRegression(C=0.01, max_iter=500).fit(
            columns.transform(vectors[: self.fitted]), self.label[: self.fitted]
        )
        chance = probe.predict_proba(columns.transform(vectors[self.fitted :]))[:, 1]
        truth = self.label[self.fitted :]
        return float(np.mean((chance > 0.5) == truth)), float(roc_auc_score(truth, chance))


def probes(data: Path, count: int) -> list[Probe]:
    chinese = pd.read_parquet(data / "chinese_shopping_reviews.parquet").dropna(subset=["review"])
    amazon = pd.read_parquet(data / "amazon_musical_instruments.parquet").dropna(subset=["reviewText"])
    chinese, amazon = (table.sample(min(count, len(table)), random_state=0) for table in (chinese, amazon))
    return [
        Probe("Chinese sentiment", [clean(text) for text in chinese["review"]], chinese["label"].to_numpy() == 1),
        Probe("Amazon five stars", [clean(text) for text in amazon["reviewText"]], amazon["overall"].to_numpy() == 5),
    ]


# ---- the encoders -------------------------------------------------------------------------------------------------


def in_int8(minilm: TextEncoder) -> Encode:
    """Linear layers in int8, scaled anew for each batch."""
    network = load_text_encoder(MINILM).network
    quantized = torch.ao.quantization.quantize_dynamic(network, {torch.nn.Linear}, dtype=torch.qint8)
    return TextEncoder(minilm.id, minilm.size, quantized).encode


class _Pooled(torch.nn.Module):
    """Tokens to the mean of their states, as the encoder has it."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        states = self.network(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, T, D)
        mask = attention_mask[:, :, None].to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)


def in_onnx(minilm: TextEncoder, folder: Path, *, int8: bool) -> Encode:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = folder / "float32.onnx"
    if not path.is_file():
        _export(minilm, path)
    if int8:
        quantize_dynamic(path, folder / "int8.onnx", weight_type=QuantType.QInt8)
        path = folder / "int8.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokenizer, longest = minilm.network.tokenizer, minilm.network.max_seq_length

    def encode(texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), minilm.size), np.float32)
        order = np.argsort([-len(text) for text in texts], kind="stable")
        for start in range(0, len(texts), BATCH):
            some = order[start : start + BATCH]
            tokens = tokenizer(
                [texts[row] for row in some], padding=True, truncation=True, max_length=longest, return_tensors="np"
            )
            given = {name: tokens[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
            vectors[some] = session.run(None, given)[0]
        return unit_length(vectors)

    return encode


def _export(minilm: TextEncoder, path: Path) -> None:
    pooled = _Pooled(minilm.network[0].auto_model).eval()
    tokens = {name: torch.ones(2, 16, dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    sizes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=512)}
    torch.onnx.export(
        pooled, (), str(path), kwargs=tokens, dynamic_shapes=dict.fromkeys(tokens, sizes), dynamo=True, verbose=False
    )


def text_encoders(known: Sequence[str], folder: Path) -> dict[str, Encode]:
    minilm = load_text_encoder(MINILM)
    found = {"static": fit_static(sample_of(known, seed=0), seed=0).encode, "MiniLM float32": minilm.encode}
    for name, make in {
        "MiniLM int8, torch": lambda: in_int8(minilm),
        "MiniLM float32, ONNX Runtime": lambda: in_onnx(minilm, folder, int8=False),
        "MiniLM int8, ONNX Runtime": lambda: in_onnx(minilm, folder, int8=True),
    }.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"without {name}: {error}")
    return found


# ---- the tables ---------------------------------------------------------------------------------------------------


def rates(encoders: dict[str, Encode], texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Texts a second of processor time, best of the rounds, in which the encoders take turns."""
    best = dict.fromkeys(encoders, 0.0)
    for _ in range(rounds):
        for name, encode in encoders.items():
            begun = time.process_time()
            encode(texts)
            best[name] = max(best[name], len(texts) / (time.process_time() - begun))
    return best


def agreement(vectors: np.ndarray, others: np.ndarray) -> float:
    """Rank correlation of the similarities of random pairs."""
    left, right = np.random.default_rng(0).integers(0, len(vectors), (2, PAIRS))
    pairs = left != right
    of = [(found[left] * found[right]).sum(axis=1)[pairs] for found in (vectors, others)]
    return float(spearmanr(*of).statistic)


def text_table(data: Path, count: int, rounds: int) -> None:
    asked = probes(data, count)
    titles = pd.read_parquet(data / "online_retail_ii.parquet", columns=["Description"])["Description"].dropna()
    timed = {
        "titles/s": [clean(text) for text in titles.drop_duplicates().iloc[:200]],
        "Amazon reviews/s": asked[1].texts[:48],
        "Chinese reviews/s": asked[0].texts[:64],
    }
    known = [text for probe in asked for text in probe.texts[: probe.fitted]]
    with tempfile.TemporaryDirectory() as folder:
        encoders = text_encoders(known, Path(folder))
        speed = {what: rates(encoders, texts, rounds) for what, texts in timed.items()}
        vectors = {name: [encode(probe.texts) for probe in asked] for name, encode in encoders.items()}
    print("| encoder |", " | ".join(timed), "| rank correlation |", " | ".join(probe.name for probe in asked), "|")
    print("|---|" + "---:|" * (len(timed) + 1 + len(asked)))
    for name, found in vectors.items():
        alike = agreement(np.vstack(vectors["MiniLM float32"]), np.vstack(found))
        cells = [f"{speed[what][name]:,.0f}" for what in timed] + [f"{alike:.3f}"]
        for probe, of_probe in zip(asked, found, strict=True):
            accuracy, auc = probe.quality(of_probe)
            cells.append(f"{accuracy:.3f} / {auc:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def picture_table(data: Path, rounds: int) -> None:
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    pictures = data / "fashion_images"
    names = sorted(path.name for path in pictures.glob("*.jpg"))
    print("\n| pictures | encode/s | of this reading and preparing/s |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, width in (("ViT-Tiny", 192), ("ViT-Base", 768)):
            sizes = {"hidden_size": width, "num_attention_heads": width // 64, "intermediate_size": 4 * width}
            ViTModel(ViTConfig(num_hidden_layers=12, **sizes)).save_pretrained(folder)
            ViTImageProcessorPil().save_pretrained(folder)
            encoder = load_picture_encoder(folder, pictures)
            some = names[: 64 if width < 500 else 16]
            whole = rates({name: lambda paths, e=encoder: e.encode(paths).vectors}, some, rounds)[name]
            empty = rates({name: lambda paths, e=encoder: _read(e, paths)}, some, rounds)[name]
            print(f"| {name}, 224 x 224, batches of 16 | {whole:,.1f} | {empty:,.0f} |", flush=True)


def _read(encoder: Any, paths: Sequence[str]) -> np.ndarray:
    from worthwhile.content.picture import _prepared
    from worthwhile.content.picture_file import decoded, read_content

    return np.stack([_prepared(encoder.prepare, decoded(read_content(encoder.folder, path))) for path in paths])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--texts", type=int, default=600, help="of each set, for the probes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=("texts", "pictures"))
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of torch, about its quantization and its exporter
    if not given.data.is_dir():
        parser.error(f"there is no folder {given.data}; name that of the public data with --data")
    torch.set_num_threads(1)  # processor time of several threads counts their waiting for each other
    if given.only != "pictures":
        text_table(given.data, given.texts, given.rounds)
    if given.only != "texts":
        picture_table(given.data, given.rounds)


if __name__ == "__main__":
    main()
