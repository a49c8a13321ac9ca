"""A shop that is new and small: 100 customers, 60 days of history. The pretrained network against BG/NBD.

    python bench/small_shops.py [--data ../shared/data] [--shops 100]

Each small shop is a random part of a real one: a random moment, customers drawn at random from those who ordered in the
60 days before it, and nothing known of any time before these days. Both models forecast the spend of the 60 days that
follow; the better has the lower CRPS. Prints how often each is better and by how much, for each data set, against the
distribution of our own BG/NBD with Gamma-Gamma and against the point forecast of the package lifetimes, whose CRPS is
its absolute error; without an answer of the package (the fit fails in small shops) the network counts as better.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from cases import EPOCH, Days, opened, order_days
from peers import NoForecastError, ask
from tables import by_metric
from worthwhile.errors import InputError
from worthwhile.models.catalogue import maker
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

DATA = ("cdnow", "online_retail_ii", "grocery")
MODELS = ("in-context", "bg-nbd")
PEER = "lifetimes bg-nbd"
HISTORY = HORIZON = 60
CUSTOMERS = 100


def small_shop(days: Days, rng: np.random.Generator) -> tuple[pa.Table, Days, int] | None:
    """The events of a random small shop, its order days, and its cutoff as a day; None where too few have ordered."""
    first, last = int(days.day.min()), int(days.day.max())
    cutoff = int(rng.integers(first + HISTORY, last - HORIZON + 1))
    inside = (days.day >= cutoff - HISTORY) & (days.day < cutoff + HORIZON)
    known = np.unique(days.row[inside & (days.day < cutoff)])
    if len(known) < CUSTOMERS:
        return None
    kept = inside & np.isin(days.row, rng.choice(known, CUSTOMERS, replace=False))
    moments = [datetime.combine(EPOCH, datetime.min.time()) + timedelta(days=int(day)) for day in days.day[kept]]
    table = pa.table(
        {
            "customer_id": pa.array(days.customers[days.row[kept]], pa.string()),
            "local_ts": pa.array(moments, pa.timestamp("us")),
            "amount": days.value[kept],
        }
    )
    rows, row = np.unique(days.row[kept], return_inverse=True)
    return table, Days(days.customers[rows], row, days.day[kept], days.value[kept]), cutoff


def crps_of(events: pa.Table, days: Days, cutoff: int, seed: int) -> dict[str, float]:
    """CRPS of each model that can be fitted."""
    moment = datetime.combine(EPOCH, datetime.min.time(), UTC) + timedelta(days=cutoff)
    found = {}
    with log_of(events, until=(moment + timedelta(days=HORIZON)).date()) as log, one_thread_each():
        matured, current = Snapshots(log, Task.of(f"{HORIZON}d")).before(moment, silent)
        assert current.outcome is not None
        for name in MODELS:
            model = maker(name)()
            try:
                model.fit(matured, current.unseen(), seed=seed)
            except InputError:
                continue
            found[name] = by_metric(model.forecast(current.unseen()), current.outcome, seed=seed)["crps"]
        known = days.known_at(cutoff)
        try:
            spend = dict(zip(known.customers, ask("lifetimes", known, cutoff, HORIZON)[PEER].spend, strict=True))
        except (NoForecastError, KeyError):
            return found
        expected = np.array([spend[customer] for customer in current.customer_ids])
        return found | {PEER: float(np.abs(expected - current.outcome.amount).mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--shops", type=int, default=100, help="small shops in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("| data | small shops | against | better in CRPS | no answer | mean ratio of CRPS |")
    print("|---|---:|---|---:|---:|---:|")
    whole = {"bg-nbd": [0, 0], PEER: [0, 0]}
    for place, data in enumerate(DATA):
        with opened(data, options.data) as log:
            days = order_days(log)
        wanted = options.shops // len(DATA) + (place < options.shops % len(DATA))
        found: list[dict[str, float]] = []
        while len(found) < wanted:
            made = small_shop(days, rng)
            if made is not None:
                found.append(crps_of(*made, seed=options.seed))
        for rival, counted in whole.items():
            ratios = [one["in-context"] / max(one[rival], 1e-9) for one in found if rival in one]
            better = sum(ratio < 1 for ratio in ratios) + len(found) - len(ratios)
            counted[0], counted[1] = counted[0] + better, counted[1] + wanted
            silent_ones = len(found) - len(ratios)
            print(f"| {data} | {wanted} | {rival} | {better} | {silent_ones} | {np.mean(ratios):.3f} |", flush=True)
    for rival, (better, shops) in whole.items():
        print(f"\nBetter than {rival} in {better} of {shops}.")


if __name__ == "__main__":
    main()
