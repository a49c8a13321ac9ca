"""An encoder that anyone can check by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from worthwhile.content.encoder import filled, unit_length


class Letters:
    """An encoder that counts letters, and remembers what it was asked."""

    size = 26

    def __init__(self, name: str = "letters-1") -> None:
        self.id, self.asked = name, []

    def encode(self, contents: Sequence[str]) -> Any:
        self.asked += contents
        return filled(self.size, contents, self._count)

    def _count(self, contents: Sequence[str]) -> Any:
        counts = [[text.count(chr(97 + k)) for k in range(26)] for text in contents]
        return unit_length(np.array(counts, np.float32))
