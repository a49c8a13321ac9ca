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
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401 - imported here, once, so that forked children need not

from oracles.contents import contents
from worthwhile.ingestion import ingest
from worthwhile.shop import create_shop, open_shop
from worthwhile.store.compact import compact
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table

FILES_A_SHOP = 8
ORDERS = 6
COMPACT_SHARE = 0.25  # of rounds, once there is something to compact
LOOK_CLOSELY = 7  # every so many rounds the whole content is compared


@dataclass
class Found:
    """What the rounds came to. The three first must be zero."""

    lost: int = 0
    halves: int = 0
    duplicates: int = 0
    wrong: int = 0  # rows that differ from those of a shop that was never killed, or an ingest that failed afterwards
    rounds: int = 0
    killed: int = 0  # while writing, that is, before they said that they were done
    acknowledged: int = 0
    unacknowledged_but_whole: int = 0
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


def write_files(folder: Path, rng: random.Random) -> list[Path]:
    """Order files of one shop: several lines an order, items that are named, some refunded in a later file."""
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
        paths.append(folder / f"{number}.csv")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def look(folder: Path) -> dict[str, Any]:
    """Events of each batch, how many have an id twice, and how long it took to open the log."""
    began = time.perf_counter()
    shop = open_shop(folder)
    events: Counter[str] = Counter()
    if read_table(shop, "batches").num_rows:
        with open_log(shop) as log:
            log.con.execute("SELECT count(*) FROM events").fetchall()
            took = time.perf_counter() - began
            events.update(batch for (batch,) in log.con.execute("SELECT batch_id FROM events").fetchall())
            [(twice,)] = log.con.execute("SELECT count(*) - count(DISTINCT event_id) FROM events").fetchall()
    else:
        took, twice = time.perf_counter() - began, 0
    ledger = {row["batch_id"]: row["events"] for row in read_table(shop, "batches").to_pylist()}
    return {"events": dict(events), "ledger": ledger, "twice": twice, "seconds": took}


def one_shop(folder: Path, rng: random.Random, rounds: int, found: Found, watch: Callable[[], None]) -> None:
    """Rounds on one shop from its first file on, and at the end its content against that of a shop left in peace."""
    files = write_files(folder, rng)
    create_shop(folder / "shop", threads=1)
    create_shop(folder / "peace", threads=1)
    shop_folder = folder / "shop"
    _, usual = in_child(lambda: ingest(open_shop(folder / "peace"), files[0]).batch_ids[0])
    acknowledged: dict[str, int] = {}
    place = 0
    for number in range(rounds):
        compacts = bool(acknowledged) and (place >= len(files) or rng.random() < COMPACT_SHARE)
        path = files[min(place, len(files) - 1)]

        def work(compacts: bool = compacts, path: Path = path) -> Any:
            shop = open_shop(shop_folder)
            if compacts:
                return compact(shop, keep_days=0).after.count
            done = ingest(shop, path)
            return [done.batch_ids[0], done.events]

        answer, _ = in_child(work, kill_after=rng.uniform(0, usual * 1.1))
        found.rounds += 1
        found.killed += answer is None
        found.compactions_killed += compacts and answer is None
        if answer is not None and not compacts:
            found.acknowledged += 1
            acknowledged[answer[0]] = 1
            place += 1
        state, _ = in_child(lambda: look(shop_folder))
        if state is None:
            found.wrong += 1
            return
        judge(state, acknowledged, found)
        if number % LOOK_CLOSELY == LOOK_CLOSELY - 1 and not whole(shop_folder, folder / f"peace{number}", files[:place]):
            found.wrong += 1
        watch()
    if not whole(shop_folder, folder / "peace", files):
        found.wrong += 1


def judge(state: dict[str, Any], acknowledged: dict[str, int], found: Found) -> None:
    """Count what is lost, half there or there twice. A batch in the ledger is whole if all its events are there."""
    found.open_seconds.append(state["seconds"])
    found.duplicates += state["twice"]
    found.lost += sum(batch not in state["ledger"] for batch in acknowledged)
    found.halves += sum(state["events"].get(batch, 0) != count for batch, count in state["ledger"].items())
    found.halves += sum(batch not in state["ledger"] for batch in state["events"])
    for batch in state["ledger"]:
        if batch not in acknowledged:
            found.unacknowledged_but_whole += 1
            acknowledged[batch] = 1


def whole(shop_folder: Path, peace_folder: Path, files: list[Path]) -> bool:
    """Whether the shop, given all these files (most are in it), holds what a shop holds that was never killed."""

    def compare() -> bool:
        peace = open_shop(peace_folder) if peace_folder.exists() else create_shop(peace_folder, threads=1)
        shop = open_shop(shop_folder)
        if files:
            ingest(peace, *files)
            ingest(shop, *files)
        return contents(peace) == contents(shop)

    answer, _ = in_child(compare)
    return answer is True


def run(rounds: int, seed: int, *, rounds_a_shop: int = 12, watch: Callable[[], None] = lambda: None) -> Found:
    """All rounds, on a new shop every `rounds_a_shop` of them."""
    rng, found = random.Random(seed), Found()
    while found.rounds < rounds and not found.wrong:
        with tempfile.TemporaryDirectory() as name:
            one_shop(Path(name), rng, min(rounds_a_shop, rounds - found.rounds), found, watch)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(run(given.rounds, given.seed).to_dict()) + "\n")


if __name__ == "__main__":
    main()
