"""The tables of an uplift run: effects by customer, deciles, curves, policies; and averages with what warns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.decide.uplift.crossfit import Level
from worthwhile.decide.uplift.curves import (
    Curve,
    deciles,
    perfect_effect,
    qini_curve,
    ranking,
    thinned,
    uplift_curve,
)
from worthwhile.decide.uplift.deals import Deals
from worthwhile.decide.uplift.learners import Said, mean_said
from worthwhile.decide.uplift.policies import Judge, Policy, Shrinkage, candidates, value_of
from worthwhile.decide.uplift.shrink import features_of
from worthwhile.decide.uplift.trial import Trial
from worthwhile.progress import Progress, part, silent

Array = np.ndarray[Any, Any]

Z = 1.959964
EFFECTS = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("effect_mean", pa.float64(), nullable=False),
        pa.field("effect_se", pa.float64(), nullable=False),
    ]
)
CHOSEN = "chosen"  # the row of policies of what was chosen without a fold and judged on it


@dataclass(frozen=True)
class Average:
    """The average effect of an action on an outcome."""

    outcome: str
    action: str
    control_mean: float  # doubly robust
    effect: float
    se: float
    low: float  # 95 % interval
    high: float
    differences: float  # standard errors by which effects differ between customers
    qini: float
    auuc: float
    area: float  # of the Qini curve beyond random targeting, per treated customer, in the outcome's unit


def spread_of(found: Sequence[Array]) -> Array:
    """Jackknife variance (N,...) of a mean over models that each lack another fold (Efron and Stein 1981)."""
    several = np.stack(found)
    m = len(several)
    return (m - 1) / m * ((several - several.mean(axis=0)) ** 2).sum(axis=0)


def effects_with_errors(shrinkage: Shrinkage, outcome: int, each: Sequence[Sequence[Said]]) -> tuple[Array, Array]:
    """Effects (N, K) and their standard errors, of what several models say in each of several deals: their mean.

    The spread is that within the first deal, whose models each lack another fold. Other deals lessen what comes of
    dealing, but not what comes of who was in the campaign, so it is no smaller for them.
    """
    read = [[shrinkage.read(said, outcome).personal for said in several] for several in each]
    together = mean_said([mean_said(several) for several in each])
    found, size = features_of(together, outcome), together.size[:, outcome]
    variance = np.column_stack([line.variance(found[:, k], size) for k, line in enumerate(shrinkage.personal)])
    mean = np.mean([np.mean(several, axis=0) for several in read], axis=0)
    return mean, np.sqrt(variance + spread_of(read[0]))


def log_effects(deals: Deals, shrinkage: Shrinkage, outcome: int, progress: Progress = silent) -> tuple[Array, Array]:
    """Effects (N, K) for the log's customers and their errors, by models that have not seen them."""
    n, k = len(deals.trial), len(deals.trial.treatments)
    mean, error = np.empty((n, k)), np.empty((n, k))
    for fold in range(deals.first.count):
        progress("effects of each customer", fold / deals.first.count)
        rows = deals.first.rows_of([fold])
        mean[rows], error[rows] = effects_with_errors(shrinkage, outcome, deals.each_of_log(fold))
    return mean, error


def effects_table(
    customer_ids: Array, treatments: Sequence[str], outcomes: Sequence[str], found: Sequence[tuple[Array, Array]]
) -> pa.Table:
    """Customers ascending, for each the actions and outcomes in their order. `found` holds (N, K) pairs by outcome."""
    order = np.argsort(customer_ids.astype(str), kind="stable")
    n, k, j = len(order), len(treatments), len(outcomes)
    means, errors = (np.stack([pair[i][order] for pair in found], axis=-1).reshape(-1) for i in (0, 1))
    return pa.Table.from_arrays(
        [
            pa.array(np.repeat(customer_ids[order], k * j), pa.string()),
            pa.array(np.tile(np.repeat(np.array(treatments, dtype=object), j), n), pa.string()),
            pa.array(np.tile(np.array(outcomes, dtype=object), n * k), pa.string()),
            pa.array(means),
            pa.array(errors),
        ],
        schema=EFFECTS,
    )


@dataclass(frozen=True)
class Judged:
    """All that the honest comparison says of one trial."""

    averages: list[Average]
    policies: list[dict[str, Any]]
    deciles: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    chosen: dict[tuple[int, float], Policy]  # by outcome and share, on all customers


def judge(
    deals: Deals, level: Level, judges: Sequence[Judge], shares: Sequence[float], progress: Progress = silent
) -> Judged:
    """Averages, deciles, curves and policies of every outcome. `judges` are those of the whole level."""
    averages, tenths, points = [], [], []
    for j, outcome in enumerate(deals.trial.outcomes):
        for k, action in enumerate(deals.trial.treatments):
            effect = judges[j].held.personal[:, k]
            averages.append(_average(deals.trial, level, judges[j], k))
            gain = level.scores[:, j, k + 1] - level.scores[:, j, 0]
            tenths += [{"outcome": outcome, "action": action, **asdict(d)} for d in deciles(effect, gain)]
            points += _curves(deals.trial, effect, j, k)
    chosen = {(j, share): judges[j].choose(share) for j in range(len(judges)) for share in shares}
    return Judged(averages, policies(deals, chosen, shares, progress), tenths, points, chosen)


def _pair(trial: Trial, k: int) -> Array:
    """The customers with an action or the control."""
    return np.flatnonzero((trial.action == 0) | (trial.action == k + 1))


def _average(trial: Trial, level: Level, judged: Judge, k: int) -> Average:
    j = judged.outcome
    scores = level.scores[:, j]
    gain = scores[:, k + 1] - scores[:, 0]
    mean, error = float(gain.mean()), float(gain.std() / np.sqrt(len(gain)))
    rows = _pair(trial, k)
    ranked = ranking(judged.held.personal[rows, k], trial.action[rows] == k + 1, trial.outcome[rows, j])
    return Average(
        outcome=trial.outcomes[j],
        action=trial.treatments[k],
        control_mean=float(scores[:, 0].mean()),
        effect=mean,
        se=error,
        low=mean - Z * error,
        high=mean + Z * error,
        differences=judged.shrinkage.personal[k].t,
        **asdict(ranked),
    )


def _curves(trial: Trial, effect: Array, j: int, k: int) -> list[dict[str, Any]]:
    rows = _pair(trial, k)
    treated, outcome = trial.action[rows] == k + 1, trial.outcome[rows, j]
    curves: dict[str, Curve] = {
        "qini": qini_curve(effect[rows], treated, outcome),
        "uplift": uplift_curve(effect[rows], treated, outcome),
    }
    if np.isin(outcome, (0, 1)).all():
        curves["qini_perfect"] = qini_curve(perfect_effect(treated, outcome), treated, outcome)
    names = {"outcome": trial.outcomes[j], "action": trial.treatments[k]}
    found = []
    for name, curve in curves.items():
        thin = thinned(curve)
        shares = thin.x / len(rows)
        found += [{**names, "curve": name, "x": x, "y": y} for x, y in zip(shares, thin.y, strict=True)]
    return found


def policies(
    deals: Deals,
    chosen: dict[tuple[int, float], Policy],
    shares: Sequence[float],
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """The value per customer of every policy on folds that had no part in making it, with 95 % intervals.

    `chosen` among rules marks what all customers speak for; the row `chosen` is what choosing is worth: in each fold
    the policy that the other folds chose.
    """
    trial = deals.trial
    values: dict[tuple[int, float, str, int], Array] = {}
    count = deals.first.count
    for fold in range(count):
        outside = deals.outside(fold, part(progress, fold / count, (fold + 1) / count))
        said = outside.said
        for j in range(len(trial.outcomes)):
            judged = Judge.of(outside.level, j)
            reading = judged.shrinkage.read(said, j)
            for share in shares:
                asked = candidates(judged.shrinkage.averages, share)
                asked += _for_comparison(len(trial.treatments), share, asked)
                named = {(j, share, *_name(policy, share)): policy for policy in asked}
                named[j, share, CHOSEN, -1] = judged.choose(share)
                for key, policy in named.items():
                    value = value_of(policy, reading, outside.scores[:, j], share)
                    values.setdefault(key, np.full(len(trial), np.nan))[outside.rows] = value
    found = []
    for (j, share, rule, action), value in sorted(values.items(), key=lambda item: (item[0][0], -item[0][1])):
        if np.isnan(value).any():  # the best action of some folds only
            continue
        mean, error = float(value.mean()), float(value.std() / np.sqrt(len(value)))
        best = chosen[j, share]
        found.append(
            {
                "outcome": trial.outcomes[j],
                "policy": rule if action < 0 else f"{trial.actions[action]} to all",
                "share": share,
                "value": mean,
                "se": error,
                "low": mean - Z * error,
                "high": mean + Z * error,
                "chosen": rule != CHOSEN and (rule, action) == _name(best, share),
                "action": trial.actions[best.action] if rule == CHOSEN and best.action else "",
            }
        )
    return found


def _name(policy: Policy, share: float) -> tuple[str, int]:
    """A rule's name; at full contact one action for all is a policy for each action."""
    return ("one", policy.action) if share >= 1 and policy.rule in ("none", "one") else (policy.rule, -1)


def _for_comparison(treatments: int, share: float, asked: Sequence[Policy]) -> list[Policy]:
    """What is not chosen from, but shown beside: every action to all, nothing at all, and learners as they are."""
    learners = [Policy(name) for name in ("T", "X", "DR")]
    if share < 1:
        return learners
    every = [Policy("none"), *(Policy("one", k + 1) for k in range(treatments))]
    return [policy for policy in every if policy not in asked] + learners
