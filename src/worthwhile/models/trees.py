"""Boosted trees (LightGBM): two-stage, Tweedie, and the histogram itself.

All three take a snapshot's raw features, with NaN where there is no value, and share two boosters: one for P(active),
one for a buyer's orders beyond the first (Poisson, so that its mean is kept). They differ in the amount. Each booster
starts from what a linear model says and corrects it (`baseline.py` says why).
Amounts are learned in units of the shop's scale.

Letters: N customers or rows, F features, B coarse bins, M columns of the amount grid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from worthwhile.distribution import (
    Forecast,
    Histogram,
    amount_grid,
    from_geometric,
    from_lognormal,
    from_prob,
)
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.baseline import Baseline, Guess, fit_baseline
from worthwhile.models.bins import Bins, centred, chances_of_bins, fit_bins, log_odds_of_bins, spread_bins
from worthwhile.models.boosting import (
    LARGEST_RAW,
    Booster,
    Boosting,
    Columns,
    Rows,
    bin_columns,
    boost,
    boost_rounds,
    unseen,
)
from worthwhile.models.calibrate import LOWEST_AMOUNT, Spread, fit_spread, least_chance, log_amount
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.matured import once
from worthwhile.models.training import Training, customer_folds, split_forward, training_rows
from worthwhile.models.tuning import SearchSpace

Array = np.ndarray[Any, Any]

ROWS = 400_000  # that trees are grown on
SEARCH_SPACE: SearchSpace = {
    "learning_rate": ("log", 0.02, 0.2),
    "leaves": ("int", 4, 48),
    "min_rows": ("int", 10, 150),
    "l2": ("log", 0.3, 100.0),
    "columns": ("float", 0.2, 1.0),
}


@dataclass(frozen=True)
class _Material:
    """Everything that boosters are grown from, however they are grown."""

    training: Training
    columns: Columns  # (N, F)
    split: tuple[Array, Array]  # rows to fit on, rows to validate on: (N,) bool
    folds: Array  # (N,) int, by customer
    baseline: Baseline
    guess: Guess  # of the training rows, with the level of their windows
    seed: int

    def everyone(self, target: Array, start: Array) -> Rows:
        places = np.arange(len(self.training))
        return Rows(self.columns, places, target.astype(np.float64), self.training.weight, start)

    def buyers(self, target: Array, start: Array) -> tuple[Rows, tuple[Array, Array]]:
        """Rows of buyers, and the split among them. `target` and `start` are given for all rows."""
        b = self.training.active
        return self.everyone(target, start)[b], (self.split[0][b], self.split[1][b])


def _material(matured: Sequence[Snapshot], boosting: Boosting, seed: int) -> _Material:
    """The same for all tree models that are fitted on these snapshots."""
    threads = boosting.threads

    def make() -> _Material:
        training = training_rows(matured, cap=ROWS, seed=seed)
        columns = bin_columns(training.matrix(lambda s: _columns(s, s.names)), seed=seed, threads=threads)
        split, folds = split_forward(training, seed), customer_folds(training, 2, seed)
        return _Material(training, columns, split, folds, *fit_baseline(matured, training, seed), seed)

    return once(matured, ("trees", threads, seed), make)


def _columns(snapshot: Snapshot, names: Sequence[str]) -> Array:
    """(N, F) float32: these features and, where another model hands them over, its vectors."""
    columns = snapshot.columns(names).astype(np.float32, copy=False)
    return columns if snapshot.vectors is None else np.concatenate([columns, snapshot.vectors], axis=1)


# Links: what the lines say of log-odds, amount and orders, then what the boosters add to odds, orders and amount. Each
# is a sum of what single features say, and the law follows from them alone.
TREES = 3  # the place of the first booster's


@dataclass(frozen=True)
class Buying:
    """Who buys, and how often: what all three tree models share, with the lines that all boosters start from."""

    names: tuple[str, ...]  # features, in the order of the boosters' columns; vectors come after them
    baseline: Baseline
    active: Booster
    orders: Booster
    limit: float  # P(active) is held within [limit, 1 - limit]
    most_orders: float  # that any customer placed in a horizon of the training rows

    def chances(self, odds: Array, more: Array) -> tuple[Array, Array]:
        """P(active) (N,) and mean orders given active (N,), from their links (N,)."""
        p = np.clip(expit(odds), self.limit, 1 - self.limit)
        return p, np.minimum(1 + np.exp(np.minimum(more, LARGEST_RAW)), self.most_orders)

    def law(self, links: Array) -> tuple[Guess, Array, Array]:
        """What the lines say, P(active) (N,) and mean orders given active (N,), from links (N, 5 + L)."""
        guess = self.baseline.guess_of(links[:, :TREES])
        p, orders = self.chances(guess.odds + links[:, TREES], guess.more + links[:, TREES + 1])
        return guess, p, orders

    def links(self, amount: Callable[[Array], Array]) -> Callable[[Snapshot], Array]:
        """From a snapshot to links (N, 5 + L); `amount` gives those of the amount's boosters, (N,) or (N, L)."""
        active, orders = self.active.reader(), self.orders.reader()

        def read(part: Snapshot) -> Array:
            matrix = _columns(part, self.names)
            trees = np.stack([active(matrix), orders(matrix)], axis=1)
            of_amount = amount(matrix).reshape(len(part), -1)
            return np.concatenate([self.baseline.lines(part), trees, of_amount], axis=1)

        return read

    def contributions(self, amount: Callable[[Array, Array], Array], part: Snapshot, groups: Array) -> Array:
        """(N, G, 5 + L) what each group of features adds to each link; `amount` gives (N, G, L) of a matrix.

        `groups` (F + 1,): of each feature of the snapshot, and of all vectors.
        """
        matrix = _columns(part, self.names)
        group_of = dict(zip(part.names, groups[:-1].tolist(), strict=True))
        vectors = matrix.shape[1] - len(self.names)
        columns = np.append([group_of[name] for name in self.names], [groups[-1]] * vectors).astype(int)
        lines = self.baseline.contributions(part, group_of, _count(groups))
        trees = [booster.contributions(matrix, columns, _count(groups)) for booster in (self.active, self.orders)]
        return np.concatenate([lines, np.stack(trees, axis=2), amount(matrix, columns)], axis=2)

    def save(self, folder: Path, arrays: Mapping[str, Array]) -> None:
        """`arrays` are further ones of the model, kept in the same file as those of the baseline."""
        kept = {"names": list(self.names), "limit": self.limit, "most_orders": self.most_orders}
        write_json(folder / "buying.json", kept)
        self.active.save(folder, "active")
        self.orders.save(folder, "orders")
        write_arrays(folder / "model.safetensors", self.baseline.to_arrays() | dict(arrays))

    @classmethod
    def load(cls, folder: Path) -> tuple[Buying, dict[str, Array]]:
        kept, arrays = read_json(folder / "buying.json"), read_arrays(folder / "model.safetensors")
        boosters = Booster.load(folder, "active"), Booster.load(folder, "orders")
        baseline = Baseline.from_arrays(arrays)
        return cls(tuple(kept["names"]), baseline, *boosters, kept["limit"], kept["most_orders"]), arrays


def _fit_buying(matured: Sequence[Snapshot], boosting: Boosting, seed: int) -> Buying:
    """The same for all tree models that are grown alike on these snapshots."""

    def make() -> Buying:
        material = _material(matured, boosting, seed)
        training, guess = material.training, material.guess
        everyone = material.everyone(training.active, guess.odds)
        active = boost(everyone, boosting, "binary", split=material.split, seed=seed)
        rows, split = material.buyers(training.orders - 1, guess.more)
        orders = boost(rows, boosting, "poisson", split=split, seed=seed)
        limit, most = least_chance(len(training)), max(float(training.orders.max()), 1.0)
        return Buying(training.snapshots[-1].names, material.baseline, active, orders, limit, most)

    return once(matured, ("buying", boosting, seed), make)


class TwoStageTrees:
    """P(active) by a classifier; a buyer's log amount by regression, made a log-normal law by groups of prediction.

    The mean and the spread around a prediction are learned from predictions for customers that the booster had not
    seen, since trees remember.
    """

    name: ClassVar[str] = "trees-two-stage"
    search_space: ClassVar[SearchSpace] = SEARCH_SPACE

    def __init__(self, **growth: Any) -> None:
        """`growth`: fields of `Boosting`."""
        self.boosting = Boosting(**growth)
        self._buying: Buying | None = None
        self._size: Booster | None = None
        self._spread: Spread | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        material = _material(matured, self.boosting, seed)
        rows, split = material.buyers(log_amount(material.training.amount), material.guess.amount)
        size = boost(rows, self.boosting, "regression", split=split, seed=seed)
        buyers = material.training.active
        mu = unseen(
            rows,
            material.folds[buyers],
            lambda r: boost_rounds(r, self.boosting, "regression", rounds=max(size.rounds, 1), seed=seed),
        )
        self._spread = fit_spread(mu + material.guess.amount[buyers], material.training.amount[buyers], rows.weight)
        self._buying, self._size = _fit_buying(matured, self.boosting, seed), size

    def forecast(self, snapshot: Snapshot) -> Forecast:
        links = self.links()
        return forecast_in_chunks(snapshot, self.name, lambda part: self.answer(links(part), part.scale))

    def links(self) -> Callable[[Snapshot], Array]:
        """From a snapshot to links (N, 6). Make it once for many slices."""
        assert self._buying and self._size, "fit first"
        return self._buying.links(self._size.reader())

    def answer(self, links: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders that follow from links (N, 6)."""
        assert self._buying and self._spread, "fit first"
        guess, p, orders = self._buying.law(links)
        mean, sigma = self._spread.mean_sigma(guess.amount + links[:, -1])
        return from_lognormal(amount_grid(scale), p, mean * scale, sigma), from_geometric(p, orders)

    def contributions(self, snapshot: Snapshot, groups: Array) -> Array:
        """(N, G, 6) what each group adds to each link (`protocol.Additive`), against no feature being known."""
        assert self._buying and self._size, "fit first"
        return self._buying.contributions(_of_one(self._size, _count(groups)), snapshot, groups)

    def save(self, folder: Path) -> None:
        assert self._buying and self._size and self._spread, "fit first"
        write_json(folder / "model.json", asdict(self.boosting))
        self._buying.save(folder, self._spread.to_arrays("spread."))
        self._size.save(folder, "size")

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls(**read_json(folder / "model.json"))
        model._buying, arrays = Buying.load(folder)
        model._size = Booster.load(folder, "size")
        model._spread = Spread.from_arrays(arrays, "spread.")
        return model


class TweedieTrees:
    """The mean amount of everyone, buyers or not, by Tweedie regression (compound Poisson-gamma, 1 < power < 2).

    Divided by P(active) it is the mean of a buyer's log-normal law, whose spread is learned by groups as above.
    """

    name: ClassVar[str] = "trees-tweedie"
    search_space: ClassVar[SearchSpace] = {**SEARCH_SPACE, "power": ("float", 1.1, 1.9)}

    def __init__(self, *, power: float = 1.5, **growth: Any) -> None:
        """`power`: of the Tweedie law's variance; `growth`: fields of `Boosting`."""
        self.power = power
        self.boosting = Boosting(**growth)
        self._buying: Buying | None = None
        self._mean: Booster | None = None
        self._spread: Spread | None = None
        self._level = 0.0  # added to the log mean: Tweedie deviance with a log link does not keep the total by itself
        self._largest = 0.0  # mean amount of a buyer that is still believed: the largest amount in training

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        material = _material(matured, self.boosting, seed)
        self._buying = _fit_buying(matured, self.boosting, seed)
        start = _log_mean(material.guess, material.baseline.sigma)
        rows, power = material.everyone(material.training.amount, start), {"tweedie_variance_power": self.power}
        self._mean = boost(rows, self.boosting, "tweedie", split=material.split, seed=seed, **power)
        rounds = max(self._mean.rounds, 1)
        raw = unseen(
            rows,
            material.folds,
            lambda r: boost_rounds(r, self.boosting, "tweedie", rounds=rounds, seed=seed, **power),
        )
        raw += start
        expected = np.sum(rows.weight * np.exp(np.minimum(raw, LARGEST_RAW)))
        self._level = float(np.log(max(np.sum(rows.weight * rows.target), 1e-9) / expected))
        self._largest = max(float(material.training.amount.max()), 2 * LOWEST_AMOUNT)
        odds = material.guess.odds + self._buying.active.reader()(material.columns.matrix)
        p, _ = self._buying.chances(odds, material.guess.more)
        buyers = material.training.active
        mu = np.log(_given_active(raw + self._level, p, self._largest))
        self._spread = fit_spread(mu[buyers], rows.target[buyers], rows.weight[buyers])

    def forecast(self, snapshot: Snapshot) -> Forecast:
        links = self.links()
        return forecast_in_chunks(snapshot, self.name, lambda part: self.answer(links(part), part.scale))

    def links(self) -> Callable[[Snapshot], Array]:
        """From a snapshot to links (N, 6). Make it once for many slices."""
        assert self._buying and self._mean, "fit first"
        return self._buying.links(self._mean.reader())

    def answer(self, links: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders that follow from links (N, 6)."""
        assert self._buying and self._spread, "fit first"
        guess, p, orders = self._buying.law(links)
        raw = _log_mean(guess, self._buying.baseline.sigma) + links[:, -1] + self._level
        given = _given_active(raw, p, self._largest)
        _, sigma = self._spread.mean_sigma(np.log(given))
        return from_lognormal(amount_grid(scale), p, given * scale, sigma), from_geometric(p, orders)

    def contributions(self, snapshot: Snapshot, groups: Array) -> Array:
        """(N, G, 6) what each group adds to each link (`protocol.Additive`), against no feature being known."""
        assert self._buying and self._mean, "fit first"
        return self._buying.contributions(_of_one(self._mean, _count(groups)), snapshot, groups)

    def save(self, folder: Path) -> None:
        assert self._buying and self._mean and self._spread, "fit first"
        write_json(folder / "model.json", {"power": self.power, **asdict(self.boosting)})
        self._buying.save(folder, self._spread.to_arrays("spread.") | {"ends": np.array([self._level, self._largest])})
        self._mean.save(folder, "mean")

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls(**read_json(folder / "model.json"))
        model._buying, arrays = Buying.load(folder)
        model._mean = Booster.load(folder, "mean")
        model._spread = Spread.from_arrays(arrays, "spread.")
        model._level, model._largest = (float(value) for value in arrays["ends"])
        return model


def _log_mean(guess: Guess, sigma: float) -> Array:
    """Log of the mean amount of everyone (N,), buyers or not, by the lines alone."""
    return guess.amount + sigma**2 / 2 - np.logaddexp(0.0, -guess.odds)


def _given_active(raw: Array, p: Array, largest: float) -> Array:
    """Mean amount of a buyer (N,) from the log mean amount of everyone and P(active)."""
    return np.clip(np.exp(np.minimum(raw, LARGEST_RAW)) / p, LOWEST_AMOUNT, largest)


STEPS = 500_000  # rows of buyers times bins that the hazards are learned from
HAZARD_CHUNK = 10_000  # customers at a time: times bins times features in single precision, some 50 MB


class HistogramTrees:
    """The distribution itself: a chain of chances over ordered bins of the amount, bound to no law.

    P(active) is the first link. Given active, one booster answers for every coarse bin: the chance that the amount
    lies in it, given that it reaches it (a discrete-time hazard; Singer & Willett 1993). It starts from the hazard of
    the lines' log-normal law, moved so that the buyers of the training rows fill the bins as they do. The mass of a
    coarse bin is laid on the fine grid as the buyers of the training rows lie there (`spread_bins`).
    """

    name: ClassVar[str] = "trees-histogram"
    search_space: ClassVar[SearchSpace] = SEARCH_SPACE

    def __init__(self, **growth: Any) -> None:
        """`growth`: fields of `Boosting`."""
        self.boosting = Boosting(**growth)
        self._buying: Buying | None = None
        self._hazard: Booster | None = None
        self._bins: Bins | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        material = _material(matured, self.boosting, seed)
        self._buying = _fit_buying(matured, self.boosting, seed)
        buyers = material.training.active
        amount, weight = material.training.amount[buyers], material.training.weight[buyers]
        guess = material.guess.amount[buyers]
        self._bins = centred(fit_bins(amount, weight), amount, weight, guess, material.baseline.sigma)
        rows, split = _steps(material, self._bins, self.boosting.threads)
        self._hazard = boost(rows, self.boosting, "binary", split=split, seed=seed)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        links = self.links()
        answer = lambda part: self.answer(links(part), part.scale)  # noqa: E731
        return forecast_in_chunks(snapshot, self.name, answer, rows=HAZARD_CHUNK)

    def links(self) -> Callable[[Snapshot], Array]:
        """From a snapshot to links (N, 5 + B - 1). Make it once for many slices."""
        assert self._buying and self._hazard and self._bins, "fit first"
        hazard, steps = self._hazard.reader(), len(self._bins.last)
        return self._buying.links(lambda matrix: hazard(_stepwise(matrix, steps)))

    def answer(self, links: Array, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders that follow from links (N, 5 + B - 1)."""
        assert self._buying and self._bins, "fit first"
        guess, p, orders = self._buying.law(links)
        sigma = self._buying.baseline.sigma
        log_odds = log_odds_of_bins(self._bins, guess.amount, sigma) + links[:, TREES + 2 :]
        prob, tail = spread_bins(self._bins, chances_of_bins(log_odds), guess.amount, sigma)
        prob *= p[:, None]
        prob[:, 0] = 1 - p
        return from_prob(amount_grid(scale), prob, tail_mean=tail * scale), from_geometric(p, orders)

    def contributions(self, snapshot: Snapshot, groups: Array) -> Array:
        """(N, G, 5 + B - 1) what each group adds to each link (`protocol.Additive`), against no feature being known.

        What the boosters add for the bin itself belongs to no group and is not among it.
        """
        assert self._buying and self._hazard and self._bins, "fit first"
        hazard, steps, count = self._hazard, len(self._bins.last), _count(groups)

        def amount(matrix: Array, columns: Array) -> Array:
            said = hazard.contributions(_stepwise(matrix, steps), np.append(columns, count), count + 1)
            return said[:, :count].reshape(len(matrix), steps, count).transpose(0, 2, 1)

        return self._buying.contributions(amount, snapshot, groups)

    def save(self, folder: Path) -> None:
        assert self._buying and self._hazard and self._bins, "fit first"
        write_json(folder / "model.json", asdict(self.boosting))
        self._hazard.save(folder, "hazard")
        bins = self._bins
        arrays = {"last": bins.last, "base": bins.base, "shape": bins.shape}
        self._buying.save(folder, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls(**read_json(folder / "model.json"))
        model._buying, arrays = Buying.load(folder)
        model._hazard = Booster.load(folder, "hazard")
        model._bins = Bins(arrays["last"], arrays["base"], arrays["shape"])
        return model


def _stepwise(matrix: Array, steps: int) -> Array:
    """(N * steps, F + 1): each customer's features (N, F) once for each bin but the open one, which comes last."""
    step = np.tile(np.arange(steps, dtype=np.float32), len(matrix))
    return np.concatenate([np.repeat(matrix, steps, axis=0), step[:, None]], axis=1)


def _of_one(booster: Booster, count: int) -> Callable[[Array, Array], Array]:
    """The contributions (N, G, 1) of the only booster of the amount."""
    return lambda matrix, columns: booster.contributions(matrix, columns, count)[:, :, None]


def _count(groups: Array) -> int:
    return int(groups.max()) + 1


def _steps(material: _Material, bins: Bins, threads: int) -> tuple[Rows, tuple[Array, Array]]:
    """A row for each bin that a buyer's amount reaches, with the bin as last column and whether it stays there."""
    buyers = np.flatnonzero(material.training.active)
    links = len(bins.last)
    reached = np.minimum(bins.bin_of(material.training.amount[buyers]) + 1, links)  # bins looked at, but the open one
    if reached.sum() > STEPS:
        rng = np.random.default_rng(material.seed)
        kept = np.sort(rng.choice(len(buyers), int(len(buyers) * STEPS / reached.sum()), replace=False))
        buyers, reached = buyers[kept], reached[kept]
    row = np.repeat(buyers, reached)
    step = np.arange(len(row)) - np.repeat(np.cumsum(reached) - reached, reached)
    stays = bins.bin_of(material.training.amount)[row] == step
    wide = np.concatenate([material.columns.matrix[row], step.astype(np.float32)[:, None]], axis=1)
    start = log_odds_of_bins(bins, material.guess.amount[row], material.baseline.sigma)[np.arange(len(row)), step]
    columns = bin_columns(wide, seed=material.seed, threads=threads)
    rows = Rows(columns, np.arange(len(row)), stays.astype(np.float64), material.training.weight[row], start)
    return rows, (material.split[0][row], material.split[1][row])
