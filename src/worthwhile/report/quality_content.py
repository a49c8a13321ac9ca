"""What the quality page is made of, read from a shop: ledger, events by time, findings, quarantine, who holds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from worthwhile.ingestion.findings import Finding
from worthwhile.ingestion.formats import FORMATS
from worthwhile.ingestion.missing import find_missing
from worthwhile.ingestion.quality import check, gap_spans, usual_days
from worthwhile.schema import BATCHES, EVENT_KINDS, QUARANTINE
from worthwhile.shop import Shop
from worthwhile.store.log import Log, add_view, open_log

EPOCH, EPOCH_MOMENT = date(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
FILES = 200  # of the ledger, the latest
EXAMPLES = 5  # refused rows of each reason
CONTENT = 100_000  # characters of a refused row that are looked at
LISTS = tuple(form.name for form in FORMATS.values() if form.holds != "events")
CUSTOMERS = 10
DAILY, WEEKLY = 120, 1100  # days up to which the timeline is by day, by week


@dataclass(frozen=True)
class FileFacts:
    """One row of the ledger."""

    file: str
    format: str
    day: date  # of its ingest, in the shop's time zone
    rows: int
    events: int
    known: int
    refused: int
    is_list: bool  # of items or customers: its rows are no events

    @property
    def paired(self) -> int:
        """Events that rows made beside their own."""
        return self.events + self.known + self.refused - self.rows


@dataclass(frozen=True)
class Stretch:
    """A day, week or month of the timeline and its events by kind; `silent` are its days without any event."""

    start: date
    events: Mapping[str, int]
    silent: int


@dataclass(frozen=True)
class Refused:
    """Refused rows that are still missing, for one reason, and some of them: (file, row, detail, content, mapping)."""

    reason: str
    rows: int
    files: int
    examples: Sequence[tuple[str, int, str | None, str | None, str]]


@dataclass(frozen=True)
class Holder:
    """A customer and what they hold of net sales."""

    customer: str
    orders: int  # days with an order line
    amount: float
    share: float


@dataclass(frozen=True)
class QualityContent:
    shop: str
    currency: str
    timezone: str
    files: Sequence[FileFacts]  # latest first
    file_count: int
    rows: int  # of all files, as the four that follow
    new: int
    listed: int  # of the new ones, rows of lists of items or customers
    known: int
    refused: int
    kinds: Mapping[str, int]  # kind of event -> how many
    missing: int  # refused rows, those left out that were accepted since or told twice
    missing_share: float  # of the rows of all files, those that came again counted once
    first: date
    last: date
    customers: int  # who bought
    refunded_only: int  # customers of whom the log has refunds and no order
    sales: float  # net
    step: str  # day, week or month
    timeline: Sequence[Stretch]
    gaps: Sequence[tuple[date, int]]  # first day and length of spans without any event, the longest first
    outside: int  # events before or after the timeline
    findings: Sequence[Finding]
    quarantine: Sequence[Refused]  # most rows first
    holders: Sequence[Holder]
    held_by_top: float  # share of net sales that the best hundredth of the customers holds
    data_version: str

    @property
    def events(self) -> int:
        return sum(self.kinds.values())


def quality_content(shop: Shop) -> QualityContent:
    """All of it, as the shop is now. Raises InputError `empty-shop` or `damaged`."""
    findings = check(shop)
    with open_log(shop) as log:
        for table, schema in (("quarantine", QUARANTINE), ("batches", BATCHES)):
            add_view(log.con, table, schema, log.held.files[table])
        of_files = find_missing(log.con)
        (missing,) = _row(log, "SELECT count(*) FROM missing")
        files, *sums = _row(
            log,
            "SELECT count(*), sum(rows), sum(events), coalesce(sum(events) FILTER (format IN ($1, $2)), 0), sum(known),"
            " sum(refused) FROM batches",
            list(LISTS),
        )
        rows, new, listed, known, refused = map(int, sums)
        buyers, customers, sales, first, last = _row(
            log,
            "SELECT count(DISTINCT customer_id) FILTER (kind = 'order_line'), count(DISTINCT customer_id),"
            " coalesce(sum(amount), 0), min(day), max(day) FROM events WHERE kind IN ('order_line', 'refund')",
        )
        if first is None:
            first, last = _row(log, "SELECT min(day), max(day) FROM events")
        step, timeline, outside = _timeline(log)
        holders, held = _holders(log)
        return QualityContent(
            shop=shop.name,
            currency=shop.settings["currency"],
            timezone=shop.settings["timezone"],
            files=_files(log),
            file_count=files,
            rows=rows,
            new=new,
            listed=listed,
            known=known,
            refused=refused,
            kinds=_kinds(log),
            missing=missing,
            missing_share=missing / of_files if of_files else 0.0,
            first=_day(first),
            last=_day(last),
            customers=buyers,
            refunded_only=customers - buyers,
            sales=float(sales),
            step=step,
            timeline=timeline,
            gaps=gap_spans(log),
            outside=outside,
            findings=findings,
            quarantine=_quarantine(log),
            holders=holders,
            held_by_top=held,
            data_version=", ".join(f"{table} {version}" for table, version in sorted(log.version.items())),
        )


def _row(log: Log, query: str, values: list[Any] | None = None) -> tuple[Any, ...]:
    return log.con.execute(query, values or []).fetchall()[0]


def _day(number: int) -> date:
    return EPOCH + timedelta(days=int(number))


def _files(log: Log) -> list[FileFacts]:
    rows = log.con.execute(
        "SELECT file, format, epoch_us(ingested_at), rows, events, known, refused FROM batches"
        f" ORDER BY ingested_at DESC, file, batch_id LIMIT {FILES}"
    ).fetchall()
    return [
        FileFacts(
            Path(file).name or file,
            form,
            (EPOCH_MOMENT + timedelta(microseconds=us)).astimezone(log.zone).date(),
            rows_of_it,
            events,
            known,
            refused,
            form in LISTS,
        )
        for file, form, us, rows_of_it, events, known, refused in rows
    ]


def _kinds(log: Log) -> dict[str, int]:
    found = dict(log.con.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall())
    return {kind: found[kind] for kind in EVENT_KINDS if kind in found}


# ---- the timeline -------------------------------------------------------------------------------------------------


def _timeline(log: Log) -> tuple[str, list[Stretch], int]:
    """Step, stretches without holes, and how many events lie so far off that they are left out."""
    low, high = usual_days(log)
    least, most, count = _row(log, "SELECT min(day), max(day), count(*) FROM events")
    # Only what would stretch the axis out of shape is left out.
    room = max(60, (high - low) // 4)
    first, last = max(least, low - room), min(most, high + room)
    first, last = _row(log, f"SELECT min(day), max(day) FROM events WHERE day BETWEEN {first} AND {last}")
    step = "day" if last - first < DAILY else "week" if last - first < WEEKLY else "month"
    rows = log.con.execute(
        f"SELECT day, kind, count(*) FROM events WHERE day BETWEEN {first} AND {last} GROUP BY day, kind"
    ).fetchall()
    events: dict[date, dict[str, int]] = {}
    busy: dict[date, set[int]] = {}
    for day, kind, number in rows:
        start = _start(_day(day), step)
        of_stretch = events.setdefault(start, {})
        of_stretch[kind] = of_stretch.get(kind, 0) + number
        busy.setdefault(start, set()).add(day)
    stretches, start = [], _start(_day(first), step)
    while start <= _day(last):
        end = _next(start, step)
        days = (min(end, _day(last) + timedelta(1)) - max(start, _day(first))).days
        stretches.append(Stretch(start, events.get(start, {}), days - len(busy.get(start, ()))))
        start = end
    return step, stretches, count - sum(number for *_, number in rows)


def _start(day: date, step: str) -> date:
    """The first day of the stretch that a day lies in; weeks begin on Monday."""
    return day if step == "day" else day - timedelta(days=day.weekday()) if step == "week" else day.replace(day=1)


def _next(start: date, step: str) -> date:
    if step == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=1 if step == "day" else 7)


# ---- quarantine and customers -------------------------------------------------------------------------------------


def _quarantine(log: Log) -> list[Refused]:
    reasons = log.con.execute(
        "SELECT reason, count(*) AS n, count(DISTINCT file) FROM missing GROUP BY reason ORDER BY n DESC, reason"
    ).fetchall()
    return [
        Refused(
            reason,
            rows,
            files,
            log.con.execute(
                f"SELECT m.file, row, left(detail, 500), left(content, {CONTENT}), mapping FROM missing m"
                f" JOIN batches USING (batch_id) WHERE reason = ? ORDER BY m.file, row LIMIT {EXAMPLES}",
                [reason],
            ).fetchall(),
        )
        for reason, rows, files in reasons
    ]


def _holders(log: Log) -> tuple[list[Holder], float]:
    """The customers who hold most of net sales, and what the best hundredth of all holds."""
    log.con.execute(
        """
        CREATE OR REPLACE TEMP TABLE holders AS
        SELECT customer_id, count(DISTINCT day) FILTER (kind = 'order_line') AS orders,
            greatest(sum(coalesce(amount, 0)), 0) AS amount
        FROM events WHERE kind IN ('order_line', 'refund') GROUP BY customer_id
        """
    )
    total, customers = _row(log, "SELECT coalesce(sum(amount), 0), count(*) FROM holders")
    if not total:
        return [], 0.0
    best = "SELECT * FROM holders ORDER BY amount DESC, customer_id LIMIT"
    rows = log.con.execute(f"{best} {CUSTOMERS}").fetchall()
    [(top,)] = log.con.execute(f"SELECT sum(amount) FROM ({best} {max(1, customers // 100)})").fetchall()
    return [Holder(name, orders, amount, amount / total) for name, orders, amount in rows], top / total


__all__ = ["FileFacts", "Holder", "QualityContent", "Refused", "Stretch", "quality_content"]
