"""Deletion curves: whether the reasons that are named first are those that move the forecast.

Reasons are taken away one after the other (replaced by the typical customer's) and the forecast is asked for again
each time; beside it the same in random order (Samek et al. 2017; Petsiuk et al. 2018).

Letters: N customers, P reasons, O outputs (expected amount, P(active), expected orders), R random orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.explain.game import Game
from worthwhile.explain.shapley import Shares

Array = np.ndarray[Any, Any]

RANDOM_ORDERS = 10
FIRST = 3  # reasons that a reader is told
SMALL = 0.01  # of the typical customer's: forecasts below it count as that in relative movements


@dataclass(frozen=True)
class Deletion:
    """Forecasts while 0, 1, .. P reasons are taken away."""

    baseline: Array  # (O,)
    heaviest: Array  # (P + 1, N, O): those of most weight in that output first
    carrying: Array  # (P + 1, N, O): those first that carry the forecast away from the typical customer's
    greedy: Array  # (FIRST + 1, N, O): each time the one that moves that output furthest, found by trying them all
    random: Array  # (R, P + 1, N, O)

    def relative_ratio(self, first: int = FIRST) -> Array:
        """(O,) heaviest reasons against random ones: area under the mean absolute change of the forecast's log."""
        floor = SMALL * self.baseline

        def moved(path: Array) -> Array:
            logs = np.log(np.maximum(path, floor))
            return np.abs(logs - logs[0]).mean(axis=1)

        return self._ratio(moved, self.heaviest, first)

    def absolute_ratio(self, first: int = FIRST) -> Array:
        """(O,) the same of the mean absolute change in currency and in chance, which the largest customers rule."""
        return self._ratio(_moved, self.heaviest, first)

    def reachable_ratio(self) -> Array:
        """(O,) the same of an order that was made of the deletions themselves: what there was to be reached."""
        return self._ratio(_moved, self.greedy, FIRST)

    def approach_ratio(self, first: int = FIRST) -> Array:
        """(O,) carrying reasons against random ones: area under the mean way back towards the typical customer."""
        side = np.sign(self.carrying[0] - self.baseline)  # (N, O)
        return self._ratio(lambda path: ((path[0] - path) * side).mean(axis=1), self.carrying, first)

    def _ratio(self, moved: Any, path: Array, first: int) -> Array:
        """Areas under curves (first + 1, O), trapezoids of width one, of a path over the mean of random ones."""
        random = np.mean([np.trapezoid(moved(one)[: first + 1], axis=0) for one in self.random], axis=0)
        return np.trapezoid(moved(path)[: first + 1], axis=0) / np.maximum(random, 1e-12)


def _moved(path: Array) -> Array:
    return np.abs(path - path[0]).mean(axis=1)


def deletion_curve(game: Game, shares: Shares, *, seed: int = 0) -> Deletion:
    """The curves of a game's customers, whose shares were found with all reasons told apart."""
    n, reasons, _ = shares.shares.shape
    side = np.sign(shares.forecast - shares.baseline)[:, None, :]
    heaviest = _paths(game, shares, np.abs(shares.shares))
    carrying = _paths(game, shares, shares.shares * side)
    rng = np.random.default_rng(seed)
    orders = [rng.permuted(np.tile(np.arange(reasons), (n, 1)), axis=1) for _ in range(RANDOM_ORDERS)]
    random = np.array([_path(game, shares, order) for order in orders])
    return Deletion(shares.baseline[0], heaviest, carrying, _greedy(game, shares), random)


def _paths(game: Game, shares: Shares, weight: Array) -> Array:
    """(P + 1, N, O): of each output the path of the order of its own weights (N, P, O)."""
    orders = [np.argsort(-weight[:, :, output], axis=1, kind="stable") for output in range(weight.shape[2])]
    return np.stack([_path(game, shares, order)[:, :, o] for o, order in enumerate(orders)], axis=2)


def _path(game: Game, shares: Shares, order: Array) -> Array:
    """(P + 1, N, O) the forecasts when each customer's reasons go in their own order (N, P)."""
    n, reasons = order.shape
    present = np.ones((n, reasons), dtype=bool)
    path = [shares.forecast]
    for step in range(reasons):
        present[np.arange(n), order[:, step]] = False
        path.append(game.value_of_each(present))
    return np.array(path)


def _greedy(game: Game, shares: Shares) -> Array:
    """(FIRST + 1, N, O) the forecasts when of each output the reason goes next without which it is furthest away."""
    n, reasons, outputs = shares.shares.shape
    each = np.arange(n)
    paths = []
    for o in range(outputs):
        present, path = np.ones((n, reasons), dtype=bool), [shares.forecast[:, o]]
        for _ in range(min(FIRST, reasons)):
            tried = np.empty((n, reasons))
            for reason in range(reasons):
                without = present.copy()
                without[:, reason] = False
                tried[:, reason] = game.value_of_each(without)[:, o]
            moved = np.where(present, np.abs(tried - path[0][:, None]), -1.0)
            gone = moved.argmax(axis=1)
            present[each, gone] = False
            path.append(tried[each, gone])
        paths.append(path)
    return np.moveaxis(np.array(paths), 0, -1)
