"""The encoder that needs no download: character n-grams of the shop's own texts, in any language.

Latent semantic analysis (Deerwester et al. 1990): counts of hashed n-grams, dampened and weighed by how rare they are
(TF-IDF), are projected onto the directions in which the shop's texts differ most (truncated SVD). One to three
characters within words serve English and Chinese alike: Chinese has no spaces between its words, and one or two
characters are most of them.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import sklearn
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from worthwhile.content.cache import FITTED, text_key
from worthwhile.content.encoder import Array, filled, unit_length
from worthwhile.content.hygiene import clean
from worthwhile.store.faults import told

VERSION = 1
SIZE = 128
BUCKETS = 2**15  # that n-grams are hashed into: 8 MB of directions in half precision
SAMPLE = 10_000  # texts that are fitted; more of them change the directions little
_COUNTS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (1, 3), "n_features": BUCKETS}
_ARRAYS, _WORDS = "encoder.safetensors", "encoder.json"
# A direction below this share of the greatest is rounding: of three texts there are three directions.
_LEAST = 1e-5


@dataclass(frozen=True)
class StaticEncoder:
    """Fitted weights. `rarity` is (BUCKETS,), `directions` (BUCKETS, SIZE), both float32."""

    id: str
    rarity: Array
    directions: Array
    size: ClassVar[int] = SIZE

    def encode(self, contents: Sequence[str]) -> Array:
        return filled(SIZE, contents, self._encode)

    def _encode(self, contents: Sequence[str]) -> Array:
        weighed = _tfidf(self.rarity).transform(_counts(contents))  # (N, BUCKETS), sparse
        return unit_length(weighed @ self.directions)

    def save(self, folder: Path) -> None:
        """Write safetensors and JSON into a folder. Raises InputError `cannot-write`."""
        arrays = {"rarity": self.rarity, "directions": self.directions.astype(np.float16)}
        temporary = folder / f".writing-{uuid.uuid4()}"
        with told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            save_file(arrays, str(temporary))
            words = {"id": self.id, "version": VERSION, "sha256": _sha256(temporary)}
            temporary.replace(folder / _ARRAYS)
            temporary.write_text(json.dumps(words) + "\n", encoding="utf-8")
            temporary.replace(folder / _WORDS)


def load_static(folder: Path) -> StaticEncoder | None:
    """The encoder that was saved in a folder; None where there is none that is whole and of this version."""
    try:
        words = json.loads((folder / _WORDS).read_text(encoding="utf-8"))
        arrays = load_file(str(folder / _ARRAYS))
        if words["version"] != VERSION or words["sha256"] != _sha256(folder / _ARRAYS):
            return None
        return StaticEncoder(words["id"], arrays["rarity"], arrays["directions"].astype(np.float32))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def static_encoder(folder: Path, texts: Iterable[str | None], *, seed: int) -> StaticEncoder:
    """The encoder of these texts: the one kept in the folder of all encoders' vectors, else fitted now and kept.

    Raises InputError `cannot-write`.
    """
    sample = sample_of(texts, seed=seed)
    place = folder / _id_of(sample, seed)
    encoder = load_static(place)
    if encoder is None or encoder.id != place.name:
        encoder = fit_static(sample, seed=seed)
        encoder.save(place)
    return encoder


def sample_of(texts: Iterable[str | None], *, seed: int, count: int = SAMPLE) -> list[str]:
    """At most `count` distinct cleaned texts, the same ones in whatever order they come; memory is that of the sample.

    Those whose digest with the seed is least: a text stays in the sample of a growing shop until lesser ones come.
    """
    kept: dict[bytes, str] = {}
    bound = b"\xff" * 33
    salt = f"{seed}:".encode()
    for text in map(clean, texts):
        digest = hashlib.sha256(salt + text.encode()).digest()
        if not text or digest >= bound:
            continue
        kept[digest] = text
        if len(kept) >= 2 * count:
            kept = {key: kept[key] for key in sorted(kept)[:count]}
            bound = max(kept)
    return [kept[key] for key in sorted(kept)[:count]]


def fit_static(sample: Sequence[str], *, seed: int) -> StaticEncoder:
    """The encoder fitted to distinct cleaned texts, be they none, three or ten thousand.

    The id is a digest of the texts, the seed and what they are fitted with: equal ids were fitted to equal texts.
    """
    rarity = np.ones(BUCKETS, np.float32)
    directions = np.zeros((BUCKETS, SIZE), np.float32)
    if sample:
        counts = _counts(sample)
        weighing = TfidfTransformer(sublinear_tf=True).fit(counts)
        rarity = weighing.idf_.astype(np.float32)
        svd = TruncatedSVD(min(SIZE, len(sample)), n_iter=3, random_state=seed)
        with np.errstate(invalid="ignore"):  # it also works out shares of variance, of which one text has none
            svd.fit(weighing.transform(counts))
        sound = svd.singular_values_ > _LEAST * svd.singular_values_[0]
        directions[:, : sound.sum()] = svd.components_[sound].T
    # Rounded as it is saved, so that the encoder that was fitted and the one that is loaded are the same.
    return StaticEncoder(_id_of(sample, seed), rarity, directions.astype(np.float16).astype(np.float32))


def _counts(texts: Sequence[str]) -> Any:
    """(N, BUCKETS) sparse float32: how often each n-gram occurs, in lower case."""
    return HashingVectorizer(**_COUNTS, alternate_sign=False, norm=None, dtype=np.float32).transform(texts)


def _tfidf(rarity: Array) -> TfidfTransformer:
    weighing = TfidfTransformer(sublinear_tf=True)
    weighing.idf_ = rarity
    return weighing


def _id_of(sample: Sequence[str], seed: int) -> str:
    words = [VERSION, SIZE, sorted(_COUNTS.items()), seed, sklearn.__version__]
    digest = hashlib.sha256(json.dumps(words).encode())
    for text in sample:
        digest.update(text_key(text) or b"")
    return FITTED + digest.hexdigest()[:16]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
