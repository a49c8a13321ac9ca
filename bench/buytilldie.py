"""Speed and memory of the buy-till-you-die models, against the package lifetimes in the same run.

    python bench/buytilldie.py [--customers 1000000] [--no-million]

Two sets of customers: CDNOW (all 23,570, from the package lifetimes, 39 weeks before the cutoff) and a shop of so many
customers drawn from a BG/NBD law by a seeded generator. Every row runs in a process of its own with one thread, so
that its peak memory is its own. Times are of the processor, which other work on the machine changes little; on an
idle machine they are those of the clock. lifetimes gives expected values of BG/NBD only; the models here give whole
distributions.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import resource
import time
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MODELS = ("lifetimes", "bg-nbd", "mbg-nbd", "pareto-nbd")
Summary = dict[str, Any]  # columns (N,): x, t_x and T in days, mean value of repeat orders


def cdnow() -> Summary:
    """All CDNOW customers after 39 weeks, from the package's own copy of the log."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None and spec.origin is not None, "pip install lifetimes"
    log = np.loadtxt(Path(spec.origin).parent / "datasets" / "CDNOW_master.txt", skiprows=1)
    days = np.array([date(n // 10_000, n // 100 % 100, n % 100).toordinal() for n in log[:, 1].astype(int)])
    cutoff = date(1997, 10, 1).toordinal()
    kept = days < cutoff
    keys = np.stack([log[kept, 0].astype(np.int64), days[kept]], axis=1)
    orders, row = np.unique(keys, axis=0, return_inverse=True)  # by customer, then by day
    value = np.bincount(row.ravel(), log[kept, 3])
    _, first, count = np.unique(orders[:, 0], return_index=True, return_counts=True)
    last = first + count - 1
    repeat = np.add.reduceat(value, first) - value[first]
    x = count - 1.0
    with np.errstate(invalid="ignore"):
        mean = repeat / x
    start = orders[first, 1]
    return {"x": x, "t_x": (orders[last, 1] - start) * 1.0, "T": (cutoff - start) * 1.0, "repeat_value_mean": mean}


def generated(customers: int, seed: int = 0) -> Summary:
    """Customers who joined over two years and buy by a BG/NBD law, on whole days."""
    rng = np.random.default_rng(seed)
    T = rng.integers(1, 730, customers) * 1.0
    rate = rng.gamma(0.6, 1 / 60.0, customers)  # orders a day
    dropout = rng.beta(0.8, 2.5, customers)
    now, x, t_x = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    buying = np.arange(customers)
    while len(buying):
        now[buying] += np.ceil(rng.exponential(1 / np.maximum(rate[buying], 1e-9)))
        buying = buying[now[buying] < T[buying]]
        x[buying] += 1
        t_x[buying] = now[buying]
        buying = buying[rng.random(len(buying)) >= dropout[buying]]
    own = rng.gamma(3.7, 1 / 15.0, customers)
    mean = np.where(x > 0, rng.gamma(6 * np.maximum(x, 1)) / own / np.maximum(x, 1), np.nan)
    return {"x": x, "t_x": t_x, "T": T, "repeat_value_mean": mean}


def run_here(model: str, data: Summary, horizon_days: int) -> tuple[float, float]:
    """Seconds of fit and of forecast of a model of this package."""
    from worthwhile.features.snapshot import Snapshot
    from worthwhile.models.catalogue import model_class
    from worthwhile.tasks import Task

    columns = dict(data)
    columns["T"] = columns["T"] + 1  # to the midnight after, as shops count
    columns["orders_all"] = columns["x"] + 1
    columns["amount_all"] = columns["orders_all"] * np.nan_to_num(columns["repeat_value_mean"], nan=30.0)
    cutoff = datetime(1997, 10, 1, tzinfo=UTC)
    snapshot = Snapshot(
        task=Task.of(f"{horizon_days}d"),
        cutoff=cutoff,
        end=cutoff + timedelta(days=horizon_days),
        customer_ids=np.arange(len(data["x"])).astype(str).astype(object),
        features=np.stack(list(columns.values()), axis=1).astype(np.float32),
        names=tuple(columns),
        scale=30.0,
        history_days=float(data["T"].max()),
    )
    made = model_class(model)()
    begin = time.process_time()
    made.fit([], snapshot)
    fitted = time.process_time()
    made.forecast(snapshot)
    return fitted - begin, time.process_time() - fitted


def run_lifetimes(data: Summary, horizon_days: int) -> tuple[float, float]:
    """Seconds of fit and of expected values of lifetimes' BG/NBD and Gamma-Gamma, in weeks as here."""
    warnings.simplefilter("ignore")
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    table = pd.DataFrame(data)
    x, t_x, T, value = table["x"], table["t_x"] / 7, table["T"] / 7, table["repeat_value_mean"]
    repeat = (x > 0) & (value > 0)
    begin = time.process_time()
    orders = BetaGeoFitter().fit(x, t_x, T)
    values = GammaGammaFitter().fit(x[repeat], value[repeat])
    fitted = time.process_time()
    orders.conditional_expected_number_of_purchases_up_to_time(horizon_days / 7, x, t_x, T)
    values.conditional_expected_average_profit(x, value.fillna(0))
    return fitted - begin, time.process_time() - fitted


def measure(model: str, customers: int | None, horizon_days: int) -> tuple[int, float, float, float]:
    """Customers, seconds of fit and of forecast, and the megabytes by which the process grew at most."""
    data = cdnow() if customers is None else generated(customers)
    small = {name: column[:1000] for name, column in data.items()}
    run = run_lifetimes if model == "lifetimes" else lambda d, h: run_here(model, d, h)
    run(small, horizon_days)  # imports and first calls are not counted
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fit, forecast = run(data, horizon_days)
    return len(data["x"]), fit, forecast, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000, help="size of the generated shop")
    parser.add_argument("--no-million", action="store_true", help="CDNOW only")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    options = parser.parse_args()
    for name in THREADS:
        os.environ[name] = "1"
    print("| data | customers | model | fit, s | forecast, s | both, s | peak memory, MB |")
    print("|---|---|---|---|---|---|---|")
    sets: list[tuple[str, int | None]] = [("CDNOW", None)]
    if not options.no_million:
        sets.append(("generated", options.customers))
    for name, customers in sets:
        for model in options.models:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                n, fit, forecast, peak = pool.apply(measure, (model, customers, 90))
            both = fit + forecast
            print(f"| {name} | {n:,} | {model} | {fit:.2f} | {forecast:.2f} | {both:.2f} | {peak:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
