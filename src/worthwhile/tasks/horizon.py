"""Calendar spans: 90d, 12w, 6mo, 1y. A month is a calendar month in the shop's time zone, never 30 days."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from worthwhile.errors import InputError

_FORM = re.compile(r"(\d{1,4})\s*(d|w|mo|y)")
_DAYS = {"d": 1.0, "w": 7.0, "mo": 365.25 / 12, "y": 365.25}
LONGEST_DAYS = 366 * 10


def _plus_months(day: date, months: int) -> date:
    """The same day some months later; the 31st becomes the month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(frozen=True, order=False)
class Horizon:
    """A span of `count` days (d), weeks (w), calendar months (mo) or years (y)."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str | Horizon) -> Horizon:
        """`90d`, `12w`, `6mo` or `1y`. Raises InputError `bad-argument`."""
        if isinstance(text, Horizon):
            return text
        match = _FORM.fullmatch(str(text).strip().lower())
        if match is None or int(match[1]) == 0 or int(match[1]) * _DAYS[match[2]] > LONGEST_DAYS:
            raise InputError(
                "bad-argument",
                f"`{text}` is no horizon",
                where="--horizon",
                remedy="write days, weeks, calendar months or years, up to ten years: 90d, 12w, 6mo, 1y",
            )
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def nominal_days(self) -> float:
        """Mean length in days, for ordering horizons and for scaling rates."""
        return self.count * _DAYS[self.unit]

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The UTC moment that lies this span after `moment`, by the shop's calendar and wall clock.

        Raises InputError `bad-argument` beyond the year 9999; `before` the same ahead of the year 1.
        """
        return self._move(moment, zone, self.count)

    def before(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The UTC moment that lies this span before `moment`, by the shop's calendar and wall clock."""
        return self._move(moment, zone, -self.count)

    def _move(self, moment: datetime, zone: ZoneInfo, count: int) -> datetime:
        try:
            local = moment.astimezone(zone)
            if self.unit in "dw":
                day = local.date() + timedelta(days=count * (7 if self.unit == "w" else 1))
            else:
                day = _plus_months(local.date(), count * (12 if self.unit == "y" else 1))
            return datetime.combine(day, local.time(), tzinfo=zone).astimezone(UTC)
        except (OverflowError, ValueError) as error:  # years 1 to 9999 is all that there is
            raise InputError(
                "bad-argument",
                f"{self} from {moment:%Y-%m-%d} leads out of the calendar",
                where="--horizon",
                remedy="take a shorter horizon, or a cutoff within the log",
            ) from error
