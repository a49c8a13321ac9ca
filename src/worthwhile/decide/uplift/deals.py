"""Several ways of dealing customers into folds. All that is said of them is the mean over these ways.

What one way of dealing says hangs on who happened to lie in which fold. On simulated campaigns the mean of four takes 2
to 16 % of what is lost against knowing all effects away (docs/design.md). Policies are judged likewise: without the
customers of a fold, the rest is dealt anew in as many ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from worthwhile.decide.uplift.crossfit import FOLDS, CrossFit, Level
from worthwhile.decide.uplift.learners import Said, mean_said
from worthwhile.decide.uplift.trial import Trial
from worthwhile.progress import Progress, part, silent

Array = np.ndarray[Any, Any]

DEALS = 3
MANY = 200_000  # customers above whom one way is enough: chance in dealing matters less, and several take long
FEWEST = 3  # folds: surfaces that have not seen two of them need a third
# For progress, by the clock:
ANOTHER = 0.7  # how long another deal of all customers takes, as a part of the first, which is nested
SURFACES = 0.45  # the part of the first deal's time that its surfaces take


@dataclass(frozen=True)
class Outside:
    """What is known without the customers of one fold: of all others, and of themselves by what has not seen them."""

    rows: Array  # (N_fold,) int into the trial
    level: Level  # of all others
    each: tuple[tuple[Said, ...], ...]  # by deal: of the fold's customers, by models that each lack another fold too
    scores: Array  # (N_fold, J, K+1)

    @property
    def said(self) -> Said:
        return mean_said([mean_said(several) for several in self.each])


@dataclass
class Deals:
    """One trial, cross-fitted in several ways. The first is nested: its folds are those that policies are judged on."""

    first: CrossFit
    others: tuple[CrossFit, ...]
    found: list[Level] = field(default_factory=list)  # of all customers by each, made when first asked for

    @classmethod
    def of(
        cls,
        trial: Trial,
        *,
        deals: int | None = None,
        observational: bool = False,
        folds: int = FOLDS,
        seed: int = 0,
    ) -> Deals:
        several = [
            CrossFit.of(trial, observational=observational, folds=folds, seed=_seed(seed, deal))
            for deal in range(deals or usual_deals(len(trial)))
        ]
        return cls(several[0], tuple(several[1:]))

    @property
    def trial(self) -> Trial:
        return self.first.trial

    @property
    def all(self) -> tuple[CrossFit, ...]:
        return self.first, *self.others

    def fit(self, progress: Progress = silent) -> None:
        """Make all that is asked for of all customers, telling how far it is from the first fit on."""
        done_first = 1 / (1 + ANOTHER * len(self.others))
        self.first.progress = part(progress, SURFACES * done_first, done_first)
        sets = [frozenset(out) for size in (3, 2, 1) for out in combinations(range(self.first.count), size)]
        for i, out in enumerate(sets):
            progress("learn what customers do", SURFACES * done_first * i / len(sets))
            self.first.surfaces_without(out)
        self.first.fit_all()
        for i, cross in enumerate(self.others):
            for fold in range(cross.count):
                more = (i + fold / cross.count) / len(self.others)
                progress("learn again, dealt otherwise", done_first + (1 - done_first) * more)
                cross.model_without(frozenset({fold}))

    def levels(self) -> list[Level]:
        """All customers, by each way of dealing."""
        if not self.found:
            self.found = [cross.level() for cross in self.all]
        return self.found

    def level(self) -> Level:
        """All customers; folds are the first's."""
        return _mean_level(self.levels())

    def each_of_log(self, fold: int) -> tuple[tuple[Said, ...], ...]:
        """Of the customers of a fold of the first, by deal, what models say that have not seen them."""
        rows = self.first.rows_of([fold])
        return (tuple(self.first.each_beyond(fold)), *((level.said[rows],) for level in self.levels()[1:]))

    def each_of(self, matrix: Array) -> tuple[tuple[Said, ...], ...]:
        """Of customers who are not in the trial, by deal, what models say that each lack another fold."""
        return tuple(tuple(cross.said_of(matrix, None)) for cross in self.all)

    def outside(self, fold: int, progress: Progress = silent) -> Outside:
        """What is known without a fold of the first, which has four or more."""
        out = frozenset({fold})
        rows, rest = self.first.rows_of([fold]), self.first.without(out)
        levels, each = [self.first.level(out)], [tuple(self.first.each_beyond(fold))]
        known = self.trial.propensity
        for deal in range(1, len(self.all)):
            cross = CrossFit.of(
                self.trial[rest],
                observational=self.first.observational,
                folds=max(self.first.count - 1, FEWEST),
                seed=_seed(self.first.seed, deal, fold),
                kinds=self.first.kinds,
            )
            for inner in range(cross.count):
                progress("compare policies", (deal - 1 + inner / cross.count) / len(self.others))
                cross.model_without(frozenset({inner}))
            level = cross.level()
            levels.append(Level(rest, self.first.folds[rest], level.said, level.scores, level.calm))
            chance = None if known is None else known[rows]
            each.append(tuple(cross.said_of(self.first.columns.matrix[rows], chance)))
        return Outside(rows, _mean_level(levels), tuple(each), self.first.scores_in(fold, out)[0])


def usual_deals(customers: int) -> int:
    return 1 if customers > MANY else DEALS


def _seed(seed: int, *more: int) -> int:
    """A seed of its own for each deal; the first keeps the one that was given."""
    return int(np.random.default_rng([seed, *more]).integers(2**31)) if any(more) else seed


def _mean_level(levels: Sequence[Level]) -> Level:
    first = levels[0]
    if len(levels) == 1:
        return first
    return Level(
        first.rows,
        first.fold,
        mean_said([level.said for level in levels]),
        np.mean([level.scores for level in levels], axis=0),
        np.mean([level.calm for level in levels], axis=0),
    )
