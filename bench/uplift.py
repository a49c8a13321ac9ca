"""Uplift on the Hillstrom test and on simulated campaigns with known effects.

    python bench/uplift.py --data ../shared/data --peers PYTHON
    python bench/uplift.py --simulated

Hillstrom: cross-fitted, doubly robust value per customer of what was chosen without a fold, on that fold; several ways
of dealing the folds, whose values are averaged. PYTHON is an interpreter with scikit-uplift, causalml and econml, whose
learners are given the same folds. What is ours was chosen on simulated campaigns.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from campaigns import KINDS, simulate
from tables import markdown
from worthwhile.decide.uplift.campaign import CampaignColumns, read_campaign_log
from worthwhile.decide.uplift.curves import ranking
from worthwhile.decide.uplift.deals import Deals
from worthwhile.decide.uplift.learners import LEARNERS
from worthwhile.decide.uplift.policies import Judge, Policy, candidates, value_of
from worthwhile.decide.uplift.prepare import from_log
from worthwhile.decide.uplift.results import effects_with_errors, policies
from worthwhile.decide.uplift.trial import Trial

Array = np.ndarray[Any, Any]

SHARES = (1.0, 0.5, 0.3)
CONTROL = "No E-Mail"


def hillstrom(data: Path) -> Trial:
    columns = CampaignColumns("treatment", CONTROL, ("spend", "visit"), ignore=("conversion",))
    campaign = read_campaign_log(data / "hillstrom.parquet", columns)
    return from_log(campaign, chosen=False, observational=False, seed=0).trial


def measured(trial: Trial, seed: int, python: str | None) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Values by (outcome, share, policy), as (value, standard error), and Qini of visits by learner, for one seed."""
    deals = Deals.of(trial, seed=seed)
    folds, level = deals.first.folds, deals.level()
    judges = [Judge.of(level, j) for j in range(2)]
    chosen = {(j, share): judges[j].choose(share) for j in range(2) for share in SHARES}
    values = {
        (row["outcome"], row["share"], row["policy"]): (row["value"], row["se"])
        for row in policies(deals, chosen, SHARES)
    }
    effects = {(j, "worthwhile"): judges[j].held.personal for j in range(2)}
    for name in ("T", "X", "DR"):
        effects |= {(j, f"worthwhile {name}"): judges[j].held.raw[..., LEARNERS.index(name)] for j in range(2)}
    if python:
        peers = peer_effects(trial, folds, python)
        effects |= peers
        for (j, name), effect in peers.items():
            for share in SHARES:
                values[trial.outcomes[j], share, name] = peer_value(effect, level.scores[:, j], share, folds)
    visit = trial.outcomes.index("visit")
    return values, {name: qini(trial, effect, visit) for (j, name), effect in effects.items() if j == visit}


def qini(trial: Trial, effect: Array, j: int) -> Array:
    """Qini coefficients against the control of each action, (K,)."""
    found = []
    for k in range(len(trial.treatments)):
        rows = (trial.action == 0) | (trial.action == k + 1)
        found.append(ranking(effect[rows, k], trial.action[rows] == k + 1, trial.outcome[rows, j]).qini)
    return np.array(found)


def peer_effects(trial: Trial, folds: Array, python: str) -> dict[Any, Array]:
    with TemporaryDirectory() as folder:
        given, answer = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, x=trial.covariates, action=trial.action, outcome=trial.outcome, folds=folds)
        subprocess.run([python, str(Path(__file__).parent / "uplift_peers.py"), str(given), str(answer)], check=True)
        found = np.load(answer, allow_pickle=False)
        return {(int(key[0]), key[2:]): found[key] for key in found.files}


def peer_value(effect: Array, scores: Array, share: float, folds: Array) -> tuple[float, float]:
    """Each customer's best action by their effects, the first of each fold contacted."""
    action = np.where(effect.max(axis=1) > 0, effect.argmax(axis=1) + 1, 0)
    if share < 1:
        action = effect.argmax(axis=1) + 1
        for fold in np.unique(folds):
            rows = np.flatnonzero(folds == fold)
            order = rows[np.argsort(-effect[rows].max(axis=1), kind="stable")]
            action[order[round(share * len(rows)) :]] = 0
    value = scores[np.arange(len(scores)), action]
    return float(value.mean()), float(value.std() / np.sqrt(len(value)))


def show_hillstrom(trial: Trial, seeds: int, python: str | None) -> None:
    values, qinis = defaultdict(list), defaultdict(list)
    for seed in range(seeds):
        found, ranked = measured(trial, seed, python)
        for key, value in found.items():
            values[key].append(value)
        for name, each in ranked.items():
            qinis[name].append(each)
    for outcome in trial.outcomes:
        names = dict.fromkeys(name for o, _, name in values if o == outcome)
        rows = []
        for name in names:
            cells, errors = [], []
            for share in SHARES:
                each = np.array(values.get((outcome, share, name), []))
                cells.append("" if not len(each) else f"{each[:, 0].mean():.4f} ± {_of_seeds(each[:, 0]):.4f}")
                errors += [float(v) for v in each[:, 1]] if len(each) else []
            rows.append((name, *cells, f"{np.mean(errors):.4f}"))
        print(markdown((f"{outcome}: value per customer", "all", "50 %", "30 %", "SE over customers"), rows))
        print()
    rows = []
    for name, each in sorted(qinis.items(), key=lambda item: -np.mean(item[1])):
        mean = f"{np.mean(each):.4f} ± {_of_seeds(np.mean(each, axis=1)):.4f}"
        rows.append((name, *(f"{v:.4f}" for v in np.mean(each, axis=0)), mean))
    print(markdown(("Qini of visits", *trial.treatments, "mean"), rows))


def _of_seeds(values: Array) -> float:
    """Standard error of a mean over seeds; not that of customers, who are the same ones."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def show_simulated(seeds: int, customers: int) -> None:
    """Error of the effects, coverage of intervals, and how often customers are told apart, by kind of campaign."""
    rows = []
    for kind in KINDS:
        parts = [simulated(kind, seed, customers) for seed in range(seeds)]
        for j, outcome in enumerate(("visit", "spend")):
            mean = {name: np.mean([part[j][name] for part in parts]) for name in parts[0][j]}
            cells = [f"{mean[name]:.4f}" for name in ("average", "shrunk", "T", "X", "DR")]
            shares = [f"{mean[name]:.0%}" for name in ("effect covered", "value covered", "apart")]
            gains = [f"{100 * mean[name]:+.1f} %" for name in ("all", "T all", "half", "T half")]
            rows.append((f"{kind}, {outcome}", *cells, *shares, *gains))
    errors = ("average", "shrunk", "T", "X", "DR")
    rest = ("effects covered", "value covered", "told apart", "gain", "gain of T", "gain at 50 %", "gain of T at 50 %")
    print(markdown(("campaign", *(f"RMSE {name}" for name in errors), *rest), rows))


def simulated(kind: str, seed: int, customers: int) -> list[dict[str, float]]:
    campaign = simulate(kind, customers=customers, seed=1000 + seed)  # not those that anything was chosen on
    trial, truth = campaign.trial, campaign.effects()
    deals = Deals.of(trial, seed=seed)
    found = [defaultdict(float) for _ in trial.outcomes]
    count = deals.first.count
    for fold in range(count):
        outside = deals.outside(fold)
        rows, scores = outside.rows, outside.scores
        for j, told in enumerate(found):
            judged = Judge.of(outside.level, j)
            reading = judged.shrinkage.read(outside.said, j)
            mean, error = effects_with_errors(judged.shrinkage, j, outside.each)
            tau, expected = truth[rows, j], campaign.expected[rows, j]
            for name, effect in [("average", judged.shrinkage.averages), ("shrunk", mean)] + [
                (name, reading.raw[..., LEARNERS.index(name)]) for name in ("T", "X", "DR")
            ]:
                told[name] += float(((effect - tau) ** 2).sum()) / truth[:, j].size
            told["effect covered"] += float((np.abs(mean - tau) <= 1.96 * error).sum()) / truth[:, j].size
            for share, name in ((1.0, "all"), (0.5, "half")):
                policy, plain = judged.choose(share), candidates(judged.shrinkage.averages, share)[0]
                value = value_of(policy, reading, scores[:, j], share)
                true = value_of(policy, reading, expected, share)
                base = value_of(plain, reading, expected, share).mean()
                told[name] += (true.mean() / base - 1) / count
                told[f"T {name}"] += (value_of(Policy("T"), reading, expected, share).mean() / base - 1) / count
                if share == 1:
                    told["apart"] += (policy.rule in ("groups", "personal")) / count
                    told["value"] += float(value.sum()) / len(trial)
                    told["square"] += float((value**2).sum()) / len(trial)
                    told["true"] += float(true.sum()) / len(trial)
    for told in found:
        for name in ("average", "shrunk", "T", "X", "DR"):
            told[name] = np.sqrt(told[name])
        error = np.sqrt((told["square"] - told["value"] ** 2) / len(trial))
        told["value covered"] = float(abs(told["value"] - told["true"]) <= 1.96 * error)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peers", help="interpreter with scikit-uplift, causalml and econml")
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--customers", type=int, default=20_000, help="of each simulated campaign")
    asked = parser.parse_args()
    with threadpool_limits(limits=1, user_api="blas"):
        if asked.simulated:
            show_simulated(asked.seeds, asked.customers)
        else:
            show_hillstrom(hillstrom(asked.data), asked.seeds, asked.peers)


if __name__ == "__main__":
    main()
