"""The in-context model among eight peers on ten open cases: mean ranks by seven metrics.

    python bench/open_cases.py --peers ../shared/references/peers-open.csv [--data ../shared/data] [--models in-context]

The peers' results are read from a CSV with the columns case, model, mae, rmse, ngini, spearman, dec_mape, bias, auc. A
method is ranked alone among them, within each case and metric (bias by absolute value); ranks are averaged over cases,
then over metrics. MAE is of the median, everything else of the mean. The cases are the sales-only ones of
`bench/cases.py`.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from cases import CASES, Case, opened
from tables import by_metric, markdown
from worthwhile.distribution import Forecast
from worthwhile.features.build import cutoff_from
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.progress import silent
from worthwhile.runs.choose import Fitting, make_model
from worthwhile.runs.gate import gate
from worthwhile.runs.prepare import Snapshots
from worthwhile.tasks import Task

METRICS = {  # the CSV's column -> the metric here
    "ngini": "gini",
    "spearman": "spearman",
    "auc": "auc",
    "mae": "mae",
    "rmse": "rmse",
    "dec_mape": "decile_mape",
    "bias": "bias",
}
HIGHER_IS_BETTER = ("ngini", "spearman", "auc")
SHOWN = ("crps", *METRICS.values(), "coverage_50_likely", "coverage_90_likely", "coverage_50_buyers",
         "coverage_90_buyers", "pit_distance")  # fmt: skip

Scores = dict[str, dict[str, float]]  # case -> metric -> value
Prepared = tuple[Matured, Snapshot]


def open_cases() -> list[Case]:
    return [case for case in CASES if case.data != "online_retail_ii_net"]


def prepared(cases: Sequence[Case], folder: Path) -> dict[str, Prepared]:
    """The matured snapshots and the current one of each case."""
    found: dict[str, Prepared] = {}
    for data in dict.fromkeys(case.data for case in cases):
        with opened(data, folder) as log:
            for case in cases:
                if case.data == data:
                    snapshots = Snapshots(log, Task.of(f"{case.days}d"))
                    found[case.name] = snapshots.before(cutoff_from(case.cutoff, log.zone), silent)
    return found


def forecast_of(name: str, case: Prepared, seed: int) -> Forecast:
    matured, current = case
    asked = current.unseen()
    model, _ = make_model(name, gate(matured, asked, named=(name,)), matured, asked, Fitting(seed, threads=2))
    model.fit(matured, asked, seed=seed)
    return model.forecast(asked)


def loss(column: str, value: float) -> float:
    if column == "bias":
        return abs(value)
    return -value if column in HIGHER_IS_BETTER else value


def ranks(scores: Scores, peers: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """column -> mean over cases of the method's rank among the peers that answered; 1 is best."""
    found: dict[str, list[float]] = defaultdict(list)
    for case, of_case in scores.items():
        for column, name in METRICS.items():
            losses = [loss(column, of_case[name])]
            losses += [loss(column, of[column]) for of in peers[case].values() if column in of]
            found[column].append(float(rankdata(losses)[0]))
    return {column: float(np.mean(values)) for column, values in found.items()}


def read_peers(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """case -> peer -> column -> value."""
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["case"]][row["model"]] = {
                column: float(row[column]) for column in METRICS if row[column] not in ("", "nan")
            }
    return found


def bias_table(of_models: dict[str, Scores], peers: dict[str, dict[str, dict[str, float]]]) -> str:
    """Mean size of the bias of each peer over the cases that it answered, and of ours over the same cases."""
    rows = []
    for peer in sorted({peer for case in peers.values() for peer in case}):
        cases = [case for case in peers if peer in peers[case]]
        theirs = np.mean([abs(peers[case][peer]["bias"]) for case in cases])
        ours = [np.mean([abs(scores[case]["bias"]) for case in cases]) for scores in of_models.values()]
        rows.append([peer, len(cases), *(f"{value:.3f}" for value in (theirs, *ours))])
    return markdown(["mean abs. bias on the peer's cases", "cases", "peer", *of_models], rows)


def report(of_models: dict[str, Scores], peers: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = []
    for model, scores in of_models.items():
        of = ranks(scores, peers)
        bias = np.mean([abs(case["bias"]) for case in scores.values()])
        rows.append([model, *(f"{of[c]:.2f}" for c in METRICS), f"{np.mean(list(of.values())):.2f}", f"{bias:.3f}"])
    parts = [markdown(["mean rank among eight peers", *METRICS, "mean", "mean abs. bias"], rows)]
    parts.append(bias_table(of_models, peers))
    for model, scores in of_models.items():
        rows = [[case, *(f"{of[name]:.3f}" for name in SHOWN)] for case, of in scores.items()]
        means = [f"{np.nanmean([of[name] for of in scores.values()]):.3f}" for name in SHOWN]
        parts.append(markdown([model, *SHOWN], [*rows, ["mean", *means]]))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--peers", type=Path, required=True, help="CSV of the peers' results")
    parser.add_argument("--models", nargs="+", default=["in-context"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = prepared(open_cases(), options.data)
    of_models: dict[str, Scores] = {}
    for name in options.models:
        of_models[name] = {}
        for case, (matured, current) in found.items():
            assert current.outcome is not None, f"{case} has not matured"
            forecast = forecast_of(name, (matured, current), options.seed)
            of_models[name][case] = by_metric(forecast, current.outcome)
    print(report(of_models, read_peers(options.peers)))


if __name__ == "__main__":
    main()
