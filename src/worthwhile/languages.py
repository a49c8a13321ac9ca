"""The languages that what people read is written in."""

from __future__ import annotations

from worthwhile.errors import InputError

LANGUAGES = ("en", "zh")  # texts are pairs in this order


def check_language(lang: str) -> None:
    """Raises InputError `bad-argument` for a language that there are no texts in."""
    if lang not in LANGUAGES:
        raise InputError("bad-argument", f"there are no texts in `{lang}`", where="--lang", remedy="use en or zh")
