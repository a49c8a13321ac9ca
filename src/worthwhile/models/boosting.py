"""LightGBM as the tree models use it: float matrices, early stopping forward in time, then a refit on all rows.

Deterministic: column-wise histograms, no sampling of rows, columns sampled by the seed, a fixed number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from worthwhile.errors import InputError
from worthwhile.models.files import read_json, read_text, write_json

Array = np.ndarray[Any, Any]

PATIENCE = 12  # rounds without gain on the validation rows before boosting stops
BLIND_ROUNDS = 30  # where the validation rows are too few to judge by
JUDGES = 20  # rows that validation needs at least
BIN_ROWS = 50_000  # that the edges of bins are read from
LARGEST_RAW = 30.0  # of log-odds and log means


@dataclass(frozen=True)
class Boosting:
    """How trees are grown. `leaves` small and `min_rows` not, since buyers are few and spend is noisy."""

    rounds: int = 300  # at most
    learning_rate: float = 0.1  # as good as 0.06 on generated shops, in two thirds of the rounds
    leaves: int = 15
    min_rows: int = 30  # in a leaf
    l2: float = 5.0
    columns: float = 0.5  # share of columns that each tree may use
    threads: int = 1  # two gain little on 20,000 rows, and lose tenfold where a core is busy: OpenMP spins

    def params(self, objective: str, seed: int) -> dict[str, Any]:
        return {
            "objective": objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.min_rows,
            "lambda_l2": self.l2,
            "feature_fraction": self.columns,
            "deterministic": True,
            "force_col_wise": True,  # row-wise, LightGBM 4.7 writes beyond its memory in parts of a data set
            **_binning(seed, self.threads),
        }


def _binning(seed: int, threads: int) -> dict[str, Any]:
    """Parameters that say how columns are cut into bins; they have to be the same for all that use them."""
    return {
        "max_bin": 127,
        "bin_construct_sample_cnt": BIN_ROWS,
        "enable_bundle": False,  # column-wise, LightGBM 4.7 does the same in parts of bundled columns
        "feature_pre_filter": False,  # which columns are worth a split hangs on the rows of each booster
        "seed": seed,
        "num_threads": threads,
        "verbosity": -1,
    }


@dataclass(frozen=True)
class Columns:
    """What boosters may split on: a matrix, and the same cut into bins. Cutting takes as long as twenty rounds of
    boosting, so it is done once for all boosters that learn from rows of it."""

    matrix: Array  # (R, D) float32, NaN where missing
    binned: lgb.Dataset | None  # where there is any row


def bin_columns(matrix: Array, *, seed: int, threads: int) -> Columns:
    """Cut the columns of a matrix (R, D) float32 into bins."""
    if not len(matrix):
        return Columns(matrix, None)
    names = [f"f{i}" for i in range(matrix.shape[1])]
    params = _binning(seed, threads)
    binned = lgb.Dataset(matrix, np.zeros(len(matrix)), feature_name=names, params=params).construct()
    return Columns(matrix, binned)


@dataclass(frozen=True)
class Rows:
    """What one booster learns from: rows of `columns`, with target, weight, and where it starts on the link's scale."""

    columns: Columns
    place: Array  # (N,) int: rows of `columns`, ascending
    target: Array  # (N,)
    weight: Array  # (N,)
    start: Array  # (N,)

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, rows: Array) -> Rows:
        return Rows(self.columns, self.place[rows], self.target[rows], self.weight[rows], self.start[rows])

    @property
    def matrix(self) -> Array:  # (N, D) float32
        return self.columns.matrix[self.place]

    def dataset(self, params: Mapping[str, Any]) -> lgb.Dataset:
        assert self.columns.binned is not None
        part = self.columns.binned.subset(self.place.tolist(), params=dict(params)).construct()
        return part.set_label(self.target).set_weight(self.weight).set_init_score(self.start)


@dataclass(frozen=True)
class Booster:
    """A fitted booster: what to add to the start, on the link's scale."""

    text: str  # LightGBM's model text; empty where there was nothing to correct
    rounds: int
    threads: int = 1

    def reader(self) -> Callable[[Array], Array]:
        """A function from columns (N, D) to raw answers (N,). Make it once for many slices: it parses the text."""
        if not self.text:
            return lambda matrix: np.zeros(len(matrix))
        booster = lgb.Booster(model_str=self.text)
        return lambda matrix: np.asarray(booster.predict(matrix, raw_score=True, num_threads=self.threads))

    def contributions(self, matrix: Array, groups: Array, count: int) -> Array:
        """(N, count) what the columns of each group (D,) add to the raw answer, against no column being known: exact
        Shapley values of the trees (Lundberg et al. 2020, path-dependent TreeSHAP), as LightGBM computes them.
        """
        if not self.text or not len(matrix):
            return np.zeros((len(matrix), count))
        booster = lgb.Booster(model_str=self.text)
        told = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=self.threads))  # (N, D + 1)
        return told[:, :-1] @ np.eye(count)[groups]

    def save(self, folder: Path, name: str) -> None:
        """As `<name>.txt` (LightGBM's own text) and `<name>.json`."""
        kept = {"rounds": self.rounds, "threads": self.threads, "trees": bool(self.text)}
        write_json(folder / f"{name}.json", kept)
        if self.text:
            (folder / f"{name}.txt").write_text(self.text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str) -> Booster:
        """What `save` wrote. Raises InputError `damaged`."""
        kept = read_json(folder / f"{name}.json")
        text = read_text(folder / f"{name}.txt") if kept.pop("trees") else ""
        # LightGBM ends the process on some broken texts instead of raising, so the end mark is looked for first
        if text and "end of trees" not in text:
            raise InputError(
                "damaged",
                "these trees are cut short",
                where=str(folder / f"{name}.txt"),
                remedy="run the forecast anew",
            )
        return cls(text, **kept)


def boost(
    rows: Rows, boosting: Boosting, objective: str, *, split: tuple[Array, Array], seed: int, **extra: Any
) -> Booster:
    """Grow trees on the rows of `split[0]` until those of `split[1]` gain no more; then as many on all rows.

    `objective` is LightGBM's; `extra` are further parameters of it. Where the target is constant or the rows are
    fewer than two leaves' worth, the start stays as it is.
    """
    if len(rows) < 2 * boosting.min_rows or np.ptp(rows.target) == 0:
        return Booster("", 0, boosting.threads)
    params = boosting.params(objective, seed) | extra
    earlier, later = (rows[part] for part in split)
    rounds = min(BLIND_ROUNDS, boosting.rounds)
    if len(earlier) >= 2 * boosting.min_rows and len(later) >= JUDGES and np.ptp(earlier.target) > 0:
        train, valid = earlier.dataset(params), later.dataset(params)
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        rounds = lgb.train(params, train, boosting.rounds, valid_sets=[valid], callbacks=[stop]).best_iteration
    return boost_rounds(rows, boosting, objective, rounds=max(rounds, 1), seed=seed, **extra)


def boost_rounds(rows: Rows, boosting: Boosting, objective: str, *, rounds: int, seed: int, **extra: Any) -> Booster:
    """A known number of rounds on these rows; none where there is nothing to learn."""
    if len(rows) < 2 * boosting.min_rows or np.ptp(rows.target) == 0:
        return Booster("", 0, boosting.threads)
    params = boosting.params(objective, seed) | extra
    grown = lgb.train(params, rows.dataset(params), rounds)
    return Booster(grown.model_to_string(), rounds, boosting.threads)


def unseen(rows: Rows, folds: Array, grow: Callable[[Rows], Booster]) -> Array:  # (N,)
    """The correction for each row by a booster that was grown on the other folds."""
    answer = np.empty(len(rows))
    for fold in np.unique(folds):
        here = folds == fold
        answer[here] = grow(rows[~here]).reader()(rows[here].matrix)
    return answer
