"""A database as a source: the rows of a query become the table of texts that a file becomes.

Reading may go on where the last batch of the same address and query ended: see `since.py` for how far that is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.ingestion.address import Address
from worthwhile.ingestion.query import Query, bad_query, read_query
from worthwhile.ingestion.servers import Field, Row, Server, connected
from worthwhile.ingestion.since import KINDS, LAST, Overlap, SinceColumn, Value, read_overlap, write
from worthwhile.ingestion.source import Source, column, no_torn_lines
from worthwhile.progress import Progress
from worthwhile.store import sql
from worthwhile.store.tables import LEDGER

_MILLION = 1_000_000


@dataclass(frozen=True)
class DatabaseRequest:
    """What is asked of a database, checked as far as that goes without it."""

    address: Address
    query: Query
    since: str | None  # None, `last` or a value
    overlap: Overlap | None

    @property
    def source(self) -> str:
        """What tells this source from others in the ledger: where, and what was asked."""
        return f"{self.address.text} {self.query.digest}"


@dataclass(frozen=True)
class Answer:
    """The result, laid open as `raw` and `torn`."""

    source: Source
    count: int
    digest: str
    read_until: str | None  # the greatest value of the column that `:since` is compared with
    began: str | None  # what `:since` was


def read_request(
    address: Address, *, query: str | None, since: Any = None, overlap: str | None = None
) -> DatabaseRequest:
    """Raises InputError `bad-argument` for what is missing or does not go together, `bad-query`, before connecting."""
    if query is None or not query.strip():
        raise _bad_argument(
            "a database was named without a query", "--query", "say which rows are orders: --query 'SELECT ...'"
        )
    read = read_query(query, address.kind)
    told = since if since is None else since.isoformat() if isinstance(since, date) else str(since).strip()
    if read.has_since and told is None:
        raise _bad_argument(
            "the query has `:since`, and nothing is said of it",
            "--since",
            "add --since last, or the value to begin after",
        )
    if told is not None and not read.has_since:
        raise _bad_argument(
            "there is a value for `:since`, and no `:since` in the query",
            "--since",
            "add to the query a condition such as updated_at >= :since",
        )
    if overlap is not None and told != LAST:
        raise _bad_argument("an overlap is for `--since last` only", "--overlap", "leave it out, or say --since last")
    again = read_overlap(overlap)
    if read.strict and again is not None and not again:
        raise _bad_argument(
            "with no overlap and `>`, rows that come later with the very last value would be lost",
            "--overlap",
            f"write {read.compared} >= :since in the query",
        )
    return DatabaseRequest(address, read, told, again)


def _bad_argument(what: str, where: str, remedy: str) -> InputError:
    return InputError("bad-argument", what, where=where, remedy=remedy)


def last_of(request: DatabaseRequest, ledger: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last batch of the same source in the rows of the ledger; None before the first.

    By the ledger's own versions: a clock that was set back would have it begin again where an earlier one ended.
    """
    same = [batch for batch in ledger if batch["source"] == request.source]
    return max(same, key=lambda batch: json.loads(batch["versions"])[LEDGER], default=None)


def lay_open_answer(
    con: duckdb.DuckDBPyConnection,
    request: DatabaseRequest,
    *,
    read_until: str | None,
    zone: ZoneInfo,
    scratch: Path,
    progress: Progress,
) -> Answer:
    """Read the rows into `raw`, from where `:since` says; `read_until` is how far the last batch came.

    Raises InputError `no-database`, `bad-query`, `bad-argument`, `missing-extra`.
    """
    no_torn_lines(con)
    with connected(request.address) as server:
        fields = server.fields(request.query)
        if not fields:
            raise bad_query("its result has no column", "select the columns of the orders")
        since_column = _since_column(request.query, fields, zone)
        begin = _begin(request, since_column, read_until)
        staged = scratch / "raw.parquet"
        count, digest = _stream(server, request, begin, fields, staged, progress)
        now = server.now
    con.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT * FROM read_parquet([{sql.text(str(staged))}])")
    source = Source(
        staged,
        request.address.kind,
        tuple(field.name for field in fields),
        address=request.address.text,
        is_continued=read_until is not None,
    )
    until = read_until
    if since_column is not None and count:
        greatest = _greatest(con, request.query.index_of_since(source.columns), since_column, since_column.latest(now))
        until = _later(since_column, greatest, read_until if request.since == LAST else None)
    return Answer(source, count, digest, until, None if begin is None else write(begin))


def _since_column(query: Query, fields: Sequence[Field], zone: ZoneInfo) -> SinceColumn | None:
    if not query.has_since:
        return None
    field = fields[query.index_of_since([field.name for field in fields])]
    if field.kind is None:
        raise bad_query(
            f"`{field.name}`, which `:since` is compared with, is no time, day or number in the result",
            "select it as it is, or compare and select CAST(... AS timestamp)",
        )
    return SinceColumn(field.kind, zone)


def _begin(request: DatabaseRequest, since_column: SinceColumn | None, read_until: str | None) -> Value | None:
    """What `:since` is: the value given, or the last one less the overlap; None for everything."""
    if since_column is None or request.since is None:
        return None
    if request.since != LAST:
        return since_column.read(request.since)
    return None if read_until is None else since_column.before(since_column.read(read_until), request.overlap)


def _stream(
    server: Server,
    request: DatabaseRequest,
    begin: Value | None,
    fields: Sequence[Field],
    staged: Path,
    progress: Progress,
) -> tuple[int, str]:
    """Write the rows to a Parquet file of texts; how many there are, and the digest of source and content."""
    texts = [(column(index), pa.string()) for index in range(len(fields))]
    schema = pa.schema([("part", pa.int32()), ("row", pa.int64()), *texts])
    digest = hashlib.sha256(request.source.encode())
    count = 0
    with pq.ParquetWriter(staged, schema) as writer:
        for rows in server.rows(request.query, begin):
            batch = _batch(rows, count, schema)
            digest.update(batch.serialize())
            writer.write_batch(batch)
            count += len(rows)
            progress(f"reading {request.address.text}: {count:,} rows", 0.4 * count / (count + _MILLION))
    return count, digest.hexdigest()


def _batch(rows: Sequence[Row], before: int, schema: pa.Schema) -> pa.RecordBatch:
    part = pa.array([0] * len(rows), pa.int32())
    number = pa.array(range(before + 1, before + len(rows) + 1), pa.int64())
    return pa.record_batch(
        [part, number, *(pa.array(values, pa.string()) for values in zip(*rows, strict=True))], schema=schema
    )


def _greatest(
    con: duckdb.DuckDBPyConnection, index: int, since_column: SinceColumn, latest: date | None
) -> Value | None:
    """The greatest value read, those after `latest` not counted: rows dated 2099 must not end all reading."""
    kind = KINDS[since_column.kind][1]
    value = f"try_cast({column(index)} AS {kind})"
    counted = (
        "true" if latest is None else f"isfinite({value}) AND {value} <= CAST({sql.text(latest.isoformat())} AS {kind})"
    )
    [(greatest,)] = con.execute(f"SELECT CAST(max({value}) FILTER ({counted}) AS VARCHAR) FROM raw").fetchall()
    return None if greatest is None else since_column.read(greatest)


def _later(since_column: SinceColumn, found: Any, before: str | None) -> str | None:
    known = None if before is None else since_column.read(before)
    values = [value for value in (found, known) if value is not None]
    return write(max(values)) if values else None
