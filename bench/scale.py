"""How time and memory grow with the shop: ingest, features, fit, forecast at several sizes of a generated shop.

    python bench/scale.py --lines 100000 1000000 10000000

Each stage runs in a process of its own, so that its peak memory is its own. `bare` is a copy of the same file to
Parquet by DuckDB, which checks and changes nothing: what reading and writing alone take on this machine at this time.
`more` ingests another 1,000 lines into the shop. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = ("bare", "ingest", "more", "features", "fit", "forecast", "run")


MORE = 1000


def stage_ingest(folder: Path) -> dict:
    import worthwhile as ww

    shop = ww.open_shop(folder / "shop")
    return {"lines": ww.ingest(shop, folder / "orders.csv").to_dict()["files"][0]["rows"]}


def stage_bare(folder: Path) -> dict:
    import duckdb

    copied = folder / "bare.parquet"
    with duckdb.connect(config={"memory_limit": "4GB"}) as con:
        con.execute(
            f"COPY (SELECT * FROM read_csv('{folder / 'orders.csv'}')) TO '{copied}' (FORMAT parquet, COMPRESSION zstd)"
        )
    copied.unlink()
    return {}


def stage_more(folder: Path) -> dict:
    """Lines of the last day by old and new customers, a few refunds of earlier orders among them."""
    import worthwhile as ww

    lines = ["order_id,customer_id,order_time,sku,category,quantity,unit_price,country"]
    for line in range(MORE):
        who, sign = f"C{line * 7 % 20_000}", "-" if line % 40 == 0 else ""
        lines.append(f"N{line // 2},{who},2024-01-01 {line % 24:02d}:00:00,S{line % 900},toys,{sign}2,3.5,France")
    (folder / "more.csv").write_text("\n".join(lines) + "\n")
    shop = ww.open_shop(folder / "shop")
    began = time.perf_counter()
    ww.ingest(shop, folder / "more.csv")
    return {"inner_seconds": time.perf_counter() - began}


def _snapshots(folder: Path):
    from worthwhile.runs.prepare import Snapshots
    from worthwhile.shop import open_shop
    from worthwhile.store.log import open_log
    from worthwhile.tasks import Task

    log = open_log(open_shop(folder / "shop"))
    return log, Snapshots(log, Task.of("90d"))


def stage_features(folder: Path) -> dict:
    log, snapshots = _snapshots(folder)
    current = snapshots.at(log.until)
    return {"customers": len(current), "features": len(current.names)}


def _fit(folder: Path):
    from worthwhile.models.catalogue import maker
    from worthwhile.progress import silent

    log, snapshots = _snapshots(folder)
    matured, current = snapshots.before(log.until, silent)
    began = time.perf_counter()
    model = maker("trees-two-stage")()
    model.fit(matured[-2:], current)
    return model, current, time.perf_counter() - began


def stage_fit(folder: Path) -> dict:
    _, _, seconds = _fit(folder)
    return {"inner_seconds": seconds}


def stage_forecast(folder: Path) -> dict:
    model, current, _ = _fit(folder)
    began = time.perf_counter()
    model.forecast(current)
    return {"inner_seconds": time.perf_counter() - began, "customers": len(current)}


def stage_run(folder: Path) -> dict:
    import worthwhile as ww

    run = ww.forecast(ww.open_shop(folder / "shop"), "90d")
    return {"customers": len(run.table())}


def measure(stage: str, folder: Path) -> dict:
    """Run a stage in its own process: its seconds, its peak memory in GB, and what it tells."""
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run_stage(stage: str, folder: Path) -> None:
    began = time.perf_counter()
    told = globals()[f"stage_{stage}"](folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = told.pop("inner_seconds", time.perf_counter() - began)
    cpu = time.process_time()
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_gb": peak, **told}, default=str))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=STAGES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage(options.stage, options.folder)
        return
    import worthwhile as ww
    from shops import write_csv

    print("| lines | stage | seconds | CPU s | peak GB | lines/s |\n|---:|---|---:|---:|---:|---:|")
    for lines in options.lines:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_csv(folder / "orders.csv", lines, seed=options.seed)
            ww.create_shop(folder / "shop", currency="EUR")
            for stage in options.stages:
                told = measure(stage, folder)
                seconds, peak = told["seconds"], told["peak_gb"]
                made = MORE if stage == "more" else lines
                row = f"{seconds:.1f} | {told['cpu']:.1f} | {peak:.2f} | {made / seconds:,.0f}"
                print(f"| {lines:,} | {stage} | {row} |", flush=True)


if __name__ == "__main__":
    main()
