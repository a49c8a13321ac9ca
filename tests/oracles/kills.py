"""Writers killed at random moments, and whether the shop is whole afterwards.

    python tests/oracles/kills.py --rounds 50 --seed 1

A process that has imported everything and started nothing forks a child for each round. The child ingests the next
file, or compacts the shop, says so over a pipe when it is done, and is killed (SIGKILL) at a random moment. Another
child then looks at the shop. Prints a JSON document with what was found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas  # noqa: F401 - pyarrow and DuckDB import it when first used: once here, not in every child
import pyarrow as pa
import pyarrow.parquet as pq

from oracles.contents import contents
from worthwhile.ingestion import ingest
from worthwhile.schema import QUARANTINE, STORED
from worthwhile.shop import Shop, create_shop, open_shop
from worthwhile.store.compact import compact
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table, read_versions, table_files, writing

FILES_A_SHOP = 8
WHOLE = 4
ORDERS = 6
LONGER, SHORTER = 1.4, 0.7
COMPACT_SHARE = 0.25  # of rounds, once there is something to compact


@dataclass
class Found:
    """What the rounds came to. The first four must be zero."""

    lost: int = 0
    halves: int = 0
    duplicates: int = 0
    wrong: int = 0  # shops that differ in the end from one that was never disturbed
    rounds: int = 0
    killed: int = 0  # while writing, that is, before they said that they were done
    acknowledged: int = 0
    whole_but_unsaid: int = 0
    compactions_killed: int = 0
    open_seconds: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        seconds = self.open_seconds or [0.0]
        told = {name: value for name, value in vars(self).items() if name != "open_seconds"}
        return {**told, "open_median": statistics.median(seconds), "open_worst": max(seconds)}


def in_child(work: Callable[[], Any], *, kill_after: float | None = None) -> tuple[Any, float]:
    """What `work` gave in a forked process, and its seconds; None where it was killed before it was done."""
    reader, writer = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            os.write(writer, json.dumps({"answer": work()}).encode())
        except BaseException:
            os.write(writer, json.dumps({"failed": traceback.format_exc()}).encode())
        finally:
            os._exit(0)
    os.close(writer)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    told = json.loads(answer) if answer else {"answer": None}
    if "failed" in told:
        raise RuntimeError(told["failed"])
    return told["answer"], time.perf_counter() - began


def write_files(folder: Path, rng: random.Random, whole: int) -> list[Path]:
    """Files of one shop: several lines an order, items that are named, some refunded in a later file."""
    paths = []
    for number in range(FILES_A_SHOP):
        lines = ["customer_id,order_id,date,sku,title,category,quantity,price,country"]
        for order in range(ORDERS):
            who, day = rng.randrange(9), rng.randrange(1, 28)
            for _ in range(rng.randrange(1, 4)):
                item, many = rng.randrange(5), rng.randrange(1, 4)
                lines.append(
                    f"c{who},{number}-{order},2020-{number + 1:02d}-{day:02d} 10:00:00,s{item},"
                    f"Thing {item},{'ab'[item % 2]},{many},{1.5 + item},FR"
                )
        lines.append(f"c{rng.randrange(9)},R{number},2020-{number + 1:02d}-28 10:00:00,s1,Thing 1,b,-1,2.5,FR")
        paths.append(folder / f"{number}.{'csv' if number % whole == 0 else 'batch'}")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def put_in(shop: Shop, path: Path) -> tuple[str, int]:
    """Ingest a file, or write a batch as it is; the batch and how many events are new."""
    if path.suffix == ".csv":
        done = ingest(shop, path)
        return done.files[0].batch_id, done.events
    return write_batch(shop, path)


def write_batch(shop: Shop, path: Path) -> tuple[str, int]:
    """One batch over four tables: events in a file put into the table, the others handed to delta-rs."""
    batch, lines = f"batch-{path.stem}", path.read_text().splitlines()[1:]
    if batch in read_table(shop, "batches")["batch_id"].to_pylist():
        return batch, 0
    events, moment = [], datetime(2021, 1, 1, tzinfo=UTC)
    for row, line in enumerate(lines):
        who, order, _, item, *_ = line.split(",")
        known = {"ts": moment, "local_ts": moment.replace(tzinfo=None), "kind": "order_line", "is_goods": True}
        events.append({**known, "event_id": f"{batch}/{row}", "customer_id": who, "order_id": order, "item_id": item})
    own = {"batch_id": batch}
    with writing(shop) as change:
        file = change.new_file("events")
        pq.write_table(pa.Table.from_pylist([{**event, **own} for event in events], schema=STORED["events"]), file)
        change.put("events", [file])
        refused = {"file": path.name, "row": 1, "reason": "no-date", **own}
        change.append("quarantine", pa.Table.from_pylist([refused], schema=QUARANTINE))
        for table, key in (("items", "item_id"), ("customers", "customer_id")):
            told = [{key: value, "is_goods": True, "lines": 1, **own} for value in sorted({e[key] for e in events})]
            change.append(table, pa.Table.from_pylist(told, schema=STORED[table]))
        text = {"file": path.name, "digest": batch, "source": path.name, "format": "batch", "mapping": "{}"}
        change.commit(
            [
                {
                    **own,
                    **text,
                    "ingested_at": moment,
                    "events": len(events),
                    "rows": len(events) + 1,
                    "known": 0,
                    "refused": 1,
                }
            ]
        )
    return batch, len(events)


def look(folder: Path, times: bool) -> dict[str, Any]:
    """Events of each batch, how many have an id twice, and how long it took to open the log, where that is asked."""
    shop = open_shop(folder)
    began = time.perf_counter()
    if times and read_versions(shop):
        with open_log(shop) as log:
            log.con.execute("SELECT count(*) FROM events").fetchall()
    took = time.perf_counter() - began if times else None
    events = read_table(shop, "events")
    ledger = {row["batch_id"]: row["events"] for row in read_table(shop, "batches").to_pylist()}
    twice = events.num_rows - len(set(events["event_id"].to_pylist()))
    versions = read_versions(shop)
    told = [file for table in ("quarantine", "items", "customers") for file in table_files(shop, table, versions)]
    other = {batch for file in told for batch in pq.read_table(file, columns=["batch_id"])["batch_id"].to_pylist()}
    return {
        "events": dict(Counter(events["batch_id"].to_pylist())),
        "ledger": ledger,
        "twice": twice,
        "strangers": len(other - set(ledger)),
        "seconds": took,
    }


def one_shop(folder: Path, rng: random.Random, rounds: int, found: Found, *, whole: int, times: bool) -> None:
    """Rounds on one shop from its first file on, and at the end its content against that of a shop left in peace."""
    files = write_files(folder, rng, whole)
    for name in ("shop", "peace"):
        create_shop(folder / name, threads=1)
    usual: dict[str, float] = {}
    for path in files[:2]:
        _, usual[path.suffix] = in_child(lambda path=path: put_in(open_shop(folder / "peace"), path))  # type: ignore[misc]
    usual["compact"] = usual[".csv"]
    acknowledged: set[str] = set()
    place = 0
    for _ in range(rounds):
        compacts = bool(acknowledged) and (place >= len(files) or rng.random() < COMPACT_SHARE)
        path = files[min(place, len(files) - 1)]

        def work(compacts: bool = compacts, path: Path = path) -> Any:
            shop = open_shop(folder / "shop")
            return compact(shop, keep_days=0).after.count if compacts else put_in(shop, path)

        kind = "compact" if compacts else path.suffix
        answer, _ = in_child(work, kill_after=rng.uniform(0, usual[kind]))
        usual[kind] *= LONGER if answer is None else SHORTER  # so that about half of all are killed, busy as we may be
        found.rounds += 1
        found.killed += answer is None
        found.compactions_killed += compacts and answer is None
        if answer is not None and not compacts:
            found.acknowledged += 1
            acknowledged.add(answer[0])
            place += 1
        state, _ = in_child(lambda: look(folder / "shop", times))
        judge(state, acknowledged, found)
    answer, _ = in_child(lambda: same(folder, files))
    found.wrong += answer is not True


def same(folder: Path, files: list[Path]) -> bool:
    """Whether the shop, once it has all files, holds what a shop holds that was never disturbed."""
    shop, peace = open_shop(folder / "shop"), open_shop(folder / "peace")
    for path in files:
        put_in(shop, path)
        put_in(peace, path)
    return contents(peace) == contents(shop)


def judge(state: dict[str, Any], acknowledged: set[str], found: Found) -> None:
    """Count what is lost, half there or there twice. A batch in the ledger is whole if all its events are there."""
    if state["seconds"] is not None:
        found.open_seconds.append(state["seconds"])
    found.duplicates += state["twice"]
    found.lost += len(acknowledged - set(state["ledger"]))
    found.halves += sum(state["events"].get(batch, 0) != count for batch, count in state["ledger"].items())
    found.halves += sum(batch not in state["ledger"] for batch in state["events"]) + state["strangers"]
    # Killed between its commit and its word: whole, and from now on to be kept.
    found.whole_but_unsaid += len(set(state["ledger"]) - acknowledged)
    acknowledged |= set(state["ledger"])


def run(rounds: int, seed: int, *, whole: int = WHOLE, rounds_a_shop: int = 25, times: bool = False) -> Found:
    """All rounds, on a new shop every `rounds_a_shop` of them."""
    rng, found = random.Random(seed), Found()
    while found.rounds < rounds and not found.wrong:
        with tempfile.TemporaryDirectory() as name:
            one_shop(Path(name), rng, min(rounds_a_shop, rounds - found.rounds), found, whole=whole, times=times)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", type=int, default=WHOLE)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(run(given.rounds, given.seed, whole=given.whole).to_dict()) + "\n")


if __name__ == "__main__":
    main()
