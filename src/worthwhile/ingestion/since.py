"""How far a database was read: values that `:since` takes, how they are written and compared, and what is read again.

A row that is committed late bears a time before others that were read already. So reading goes on from some time
before the last value; what is read again is known by its events' ids and adds nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeAlias
from zoneinfo import ZoneInfo

from worthwhile.errors import InputError

LAST = "last"
Value: TypeAlias = "datetime | date | Decimal"
Overlap: TypeAlias = "timedelta | Decimal"

# Kind of a column that reading can go on by -> what it is called, and the type that DuckDB reads its texts as.
KINDS: dict[str, tuple[str, str]] = {
    "moment": ("a time with its zone", "TIMESTAMPTZ"),
    "wall": ("a time without zone", "TIMESTAMP"),
    "day": ("a day", "DATE"),
    "number": ("a number", "DECIMAL(38, 9)"),
}
DEFAULT_OVERLAP = timedelta(minutes=10)  # longer than a transaction of a shop runs
DEFAULT_NUMBERS = Decimal(1000)  # numbers are handed out before the rows that bear them are committed
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}
_OVERLAP = re.compile(r"(\d+)\s*(s|min|h|d)?")


def read_overlap(text: str | None) -> Overlap | None:
    """`10min`, `2h`, `1d`, or for numbers `5000`; None where nothing is said. Raises InputError `bad-argument`."""
    if text is None:
        return None
    match = _OVERLAP.fullmatch(str(text).strip())
    if match is None:
        raise InputError(
            "bad-argument", f"`{text}` is no overlap", where="--overlap", remedy="write 30s, 10min, 2h, 1d, or a number"
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match[2] else Decimal(match[1])


@dataclass(frozen=True)
class SinceColumn:
    """The column that `:since` is compared with: the kind of its values, and the shop's zone, in which times without an
    offset are meant."""

    kind: str
    zone: ZoneInfo

    def read(self, text: str) -> Value:
        """The value that a text is. Raises InputError `bad-argument` where it is none of this kind."""
        text = text.strip()
        try:
            if self.kind == "number":
                number = Decimal(text)
                if not number.is_finite():
                    raise InvalidOperation
                return number
            moment = datetime.fromisoformat(text)
        except (ValueError, InvalidOperation) as error:
            raise self._no_value(text) from error
        if self.kind == "moment":
            return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)
        if moment.tzinfo is not None:
            raise InputError(
                "bad-argument",
                f"`{text}` has an offset, and the column that `:since` is compared with has none",
                where="--since",
                remedy="write the time as the column has it",
            )
        return moment if self.kind == "wall" else moment.date()

    def _no_value(self, text: str) -> InputError:
        example = "1200" if self.kind == "number" else "2024-12-31" + "T18:00" * (self.kind != "day")
        return InputError(
            "bad-argument",
            f"`{text}` is not {KINDS[self.kind][0]}, which the column is that `:since` is compared with",
            where="--since",
            remedy=f"write `last`, or a value such as {example}",
        )

    def before(self, value: Value, overlap: Overlap | None) -> Value:
        """The value less the overlap. Raises InputError `bad-argument` where the overlap is of another kind."""
        if isinstance(value, Decimal):
            overlap = DEFAULT_NUMBERS if overlap is None else overlap
            if isinstance(overlap, timedelta):
                raise _other_overlap("a number", "5000")
            return value - overlap
        overlap = DEFAULT_OVERLAP if overlap is None else overlap
        if isinstance(overlap, Decimal):
            if overlap:
                raise _other_overlap(KINDS[self.kind][0], "10min")
            overlap = timedelta(0)
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        try:
            earlier = moment - overlap
        except OverflowError:
            earlier = datetime.min.replace(tzinfo=moment.tzinfo)
        return earlier if isinstance(value, datetime) else earlier.date()

    def latest(self, now: datetime) -> date | None:
        """What a row that is there now can bear at most; None for numbers.

        The zone of a column without one is not known: UTC or the shop's, whichever is behind.
        """
        if self.kind == "number":
            return None
        if self.kind == "moment":
            return now
        wall = min(now.astimezone(zone).replace(tzinfo=None) for zone in (UTC, self.zone))
        return wall if self.kind == "wall" else wall.date()


def write(value: Value) -> str:
    """A value as the ledger keeps it."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value.isoformat()


def _other_overlap(kind: str, example: str) -> InputError:
    return InputError(
        "bad-argument",
        f"the column that `:since` is compared with is {kind}, and the overlap is not",
        where="--overlap",
        remedy=f"write one such as {example}",
    )
