"""The commands' own words: one TOML table for each language, with the same keys."""

from __future__ import annotations

from functools import cache


def said(key: str, lang: str, **values: object) -> str:
    """The text of a key, such as `check.title`, filled in."""
    return _texts(lang)[key].format(**values)


def heads(group: str, keys: tuple[str, ...], lang: str, **values: object) -> list[str]:
    """The heads of a table's columns."""
    return [said(f"{group}.{key}", lang, **values) for key in keys]


@cache
def _texts(lang: str) -> dict[str, str]:
    from worthwhile.evaluation.texts import texts_of

    return texts_of("worthwhile.cli", lang)
