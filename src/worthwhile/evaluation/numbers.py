"""Numbers, money, shares and dates as a reader of English or Chinese writes them.

Rounding follows use: three significant figures are enough to act on, and no amount shows cents once it passes 100.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from worthwhile.languages import LANGUAGES

MISSING, MINUS = "–", "−"
NO_BREAK = "\u00a0"

# ISO 4217 code -> symbol in an English and in a Chinese text. Others are written as their code.
_SYMBOLS: dict[str, tuple[str, str]] = {
    "CNY": ("¥", "¥"),
    "JPY": ("¥", "JP¥"),
    "USD": ("$", "US$"),
    "GBP": ("£", "£"),
    "EUR": ("€", "€"),
    "HKD": ("HK$", "HK$"),
    "TWD": ("NT$", "NT$"),
    "AUD": ("A$", "AU$"),
    "CAD": ("C$", "CA$"),
    "SGD": ("S$", "S$"),
    "INR": ("₹", "₹"),
    "KRW": ("₩", "₩"),
}
# What a Chinese text writes after a shortened amount: 18.4 万美元. Its own currency keeps the sign.
_CHINESE_WORDS = {
    **{"JPY": "日元", "USD": "美元", "GBP": "英镑", "EUR": "欧元", "HKD": "港元", "TWD": "新台币", "AUD": "澳元"},
    **{"CAD": "加元", "SGD": "新加坡元", "INR": "印度卢比", "KRW": "韩元"},
}
_WHOLE_ONLY = {"JPY", "KRW", "VND", "IDR", "CLP"}  # currencies whose smaller unit is not in use

# Language -> (from this size on, divided by, unit), largest first. Chinese counts in 10^4 and 10^8.
_UNITS: dict[str, list[tuple[float, float, str]]] = {
    "en": [(1e9, 1e9, "bn"), (1e6, 1e6, "m"), (1e4, 1e3, "k")],
    "zh": [(1e8, 1e8, f"{NO_BREAK}亿"), (1e4, 1e4, f"{NO_BREAK}万")],
}
_ENGLISH_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def share(value: float | None) -> str:
    """A share of 1 in per cent: whole numbers, one decimal below 10 %, never a false 0 % or 100 %."""
    if value is None or not _finite(value):
        return MISSING
    if 0 < abs(value) < 0.001:
        return "<0.1%" if value > 0 else f">{MINUS}0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    percent = value * 100
    digits = 1 if 0 < abs(percent) < 9.95 or 99 < percent < 100 else 0
    return f"{percent:,.{digits}f}%".replace("-", MINUS)


def with_plus(text: str, value: float | None) -> str:
    """A written number with a plus before it where it is more than what rounds to zero."""
    return f"+{text}" if value is not None and value > 0 and any(c in "123456789" for c in text) else text


def _three_figures(value: float) -> str:
    """At most three significant figures, without exponent: 1.23, 12.3, 123."""
    size = abs(value)
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Numbers:
    """How numbers are written for a reader: `language` is `en` or `zh`, `currency` an ISO 4217 code; an empty one
    leaves the symbol away, in columns whose head names it."""

    language: str
    currency: str

    @property
    def symbol(self) -> str:
        if not self.currency:
            return ""
        known = _SYMBOLS.get(self.currency)
        return known[LANGUAGES.index(self.language)] if known else self.currency + NO_BREAK

    def _signed(self, value: float, text: str) -> str:
        """The text of an absolute amount with symbol and sign; no minus before what rounds to zero."""
        minus = MINUS if value < 0 and any(c in "123456789" for c in text) else ""
        return f"{minus}{self.symbol}{text}"

    def money(self, value: float | None) -> str:
        """1,234 or 12.34 with the currency's symbol; cents below 100 only."""
        if value is None or not _finite(value):
            return MISSING
        size = abs(value)
        digits = 0 if size >= 99.995 or value == 0 or self.currency in _WHOLE_ONLY else 2
        return self._signed(value, f"{size:,.{digits}f}")

    def money_short(self, value: float | None) -> str:
        """Three significant figures with a unit: £1.23m, ¥123 万; below a thousand as `money`, but £20 where it is
        whole."""
        if value is None or not _finite(value):
            return MISSING
        size = abs(value)
        text = self._small(size) if size < 999.5 else self._with_unit(float(f"{size:.3g}"))
        word = _CHINESE_WORDS.get(self.currency) if self.language == "zh" and NO_BREAK in text else None
        return self._signed(value, text) if word is None else (MINUS if value < 0 else "") + text + word

    def money_change(self, value: float | None, *, short: bool = False) -> str:
        """What is added or taken away, with its sign: +£18.00, −£4.20, £0."""
        return with_plus(self.money_short(value) if short else self.money(value), value)

    def points(self, change: float | None) -> str:
        """A change of a share in percentage points with its sign: +4.2, −0.3, 0."""
        if change is None or not _finite(change):
            return MISSING
        text = f"{abs(change) * 100:.1f}"
        return "0" if text == "0.0" else ("+" if change > 0 else MINUS) + text

    def money_told(self, value: float | None) -> str:
        """An amount that is a fact, to the cent; without cents from a hundred thousand on."""
        if value is None or not _finite(value):
            return MISSING
        whole = self.currency in _WHOLE_ONLY or abs(value) >= 1e5
        return self._signed(value, f"{abs(value):,.{0 if whole else 2}f}")

    def _small(self, size: float) -> str:
        digits = 0 if size >= 99.995 or size == round(size) or self.currency in _WHOLE_ONLY else 2
        return f"{size:,.{digits}f}"

    def _with_unit(self, size: float) -> str:
        for start, divisor, unit in _UNITS[self.language]:
            if size >= start:
                return _three_figures(size / divisor) + unit
        return f"{size:,.0f}"

    def count(self, value: float | None) -> str:
        return self.decimal(value, 0)

    def decimal(self, value: float | None, digits: int = 2) -> str:
        """With so many digits; no minus before what rounds to zero."""
        if value is None or not _finite(value):
            return MISSING
        text = f"{abs(value):,.{digits}f}"
        return MINUS + text if value < 0 and any(c in "123456789" for c in text) else text

    def share(self, value: float | None) -> str:
        return share(value)

    def change(self, value: float | None) -> str:
        """A relative deviation with its sign: +12%, −3.4%."""
        if value is None or not _finite(value):
            return MISSING
        text = f"{abs(value) * 100:,.{0 if abs(value) >= 0.0995 else 1}f}%"
        if not any(c in "123456789" for c in text):
            return "0%"
        return ("+" if value > 0 else MINUS) + text

    def day(self, day: date | None) -> str:
        if day is None:
            return MISSING
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day}{NO_BREAK}{_ENGLISH_MONTHS[day.month - 1]} {day.year}"

    def month(self, day: date) -> str:
        return f"{day.year}年{day.month}月" if self.language == "zh" else f"{_ENGLISH_MONTHS[day.month - 1]} {day.year}"

    def month_tick(self, day: date) -> str:
        """Short enough for an axis; the year only where it begins."""
        name = f"{day.month}月" if self.language == "zh" else _ENGLISH_MONTHS[day.month - 1]
        return name

    def span_tick(self, day: date) -> str:
        """The start of a span below its bar."""
        if self.language == "zh":
            return f"{day.year}/{day.month}/{day.day}"
        return f"{day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year % 100:02d}"

    def money_whole(self, value: float) -> str:
        """A round amount of an axis or a bin: no needless zeros after the point."""
        whole = value >= 100 or value == round(value)
        return self.symbol + (f"{value:,.0f}" if whole else f"{value:,.2f}" if value >= 0.1 else f"{value:.2g}")
