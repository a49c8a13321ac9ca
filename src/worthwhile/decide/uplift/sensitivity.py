"""How much that nobody recorded would undo an effect of an observational log: by DoubleML, where it is installed.

The robustness value is the share of what is left to explain, of who was treated and of the outcome alike, that an
unseen cause of both would have to explain to bring the average effect to zero (Chernozhukov, Cinelli, Newey, Sharma and
Syrgkanis 2022, section 3). DoubleML is given the surfaces and chances that were cross-fitted here.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from worthwhile.decide.uplift.crossfit import CrossFit

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sensitivity:
    """Of one action and outcome, among those with the action or the control."""

    outcome: str
    action: str
    effect: float
    se: float
    robustness: float  # 0 to 1: to bring the effect to zero
    robustness_low: float  # to bring the end of its 95 % interval to zero


def is_installed() -> bool:
    return find_spec("doubleml") is not None


def sensitivities(cross: CrossFit) -> list[Sensitivity]:
    """For each outcome and action; needs doubleml (extra `uplift`)."""
    trial = cross.trial
    order = np.argsort(np.concatenate([cross.rows_of([fold]) for fold in range(cross.count)]))
    chance = cross.propensities()
    expected = [cross.expected_in(f, frozenset({f}))[0][:, 1] for f in range(cross.count)]
    surfaces = np.concatenate(expected, axis=1)[:, order].astype(np.float64)  # (J, N, K+1)
    return [
        _one(cross, (j, k), surfaces[j][:, [0, k]], chance[:, [0, k]])
        for j in range(len(trial.outcomes))
        for k in range(1, len(trial.actions))
    ]


def _one(cross: CrossFit, place: tuple[int, int], surfaces: Array, chance: Array) -> Sensitivity:
    """`surfaces` and `chance` are (N, 2): of the control and the action."""
    trial, (j, k) = cross.trial, place
    rows = np.flatnonzero((trial.action == 0) | (trial.action == k))
    treated = (trial.action[rows] == k).astype(np.float64)
    given = {
        "ml_g0": surfaces[rows, :1],
        "ml_g1": surfaces[rows, 1:],
        "ml_m": (chance[rows, 1] / chance[rows].sum(axis=1))[:, None],
    }
    with warnings.catch_warnings():  # DoubleML and what it loads warn of versions and plots
        warnings.simplefilter("ignore")
        logging.getLogger("matplotlib").setLevel(logging.WARNING)
        import doubleml
        from doubleml.utils import DMLDummyClassifier, DMLDummyRegressor

        covariates = np.nan_to_num(trial.covariates[rows].astype(np.float64))
        data = doubleml.DoubleMLData.from_arrays(covariates, trial.outcome[rows, j], treated)
        model = doubleml.DoubleMLIRM(data, DMLDummyRegressor(), DMLDummyClassifier(), n_folds=2)
        model.fit(external_predictions={"d": given})
        model.sensitivity_analysis(level=0.95)
    found = model.sensitivity_params
    return Sensitivity(
        outcome=trial.outcomes[j],
        action=trial.actions[k],
        effect=float(model.coef[0]),
        se=float(model.se[0]),
        robustness=float(found["rv"][0]),
        robustness_low=float(found["rva"][0]),
    )
