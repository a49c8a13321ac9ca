"""Dates written by people, read in bulk: the distinct days of a column are read here, once each, the rest is SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from worthwhile.errors import InputError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_ISO_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_THREE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_DAY_MONTH = re.compile(r"(?:[a-z]{3,9},?\s+)?(\d{1,2})(?:st|nd|rd|th)?[-\s./]*([a-z]{3,9})\.?,?[-\s./]*(\d{4}|\d{2})")
_MONTH_DAY = re.compile(r"(?:[a-z]{3,9},\s*)?([a-z]{3,9})\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
# One row in twenty against the order of day and month that all others speak for is a slip, not a doubt.
SLIPS = 0.05
# Days of the month spread as far as this, the years that a shop's file tells of do not.
_SPREAD_OF_DAYS = 20

# Zones by name, of RFC 2822 and others that mean one thing; not CST, which is Chicago's or China's, nor BST and IST.
ZONES = {
    **{"EST": "-0500", "EDT": "-0400", "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700"},
    **{"CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300", "MSK": "+0300"},
    **{"HKT": "+0800", "SGT": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000", "AEDT": "+1100"},
}
# Halves of the day that stand before the clock. At noon and in the evening 12 o'clock may be either.
MORNING, AFTERNOON = ("上午", "凌晨", "午前", "오전"), ("下午", "午後", "오후")

# A text column splits into day, half of the day, time of day, am or pm, and offset from UTC. Numbers of 5, 10, 13, 16
# digits are Excel's days and seconds, milliseconds or microseconds from 1970.
SPLIT = (
    rf"^(.*?)[T,\s]*({'|'.join((*MORNING, *AFTERNOON))})?\s*(\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,6}})?)?)\d*"
    r"\s*([AaPp]\.?[Mm]\.?)?\s*"
    rf"({'|'.join(ZONES)}|Z|(?:UTC|GMT)(?:\s?[+-](?:1[0-4]|0?\d)(?::?[0-5]\d)?)?|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)?$"
)
ISO = r"^\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"  # what DuckDB casts by itself, and fast
NUMERIC = r"^(\d{5}(\.\d+)?|\d{10}(\.\d+)?|\d{13}(\.0+)?|\d{16})$"
STAMP = r"^(\d{8})(\d{2})(\d{2})(\d{2})$"


@dataclass(frozen=True)
class Days:
    """The days that the distinct texts of a column stand for; texts that are no date are left out."""

    day_of: dict[str, date]
    order: str  # ymd, dmy or mdy where numbers in three parts occur; else empty


def looks_like_date(text: str) -> bool:
    """Whether a value is a date, with or without time, in any form but a bare number."""
    text = text.strip()
    match = re.match(SPLIT, text)
    head = (match[1] if match else text).strip().lower()
    return any(form.fullmatch(head) for form in (_YEAR_FIRST, _THREE, _DAY_MONTH, _MONTH_DAY)) or bool(
        _COMPACT.fullmatch(head)
        and _checked(int(head[:4]), int(head[4:6]), int(head[6:]))
        and 1950 < int(head[:4]) < 2100
    )


def takes_iso(date_format: str) -> bool:
    """Whether ISO days (2024-05-01) are read as such beside those of a format: but where it says what these are."""
    return not date_format.startswith("%Y-")


def in_three_parts(text: str) -> bool:
    """Whether a text is three numbers of which any may be the day."""
    return _THREE.fullmatch(text.strip()) is not None


def read_days(texts: Iterable[str], *, date_format: str = "", where: str = "") -> Days:
    """The day of each text. With a strptime format, by that alone, but for ISO days.

    Raises InputError `ambiguous-dates` where day, month and year cannot be told apart, naming --date-format.
    """
    distinct = sorted(set(texts))
    if date_format:
        return Days(_by_format(distinct, date_format), "")
    order = _order(distinct, where)
    days = {text: day for text in distinct if (day := _read(text.strip().lower(), order)) is not None}
    return Days(days, order)


def _by_format(texts: Iterable[str], date_format: str) -> dict[str, date]:
    days = {}
    for text in texts:
        if takes_iso(date_format) and _ISO_DAY.fullmatch(text.strip()):
            if (day := _read(text.strip(), "")) is not None:
                days[text] = day
            continue
        try:
            days[text] = datetime.strptime(text.strip(), date_format).date()
        except ValueError:
            continue
    return days


def _order(texts: Iterable[str], where: str) -> str:
    """Which number is the day and which the year, from the dates that leave no choice."""
    matches = [match for text in texts if (match := _THREE.fullmatch(text.strip()))]
    if not matches:
        return ""
    if all(len(match[4]) == 2 for match in matches) and _is_year_first(matches, where):
        return "ymd"
    if all(match[2] == "." for match in matches):
        return "dmy"  # points part day, month and year, in this order, wherever they are used
    day_first = sum(int(match[1]) > 12 >= int(match[3]) for match in matches)
    month_first = sum(int(match[3]) > 12 >= int(match[1]) for match in matches)
    if min(day_first, month_first) <= SLIPS * max(day_first, month_first) and day_first != month_first:
        return "dmy" if day_first > month_first else "mdy"
    if day_first == 0 and all(match[1] == match[3] for match in matches):
        return "dmy"  # 5/5/2011 is the same either way
    example = next((match[0] for match in matches if match[1] != match[3]), matches[0][0])
    both = "some dates have the day first and some the month" if day_first else "no day above 12 tells them apart"
    raise InputError(
        "ambiguous-dates",
        f"day and month of dates such as `{example}` cannot be told apart: {both}",
        where=where,
        remedy="say which it is with --date-format %d/%m/%Y or --date-format %m/%d/%Y",
    )


def _is_year_first(matches: Sequence[re.Match[str]], where: str) -> bool:
    """Whether years of two digits stand first, as in `24/03/15`, or last.

    No day is 0 or above 31 and no month above 12; else the days are at the end whose numbers spread over a month.
    """
    firsts, middles, lasts = ([int(match[group]) for match in matches] for group in (1, 3, 4))
    first = sum(not 1 <= number <= 31 for number in firsts)
    last = sum(not 1 <= number <= 31 or middle > 12 for number, middle in zip(lasts, middles, strict=True))
    if min(first, last) <= SLIPS * max(first, last) and first != last:
        return first > last
    spreads = [max(numbers) - min(numbers) >= _SPREAD_OF_DAYS for numbers in (firsts, lasts)]
    if first == last == 0 and spreads[0] != spreads[1]:
        return spreads[1]
    raise InputError(
        "ambiguous-dates",
        f"of dates such as `{matches[0][0]}` it cannot be told whether the year or the day stands first",
        where=where,
        remedy="say which it is with --date-format %y/%m/%d, %d/%m/%y or %m/%d/%y, parted as the dates are",
    )


def _read(text: str, order: str) -> date | None:
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        return _checked(int(match[1]), int(match[2]), int(match[3]))
    if match := _THREE.fullmatch(text):
        parts = dict(zip(order, (match[1], match[3], match[4]), strict=True))
        return _checked(_full_year(parts["y"]), int(parts["m"]), int(parts["d"]))
    if (match := _DAY_MONTH.fullmatch(text)) and match[2][:3] in _MONTHS:
        return _checked(_full_year(match[3]), _MONTHS.index(match[2][:3]) + 1, int(match[1]))
    if (match := _MONTH_DAY.fullmatch(text)) and match[1][:3] in _MONTHS:
        return _checked(int(match[3]), _MONTHS.index(match[1][:3]) + 1, int(match[2]))
    return None


def _full_year(digits: str) -> int:
    """Two digits are 1970 to 2069, as in POSIX's strptime but for 1969."""
    return int(digits) if len(digits) == 4 else 2000 + int(digits) - (100 if int(digits) >= 70 else 0)


def _checked(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
