"""Linear models on the standardised features: least squares, logistic regression, support vector machine.

Amounts are in units of the shop's scale and on the log scale throughout, since a few wholesale buyers would own any
regression of the amounts themselves. What the log scale loses, the mean, is won back by smearing in groups
(`calibrate.Spread`).

Each matured window has its own level beside the features (`Training.window_columns`).

Letters: N rows, D columns of the standardised matrix, H of it and kernel columns together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from worthwhile.distribution import Forecast, Histogram
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.calibrate import Chance, fit_chance, least_chance
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.lines import (
    GivenActive,
    Line,
    fit_given_active,
    fit_within_windows,
    least_squares,
    logistic,
    margin,
    support_regression,
)
from worthwhile.models.preprocess import Standardizer, standardizer_of
from worthwhile.models.training import customer_folds, training_rows
from worthwhile.models.tuning import SearchSpace

Array = np.ndarray[Any, Any]

ROWS = 100_000  # that linear models are fitted on; more would move no coefficient by much
SVM_ROWS = 10_000  # liblinear takes 5 s of one core on them, and 13 s on twice as many


@dataclass
class LinearSpend:
    """Least squares of log(1 + spend / scale), buyers or not; chance and size of buying are read off its score.

    One linear score ranks the customers. P(active), the mean and spread of a buyer's amount, and a buyer's mean
    number of orders are curves of that score, learned in groups of it: a single-index model.
    """

    penalty: float = 10.0
    l1_ratio: float = 0.0
    name: ClassVar[str] = "linear"
    search_space: ClassVar[SearchSpace] = {"penalty": ("log", 0.3, 3000.0), "l1_ratio": ("float", 0.0, 1.0)}
    _standard: Standardizer | None = field(default=None, init=False, repr=False)
    _score: Line | None = field(default=None, init=False, repr=False)
    _chance: Chance | None = field(default=None, init=False, repr=False)
    _given: GivenActive | None = field(default=None, init=False, repr=False)

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=ROWS, seed=seed)
        self._standard = standardizer_of(matured)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        within = fit_within_windows(
            lambda x, y, w: least_squares(x, y, w, self.penalty, self.l1_ratio),
            matrix,
            np.log1p(training.amount),
            training.weight,
            training.window_columns(),
        )
        self._score, score = within.line, within.answers
        self._chance = fit_chance(score, training.active, training.weight)
        self._given = fit_given_active(
            score[:, None], training, lambda x, y, w: least_squares(x, y, w, self.penalty, 0.0)
        )

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._standard and self._score and self._chance and self._given, "fit first"
        score = self._score(self._standard.apply(part))
        return self._given.histograms(score[:, None], self._chance.p(score), part.scale)

    def save(self, folder: Path) -> None:
        assert self._standard and self._score and self._chance and self._given, "fit first"
        write_json(folder / "model.json", {"penalty": self.penalty, "l1_ratio": self.l1_ratio})
        arrays = self._standard.to_arrays("standard.") | self._score.to_arrays("score.")
        arrays |= self._chance.to_arrays("chance.") | self._given.to_arrays()
        write_arrays(folder / "model.safetensors", arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, arrays = cls(**read_json(folder / "model.json")), read_arrays(folder / "model.safetensors")
        model._standard = Standardizer.from_arrays(arrays, "standard.")
        model._score = Line.from_arrays(arrays, "score.")
        model._chance = Chance.from_arrays(arrays, "chance.")
        model._given = GivenActive.from_arrays(arrays)
        return model


@dataclass
class LogisticSpend:
    """Logistic regression for P(active); given active, ridge regression of log amount and of log orders."""

    penalty: float = 10.0
    l1_ratio: float = 0.0
    name: ClassVar[str] = "logistic"
    search_space: ClassVar[SearchSpace] = {"penalty": ("log", 0.3, 3000.0), "l1_ratio": ("float", 0.0, 1.0)}
    _standard: Standardizer | None = field(default=None, init=False, repr=False)
    _odds: Line | None = field(default=None, init=False, repr=False)
    _given: GivenActive | None = field(default=None, init=False, repr=False)
    _limit: float = field(default=0.0, init=False, repr=False)

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=ROWS, seed=seed)
        self._standard = standardizer_of(matured)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        self._limit = least_chance(len(training))
        within = fit_within_windows(
            lambda x, y, w: logistic(x, y, w, self.penalty, self.l1_ratio),
            matrix,
            training.active,
            training.weight,
            training.window_columns(),
        )
        self._odds = within.line
        self._given = fit_given_active(
            matrix, training, lambda x, y, w: least_squares(x, y, w, self.penalty, self.l1_ratio)
        )

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._standard and self._odds and self._given, "fit first"
        matrix = self._standard.apply(part)
        p = np.clip(expit(self._odds(matrix)), self._limit, 1 - self._limit)
        return self._given.histograms(matrix, p, part.scale)

    def save(self, folder: Path) -> None:
        assert self._standard and self._odds and self._given, "fit first"
        kept = {"penalty": self.penalty, "l1_ratio": self.l1_ratio, "limit": self._limit}
        write_json(folder / "model.json", kept)
        arrays = self._standard.to_arrays("standard.") | self._odds.to_arrays("odds.") | self._given.to_arrays()
        write_arrays(folder / "model.safetensors", arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        kept, arrays = read_json(folder / "model.json"), read_arrays(folder / "model.safetensors")
        limit = kept.pop("limit")
        model = cls(**kept)
        model._limit = limit
        model._standard = Standardizer.from_arrays(arrays, "standard.")
        model._odds = Line.from_arrays(arrays, "odds.")
        model._given = GivenActive.from_arrays(arrays)
        return model


@dataclass(frozen=True)
class Kernel:
    """Nystroem's approximation of the RBF kernel (Williams & Seeger 2001) beside the columns themselves."""

    points: Array  # (C, D) landmarks: training rows
    root: Array  # (C, C) inverse square root of the kernel among them
    gamma: float

    def __call__(self, matrix: Array) -> Array:  # (N, D) -> (N, D + C)
        return np.concatenate([matrix, self._near(matrix) @ self.root], axis=1)

    def _near(self, matrix: Array) -> Array:  # (N, C)
        square = (matrix**2).sum(axis=1)[:, None] + (self.points**2).sum(axis=1) - 2 * matrix @ self.points.T
        return np.exp(-self.gamma * np.maximum(square, 0.0))


def _fit_kernel(matrix: Array, components: int, gamma: float, rng: np.random.Generator) -> Kernel:
    count = min(components, len(matrix))
    points = matrix[np.sort(rng.choice(len(matrix), count, replace=False))]
    kernel = Kernel(points, np.eye(count), gamma / max(matrix.shape[1], 1))
    value, vector = np.linalg.eigh(kernel._near(points))
    keep = value > 1e-6 * value.max()  # equal landmarks add nothing
    root = (vector[:, keep] / np.sqrt(value[keep])) @ vector[:, keep].T
    return Kernel(points, root, kernel.gamma)


@dataclass
class SvmSpend:
    """Support vector machine: LinearSVC for who buys, LinearSVR for log amount and log orders of buyers.

    The columns are joined by an approximate RBF kernel, so that it bends where the data do and stays fast.
    Margins become chances by Platt scaling, learned from margins of customers that the machine had not seen.
    """

    penalty: float = 30.0
    components: int = 100
    gamma: float = 0.5  # of the RBF kernel, divided by the number of columns
    name: ClassVar[str] = "svm"
    search_space: ClassVar[SearchSpace] = {
        "penalty": ("log", 1.0, 3000.0),
        "gamma": ("log", 0.03, 3.0),
        "components": ("int", 50, 300),
    }
    _standard: Standardizer | None = field(default=None, init=False, repr=False)
    _kernel: Kernel | None = field(default=None, init=False, repr=False)
    _margin: Line | None = field(default=None, init=False, repr=False)
    _chance: Chance | None = field(default=None, init=False, repr=False)
    _given: GivenActive | None = field(default=None, init=False, repr=False)

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=SVM_ROWS, seed=seed)
        self._standard = standardizer_of(matured)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        self._kernel = _fit_kernel(matrix, self.components, self.gamma, np.random.default_rng(seed))
        wide = self._kernel(matrix)  # (N, H)
        active, weight, windows = training.active, training.weight, training.window_columns()
        separate = partial(margin, penalty=self.penalty)
        held_out, folds = np.empty(len(training)), customer_folds(training, 2, seed)
        for fold in range(2):  # margins of the rows that a machine was fitted on would be too wide
            here = folds == fold
            within = fit_within_windows(separate, wide[~here], active[~here], weight[~here], windows[~here])
            held_out[here] = within.line(wide[here]) + windows[here] @ within.levels
        self._chance = fit_chance(held_out, active, weight)
        self._margin = fit_within_windows(separate, wide, active, weight, windows).line
        self._given = fit_given_active(wide, training, partial(support_regression, penalty=self.penalty))

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._standard and self._kernel and self._margin and self._chance and self._given, "fit first"
        wide = self._kernel(self._standard.apply(part).astype(np.float64))
        return self._given.histograms(wide, self._chance.p(self._margin(wide)), part.scale)

    def save(self, folder: Path) -> None:
        assert self._standard and self._kernel and self._margin and self._chance and self._given, "fit first"
        kept = {"penalty": self.penalty, "components": self.components, "gamma": self.gamma}
        write_json(folder / "model.json", kept)
        arrays = self._standard.to_arrays("standard.") | self._margin.to_arrays("margin.")
        arrays |= self._chance.to_arrays("chance.") | self._given.to_arrays()
        arrays |= {"points": self._kernel.points, "root": self._kernel.root, "gamma": np.array([self._kernel.gamma])}
        write_arrays(folder / "model.safetensors", arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, arrays = cls(**read_json(folder / "model.json")), read_arrays(folder / "model.safetensors")
        model._standard = Standardizer.from_arrays(arrays, "standard.")
        model._kernel = Kernel(arrays["points"], arrays["root"], float(arrays["gamma"][0]))
        model._margin = Line.from_arrays(arrays, "margin.")
        model._chance = Chance.from_arrays(arrays, "chance.")
        model._given = GivenActive.from_arrays(arrays)
        return model
