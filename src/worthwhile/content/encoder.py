"""What turns contents into vectors, whatever is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


class Encoder(Protocol):
    """Texts become vectors of unit length, so that their inner product is the cosine of their angle."""

    @property
    def id(self) -> str:
        """Kind, digest of the weights and version: fit to be a folder's name. Equal ids give equal vectors."""

    @property
    def size(self) -> int:
        """Numbers in a vector."""

    def encode(self, contents: Sequence[str]) -> Array:
        """(N, size) float32 of N cleaned texts (`hygiene.clean`); an empty text is all zeros."""


@dataclass(frozen=True)
class Encoded:
    """Vectors of pictures, and why there is none of some."""

    vectors: Array  # (N, size) float32, zeros where refused
    refused: Mapping[int, str]  # place in the list that was given -> reason


class PictureEncoder(Protocol):
    """Pictures become vectors of unit length."""

    @property
    def folder(self) -> Path:
        """Where the pictures lie; none is read from elsewhere."""

    @property
    def id(self) -> str:
        """As of `Encoder`."""

    @property
    def size(self) -> int:
        """Numbers in a vector."""

    def encode(self, contents: Sequence[str]) -> Encoded:
        """Vectors of pictures by their paths below the folder of pictures, and which could not be read."""


def unit_length(vectors: Array) -> Array:
    """Rows divided by their length; rows of zeros stay. (N, D) -> (N, D) float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors, dtype=np.float32), where=lengths > 0)


def filled(size: int, contents: Sequence[str], encode: Any) -> Array:
    """(N, size): what `encode` makes of the contents that are not empty, and zeros for those that are."""
    vectors = np.zeros((len(contents), size), np.float32)
    some = [place for place, content in enumerate(contents) if content]
    if some:
        vectors[some] = encode([contents[place] for place in some])
    return vectors
