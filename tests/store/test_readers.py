"""Readers beside writers and compaction: each read sees a whole number of batches, and none fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import worthwhile as ww
from oracles.kills import write_batch
from worthwhile.shop import Shop
from worthwhile.store.compact import compact
from worthwhile.store.log import Log, open_log
from worthwhile.store.tables import read_versions

BATCHES, LINES = 10, 7
# A reader in a process of its own: opens the log again and again, and writes down how many events it saw.
READER = """
import sys
from pathlib import Path
from worthwhile.shop import open_shop
from worthwhile.store.log import open_log

shop, stop = open_shop(sys.argv[1]), Path(sys.argv[2])
last = False
while not last:
    last = stop.exists()
    with open_log(shop) as log:
        counts = log.con.execute(
            "SELECT (SELECT count(*) FROM events), (SELECT count(DISTINCT event_id) FROM events),"
            " (SELECT count(DISTINCT batch_id) FROM events), (SELECT count(*) FROM items),"
            " (SELECT count(*) FROM customers)"
        ).fetchall()[0]
    print(*counts, flush=True)
"""


def test_every_read_beside_writers_and_compaction_sees_a_whole_number_of_batches(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    files = [tmp_path / f"{number}.batch" for number in range(BATCHES)]
    for number, file in enumerate(files):
        rows = [f"c{number},o{row},2020,s{number}" for row in range(LINES)]
        file.write_text("\n".join(["customer_id,order_id,date,sku", *rows]))
    write_batch(shop, files[0])
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(shop.folder), str(stop)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    seen = [reader.stdout.readline()]
    collector = threading.Thread(target=lambda: seen.extend(reader.stdout or []))
    collector.start()
    for number, file in enumerate(files[1:], 1):
        write_batch(shop, file)
        if number % 3 == 0:
            compact(shop)
    stop.touch()
    assert reader.wait() == 0
    collector.join()
    reader.stdout.close()
    counts = [tuple(map(int, line.split())) for line in seen]
    assert len(counts) > 2
    for events, distinct, batches, items, customers in counts:
        assert events == distinct == LINES * batches
        assert items == customers == batches  # each batch is of one item and one customer
    assert [count[2] for count in counts] == sorted(count[2] for count in counts)
    assert counts[-1][2] == BATCHES


# Of each customer each batch has as many events, so that a reader who saw an erasure in part would find fewer.
FORGETTER_READER = """
import sys
from pathlib import Path
from worthwhile.shop import open_shop
from worthwhile.store.log import open_log
from worthwhile.store.tables import read_table

shop, stop = open_shop(sys.argv[1]), Path(sys.argv[2])
last = False
while not last:
    last = stop.exists()
    with open_log(shop) as log:
        query = "SELECT count(DISTINCT customer_id), count(*) FROM events"
        seen = [log.con.execute(query).fetchall()[0] for _ in range(3)]
    stored = read_table(shop, "events")["customer_id"].to_pylist()
    seen.append((len(set(stored)), len(stored)))
    print(*(number for pair in seen for number in pair), flush=True)
"""
FILES, PEOPLE = 6, 12


@pytest.fixture
def peopled(tmp_path: Path) -> Shop:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    for number in range(FILES):
        lines = [f"PERSON{who:04},o{number},2024-01-{number + 1:02},5" for who in range(PEOPLE)]
        (tmp_path / f"{number}.csv").write_text("\n".join(["customer_id,order_id,date,amount", *lines]) + "\n")
        ww.ingest(shop, tmp_path / f"{number}.csv")
    return shop


def test_every_read_beside_forgetting_sees_all_of_a_customer_or_nothing(peopled: Shop, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", FORGETTER_READER, str(peopled.folder), str(stop)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    seen = [reader.stdout.readline()]
    collector = threading.Thread(target=lambda: seen.extend(reader.stdout or []))
    collector.start()
    for who in range(PEOPLE - 1):
        ww.forget(peopled, f"PERSON{who:04}")
    stop.touch()
    assert reader.wait() == 0
    collector.join()
    reader.stdout.close()
    counts = [tuple(map(int, line.split())) for line in seen]
    assert len(counts) > 2
    for people, events, *again in counts:
        assert events == people * FILES
        assert again[:4] == [people, events] * 2
        assert again[5] == again[4] * FILES
    assert counts[-1][:2] == (1, FILES)


def test_log_opened_at_any_point_of_forgetting_goes_on_reading_what_it_opened(
    peopled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(log: Log) -> int:
        return int(log.con.execute("SELECT count(*) FROM events").fetchall()[0][0])

    logs = [open_log(peopled)]
    original = Path.replace

    def replace(path: Path, target: Path) -> Path:
        logs.append(open_log(peopled))
        return original(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    ww.forget(peopled, "PERSON0003")
    monkeypatch.undo()
    compact(peopled, keep_days=0)
    counts = [count(log) for log in logs]
    whole, less = PEOPLE * FILES, (PEOPLE - 1) * FILES
    assert counts == sorted(counts, reverse=True) and set(counts) == {whole, less}
    for log in logs:
        log.close()


def test_log_is_read_by_names_where_the_process_may_open_few_files(
    peopled: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (8, 8))
    with open_log(peopled) as log:
        assert not log.held.files["events"][0].startswith("/dev/fd")
        assert log.con.execute("SELECT count(*) FROM events").fetchall() == [(PEOPLE * FILES,)]


def test_open_log_goes_on_reading_what_it_opened(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    for number in range(3):
        file = tmp_path / f"{number}.batch"
        file.write_text("header\nc,o,2020,s\n")
        write_batch(shop, file)
        if number == 0:
            first = open_log(shop)
        compact(shop)
    with first:
        assert first.con.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
    with open_log(shop) as log:
        assert log.con.execute("SELECT count(*) FROM events").fetchall() == [(3,)]
        assert log.version == read_versions(shop)
