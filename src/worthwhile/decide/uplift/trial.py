"""A campaign as a trial: who got which action, with what chance, and what came of it. What all of uplift works on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trial:
    """N customers, actions 0..K of which 0 is the control, J outcomes, D covariates known before the campaign."""

    customer_ids: Array  # (N,) str
    actions: tuple[str, ...]  # (K+1,), the control first
    action: Array  # (N,) int: index into actions
    outcomes: tuple[str, ...]  # (J,)
    outcome: Array  # (N, J) float64
    covariates: Array  # (N, D) float32, NaN where missing
    names: tuple[str, ...]  # (D,)
    propensity: Array | None = None  # (N, K+1): the known chance of each action; None where it has to be estimated

    def __len__(self) -> int:
        return len(self.action)

    @property
    def treatments(self) -> tuple[str, ...]:  # (K,) the actions but the control
        return self.actions[1:]

    def __getitem__(self, rows: Any) -> Trial:
        known = None if self.propensity is None else self.propensity[rows]
        return replace(
            self,
            customer_ids=self.customer_ids[rows],
            action=self.action[rows],
            outcome=self.outcome[rows],
            covariates=self.covariates[rows],
            propensity=known,
        )

    def shares(self) -> Array:  # (K+1,)
        """The share of customers who got each action."""
        return np.bincount(self.action, minlength=len(self.actions)) / len(self)


def deal_folds(trial: Trial, count: int, seed: int) -> Array:  # (N,) int
    """Folds of equal size within each action and, within it, among those with and without each rare outcome.

    Buyers are few: a fold that got most of them by chance would judge the others wrongly.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(trial))
    seen = (trial.outcome != 0).astype(int) @ (1 << np.arange(len(trial.outcomes)))
    order = shuffled[np.lexsort((seen[shuffled], trial.action[shuffled]))]
    folds = np.empty(len(trial), int)
    folds[order] = np.arange(len(trial)) % count
    return folds
