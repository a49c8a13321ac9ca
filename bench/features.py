"""All features of a shop against a bare DuckDB aggregate of 20 windowed sums over the same Parquet file.

    python bench/features.py --events 10000000 --threads 2

Each measurement runs in a process of its own, in turns, so that peak memory is its own and a busy machine troubles
both alike. `ratio` compares the fastest runs; the CPU column is the steadier one where others use the machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

DAY_US = 86_400_000_000
WINDOWS = (7, 14, 30, 60, 90, 120, 180, 270, 365, 730)
LEAST_MEMORY_GB = 4


def write_events(path: Path, events: int, seed: int) -> None:
    """A generated shop's events, ordered by time as the store keeps them."""
    from shops import event_batches

    unordered = path.with_suffix(".unordered")
    writer = None
    for batch in event_batches(events, seed):
        writer = writer or pq.ParquetWriter(unordered, batch.schema)
        writer.write_table(batch)
    assert writer is not None
    writer.close()
    con = duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(path.parent / "spill")})
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"COPY (FROM read_parquet('{unordered}') ORDER BY ts) TO '{path}' (FORMAT parquet)")
    unordered.unlink()


def open_events(path: Path, threads: int):
    """The log over the file, as `open_log` would make it."""
    from worthwhile.schema import ITEM_CATEGORIES, ITEMS
    from worthwhile.store.log import TIME_COLUMNS, Log

    config = {"threads": threads, "memory_limit": f"{LEAST_MEMORY_GB}GB", "temp_directory": str(path.parent / "spill")}
    con = duckdb.connect(config=config)
    con.execute("SET TimeZone = 'UTC'")
    times = ", ".join(f"{expression} AS {column}" for column, expression in TIME_COLUMNS.items())
    con.execute(f"CREATE VIEW events AS SELECT *, {times} FROM read_parquet('{path}')")
    con.register("items", ITEMS.empty_table())
    con.register("stored_item_categories", ITEM_CATEGORIES.empty_table())
    con.execute("CREATE VIEW item_categories AS SELECT *, epoch_us(since) AS since_us FROM stored_item_categories")
    [(first, last)] = con.execute("SELECT min(ts_us), max(day) FROM events").fetchall()
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return Log(con, ZoneInfo("UTC"), start + timedelta(microseconds=first), start + timedelta(days=last + 1))


def bare(log) -> pa.Table:
    """The yardstick: twenty sums over ten windows, grouped by customer."""
    end = int(log.until.timestamp()) * 1_000_000
    sums = ", ".join(
        f"sum({column}) FILTER (WHERE ts_us >= {end - days * DAY_US}) AS {column}_{days}"
        for days in WINDOWS
        for column in ("amount", "quantity")
    )
    return log.con.sql(
        f"SELECT customer_id, {sums} FROM events WHERE ts_us < {end} GROUP BY customer_id"
    ).to_arrow_table()


def measured(path: Path, what: str, threads: int) -> dict:
    """One measurement in this process: wall and CPU seconds, peak memory in GB, customers."""
    from worthwhile.features.build import feature_matrix_at, snapshot_at
    from worthwhile.tasks import Task

    task = Task.of("90d")
    log = open_events(path, threads)
    stages = {
        "bare": lambda: len(bare(log)),
        "features": lambda: len(feature_matrix_at(log, task, log.until)[0]),
        "snapshot": lambda: len(snapshot_at(log, task, log.until)),
        "matured": lambda: len(snapshot_at(log, task, log.until - timedelta(days=100), scale=10.0)),
    }
    wall, cpu = time.perf_counter(), time.process_time()
    customers = stages[what]()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"wall": wall, "cpu": cpu, "peak": peak, "customers": customers}


def in_own_process(path: Path, what: str, threads: int) -> dict:
    command = [sys.executable, __file__, "--stage", what, "--path", str(path), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_table(path: Path, *, threads: int, rounds: int) -> None:
    from worthwhile.features.declared import NAMES

    runs: dict[str, list[dict]] = {"bare": [], "features": [], "snapshot": [], "matured": []}
    for _ in range(rounds):
        for what, kept in runs.items():
            kept.append(in_own_process(path, what, threads))
    best = {
        what: {
            key: min(run[key] for run in kept) if key != "peak" else max(run[key] for run in kept) for key in kept[0]
        }
        for what, kept in runs.items()
    }
    says = {
        "bare": "bare aggregate of 20 windowed sums",
        "features": f"all {len(NAMES)} features as a matrix",
        "snapshot": "snapshot: features, main categories, scale",
        "matured": "matured snapshot: features, main categories, outcome",
    }
    print(f"{best['bare']['customers']:,} customers, {threads} threads, fastest of {rounds}\n")
    print("| what | wall s | ratio | CPU s | ratio | peak GB |")
    print("|---|---:|---:|---:|---:|---:|")
    for what, row in best.items():
        ratios = {key: row[key] / best["bare"][key] for key in ("wall", "cpu")}
        print(
            f"| {says[what]} | {row['wall']:.1f} | {ratios['wall']:.1f} "
            f"| {row['cpu']:.1f} | {ratios['cpu']:.1f} | {row['peak']:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--path", type=Path, help="an event file made before; a new one is made and removed without")
    parser.add_argument("--stage", choices=["bare", "features", "snapshot", "matured"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        print(json.dumps(measured(given.path, given.stage, given.threads)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = given.path or Path(folder) / "events.parquet"
        if not path.exists():
            write_events(path, given.events, given.seed)
        print_table(path, threads=given.threads, rounds=given.rounds)


if __name__ == "__main__":
    main()
