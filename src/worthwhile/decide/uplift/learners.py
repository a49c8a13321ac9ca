"""Learners of effects: for each action against the control, what it adds to an outcome, customer by customer.

T-learner: the difference of two outcome surfaces. X-learner: trees on what each customer spent beyond what the other
surface expects, weighed by the chance of the action (Künzel, Sekhon, Bickel and Yu 2019, section 2). DR-learner: a
regression on doubly robust scores (Kennedy 2023, algorithm 1), by trees, by lines, and by the mean of some trees of
four groups, each grown on half of the customers: one such tree alone puts its borders elsewhere for every few customers
(Breiman 1996; on simulated campaigns the best action of each group then gained half a percent more).
`common` is the effect of surfaces that differ by a constant on the scale of log-odds: in proportion to the chance
without the action, which is the plainest effect that is not the same for all.

Effects on spend are learned per unit of the amount expected of a buyer, and multiplied by it. So what is learned is how
many more buy; the noise is then as large for those who buy little as for those who buy much, and few large baskets do
not rule what is learned of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.uplift.lines import Line, fit_line
from worthwhile.decide.uplift.surfaces import Surface
from worthwhile.models.boosting import Booster, Boosting, Columns, Rows, boost_rounds

Array = np.ndarray[Any, Any]

LEARNERS = ("common", "groups", "linear", "T", "X", "DR")
LEAST_LEAF = 0.02  # share of the rows in a leaf of the trees on scores, which are nearly all noise
GROUP_LEAF = 0.05
ROUNDS = 40
GROUPS = 4  # leaves of a tree of groups
BAG = 10  # trees of groups, each grown on another half of the customers


@dataclass(frozen=True)
class Trees:
    start: float
    booster: Booster

    def answer(self, matrix: Array) -> Array:
        return self.start + self.booster.reader()(matrix)


@dataclass(frozen=True)
class Bag:
    """The mean of what several trees say."""

    trees: tuple[Trees, ...]

    def answer(self, matrix: Array) -> Array:
        return np.mean([each.answer(matrix) for each in self.trees], axis=0)


@dataclass(frozen=True)
class ActionLearner:
    """Of one outcome and one action, per unit of size: learned on scores, and for the X-learner on both sides."""

    groups: Bag
    linear: Line
    treated: Trees  # X-learner: on those who got the action
    untreated: Trees  # on the control
    scores: Trees  # DR-learner

    def answer(self, matrix: Array, chance: Array) -> Array:
        """(N, 4): groups, linear, X, DR. `chance` (N,) of the action among those with the action or the control."""
        crossed = chance * self.untreated.answer(matrix) + (1 - chance) * self.treated.answer(matrix)
        return np.column_stack(
            [self.groups.answer(matrix), self.linear.answer(matrix), crossed, self.scores.answer(matrix)]
        )


def fit_action(
    columns: Columns, rows: Array, score: Array, beyond: tuple[Array, Array], got: tuple[Array, Array], *, seed: int
) -> ActionLearner:
    """Learn one action's effect from `rows` (M,) int ascending.

    `score` (M,) is the doubly robust score of the effect; `beyond` (M,), (M,) what the X-learner regresses on for
    those who got the action and for the control, which `got` (M,), (M,) bool says.
    """
    grown = Boosting(learning_rate=0.05, leaves=6, min_rows=max(20, int(LEAST_LEAF * len(rows))), columns=0.6)
    sides = [_grow(columns, rows[mine], target, grown, seed=seed) for mine, target in zip(got, beyond, strict=True)]
    return ActionLearner(
        groups=_fit_groups(columns, rows, score, seed=seed),
        linear=fit_line(columns.matrix[rows], score),
        treated=sides[0],
        untreated=sides[1],
        scores=_grow(columns, rows, score, grown, seed=seed),
    )


def _fit_groups(columns: Columns, rows: Array, score: Array, *, seed: int) -> Bag:
    rng = np.random.default_rng(seed)
    half = (len(rows) + 1) // 2
    tree = Boosting(learning_rate=1.0, leaves=GROUPS, min_rows=max(20, int(GROUP_LEAF * half)), l2=0, columns=1)
    halves = [np.sort(rng.permutation(len(rows))[:half]) for _ in range(BAG)]
    return Bag(tuple(_grow(columns, rows[some], score[some], tree, seed=seed, rounds=1) for some in halves))


def _grow(
    columns: Columns, rows: Array, target: Array, boosting: Boosting, *, seed: int, rounds: int = ROUNDS
) -> Trees:
    start = float(target.mean()) if len(target) else 0.0
    learned = Rows(columns, rows, target - start, np.ones(len(rows)), np.zeros(len(rows)))
    least = Boosting(**{**boosting.__dict__, "min_rows": min(boosting.min_rows, max(len(rows) // 8, 1))})
    grown = boost_rounds(learned, least, "regression", rounds=rounds, seed=seed, boost_from_average=False)
    return Trees(start, grown)


@dataclass(frozen=True)
class Said:
    """What learners say of N customers: the effects on each outcome, in its unit."""

    effects: Array  # (N, J, K, 6) by each of LEARNERS
    size: Array  # (N, J) the amount expected of a buyer, which effects on spend go with; ones for other outcomes

    def __getitem__(self, rows: Array | slice) -> Said:
        return Said(self.effects[rows], self.size[rows])

    def rates(self, outcome: int) -> Array:
        """(N, K, 6): effects on one outcome per unit of size. Of spend, that is how many more buy."""
        return self.effects[:, outcome] / self.size[:, outcome, None, None]


def mean_said(several: Sequence[Said]) -> Said:
    return Said(np.mean([s.effects for s in several], axis=0), np.mean([s.size for s in several], axis=0))


def effects_of(
    surfaces: Array, size: Array, learners: Sequence[ActionLearner], matrix: Array, propensity: Array
) -> Array:  # (N, K, 6)
    """Effects on one outcome by each of `LEARNERS`.

    `surfaces` (2, N, K+1): common, own; `size` (N,): the amount expected of a buyer, per unit of which `learners` have
    learned; `propensity` (N, K+1).
    """
    common, own = surfaces[..., 1:] - surfaces[..., :1]  # (N, K) each
    found = np.empty((len(matrix), len(learners), len(LEARNERS)))
    for k, learner in enumerate(learners):
        chance = propensity[:, k + 1] / (propensity[:, k + 1] + propensity[:, 0])
        groups, linear, crossed, scored = learner.answer(matrix, chance).T * size
        found[:, k] = np.column_stack([common[:, k], groups, linear, own[:, k], crossed, scored])
    return found


@dataclass(frozen=True)
class FoldModel:
    """All that was learned without the customers of some folds: surfaces and learners of each outcome."""

    surfaces: tuple[Surface, ...]  # (J,)
    learners: tuple[tuple[ActionLearner, ...], ...]  # (J, K)

    def answer(self, matrix: Array, propensity: Array) -> Said:
        sizes = [surface.size(matrix) for surface in self.surfaces]
        found = [
            effects_of(surface.answer(matrix), size, learners, matrix, propensity)
            for surface, size, learners in zip(self.surfaces, sizes, self.learners, strict=True)
        ]
        return Said(np.stack(found, axis=1), np.column_stack(sizes))
