"""How fast the in-context model answers, against the bare matrix products that its network is made of.

    python bench/in_context.py [--data ../shared/data] [--size nano] [--context 1024] [--million]

The context is read once. `bare` runs products of the shapes of the network's own on random numbers, in the same
process and on the same threads; `forecast` is the whole way from features to histograms. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from cases import Case, opened
from worthwhile.features.build import cutoff_from
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.bins import AMOUNT_COLUMNS, COUNT_COLUMNS
from worthwhile.models.incontext.model import CHUNK_ROWS, InContext
from worthwhile.models.incontext.network import SIZES, Size
from worthwhile.models.incontext.rows import NAMES, RELATIONS
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.tasks import Task


def least_seconds(work: Callable[[], object], repeats: int) -> float:
    found = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found[1:])


def bare_products(size: Size, context: int, rows: int) -> Callable[[], None]:
    """The network's products for so many queries, on random numbers."""
    wide, heads, each, seen = size.width, size.heads, size.width // size.heads, context + size.thinking
    x, inner = torch.randn(rows, wide), torch.randn(rows, size.hidden)
    square, up, down = torch.randn(wide, wide), torch.randn(wide, size.hidden), torch.randn(size.hidden, wide)
    start = torch.randn(rows, 3 * len(NAMES) + len(RELATIONS))
    enter, leave = torch.randn(start.shape[1], wide), torch.randn(wide, AMOUNT_COLUMNS + COUNT_COLUMNS)
    query, key = torch.randn(heads, rows, each), torch.randn(heads, each, seen)
    chance, value = torch.randn(heads, rows, seen), torch.randn(heads, seen, each)

    @torch.inference_mode()
    def work() -> None:
        _ = start @ enter, x @ leave
        for _layer in range(size.layers):
            _ = x @ square, x @ square, x @ up, x @ up, inner @ down, query @ key, chance @ value
        _ = x @ up, x @ up, inner @ down

    return work


def repeated(snapshot: Snapshot, customers: int) -> Snapshot:
    rows = np.arange(customers) % len(snapshot)
    ids = np.array([f"c{i}" for i in range(customers)], dtype=object)
    return replace(snapshot, customer_ids=ids, features=np.asfortranarray(snapshot.features[rows]), outcome=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--size", default="nano", choices=list(SIZES))
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--customers", type=int, default=4 * CHUNK_ROWS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--million", action="store_true", help="also a million customers, with the peak of memory")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    case = Case("cdnow", date(1997, 12, 31), 90)
    with opened(case.data, given.data) as log:
        matured, current = Snapshots(log, Task.of("90d")).before(cutoff_from(case.cutoff, log.zone), silent)
    model = InContext(size=given.size, context_rows=given.context)
    began = time.perf_counter()
    model.fit(matured, current.unseen())
    fitting = time.perf_counter() - began
    many, one = repeated(current, given.customers), repeated(current, 1)
    bare = least_seconds(bare_products(SIZES[given.size], given.context, CHUNK_ROWS), given.repeats) / CHUNK_ROWS
    whole = least_seconds(lambda: model.forecast(many), given.repeats) / len(many)
    single = least_seconds(lambda: model.forecast(one), 20 * given.repeats)
    print(f"{given.size}, context of {given.context}, {given.threads} threads\n")
    print("| what | customers/s | for bare products |\n|---|---:|---:|")
    print(f"| bare matrix products | {1 / bare:,.0f} | 1.0 |")
    print(f"| forecast | {1 / whole:,.0f} | {whole / bare:.2f} |")
    print(f"\nContext read in {fitting:.2f} s; one customer in {1000 * single:.2f} ms.")
    if given.million:
        million = repeated(current, 1_000_000)
        began = time.perf_counter()
        model.forecast(million)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"A million customers in {time.perf_counter() - began:.0f} s, peak of the process {peak:.2f} GB.")


if __name__ == "__main__":
    main()
