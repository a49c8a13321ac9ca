"""When a row happened: dates and times of day as texts become the wall clock of the shop and UTC. In SQL, but for the
distinct days, which `dates.py` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion import dates
from worthwhile.ingestion.cleaning import MISSING_DATA, is_one_of
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.source import column
from worthwhile.store import sql

_CLOCK_DIRECTIVES = ("%H", "%I", "%M", "%S", "%f", "%p", "%T", "%X", "%c", "%z", "%Z")

_PARTS = "['d', 'half', 't', 'ap', 'z']"  # of a time, by `dates.SPLIT`
# GMT+8 and names of zones as +08 and the like, so that hours have two digits.
_NAMED = " ".join(f"WHEN {sql.text(name)} THEN {sql.text(offset)}" for name, offset in dates.ZONES.items())
_OFFSET = rf"""
    CASE m.z WHEN '' THEN NULL {_NAMED}
         ELSE regexp_replace(regexp_replace(m.z, '^(UTC|GMT)\s?([+-])', '\2'), '^([+-])(\d)(:?\d\d)?$', '\10\2\3') END
"""


_OTHERS = ("placed_at", "refunded_at", "updated_at")  # columns of moments beside `ts`


def find_days(con: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    """The view `clocked` with day text, time and offset of each row, and the table `days` of its distinct days.

    And the table `other_times` with the same of each distinct text that says when an order was placed, refunded or
    changed.
    """
    all_iso = _all_iso(con, reading)
    con.execute(f"CREATE OR REPLACE TEMP VIEW clocked AS {_clocked(reading, 'cleaned', all_iso=all_iso)}")
    others = " UNION ".join(
        f"SELECT DISTINCT {field} AS ts, NULL AS time FROM cleaned WHERE {field} IS NOT NULL"
        for field in _OTHERS
        if field in reading.columns
    )
    others = others or "SELECT CAST(NULL AS VARCHAR) AS ts, NULL AS time LIMIT 0"
    con.execute(f"CREATE OR REPLACE TEMP TABLE other_times AS {_clocked(reading, f'({others})')}")
    con.execute("CREATE OR REPLACE TEMP TABLE days (day_text VARCHAR, day DATE)")
    if _whole_format(reading):
        return
    both = "SELECT day_text FROM other_times" + ("" if all_iso else " UNION SELECT day_text FROM clocked")
    rows = con.execute(f"SELECT DISTINCT day_text FROM ({both}) WHERE day_text IS NOT NULL ORDER BY 1 LIMIT 200000")
    texts = [text for (text,) in rows.fetchall()]
    try:
        found = dates.read_days(texts, date_format=reading.date_format)
    except InputError as error:
        where = f"{reading.source.where}, {_columns_in_doubt(con, reading)}"
        raise InputError(error.code, error.what, where=where, remedy=error.remedy) from None
    if found.day_of:
        con.register("found_days", _table(found.day_of))
        con.execute("INSERT INTO days SELECT * FROM found_days")
        con.unregister("found_days")


def _columns_in_doubt(con: duckdb.DuckDBPyConnection, reading: Reading) -> str:
    """The columns whose days are three numbers each, in words."""
    names = []
    for field in ("ts", *_OTHERS):
        if field not in reading.columns:
            continue
        days = "clocked" if field == "ts" else f"other_times WHERE ts IN (SELECT {field} FROM cleaned)"
        texts = con.execute(f"SELECT DISTINCT day_text FROM {days}").fetchall()
        if any(text and dates.in_three_parts(text) for (text,) in texts):
            names.append(f"`{reading.columns.name(field)}`")
    return f"column{'s' * (len(names) > 1)} {', '.join(names)}"


def _table(day_of: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table({"day_text": pa.array(day_of.keys(), pa.string()), "day": pa.array(day_of.values(), pa.date32())})


def _whole_format(reading: Reading) -> bool:
    """Whether the date format given speaks of the time of day too, and so of the whole text."""
    return any(directive in reading.date_format for directive in _CLOCK_DIRECTIVES)


def _all_iso(con: duckdb.DuckDBPyConnection, reading: Reading) -> bool:
    """Whether every date of the file is an ISO text of one column, which need not be split."""
    if "ts" not in reading.columns or "ts" in {*reading.columns.instead, *reading.form.utc}:
        return False
    if not dates.takes_iso(reading.date_format) or "time" in reading.columns or reading.odd_blanks:
        return False
    text = f"trim({column(reading.columns.index['ts'])})"
    other = f"NOT regexp_matches({text}, {sql.text(dates.ISO)}) AND NOT {is_one_of(text, MISSING_DATA)}"
    return con.execute(f"SELECT count(*) FROM (SELECT 1 FROM raw WHERE {other} LIMIT 1)").fetchall() == [(0,)]


def _clocked(reading: Reading, rows: str, *, all_iso: bool = False) -> str:
    """Of `rows` with the texts `ts` and `time`, day, time and offset of each.

    ISO texts are cast as they stand, which is ten times as fast; all others are split.
    """
    if all_iso:
        return f"""
            SELECT *, 0 AS digits, true AS is_iso, CAST(NULL AS VARCHAR) AS zone_text,
                try_cast(ts AS TIMESTAMP) AS iso_wall, CAST(NULL AS VARCHAR) AS day_text, CAST(NULL AS TIME) AS clock,
                CAST(NULL AS INTEGER) AS afternoon, false AS is_no_clock
            FROM {rows}
        """
    text = "ts || ' ' || time" if "time" in reading.columns and rows == "cleaned" else "ts"
    iso = "false" if not dates.takes_iso(reading.date_format) else f"regexp_matches(stamp, {sql.text(dates.ISO)})"
    return rf"""
        SELECT * EXCLUDE (stamp, m), {_OFFSET} AS zone_text,
            CASE WHEN is_iso THEN try_cast(stamp AS TIMESTAMP) END AS iso_wall,
            CASE WHEN digits > 0 OR is_iso THEN NULL WHEN m.t <> '' THEN trim(m.d) ELSE stamp END AS day_text,
            try_cast(replace(nullif(m.t, ''), ',', '.') AS TIME) AS clock,
            CASE WHEN m.half IN ({sql.texts(dates.AFTERNOON)}) THEN 1 WHEN m.half <> '' THEN 0
                 WHEN lower(left(m.ap, 1)) = 'p' THEN 1 WHEN lower(left(m.ap, 1)) = 'a' THEN 0 END AS afternoon,
            m.t <> '' AND clock IS NULL AS is_no_clock
        FROM (
            SELECT *, CASE WHEN NOT is_iso THEN regexp_extract(stamp, {sql.text(dates.SPLIT)}, {_PARTS})
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


def wall_and_moment(reading: Reading) -> tuple[str, str]:
    """SQL for the wall clock of a row without an offset, and for the UTC moment of a row with one."""
    if _whole_format(reading):
        parsed = f"try_strptime(ts, {sql.text(reading.date_format)})"
        if "%z" in reading.date_format or "%Z" in reading.date_format:
            return "iso_wall", f"CASE WHEN NOT is_iso THEN CAST({parsed} AS TIMESTAMP) END"
        return f"CASE WHEN is_iso THEN iso_wall ELSE {parsed} END", "CAST(NULL AS TIMESTAMP)"
    # 12:30 AM is half past midnight, 1:30 PM half past thirteen.
    noon = (
        "CASE WHEN afternoon = 1 AND hour(clock) < 12 THEN 12"
        " WHEN afternoon = 0 AND hour(clock) = 12 THEN -12 ELSE 0 END"
    )
    midnight = "CASE WHEN NOT coalesce(is_no_clock, false) THEN TIME '00:00:00' END"  # 25:61 is no time of day
    naive = f"days.day + coalesce(clock, {midnight}) + to_hours({noon})"
    # Excel counts days from 1899-12-30; whole seconds undo the rounding of the fraction.
    excel = "TIMESTAMP '1899-12-30 00:00:00' + to_seconds(CAST(round(CAST(ts AS DOUBLE) * 86400) AS BIGINT))"
    unit = "CASE digits WHEN 16 THEN 1 WHEN 13 THEN 1e3 ELSE 1e6 END"
    epoch = f"make_timestamp(CAST(CAST(ts AS DOUBLE) * {unit} AS BIGINT))"
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


def utc_and_local(zone: str, wall: str, moment: str) -> tuple[str, str]:
    """SQL for the UTC moment and the shop's wall clock of a row that has one of the two."""
    if zone == "UTC":
        return f"coalesce(CAST({moment} AS TIMESTAMPTZ), CAST({wall} AS TIMESTAMPTZ))", f"coalesce({moment}, {wall})"
    place = sql.text(zone)
    return (
        f"coalesce(CAST({moment} AS TIMESTAMPTZ), timezone({place}, {wall}))",
        f"coalesce(timezone({place}, CAST({moment} AS TIMESTAMPTZ)), {wall})",
    )
