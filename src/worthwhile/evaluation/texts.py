"""Texts for people that lie beside the code: a TOML file for each language, with the same keys and placeholders."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def texts_of(package: str, name: str) -> dict[str, str]:
    """The texts of `texts/<name>.toml` in a package: dotted key -> text."""
    source = files(package).joinpath("texts", f"{name}.toml").read_text(encoding="utf-8")
    return _flat(tomllib.loads(source))


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
