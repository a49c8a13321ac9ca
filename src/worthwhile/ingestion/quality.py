"""What is wrong with a shop's data: found in the log, the quarantine and the ledger."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from worthwhile.ingestion.absorb import refund_id, return_id
from worthwhile.ingestion.findings import FINDINGS, SEVERITIES, Finding, FindingKind
from worthwhile.ingestion.missing import find_missing
from worthwhile.ingestion.reasons import CURRENCY_IS, LEFT_ASIDE, STATUS_IS, TYPE_IS, detail_in, meaning
from worthwhile.ingestion.words import counted, day_in
from worthwhile.schema import BATCHES, QUARANTINE, to_us
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.log import Log, add_view, open_log
from worthwhile.store.refused_pictures import last_refused, said_of

EXAMPLES = 5
OUTLYING = 6.0  # robust standard deviations on a log scale: about one line in a thousand million of a log-normal shop
LEAST_SPREAD = 0.25  # of logs: shops of nearly equal prices have no spread to measure by
BIG_SHARE = 0.10  # of net sales, of one customer
MANY_CUSTOMERS = 20  # from which on one customer should not hold as much
EDGE = 0.001  # of the events at each end, which may be dated wrongly
LONG_GAP = 4  # days: shorter ones are weekends
AROUND = 90  # days before and after a gap by which it is judged
BY_CHANCE = 0.05  # such gaps in all of the data
TOTALS_ORDERS = 10  # whose lines bear one amount
TOTALS_SHARE = {3: 0.5, 2: 0.9}  # items of an order -> share of such orders among those of as many items
TOTALS_TELL = 0.5  # share whose quantities differ, or twice the share of different amounts
APART = 31  # days between the lines of one order number, beyond any delivery in parts
ANCIENT_YEARS = 3  # before all but a thousandth of events


@dataclass(frozen=True)
class _View:
    """What every check looks at."""

    log: Log
    currency: str
    file_rows: int  # of all files, those that came again counted once
    pictures: Mapping[str, str]  # path -> why it could not be read when vectors were last made

    def rows(self, query: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self.log.con.execute(query, values or []).fetchall()

    def one(self, query: str, values: list[Any] | None = None) -> tuple[Any, ...]:
        return self.rows(query, values)[0]


def check(shop: Shop, *, versions: Mapping[str, int] | None = None) -> list[Finding]:
    """All findings about the shop's data, the most serious first: as it is, or as it was at the versions given.

    Raises InputError `empty-shop` or `damaged`.
    """
    with open_log(shop, versions=versions) as log:
        for table, schema in (("quarantine", QUARANTINE), ("batches", BATCHES)):
            add_view(log.con, table, schema, log.held.files[table])
        pictures = last_refused(shop.vectors) if shop.settings["content.picture_encoder"] else {}
        view = _View(log, shop.settings["currency"], find_missing(log.con), pictures)
        found = [finding for find in _CHECKS for finding in find(view)]
    order = list(FINDINGS)
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), order.index(f.code)))


# ---- what was refused ---------------------------------------------------------------------------------------------


def _no_amounts(view: _View) -> list[Finding]:
    rows = view.rows(
        "SELECT file, count(*) FROM batches JOIN events USING (batch_id) WHERE kind = 'order_line'"
        " AND NOT contains(mapping, '\"amount\":') AND NOT contains(mapping, '\"price\":')"
        " AND NOT contains(mapping, '\"order_total\":') GROUP BY file ORDER BY file"
    )
    if not rows:
        return []
    count = sum(events for _, events in rows)
    return [Finding("no-amounts", count, 0.0, _few(file for file, _ in rows), {"currency": view.currency})]


def _no_customer(view: _View) -> list[Finding]:
    (count,) = view.one("SELECT count(*) FROM missing WHERE reason = 'no-customer'")
    return [Finding("no-customer", count, count / view.file_rows)] if count else []


def _no_orders(view: _View) -> list[Finding]:
    orders, events = view.one("SELECT count(*) FILTER (kind = 'order_line'), count(*) FROM events")
    return [] if orders else [Finding("no-orders", events)]


def _unknown_types(view: _View) -> list[Finding]:
    return _of_details(view, "unknown-types", "unknown-type", TYPE_IS)


def _unknown_statuses(view: _View) -> list[Finding]:
    """Statuses that no table of words has: their orders count as sales, cancelled or not."""
    most: dict[str, tuple[int, str]] = {}  # of one file: another may hold the same orders
    for file, told in view.rows("SELECT file, unknown_statuses FROM batches WHERE unknown_statuses <> '{}' ORDER BY 1"):
        for status, count in json.loads(told).items():
            most[status] = max(most.get(status, (0, "")), (count, file))
    if not most:
        return []
    rows = sorted(((status, file, n) for status, (n, file) in most.items()), key=lambda row: (-row[2], row[0]))
    named = ", ".join(f"`{status}`" for status, *_ in rows[:EXAMPLES]) + (", ..." if len(rows) > EXAMPLES else "")
    examples = tuple(
        {
            "en": f"{file}: {counted(n, 'row', 'rows')} with `{status}`",
            "zh": f"{file}：{n:,} 行为“{status}”",
        }
        for status, file, n in rows[:EXAMPLES]
    )
    return [Finding("unknown-statuses", len(rows), 0.0, examples, {"statuses": named})]


def _mixed_currencies(view: _View) -> list[Finding]:
    return _of_details(view, "mixed-currencies", "other-currency", CURRENCY_IS, currency=view.currency)


def _left_aside(view: _View) -> list[Finding]:
    return _of_details(view, "left-aside", "no-event", TYPE_IS)


def _never_paid(view: _View) -> list[Finding]:
    return _of_details(view, "never-paid", "never-paid", STATUS_IS, TYPE_IS)


def _forgotten(view: _View) -> list[Finding]:
    (count,) = view.one("SELECT count(*) FROM missing WHERE reason = 'forgotten'")
    return [Finding("forgotten", count, count / view.file_rows)] if count else []


def _of_details(view: _View, code: str, reason: str, *begins: str, **facts: Any) -> list[Finding]:
    """Rows refused for their type, status or currency, and which these are, the most frequent first: what follows in
    the detail after the words with which it begins."""
    words = sql.text(f"^({'|'.join(begins)})")
    rows = view.rows(
        f"SELECT regexp_replace(detail, {words}, '') AS type, count(*) AS n FROM missing"
        " WHERE reason = $1 GROUP BY type ORDER BY n DESC, type",
        [reason],
    )
    if not rows:
        return []
    count = sum(n for _, n in rows)
    types = ", ".join(f"`{text}` {n:,}" for text, n in rows[:EXAMPLES]) + (", ..." if len(rows) > EXAMPLES else "")
    files = view.rows("SELECT DISTINCT file FROM missing WHERE reason = $1 ORDER BY file", [reason])
    return [Finding(code, count, count / view.file_rows, _few(file for (file,) in files), {"types": types, **facts})]


def _refused_rows(view: _View) -> list[Finding]:
    own = sql.texts(("no-customer", "unknown-type", "other-currency", *LEFT_ASIDE))  # these have findings of their own
    reasons = view.rows(
        f"SELECT reason, count(*) AS n FROM missing WHERE reason NOT IN ({own}) GROUP BY reason ORDER BY n DESC, reason"
    )
    if not reasons:
        return []
    count = sum(n for _, n in reasons)
    rows_shown = view.rows(
        f"SELECT file, row, reason, detail FROM missing WHERE reason NOT IN ({own}) ORDER BY file, row LIMIT {EXAMPLES}"
    )
    examples = tuple(
        {
            "en": f"{file}:{row} {detail or meaning(reason)}",
            "zh": f"{file}:{row} " + (detail_in(detail, "zh") if detail else meaning(reason, "zh")),
        }
        for file, row, reason, detail in rows_shown
    )
    counted = {
        "en": ", ".join(f"{meaning(reason)} ({reason}) {n:,}" for reason, n in reasons),
        "zh": "；".join(f"{meaning(reason, 'zh')}（{reason}）{n:,} 行" for reason, n in reasons),
    }
    return [Finding("refused-rows", count, count / view.file_rows, examples, {"reasons": counted})]


def _refused_files(view: _View) -> list[Finding]:
    """Files with more refused rows than usable ones; what a file leaves aside on purpose does not count."""
    rows = view.rows(
        f"""
        SELECT file, of, n FROM (
            SELECT b.file, any_value(b.rows) AS of, count(*) FILTER (NOT aside) AS n, count(*) FILTER (aside) AS others
            FROM batches b JOIN (SELECT *, reason IN ({sql.texts(LEFT_ASIDE)}) AS aside FROM missing) q USING (batch_id)
            GROUP BY b.batch_id, b.file
        ) WHERE 2 * n > of - others ORDER BY n DESC, file
        """
    )
    if not rows:
        return []
    count = sum(n for *_, n in rows)
    examples = _few(f"{file}: {n:,} / {of:,}" for file, of, n in rows)
    return [Finding("refused-files", count, count / view.file_rows, examples, {"files": len(rows)})]


def _refused_pictures(view: _View) -> list[Finding]:
    if not view.pictures:
        return []
    counts = Counter(view.pictures.values()).most_common()
    reasons = {
        "en": ", ".join(f"{said_of(reason, 'en')} ({n:,})" for reason, n in counts),
        "zh": "；".join(f"{said_of(reason, 'zh')}（{n:,} 张）" for reason, n in counts),
    }
    examples = tuple(
        {"en": f"{path}: {said_of(reason, 'en')}", "zh": f"{path}：{said_of(reason, 'zh')}"}
        for path, reason in list(view.pictures.items())[:EXAMPLES]
    )
    return [Finding("refused-pictures", len(view.pictures), 0.0, examples, {"pictures": reasons})]


# ---- lines --------------------------------------------------------------------------------------------------------


def _duplicate_lines(view: _View) -> list[Finding]:
    count, lines = view.one(
        """
        SELECT coalesce(sum(n - 1), 0), sum(n) FROM (
            SELECT count(*) AS n FROM events WHERE kind = 'order_line'
            GROUP BY hash(customer_id, ts_us, order_id, item_id, quantity, amount)
        )
        """
    )
    # Without order number and item, two purchases of one amount on one day are no oddity.
    if not count or view.one("SELECT count(order_id) + count(item_id) FROM events") == (0,):
        return []
    return [Finding("duplicate-lines", int(count), count / lines)]


def _repeated_totals(view: _View) -> list[Finding]:
    """Orders of several items, all lines with one amount, where that can hardly be each line's own.

    Either amounts differ from order to order as totals do, or lines of different quantities cost the same. Of orders of
    two items nearly all must be so: two of one price are no oddity. Batches that told the order's total are left out.
    """
    orders = """
        SELECT order_id, min(amount) AS amount, min(amount) = max(amount) AS same, count(DISTINCT item_id) AS items,
            min(quantity) IS DISTINCT FROM max(quantity) AS quantities_differ
        FROM events JOIN (SELECT batch_id FROM batches WHERE NOT contains(mapping, '"order_total":')) USING (batch_id)
        WHERE kind = 'order_line' AND amount > 0 AND order_id IS NOT NULL AND item_id IS NOT NULL
        GROUP BY customer_id, order_id HAVING min(item_id) <> max(item_id)
    """
    for items, share in TOTALS_SHARE.items():
        count, amounts, telling, asked = view.one(
            "SELECT count(*) FILTER (same), count(DISTINCT amount) FILTER (same),"
            f" count(*) FILTER (same AND quantities_differ), count(*) FROM ({orders}) WHERE items >= {items}"
        )
        if count < TOTALS_ORDERS or count < share * asked or max(2 * amounts, telling) < TOTALS_TELL * asked:
            continue
        rows = view.rows(
            f"SELECT order_id, amount FROM ({orders}) WHERE same AND items >= {items}"
            f" ORDER BY amount DESC, order_id LIMIT {EXAMPLES}"
        )
        examples = tuple(f"{order}, {amount:,.2f} {view.currency}" for order, amount in rows)
        facts = {"orders": asked, "column": _amount_column(view)}
        return [Finding("repeated-totals", count, count / asked, examples, facts)]
    return []


def _amount_column(view: _View) -> str:
    """The column that most rows were read from as amount."""
    rows = view.rows(
        "SELECT json_extract_string(mapping, '$.amount') AS name FROM batches WHERE contains(mapping, '\"amount\":')"
        " GROUP BY name ORDER BY sum(events) DESC, name LIMIT 1"
    )
    return str(rows[0][0]) if rows else "COLUMN"


def _missing_ids(view: _View) -> list[Finding]:
    """Lines that lack an id which most others have; a shop that has none at all says so by its columns."""
    orders, items, either, lines = view.one(
        """
        WITH told AS (
            SELECT order_id, item_id, count(order_id) OVER () * 2 > count(*) OVER () AS have_orders,
                count(item_id) OVER () * 2 > count(*) OVER () AS have_items
            FROM events WHERE kind = 'order_line'
        )
        SELECT count(*) FILTER (have_orders AND order_id IS NULL), count(*) FILTER (have_items AND item_id IS NULL),
            count(*) FILTER ((have_orders AND order_id IS NULL) OR (have_items AND item_id IS NULL)), count(*)
        FROM told
        """
    )
    return [Finding("missing-ids", either, either / lines, (), {"orders": orders, "items": items})] if either else []


def _reused_orders(view: _View) -> list[Finding]:
    """Order numbers of one customer with lines more than `APART` days from each other."""
    numbers = """
        SELECT customer_id, order_id, max(day) - min(day) AS apart FROM events
        WHERE kind = 'order_line' AND order_id IS NOT NULL GROUP BY customer_id, order_id
    """
    count, orders, longest = view.one(
        f"SELECT count(*) FILTER (apart > $1), count(*), max(apart) FROM ({numbers})", [APART]
    )
    if not count:
        return []
    rows = view.rows(
        f"SELECT order_id, customer_id, apart FROM ({numbers}) WHERE apart > $1"
        f" ORDER BY apart DESC, order_id, customer_id LIMIT {EXAMPLES}",
        [APART],
    )
    examples = tuple(
        {"en": f"{order}, {customer}: {apart:,} days", "zh": f"{order}，{customer}：{apart:,} 天"}
        for order, customer, apart in rows
    )
    return [Finding("reused-orders", count, count / orders, examples, {"days": APART, "longest": longest})]


def _changed_orders(view: _View) -> list[Finding]:
    """Orders of no known version that have lines of one item from several batches: the same line, changed meanwhile."""
    if view.one("SELECT count(*) FROM batches WHERE events > 0") < (2,):
        return []
    lines = """
        SELECT customer_id, order_id, item_id, sum(amount) AS amount FROM events
        WHERE kind = 'order_line' AND order_id IS NOT NULL AND order_version IS NULL
        GROUP BY customer_id, order_id, item_id HAVING min(batch_id) <> max(batch_id)
    """
    count, amount = view.one(f"SELECT count(DISTINCT (customer_id, order_id)), coalesce(sum(amount), 0) FROM ({lines})")
    if not count:
        return []
    rows = view.rows(
        f"SELECT order_id, customer_id FROM ({lines}) GROUP BY ALL ORDER BY sum(amount) DESC, order_id, customer_id"
        f" LIMIT {EXAMPLES}"
    )
    (orders,) = view.one("SELECT count(DISTINCT hash(customer_id, order_id)) FROM events WHERE kind = 'order_line'")
    facts = {"amount": amount, "currency": view.currency}
    return [Finding("changed-orders", count, count / orders, _few(f"{o}, {c}" for o, c in rows), facts)]


def _zero_amounts(view: _View) -> list[Finding]:
    count, lines = view.one("SELECT count(*) FILTER (amount = 0), count(*) FROM events WHERE kind = 'order_line'")
    return [Finding("zero-amounts", count, count / lines)] if count else []


def _not_goods(view: _View) -> list[Finding]:
    count, amount, lines = view.one(
        "SELECT count(*) FILTER (NOT is_goods), coalesce(sum(amount) FILTER (NOT is_goods), 0), count(*) FROM events"
        " WHERE kind IN ('order_line', 'refund')"
    )
    if not count:
        return []
    items = view.rows(
        "SELECT e.item_id || coalesce(' ' || any_value(i.title), '') || ': ' || count(*) AS text FROM events e"
        " LEFT JOIN items i ON e.item_id = i.item_id WHERE NOT e.is_goods AND e.item_id IS NOT NULL"
        f" GROUP BY e.item_id ORDER BY count(*) DESC, e.item_id LIMIT {EXAMPLES}"
    )
    facts = {"amount": amount, "currency": view.currency}
    return [Finding("not-goods", count, count / lines, _few(text for (text,) in items), facts)]


def _outlying_amounts(view: _View) -> list[Finding]:
    return _outlying(view, "outlying-amounts", "amount")


def _outlying_quantities(view: _View) -> list[Finding]:
    return _outlying(view, "outlying-quantities", "quantity")


def _outlying(view: _View, code: str, column: str) -> list[Finding]:
    """Lines beyond median + OUTLYING robust standard deviations of the logs (MAD times 1.4826)."""
    middle, spread = view.one(
        f"SELECT median(ln({column})), 1.4826 * mad(ln({column})) FROM events"
        f" WHERE kind = 'order_line' AND {column} > 0"
    )
    if middle is None:
        return []
    limit, median = view.one("SELECT exp($1 + $2 * $3), exp($1)", [middle, OUTLYING, max(spread, LEAST_SPREAD)])
    count, lines, held = view.one(
        f"SELECT count(*) FILTER ({column} > $1), count(*), coalesce(sum(amount) FILTER ({column} > $1), 0)"
        " / nullif(sum(amount), 0) FROM events WHERE kind = 'order_line'",
        [limit],
    )
    if not count:
        return []
    rows = view.rows(
        f"SELECT CAST(local_ts AS DATE), customer_id, item_id, quantity, amount FROM events WHERE kind = 'order_line'"
        f" AND {column} > $1 ORDER BY {column} DESC, event_id LIMIT {EXAMPLES}",
        [limit],
    )
    facts = {"limit": limit, "median": median, "held": held or 0.0, "currency": view.currency}
    return [Finding(code, count, count / lines, tuple(_line(row, view.currency) for row in rows), facts)]


def _line(row: tuple[Any, ...], currency: str) -> dict[str, str]:
    day, customer, item, quantity, amount = row
    many = f", {quantity:,.0f} × {item}" if item and quantity is not None else f", {item}" if item else ""
    return {lang: f"{day_in(day, lang)}, {customer}{many}, {amount:,.2f} {currency}" for lang in ("en", "zh")}


# ---- refunds ------------------------------------------------------------------------------------------------------


def _refunds_without_order(view: _View) -> list[Finding]:
    count, refunds, amount = view.one(
        "SELECT count(*) FILTER (refund_of IS NULL), count(*), coalesce(sum(amount) FILTER (refund_of IS NULL), 0)"
        " FROM events WHERE kind = 'refund'"
    )
    if not count:
        return []
    rows = view.rows(
        "SELECT CAST(local_ts AS DATE), customer_id, item_id, quantity, amount FROM events WHERE kind = 'refund'"
        f" AND refund_of IS NULL ORDER BY amount, event_id LIMIT {EXAMPLES}"
    )
    facts = {"refunds": refunds, "amount": amount, "currency": view.currency}
    examples = tuple(_line(row, view.currency) for row in rows)
    return [Finding("refunds-without-order", count, count / refunds, examples, facts)]


# Refunds made of an order's status, or of what was refunded of it so far, that stand at its very time: those with a
# time of their own lie later.
_UNDATED = f"""
    SELECT DISTINCT r.event_id, r.amount FROM events r JOIN events o
        ON r.customer_id = o.customer_id AND r.ts_us = o.ts_us AND r.order_id IS NOT DISTINCT FROM o.order_id
    WHERE r.kind = 'refund' AND o.kind = 'order_line'
        AND r.event_id IN ({refund_id("o.event_id")}, {return_id("o.event_id", "-r.amount")})
"""


def _undated_refunds(view: _View) -> list[Finding]:
    count, amount = view.one(f"SELECT count(*), coalesce(sum(amount), 0) FROM ({_UNDATED})")
    if not count:
        return []
    (refunds,) = view.one("SELECT count(*) FROM events WHERE kind = 'refund'")
    facts = {"refunds": refunds, "amount": amount, "currency": view.currency}
    return [Finding("undated-refunds", count, count / refunds, (), facts)]


def _cancelled_soon(view: _View) -> list[Finding]:
    """Refunds of the day of their order or the next; of those without a time it is not known that they were."""
    soon = f"""
        WITH undated AS ({_UNDATED})
        SELECT r.* FROM events r JOIN (
            SELECT customer_id, order_id, min(day) AS day FROM events
            WHERE kind = 'order_line' AND order_id IN (SELECT refund_of FROM events WHERE refund_of IS NOT NULL)
            GROUP BY customer_id, order_id
        ) o ON r.customer_id = o.customer_id AND r.refund_of = o.order_id AND r.day - o.day BETWEEN 0 AND 1
        WHERE r.kind = 'refund' AND r.event_id NOT IN (SELECT event_id FROM undated)
    """
    count, amount = view.one(f"SELECT count(*), coalesce(sum(amount), 0) FROM ({soon})")
    if not count:
        return []
    (refunds,) = view.one("SELECT count(*) FROM events WHERE kind = 'refund'")
    rows = view.rows(
        f"SELECT CAST(local_ts AS DATE), customer_id, item_id, quantity, amount FROM ({soon})"
        f" ORDER BY amount, event_id LIMIT {EXAMPLES}"
    )
    facts = {"amount": amount, "currency": view.currency}
    return [Finding("cancelled-soon", count, count / refunds, tuple(_line(row, view.currency) for row in rows), facts)]


# ---- time ---------------------------------------------------------------------------------------------------------


def _future_dates(view: _View) -> list[Finding]:
    """Later than a day after the ingest: one day of grace for zones and clocks."""
    count, last = view.one(
        "SELECT count(*), max(CAST(local_ts AS DATE)) FROM events JOIN batches USING (batch_id)"
        " WHERE ts_us > epoch_us(ingested_at) + 86400000000"
    )
    return [Finding("future-dates", count, 0.0, (), {"last": last})] if count else []


def _ancient_dates(view: _View) -> list[Finding]:
    (typical,) = view.one("SELECT quantile_disc(ts_us, 0.001) FROM events")
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=typical)).date()
    limit = day - timedelta(days=ANCIENT_YEARS * 365)
    before = to_us(datetime.combine(limit, datetime.min.time(), tzinfo=UTC))
    count, events, first = view.one(
        "SELECT count(*) FILTER (ts_us < $1), count(*), min(CAST(local_ts AS DATE)) FROM events", [before]
    )
    return [Finding("ancient-dates", count, count / events, (), {"limit": limit, "first": first})] if count else []


def usual_days(log: Log) -> tuple[int, int]:
    """First and last day, counted from 1970, but for a thousandth of the events at each end, or one event of few."""
    [(count,)] = log.con.execute("SELECT count(*) FROM events").fetchall()
    edge = max(EDGE, min(10 * EDGE, 1.5 / count))
    query = f"SELECT quantile_disc(day, {edge}), quantile_disc(day, {1 - edge}) FROM events"
    [(low, high)] = log.con.execute(query).fetchall()
    return low, high


def gap_spans(log: Log) -> list[tuple[date, int]]:
    """First day and length of the spans without any event that chance does not explain, the longest first.

    Were days with events as frequent as they are around a span, and independent of each other, then all days would
    bring `expected` such spans; a span counts where that is less than `BY_CHANCE`. Ancient and future events apart:
    between them and all others there is nothing.
    """
    low, high = usual_days(log)
    rows = log.con.execute("SELECT DISTINCT day FROM events WHERE day BETWEEN $1 AND $2 ORDER BY day", [low, high])
    days = [int(day) for (day,) in rows.fetchall()]
    spans = []
    for before, after in pairwise(days):
        length = after - before - 1
        if length < LONG_GAP:
            continue
        first, last = max(before - AROUND, days[0]), min(after + AROUND, days[-1])
        busy = bisect_right(days, last) - bisect_left(days, first)
        share = busy / (last - first + 1 - length)
        expected = (days[-1] - days[0] + 1) * share * (1 - share) ** length
        if expected < BY_CHANCE:
            spans.append((date(1970, 1, 1) + timedelta(days=before + 1), length))
    return sorted(spans, key=lambda span: (-span[1], span[0]))


def _gaps(view: _View) -> list[Finding]:
    spans = gap_spans(view.log)
    if not spans:
        return []
    facts = {"spans": len(spans), "longest": spans[0][1], "start": spans[0][0]}
    examples = tuple(
        {"en": f"{start}: {length:,} days", "zh": f"{day_in(start, 'zh')}起 {length:,} 天"}
        for start, length in spans[:EXAMPLES]
    )
    return [Finding("gaps", sum(length for _, length in spans), 0.0, examples, facts)]


# ---- customers ----------------------------------------------------------------------------------------------------


def _big_customer(view: _View) -> list[Finding]:
    rows = view.rows(
        """
        SELECT customer_id, lines, amount / sum(greatest(amount, 0)) OVER () AS share, count(*) OVER () FROM (
            SELECT customer_id, count(*) FILTER (kind = 'order_line') AS lines, sum(amount) AS amount
            FROM events WHERE kind IN ('order_line', 'refund') GROUP BY customer_id
        ) ORDER BY share DESC, customer_id LIMIT 1
        """
    )
    customer, lines, share, customers = rows[0] if rows else ("", 0, None, 0)
    if customers < MANY_CUSTOMERS or share is None or share < BIG_SHARE:
        return []
    return [Finding("big-customer", lines, share, (customer,), {"customer": customer})]


def _shared_orders(view: _View) -> list[Finding]:
    count, orders = view.one(
        "SELECT count(*) FILTER (many), count(*) FROM (SELECT min(customer_id) <> max(customer_id) AS many FROM events"
        " WHERE kind = 'order_line' AND order_id IS NOT NULL GROUP BY order_id)"
    )
    return [Finding("shared-orders", count, count / orders)] if count else []


def _few(texts: Any) -> tuple[str, ...]:
    return tuple(texts)[:EXAMPLES]


_CHECKS: tuple[Callable[[_View], list[Finding]], ...] = (
    _no_amounts,
    _no_orders,
    _unknown_types,
    _unknown_statuses,
    _no_customer,
    _refused_rows,
    _refused_files,
    _refused_pictures,
    _mixed_currencies,
    _left_aside,
    _never_paid,
    _forgotten,
    _duplicate_lines,
    _missing_ids,
    _repeated_totals,
    _refunds_without_order,
    _undated_refunds,
    _outlying_amounts,
    _outlying_quantities,
    _future_dates,
    _ancient_dates,
    _gaps,
    _big_customer,
    _shared_orders,
    _reused_orders,
    _changed_orders,
    _not_goods,
    _zero_amounts,
    _cancelled_soon,
)

__all__ = ["FINDINGS", "Finding", "FindingKind", "check", "gap_spans", "usual_days"]
