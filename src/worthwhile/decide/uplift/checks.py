"""Checks of a campaign: are the groups alike, was it chance, is there overlap, and what is found where nothing is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from worthwhile.decide.uplift.crossfit import CrossFit
from worthwhile.decide.uplift.policies import Shrinkage
from worthwhile.decide.uplift.surfaces import CLIP, chances_of, fit_chances
from worthwhile.decide.uplift.trial import Trial, deal_folds
from worthwhile.models.boosting import bin_columns
from worthwhile.progress import Progress, part, silent

Array = np.ndarray[Any, Any]

FAR = 4.0  # standard errors between two groups that chance does not make, over a hundred covariates
PREDICTED = 3.0  # standard errors by which covariates tell the action
SEEN = 3.0  # standard errors at which a placebo finds what is not there
PLACEBO_ROWS, PLACEBO_FOLDS = 20_000, 3
ROUNDING = 1e-9  # of two means, relative: what sums in another order differ by, and far less than anything real
POOR_OVERLAP = 0.02  # chance of an action below which a customer says next to nothing about it


@dataclass(frozen=True)
class Balance:
    """One covariate's mean with an action against the control."""

    covariate: str
    action: str
    difference: float  # standardised mean difference (Austin 2009): in standard deviations of both groups
    errors: float  # in standard errors


def balance(trial: Trial) -> list[Balance]:
    """Every covariate and action, in their order. With known chances, means are weighted by their inverse."""
    found = []
    matrix = trial.covariates.astype(np.float64)
    weight = np.ones(len(trial))
    if trial.propensity is not None:
        weight = 1.0 / trial.propensity[np.arange(len(trial)), trial.action]
    for i, name in enumerate(trial.names):
        control = _moments(matrix[trial.action == 0, i], weight[trial.action == 0])
        for k in range(1, len(trial.actions)):
            mean, variance, error2 = _moments(matrix[trial.action == k, i], weight[trial.action == k])
            spread = np.sqrt((variance + control[1]) / 2)
            error = np.sqrt(error2 + control[2])
            apart = mean - control[0]
            if abs(apart) <= ROUNDING * max(abs(mean), abs(control[0])):  # of a covariate that is the same for all
                apart = 0.0
            found.append(
                Balance(
                    name,
                    trial.actions[k],
                    float(apart / spread) if spread > 0 else 0.0,
                    float(apart / error) if error > 0 else 0.0,
                )
            )
    return found


def _moments(values: Array, weight: Array) -> tuple[float, float, float]:
    """Mean, variance, squared standard error of the mean; values that are missing are left out."""
    known = np.isfinite(values)
    if known.sum() < 2:
        return 0.0, 0.0, 0.0
    values, weight = values[known], weight[known] / weight[known].sum()
    mean = float(weight @ values)
    return mean, float(weight @ (values - mean) ** 2), float((weight**2) @ (values - mean) ** 2)


def predictability(trial: Trial, *, seed: int) -> float:
    """By how many standard errors covariates tell the action of customers who were not learned from: the covariance of
    what they got with estimated chances, both beyond the shares (or the known chances). Around 0 where it was chance.
    """
    folds = deal_folds(trial, 2, seed)
    columns = bin_columns(np.ascontiguousarray(trial.covariates), seed=seed, threads=1)
    estimated = np.empty((len(trial), len(trial.actions)))
    for fold in (0, 1):
        here = folds == fold
        boosters = fit_chances(trial, columns, np.flatnonzero(~here), seed=seed)
        estimated[here] = chances_of(boosters, trial.shares(), trial.covariates[here])
    known = trial.propensity if trial.propensity is not None else np.broadcast_to(trial.shares(), estimated.shape)
    got = trial.action[:, None] == np.arange(len(trial.actions))
    told = ((got - known) * (estimated - known)).sum(axis=1)
    return float(told.mean() / (told.std() / np.sqrt(len(told)))) if told.std() > 0 else 0.0


@dataclass(frozen=True)
class Overlap:
    """Of one action: how its chances are spread over all customers, and how many the weighted ones are worth."""

    action: str
    customers: int
    quantiles: tuple[float, ...]  # of its chance: 1 %, 5 %, 50 %, 95 %, 99 %
    trimmed: float  # share of customers whose chance was raised to the least allowed
    poor: float  # share of customers below POOR_OVERLAP
    effective: float  # effective sample size (Kish 1965) of those who got it


def overlap(trial: Trial, chance: Array) -> list[Overlap]:
    """For each action, of chances (N, K+1)."""
    found = []
    for k, name in enumerate(trial.actions):
        weight = 1.0 / chance[trial.action == k, k]
        found.append(
            Overlap(
                name,
                int((trial.action == k).sum()),
                tuple(float(q) for q in np.quantile(chance[:, k], (0.01, 0.05, 0.5, 0.95, 0.99))),
                float((chance[:, k] <= CLIP * 1.05).mean()),
                float((chance[:, k] < POOR_OVERLAP).mean()),
                float(weight.sum() ** 2 / (weight**2).sum()),
            )
        )
    return found


@dataclass(frozen=True)
class Placebo:
    """What the method finds where nothing is: the average effect and the differences of effects, in standard errors."""

    check: str  # `shuffled` treatment, or the control split in two (`A/A`)
    outcome: str
    action: str
    average: float
    differences: float

    @property
    def is_seen(self) -> bool:
        return abs(self.average) > SEEN or self.differences > SEEN


def placebos(trial: Trial, *, seed: int, progress: Progress = silent) -> list[Placebo]:
    """The whole way to effects on treatments that did nothing: shuffled among all, and the control split in two.

    Shuffling makes a randomised trial of any log. On at most PLACEBO_ROWS customers, with fewer folds.
    """
    rng = np.random.default_rng([seed, 41])
    some = np.sort(rng.permutation(len(trial))[:PLACEBO_ROWS])
    shuffled = trial[some]
    shuffled = replace(shuffled, action=rng.permutation(shuffled.action), propensity=None)
    found = _found(shuffled, "shuffled", seed, part(progress, 0.0, 0.5))
    control = np.flatnonzero(trial.action == 0)
    split = trial[np.sort(rng.permutation(control)[:PLACEBO_ROWS])]
    halves = rng.permutation(np.arange(len(split)) % 2)
    halved = replace(split, actions=("control", "the control's other half"), action=halves, propensity=None)
    return found + _found(halved, "A/A", seed, part(progress, 0.5, 1.0))


def _found(trial: Trial, check: str, seed: int, progress: Progress) -> list[Placebo]:
    cross = CrossFit.of(trial, folds=PLACEBO_FOLDS, seed=seed)
    for fold in range(PLACEBO_FOLDS):
        progress("look for effects where there are none", fold / PLACEBO_FOLDS)
        cross.model_without(frozenset({fold}))
    level = cross.level()
    found = []
    for j, outcome in enumerate(trial.outcomes):
        lines = Shrinkage.of(level, j).personal
        found += [
            Placebo(check, outcome, action, line.average / line.errors[0] if line.errors[0] > 0 else 0.0, line.t)
            for action, line in zip(trial.treatments, lines, strict=True)
        ]
    return found
