"""Whether reasons are true of the forecasts: deletion curves for each model, and how long reasons take.

    python bench/reasons.py --data ../shared/data --parts deletion
    python bench/reasons.py --parts speed --customers 100000

`deletion` reads Online Retail II at one cutoff, fits each model of the catalogue, and takes away the reasons of 400
customers, those of most weight first and in random order. `speed` tells reasons of all customers of a generated shop by
the default model, and of one customer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import worthwhile as ww
from tables import markdown
from worthwhile.explain.build import compared, explained
from worthwhile.explain.faithfulness import deletion_curve
from worthwhile.explain.forecaster import forecaster_of
from worthwhile.explain.game import game_of
from worthwhile.models.catalogue import MODELS
from worthwhile.runs.recall import recorded_forecast
from worthwhile.shop import Shop

CUSTOMERS = 400  # whose reasons are taken away
LINES_PER_CUSTOMER = 10  # of the generator


def deletion(shop: Shop, cutoff: str, names: Sequence[str]) -> None:
    rows = []
    for name in names:
        run = ww.forecast(shop, "90d", cutoff=cutoff, model=None if name == "ensemble" else name)
        with forecaster_of(recorded_forecast(shop, run_id=run.run_id)) as forecaster:
            began = time.perf_counter()
            made = explained(forecaster, sample=CUSTOMERS)
            seconds = time.perf_counter() - began
            with compared(forecaster, made.snapshot.customer_ids.tolist()) as (asked, typical):
                game = game_of(asked, typical, forecaster.answer, reads_events=forecaster.reads_events)
                curve = deletion_curve(game, made.shares)
        gap = np.abs(made.shares.shares.sum(axis=1) - made.shares.forecast + made.shares.baseline)
        off = (gap / np.maximum(np.abs(made.shares.forecast - made.shares.baseline), 1e-9)).max()
        ratios = (curve.relative_ratio(), curve.approach_ratio(), curve.absolute_ratio())
        cells = [f"{ratio:.2f}" for each in (*ratios, curve.reachable_ratio()) for ratio in each[:2]]
        rows.append((name, *cells, f"{off:.1e}", f"{seconds:.1f}"))
        print(rows[-1], file=sys.stderr, flush=True)
    kinds = ("relative", "approach", "absolute", "reachable")
    header = ("model", *(f"{kind}, {what}" for kind in kinds for what in ("amount", "P(buy)")), "sum off by", "seconds")
    print(markdown(header, rows))


def speed(folder: Path, customers: int) -> None:
    lines = customers * LINES_PER_CUSTOMER
    maker = Path(__file__).with_name("shops.py")
    subprocess.run([sys.executable, maker, folder / "orders.csv", "--lines", str(lines)], check=True)
    shop = ww.create_shop(folder / "shop", currency="GBP")
    ww.ingest(shop, folder / "orders.csv")
    run = ww.forecast(shop, "90d")
    ids = run.forecasts[0].customer_ids
    rows = []
    for what, wanted in (("one customer", [str(ids[len(ids) // 2])]), ("all, first three in words", None)):
        began = time.perf_counter()
        with forecaster_of(recorded_forecast(shop)) as forecaster:
            opened = time.perf_counter()
            made = explained(forecaster, wanted)
            made.table()
        ended = time.perf_counter()
        rows.append((what, f"{len(made):,}", f"{opened - began:.1f}", f"{ended - opened:.2f}"))
    print(markdown(("reasons of", "customers", "opening, s", "reasons, s"), rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--parts", nargs="+", choices=("deletion", "speed"), default=("deletion", "speed"))
    parser.add_argument("--cutoff", default="2011-06-01")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--customers", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if "deletion" in options.parts:
            shop = ww.create_shop(Path(folder) / "retail", currency="GBP", timezone="Europe/London")
            ww.ingest(shop, options.data / "online_retail_ii.parquet")
            deletion(shop, options.cutoff, options.models)
        if "speed" in options.parts:
            speed(Path(folder), options.customers)


if __name__ == "__main__":
    main()
