"""Linear functions and how they are fitted: least squares, logistic regression, support vectors.

scikit-learn finds the coefficients; they are kept as plain arrays and applied with numpy, so that no pickle is needed.

`penalty` counts in rows: coefficients of standardised columns are pulled to zero as if by so many rows of their own.

Letters: N rows, H columns, W matured windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.svm import LinearSVC, LinearSVR

from worthwhile.distribution import Histogram, amount_grid, from_geometric, from_lognormal
from worthwhile.models.calibrate import Spread, fit_spread, log_amount
from worthwhile.models.training import Training

Array = np.ndarray[Any, Any]
Fit = Callable[[Array, Array, Array], "Line"]  # columns (N, H), target (N,), weight (N,)

_FILTERS = Lock()  # warnings are filtered for all threads at once
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


@contextmanager
def _content_with_less() -> Iterator[None]:
    """Silent about solvers that stop a little early: the last digits of coefficients do not matter."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def least_squares(matrix: Array, target: Array, weight: Array, penalty: float, l1_ratio: float) -> Line:
    """Ridge or elastic net (Zou & Hastie 2005): squared error with `penalty` rows' worth of L2, partly L1."""
    target = target.astype(np.float64)
    if l1_ratio < PLAIN or target.max() == target.min():
        ridge = Ridge(alpha=penalty).fit(matrix, target, sample_weight=weight)
        return Line(np.asarray(ridge.coef_, dtype=np.float64), float(ridge.intercept_))
    net = ElasticNet(alpha=penalty / len(target), l1_ratio=l1_ratio, max_iter=500, tol=1e-3)
    with _content_with_less():
        net.fit(matrix, target, sample_weight=weight)
    return Line(np.asarray(net.coef_, dtype=np.float64), float(net.intercept_))


@dataclass(frozen=True)
class Within:
    """A line fitted beside the levels of the windows. Alone it answers at the mean level of the windows."""

    line: Line
    levels: Array  # (W,)
    answers: Array  # (N,) for the rows it was fitted on, each with its own window's level


def fit_within_windows(fit: Fit, matrix: Array, target: Array, weight: Array, windows: Array) -> Within:
    """Fit on columns (N, H) and the windows' indicators (N, W)."""
    wide, columns = np.concatenate([matrix, windows], axis=1), matrix.shape[1]
    whole = fit(wide, target, weight)
    return Within(Line(whole.weights[:columns], whole.intercept), whole.weights[columns:], whole(wide))


def fit_given_active(matrix: Array, training: Training, fit: Fit) -> GivenActive:
    """The log amount and log orders of buyers, by `fit`, and how they spread around it. `matrix` is of all rows."""
    buyers = training.active
    rows, weight, windows = matrix[buyers], training.weight[buyers], training.window_columns()[buyers]
    parts: list[Any] = []
    for target in (training.amount[buyers], training.orders[buyers]):
        within = fit_within_windows(fit, rows, log_amount(target), weight, windows)
        parts += [within.line, fit_spread(within.answers, target, weight)]
    return GivenActive(*parts)


def logistic(matrix: Array, active: Array, weight: Array, penalty: float, l1_ratio: float) -> Line:
    """Log-odds of being active; the base rate alone where all customers did the same."""
    if active.all() or not active.any():
        return Line(np.zeros(matrix.shape[1]), 30.0 if active.all() else -30.0)
    solver = "lbfgs" if l1_ratio < PLAIN else "saga"
    ratio = 0.0 if l1_ratio < PLAIN else l1_ratio
    fitted = LogisticRegression(C=1 / penalty, l1_ratio=ratio, solver=solver, max_iter=200, tol=1e-3, random_state=0)
    with _content_with_less():
        fitted.fit(matrix, active, sample_weight=weight)
    return Line(np.asarray(fitted.coef_[0], dtype=np.float64), float(fitted.intercept_[0]))


def margin(wide: Array, active: Array, weight: Array, penalty: float) -> Line:
    """The separating hyperplane with squared hinge loss; flat where all did the same."""
    if active.all() or not active.any():
        return Line(np.zeros(wide.shape[1]), 0.0)
    machine = LinearSVC(C=1 / penalty, dual=False, intercept_scaling=10.0, max_iter=300, tol=1e-3)
    with _content_with_less():
        machine.fit(wide, active, sample_weight=weight)
    return Line(np.asarray(machine.coef_[0], dtype=np.float64), float(np.ravel(machine.intercept_)[0]))


def support_regression(wide: Array, target: Array, weight: Array, penalty: float) -> Line:
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
    with _content_with_less():
        machine.fit(wide, target - centre, sample_weight=weight)
    return Line(np.asarray(machine.coef_, dtype=np.float64).ravel(), centre + float(np.ravel(machine.intercept_)[0]))
