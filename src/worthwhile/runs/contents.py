"""What items are and what customers wrote, as vectors for models that read events: made for a cutoff.

Reviews, searches and items that events name are those of before it. Titles, descriptions and pictures carry no day:
they are those of today, and what a list of items names counts as known all along (`content.items`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from worthwhile.content.cache import vectors_of
from worthwhile.content.chosen import Encoders, encoders_of
from worthwhile.content.items import ItemVectors, item_vectors
from worthwhile.features.sequences import NONE, Content, Sequences
from worthwhile.progress import Progress, part, silent
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]


class Contents:
    """The vectors that the encoders of a shop's settings make of what its sequences name.

    Those of the cutoff asked about last are kept: a run asks for each horizon, and a backtest goes on to later ones.
    """

    def __init__(self, shop: Shop, log: Log, sequences: Sequences) -> None:
        self._shop, self._log, self._sequences = shop, log, sequences
        self._cutoff: datetime | None = None
        self._made: dict[str, Content] = {}

    def at(self, cutoff: datetime, progress: Progress = silent) -> dict[str, Content]:
        """What `contents_at` gives; nothing where the shop has neither titles nor texts.

        Raises InputError as `encoders_of` does, `cannot-write`.
        """
        if cutoff != self._cutoff:
            encoders = encoders_of(self._shop, self._log, cutoff)
            kept = self._shop.vectors
            self._made = (
                contents_at(self._log, self._sequences, cutoff, encoders, kept=kept, progress=progress)
                if encoders
                else {}
            )
            self._cutoff = cutoff
        return self._made


def contents_at(
    log: Log,
    sequences: Sequences,
    cutoff: datetime,
    encoders: Encoders,
    *,
    kept: Path,
    progress: Progress = silent,
) -> dict[str, Content]:
    """Vectors of items (`item`: texts beside pictures) and of reviews and searches (`text`), by name.

    Of what came after the cutoff they are zeros, but for items on a list, which tells no day; a kind of which nothing
    is known is left out. `kept` is the folder of all encoders' vectors. Raises InputError `cannot-write`.
    """
    text, pictures = encoders.text, encoders.pictures
    made = item_vectors(log, cutoff, text, kept=kept, pictures=pictures, progress=part(progress, 0.0, 0.5))
    of_items = _placed(made, sequences.vocabularies["item"])
    before = sequences.columns["text"][sequences.columns["ts_us"] < to_us(cutoff)]
    said = np.setdiff1d(before, [NONE])
    of_texts = np.zeros((int(said.max(initial=NONE)) + 1, text.size), np.float32)
    if len(said):
        of_texts[said] = vectors_of(kept, text, sequences.texts()[said].tolist(), part(progress, 0.5, 1.0))
    both = "+".join(encoder.id for encoder in (text, pictures) if encoder)
    found = {"item": Content(of_items, "item", both), "text": Content(of_texts, "text", text.id)}
    return {name: content for name, content in found.items() if content.vectors.any()}


def _placed(made: ItemVectors, items: Array) -> Array:
    """(W, D) float32: the vectors of items (W,) str, zeros of those that were not known."""
    found = np.zeros((len(items), made.vectors.shape[1]), np.float32)
    row = {item: row for row, item in enumerate(made.item_id)}
    rows = np.array([row.get(item, NONE) for item in items], dtype=np.int64)
    found[rows != NONE] = made.vectors[rows[rows != NONE]]
    return found
