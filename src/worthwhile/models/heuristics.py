"""What a shop would guess without a model: the last period again, or the past rate going on.

The mean of each forecast is the guess itself. What surrounds it is honest: the chance of buying at all and the spread
of the amount are learned from matured snapshots, in groups of customers with like guesses and like recency. Where
there are none, and as so many rows' worth of evidence where there are few, a plain law stands in: orders come at
random (Poisson), so that P(active) = 1 - exp(-orders), and amounts are log-normal with log-sd 1.

Letters: N customers, G groups by orders guessed, H groups by recency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from worthwhile.distribution import Forecast, Histogram, amount_grid, from_geometric, from_lognormal
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_json, write_json

Array = np.ndarray[Any, Any]

FILE = "heuristic.json"
ORDER_EDGES = (0.125, 0.25, 0.5, 0.95, 1.5, 2.5, 4.5, 8.5)  # of orders guessed: G = 9
RECENCY_EDGES = (1 / 6, 1 / 3, 2 / 3, 1.0, 2.0)  # of days since the last order, in horizons: H = 6
PRIOR_ROWS = 20.0  # the plain law counts as much as this many customers in every group
PLAIN_VARIANCE = 1.0  # of the log amount, where nothing is known
NO_CHANCE = 0.02  # of buying, at most, for a customer of whom the guess is nothing
NOTHING = 0.01  # mean amount of such a customer if they buy, in units of the scale: below the grid's lowest edge


@dataclass(frozen=True)
class Guess:
    """Point forecasts of N customers over the horizon, and how long ago they last ordered."""

    orders: Array  # (N,) >= 0
    amount: Array  # (N,) >= 0, in the shop's currency
    recency: Array  # (N,) in horizons


def last_period(snapshot: Snapshot) -> Guess:
    """Orders and amount of the span of the horizon's length that ends at the cutoff, once more."""
    return _guess(snapshot, snapshot.column("orders_last_horizon"), snapshot.column("amount_last_horizon"))


def past_rate(snapshot: Snapshot) -> Guess:
    """Orders and amount at the mean rate since the first order.

    The rate of a customer younger than the horizon is taken over a whole horizon: one order yesterday is no rate of
    one a day.
    """
    horizon = snapshot.horizon_days
    share = horizon / np.maximum(np.nan_to_num(snapshot.column("T")), horizon)
    return _guess(snapshot, snapshot.column("orders_all") * share, snapshot.column("amount_all") * share)


def _guess(snapshot: Snapshot, orders: Array, amount: Array) -> Guess:
    amount = np.maximum(np.nan_to_num(amount) * snapshot.discount, 0.0)  # refunds may outweigh the span's orders
    orders = np.where(amount > 0, np.maximum(np.nan_to_num(orders), 1e-3), np.nan_to_num(orders))
    since = np.nan_to_num(snapshot.column("T") - snapshot.column("t_x"), nan=np.inf)
    return Guess(orders, amount, since / snapshot.horizon_days)


@dataclass(frozen=True)
class Surroundings:
    """What was learned around the guesses."""

    odds: tuple[tuple[float, ...], ...]  # (G, H) of actual to plain share of active customers
    variance: tuple[float, ...]  # (G,) of the log amount of active customers

    def p_active(self, guess: Guess) -> Array:  # (N,)
        """Chance of an order. At most the orders guessed, whose mean could not be kept otherwise."""
        row, column = _groups(guess)
        p = _plain_chance(guess.orders) * np.array(self.odds)[row, column]
        return np.clip(p, 1e-3, np.clip(guess.orders, NO_CHANCE, 0.98))

    def histograms(self, guess: Guess, scale: float) -> tuple[Histogram, Histogram]:
        p = self.p_active(guess)
        amount = np.where(guess.amount > 0, guess.amount / p, NOTHING * scale)
        sigma = np.sqrt(np.array(self.variance))[_groups(guess)[0]]
        return from_lognormal(amount_grid(scale), p, amount, sigma), from_geometric(p, guess.orders / p)


def _groups(guess: Guess) -> tuple[Array, Array]:
    return np.searchsorted(ORDER_EDGES, guess.orders), np.searchsorted(RECENCY_EDGES, guess.recency)


def _plain_chance(orders: Array) -> Array:
    """P(at least one order) if orders come at random; a guess of none is taken for one in fifty."""
    return -np.expm1(-np.maximum(orders, NO_CHANCE))


def learn(guesses: Sequence[tuple[Guess, Snapshot]]) -> Surroundings:
    """Groups' shares of active customers and spreads of amounts, from guesses about matured snapshots."""
    shape = (len(ORDER_EDGES) + 1, len(RECENCY_EDGES) + 1)
    active, expected = np.zeros(shape), np.zeros(shape)
    for guess, snapshot in guesses:
        assert snapshot.outcome is not None
        cell = _groups(guess)
        np.add.at(active, cell, snapshot.outcome.active)
        np.add.at(expected, cell, _plain_chance(guess.orders))
    # Each cell leans on its row, and each row on the plain law.
    row = (active.sum(axis=1) + PRIOR_ROWS) / (expected.sum(axis=1) + PRIOR_ROWS)
    odds = (active + PRIOR_ROWS * row[:, None]) / (expected + PRIOR_ROWS)
    plain = Surroundings(tuple(map(tuple, odds.tolist())), (PLAIN_VARIANCE,) * shape[0])
    squares, count = np.zeros(shape[0]), np.zeros(shape[0])
    for guess, snapshot in guesses:
        assert snapshot.outcome is not None
        used = (snapshot.outcome.amount > 0) & snapshot.outcome.active & (guess.amount > 0)
        mean = guess.amount[used] / plain.p_active(guess)[used]
        group = _groups(guess)[0][used]
        np.add.at(squares, group, np.log(snapshot.outcome.amount[used] / mean) ** 2)
        np.add.at(count, group, 1.0)
    return Surroundings(plain.odds, tuple(_variance(squares, count).tolist()))


def _variance(squares: Array, count: Array) -> Array:
    """Log-variance v of a log-normal law whose mean is fixed, by maximum likelihood from the sum of squares of
    log(amount / mean): their mean is v + v^2 / 4."""
    prior = PLAIN_VARIANCE + PLAIN_VARIANCE**2 / 4
    mean = (squares + PRIOR_ROWS * prior) / (count + PRIOR_ROWS)
    return 2 * (np.sqrt(1 + mean) - 1)


def _fit(guess: Callable[[Snapshot], Guess], matured: Sequence[Snapshot], current: Snapshot) -> Surroundings:
    if not len(current):
        raise InputError(
            "no-history",
            f"no customer ordered before {current.cutoff:%Y-%m-%d}",
            remedy="ask later",
        )
    return learn([(guess(snapshot), snapshot) for snapshot in matured if snapshot.outcome is not None])


def _load(folder: Path) -> Surroundings:
    kept = read_json(folder / FILE)
    try:
        return Surroundings(tuple(tuple(row) for row in kept["odds"]), tuple(kept["variance"]))
    except (KeyError, TypeError) as error:
        raise InputError(
            "damaged", f"this is no heuristic: {error}", where=str(folder / FILE), remedy="run the forecast anew"
        ) from error


class LastPeriod:
    """Each customer does in the horizon what they did in the period of the same length before the cutoff."""

    name: ClassVar[str] = "last-period"

    def __init__(self) -> None:
        self.around = learn([])

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Learn what surrounds the guesses. Raises InputError `no-history` where there are no customers."""
        self.around = _fit(last_period, matured, current)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        return self.around.histograms(last_period(part), part.scale)

    def save(self, folder: Path) -> None:
        write_json(folder / FILE, asdict(self.around))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises InputError `damaged`."""
        model = cls()
        model.around = _load(folder)
        return model


class PastRate:
    """Each customer goes on at the mean rate since their first order."""

    name: ClassVar[str] = "past-rate"

    def __init__(self) -> None:
        self.around = learn([])

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Learn what surrounds the guesses. Raises InputError `no-history` where there are no customers."""
        self.around = _fit(past_rate, matured, current)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        return self.around.histograms(past_rate(part), part.scale)

    def save(self, folder: Path) -> None:
        write_json(folder / FILE, asdict(self.around))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises InputError `damaged`."""
        model = cls()
        model.around = _load(folder)
        return model
