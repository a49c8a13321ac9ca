"""The event model's next-item head as a score: what the customer's next order holds, by all that they did before.

A network learns what comes next from the events before a day, and is asked about that day and later ones. It must not
have seen the windows that the mixture learns in: a network that knows their purchases looks better in them than it is.

Letters: N pairs, U customers asked about, V items that the network knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from worthwhile.features.sequences import KINDS, NONE, Sequences, build_sequences
from worthwhile.models.network_fit import alone, chosen_device
from worthwhile.models.sequence.coming import AHEAD_LAW, GAPS, HORIZONS, coming_of
from worthwhile.models.sequence.learning import NO_ROWS, Learning, Material, Questions, Trainer, states_at
from worthwhile.models.sequence.model import vocabulary_of
from worthwhile.models.sequence.network import Shape
from worthwhile.models.sequence.steps import NUMBERS, steps_of
from worthwhile.recommend.history import day_after
from worthwhile.recommend.mix import STEP_DAYS, WINDOW_DAYS, WINDOWS
from worthwhile.schema import local_midnight, to_us
from worthwhile.store.log import Log
from worthwhile.store.scratch import sequences_folder

Array = np.ndarray[Any, Any]

LEARNING = Learning(learning_rate=2e-3)
EPOCHS = 20
SPREAD = 1.0  # with items' vectors of 0.1 nothing is learned of items for the first thousand batches
EPOCH = date(1970, 1, 1)
LEAST_ORDERS = 5_000  # that the network learns from, or there is none: of fewer its head knows little but popularity

_ORDERS = """
    SELECT count(DISTINCT (customer_id, day)) FROM events
    WHERE kind = 'order_line' AND item_id IS NOT NULL AND day < ?
"""


class EventScores:
    """A score of pairs of customers and items, for `Recommender.of(scores=)`."""

    def __init__(self, log: Log, sequences: Sequences, day: int, cutoff: datetime, *, seed: int = 0) -> None:
        """Learn from what was before the local day `day`, counted from 1970-01-01; be asked up to `cutoff` (UTC)."""
        learned = local_midnight(EPOCH + timedelta(days=day), log.zone)
        scale = _scale(sequences, learned)
        self._sequences = sequences
        self._vocabulary = vocabulary_of(steps_of(sequences, learned, scale), sequences)
        self._steps = self._vocabulary.coded(steps_of(sequences, cutoff, scale), sequences)
        with alone(seed, chosen_device(LEARNING.device)):
            material = Material(self._steps, coming_of(self._steps), _nothing_asked(), lambda raw, _: raw)
            trainer = Trainer(material, self._shape(), LEARNING, seed)
            for _ in range(EPOCHS):
                trainer.epoch(NO_ROWS, day, task=False)
        self._net = trainer.averaged

    def _shape(self) -> Shape:
        words = self._vocabulary
        return Shape(
            width=LEARNING.width,
            dropout=LEARNING.dropout,
            item_spread=SPREAD,
            items=len(words.items),
            categories=len(words.categories),
            channels=len(words.channels),
            kinds=len(KINDS),
            numbers=len(NUMBERS),
            gaps=len(GAPS),
            ahead=AHEAD_LAW * len(HORIZONS),
            columns=1,
            outputs=1,
        )

    def __call__(self, cutoff: datetime, customers: Array, items: Array) -> Array:
        """(N,) float32: the log of the chance of each item among all; NaN where customer or item is not known."""
        if not len(self._vocabulary.items):  # none sold often enough
            return np.full(len(items), np.nan, np.float32)
        who, row = np.unique(customers.astype(str), return_inverse=True)
        words, code = np.unique(items.astype(str), return_inverse=True)
        place = _places(self._vocabulary.items, words.astype(object))[code]
        chances = self._chances(cutoff, who.astype(object))
        return np.where(place != NONE, chances[row, place], np.nan)

    def _chances(self, cutoff: datetime, customers: Array) -> Array:  # (U, V)
        row = self._sequences.rows_of(customers)
        first, end = self._steps.offsets[row], self._steps.ends_at(cutoff)[row] - 1
        asked = np.flatnonzero((row != NONE) & (end >= first))
        found = np.full((len(customers), len(self._vocabulary.items)), np.nan, np.float32)
        with torch.no_grad():
            for states, rows in states_at(self._net, self._steps, first[asked], end[asked]):
                scores = self._net.item_scores(states)[:, :-1]
                found[asked[rows]] = F.log_softmax(scores, dim=1).cpu().numpy()
        return found


def _scale(sequences: Sequences, learned: datetime) -> float:
    """The median amount, whatever its sign, of what was before the moment `learned`."""
    amounts = np.abs(sequences.columns["amount"][sequences.columns["ts_us"] < to_us(learned)])
    amounts = amounts[amounts > 0]
    return float(np.median(amounts)) if len(amounts) else 1.0


def _places(known: Array, words: Array) -> Array:
    """(W,) places of words among those known, ascending; NONE of others."""
    place = np.minimum(np.searchsorted(known, words), len(known) - 1)
    return np.where(known[place] == words, place, NONE)


def _nothing_asked() -> Questions:
    none = np.zeros((0, 1), np.float32)
    return Questions(row=NO_ROWS, end=NO_ROWS, columns=none, windows=none, start=none, target=none, weight=none[:, 0])


@contextmanager
def event_scores(log: Log, cutoff: datetime, scratch: Path, *, seed: int = 0) -> Iterator[EventScores | None]:
    """The score for recommendations at `cutoff`; None where too little lies before the windows of the mixture.

    Its files lie in the folder `scratch` meanwhile.
    """
    day = day_after(cutoff, log) - WINDOW_DAYS - STEP_DAYS * (WINDOWS - 1)
    [(orders,)] = log.con.execute(_ORDERS, [day]).fetchall()
    if orders < LEAST_ORDERS:
        yield None
        return
    with sequences_folder(scratch) as folder:
        yield EventScores(log, build_sequences(log, folder / "sequences"), day, cutoff, seed=seed)
