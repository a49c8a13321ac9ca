"""Compaction: few files, the same content, old versions kept for who needs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

import worthwhile as ww
from oracles.contents import contents
from oracles.kills import write_batch
from worthwhile.cli.entry import run
from worthwhile.errors import InputError
from worthwhile.shop import Shop
from worthwhile.store.compact import compact
from worthwhile.store.log import open_log
from worthwhile.store.tables import LEDGER_FILES, read_table, read_versions, table_files

HEADER = "customer_id,order_id,date,sku,title,category,quantity,price,country\n"


def ingest(shop: Shop, folder: Path, number: int) -> None:
    """Lines of a few customers, titles that differ, a refund, and a row that is refused."""
    path = folder / f"{number}.csv"
    path.write_text(
        HEADER
        + f"a,o{number},2020-01-{number + 1:02d},x,{'Mug' if number else 'MUG'},{'kl'[number % 2]},2,{number + 1},UK\n"
        + f"b,p{number},2020-01-{number + 1:02d},y,Cup,,1,{number + 2},{'FR' if number == 1 else ''}\n"
        + f"a,C{number},2020-02-{number + 1:02d},x,,,-1,{number + 1},UK\n"
        + f"a,o9,soon {number},x,,,1,1,\n"
    )
    ww.ingest(shop, path)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = ww.create_shop(tmp_path / "shop", threads=1)
    for number in range(3):
        ingest(made, tmp_path, number)
    return made


def on_disk(shop: Shop) -> int:
    return len(list((shop.folder / "tables").glob("*/*.parquet")))


def test_many_files_become_few_and_what_is_read_stays_the_same(shop: Shop, tmp_path: Path) -> None:
    before, quarantine = contents(shop), read_table(shop, "quarantine").num_rows
    done = compact(shop, keep_days=0)
    assert contents(shop) == before
    assert read_table(shop, "quarantine").num_rows == quarantine == 3
    versions = read_versions(shop)
    counts = {table: len(table_files(shop, table, versions)) for table in versions}
    assert counts == {"events": 2, "items": 1, "item_categories": 1, "customers": 1, "quarantine": 1, "batches": 1}
    assert (done.after.count, done.disk_after.count) == (7, 7) == (on_disk(shop), on_disk(shop))
    assert done.before.count > 7 and done.disk_before.bytes > done.disk_after.bytes


def test_ingest_goes_on_after_compaction_as_if_there_had_been_none(shop: Shop, tmp_path: Path) -> None:
    other = ww.create_shop(tmp_path / "other", threads=1)
    for number in range(5):
        ingest(other, tmp_path, number)
    compact(shop, keep_days=0)
    for number in (0, 3, 4):  # the first is known
        ingest(shop, tmp_path, number)
        compact(shop)
    assert contents(shop) == contents(other)
    ledgers = [
        read_table(one, "batches").sort_by("file").drop_columns(["ingested_at", "versions"]) for one in (shop, other)
    ]
    assert ledgers[0] == ledgers[1]


def test_compacting_again_changes_nothing(shop: Shop) -> None:
    compact(shop, keep_days=0)
    versions = read_versions(shop)
    done = compact(shop, keep_days=0)
    assert read_versions(shop) == versions
    assert done.before == done.after == done.disk_after


def test_features_and_forecast_are_the_same(tmp_path: Path) -> None:
    from worthwhile.features.build import snapshot_at
    from worthwhile.tasks import Task

    shop = ww.create_shop(tmp_path / "shop", threads=1)
    for number in range(4):
        ingest(shop, tmp_path, number)

    def features() -> bytes:
        with open_log(shop) as log:
            return snapshot_at(log, Task.of("30d"), log.until, outcome=False).features.tobytes()

    before = features()
    compact(shop, keep_days=0)
    assert features() == before


def test_versions_of_recorded_runs_stay_and_others_go(shop: Shop) -> None:
    old, older = read_versions(shop), read_versions(shop, ledger_version=0)
    folder = shop.runs / "forecast-1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"asked": {"data_version": old}}))
    compact(shop, keep_days=0)
    with open_log(shop, versions=old) as log:
        assert log.con.execute("SELECT count(*) FROM events").fetchall() == [(9,)]
    (folder / "manifest.json").unlink()
    compact(shop, keep_days=0)
    for versions in (old, older):
        with pytest.raises(InputError) as caught:
            open_log(shop, versions=versions)
        assert caught.value.code == "damaged"


def test_replaced_files_stay_for_some_days_for_who_reads_them(shop: Shop) -> None:
    with open_log(shop) as log:
        files = on_disk(shop)
        done = compact(shop)
        assert done.disk_after.count == files + done.after.count
        assert log.con.execute("SELECT count(*) FROM events").fetchall() == [(9,)]
        with open_log(shop, versions=log.version) as again:
            assert again.con.execute("SELECT count(*) FROM events").fetchall() == [(9,)]


def test_what_a_dead_writer_left_is_removed(shop: Shop) -> None:
    left = shop.table_path("events") / "part-left.parquet"
    left.write_bytes(b"half a file")
    compact(shop)
    assert not left.exists()


def test_delta_never_forgets_versions_by_itself(shop: Shop) -> None:
    for table in read_versions(shop):
        kept = DeltaTable(shop.table_path(table)).metadata().configuration
        assert kept["delta.enableExpiredLogCleanup"] == "false"


def test_ledger_of_many_batches_lies_in_few_files_by_itself(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    for number in range(LEDGER_FILES + 3):
        path = tmp_path / f"{number}.batch"
        path.write_text("header\nc,o,2020,x\n")
        write_batch(shop, path)
    assert len(table_files(shop, "batches", read_versions(shop))) < LEDGER_FILES
    assert read_table(shop, "batches").num_rows == read_table(shop, "events").num_rows == LEDGER_FILES + 3
    early = read_versions(shop, ledger_version=1)
    assert read_table(shop, "events", versions=early).num_rows == 2


def test_command_says_what_was_there_and_what_is(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compact", str(shop.folder), "--json", "--keep-days", "0"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["after"]["count"] == 7 < told["before"]["count"]
    assert run(["compact", str(shop.folder)]) == 0
    assert "on disk" in capsys.readouterr().out


def test_nothing_to_compact_and_days_that_cannot_be_are_told(tmp_path: Path) -> None:
    empty = ww.create_shop(tmp_path / "shop")
    for keep, code in ((7.0, "empty-shop"), (-1.0, "bad-argument"), (float("nan"), "bad-argument")):
        with pytest.raises(InputError) as caught:
            compact(empty, keep_days=keep)
        assert caught.value.code == code
