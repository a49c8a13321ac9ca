"""Event sequences at scale: the time to make them, and the memory in which the event model learns from them.

    python bench/sequences.py --events 10000000 --rounds 3
    python bench/sequences.py --customers 50000 200000 400000

The first compares making sequences with bare sorts of the same Parquet by customer and time, each in a process of its
own, in turns, so that a busy machine troubles all alike. The second fits the event model on two past windows of
generated shops and forecasts all customers. Memory of a process's own (anonymous) is sampled; pages of memory maps
are counted in the peak of all, though the system takes them back when it needs them. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow as pa

from features import open_events, write_events
from shops import CATEGORIES

COLUMNS = (
    "customer_id, ts_us, day, local_us, kind, is_goods, amount, quantity, rating, item_id, category, channel, text"
)
STAGES = {
    "bare": "bare sort by customer and time of the columns that sequences hold",
    "bare-all": "bare sort by customer and time of all columns",
    "build": "sequences",
}
LINES_PER_CUSTOMER = 10
SAMPLES_S = 0.02
GB = 2**20  # of /proc and of getrusage: kB


def open_log(path: Path, threads: int):
    """The log over the file; every item has had two categories."""
    log = open_events(path, threads)
    items = [row[0] for row in log.con.execute("SELECT DISTINCT item_id FROM events ORDER BY item_id").fetchall()]
    middle = log.first + (log.until - log.first) / 2
    told = {
        "item_id": items * 2,
        "category": pa.array([CATEGORIES[place % len(CATEGORIES)] for place in range(2 * len(items))]),
        "since": pa.array([None] * len(items) + [middle] * len(items), pa.timestamp("us", tz="UTC")),
    }
    log.con.register("stored_item_categories", pa.table(told))
    return log


def sort(log, columns: str) -> int:
    """The yardstick: sorted rows, handed over in batches and let go."""
    batches = log.con.sql(f"SELECT {columns} FROM events ORDER BY customer_id, ts").to_arrow_reader(250_000)
    return sum(len(batch) for batch in batches)


def stage(path: Path, what: str, threads: int) -> dict:
    """One measurement in this process: wall and CPU seconds, peak memory in GB."""
    from worthwhile.features.sequences import build_sequences

    log = open_log(path, threads)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        stages = {
            "bare": lambda: sort(log, COLUMNS),
            "bare-all": lambda: sort(log, "*"),
            "build": lambda: build_sequences(log, Path(folder) / "sequences").events,
        }
        wall, cpu = time.perf_counter(), time.process_time()
        events = stages[what]()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "cpu": cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GB, "events": events}


class OwnMemory(threading.Thread):
    """Samples this process's anonymous memory; `peak` in GB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak, self._done = 0.0, threading.Event()

    def run(self) -> None:
        while not self._done.wait(SAMPLES_S):
            self.peak = max(self.peak, own_memory())

    def stop(self) -> float:
        self._done.set()
        self.join()
        return self.peak


def own_memory() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / GB


def learn(path: Path, threads: int) -> dict:
    """Fit and forecast in this process: seconds, and the memory that each takes beyond the snapshots."""
    from worthwhile.features.sequences import build_sequences
    from worthwhile.models.sequence.model import EventModel
    from worthwhile.progress import silent
    from worthwhile.runs.prepare import Snapshots
    from worthwhile.tasks import Task

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with open_log(path, threads) as log:
            sequences = build_sequences(log, Path(folder) / "sequences")
            matured, current = Snapshots(log, Task.of("90d"), sequences=sequences).before(log.until, silent)
        matured = list(matured)[-2:]
        told = {"customers": len(current), "events": sequences.events, "before": own_memory()}
        model = EventModel(members=1, warm_epochs=0, epochs=1, width=16, batch=1024)
        for what, work in (("fit", lambda: model.fit(matured, current)), ("forecast", lambda: model.forecast(current))):
            memory = OwnMemory()
            memory.start()
            began, answer = time.perf_counter(), work()
            told[f"{what}_s"] = time.perf_counter() - began
            told[f"{what}_gb"] = memory.stop() - told["before"]
        told["answer_gb"] = sum(part.prob.nbytes for part in (answer.amount, answer.orders)) / 2**30
    return told | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GB}


def in_own_process(path: Path, what: str, threads: int) -> dict:
    command = [sys.executable, __file__, "--stage", what, "--path", str(path), "--threads", str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def print_times(path: Path, *, threads: int, rounds: int) -> None:
    runs: dict[str, list[dict]] = {what: [] for what in STAGES}
    for _ in range(rounds):
        for what, kept in runs.items():
            kept.append(in_own_process(path, what, threads))
    print(f"{runs['build'][0]['events']:,} events, {threads} threads, fastest of {rounds} (peak: the largest)\n")
    print("| what | wall s | CPU s | peak GB |\n|---|---:|---:|---:|")
    for what, kept in runs.items():
        wall, cpu = (min(run[key] for run in kept) for key in ("wall", "cpu"))
        print(f"| {STAGES[what]} | {wall:.1f} | {cpu:.1f} | {max(run['peak'] for run in kept):.2f} |", flush=True)


def print_memory(customers: list[int], folder: Path, *, threads: int, seed: int) -> None:
    print("| customers | events | fit s | fit GB | forecast s | forecast GB | its answer GB | peak of all GB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for count in customers:
        path = folder / f"{count}.parquet"
        write_events(path, count * LINES_PER_CUSTOMER, seed)
        told = in_own_process(path, "learn", threads)
        path.unlink()
        numbers = ("fit_s", "fit_gb", "forecast_s", "forecast_gb", "answer_gb", "peak")
        row = " | ".join(f"{told[key]:.{0 if key.endswith('_s') else 2}f}" for key in numbers)
        print(f"| {told['customers']:,} | {told['events']:,} | {row} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, nargs="*", help="measure memory at these sizes instead of time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--path", type=Path, help="an event file made before; a new one is made and removed without")
    parser.add_argument("--stage", choices=[*STAGES, "learn"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        learning = given.stage == "learn"
        told = learn(given.path, given.threads) if learning else stage(given.path, given.stage, given.threads)
        print(json.dumps(told))
        return
    with tempfile.TemporaryDirectory() as name:
        if given.customers:
            print_memory(given.customers, Path(name), threads=given.threads, seed=given.seed)
            return
        path = given.path or Path(name) / "events.parquet"
        if not path.exists():
            write_events(path, given.events, given.seed)
        print_times(path, threads=given.threads, rounds=given.rounds)


if __name__ == "__main__":
    main()
