"""Many small files become few, and versions that nobody needs any more give their room back.

Every batch adds files. `compact` writes the small ones of each table together, and of what batches told of an item or
a customer the few rows that count (`store/merged.py`). The rows that readers see stay the same. It is a change like
any other: under the writer's lock, and seen whole or not at all.

Files are removed only if no version needs them that is current, that a recorded run read, or that was current within
the last days, since somebody may be reading it still.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from worthwhile.errors import InputError
from worthwhile.schema import STORED, TABLES
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.log import connect
from worthwhile.store.merged import MERGED, reduced
from worthwhile.store.tables import FILE_OPTIONS, LEDGER, Writing, has_log, read_versions, writing

KEEP_DAYS = 7.0
SMALL = 128 * 2**20  # bytes; larger files are left as they are
_PER_DAY = 86_400_000  # milliseconds


@dataclass(frozen=True)
class Files:
    """How many files, and how many bytes they have."""

    count: int
    bytes: int


@dataclass(frozen=True)
class Compaction:
    """What was there before and after: files that the newest version consists of, and all Parquet files on disk.

    The disk may hold more afterwards than before: old files go once the days to keep them are over.
    """

    before: Files
    after: Files
    disk_before: Files
    disk_after: Files

    def to_dict(self) -> dict[str, dict[str, int]]:
        return asdict(self)


def compact(shop: Shop, *, keep_days: float = KEEP_DAYS) -> Compaction:
    """Write the shop's small files together and remove those that nobody needs; what is read stays the same.

    With `keep_days=0` the files of old versions go at once, but for those of recorded runs: a query that began before
    and is not done yet may then fail. Raises InputError `bad-argument`, `empty-shop`, `shop-busy`, `cannot-write`.
    """
    if not 0 <= keep_days < 36_500:
        raise InputError(
            "bad-argument",
            f"{keep_days:g} days cannot be kept",
            where="--keep-days",
            remedy="give a number of days from 0 on",
        )
    with writing(shop) as change:
        if not change.versions:
            raise InputError(
                "empty-shop",
                "nothing has been ingested yet",
                where=str(shop.folder),
                remedy="ingest a file of orders: worth ingest SHOP FILE",
            )
        now, disk = _measured(_current(change)), _measured(_on_disk(shop))
        if _rewrite(change):
            change.commit_same()
        _sweep(shop, keep_days)
        after, disk_after = _measured(_current(change)), _measured(_on_disk(shop))
    return Compaction(now, after, disk, disk_after)


def _current(change: Writing) -> list[Path]:
    return [Path(file) for table in change.versions for file in change.files(table)]


def _on_disk(shop: Shop) -> list[Path]:
    return [file for table in TABLES for file in shop.table_path(table).glob("*.parquet")]


def _measured(files: list[Path]) -> Files:
    return Files(len(files), sum(file.stat().st_size for file in files))


# ---- rewriting ----------------------------------------------------------------------------------------------------


def _rewrite(change: Writing) -> bool:
    """Write the small files of each table together; whether there were any worth it."""
    shop = change.shop
    was_there = shop.scratch.exists()
    con = connect(shop.settings, spill=str(shop.scratch))
    try:
        done = [_rewrite_table(con, change, table) for table in change.versions if table != LEDGER]
    finally:
        con.close()
        if not was_there and shop.scratch.exists() and not any(shop.scratch.iterdir()):
            shop.scratch.rmdir()
    return any(done) or len(change.files(LEDGER)) > 1


def _rewrite_table(con: duckdb.DuckDBPyConnection, change: Writing, table: str) -> bool:
    files = change.files(table)
    small = files if table in MERGED else [file for file in files if Path(file).stat().st_size < SMALL]
    if len(small) <= (2 if table == "events" else 1):  # events: one of order lines, one of refunds
        return False
    rows = f"read_parquet([{sql.texts(small)}])"
    columns = ", ".join(sql.name(name) for name in STORED[table].names)
    if table in MERGED:
        queries = [f"SELECT {columns} FROM ({reduced(table, rows)})"]
    elif table == "events":
        queries = [f"SELECT {columns} FROM {rows} WHERE kind {sign} 'refund'" for sign in ("<>", "=")]
    else:
        queries = [f"SELECT {columns} FROM {rows}"]
    added = [new for query in queries if (new := _written(con, change, table, query)) is not None]
    change.put(table, added, small, data_change=False)
    return True


def _written(con: duckdb.DuckDBPyConnection, change: Writing, table: str, query: str) -> Path | None:
    """A new file of a table with the rows of a query; None where there are none."""
    new = change.new_file(table)
    [(count,)] = con.execute(f"COPY ({query}) TO {sql.text(str(new))} ({FILE_OPTIONS})").fetchall()
    if count:
        return new
    new.unlink()
    return None


# ---- sweeping -----------------------------------------------------------------------------------------------------


def _sweep(shop: Shop, keep_days: float) -> None:
    """Remove the files that no version needs. The writer is alone here, so nobody is about to use a new one."""
    needed: dict[str, set[str]] = {table: set() for table in TABLES}
    seen: set[tuple[str, int]] = set()
    for versions in _needed_versions(shop, keep_days):
        for table, version in versions.items():
            if table in TABLES and (table, version) not in seen:
                seen.add((table, version))
                needed[table] |= _files_of(shop, table, version)
    for table in TABLES:
        path = shop.table_path(table)
        for file in path.glob("*.parquet"):
            if file.name not in needed[table]:
                file.unlink()
        if has_log(path):
            DeltaTable(path).create_checkpoint()  # opening reads it in the place of all commits before it


def _needed_versions(shop: Shop, keep_days: float) -> Iterator[dict[str, int]]:
    """The current versions, those that recorded runs read, and those that were current in the last days."""
    current = read_versions(shop)
    ledger = DeltaTable(shop.table_path(LEDGER))
    yield {**current, LEDGER: ledger.version()}
    for path in sorted(shop.runs.glob("*/manifest.json")):
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        yield manifest.get("asked", {}).get("data_version") or {}
    since = time.time() * 1000 - keep_days * _PER_DAY
    written = sorted((entry["version"], entry["timestamp"]) for entry in ledger.history())
    for (version, _), (_, replaced) in pairwise(written):
        if replaced > since:
            yield _versions_then(shop, version)


def _versions_then(shop: Shop, ledger_version: int) -> dict[str, int]:
    """The versions of all tables at a version of the ledger; none where an earlier `compact` took its files."""
    try:
        return {**read_versions(shop, ledger_version=ledger_version), LEDGER: ledger_version}
    except InputError:
        return {}


def _files_of(shop: Shop, table: str, version: int) -> set[str]:
    """The names of the files of a version; none where the table has no such version (any more)."""
    try:
        uris = DeltaTable(shop.table_path(table), version=version).file_uris()
    except (DeltaError, OSError):
        return set()
    return {uri.rsplit("/", 1)[-1] for uri in uris}
