"""The Delta tables of a shop, and how a change to several of them becomes one.

Delta commits one table at a time. A shop has six, so the ledger `batches` is written last, and each of its rows names
the versions of all tables: readers take every table at the versions that the ledger's last row names. A crash before
that commit leaves rows that nobody reads; the next writer takes the tables back to the versions named.
The version of the ledger is thereby the version of all data.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from worthwhile.errors import InputError
from worthwhile.schema import BATCHES, TABLES
from worthwhile.shop import Shop
from worthwhile.store import sql

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where the second writer is not held off
    fcntl = None  # type: ignore[assignment]

LEDGER = "batches"
REMOVED_AT_ONCE = 5_000  # values in one condition
LOOK_AGAIN_SECONDS = 0.1  # how often one who waits for the other writer looks whether it is done

Rows: TypeAlias = "pa.Table | pa.RecordBatchReader"


def read_versions(shop: Shop, *, ledger_version: int | None = None) -> dict[str, int]:
    """The version of every table as of the last finished write, the ledger's own included; {} before the first.

    With a ledger version, those that belong to it: the data as it was. Raises InputError `damaged`.
    """
    ledger = _open(shop, LEDGER, ledger_version)
    if ledger is None:
        return {}
    rows = read_table(shop, LEDGER, versions={LEDGER: ledger.version()})
    named = [json.loads(text) for text in rows["versions"].to_pylist()]
    return max(named, key=lambda versions: versions[LEDGER])


def table_files(shop: Shop, table: str, versions: dict[str, int]) -> list[str]:
    """The Parquet files of a table at a version; none where it has not been written yet."""
    if table not in versions:
        return []
    opened = _open(shop, table, versions[table])
    if opened is None:
        raise _damaged(shop, table, "the ledger names it and it is not there")
    # The URIs come percent-encoded (a folder named 店 or with a blank); the names of the files never need it.
    folder = shop.table_path(table).absolute()
    return sorted(str(folder / uri.rsplit("/", 1)[-1]) for uri in opened.file_uris())


def read_table(shop: Shop, table: str, *, versions: dict[str, int] | None = None) -> pa.Table:
    """A whole table in memory, in the columns of `schema.py`. For the small ones: items, ledger, quarantine."""
    versions = read_versions(shop) if versions is None else versions
    files = table_files(shop, table, versions)
    if not files:
        return TABLES[table].empty_table()
    try:
        return pa.concat_tables(
            pq.ParquetFile(file).read(columns=TABLES[table].names).cast(TABLES[table]) for file in files
        )
    except (pa.ArrowException, OSError) as error:
        raise _damaged(shop, table, str(error).splitlines()[0]) from error


@dataclass
class Writing:
    """A change of a shop's tables under way: see `writing`. Reads see what was written before in it."""

    shop: Shop
    versions: dict[str, int] = field(default_factory=dict)

    def append(self, table: str, rows: Rows) -> None:
        """Add rows, streamed where `rows` is a reader."""
        self._write(table, rows, "append")

    def replace(self, table: str, rows: Rows) -> None:
        """Put other rows in place of all rows of a small table; older versions keep theirs."""
        self._write(table, rows, "overwrite")

    def remove(self, table: str, column: str, values: Sequence[str]) -> None:
        """Take out the rows whose `column` is one of `values`; older versions keep them."""
        path = self.shop.table_path(table)
        for start in range(0, len(values), REMOVED_AT_ONCE):
            few = values[start : start + REMOVED_AT_ONCE]
            DeltaTable(path).delete(f"{column} IN ({sql.texts(few)})")
        self.versions[table] = DeltaTable(path).version()

    def files(self, table: str) -> list[str]:
        return table_files(self.shop, table, self.versions)

    def commit(self, batches: Sequence[Mapping[str, Any]]) -> None:
        """Finish: the ledger gets its new rows, and with them everything written becomes visible at once.

        Rows are those of `schema.BATCHES` without `versions`, which is filled in here.
        """
        self.versions[LEDGER] = self.versions.get(LEDGER, -1) + 1
        named = json.dumps(self.versions, sort_keys=True)
        rows = pa.Table.from_pylist([{**batch, "versions": named} for batch in batches], schema=BATCHES)
        write_deltalake(self.shop.table_path(LEDGER), rows, mode="append")

    def restate(self) -> None:
        """Finish a change that brought no batch: the ledger's newest rows name the versions as they now are."""
        rows = read_table(self.shop, LEDGER, versions=self.versions).to_pylist()
        newest = self.versions[LEDGER]
        self.versions[LEDGER] = newest + 1
        named = json.dumps(self.versions, sort_keys=True)
        for row in rows:
            if json.loads(row["versions"])[LEDGER] == newest:
                row["versions"] = named
        write_deltalake(self.shop.table_path(LEDGER), pa.Table.from_pylist(rows, schema=BATCHES), mode="overwrite")

    def _write(self, table: str, rows: Rows, mode: Literal["append", "overwrite"]) -> None:
        assert table in TABLES and table != LEDGER
        path = self.shop.table_path(table)
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = TABLES[table]
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        # DuckDB gives its own nullability; the cast holds each batch to the schema while it streams by.
        stream = pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in batches))
        write_deltalake(path, stream, mode=mode)  # type: ignore[call-overload]
        self.versions[table] = DeltaTable(path).version()


@contextmanager
def writing(shop: Shop, *, wait: float = 0.0) -> Iterator[Writing]:
    """Change a shop's tables: append and replace, then `commit` once. Without the commit nothing has changed.

    One writer at a time: raises InputError `shop-busy` where another process is still writing after `wait` seconds.
    """
    with _alone(shop, wait):
        change = Writing(shop, read_versions(shop))
        _take_back(change)
        yield change


def _take_back(change: Writing) -> None:
    """Undo what a writer left that never reached its commit."""
    for table in TABLES:
        path = change.shop.table_path(table)
        if table == LEDGER or not path.exists():
            continue
        if table not in change.versions:
            shutil.rmtree(path)
        elif (current := DeltaTable(path)).version() != change.versions[table]:
            current.restore(change.versions[table])
            # The restored version is a new one with the old content. It is named at the next commit only;
            # until then readers keep to the version that the ledger names, which has the same content.
            change.versions[table] = DeltaTable(path).version()


@contextmanager
def _alone(shop: Shop, wait: float = 0.0) -> Iterator[None]:
    """Hold the shop's folder against other writers. The lock ends with the process, so a crash leaves none."""
    if fcntl is None:  # pragma: no cover
        yield
        return
    handle = os.open(shop.folder, os.O_RDONLY)
    try:
        until = time.monotonic() + wait
        while not _locked(handle):
            if time.monotonic() >= until:
                raise InputError(
                    "shop-busy",
                    "another process is writing to this shop" + f", still after {wait:g} seconds" * (wait > 0),
                    where=str(shop.folder),
                    remedy="wait until it is done and try again",
                )
            time.sleep(LOOK_AGAIN_SECONDS)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _open(shop: Shop, table: str, version: int | None) -> DeltaTable | None:
    path = shop.table_path(table)
    if not (path / "_delta_log").is_dir():
        return None
    try:
        return DeltaTable(path, version=version)
    except (DeltaError, OSError) as error:
        raise _damaged(shop, table, str(error).splitlines()[0]) from error


def _damaged(shop: Shop, table: str, what: str) -> InputError:
    return InputError(
        "damaged",
        f"table `{table}` cannot be read: {what}",
        where=str(shop.table_path(table)),
        remedy="restore the shop's folder from a copy, or make the shop anew from its files",
    )
