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
        np.nan_to_num(matrix, copy=False, nan=0.0, posinf=CLIP, neginf=-CLIP)
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


def fit_standardizer(snapshots: Sequence[Snapshot]) -> Standardizer:
    """Learn from the features of training snapshots (their outcomes are not looked at); at least one row in total."""
    rows = sum(len(s) for s in snapshots)
    assert rows > 0
    step = -(-rows // FIT_ROWS)
    sample = [s[::step] for s in snapshots if len(s)]
    all_names = sample[0].names
    amount = np.array([is_amount(name) for name in all_names], dtype=bool)
    plain = np.concatenate([_transformed(s, all_names, amount, np.zeros_like(amount)) for s in sample])  # (n, F)
    log = amount | np.array([_is_heavy(plain[:, f]) for f in range(plain.shape[1])], dtype=bool)
    values = np.where(log, _signed_log(plain), plain)
    kept = np.flatnonzero([_varies(values[:, f]) for f in range(values.shape[1])])
    flags = _indicators(values)  # also of features whose known values are all equal
    used = np.union1d(kept, flags).astype(np.int64)
    if not len(used):  # nothing tells customers apart: one column of zeros, so that models have something to hold
        used = np.zeros(1, dtype=np.int64)
    return _with_moments(
        tuple(all_names[f] for f in used), amount[used], log[used], np.searchsorted(used, flags), values[:, used]
    )


def _with_moments(names: tuple[str, ...], amount: Array, log: Array, flags: Array, values: Array) -> Standardizer:
    missing = np.isnan(values)
    matrix = np.concatenate([values, missing[:, flags]], axis=1).astype(np.float64)  # (n, D)
    known = np.maximum((~np.isnan(matrix)).sum(axis=0), 1)
    mean = np.nansum(matrix, axis=0) / known
    sd = np.sqrt(np.nansum((matrix - mean) ** 2, axis=0) / known)
    sd = np.where(sd > 1e-6 * np.maximum(np.abs(mean), 1e-6), sd, 1.0)
    standard = np.nan_to_num((matrix - mean) / sd)
    low = np.clip(standard.min(axis=0, initial=0.0), -CLIP, CLIP)
    high = np.clip(standard.max(axis=0, initial=0.0), -CLIP, CLIP)
    f32 = np.float32
    return Standardizer(
        names, amount, log, flags.astype(np.int64), mean.astype(f32), sd.astype(f32), low.astype(f32), high.astype(f32)
    )


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
