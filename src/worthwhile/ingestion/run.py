"""Ingest: from files and databases to the event log."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from worthwhile.errors import InputError
from worthwhile.ingestion.absorb import Absorbed, absorb
from worthwhile.ingestion.address import Address
from worthwhile.ingestion.columns import (
    FIELDS,
    Columns,
    Table,
    check_mapping,
    format_of,
    plain,
    recognise,
    says_who,
)
from worthwhile.ingestion.database import DatabaseRequest, last_of, lay_open_answer, read_request
from worthwhile.ingestion.forgotten import Forgotten, read_forgotten
from worthwhile.ingestion.formats import FORMATS, Format
from worthwhile.ingestion.given import expand
from worthwhile.ingestion.kept import kept, said_of, told_by_values
from worthwhile.ingestion.known_refusals import drop_former_refusals, without_known_refusals
from worthwhile.ingestion.order_or_line import Told, is_same_reading, settle_whose
from worthwhile.ingestion.pseudonyms import Keyring
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.report import FileReport, IngestReport
from worthwhile.ingestion.screening import Mode, Replaced, Screening, check_mode, notes_on_ids, replaced_in, screen
from worthwhile.ingestion.source import Source, column, lay_open, unchanged
from worthwhile.ingestion.stage import Staged, stage
from worthwhile.ingestion.table_set import Member, joined, member_of, put_aside
from worthwhile.ingestion.unread import maybe_money, unread
from worthwhile.ingestion.words import counted
from worthwhile.progress import Progress, silent
from worthwhile.settings import read_date_format
from worthwhile.shop import SETTINGS_FILE, Shop
from worthwhile.store.log import connect
from worthwhile.store.tables import Writing, read_table, writing

SAMPLE_ROWS = 1000  # looked at to recognise columns by their values
MOST_STATUSES = 20  # that the ledger names
WAIT_SECONDS = 60.0  # for another process that writes to the shop


@dataclass(frozen=True)
class _Ready:
    """A file or a database's answer that was read to its end and can be absorbed."""

    reading: Reading
    staged: Staged
    replaced: Replaced
    digest: str
    origin: str  # `batches.source`
    read_until: str | None = None
    was_read_until: str | None = None  # by the last batch of the same database and query

    @property
    def batch_id(self) -> str:
        return self.digest[:16]


def ingest(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    *paths: Path | str,
    mapping: Mapping[str, str] | None = None,
    format: str | None = None,
    date_format: str | None = None,
    decimal: str | None = None,
    query: str | None = None,
    since: str | date | int | None = None,
    overlap: str | None = None,
    wait: float = WAIT_SECONDS,
    pseudonymise: bool | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Read files of orders (CSV, TSV, JSON, Parquet, XLSX, XLS), or a database, into the shop's event log.

    A path may be a pattern such as `events/*.csv`; one of them may be a database's URL (postgresql://, mysql://),
    which is asked `query`. `:since` in the query is bound to `since`: a value, or "last" for where the last batch of
    the same address and query ended, less `overlap` ("10min", "1d"; of numbers "1000").
    `mapping` says which column of the file is which event column (`columns.FIELDS`) where names and values do not;
    an empty name leaves a column out. It is kept in shop.toml, as is `date_format` (strptime), and `decimal`, the
    sign ("," or ".") that parts decimals where amounts such as 1.299 do not tell.
    `pseudonymise` says whether ids of customers are replaced by pseudonyms, and is kept too; by default those that are
    e-mail addresses, phone numbers and the like (docs/privacy.md). Other columns that identify persons are left out.
    `format` names one of `formats.FORMATS`. All files or none: every one is read to its end before the first is
    written. The same file again adds nothing, an overlapping one what is new. Rows that cannot be used go to the
    table `quarantine` with file, row and one of `REASONS`. Where another process writes to the shop, it is waited for
    so many seconds.

    Raises InputError `bad-file`, `bad-columns`, `bad-values`, `ambiguous-dates`, `ambiguous-numbers`, `bad-argument`,
    `bad-query`, `bad-setting` (too little memory, or ids of another kind), `no-key`, `no-database`, `missing-extra`,
    `cannot-write`, `shop-busy`; the shop is then as it was.
    """
    if not paths:
        raise InputError("bad-argument", "no file is named", remedy="name the files to read")
    _check_options(shop, mapping or {}, format=format, date_format=date_format or "", decimal=decimal or "", wait=wait)
    named = _named(paths, query=query, since=since, overlap=overlap)
    progress("opening the shop", 0.0)
    with writing(shop, wait=wait) as change, _scratch(shop) as scratch:
        shop = shop.read_again()  # while this one waited, another may have kept what its user said
        con = connect(shop.settings, spill=str(scratch / "spill"))
        try:
            mode = _mode(shop, pseudonymise)
            check_mode(con, change, mode)
            screens = _Screens(mode, Keyring(shop), read_forgotten(shop))
            reader = _Reader(shop, con, mapping or {}, format, date_format, decimal, screens)
            read = [
                reader.prepare(
                    one, _folder(scratch, index), _part(progress, f"reading {_name(one)}", index, len(named))
                )
                for index, one in enumerate(named)
            ]
            prepared = [
                *(ready for ready in read if not isinstance(ready, Member)),
                *reader.join([ready for ready in read if isinstance(ready, Member)], scratch),
            ]
            read_as = [ready.reading.columns for ready in prepared if isinstance(ready, _Ready)]
            said = said_of(
                shop,
                mapping={**told_by_values(read_as), **(mapping or {})},
                date_format=date_format,
                decimal=decimal,
                mode=mode if pseudonymise is not None else None,
            )
            # First: a later run that did not know the mode would count people twice.
            with kept(shop, said if read_as else {}):
                reports = _write(con, change, prepared, progress, screens)
        except duckdb.OutOfMemoryException as error:
            raise _too_little_memory(shop, [_name(one) for one in named]) from error
        finally:
            con.close()
    progress("done", 1.0)
    return IngestReport(tuple(reports))


def _check_options(
    shop: Shop, mapping: Mapping[str, str], *, format: str | None, date_format: str, decimal: str, wait: float
) -> None:
    """Raises InputError for what is no format, event column, sign or time; also for columns kept in shop.toml."""
    if format is not None and format not in FORMATS:
        raise InputError(
            "bad-argument", f"`{format}` is no format", where="--format", remedy=f"formats are {', '.join(FORMATS)}"
        )
    check_mapping(mapping)
    check_mapping(shop.settings["ingest.columns"], where=f"{shop.folder / SETTINGS_FILE}, ingest.columns")
    try:
        read_date_format(date_format)
    except ValueError as error:
        raise InputError(
            "bad-argument", f"`{date_format}` is no format of dates", where="--date-format", remedy=str(error)
        ) from error
    if decimal not in ("", ",", "."):
        raise InputError(
            "bad-argument", f"`{decimal}` does not part decimals", where="--decimal", remedy="it is `,` or `.`"
        )
    if not wait >= 0:
        raise InputError("bad-argument", f"{wait} is no time to wait", where="--wait", remedy="give seconds, or 0")


def _named(
    paths: Sequence[Path | str], *, query: str | None, since: str | date | int | None, overlap: str | None
) -> list[Path | DatabaseRequest]:
    """Files and at most one database, in the order given."""
    found = expand(paths)
    databases = [one.text for one in found if isinstance(one, Address)]
    if len(databases) > 1:
        raise InputError(
            "bad-argument",
            f"{len(databases)} databases are named, and there is one query",
            remedy="read one after the other",
        )
    options = {"--query": query, "--since": since, "--overlap": overlap}
    idle = [option for option, value in options.items() if value is not None]
    if idle and not databases:
        raise InputError(
            "bad-argument",
            f"{idle[0]} is for a database, and none is named",
            where=idle[0],
            remedy="name one: postgresql://user@host/database",
        )
    return [
        read_request(one, query=query, since=since, overlap=overlap) if isinstance(one, Address) else one
        for one in found
    ]


def _name(one: Path | DatabaseRequest) -> str:
    return one.address.text if isinstance(one, DatabaseRequest) else one.name


def _too_little_memory(shop: Shop, names: list[str]) -> InputError:
    return InputError(
        "bad-setting",
        f"memory_limit_gb = {shop.settings['memory_limit_gb']:g} does not suffice to read {', '.join(names)}",
        where=str(shop.folder / "shop.toml"),
        remedy="raise it with `worth settings SHOP memory_limit_gb=8`, or leave out columns that are not needed",
    )


def _part(progress: Progress, text: str, index: int, count: int) -> Progress:
    """Reading is taken for two thirds of the work."""
    return lambda said, share: progress(said or text, (index + share) / count * 2 / 3)


def _folder(scratch: Path, name: int | str) -> Path:
    folder = scratch / str(name)
    folder.mkdir()
    return folder


def _mode(shop: Shop, pseudonymise: bool | None) -> Mode:
    if pseudonymise is None:
        kept: Mode = shop.settings["privacy.pseudonymise"]
        return kept
    return "always" if pseudonymise else "never"


@dataclass(frozen=True)
class _Screens:
    """What every file is screened with."""

    mode: Mode
    keyring: Keyring
    forgotten: Forgotten


@dataclass(frozen=True)
class _Reader:
    """What is the same for all files of one ingest."""

    shop: Shop
    con: duckdb.DuckDBPyConnection
    mapping: Mapping[str, str]
    format: str | None
    date_format: str | None
    decimal: str | None
    screens: _Screens
    told_of_amounts: Told = field(default_factory=Told)

    def prepare(self, named: Path | DatabaseRequest, scratch: Path, progress: Progress) -> _Ready | FileReport | Member:
        """A file or a database's answer staged, the report that it is in the shop already, or one of a set aside."""
        if isinstance(named, DatabaseRequest):
            progress("", 0.0)
            return self._prepare_answer(named, scratch, progress)
        with unchanged(named):
            progress("", 0.0)
            source = lay_open(self.con, named, scratch, has_orders=self._has_orders)
            digest = _digest(named)
        progress("", 0.4)
        table = _look_at(self.con, source)
        if not self.format and (found := member_of(table)):
            return put_aside(self.con, source, *found, digest, scratch)
        ready = self._staged(source, table, digest, scratch)
        progress("", 1.0)
        return ready

    def _has_orders(self, names: Sequence[str]) -> bool:
        """Whether a table with these columns may say who bought."""
        said = {**self.shop.settings["ingest.columns"], **self.mapping}.get("customer_id")
        is_said = said is not None and plain(said) in map(plain, names)
        return is_said or self.format == "items" or says_who(names, FORMATS.values())

    def join(self, members: Sequence[Member], scratch: Path) -> Iterator[_Ready | FileReport]:
        """The sets that these files make, each as one file."""
        for form in dict.fromkeys(member.form.name for member in members):
            folder = _folder(scratch, form)
            source, digest = joined(self.con, [member for member in members if member.form.name == form], folder)
            yield self._staged(source, _look_at(self.con, source), digest, folder)

    def _staged(self, source: Source, table: Table, digest: str, scratch: Path) -> _Ready | FileReport:
        """A file recognised and staged, or the report that it is in the shop already."""
        form = FORMATS[self.format] if self.format else format_of(table, FORMATS)
        columns = recognise(table, form, given=self.mapping, kept=self.shop.settings["ingest.columns"])
        ledger = self._ledger()
        columns, notes = self._settled(source, form, columns, ledger)
        columns, screening = self._screened(table, columns)
        seen = self._seen(source, digest, columns, ledger)
        if seen is not None:
            return seen
        source = replace(source, notes=(*source.notes, *notes))
        return _Ready(*self._stage(source, form, columns, screening, table, scratch), digest, source.name)

    def _prepare_answer(self, request: DatabaseRequest, scratch: Path, progress: Progress) -> _Ready | FileReport:
        """As of a file. What follows a former batch of the same query has its columns: a few rows tell little."""
        ledger = self._ledger()
        last = last_of(request, ledger) or {}
        until = last.get("read_until")
        zone = self.shop.settings.zone
        answer = lay_open_answer(self.con, request, read_until=until, zone=zone, scratch=scratch, progress=progress)
        if answer.count == 0:
            return _nothing(answer.source.name, last, answer.began)
        table = _look_at(self.con, answer.source)
        same = {} if until is None else json.loads(last["mapping"])
        given = {**({field: same.get(field, "") for field in FIELDS} if same else {}), **self.mapping}
        name = self.format or (last["format"] if same else None)
        form = FORMATS[name] if name else format_of(table, FORMATS)
        columns = recognise(table, form, given=given, kept=self.shop.settings["ingest.columns"])
        columns, notes = self._settled(answer.source, form, columns, ledger)
        columns, screening = self._screened(table, columns)
        if same and columns.to_dict() != same:
            raise _read_otherwise(answer.source, "this query was read with other columns before")
        seen = self._seen(answer.source, answer.digest, columns, ledger)
        if seen is not None:
            return replace(seen, notes=_nothing(answer.source.name, last, answer.began).notes, read_until=until)
        source = replace(answer.source, notes=(*answer.source.notes, *notes))
        staged = self._stage(source, form, columns, screening, table, scratch)
        progress("", 1.0)
        return _Ready(*staged, answer.digest, request.source, answer.read_until, until)

    def _stage(
        self, source: Source, form: Format, columns: Columns, screening: Screening, table: Table, scratch: Path
    ) -> tuple[Reading, Staged, Replaced]:
        settings = self.shop.settings
        date_format = self.date_format or settings["ingest.date_format"]
        decimal = self.decimal or settings["ingest.decimal"]
        odd = any(text.strip(" ") != text.strip() for values in table.values for text in values)
        # A list of customers keeps whatever else it tells of them.
        places = unread(table, columns, screening.left_out) if form.holds != "customers" else ()
        # Whoever says that there are no amounts (--map amount=) is not asked again for them.
        asks = form.holds == "events" and self.mapping.get("amount") != "" and not source.is_continued
        reading = Reading(
            source,
            form,
            columns,
            settings["timezone"],
            date_format=date_format,
            is_format_kept=bool(date_format and not self.date_format),
            decimal=decimal,
            currency=settings["currency"],
            screening=screening,
            unread=tuple(table.names[place] for place in places),
            maybe_money=maybe_money(table, columns, places) if asks else (),
            odd_blanks=odd,
        )
        staged = stage(self.con, reading, scratch / "staged.parquet")
        (scratch / "raw.parquet").unlink(missing_ok=True)
        return reading, staged, replaced_in(self.con, staged.rows)

    def _settled(
        self, source: Source, form: Format, columns: Columns, ledger: Sequence[Mapping[str, Any]]
    ) -> tuple[Columns, tuple[str, ...]]:
        return settle_whose(
            self.con, self.shop, ledger, source=source, form=form, columns=columns, told=self.told_of_amounts
        )

    def _screened(self, table: Table, columns: Columns) -> tuple[Columns, Screening]:
        screens = self.screens
        return screen(self.con, table, columns, mode=screens.mode, keyring=screens.keyring, forgotten=screens.forgotten)

    def _ledger(self) -> list[dict[str, Any]]:
        # Times as numbers: for others pyarrow would load pandas, which takes longer than all else of a small file.
        ledger = read_table(self.shop, "batches")
        place = ledger.schema.get_field_index("ingested_at")
        return ledger.set_column(place, "ingested_at", ledger["ingested_at"].cast(pa.int64())).to_pylist()

    def _seen(
        self, source: Source, digest: str, columns: Columns, ledger: Sequence[Mapping[str, Any]]
    ) -> FileReport | None:
        """The report of a file that the ledger has. Raises `bad-argument` where it was read in another way then."""
        for batch in ledger:
            if batch["digest"] != digest:
                continue
            mapping = columns.to_dict()
            if json.loads(batch["mapping"]) != mapping and not is_same_reading(self.con, self.shop, batch, mapping):
                raise _read_otherwise(source, "this very file is in the shop already, read with other columns")
            return FileReport(
                source.name, batch["batch_id"], batch["format"], 0, 0, 0, 0, {}, 0, columns.to_dict(), columns.how,
                ("this very file is in the shop already",), seen_before=True,
            )  # fmt: skip
        return None


def _read_otherwise(source: Source, what: str) -> InputError:
    return InputError(
        "bad-argument",
        f"{what}; reading it again would count every order twice",
        where=source.where,
        remedy="ingest it with the new mapping into a new shop",
    )


def _nothing(name: str, last: Mapping[str, Any], began: str | None) -> FileReport:
    """The report of a query whose answer holds nothing that the shop does not have."""
    until = last.get("read_until")
    mapping = json.loads(last.get("mapping", "{}"))
    since = until or began
    note = f"nothing new since {since}" if since else "the query's answer has no row" if not last else "nothing new"
    return FileReport(
        name, last.get("batch_id", ""), last.get("format", ""), 0, 0, 0, 0, {}, 0, mapping, {},
        notes=(note,), read_until=until,
    )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look_at(con: duckdb.DuckDBPyConnection, source: Source) -> Table:
    """A sample of the file for recognition: its first rows."""
    picked = ", ".join(column(index) for index in range(len(source.columns)))
    rows = con.execute(f"SELECT {picked} FROM raw LIMIT {SAMPLE_ROWS}").fetchall()
    values = [[v for v in column_values if v is not None and v.strip()] for column_values in zip(*rows, strict=True)]
    return Table(
        source.where,
        source.columns,
        values or [[] for _ in source.columns],
        source.has_header,
        source.by_blanks,
        source.other_sheets,
    )


def _write(
    con: duckdb.DuckDBPyConnection,
    change: Writing,
    prepared: list[_Ready | FileReport],
    progress: Progress,
    screens: _Screens,
) -> list[FileReport]:
    """Absorb what is new, then commit all of it at once."""
    reports: list[FileReport] = []
    rows: list[dict[str, Any]] = []
    needs_key = False
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
        known = 0
        if ready.was_read_until:
            staged, known = without_known_refusals(con, change, ready.staged, name)
            ready = replace(ready, staged=staged)
        else:
            drop_former_refusals(con, change, ready.staged)
        done = absorb(con, change, ready.staged, batch_id=ready.batch_id, file=name)
        done = replace(done, known=done.known + known)
        reports.append(_report(ready, done))
        absorbed[ready.digest] = reports[-1]
        if _is_news(ready, done):
            rows.append(_ledger_row(ready, done, screens.mode))
            needs_key |= ready.replaced.needs_key
    if needs_key:
        screens.keyring.keep()  # first: a pseudonym whose key is lost could never be made again
    if rows:
        change.commit(rows)
    return reports


def _is_news(ready: _Ready, done: Absorbed) -> bool:
    """Whether the ledger has something to keep: a run that finds nothing new leaves the shop, and its version."""
    is_same = ready.was_read_until is not None and ready.was_read_until == ready.read_until
    return not is_same or done.events + done.replaced > 0 or bool(ready.staged.refused)


def _notes(ready: _Ready, done: Absorbed) -> tuple[str, ...]:
    notes = [*ready.staged.notes, *notes_on_ids(ready.reading.columns, ready.reading.screening, ready.replaced)]
    if done.replaced:
        events = counted(done.replaced, "event", "events")
        notes.append(f"{events} of earlier versions of its orders gave way to these")
    if done.superseded:
        notes.append(f"{done.superseded:,} of its events are of earlier versions of orders, and gave way to later ones")
    if done.come_again:
        unread = ready.staged.may_tell_versions
        notes.append(
            f"{done.come_again:,} of its orders were in the shop already with other lines, and both stand, so that they"
            f" may count twice: if `{unread}` says when the whole order was last changed, ingest all into a new shop"
            f" with --map updated_at={unread}"
        )
    if ready.read_until is None:
        return tuple(notes)
    if not done.events and not ready.staged.refused:
        return (*notes, f"nothing new since {ready.was_read_until or ready.read_until}")
    return (*notes, f"read until {ready.read_until}, where `--since last` goes on")


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
        replaced=done.replaced,
        superseded=done.superseded,
        refused=ready.staged.refused,
        refunds_matched=done.matched,
        mapping=reading.columns.to_dict(),
        how=reading.columns.how,
        notes=_notes(ready, done),
        read_until=ready.read_until,
        unread=reading.unread,
        left_out={reading.source.columns[i]: kind for i, kind in reading.screening.left_out.items()},
        pseudonymised=ready.replaced.ids > 0,
    )


def _again(report: FileReport) -> FileReport:
    notes = ("this very file was named before",)
    return FileReport(
        report.file, report.batch_id, report.format, 0, 0, 0, 0, {}, 0, report.mapping, report.how, notes,
        seen_before=True,
    )  # fmt: skip


def _ledger_row(ready: _Ready, done: Absorbed, mode: Mode) -> dict[str, Any]:
    return {
        "batch_id": ready.batch_id,
        "file": ready.reading.source.name,
        "digest": ready.digest,
        "source": ready.origin,
        "read_until": ready.read_until,
        "format": ready.reading.form.name,
        "ingested_at": datetime.now(UTC),  # when it was written; no forecast looks at it
        "rows": ready.staged.count,
        "events": done.events,
        "known": done.known,
        "refused": sum(ready.staged.refused.values()),
        "unknown_statuses": json.dumps(_words(ready.staged.unknown_statuses), ensure_ascii=False),
        "mapping": json.dumps(ready.reading.columns.to_dict(), ensure_ascii=False),
        "pseudonymise": mode,
    }


def _words(statuses: Mapping[str, int]) -> dict[str, int]:
    """The most frequent of them that are words: in a line that is shifted, an id or a number may stand for a status."""
    words = {text: rows for text, rows in statuses.items() if not any(sign.isdigit() or sign == "@" for sign in text)}
    return dict(list(words.items())[:MOST_STATUSES])


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
