"""Simulated campaigns whose effects are known: to choose how uplift is learned, and to see how far it is from truth.

    campaign = simulate("opposed", customers=30_000, seed=1)

Each customer has eight covariates. A visit has a chance that the action moves on the scale of log-odds, those who visit
buy with a chance, and those who buy spend a log-normal amount with a heavy tail. What the actions do hangs on the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.uplift.trial import Trial

Array = np.ndarray[Any, Any]

KINDS = ("nothing", "constant", "half respond", "opposed", "three actions", "some harmed", "tastes")
NAMES = ("recency", "history", "likes_a", "likes_b", "newbie", "orders", "web", "noise")
OUTCOMES = ("visit", "spend")


@dataclass(frozen=True)
class Simulated:
    trial: Trial
    expected: Array  # (N, J, K+1): the true mean outcome of each customer under each action

    def effects(self) -> Array:  # (N, J, K)
        return self.expected[..., 1:] - self.expected[..., :1]


def simulate(
    kind: str, *, customers: int = 30_000, seed: int = 0, observational: bool = False, tail: float = 0.9
) -> Simulated:
    """A campaign of one of `KINDS`; with `observational` the good customers were rather treated."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    x = _covariates(rng, customers)
    moved = _moved(kind, x)  # (N, K)
    recency, history, _, _, newbie, orders, web, _ = x.T
    base = -1.9 - 0.08 * recency + 0.25 * (history - 5) + 0.1 * np.minimum(orders, 6) - 0.5 * newbie + 0.2 * web
    chance = 1 / (1 + np.exp(-(base[:, None] + np.column_stack([np.zeros(customers), moved]))))  # (N, K+1)
    buys = 1 / (1 + np.exp(-(-2.6 + 0.12 * (history - 5) + 0.08 * np.minimum(orders, 6))))
    size = np.exp(3.6 + 0.2 * (history - 5))
    actions = moved.shape[1] + 1
    lean = 0.5 * (history - 5)[:, None] * np.arange(actions) / actions if observational else np.zeros((1, actions))
    odds = np.exp(np.broadcast_to(lean, (customers, actions)))
    propensity = odds / odds.sum(axis=1, keepdims=True)
    action = (rng.random(customers)[:, None] > np.cumsum(propensity, axis=1)[:, :-1]).sum(axis=1)
    visit = rng.random(customers) < chance[np.arange(customers), action]
    spend = visit * (rng.random(customers) < buys) * size * np.exp(rng.normal(0, tail, customers))
    mean_size = size * np.exp(tail**2 / 2)
    expected = np.stack([chance, chance * (buys * mean_size)[:, None]], axis=1)
    trial = Trial(
        customer_ids=np.array([f"c{i:07d}" for i in range(customers)], dtype=object),
        actions=("none", *(f"mail {'abc'[k]}" for k in range(actions - 1))),
        action=action,
        outcomes=OUTCOMES,
        outcome=np.column_stack([visit, spend]).astype(float),
        covariates=x.astype(np.float32),
        names=NAMES,
    )
    return Simulated(trial, expected)


def _covariates(rng: np.random.Generator, n: int) -> Array:
    return np.column_stack(
        [
            rng.integers(1, 13, n),
            rng.normal(5, 1, n),
            rng.random(n) < 0.55,
            rng.random(n) < 0.5,
            rng.random(n) < 0.5,
            rng.geometric(0.4, n),
            rng.random(n) < 0.45,
            rng.normal(size=n),
        ]
    ).astype(float)


def _moved(kind: str, x: Array) -> Array:
    """What each action adds to the log-odds of a visit: (N, K)."""
    recency, _, likes_a, likes_b, newbie, *_ = x.T
    one = np.ones(len(x))
    if kind == "nothing":
        return np.column_stack([0 * one, 0 * one])
    if kind == "constant":
        return np.column_stack([0.5 * one, 0.3 * one])
    if kind == "half respond":  # to either mail, one stronger
        return np.column_stack([0.8 * likes_a, 0.5 * likes_a])
    if kind == "opposed":  # each mail moves those who like its goods
        return np.column_stack([0.7 * likes_a + 0.1, 0.7 * likes_b])
    if kind == "three actions":
        return np.column_stack([0.5 * likes_a + 0.1, 0.6 * (recency > 6), 0.2 * one])
    if kind == "some harmed":
        return np.column_stack([0.7 - 1.1 * newbie, 0.15 * one])
    keen = 0.5 + 0.05 * (6 - recency)  # tastes: the keen respond to either mail, rather to that of their own taste
    return np.column_stack([keen + 0.1 * likes_a, keen - 0.4 + 0.45 * likes_b * (1 - likes_a)])
