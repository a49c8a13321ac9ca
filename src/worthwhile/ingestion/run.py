"""Ingest: from files to the event log."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.absorb import Absorbed, absorb
from worthwhile.ingestion.columns import Columns, Table, check_mapping, format_of, recognise
from worthwhile.ingestion.formats import FORMATS
from worthwhile.ingestion.report import FileReport, IngestReport
from worthwhile.ingestion.source import Source, column, lay_open
from worthwhile.ingestion.stage import Reading, Staged, stage
from worthwhile.progress import Progress, silent
from worthwhile.shop import Shop, change_settings
from worthwhile.store.log import connect
from worthwhile.store.tables import Writing, read_table, writing

SAMPLE_ROWS = 1000  # looked at to recognise columns by their values


@dataclass(frozen=True)
class _Ready:
    """A file that was read to its end and can be absorbed."""

    reading: Reading
    staged: Staged
    digest: str

    @property
    def batch_id(self) -> str:
        return self.digest[:16]


def ingest(
    shop: Shop,
    *paths: Path | str,
    mapping: Mapping[str, str] | None = None,
    format: str | None = None,
    date_format: str | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Read files of orders (CSV, TSV, Parquet, XLSX) into the shop's event log.

    `mapping` says which column of the file is which event column (`columns.FIELDS`) where names and values do not;
    an empty name leaves a column out. It is kept in shop.toml, as is `date_format` (strptime).
    `format` names one of `formats.FORMATS`. All files or none: every one is read to its end before the first is
    written. The same file again adds nothing, an overlapping one what is new. Rows that cannot be used go to the
    table `quarantine` with file, row and one of `REASONS`.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`, `ambiguous-dates`, `bad-argument`, `shop-busy`; the shop
    is then as it was.
    """
    if not paths:
        raise InputError("bad-argument", "no file is named", remedy="name the files to read")
    if format is not None and format not in FORMATS:
        raise InputError(
            "bad-argument", f"`{format}` is no format", where="--format", remedy=f"formats are {', '.join(FORMATS)}"
        )
    check_mapping(mapping or {})
    files = [Path(path) for path in paths]
    with writing(shop) as change, _scratch(shop) as scratch:
        con = connect(shop.settings, spill=str(scratch / "spill"))
        try:
            reader = _Reader(shop, con, mapping or {}, format, date_format)
            prepared = [
                reader.prepare(
                    path, _folder(scratch, index), _part(progress, f"reading {path.name}", index, len(files))
                )
                for index, path in enumerate(files)
            ]
            reports = _write(con, change, prepared, progress)
        finally:
            con.close()
    _keep(shop, mapping, date_format)
    progress("done", 1.0)
    return IngestReport(tuple(reports))


def _part(progress: Progress, text: str, index: int, count: int) -> Progress:
    """Reading is taken for two thirds of the work."""
    return lambda _, share: progress(text, (index + share) / count * 2 / 3)


def _folder(scratch: Path, index: int) -> Path:
    folder = scratch / str(index)
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class _Reader:
    """What is the same for all files of one ingest."""

    shop: Shop
    con: duckdb.DuckDBPyConnection
    mapping: Mapping[str, str]
    format: str | None
    date_format: str | None

    def prepare(self, path: Path, scratch: Path, progress: Progress) -> _Ready | FileReport:
        """A file staged, or the report that it is in the shop already."""
        progress("", 0.0)
        source = lay_open(self.con, path, scratch)
        digest = _digest(path)
        progress("", 0.4)
        table = _look_at(self.con, source)
        form = FORMATS[self.format] if self.format else format_of(table, FORMATS)
        columns = recognise(table, form, given=self.mapping, kept=self.shop.settings["ingest.columns"])
        seen = self._seen(source, digest, columns)
        if seen is not None:
            return seen
        date_format = self.date_format or self.shop.settings["ingest.date_format"]
        reading = Reading(source, form, columns, self.shop.settings["timezone"], date_format)
        staged = stage(self.con, reading, scratch / "staged.parquet")
        (scratch / "raw.parquet").unlink(missing_ok=True)
        progress("", 1.0)
        return _Ready(reading, staged, digest)

    def _seen(self, source: Source, digest: str, columns: Columns) -> FileReport | None:
        """The report of a file that the ledger has. Raises `bad-argument` where it was read in another way then."""
        # Without its times, for which pyarrow would load pandas: longer than all else that a small file takes.
        ledger = read_table(self.shop, "batches").select(["batch_id", "digest", "format", "mapping"])
        for batch in ledger.to_pylist():
            if batch["digest"] != digest:
                continue
            if json.loads(batch["mapping"]) != columns.to_dict():
                raise InputError(
                    "bad-argument",
                    "this very file is in the shop already, read with other columns; reading it again would count"
                    " every order twice",
                    where=str(source.path),
                    remedy="ingest it with the new mapping into a new shop",
                )
            return FileReport(
                source.name, batch["batch_id"], batch["format"], 0, 0, 0, 0, {}, 0, columns.to_dict(), columns.how,
                ("this very file is in the shop already",), True,
            )  # fmt: skip
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look_at(con: duckdb.DuckDBPyConnection, source: Source) -> Table:
    """A sample of the file for recognition: its first rows."""
    picked = ", ".join(column(index) for index in range(len(source.columns)))
    rows = con.execute(f"SELECT {picked} FROM raw LIMIT {SAMPLE_ROWS}").fetchall()
    values = [[v for v in column_values if v is not None and v.strip()] for column_values in zip(*rows, strict=True)]
    return Table(
        str(source.path), source.columns, values or [[] for _ in source.columns], source.has_header, source.by_blanks
    )


def _write(
    con: duckdb.DuckDBPyConnection,
    change: Writing,
    prepared: list[_Ready | FileReport],
    progress: Progress,
) -> list[FileReport]:
    """Absorb the files that are new, then commit them all at once."""
    reports: list[FileReport] = []
    rows: list[dict[str, Any]] = []
    absorbed: dict[str, FileReport] = {}
    for index, ready in enumerate(prepared):
        if isinstance(ready, FileReport):
            reports.append(ready)
            continue
        if ready.digest in absorbed:  # the same file twice in one call
            reports.append(_again(absorbed[ready.digest]))
            continue
        progress(f"writing {ready.reading.source.name}", 2 / 3 + index / len(prepared) / 3)
        name = ready.reading.source.name
        done = absorb(con, change, ready.staged, batch_id=ready.batch_id, file=name)
        reports.append(_report(ready, done))
        absorbed[ready.digest] = reports[-1]
        rows.append(_ledger_row(ready, done))
    if rows:
        change.commit(rows)
    return reports


def _report(ready: _Ready, done: Absorbed) -> FileReport:
    reading = ready.reading
    return FileReport(
        file=reading.source.name,
        batch_id=ready.batch_id,
        format=reading.form.name,
        rows=ready.staged.count,
        events=done.events,
        known=done.known,
        paired=done.paired,
        refused=ready.staged.refused,
        refunds_matched=done.matched,
        mapping=reading.columns.to_dict(),
        how=reading.columns.how,
        notes=ready.staged.notes,
    )


def _again(report: FileReport) -> FileReport:
    notes = ("this very file was named before",)
    return FileReport(
        report.file, report.batch_id, report.format, 0, 0, 0, 0, {}, 0, report.mapping, report.how, notes, True
    )  # fmt: skip


def _ledger_row(ready: _Ready, done: Absorbed) -> dict[str, Any]:
    return {
        "batch_id": ready.batch_id,
        "file": ready.reading.source.name,
        "digest": ready.digest,
        "source": ready.reading.source.name,
        "read_until": None,
        "format": ready.reading.form.name,
        "ingested_at": datetime.now(UTC),  # when it was written; no forecast looks at it
        "rows": ready.staged.count,
        "events": done.events,
        "known": done.known,
        "refused": sum(ready.staged.refused.values()),
        "mapping": json.dumps(ready.reading.columns.to_dict(), ensure_ascii=False),
    }


def _keep(shop: Shop, mapping: Mapping[str, str] | None, date_format: str | None) -> None:
    """Remember in shop.toml what the user said, for the next file."""
    changes: dict[str, Any] = {}
    if mapping:
        kept = {**shop.settings["ingest.columns"], **mapping}
        changes["ingest.columns"] = {field: name for field, name in kept.items() if name}
    if date_format:
        changes["ingest.date_format"] = date_format
    if any(shop.settings[key] != value for key, value in changes.items()):
        change_settings(shop, changes)


@contextmanager
def _scratch(shop: Shop) -> Iterator[Path]:
    """A folder for this ingest, gone afterwards, and with it what a crashed one left. The writer is alone here."""
    was_there = shop.scratch.exists()
    shop.scratch.mkdir(exist_ok=True)
    for left in shop.scratch.glob("ingest-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=shop.scratch))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not was_there and not any(shop.scratch.iterdir()):
            shop.scratch.rmdir()
