"""Words that fit a number."""

from __future__ import annotations

from datetime import date


class Count(int):
    """A number that a text may hold with the word that fits it: f"{Count(n):,} {Count(n):row|rows}"."""

    def __format__(self, form: str) -> str:
        one, bar, many = form.partition("|")
        if not bar:
            return int(self).__format__(form)
        return one if self == 1 else many


def day_in(day: date, lang: str) -> str:
    """A day as a text of a language writes it: 2024-01-31, 2024年1月31日."""
    return f"{day.year}年{day.month}月{day.day}日" if lang == "zh" else day.isoformat()


def counted(count: int, one: str, many: str) -> str:
    """`1 row`, `2,357 rows`."""
    return f"{count:,} {one if count == 1 else many}"
