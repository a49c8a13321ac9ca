"""A shop that is new and small: 100 customers, 60 days of history. The pretrained network against BG/NBD.

    python bench/small_shops.py [--data ../shared/data] [--shops 100]

Each small shop is a random part of a real one: a random moment, customers drawn at random from those who ordered in the
60 days before it, and nothing known of any time before these days. Both models forecast the spend of the 60 days that
follow; the better has the lower CRPS. Prints how often each is better and by how much, for each data set.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from cases import EPOCH, Days, opened, order_days
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
HISTORY = HORIZON = 60
CUSTOMERS = 100


def small_shop(days: Days, rng: np.random.Generator) -> tuple[pa.Table, int] | None:
    """The events of a random small shop, and its cutoff as a day; None where too few customers ordered."""
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
    return table, cutoff


def crps_of(events: pa.Table, cutoff: int, seed: int) -> dict[str, float]:
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
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--shops", type=int, default=100, help="small shops in all")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("| data | small shops | in-context better | no BG/NBD | mean ratio of CRPS |\n|---|---:|---:|---:|---:|")
    whole = [0, 0]
    for place, data in enumerate(DATA):
        with opened(data, options.data) as log:
            days = order_days(log)
        better, alone, ratios = 0, 0, []
        wanted = options.shops // len(DATA) + (place < options.shops % len(DATA))
        while len(ratios) + alone < wanted:
            made = small_shop(days, rng)
            if made is None:
                continue
            found = crps_of(*made, seed=options.seed)
            if "bg-nbd" not in found:
                alone += 1
                continue
            ratios.append(found["in-context"] / max(found["bg-nbd"], 1e-9))
            better += ratios[-1] < 1
        whole = [whole[0] + better, whole[1] + wanted]
        print(f"| {data} | {wanted} | {better} | {alone} | {np.mean(ratios):.3f} |", flush=True)
    print(f"\nBetter in {whole[0]} of {whole[1]}.")


if __name__ == "__main__":
    main()
