"""A snapshot's features as a standardised matrix, for models that need one: linear ones and networks.

Amounts are divided by the shop's scale, heavy-tailed columns take a signed log1p, missing values become the mean
(zero) with an indicator column where they are frequent, constant columns are dropped. Nothing is looked at but the
training snapshots. Trees take the raw features and need none of this.

Letters: N customers, F features of the snapshot that are used, D columns of the matrix (values, then indicators).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import once

Array = np.ndarray[Any, Any]

CLIP = 6.0  # standard deviations
FREQUENT = 0.01  # a share of missing values from which on an indicator column may tell something
HEAVY_SKEW = 2.0  # skewness from which on a column is taken on the log scale; an exponential law has 2
FIT_ROWS = 200_000  # rows that the means and spreads are learned from

_AMOUNT = re.compile(r"(^|_)(amount|value|spend|price|spent|revenue)(_|$)")
_NO_AMOUNT = re.compile(r"(^|_)(share|ratio|trend|cv|relative|log|days|count|rank)(_|$)")


def is_amount(name: str) -> bool:
    """Whether a feature of this name is in the shop's currency. A wrong guess changes units, not what can be learned:
    columns are standardised afterwards."""
    return bool(_AMOUNT.search(name)) and not _NO_AMOUNT.search(name)


@dataclass(frozen=True)
class Standardizer:
    """What was learned from the training snapshots. `apply` gives (N, D) float32 without NaN, within +-CLIP."""

    names: tuple[str, ...]  # (F,) features used, by name: the order in a snapshot does not matter
    amount: Array  # (F,) bool: divided by the scale
    log: Array  # (F,) bool: signed log1p
    flags: Array  # (G,) int64: places in `names` whose missing values have an indicator column
    mean: Array  # (D,) float32, D = F + G
    sd: Array  # (D,) float32 > 0
    low: Array  # (D,) float32: smallest standardised value seen; values beyond are not extrapolated
    high: Array  # (D,) float32

    @property
    def width(self) -> int:
        """D, the number of columns of the matrix."""
        return len(self.mean)

    @property
    def columns(self) -> tuple[str, ...]:
        """(D,) names of the matrix's columns; an indicator is called `<feature>_missing`."""
        return self.names + tuple(f"{self.names[i]}_missing" for i in self.flags)

    def apply(self, snapshot: Snapshot) -> Array:
        """The matrix (N, D) of a snapshot. Large snapshots are best given in slices: `apply(snapshot[a:b])`."""
        values = _transformed(snapshot, self.names, self.amount, self.log)  # (N, F)
        matrix = np.concatenate([values, np.isnan(values[:, self.flags]).astype(np.float32)], axis=1)
        matrix -= self.mean
        matrix /= self.sd
        matrix[np.isnan(matrix)] = 0.0
        return np.clip(matrix, self.low, self.high, out=matrix)

    def to_arrays(self, prefix: str = "") -> dict[str, Array]:
        """Plain arrays for safetensors; `from_arrays` reads them back."""
        text = np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8)
        parts = {"names": text, "amount": self.amount, "log": self.log, "flags": self.flags}
        parts |= {"mean": self.mean, "sd": self.sd, "low": self.low, "high": self.high}
        return {prefix + key: array for key, array in parts.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str = "") -> Standardizer:
        keys = ("names", "amount", "log", "flags", "mean", "sd", "low", "high")
        parts = {key: arrays[prefix + key] for key in keys}
        text = parts.pop("names").tobytes().decode()
        return cls(tuple(text.split("\n")) if text else (), **parts)


def standardizer_of(matured: Sequence[Snapshot]) -> Standardizer:
    """That of these snapshots, fitted once where they remember (`matured.py`)."""
    return once(matured, "standardizer", lambda: fit_standardizer(matured))


def fit_standardizer(snapshots: Sequence[Snapshot]) -> Standardizer:
    """Learn from the features of training snapshots (their outcomes are not looked at); at least one row in total."""
    rows = sum(len(s) for s in snapshots)
    assert rows > 0
    step = -(-rows // FIT_ROWS)
    sample = [s[::step] for s in snapshots if len(s)]
    names = sample[0].names
    amount = np.array([is_amount(name) for name in names], dtype=bool)
    values = np.concatenate([_transformed(s, names, amount, np.zeros_like(amount)) for s in sample])  # (n, F)
    values = np.asfortranarray(values)  # what follows goes column by column
    log = amount | np.array([_is_heavy(values[:, f]) for f in range(len(names))], dtype=bool)
    for f in np.flatnonzero(log):
        values[:, f] = _signed_log(values[:, f])
    kept = np.flatnonzero([_varies(values[:, f]) for f in range(len(names))])
    flags = _indicators(values)  # also of features whose known values are all equal
    used = np.union1d(kept, flags).astype(np.int64)
    if not len(used):  # nothing tells customers apart: one column of zeros, so that models have something to hold
        used = np.zeros(1, dtype=np.int64)
    columns = [values[:, f] for f in used] + [np.isnan(values[:, f]).astype(np.float32) for f in flags]
    moments = np.array([_moments(column) for column in columns], dtype=np.float32)  # (D, 4)
    places = np.searchsorted(used, flags).astype(np.int64)
    return Standardizer(tuple(names[f] for f in used), amount[used], log[used], places, *moments.T.copy())


def _moments(column: Array) -> tuple[float, float, float, float]:
    """Mean and spread of a column's known values, and the ends of the standardised column within +-CLIP."""
    known = column[~np.isnan(column)].astype(np.float64)
    if not len(known):
        return 0.0, 1.0, 0.0, 0.0
    mean = float(known.mean())
    sd = float(known.std())
    sd = sd if sd > 1e-6 * max(abs(mean), 1e-6) else 1.0
    low, high = (known.min() - mean) / sd, (known.max() - mean) / sd
    return mean, sd, float(np.clip(low, -CLIP, 0.0)), float(np.clip(high, 0.0, CLIP))


def _transformed(snapshot: Snapshot, names: tuple[str, ...], amount: Array, log: Array) -> Array:
    """The named features (N, F) float32: amounts over the scale, heavy tails on the log scale; NaN stays."""
    values = snapshot.columns(names).astype(np.float32, copy=True)
    values[np.isinf(values)] = np.nan
    values[:, amount] /= np.float32(snapshot.scale)
    values[:, log] = _signed_log(values[:, log])
    return values


def _signed_log(values: Array) -> Array:
    return np.sign(values) * np.log1p(np.abs(values))


def _is_heavy(column: Array) -> bool:
    """Whether a column has a tail so long that the log scale serves it better."""
    known = column[~np.isnan(column)].astype(np.float64)
    if len(known) < 2 or np.abs(known).max() <= 3:  # log1p is nearly straight on small numbers
        return False
    centred = known - known.mean()
    variance = np.mean(centred**2)
    return bool(variance > 0 and abs(np.mean(centred**3)) / variance**1.5 > HEAVY_SKEW)


def _varies(column: Array) -> bool:
    known = column[~np.isnan(column)]
    return len(known) > 1 and float(known.max() - known.min()) > 1e-6 * max(1.0, float(np.abs(known).max()))


def _indicators(values: Array) -> Array:
    """Features (places) whose being missing is frequent and not the same, row for row, as that of an earlier one."""
    seen: set[bytes] = set()
    chosen = []
    for f in range(values.shape[1]):
        missing = np.isnan(values[:, f])
        share = missing.mean()
        key = np.packbits(missing).tobytes()
        if FREQUENT <= share <= 1 - FREQUENT and key not in seen:
            seen |= {key, np.packbits(~missing).tobytes()}
            chosen.append(f)
    return np.array(chosen, dtype=np.int64)
