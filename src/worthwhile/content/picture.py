"""Pretrained transformers for pictures (Dosovitskiy et al. 2021; Radford et al. 2021), through transformers and PIL."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.content.cache import KEY, kept_vectors
from worthwhile.content.encoder import Array, Encoded, PictureEncoder, unit_length
from worthwhile.content.picture_file import Refused, decoded, read_content
from worthwhile.content.pretrained import id_of, model_folder, needs, quiet, readable
from worthwhile.errors import InputError
from worthwhile.progress import Progress, silent
from worthwhile.store.refused_pictures import keep_refused

VERSION = 1
SETTING = "content.picture_encoder"
BATCH = 16

# Pictures that could not be read: the path as it was given, and a key of `store/refused_pictures.py: REASONS`.
REFUSED = pa.schema([("path", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True)
class VisionEncoder:
    """A pretrained network and its own way of preparing pictures; `folder` holds the pictures."""

    id: str
    size: int
    folder: Path
    network: Any = field(repr=False)
    prepare: Any = field(repr=False)

    def encode(self, contents: Sequence[str]) -> Encoded:
        """Vectors of pictures by their paths below `folder`, one decoded picture in memory at a time."""
        vectors = np.zeros((len(contents), self.size), np.float32)
        refused: dict[int, str] = {}
        for start in range(0, len(contents), BATCH):
            ready: dict[int, Any] = {}
            for place in range(start, min(start + BATCH, len(contents))):
                try:
                    ready[place] = _prepared(self.prepare, decoded(read_content(self.folder, contents[place])))
                except Refused as error:
                    refused[place] = error.reason
            if ready:
                vectors[list(ready)] = unit_length(_answers(self.network, np.stack(list(ready.values()))))
        return Encoded(vectors, refused)


def load_picture_encoder(name: str, pictures: Path, *, below: Path | None = None) -> VisionEncoder:
    """A picture encoder by name in the Hugging Face hub, or by folder; `pictures` is the folder of pictures.

    Of models of pictures and texts (CLIP) it takes the vectors that both share; of others the mean over the places of
    the picture. Raises InputError `no-such-model`, `missing-extra`, `bad-file`.
    """
    folder = model_folder(name, setting=SETTING, below=below)
    with needs("transformers", setting=SETTING, extra="pictures"):
        import PIL.Image  # noqa: F401
        from transformers import AutoImageProcessor, AutoModel
    with quiet(), readable(folder, setting=SETTING):
        # Without torchvision, which would have to fit torch to the build.
        prepare = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True, backend="pil")
        network, told = AutoModel.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        # Weights that a file lacks are drawn at random: vectors of two runs could not be compared.
        lacking = sorted(key for key in told["missing_keys"] if not key.startswith("pooler."))
        if lacking:
            raise InputError(
                "bad-file",
                f"the model lacks weights: {', '.join(lacking[:3])}",
                where=f"{SETTING}: {folder}",
                remedy="copy the whole folder of the model, or name another one",
            )
        network = _placed(network)
        white = _prepared(prepare, _white())
        size = _answers(network, white[None]).shape[1]
    return VisionEncoder(id_of("picture", name, folder, version=VERSION), size, pictures, network, prepare)


def picture_vectors_of(
    kept: Path, encoder: PictureEncoder, paths: Sequence[str | None], progress: Progress = silent
) -> tuple[Array, pa.Table]:
    """(N, size) float32: vectors of N pictures by their paths, zeros where there is none; and the refused ones.

    A picture is known by its bytes: one that changes gets another vector, one of two names is encoded once. `kept` is
    the folder of all encoders' vectors, where the refused ones of the last call are kept as well, for `worth check`.
    Raises InputError `cannot-write`.
    """
    reasons: dict[str, str] = {}

    def key(path: str | None) -> bytes | None:
        if not path or path in reasons:
            return None
        try:
            return hashlib.sha256(read_content(encoder.folder, path)).digest()[: KEY.byte_width]
        except Refused as error:
            reasons[path] = error.reason
            return None

    def make(rows: Array) -> tuple[Array, Array]:
        asked = [str(paths[row]) for row in rows]
        made = encoder.encode(asked)
        reasons.update({asked[place]: reason for place, reason in made.refused.items()})
        return made.vectors, np.isin(np.arange(len(rows)), list(made.refused))

    keys = pa.array(map(key, paths), KEY)
    vectors = kept_vectors(kept / encoder.id, encoder.size, keys, make, progress)
    named = [(str(path), found) for path, found in zip(paths, keys.to_pylist(), strict=True) if found is not None]
    reason_of = {found: reasons[path] for path, found in named if path in reasons}  # one of several with these bytes
    reasons |= {path: reason_of[found] for path, found in named if found in reason_of}
    refused = [{"path": path, "reason": reasons[path]} for path in sorted(reasons)]
    keep_refused(kept, refused)
    return vectors, pa.Table.from_pylist(refused, schema=REFUSED)


def _prepared(prepare: Any, picture: Any) -> Array:
    """(3, H, W) float32: one picture in the size and range that the network takes."""
    return np.asarray(prepare(images=picture, return_tensors="np")["pixel_values"][0], np.float32)


def _answers(network: Any, pixels: Array) -> Array:
    """(B, 3, H, W) -> (B, D): one vector a picture."""
    import torch

    with torch.inference_mode():
        given = torch.from_numpy(pixels).to(network.device)
        if hasattr(network, "get_image_features"):
            answer = network.get_image_features(pixel_values=given)
            pooled = getattr(answer, "pooler_output", answer)  # (B, D)
        else:
            # Not `pooler_output`: of many models its weights were never trained.
            states = network(pixel_values=given).last_hidden_state  # (B, T, D), or (B, D, H, W) of convolutions
            pooled = states.mean(dim=1) if states.ndim == 3 else states.mean(dim=(2, 3))
        return pooled.float().cpu().numpy()


def _placed(network: Any) -> Any:
    import torch

    return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")


def _white() -> Any:
    from PIL import Image

    return Image.new("RGB", (64, 64), "white")
