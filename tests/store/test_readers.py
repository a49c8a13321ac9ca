"""Readers beside writers and compaction: each read sees a whole number of batches, and none fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import worthwhile as ww
from oracles.kills import write_batch
from worthwhile.store.compact import compact
from worthwhile.store.log import open_log
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
