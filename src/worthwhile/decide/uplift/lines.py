"""Ridge regressions on standardised covariates: the plainest thing that can be learned of noisy numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PENALTIES = np.logspace(-3, 2, 11)  # times the number of rows


@dataclass(frozen=True)
class Line:
    """A ridge regression on standardised covariates; a missing value counts as the mean, far ones as 4 sd."""

    mean: Array  # (D,)
    sd: Array  # (D,)
    weight: Array  # (D,)
    level: float

    def answer(self, matrix: Array) -> Array:
        return self.level + standardised(matrix, self.mean, self.sd) @ self.weight


def standardised(matrix: Array, mean: Array, sd: Array) -> Array:
    return np.clip(np.nan_to_num((matrix - mean) / sd, nan=0.0), -4.0, 4.0)


def fit_line(matrix: Array, target: Array) -> Line:
    """The penalty is chosen by generalised cross-validation (Golub, Heath and Wahba 1979)."""
    mean, sd = _moments(matrix)
    x = standardised(matrix, mean, sd)
    level = float(target.mean())
    n = len(x)
    values, vectors = np.linalg.eigh(x.T @ x / n)
    along = vectors.T @ (x.T @ (target - level) / n)
    values = np.maximum(values, 0.0)
    total = float(((target - level) ** 2).mean())
    best, weight = np.inf, np.zeros(x.shape[1])
    for penalty in PENALTIES:
        shrunk = along / (values + penalty)
        error = total - 2 * float(shrunk @ along) + float((shrunk**2) @ values)
        freedom = float((values / (values + penalty)).sum()) + 1
        judged = error / (1 - freedom / n) ** 2 if freedom < n else np.inf
        if judged < best:
            best, weight = judged, vectors @ shrunk
    return Line(mean, sd, weight, level)


def _moments(matrix: Array) -> tuple[Array, Array]:
    known = np.isfinite(matrix)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, matrix, 0.0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    sd = np.sqrt((np.where(known, filled - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean, np.where(sd > 0, sd, 1.0)
