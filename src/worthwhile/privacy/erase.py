"""Forget a customer, or what is older than the shop keeps: everywhere in the shop's folder, and for good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from worthwhile import __version__
from worthwhile.content.cache import erase_vectors
from worthwhile.errors import InputError
from worthwhile.ingestion.forgotten import (
    EVERYONE,
    EVERYONES_BROWSING,
    read_forgotten,
    subject_of,
    write_forgotten,
)
from worthwhile.ingestion.pseudonyms import Keyring, write_private
from worthwhile.privacy.artifacts import erase_from_runs, reports_naming, rows_in_runs, run_customers
from worthwhile.privacy.certificate import (
    Certificate,
    TableErased,
    certificate_of,
    next_name,
    write_certificate,
)
from worthwhile.privacy.history import Rule, concerned, erase_history, erase_newest, named_files, rows_of, table_digest
from worthwhile.privacy.request import Request, Rules, ids_of, request_of, rules_of
from worthwhile.privacy.traces import traces
from worthwhile.progress import Progress, silent
from worthwhile.runs.event_training import CHECKPOINTS
from worthwhile.schema import local_midnight
from worthwhile.shop import Shop
from worthwhile.store.faults import told
from worthwhile.store.log import connect
from worthwhile.store.scratch import sequences_folders
from worthwhile.store.tables import Writing, read_versions, table_files, writing
from worthwhile.tasks import Horizon

UNFINISHED = "unfinished.json"
# What is said where the disk refuses: the list of whom old files must not bring back is written first.
HALF_DONE = "the erasure could not be finished, and goes on when it is asked for again"


def forget(
    shop: Shop, customer: str, *, dry_run: bool = False, at: datetime | None = None, progress: Progress = silent
) -> Certificate:
    """Forget a customer: `customer` is the id in the log, or the e-mail address or phone number that it was made from.

    Rows of tables, of all their older versions, of quarantine and of runs go, and reports that show the customer.
    Files read later bring back nothing dated before `at` (default: now). The certificate is written into the folder
    `privacy`, too. `dry_run` only counts. An erasure that was interrupted is finished first.
    Raises InputError `no-such-customer`, `empty-shop`, `bad-argument`, `no-key`, `shop-busy`, `damaged`.
    """
    if not customer.strip():
        raise InputError("bad-argument", "no customer is named", remedy="give an id, e-mail address or phone number")
    keyring = Keyring(shop)
    with _connection(shop) as con:
        request = request_of(con, shop, ids_of(con, keyring.key(), customer), at or datetime.now(UTC))
        if dry_run:
            return _rehearsed(con, shop, request, keyring)
        with writing(shop) as change, told(shop.folder, HALF_DONE):
            finished = _finish(con, change, keyring, progress)
            if finished is not None and set(finished[0].ids) & set(request.ids):
                return finished[1]
            return _erase(con, change, request, keyring, progress)


def forget_before(
    shop: Shop,
    keep: str | date | None = None,
    *,
    browsing: str | date | None = None,
    dry_run: bool = False,
    at: datetime | None = None,
    progress: Progress = silent,
) -> Certificate:
    """Drop events older than a span (`2y`, `180d`) or from before a day, and whoever has none left.

    `browsing` is the same of views, searches, carts and campaign contacts, where that is shorter. By default both are
    the settings `privacy.keep` and `privacy.keep_browsing`. Spans count whole days back from `at` (default: now).
    Where nothing is that old there is no certificate: the one returned has no name.
    Raises InputError as `forget` does; `bad-argument` where nothing would be left.
    """
    at = at or datetime.now(UTC)
    keep = keep if keep is not None else shop.settings["privacy.keep"]
    browsing = browsing if browsing is not None else shop.settings["privacy.keep_browsing"]
    if not keep and not browsing:
        raise InputError(
            "bad-argument",
            "neither a customer nor an age is named",
            remedy="give --before 2y, or say how long events are kept: worth settings SHOP privacy.keep=2y",
        )
    events_before = _moment(shop, keep, at, where="--before") if keep else None
    browsing_before = _moment(shop, browsing, at, where="--browsing-before") if browsing else None
    request = Request(at, events_before=events_before, browsing_before=browsing_before)
    keyring = Keyring(shop)
    with _connection(shop) as con:
        if dry_run:
            return _rehearsed(con, shop, request, keyring)
        with writing(shop) as change, told(shop.folder, HALF_DONE):
            _finish(con, change, keyring, progress)
            return _erase(con, change, request, keyring, progress)


def _moment(shop: Shop, age: str | date, at: datetime, *, where: str) -> datetime:
    """The local midnight that a span reaches back to, or that a day begins with."""
    zone = shop.settings.zone
    try:
        day = age if isinstance(age, date) else date.fromisoformat(age)
        return local_midnight(day, zone)
    except (ValueError, OverflowError):  # the first day of all, east of Greenwich
        pass
    today = local_midnight(at.astimezone(zone).date(), zone)
    try:
        return Horizon.parse(str(age)).before(today, zone)
    except InputError as error:
        raise InputError(
            "bad-argument", f"`{age}` is neither a span nor a day", where=where, remedy="write 2y, 180d or 2024-01-01"
        ) from error


@contextmanager
def _connection(shop: Shop) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connect(shop.settings, spill=str(shop.scratch))
    try:
        yield con
    finally:
        con.close()


# ---- what there is ------------------------------------------------------------------------------------------------


def _rehearsed(con: duckdb.DuckDBPyConnection, shop: Shop, request: Request, keyring: Keyring) -> Certificate:
    versions = _versions(shop)
    rules = rules_of(con, shop, request, versions)
    found = _survey(con, shop, request, rules, versions)
    _check_found(shop, request, found, keyring)
    return replace(found, dry_run=True)


def _versions(shop: Shop) -> dict[str, int]:
    versions = read_versions(shop)
    if not versions:
        raise InputError("empty-shop", "nothing has been ingested yet", where=str(shop.folder))
    return versions


def _survey(
    con: duckdb.DuckDBPyConnection, shop: Shop, request: Request, rules: Rules, versions: dict[str, int]
) -> Certificate:
    """The certificate of what is there to be erased."""
    tables = {}
    for table, rule in rules.tables.items():
        newest = {Path(file) for file in table_files(shop, table, versions)}
        counts = concerned(con, named_files(shop.table_path(table).absolute()), rule)
        rows = sum(count for file, count in counts.items() if file in newest)
        digest = table_digest(newest) if table in versions else ""
        tables[table] = TableErased(rows, sum(counts.values()) - rows, digest)
    customers = rules.customers if request.ids else rules.customers | _strangers(con, shop)
    return Certificate(
        name="",
        at=request.at.isoformat(),
        what=request.what,
        before=request.before,
        version=__version__,
        dry_run=False,
        tables=tables,
        runs=rows_in_runs(con, shop, rules.customer),
        reports=[str(page.relative_to(shop.folder)) for page in reports_naming(shop, customers)],
    )


def _strangers(con: duckdb.DuckDBPyConnection, shop: Shop) -> set[str]:
    """Customers whom runs name though the log knows them no longer."""
    stay = {name for (name,) in con.execute("SELECT customer_id FROM stay").fetchall()}
    return run_customers(con, shop) - stay


def _check_found(shop: Shop, request: Request, found: Certificate, keyring: Keyring) -> None:
    """Raises InputError where there is nothing to erase, or where nothing would be left."""
    if request.what == "age":
        if found.tables["events"].rows == _count_events(shop):
            raise InputError(
                "bad-argument",
                "no event would be left",
                where="--before",
                remedy="take a longer span, or remove the shop's folder",
            )
        return
    if found.finds_anything:
        return
    since = [read_forgotten(shop).until.get(subject_of(keyring.key(), name)) for name in request.ids]
    known = next((moment for moment in since if moment), None)
    raise InputError(
        "no-such-customer",
        f"this customer was forgotten on {known:%Y-%m-%d}, and has not come back since"
        if known
        else "the shop holds nothing of this customer",
        where=str(shop.folder),
        remedy="give the id as `worth forecast` shows it, or the e-mail address or phone number of the orders",
    )


def _count_events(shop: Shop) -> int:
    return sum(pq.read_metadata(file).num_rows for file in table_files(shop, "events", read_versions(shop)))


# ---- what is done -------------------------------------------------------------------------------------------------


def _erase(
    con: duckdb.DuckDBPyConnection, change: Writing, request: Request, keyring: Keyring, progress: Progress
) -> Certificate:
    progress("looking for what is to go", 0.0)
    _versions(change.shop)
    rules = rules_of(con, change.shop, request, change.versions)
    found = _survey(con, change.shop, request, rules, change.versions)
    _check_found(change.shop, request, found, keyring)
    _remember(change.shop, request, keyring)
    if not found.finds_anything:
        return found
    found = replace(found, name=next_name(change.shop))
    # From here on the erasure is on record, and the next one finishes it first, should this one be interrupted.
    document = {"request": request.to_dict(), "found": found.to_dict()}
    write_private(change.shop.privacy / UNFINISHED, json.dumps(document))
    return _carry_out(con, change, request, found, progress)


def _finish(
    con: duckdb.DuckDBPyConnection, change: Writing, keyring: Keyring, progress: Progress
) -> tuple[Request, Certificate] | None:
    """Finish an erasure that was interrupted. Its request lies in the folder until then, and its list was written."""
    path = change.shop.privacy / UNFINISHED
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    request, found = Request.from_dict(document["request"]), certificate_of(document["found"])
    return request, _carry_out(con, change, request, found, progress)


def _remember(shop: Shop, request: Request, keyring: Keyring) -> None:
    """Put on the list what old files must not bring back."""
    if request.ids:
        subjects = {subject_of(keyring.key(), name): request.at for name in request.ids}
    else:
        moments = {EVERYONE: request.events_before, EVERYONES_BROWSING: request.browsing_before}
        subjects = {subject: moment for subject, moment in moments.items() if moment}
    keyring.keep()
    write_forgotten(shop, read_forgotten(shop).added(subjects))


def _carry_out(
    con: duckdb.DuckDBPyConnection, change: Writing, request: Request, found: Certificate, progress: Progress
) -> Certificate:
    """All steps; each does nothing where it was done before. The request is removed last."""
    shop = change.shop
    rules = rules_of(con, shop, request, change.versions)
    progress("erasing vectors of texts", 0.1)
    # First, while the tables still tell which texts these are: only when this is done does any row go.
    erase_vectors(shop.vectors, _texts_that_go(con, shop, rules.tables["events"]))
    progress("erasing from the tables", 0.2)
    before = dict(change.versions)
    for table in ("events", "customers", "quarantine"):
        if table in rules.tables:
            erase_newest(con, change, table, rules.tables[table], at=request.at)
    if change.versions != before:
        change.commit_same()
    progress("erasing from older versions", 0.4)
    for table, rule in rules.tables.items():
        if table in change.versions:
            erase_history(con, shop.table_path(table).absolute(), rule)
    progress("erasing from runs and reports", 0.7)
    erase_from_runs(con, shop, rules.customer, {"certificate": found.name, "at": found.at})
    for page in found.reports:
        (shop.folder / page).unlink(missing_ok=True)
    for left in (*shop.scratch.glob("ingest-*"), *sequences_folders(shop.scratch), shop.scratch / CHECKPOINTS):
        shutil.rmtree(left, ignore_errors=True)
    progress("searching for what is left", 0.8)
    certificate = _certified(con, change, request, found)
    write_certificate(shop, certificate)
    (shop.privacy / UNFINISHED).unlink()
    progress("done", 1.0)
    return certificate


def _texts_that_go(con: duckdb.DuckDBPyConnection, shop: Shop, rule: Rule) -> Iterator[str]:
    """What the events wrote that a rule takes, in any version of the table."""
    for file in named_files(shop.table_path("events").absolute()):
        gone = f"coalesce({rule.where}, false) AND text IS NOT NULL"
        found = con.execute(f"SELECT DISTINCT text FROM {rows_of(file)} WHERE {gone}").fetchall()
        yield from (text for (text,) in found)


def _certified(con: duckdb.DuckDBPyConnection, change: Writing, request: Request, found: Certificate) -> Certificate:
    shop = change.shop
    tables = {
        table: replace(done, digest_after=table_digest(change.files(table)) if table in change.versions else "")
        for table, done in found.tables.items()
    }
    found_in = traces(con, shop.folder, request.telling, apart=[shop.privacy / UNFINISHED])
    is_searched = bool(request.ids) and set(request.telling) == set(request.ids)
    return replace(found, tables=tables, searched=is_searched, left=found_in.left, unsearched=found_in.unsearched)
