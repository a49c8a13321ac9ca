"""The Delta tables of a shop, and how a change to several of them becomes one.

Delta commits one table at a time. A shop has six, so the ledger `batches` is written last, and each of its rows names
the versions of all tables: readers take every table at the versions that the ledger's last row names. A crash before
that commit leaves rows that nobody reads; the next writer takes the tables back to the versions named.
The version of the ledger is thereby the version of all data.

Large tables are written by DuckDB, straight into the table's folder, and then put into its log as Delta asks
(`Writing.new_file`, `Writing.put`): several times as fast as handing each row to delta-rs, and a query need not be
held in memory. Events that are refunds lie in files of their own, since few and often looked for.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from worthwhile.errors import InputError
from worthwhile.schema import BATCHES, STORED, TABLES
from worthwhile.shop import Shop
from worthwhile.store.faults import told
from worthwhile.store.held import Held
from worthwhile.store.merged import MERGED, merged

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where the second writer is not held off
    fcntl = None  # type: ignore[assignment]

LEDGER = "batches"
LOOK_AGAIN_SECONDS = 0.1  # how often one who waits for the other writer looks whether it is done
# Delta would forget versions after thirty days; recorded runs read theirs for as long as `compact` leaves them.
CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}
FILE_OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"  # as fast as snappy, and a third smaller
OPENINGS = 20  # how often a reader opens anew while others write
LEDGER_FILES = 20  # from which on the ledger is written anew in one: every command reads all of it
STATISTICS = ("kind", "ts")  # columns whose least and greatest value stand in the log, so that files can be passed over

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
    return max(named, key=lambda versions: versions[LEDGER], default={})


def table_files(shop: Shop, table: str, versions: dict[str, int]) -> list[str]:
    """The Parquet files of a table at a version; none where it has not been written yet."""
    if table not in versions:
        return []
    opened = _open(shop, table, versions[table])
    if opened is None:
        raise damaged(shop, table, "the ledger names it and it is not there")
    return sorted(map(str, _paths(shop, table, opened)))


def _paths(shop: Shop, table: str, opened: DeltaTable) -> list[Path]:
    """The URIs come percent-encoded (a folder named 店 or with a blank); the names of the files never need it."""
    folder = shop.table_path(table).absolute()
    return [folder / uri.rsplit("/", 1)[-1] for uri in opened.file_uris()]


def held_files(
    shop: Shop, tables: Sequence[str], versions: Mapping[str, int] | None = None
) -> tuple[Held, dict[str, int]]:
    """The files of tables, held open, and the versions that they are of: by default the newest.

    All are of one state: where the ledger went on while they were opened, they are opened anew, so that no reader sees
    an erasure in some files and not in others. Raises InputError `damaged`.
    """
    for left in reversed(range(OPENINGS)):
        before = _ledger_version(shop)
        wanted = dict(versions) if versions is not None else read_versions(shop)
        try:
            held = Held({table: table_files(shop, table, wanted) for table in tables})
        except FileNotFoundError as error:
            if left:
                continue
            path = Path(error.filename)
            raise damaged(shop, path.parent.name, f"{path.name} is not there") from error
        if versions is not None or not left or _ledger_version(shop) == before:
            break
        held.close()
    return held, wanted


def _ledger_version(shop: Shop) -> int | None:
    ledger = _open(shop, LEDGER, None)
    return None if ledger is None else ledger.version()


def read_table(shop: Shop, table: str, *, versions: dict[str, int] | None = None) -> pa.Table:
    """A whole table in memory, in the columns of `schema.TABLES`. For the small ones: items, ledger, quarantine."""
    held, _ = held_files(shop, [table], versions)
    files = held.files[table]
    if not files:
        return pa.Table.from_batches([], schema=TABLES[table])
    try:
        rows = pa.concat_tables(
            _cast(pq.ParquetFile(file).read(columns=STORED[table].names), STORED[table]) for file in files
        )
    except (pa.ArrowException, OSError) as error:
        raise damaged(shop, table, str(error).splitlines()[0]) from error
    finally:
        held.close()
    return _one_row_a_key(table, rows) if table in MERGED else rows.select(TABLES[table].names)


def _cast(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in a schema that may differ in what is nullable: casting would load all of pyarrow's functions."""
    if rows.schema.types == schema.types:
        return pa.table(rows.columns, schema=schema)
    return rows.cast(schema)


def _one_row_a_key(table: str, rows: pa.Table) -> pa.Table:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("told", rows)
        return con.sql(merged(table, "told")).to_arrow_table().cast(TABLES[table])


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

    def files(self, table: str) -> list[str]:
        return table_files(self.shop, table, self.versions)

    def new_file(self, table: str) -> Path:
        """The path of a Parquet file of a table, to be written by the caller and then given to `put`."""
        path = self.shop.table_path(table)
        path.mkdir(parents=True, exist_ok=True)
        return path / f"part-{uuid.uuid4().hex}.parquet"

    def put(self, table: str, added: Sequence[Path], removed: Sequence[str] = (), *, data_change: bool = True) -> None:
        """Take files from `new_file` into a table, and others out of it, as one version.

        Without `data_change` the rows are the same as before in other files, as `compact` leaves them.
        """
        assert added or removed
        path, schema = self.shop.table_path(table), Schema.from_arrow(STORED[table])
        adds = [_add_action(file, data_change) for file in added]
        now = int(time.time() * 1000)
        removes = [RemoveAction(Path(file).name, data_change, now, Path(file).stat().st_size) for file in removed]
        if has_log(path):
            DeltaTable(path).create_write_transaction([*adds, *removes], "append", schema)
        else:
            create_table_with_add_actions(str(path), schema, adds, configuration=CONFIGURATION)
        if table != LEDGER:
            self.versions[table] = DeltaTable(path).version()

    def commit(self, batches: Sequence[Mapping[str, Any]]) -> None:
        """Finish: the ledger gets its new rows, and with them everything written becomes visible at once.

        Rows are those of `schema.BATCHES` without `versions`, which is filled in here.
        """
        new = self._ledger(batches)
        if len(self._files_now(LEDGER)) < LEDGER_FILES:
            self._write(LEDGER, new, "append")
        else:
            self._write(LEDGER, pa.concat_tables([read_table(self.shop, LEDGER), new]), "overwrite")

    def commit_same(self) -> None:
        """Finish a change without a new batch, such as `compact` or an erasure: the ledger's last rows name the new
        versions."""
        rows = read_table(self.shop, LEDGER).to_pylist()
        last = max(json.loads(row["versions"])[LEDGER] for row in rows)
        old = [row for row in rows if json.loads(row["versions"])[LEDGER] != last]
        new = self._ledger([row for row in rows if json.loads(row["versions"])[LEDGER] == last])
        self._write(LEDGER, pa.concat_tables([pa.Table.from_pylist(old, schema=BATCHES), new]), "overwrite")

    def _ledger(self, batches: Sequence[Mapping[str, Any]]) -> pa.Table:
        ledger = _open(self.shop, LEDGER, None)
        self.versions[LEDGER] = 0 if ledger is None else ledger.version() + 1
        named = json.dumps(self.versions, sort_keys=True)
        return _few([{**batch, "versions": named} for batch in batches], BATCHES)

    def _write(self, table: str, rows: Rows, mode: Literal["append", "overwrite"]) -> None:
        schema = STORED[table]
        batches = rows.to_batches() if isinstance(rows, pa.Table) else rows
        new, count = self.new_file(table), 0
        # By pyarrow, not by delta-rs, whose threads print their own words where a disk is full.
        with pq.ParquetWriter(new, schema, compression="zstd", compression_level=1) as writer:
            for batch in batches:
                # DuckDB gives its own nullability; the cast holds each batch to the schema.
                writer.write_batch(_in_schema(batch, schema))
                count += len(batch)
        removed = self._files_now(table) if mode == "overwrite" else []
        if not count:
            new.unlink()
        if count or removed:
            self.put(table, [new] if count else [], removed)

    def _files_now(self, table: str) -> list[str]:
        """The files of a table's newest version: of the ledger, that is more than this change has named so far."""
        opened = _open(self.shop, table, None)
        return [] if opened is None else [str(path) for path in _paths(self.shop, table, opened)]


_SQL = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ"}


def _few(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A few rows as a table, by DuckDB: to turn Python's values into its own, pyarrow loads pandas, which takes longer
    than all the rest of a small batch."""
    if not rows:
        return pa.Table.from_batches([], schema=schema)
    places = "(" + ", ".join(f"CAST(? AS {_SQL[kind]})" for kind in schema.types) + ")"
    values = [str(v) if isinstance(v := row.get(name), datetime) else v for row in rows for name in schema.names]
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        made = con.sql(f"VALUES {', '.join([places] * len(rows))}", params=values).to_arrow_table()
    return pa.table(made.columns, schema=schema)


def _in_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the columns of a schema, those that it lacks filled with nulls."""
    if batch.schema.types == schema.types:
        return pa.record_batch(batch.columns, schema=schema)
    if batch.num_columns == len(schema):
        return batch.cast(schema)
    given = set(batch.schema.names)
    columns = [
        batch[name].cast(kind) if name in given else pa.nulls(len(batch), kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.record_batch(columns, schema=schema)


def _add_action(file: Path, data_change: bool) -> AddAction:
    found = file.stat()
    stats = json.dumps(_statistics(file))
    return AddAction(file.name, found.st_size, {}, int(found.st_mtime * 1000), data_change, stats)


def _statistics(file: Path) -> dict[str, Any]:
    """Rows of a Parquet file, and the least and greatest value of some columns, as Delta's log holds them."""
    footer = pq.read_metadata(file)
    least: dict[str, str] = {}
    greatest: dict[str, str] = {}
    for column in range(footer.num_columns):
        name = footer.schema.column(column).path
        if name not in STATISTICS:
            continue
        of_groups = [footer.row_group(group).column(column).statistics for group in range(footer.num_row_groups)]
        if of_groups and all(found is not None and found.has_min_max for found in of_groups):
            least[name] = _as_json(min(found.min_raw for found in of_groups))
            greatest[name] = _as_json(max(found.max_raw for found in of_groups))
    return {"numRecords": footer.num_rows, "minValues": least, "maxValues": greatest, "nullCount": {}}


def _as_json(value: Any) -> str:
    """A value as it lies in the file: text, or microseconds. As datetimes pyarrow gives them only by way of pandas."""
    if not isinstance(value, int):
        return value.decode() if isinstance(value, bytes) else str(value)
    moment = datetime(1970, 1, 1) + timedelta(microseconds=value)
    return f"{moment.isoformat(timespec='microseconds')}Z"


@contextmanager
def writing(shop: Shop, *, wait: float = 0.0) -> Iterator[Writing]:
    """Change a shop's tables: append and replace, then `commit` once. Without the commit nothing has changed.

    One writer at a time: raises InputError `shop-busy` where another process is still writing after `wait` seconds,
    `cannot-write` where the disk is full or writing is not permitted.
    """
    with _alone(shop, wait), told(shop.folder):
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


def has_log(path: Path) -> bool:
    """Whether a table has any version: a writer that dies in its first commit leaves a folder without one."""
    return any((path / "_delta_log").glob("*.json"))


def _open(shop: Shop, table: str, version: int | None) -> DeltaTable | None:
    path = shop.table_path(table)
    if not has_log(path):
        return None
    try:
        return DeltaTable(path, version=version)
    except (DeltaError, OSError) as error:
        raise damaged(shop, table, str(error).splitlines()[0]) from error


def damaged(shop: Shop, table: str, what: str) -> InputError:
    """The error that a table cannot be read."""
    return InputError(
        "damaged",
        f"table `{table}` cannot be read: {what}",
        where=str(shop.table_path(table)),
        remedy="restore the shop's folder from a copy, or make the shop anew from its files",
    )
