"""Linear models on the standardised features: least squares, logistic regression, support vector machine.

scikit-learn fits the coefficients; they are kept as plain arrays and applied with numpy, so that no pickle is needed.
Amounts are in units of the shop's scale and on the log scale throughout, since a few wholesale buyers would own any
regression of the amounts themselves. What the log scale loses, the mean, is won back by smearing in groups
(`calibrate.Spread`).

`penalty` counts in rows: coefficients of standardised columns are pulled to zero as if by so many rows of their own.

Letters: N rows, D columns of the standardised matrix, H of it and kernel columns together.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.svm import LinearSVC, LinearSVR

from worthwhile.features.snapshot import Snapshot
from worthwhile.forecast import Forecast, Histogram, amount_grid, from_geometric, from_lognormal
from worthwhile.models.calibrate import Chance, Spread, fit_chance, fit_spread, least_chance, log_amount
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.preprocess import Standardizer, fit_standardizer
from worthwhile.models.training import Training, split_forward, training_rows

Array = np.ndarray[Any, Any]
SearchSpace = Mapping[str, tuple[str, float, float]]

ROWS = 100_000  # that linear models are fitted on; more would move no coefficient by much
SVM_ROWS = 30_000
PLAIN = 1e-6  # an l1_ratio below this is no L1 at all


@dataclass(frozen=True)
class Line:
    """A linear function of H columns."""

    weights: Array  # (H,) float64
    intercept: float

    def __call__(self, matrix: Array) -> Array:  # (N, H) -> (N,)
        return matrix @ self.weights + self.intercept

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        return {f"{prefix}weights": self.weights, f"{prefix}intercept": np.array([self.intercept])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Line:
        return cls(arrays[f"{prefix}weights"], float(arrays[f"{prefix}intercept"][0]))


@dataclass(frozen=True)
class GivenActive:
    """What a buyer's orders and amount are: log-linear means, smeared by groups."""

    amount_line: Line
    amount: Spread
    orders_line: Line
    orders: Spread

    def to_arrays(self) -> dict[str, Array]:
        return (
            self.amount_line.to_arrays("amount_line.")
            | self.amount.to_arrays("amount.")
            | self.orders_line.to_arrays("orders_line.")
            | self.orders.to_arrays("orders.")
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> GivenActive:
        return cls(
            Line.from_arrays(arrays, "amount_line."),
            Spread.from_arrays(arrays, "amount."),
            Line.from_arrays(arrays, "orders_line."),
            Spread.from_arrays(arrays, "orders."),
        )

    def histograms(self, matrix: Array, p: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders of customers with columns (N, H) and chance to buy p (N,)."""
        mean, sigma = self.amount.mean_sigma(self.amount_line(matrix))
        orders, _ = self.orders.mean_sigma(self.orders_line(matrix))
        return from_lognormal(amount_grid(scale), p, mean * scale, sigma), from_geometric(p, orders)


def _least_squares(matrix: Array, target: Array, weight: Array, penalty: float, l1_ratio: float) -> Line:
    """Ridge or elastic net (Zou & Hastie 2005): squared error with `penalty` rows' worth of L2, partly L1."""
    target = target.astype(np.float64)
    if l1_ratio < PLAIN or target.max() == target.min():
        ridge = Ridge(alpha=penalty).fit(matrix, target, sample_weight=weight)
        return Line(np.asarray(ridge.coef_, dtype=np.float64), float(ridge.intercept_))
    net = ElasticNet(alpha=penalty / len(target), l1_ratio=l1_ratio, max_iter=500, tol=1e-3)
    with warnings.catch_warnings():  # a coordinate descent that stops a little early is still a good regression
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(matrix, target, sample_weight=weight)
    return Line(np.asarray(net.coef_, dtype=np.float64), float(net.intercept_))


def _fit_given_active(matrix: Array, training: Training, regress: Any) -> GivenActive:
    """`regress(matrix, target, weight) -> Line` on the log amount and log orders of buyers."""
    buyers = training.active
    rows, weight = matrix[buyers], training.weight[buyers]
    parts: list[Any] = []
    for target in (training.amount[buyers], training.orders[buyers]):
        line = regress(rows, log_amount(target), weight)
        parts += [line, fit_spread(line(rows), target, weight)]
    return GivenActive(*parts)


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
        self._standard = fit_standardizer(training.snapshots)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        target = np.log1p(training.amount)
        self._score = _least_squares(matrix, target, training.weight, self.penalty, self.l1_ratio)
        score = self._score(matrix)
        self._chance = fit_chance(score, training.active, training.weight)
        self._given = _fit_given_active(
            score[:, None], training, lambda x, y, w: _least_squares(x, y, w, self.penalty, 0.0)
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
        self._standard = fit_standardizer(training.snapshots)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        self._limit = least_chance(len(training))
        self._odds = _logistic(matrix, training.active, training.weight, self.penalty, self.l1_ratio)
        self._given = _fit_given_active(
            matrix, training, lambda x, y, w: _least_squares(x, y, w, self.penalty, self.l1_ratio)
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


def _logistic(matrix: Array, active: Array, weight: Array, penalty: float, l1_ratio: float) -> Line:
    """Log-odds of being active; the base rate alone where all customers did the same."""
    if active.all() or not active.any():
        return Line(np.zeros(matrix.shape[1]), 30.0 if active.all() else -30.0)
    solver = "lbfgs" if l1_ratio < PLAIN else "saga"
    ratio = 0.0 if l1_ratio < PLAIN else l1_ratio
    fitted = LogisticRegression(C=1 / penalty, l1_ratio=ratio, solver=solver, max_iter=200, tol=1e-3, random_state=0)
    with warnings.catch_warnings():  # the last digits of coefficients do not matter
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(matrix, active, sample_weight=weight)
    return Line(np.asarray(fitted.coef_[0], dtype=np.float64), float(fitted.intercept_[0]))


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
    Margins become chances by Platt scaling on the latest window, which the scaled machine has not seen.
    """

    penalty: float = 30.0
    components: int = 150
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
        self._standard = fit_standardizer(training.snapshots)
        matrix = training.matrix(self._standard.apply).astype(np.float64)  # (N, D)
        self._kernel = _fit_kernel(matrix, self.components, self.gamma, np.random.default_rng(seed))
        wide = self._kernel(matrix)  # (N, H)
        earlier, latest = split_forward(training, seed)
        active, weight = training.active, training.weight
        seen = _margin(wide[earlier], active[earlier], weight[earlier], self.penalty)
        self._chance = fit_chance(seen(wide[latest]), active[latest], weight[latest])
        self._margin = _margin(wide, active, weight, self.penalty)
        self._given = _fit_given_active(wide, training, lambda x, y, w: _support_regression(x, y, w, self.penalty))

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


def _margin(wide: Array, active: Array, weight: Array, penalty: float) -> Line:
    """The separating hyperplane with squared hinge loss; flat where all did the same."""
    if active.all() or not active.any():
        return Line(np.zeros(wide.shape[1]), 0.0)
    machine = LinearSVC(C=1 / penalty, dual=False, intercept_scaling=10.0, max_iter=300, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(wide, active, sample_weight=weight)
    return Line(np.asarray(machine.coef_[0], dtype=np.float64), float(np.ravel(machine.intercept_)[0]))


def _support_regression(wide: Array, target: Array, weight: Array, penalty: float) -> Line:
    """Support vector regression with the squared epsilon-insensitive loss, around the target's mean."""
    centre = float(np.average(target, weights=weight))
    machine = LinearSVR(
        C=1 / penalty,
        epsilon=0.1,
        loss="squared_epsilon_insensitive",
        dual=False,
        intercept_scaling=10.0,
        max_iter=300,
        tol=1e-3,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(wide, target - centre, sample_weight=weight)
    return Line(np.asarray(machine.coef_, dtype=np.float64).ravel(), centre + float(np.ravel(machine.intercept_)[0]))
