"""Cross-fitting: what is said of a customer was learned without them, at every depth.

Customers are dealt into folds. Everything is known by the set of folds that it has not seen: surfaces without folds
{h, l, m} give doubly robust scores of fold m, from which learners without {h, l} learn, whose effects for fold l say
how far to trust them and which policy to choose without {h}, and that choice is judged on fold h. The sets are
symmetric, so the same surfaces serve whichever of the three folds is asked about: 25 fits with five folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from worthwhile.decide.uplift.learners import ActionLearner, FoldModel, Said, effects_of, fit_action, mean_said
from worthwhile.decide.uplift.surfaces import Kind, Surface, chances_of, fit_chances, fit_surface
from worthwhile.decide.uplift.trial import Trial, deal_folds
from worthwhile.models.boosting import Booster, Columns, bin_columns
from worthwhile.progress import Progress, silent

Array = np.ndarray[Any, Any]
Out = frozenset[int]  # the folds that something has not seen

FOLDS = 5


@dataclass(frozen=True)
class Level:
    """Without some folds: for each remaining customer what learners say that have not seen them, and their scores."""

    rows: Array  # (M,) int into the trial, ascending
    fold: Array  # (M,) int
    said: Said
    scores: Array  # (M, J, K+1) doubly robust scores of the mean outcome under each action
    calm: Array  # (M, J, K+1) the same of the calm outcome (`Kind.calm`)


@dataclass
class CrossFit:
    """The nested fits on one trial; each is made once, when first asked for."""

    trial: Trial
    folds: Array  # (N,) int
    columns: Columns
    kinds: tuple[Kind, ...]  # (J,)
    seed: int
    observational: bool  # the chances of actions are estimated from covariates
    progress: Progress = silent
    surfaces: dict[Out, tuple[Surface, ...]] = field(default_factory=dict)
    chances: dict[Out, list[Booster]] = field(default_factory=dict)
    expected: dict[Out, dict[int, tuple[Array, Array]]] = field(default_factory=dict)
    models: dict[Out, FoldModel] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        trial: Trial,
        *,
        observational: bool = False,
        folds: int = FOLDS,
        seed: int = 0,
        kinds: Sequence[Kind] | None = None,
    ) -> CrossFit:
        """`kinds` of the outcomes, where the trial is a part of another."""
        dealt = deal_folds(trial, folds, seed)
        kinds = tuple(kinds or (Kind.of(column) for column in trial.outcome.T))
        columns = bin_columns(np.ascontiguousarray(trial.covariates), seed=seed, threads=1)
        return cls(trial, dealt, columns, kinds, seed, observational and trial.propensity is None)

    @property
    def count(self) -> int:
        return int(self.folds.max()) + 1

    def rows_of(self, folds: Iterable[int]) -> Array:
        return np.flatnonzero(np.isin(self.folds, list(folds)))

    def without(self, out: Out) -> Array:
        return np.flatnonzero(~np.isin(self.folds, list(out)))

    def surfaces_without(self, out: Out) -> tuple[Surface, ...]:
        """The outcome surfaces that have not seen these folds."""
        if out not in self.surfaces:
            rows = self.without(out)
            made = [
                fit_surface(self.trial, self.columns, rows, kind, y, seed=self.seed)
                for kind, y in zip(self.kinds, self.trial.outcome.T, strict=True)
            ]
            self.surfaces[out] = tuple(made)
        return self.surfaces[out]

    def expected_in(self, fold: int, out: Out) -> tuple[Array, Array]:
        """What surfaces without `out` expect of the customers of one of its folds: (J, 2, N_fold, K+1) float32; and
        of those who buy, how much (J, N_fold)."""
        if out not in self.expected:
            surfaces = self.surfaces_without(out)
            self.expected[out] = {}
            for each in out:
                matrix = self.columns.matrix[self.rows_of([each])]
                answers = np.stack([surface.answer(matrix) for surface in surfaces])
                sizes = np.stack([surface.size(matrix) for surface in surfaces])
                self.expected[out][each] = answers.astype(np.float32), sizes.astype(np.float32)
            if len(out) > 1:  # nobody asks for these but through what they expect
                del self.surfaces[out]
        return self.expected[out][fold]

    def propensity_in(self, fold: int, out: Out) -> Array:
        """The chance of each action for the customers of one fold of `out`: (N_fold, K+1)."""
        rows = self.rows_of([fold])
        if self.trial.propensity is not None:
            return self.trial.propensity[rows]
        shares = self.trial.shares()
        if not self.observational:
            return np.broadcast_to(shares, (len(rows), len(shares)))
        return self.chances_for(self.columns.matrix[rows], out)

    def propensities(self) -> Array:
        """(N, K+1): the chance of each action for every customer, by what has not seen them."""
        found = np.empty((len(self.trial), len(self.trial.actions)))
        for fold in range(self.count):
            found[self.rows_of([fold])] = self.propensity_in(fold, frozenset({fold}))
        return found

    def chances_for(self, matrix: Array, out: Out) -> Array:
        """Estimated chances of actions (N, K+1) by trees that have not seen the folds of `out`."""
        if out not in self.chances:
            self.chances[out] = fit_chances(self.trial, self.columns, self.without(out), seed=self.seed)
        return chances_of(self.chances[out], self.trial.shares(), matrix)

    def scores_in(self, fold: int, out: Out) -> tuple[Array, Array]:
        """Doubly robust scores (N_fold, J, K+1) of one fold of `out`: of the outcomes as they are, and calm.

        The score of action a is mu_a(x) + 1[A = a] (Y - mu_a(x)) / e_a(x) (Robins, Rotnitzky and Zhao 1994): its mean
        is the mean outcome if all got a, where either the surface or the chance is right.
        """
        rows = self.rows_of([fold])
        chance = self.propensity_in(fold, out)
        got = (self.trial.action[rows, None] == np.arange(len(self.trial.actions))) / chance  # (N_fold, K+1)
        expected, sizes = self.expected_in(fold, out)
        whole, calm = [], []
        for j, kind in enumerate(self.kinds):
            mu, y = expected[j, 1].astype(np.float64), self.trial.outcome[rows, j]
            whole.append(mu + got * (y[:, None] - mu))
            calm.append(mu + got * (kind.calm(y, sizes[j])[:, None] - mu))
        return np.stack(whole, axis=1), np.stack(calm, axis=1)

    def model_without(self, out: Out) -> FoldModel:
        """Surfaces and learners that have not seen these folds."""
        if out not in self.models:
            rows = self.without(out)
            place = np.empty(len(self.trial), int)
            place[rows] = np.arange(len(rows))
            calm = np.empty((len(rows), len(self.kinds), len(self.trial.actions)))
            expected, size = np.empty_like(calm), np.empty(calm.shape[:2])
            for fold in self.folds_beside(out):
                here = place[self.rows_of([fold])]
                calm[here] = self.scores_in(fold, out | {fold})[1]
                surfaces, sizes = self.expected_in(fold, out | {fold})
                expected[here], size[here] = surfaces[:, 1].transpose(1, 0, 2), sizes.T
            learners = [
                self._fit_outcome(rows, j, (calm[:, j], expected[:, j]), size[:, j]) for j in range(len(self.kinds))
            ]
            self.models[out] = FoldModel(self.surfaces_without(out), tuple(learners))
        return self.models[out]

    def _fit_outcome(self, rows: Array, j: int, known: tuple[Array, Array], size: Array) -> tuple[ActionLearner, ...]:
        """Learners of outcome `j`; `known` are calm scores and what surfaces expect, (M, K+1) each."""
        y = self.kinds[j].calm(self.trial.outcome[rows, j], size) / size
        scores, expected = (each / size[:, None] for each in known)
        action = self.trial.action[rows]
        found = []
        for k in range(1, len(self.trial.actions)):
            got, control = action == k, action == 0
            beyond = y[got] - expected[got, 0], expected[control, k] - y[control]
            found.append(
                fit_action(self.columns, rows, scores[:, k] - scores[:, 0], beyond, (got, control), seed=self.seed)
            )
        return tuple(found)

    def folds_beside(self, out: Out) -> list[int]:
        return [fold for fold in range(self.count) if fold not in out]

    def said_in(self, fold: int, out: Out) -> Said:
        """What learners that have not seen any fold of `out` say of the customers of one of them."""
        model = self.model_without(out)
        matrix = self.columns.matrix[self.rows_of([fold])]
        chance = self.propensity_in(fold, out)
        expected, size = self.expected_in(fold, out)
        found = [
            effects_of(surfaces.astype(np.float64), amount, learners, matrix, chance)
            for surfaces, amount, learners in zip(expected, size, model.learners, strict=True)
        ]
        return Said(np.stack(found, axis=1), size.T.astype(np.float64))

    def level(self, out: Out = frozenset()) -> Level:
        """All customers but those of `out`, each as seen by learners that know neither them nor `out`."""
        beside = self.folds_beside(out)
        rows = self.without(out)
        said = [self.said_in(fold, out | {fold}) for fold in beside]
        scores = [self.scores_in(fold, out | {fold}) for fold in beside]
        order = np.argsort(np.concatenate([self.rows_of([fold]) for fold in beside]), kind="stable")
        effects, size = (np.concatenate(each) for each in ([s.effects for s in said], [s.size for s in said]))
        whole, calm = (np.concatenate([pair[i] for pair in scores])[order] for i in (0, 1))
        return Level(rows, self.folds[rows], Said(effects, size)[order], whole, calm)

    def each_beyond(self, fold: int) -> list[Said]:
        """What the models say of the customers of one fold that have seen neither it nor one other."""
        return [self.said_in(fold, frozenset({fold, other})) for other in self.folds_beside(frozenset({fold}))]

    def beyond(self, fold: int) -> Said:
        """The mean of these: what a level without this fold says of customers that it does not know."""
        return mean_said(self.each_beyond(fold))

    def said_of(self, matrix: Array, propensity: Array | None) -> list[Said]:
        """What the models that each lack one fold say of customers who are not in the trial, of covariates (M, D).

        `propensity` (M, K+1) are their chances of actions; None: the trial's shares, or as it estimates them.
        """
        shares = np.broadcast_to(self.trial.shares(), (len(matrix), len(self.trial.actions)))
        found = []
        for out in (frozenset({fold}) for fold in range(self.count)):
            chance = self.chances_for(matrix, out) if self.observational else shares
            found.append(self.model_without(out).answer(matrix, chance if propensity is None else propensity))
        return found

    def fit_all(self) -> None:
        """Make all that `level` and `beyond` will ask for, telling how far it is."""
        pairs = [frozenset(pair) for pair in combinations(range(self.count), 2)]
        wanted = [*pairs, *(frozenset({fold}) for fold in range(self.count))]
        for done, out in enumerate(wanted):
            self.progress("learn who responds", done / len(wanted))
            self.model_without(out)
