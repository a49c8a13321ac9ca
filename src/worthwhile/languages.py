"""The languages that what people read is written in."""

from __future__ import annotations

import re

from worthwhile.errors import InputError

LANGUAGES = ("en", "zh")  # texts are pairs in this order
# What people and systems call them beside that, as far as a region or an encoding does not follow: zh-CN, zh_CN.UTF-8.
_ALSO = {"english": "en", "cn": "zh", "chs": "zh", "chinese": "zh", "中文": "zh", "简体中文": "zh"}


def language_of(said: str) -> str:
    """The language that is meant by zh-CN, zh_CN, cn, en-GB and the like.

    Raises InputError `bad-argument` for a language that there are no texts in.
    """
    first = re.split(r"[-_.]", said.strip().lower())[0]
    lang = _ALSO.get(first, first)
    check_language(lang if lang in LANGUAGES else said)
    return lang


def check_language(lang: str) -> None:
    """Raises InputError `bad-argument` for a language that there are no texts in."""
    if lang not in LANGUAGES:
        raise InputError("bad-argument", f"there are no texts in `{lang}`", where="--lang", remedy="use en or zh")
