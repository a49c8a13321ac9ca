"""The event model's next-item head as a score: what the customer's next order holds, by all that they did before.

The network learns what comes next from the events before a day, and is asked at that day and later ones: the mixture
learns how far to trust it in windows that it has not seen. Networks and windows that saw the same purchases would
make it look better than it is.

Letters: N pairs, U customers asked about, V items that the network knows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from worthwhile.features.sequences import KINDS, NONE, Sequences
from worthwhile.models.network_fit import alone, chosen_device
from worthwhile.models.sequence.coming import GAPS, coming_of
from worthwhile.models.sequence.learning import Learning, Material, Questions, Trainer, states_at
from worthwhile.models.sequence.model import vocabulary_of
from worthwhile.models.sequence.network import Shape
from worthwhile.models.sequence.steps import NUMBERS, steps_of
from worthwhile.schema import to_us

Array = np.ndarray[Any, Any]

EPOCHS = 12


class EventScores:
    """A score of pairs of customers and items, for `Recommender.of(scores=)`."""

    def __init__(
        self,
        sequences: Sequences,
        learned: datetime,
        cutoff: datetime,
        *,
        learning: Learning,
        day: int,
        seed: int = 0,
        epochs: int = EPOCHS,
    ) -> None:
        """Learn from what was before `learned`, the start of the local day `day`; ask at moments up to `cutoff`."""
        scale = (
            float(np.median(np.abs(sequences.columns["amount"][sequences.columns["ts_us"] < to_us(learned)]))) or 1.0
        )
        known = steps_of(sequences, learned, scale)
        self._sequences, self._vocabulary = sequences, vocabulary_of(known, sequences)
        self._steps = self._vocabulary.coded(steps_of(sequences, cutoff, scale), sequences)
        shape = self._shape(learning)
        with alone(seed, chosen_device(learning.device)):
            material = Material(self._steps, coming_of(self._steps), _no_questions(shape), lambda raw, target: raw)
            trainer = Trainer(material, shape, learning, seed)
            for _ in range(epochs):
                trainer.epoch(np.zeros(0, dtype=np.int64), day, task=False)
        self._net = trainer.averaged

    def _shape(self, learning: Learning) -> Shape:
        words = self._vocabulary
        return Shape(
            encoder=learning.encoder, width=learning.width, layers=learning.layers, dropout=learning.dropout,
            items=len(words.items), categories=len(words.categories), channels=len(words.channels), kinds=len(KINDS),
            numbers=len(NUMBERS), gaps=len(GAPS), columns=1, outputs=1,
            contents={name: vectors.shape[1] for name, (vectors, _) in self._steps.contents.items()},
        )  # fmt: skip

    def __call__(self, cutoff: datetime, customers: Array, items: Array) -> Array:
        """(N,) float32: the log of the chance of each item among all; NaN where customer or item is not known."""
        who, row = np.unique(customers.astype(str), return_inverse=True)
        words, code = np.unique(items.astype(str), return_inverse=True)
        known = self._vocabulary.items
        place = np.minimum(np.searchsorted(known, words), len(known) - 1)
        place = np.where(known[place] == words, place, NONE)[code]
        at = self._sequences.rows_of(who.astype(object))
        first = self._steps.offsets[np.maximum(at, 0)]
        end = self._steps.ends_at(cutoff)[np.maximum(at, 0)] - 1
        asked = np.flatnonzero((at >= 0) & (end >= first))
        chances = np.full((len(who), len(known)), np.nan, np.float32)
        with torch.no_grad():
            for states, rows in states_at(self._net, self._steps, first[asked], end[asked]):
                logits = self._net.item_scores(states)[:, : len(known)]
                chances[asked[rows]] = F.log_softmax(logits, dim=1).cpu().numpy()
        return np.where(place >= 0, chances[row, place], np.nan)


def _no_questions(shape: Shape) -> Questions:
    none = np.zeros(0, dtype=np.int64)
    return Questions(
        none,
        none,
        np.zeros((0, 1), np.float32),
        np.zeros((0, 1), np.float32),
        np.zeros((0, 1), np.float32),
        np.zeros(0, np.float32),
    )
