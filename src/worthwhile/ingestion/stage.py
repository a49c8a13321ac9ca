"""The texts of a file become typed rows: each an event to be, or refused for a reason. All in SQL, out of core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion import dates, numbers
from worthwhile.ingestion.columns import FIELDS, NUMBERS, Columns, plain
from worthwhile.ingestion.effects import STATUSES, TOUCHES, TYPES
from worthwhile.ingestion.formats import Format
from worthwhile.ingestion.reasons import TYPE_IS
from worthwhile.ingestion.source import Source, column
from worthwhile.store import sql

# Texts that stand for "nothing". Countries and titles keep NA, which is Namibia's code.
_MISSING = ("", "nan", "null", "none", "<na>")
_MISSING_DATA = (*_MISSING, "na", "n/a", "#n/a", "nat", "-", "--")
_WORDS = ("order_id", "item_id", "title", "category", "channel", "country", "status", "text")
_FIRST_DAY, _LAST_DAY = "1970-01-01", "2101-01-01"
_CLOCK_DIRECTIVES = ("%H", "%I", "%M", "%S", "%f", "%p", "%T", "%X", "%c", "%z", "%Z")
_AFTER = "INTERVAL 1 MICROSECOND"  # a refund with a time of its own lies after its order, if by no more than this
LISTED = 5  # examples named in notes
MOST_WORDS = 10_000  # of a status or type column that are looked at, the most frequent first


@dataclass(frozen=True)
class Reading:
    """All that decides how the texts of one file are read."""

    source: Source
    form: Format
    columns: Columns
    zone: str
    date_format: str = ""


@dataclass(frozen=True)
class Staged:
    """The typed rows of a file, in the Parquet file `rows`, refused ones among them."""

    rows: Path
    parts: int
    count: int  # rows of the file, torn lines included
    refused: Mapping[str, int]  # reason -> rows
    notes: tuple[str, ...]


def stage(con: duckdb.DuckDBPyConnection, reading: Reading, out: Path) -> Staged:
    """Write the typed rows of `raw` and `torn` to `out`.

    Its columns: part, row, reason, detail, content (JSON; of refused rows only), and of the others the columns of
    an event with title, digest and whether the row stands for an order line and its refund together.
    Raises InputError `bad-values`, `ambiguous-dates`, `bad-file`.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW cleaned AS {_cleaned(reading)}")
    notes = [*reading.source.notes, *_effects(con, reading)]
    _days(con, reading)
    style = numbers.style_of(con, [column(reading.columns.index[n]) for n in NUMBERS if n in reading.columns])
    con.execute(f"CREATE OR REPLACE TEMP VIEW typed AS {_typed(reading, style)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged AS {_judged(reading)}")
    con.execute(f"COPY (SELECT * FROM ({_finished(reading)})) TO {sql.text(str(out))} (FORMAT parquet)")
    staged = sql.text(str(out))
    count, parts = con.execute(f"SELECT count(*), count(DISTINCT part) FROM read_parquet({staged})").fetchall()[0]
    reasons = f"SELECT reason, count(*) FROM read_parquet({staged}) WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL"
    refused = dict(con.execute(reasons).fetchall())
    _check_usable(con, reading, count, refused, staged)
    notes += [*_kinds(con, reading, staged), *_undated(con, reading, staged)]
    return Staged(out, parts, count, refused, tuple(notes))


def _kinds(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """Notes on what the rows were taken for, where they are not all orders with amounts."""
    counts = dict(
        con.execute(
            f"SELECT kind, count(*) AS n FROM read_parquet({staged}) WHERE reason IS NULL"
            " GROUP BY kind ORDER BY n DESC, kind"
        ).fetchall()
    )
    notes = []
    if set(counts) & set(TOUCHES):
        notes.append("by its types, its rows are " + ", ".join(f"{n:,} {kind}" for kind, n in counts.items()))
    if not {"amount", "price"} & set(reading.columns.index) and "order_line" in counts:
        notes.append("no amounts: every order counts as 1")
    return notes


def _undated(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """A note on orders that were refunded at a time that the file does not tell."""
    query = f"SELECT count(*) FROM read_parquet({staged}) WHERE is_paired AND refund_ts IS NULL AND reason IS NULL"
    [(count,)] = con.execute(query).fetchall()
    if not count:
        return []
    remedy = "" if "refunded_at" in reading.columns else "; --map refunded_at=COLUMN names the column that says it"
    return [f"{count:,} orders were refunded, it is not known when: each refund stands at its order's own time{remedy}"]


# ---- texts, cleaned -----------------------------------------------------------------------------------------------


def _cleaned(reading: Reading) -> str:
    """Every field as text, NULL where nothing is meant; ids without the point that a float column gave them."""
    picked = []
    for field in FIELDS:
        if field not in reading.columns:
            picked.append(f"CAST(NULL AS VARCHAR) AS {sql.name(field)}")
            continue
        text = f"trim({column(reading.columns.index[field])})"
        missing = _MISSING if field in _WORDS else _MISSING_DATA
        value = f"CASE WHEN lower({text}) NOT IN ({sql.texts(missing)}) THEN {text} END"
        if field == "refunded_at":  # how databases write that there is no such time
            value = f"CASE WHEN NOT starts_with({text}, '0000') THEN {value} END"
        if field in ("customer_id", "order_id", "item_id"):
            value = rf"regexp_replace({value}, '^(\d+)\.0+$', '\1')"
        picked.append(f"{value} AS {sql.name(field)}")
    indexes = range(len(reading.source.columns))
    everything = ", ".join(f"trim({column(index)})" for index in indexes)
    names = _unique(reading.source.columns)
    content = ", ".join(f"{sql.name(names[index])} := {column(index)}" for index in indexes)
    return (
        f"SELECT part, row, concat({everything}) = '' AS is_empty,"
        f" struct_pack({content}) AS whole, {', '.join(picked)} FROM raw"
    )


def _unique(names: tuple[str, ...]) -> list[str]:
    """Names that differ even when case is not looked at, as the keys of a struct must."""
    seen: set[str] = set()
    unique = []
    for name in names:
        while name.lower() in seen:
            name += "_"
        seen.add(name.lower())
        unique.append(name)
    return unique


def _effects(con: duckdb.DuckDBPyConnection, reading: Reading) -> list[str]:
    """The table `effects` of what each status or type of the file means; notes on those that are not known.

    A row without a type is an order, unless the file has types that are none: then it could be anything.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE effects (field VARCHAR, text VARCHAR, effect VARCHAR)")
    notes = []
    told = {
        "status": "statuses are not known and were taken for orders",
        "type": "types are not known and were refused",
    }
    found: dict[str, set[str]] = {}
    for field, words in (("status", STATUSES), ("type", TYPES)):
        if field not in reading.columns:
            continue
        counted = f"SELECT {field} FROM cleaned WHERE {field} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
        texts = [text for (text,) in con.execute(f"{counted} LIMIT {MOST_WORDS}").fetchall()]
        known = {text: words[plain(text)] for text in texts if plain(text) in words}
        found[field] = set(known.values())
        for text, effect in known.items():
            con.execute("INSERT INTO effects VALUES (?, ?, ?)", [field, text, effect])
        unknown = [f"`{text}`" for text in texts if text not in known]
        if unknown:
            shown = ", ".join(unknown[:LISTED]) + (", ..." if len(unknown) > LISTED else "")
            notes.append(f"{len(unknown)} {told[field]}: {shown}")
    if not found.get("type", set()) & {*TOUCHES, "no-event"}:
        con.execute("INSERT INTO effects VALUES ('blank', NULL, 'order')")
    return notes


# ---- dates --------------------------------------------------------------------------------------------------------


def _days(con: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    """The view `clocked` with day text, time and offset of each row, and the table `days` of its distinct days.

    And the table `refund_times` with the same of each distinct text that says when an order was refunded.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW clocked AS {_clocked(reading, 'cleaned')}")
    refunds = "(SELECT DISTINCT refunded_at AS ts, NULL AS time FROM cleaned WHERE refunded_at IS NOT NULL)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE refund_times AS {_clocked(reading, refunds)}")
    con.execute("CREATE OR REPLACE TEMP TABLE days (day_text VARCHAR, day DATE)")
    if _whole_format(reading):
        return
    both = "SELECT day_text FROM clocked UNION SELECT day_text FROM refund_times"
    rows = con.execute(f"SELECT DISTINCT day_text FROM ({both}) WHERE day_text IS NOT NULL ORDER BY 1 LIMIT 200000")
    texts = [text for (text,) in rows.fetchall()]
    where = f"{reading.source.path}, column `{reading.columns.name('ts')}`"
    found = dates.read_days(texts, date_format=reading.date_format, where=where)
    if found.day_of:
        con.register("found_days", _table(found.day_of))
        con.execute("INSERT INTO days SELECT * FROM found_days")
        con.unregister("found_days")


def _table(day_of: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table({"day_text": pa.array(day_of.keys(), pa.string()), "day": pa.array(day_of.values(), pa.date32())})


def _whole_format(reading: Reading) -> bool:
    """Whether the date format given speaks of the time of day too, and so of the whole text."""
    return any(directive in reading.date_format for directive in _CLOCK_DIRECTIVES)


def _clocked(reading: Reading, rows: str) -> str:
    """Of `rows` with the texts `ts` and `time`, day, time and offset of each.

    ISO texts are cast as they stand, which is ten times as fast; all others are split.
    """
    text = "ts || ' ' || time" if "time" in reading.columns and rows == "cleaned" else "ts"
    iso = "false" if reading.date_format else f"regexp_matches(stamp, {sql.text(dates.ISO)})"
    return rf"""
        SELECT * EXCLUDE (stamp, m), nullif(m.z, '') AS zone_text,
            CASE WHEN is_iso THEN try_cast(stamp AS TIMESTAMP) END AS iso_wall,
            CASE WHEN digits > 0 OR is_iso THEN NULL WHEN m.t <> '' THEN trim(m.d) ELSE stamp END AS day_text,
            try_cast(replace(nullif(m.t, ''), ',', '.') AS TIME) AS clock,
            CASE lower(left(m.ap, 1)) WHEN 'p' THEN 1 WHEN 'a' THEN 0 END AS afternoon,
            m.t <> '' AND clock IS NULL AS is_no_clock
        FROM (
            SELECT *, CASE WHEN NOT is_iso THEN regexp_extract(stamp, {sql.text(dates.SPLIT)}, ['d', 't', 'ap', 'z'])
                      END AS m
            FROM (SELECT *, coalesce({iso}, false) AS is_iso FROM (
                SELECT *, CASE WHEN regexp_matches(ts, {sql.text(dates.NUMERIC)})
                               THEN length(split_part(ts, '.', 1)) ELSE 0 END AS digits,
                    CASE WHEN length(ts) = 14 THEN regexp_replace(ts, {sql.text(dates.STAMP)}, '\1 \2:\3:\4')
                         ELSE {text} END AS stamp
                FROM {rows}
            ))
        )
    """


def _wall_and_moment(reading: Reading) -> tuple[str, str]:
    """SQL for the wall clock of a row without an offset, and for the UTC moment of a row with one."""
    if _whole_format(reading):
        parsed = f"try_strptime(ts, {sql.text(reading.date_format)})"
        if "%z" in reading.date_format or "%Z" in reading.date_format:
            return "CAST(NULL AS TIMESTAMP)", f"CAST({parsed} AS TIMESTAMP)"
        return parsed, "CAST(NULL AS TIMESTAMP)"
    # 12:30 AM is half past midnight, 1:30 PM half past thirteen.
    noon = (
        "CASE WHEN afternoon = 1 AND hour(clock) < 12 THEN 12"
        " WHEN afternoon = 0 AND hour(clock) = 12 THEN -12 ELSE 0 END"
    )
    midnight = "CASE WHEN NOT coalesce(is_no_clock, false) THEN TIME '00:00:00' END"  # 25:61 is no time of day
    naive = f"days.day + coalesce(clock, {midnight}) + to_hours({noon})"
    # Excel counts days from 1899-12-30; whole seconds undo the rounding of the fraction.
    excel = "TIMESTAMP '1899-12-30 00:00:00' + to_seconds(CAST(round(CAST(ts AS DOUBLE) * 86400) AS BIGINT))"
    epoch = "make_timestamp(CAST(CAST(ts AS DOUBLE) * CASE WHEN digits = 13 THEN 1e3 ELSE 1e6 END AS BIGINT))"
    offset = (
        "CASE WHEN left(zone_text, 1) IN ('+', '-') THEN"
        " (CASE WHEN left(zone_text, 1) = '-' THEN -1 ELSE 1 END) * (CAST(zone_text[2:3] AS INTEGER) * 60"
        " + CASE WHEN length(zone_text) > 3 THEN CAST(right(zone_text, 2) AS INTEGER) ELSE 0 END) ELSE 0 END"
    )
    wall = (
        f"CASE WHEN digits = 5 THEN {excel} WHEN digits > 0 THEN NULL"
        f" WHEN is_iso THEN iso_wall WHEN zone_text IS NULL THEN {naive} END"
    )
    moment = f"CASE WHEN digits >= 10 THEN {epoch} WHEN zone_text IS NOT NULL THEN {naive} - to_minutes({offset}) END"
    return wall, moment


# ---- types, signs, reasons ----------------------------------------------------------------------------------------


def _typed(reading: Reading, style: numbers.Style) -> str:
    wall, moment = _wall_and_moment(reading)
    refunds = (
        f"SELECT ts AS text, {wall} AS wall, {moment} AS moment"
        " FROM refund_times LEFT JOIN days ON refund_times.day_text = days.day_text"
    )
    parsed = ", ".join(f"{numbers.number(name, style)} AS {name}_number" for name in NUMBERS)
    return f"""
        SELECT clocked.*, {parsed}, {wall} AS wall, {moment} AS moment,
            try_cast(replace(rating, ',', '.') AS DOUBLE) AS rating_number,
            coalesce(s.effect, CASE WHEN status IS NULL AND refunded_at IS NOT NULL THEN 'refund' END, 'order')
                AS status_effect,
            coalesce(t.effect, CASE WHEN type IS NULL THEN blank.effect END, 'unknown') AS type_effect,
            coalesce(t.effect IN ({sql.texts(TOUCHES)}), false) AS is_touch,
            (status_effect = 'refund' OR type_effect = 'refund') AND NOT is_touch AS gives_back,
            CASE WHEN gives_back THEN r.wall END AS refund_wall,
            CASE WHEN gives_back THEN r.moment END AS refund_moment,
            coalesce({reading.form.refund_when}, false) AS marked_refund
        FROM clocked LEFT JOIN days ON clocked.day_text = days.day_text
        LEFT JOIN effects s ON s.field = 'status' AND clocked.status = s.text
        LEFT JOIN effects t ON t.field = 'type' AND clocked.type = t.text
        LEFT JOIN effects blank ON blank.field = 'blank'
        LEFT JOIN ({refunds}) r ON clocked.refunded_at = r.text
    """


def _judged(reading: Reading) -> str:
    """Amounts and kinds, and the reason for which a row is refused."""
    # Rounded, so that a line and the refunds of its parts add up to zero.
    computed = "round(coalesce(quantity_number, 1) * price_number - coalesce(abs(discount_number), 0), 6)"
    if "amount" in reading.columns:
        amount = f"coalesce(amount_number, {computed})" if "price" in reading.columns else "amount_number"
    else:
        amount = computed if "price" in reading.columns else "1.0"
    bad = [f"({name} IS NOT NULL AND {name}_number IS NULL)" for name in NUMBERS]
    bad.append("(type_effect = 'review' AND rating IS NOT NULL AND rating_number IS NULL)")
    names = (*NUMBERS, "rating")
    beyond = f"coalesce(NOT is_touch AND abs({amount}) >= {numbers.LIMIT}, false)"
    bad_refund = "(gives_back AND refunded_at IS NOT NULL AND refund_wall IS NULL AND refund_moment IS NULL)"
    which = " ".join(f"WHEN {test} THEN '{name} is ' || {name}" for test, name in zip(bad, names, strict=True))
    return f"""
        SELECT *, CASE WHEN NOT is_touch THEN {amount} END AS given_amount,
            CASE WHEN is_empty THEN 'empty-row'
                 WHEN customer_id IS NULL THEN 'no-customer'
                 WHEN ts IS NULL THEN 'no-date'
                 WHEN (wall IS NULL AND moment IS NULL) OR {bad_refund} THEN 'bad-date'
                 WHEN least(wall, moment, refund_wall, refund_moment) < TIMESTAMP '{_FIRST_DAY}'
                   OR greatest(wall, moment, refund_wall, refund_moment) >= TIMESTAMP '{_LAST_DAY}'
                   THEN 'impossible-date'
                 WHEN type_effect = 'unknown' THEN 'unknown-type'
                 WHEN type_effect = 'no-event' THEN 'no-event'
                 WHEN {" OR ".join(bad)} OR {beyond} THEN 'bad-number'
                 WHEN NOT is_touch AND {amount} IS NULL THEN 'no-amount'
                 WHEN type_effect = 'never' OR (status_effect = 'never' AND NOT is_touch) THEN 'never-paid'
                 END AS reason,
            CASE WHEN customer_id IS NULL OR ts IS NULL THEN NULL
                 WHEN wall IS NULL AND moment IS NULL THEN 'the date is ' || ts
                 WHEN {bad_refund} THEN 'the date of the refund is ' || refunded_at
                 WHEN type_effect IN ('unknown', 'no-event') THEN {sql.text(TYPE_IS)} || coalesce(type, '') {which}
                 WHEN {beyond} THEN 'amount is ' || CAST({amount} AS VARCHAR)
                 WHEN status_effect = 'never' THEN 'the status is ' || status END AS detail
        FROM typed
    """


def _finished(reading: Reading) -> str:
    """The columns of an event; a refused row has its content instead."""
    ts, local_ts = _utc_and_local(reading.zone, "wall", "moment")
    refund_ts, refund_local_ts = _utc_and_local(reading.zone, "refund_wall", "refund_moment")
    return f"""
        WITH kinds AS (
            SELECT *, NOT is_touch AND (coalesce(given_amount < 0, false) OR coalesce(quantity_number < 0, false)
                      OR marked_refund OR type_effect = 'refund') AS is_refund,
                coalesce(status_effect = 'refund' AND NOT is_refund AND given_amount > 0, false) AS is_paired,
                abs(quantity_number) AS n,
                coalesce(abs(price_number), abs(given_amount) / nullif(abs(quantity_number), 0)) AS p
            FROM judged
        ), timed AS (
            SELECT * EXCLUDE (ts), CASE WHEN reason IS NULL THEN {ts} END AS ts,
                CASE WHEN reason IS NULL THEN {local_ts} END AS local_ts,
                CASE WHEN reason IS NULL THEN {refund_ts} END AS refund_ts,
                CASE WHEN reason IS NULL THEN {refund_local_ts} END AS refund_local_ts
            FROM kinds
        ), events AS (
            SELECT part, row, reason, detail,
                CASE WHEN reason IS NOT NULL THEN CAST(to_json(whole) AS VARCHAR) END AS content,
                CASE WHEN is_refund THEN coalesce(refund_ts, ts) ELSE ts END AS ts,
                CASE WHEN is_refund THEN coalesce(refund_local_ts, local_ts) ELSE local_ts END AS local_ts,
                CASE WHEN is_paired AND refund_ts > ts THEN refund_ts
                     WHEN is_paired AND refund_ts <= ts THEN ts + {_AFTER} END AS refund_ts,
                CASE WHEN is_paired AND refund_ts > ts THEN refund_local_ts
                     WHEN is_paired AND refund_ts <= ts THEN local_ts + {_AFTER} END AS refund_local_ts,
                customer_id,
                CASE WHEN is_touch THEN type_effect WHEN is_refund THEN 'refund' ELSE 'order_line' END AS kind,
                order_id, coalesce(item_id, title) AS item_id,
                CASE WHEN is_refund THEN -n ELSE n END AS quantity, p AS price,
                CASE WHEN is_refund THEN -abs(given_amount) ELSE given_amount END + 0.0 AS amount,
                CASE WHEN NOT is_touch THEN abs(discount_number) END AS discount, category, channel, country, title,
                CASE WHEN is_touch THEN rating_number END AS rating, CASE WHEN is_touch THEN text END AS text,
                coalesce({reading.form.is_goods}, true) AS is_goods, is_paired
            FROM timed
        )
        SELECT *, CASE WHEN reason IS NULL THEN {_digest()} END AS digest
        FROM events
        UNION ALL BY NAME
        SELECT part, row, 'torn-line' AS reason, detail, CAST(json_object('line', content) AS VARCHAR) AS content
        FROM torn
    """


def _utc_and_local(zone: str, wall: str, moment: str) -> tuple[str, str]:
    """SQL for the UTC moment and the shop's wall clock of a row that has one of the two."""
    if zone == "UTC":
        return f"coalesce(CAST({moment} AS TIMESTAMPTZ), CAST({wall} AS TIMESTAMPTZ))", f"coalesce({moment}, {wall})"
    place = sql.text(zone)
    return (
        f"coalesce(CAST({moment} AS TIMESTAMPTZ), timezone({place}, {wall}))",
        f"coalesce(timezone({place}, CAST({moment} AS TIMESTAMPTZ)), {wall})",
    )


def _digest() -> str:
    """The digest of what makes an event: not of what later exports of the same orders may add or change."""
    parts = ("customer_id", "epoch_us(ts)", "kind", "order_id", "item_id", "quantity", "price", "amount")
    texts = ", ".join(f"coalesce(CAST({part} AS VARCHAR), chr(30))" for part in parts)
    # Only events that are no order have a text, and it tells two searches of one second apart.
    return f"md5(concat_ws(chr(31), {texts}) || coalesce(chr(31) || text, ''))"


def _check_usable(
    con: duckdb.DuckDBPyConnection, reading: Reading, count: int, refused: Mapping[str, int], staged: str
) -> None:
    """A file of which nothing can be used is no order file; say what is wrong with most of it."""
    path = str(reading.source.path)
    if count == 0:
        raise InputError("bad-file", "there is a header and no row below it", where=path, remedy="export it again")
    if sum(refused.values()) < count:
        return
    reason = max(sorted(refused), key=lambda name: refused[name])
    first = (
        f"SELECT row, coalesce(detail, content) FROM read_parquet({staged}) WHERE reason = ? ORDER BY part, row LIMIT 1"
    )
    row, example = con.execute(first, [reason]).fetchall()[0]
    field = {"bad-date": "ts", "no-date": "ts", "no-customer": "customer_id", "bad-number": "amount"}.get(reason, "")
    hint = " or give --date-format" if reason == "bad-date" else ""
    if reason == "unknown-type":
        field, hint = "type", f"; if `{reading.columns.name('type')}` does not say what a row is, pass --map type="
    raise InputError(
        "bad-values",
        f"none of its {count} rows can be used; most for `{reason}`, such as row {row}: {example}",
        where=path,
        remedy=f"name the right columns with --map{f' {field}=COLUMN' if field else ''}{hint}",
    )
