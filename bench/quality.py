"""How good the forecasts are: all models here and what others would do, on real shops at several cutoffs.

    python bench/quality.py [--data ../shared/data] [--only cdnow] [--groups worthwhile lifetimes] [--out quality.md]

Each case (bench/cases.py) is answered by the models of the package and by the peers (bench/peers.py), and scored
alike: MAE with the median where a method has one, everything else with the mean. A point forecast's CRPS is its
absolute error. Results are kept in a cache folder, a file for each case and group of methods, which is used again as
long as the code that made it is the same; so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import os
import platform
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

import peers
import worthwhile
from cases import CASES, EPOCH, Array, Case, Days, opened, order_days
from tables import by_metric, markdown
from worthwhile.errors import InputError
from worthwhile.evaluation import METRICS, metrics
from worthwhile.features.build import cutoff_from
from worthwhile.features.snapshot import Outcome, Snapshot
from worthwhile.models.catalogue import MODELS
from worthwhile.models.ensemble import Ensemble
from worthwhile.progress import silent
from worthwhile.runs.choose import Fitting, make_model
from worthwhile.runs.gate import gate
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import Log
from worthwhile.tasks import Task

OWN = "worthwhile"
RANKED = ("crps", "gini", "spearman", "auc", "mae", "rmse", "decile_mape", "bias")
SHOWN = (*RANKED, "top_decile_share", "brier", "coverage_50_buyers", "coverage_90_buyers", "pit_distance")
CALIBRATION = ("coverage_50_buyers", "coverage_90_buyers", "coverage_90_likely", "coverage_90", "pit_distance")
CODE = (
    "distribution.py",
    "evaluation",
    "features",
    "models",
    "runs/choose.py",
    "runs/gate.py",
    "runs/prepare.py",
    "store",
    "tasks",
    "ingestion",
)

Found = dict[str, dict[str, float]]  # method -> metric -> value, and `seconds`
Result = dict[str, Any]  # found: Found; skipped: method -> why; customers, buyers


# ---- one case ------------------------------------------------------------------------------------------------------


def answer_own(log: Log, case: Case, names: Sequence[str], seed: int) -> Result:
    """Every model of the catalogue that the history can carry, as a backtest would fit it."""
    task = Task.of(f"{case.days}d")
    cutoff = cutoff_from(case.cutoff, log.zone)
    matured, current = Snapshots(log, task).before(cutoff, silent)
    outcome = current.outcome
    assert outcome is not None, f"{case.name} has not matured"
    current = current.unseen()
    allowed = gate(matured, current)
    found: Found = {}
    skipped: dict[str, str] = {}
    members: dict[str, Any] = {}
    for name in sorted(names, key=lambda n: n != "ensemble"):
        started = time.perf_counter()
        try:
            if name in allowed.lacks:
                raise InputError("no-history", f"lacks {allowed.lacks[name]}")
            model = members.get(name)
            if model is None:
                model, _ = make_model(name, allowed, matured, current, Fitting(seed))
                model.fit(matured, current, seed=seed)
            forecast = model.forecast(current)
        except InputError as error:
            skipped[name] = error.what
            continue
        if isinstance(model, Ensemble):
            members = dict(model.fitted)
            skipped |= {f"ensemble: {m}": why for m, why in model.left_out.items()}
        found[name] = by_metric(forecast, outcome, seed=seed) | {"seconds": time.perf_counter() - started}
    return result_of(found, skipped, outcome)


def result_of(found: Found, skipped: dict[str, str], outcome: Outcome) -> Result:
    return {
        "found": found,
        "skipped": skipped,
        "customers": len(outcome.amount),
        "buyers": int(np.sum(outcome.amount > 0)),
    }


def score_point(point: peers.Point, outcome: Outcome) -> dict[str, float]:
    """The metrics that a point forecast has."""
    f, y, chance = point.spend, outcome.amount, point.chance
    mae = metrics.mean_absolute_error(f, y)
    values = {
        "crps": mae,
        "mae": mae,
        "rmse": metrics.root_mean_squared_error(f, y),
        "bias": metrics.relative_bias(f, y),
        "gini": metrics.normalized_gini(f, y),
        "spearman": metrics.spearman(f, y),
        "decile_mape": metrics.decile_mape(f, y),
        "top_decile_share": float(metrics.gain(f, y, np.array([0.1]))[0]),
        "auc": metrics.area_under_roc(chance, outcome.active),
    }
    if point.is_probability:
        values["brier"] = metrics.mean((chance - outcome.active) ** 2)
    return values


def align(values: Array, given: Array, asked: Array) -> Array:
    """The values of `given` customers (ascending) for those asked about; zero for one without a net order day."""
    place = np.minimum(np.searchsorted(given, asked), len(given) - 1)
    return np.where(given[place] == asked, values[place], 0.0)


def answer_peers(group: str, days: Days, current: Snapshot, case: Case) -> Result:
    outcome = current.outcome
    assert outcome is not None
    cutoff = (case.cutoff - EPOCH).days
    known = days.known_at(cutoff)
    asked = current.customer_ids.astype(str)
    started = time.perf_counter()
    found: Found = {}
    try:
        answered = peers.ask(group, known, cutoff, case.days)
    except peers.NoForecastError as error:
        return result_of({}, {group: str(error)}, outcome)
    seconds = time.perf_counter() - started
    for name, point in answered.items():
        aligned = peers.Point(
            align(point.spend, known.customers, asked),
            align(point.chance, known.customers, asked),
            point.is_probability,
        )
        found[name] = score_point(aligned, outcome) | {"seconds": seconds}
    return result_of(found, {}, outcome)


# ---- the cache -----------------------------------------------------------------------------------------------------


def digest(group: str) -> str:
    """Of the code that a group's results come from, so that stale ones are not shown."""
    bench, package = Path(__file__).parent, Path(worthwhile.__file__).parent
    files = [bench / "cases.py", bench / ("quality.py" if group == OWN else "peers.py")]
    for part in CODE if group == OWN else ("evaluation/metrics.py", "features/outcomes.py"):
        place = package / part
        files += sorted(file for file in place.rglob("*.*") if file.suffix != ".pyc") if place.is_dir() else [place]
    state = hashlib.sha256()
    for file in files:
        state.update(file.name.encode() + b"\0" + file.read_bytes())
    return state.hexdigest()[:16]


def kept_at(cache: Path, case: Case, group: str) -> Path:
    return cache / f"{case.name.replace('|', '_')}.{group}.json"


def read_kept(cache: Path, case: Case, group: str, *, stale: bool) -> Result | None:
    path = kept_at(cache, case, group)
    if not path.is_file():
        return None
    kept = json.loads(path.read_text())
    return kept if stale or kept["digest"] == digest(group) else None


def run(cases: Sequence[Case], groups: Sequence[str], options: argparse.Namespace) -> dict[str, dict[str, Result]]:
    """case -> group -> result, from the cache or made now."""
    options.cache.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Result]] = defaultdict(dict)
    for case in cases:
        for group in groups:
            kept = read_kept(options.cache, case, group, stale=options.stale)
            if kept is not None:
                results[case.name][group] = kept
    for data in dict.fromkeys(case.data for case in cases):
        missing = [(c, g) for c in cases if c.data == data for g in groups if g not in results[c.name]]
        if not missing or options.stale:
            continue
        with opened(data, options.data) as log:
            days = order_days(log)
            for case, group in missing:
                made = answer(log, days, case, group, options.seed)
                made["digest"] = digest(group)
                kept_at(options.cache, case, group).write_text(json.dumps(made, indent=1))
                results[case.name][group] = made
                print(f"{case.name} {group}: {len(made['found'])} methods", flush=True)
    return results


def answer(log: Log, days: Days, case: Case, group: str, seed: int) -> Result:
    if group == OWN:
        return answer_own(log, case, list(MODELS), seed)
    task = Task.of(f"{case.days}d")
    return answer_peers(group, days, Snapshots(log, task).at(cutoff_from(case.cutoff, log.zone)), case)


# ---- tables --------------------------------------------------------------------------------------------------------


def merged(results: dict[str, dict[str, Result]]) -> dict[str, Found]:
    """case -> method -> metric -> value, over all groups."""
    return {case: {m: v for result in of.values() for m, v in result["found"].items()} for case, of in results.items()}


def mean_ranks(found: dict[str, Found], names: Iterable[str]) -> dict[str, dict[str, float]]:
    """method -> metric -> mean over cases of the rank among the methods that answered there; and `mean`, `cases`."""
    ranks: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    names = list(names)
    for of_case in found.values():
        for name in names:
            losses = {
                m: METRICS[name].loss(v[name]) for m, v in of_case.items() if not math.isnan(v.get(name, math.nan))
            }
            for method, rank in zip(losses, rankdata(list(losses.values())), strict=True):
                ranks[method][name].append(float(rank))
    table = {m: {name: float(np.mean(r)) for name, r in of.items()} for m, of in ranks.items()}
    for method, of in table.items():
        of["mean"] = float(np.mean([of[name] for name in names if name in of]))
        of["cases"] = max(len(r) for r in ranks[method].values())
    return dict(sorted(table.items(), key=lambda pair: pair[1]["mean"]))


def number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def rank_table(found: dict[str, Found]) -> str:
    table = mean_ranks(found, RANKED)
    columns = [*RANKED, "mean"]
    rows = [[m, *(f"{of[c]:.1f}" if c in of else "" for c in columns), f"{of['cases']:.0f}"] for m, of in table.items()]
    return markdown(["mean rank (1 is best)", *("abs. bias" if c == "bias" else c for c in columns), "cases"], rows)


def case_table(of_case: Found) -> str:
    rows = sorted(of_case.items(), key=lambda pair: pair[1]["crps"])
    columns = [*SHOWN, "seconds"]
    return markdown(["method", *columns], [[m, *(number(v.get(c)) for c in columns)] for m, v in rows])


def mean_table(found: dict[str, Found], columns: Sequence[str]) -> str:
    """Plain means over cases, for methods that answered all of them; |bias| beside the bias itself."""
    methods = [m for m in next(iter(found.values())) if all(m in of for of in found.values())]
    rows = []
    for method in methods:
        values = {c: float(np.mean([of[method].get(c, math.nan) for of in found.values()])) for c in columns}
        off = float(np.mean([abs(of[method]["bias"]) for of in found.values()]))
        rows.append((values[columns[0]], [method, *(number(values[c]) for c in columns), number(off)]))
    rows.sort(key=lambda row: row[0])
    return markdown(["mean over cases", *columns, "mean abs. bias"], [row for _, row in rows])


def published_table(found: dict[str, Found], path: Path) -> str:
    """BG/NBD of lifetimes as others computed it on the same cases, beside ours."""
    names = {"mae": "mae", "rmse": "rmse", "ngini": "gini", "spearman": "spearman", "bias": "bias", "auc": "auc"}
    rows = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            ours = found.get(row["case"], {}).get("lifetimes bg-nbd, penalised")
            if row["model"] == "bgnbd_gg" and ours:
                cells = [f"{float(row[n]):.4g} / {ours[name]:.4g}" for n, name in names.items()]
                rows.append([row["case"].replace("|", " "), *cells])
    return markdown(["lifetimes, theirs / ours", *names], rows)


def report(results: dict[str, dict[str, Result]], options: argparse.Namespace) -> str:
    found = merged(results)
    parts = [
        "# Quality",
        f"Command: `python bench/quality.py`. Machine: {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}. Seed {options.seed}. Lower is better for crps, mae, rmse, decile_mape; the "
        "definitions are in docs/metrics.md. A point forecast's CRPS is its absolute error. Seconds are to fit and "
        "forecast; those of the ensemble hold the fits of its members, whose own are then the forecast alone, and "
        "those of a peer are of its whole group.",
    ]
    net = {case: of for case, of in found.items() if case.startswith("online_retail_ii_net")}
    sales = {case: of for case, of in found.items() if case not in net}
    for title, cases in (("Sales only", sales), ("Online Retail II, net of refunds", net)):
        if cases and any(cases.values()):
            parts += [f"## {title}: mean ranks over {len(cases)} cases", rank_table(cases)]
    if net and any(net.values()):
        parts += [f"Means over {len(net)} cutoffs:", mean_table(net, ("crps", "gini", "bias", *CALIBRATION))]
    if options.published:
        parts += ["## BG/NBD of lifetimes, recomputed", published_table(found, options.published)]
    for case, of_groups in results.items():
        any_result = next(iter(of_groups.values()))
        parts.append(
            f"## {case.replace('|', ' ')}: {any_result['customers']:,} customers, {any_result['buyers']:,} buy"
        )
        parts.append(case_table(found[case]))
        skipped = {m: why for result in of_groups.values() for m, why in result["skipped"].items()}
        if skipped:
            parts.append("No answer: " + "; ".join(f"{m} ({why})" for m, why in skipped.items()) + ".")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--only", default="", help="cases whose name begins so, such as cdnow or online_retail_ii|2011")
    parser.add_argument("--groups", nargs="+", default=[OWN, *peers.PEERS], choices=[OWN, *peers.PEERS])
    parser.add_argument("--published", type=Path, help="CSV of others' results on the same cases, to set beside")
    parser.add_argument("--cache", type=Path, default=Path("build/quality"))
    parser.add_argument("--stale", action="store_true", help="only show what the cache holds, of whatever code")
    parser.add_argument("--out", type=Path, help="write the tables as Markdown here as well")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases = [case for case in CASES if case.name.startswith(options.only)]
    results = {case: of for case, of in run(cases, options.groups, options).items() if of}
    text = report(results, options)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
