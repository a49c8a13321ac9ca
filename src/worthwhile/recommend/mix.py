"""One score of many signals: trees that learned from past windows of the shop, or a fixed rule where it is too young.

The trees learn what customers who ordered in a past window took of what came into question for them, as of the morning
of the window. Their score is a chance: that a customer who orders within the next 30 days takes the item.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from scipy.special import expit

from worthwhile.models.boosting import Boosting, Rows, bin_columns, boost_rounds
from worthwhile.progress import Progress, silent
from worthwhile.recommend.candidates import candidates
from worthwhile.recommend.content import Content
from worthwhile.recommend.history import Lines, bought_within, value_at
from worthwhile.recommend.popular import Segments
from worthwhile.recommend.signals import NAMES, Sources, scores_of, signals, sources_on
from worthwhile.schema import local_midnight

Array = np.ndarray[Any, Any]

# A further score of pairs: (the cutoff, ids of customers (N,), ids of items (N,)) -> (N,). It may know only what was
# before the cutoff.
ScoreFunction = Callable[[datetime, Array, Array], Array]

WINDOW_DAYS = 30
WINDOWS, STEP_DAYS = 8, 15  # half overlapping: four apart from each other give a percent less in recall
LEAST_HISTORY_DAYS = 90  # before a window
LEAST_BOUGHT = 500  # pairs of a customer and an item bought in all windows, to learn a mixture from
MOST_CUSTOMERS = 1_500  # of a window: enough for the trees, so that learning takes no longer in a large shop
# Pairs of a window to learn from, about. Of those that were not bought a share is kept, which stands for all of them:
# the smaller it is, the more trees that know the kept ones by heart think too well of the others.
MOST_PAIRS = 80_000
FADE = 0.9  # weight of a window against the one that follows it
# Chosen on cutoffs of 2010 of Online Retail II.
TREES = Boosting(rounds=200, learning_rate=0.08, leaves=63, min_rows=100, l2=10.0, columns=0.4)
AT_ONCE = 512  # customers


@dataclass(frozen=True)
class Question:
    """What signals are asked of: everything that the shop knew before the cutoff, and scores from elsewhere."""

    lines: Lines
    segments: Segments
    zone: ZoneInfo
    content: Content | None = None
    scores: Mapping[str, ScoreFunction] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (*NAMES, *sorted(self.scores or {}))

    def signals_of(
        self, sources: Sources, customers: Array, allowed: Array, *, least: int = 0
    ) -> tuple[Array, Array, Array]:
        """Pairs that come into question for customers (U,): row and item (N,), and signals (N, F) float32."""
        near = scores_of(sources, customers)
        row, item = candidates(sources, customers, near, allowed, least=least)
        matrix = signals(sources, customers, near, row, item)
        if not self.scores:
            return row, item, matrix
        moment = local_midnight(date(1970, 1, 1) + timedelta(days=sources.history.day), self.zone).astimezone(UTC)
        ids = self.lines.customers[customers[row]], self.lines.items[item]
        more = [np.asarray(self.scores[name](moment, *ids), np.float32) for name in sorted(self.scores)]
        return row, item, np.column_stack([matrix, *more])


class Mixture(Protocol):
    """From signals (N, F), in the order of `Question.names`, to scores (N,) from 0 to 1."""

    is_learned: bool

    def score(self, matrix: Array) -> Array: ...


class Learned:
    """Trees on the signals; the score is the chance that a customer who orders takes the item."""

    is_learned = True

    def __init__(self, matrix: Array, bought: Array, weight: Array, *, seed: int) -> None:
        """Learn from signals (N, F), whether the pair was bought (N,) bool, and weights (N,)."""
        columns = bin_columns(matrix, seed=seed, threads=TREES.threads)
        start = float(np.average(bought, weights=weight))
        self._start = float(np.log(start / (1 - start)))
        rows = Rows(
            columns, np.arange(len(matrix)), bought.astype(np.float64), weight, np.full(len(matrix), self._start)
        )
        self._booster = boost_rounds(rows, TREES, "binary", rounds=TREES.rounds, seed=seed)
        self._read = self._booster.reader()

    def score(self, matrix: Array) -> Array:
        return expit(self._read(matrix) + self._start)


class Fixed:
    """A rule for shops too young or small to learn one: own purchases, what goes with them, what is popular.

    Chances are put together as if independent: 1 - (1 - own) (1 - together) (1 - popular).
    """

    is_learned = False

    def score(self, matrix: Array) -> Array:
        of = dict(zip(NAMES, matrix.T[: len(NAMES)], strict=True))
        faded = np.exp(-np.nan_to_num(of["since"]) / 180)
        own = of["times"] / (np.nan_to_num(of["orders"]) + 2) * faded
        near = np.fmax(of["together"], np.nan_to_num(of["like"]) * 0.5) * 0.3
        common = np.minimum(np.nan_to_num(of["popularity"]) * np.nan_to_num(of["here"], nan=1.0), 1.0) * 0.3
        return 1 - (1 - np.clip(own, 0, 1)) * (1 - np.clip(near, 0, 1)) * (1 - common)


def learn_mixture(question: Question, *, seed: int, threads: int = 1, progress: Progress = silent) -> Mixture:
    """The mixture learned in the windows before the lines' end; the fixed one where they hold too little."""
    lines = question.lines
    first = int(lines.day.min())
    days = [lines.end - WINDOW_DAYS - STEP_DAYS * k for k in range(WINDOWS)]
    days = [day for day in days if day - first >= LEAST_HISTORY_DAYS]
    parts = []
    with ThreadPoolExecutor(max_workers=min(threads, 2)) as pool:  # a window's signals take memory
        for part in pool.map(lambda day: _examples(question, day, seed), days):
            parts.append(part)
            progress("learn from past windows", 0.7 * len(parts) / len(days))
    if sum(int(bought.sum()) for _, bought, _ in parts) < LEAST_BOUGHT:
        return Fixed()
    matrix, bought, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    progress("learn from past windows", 0.7)
    return Learned(matrix, bought, weight, seed=seed)


def _examples(question: Question, day: int, seed: int) -> tuple[Array, Array, Array]:
    """Of a window that begins on `day`: signals (N, F), whether the pair was bought (N,) bool, and weights (N,)."""
    sources = sources_on(question.lines, day, question.segments, content=question.content)
    weight = FADE ** ((question.lines.end - day) / WINDOW_DAYS - 1)
    truth = bought_within(question.lines, day, WINDOW_DAYS)
    buyers = np.flatnonzero((np.diff(truth.indptr) > 0) & (sources.history.orders > 0))
    rng = np.random.default_rng([seed, day])
    if len(buyers) > MOST_CUSTOMERS:
        buyers = np.sort(rng.choice(buyers, MOST_CUSTOMERS, replace=False))
    parts, share = [], 1.0
    for low in range(0, len(buyers), AT_ONCE):
        customers = buyers[low : low + AT_ONCE]
        row, item, matrix = question.signals_of(sources, customers, sources.popular.share > 0)
        if low == 0:
            share = min(1.0, MOST_PAIRS / (len(row) / len(customers) * len(buyers)))
        bought = value_at(truth[customers], row, item) > 0
        kept = bought | (rng.random(len(bought)) < share)
        parts.append((matrix[kept], bought[kept], np.where(bought[kept], weight, weight / share)))
    if not parts:
        return np.zeros((0, len(question.names)), np.float32), np.zeros(0, bool), np.zeros(0)
    matrix, bought, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return matrix, bought, weights
