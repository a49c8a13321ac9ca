"""What is kept in shop.toml of how files are read, so that later ones are read alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from worthwhile.ingestion.columns import MONEY, Columns
from worthwhile.ingestion.screening import Mode
from worthwhile.shop import SETTINGS_FILE, Shop, change_settings, write_settings_file


def told_by_values(files: Sequence[Columns]) -> dict[str, str]:
    """What the values of one of these files told that those of a later one, of few rows, may not."""
    names = [columns.name("order_total") for columns in files if columns.how.get("order_total") == "value"]
    return {"order_total": names[-1]} if names else {}


def said_of(
    shop: Shop,
    *,
    mapping: Mapping[str, str],
    date_format: str | None,
    decimal: str | None,
    mode: Mode | None,
) -> dict[str, Any]:
    """What later files are to be read with, as settings; without what they are already."""
    said: dict[str, Any] = {}
    if mapping:
        columns = {**_not_taken(shop.settings["ingest.columns"], mapping), **mapping}
        said["ingest.columns"] = {field: name for field, name in columns.items() if name}
    if date_format:
        said["ingest.date_format"] = date_format
    if decimal:
        said["ingest.decimal"] = decimal
    if mode:
        said["privacy.pseudonymise"] = mode
    return {key: value for key, value in said.items() if shop.settings[key] != value}


def _not_taken(columns: Mapping[str, str], mapping: Mapping[str, str]) -> dict[str, str]:
    """What is kept but of a column of money that is now said to be other money."""
    taken = {name for field, name in mapping.items() if field in MONEY}
    return {field: name for field, name in columns.items() if field not in MONEY or name not in taken}


@contextmanager
def kept(shop: Shop, said: Mapping[str, Any]) -> Iterator[None]:
    """Settings changed in shop.toml, but where what is done with them fails: then it is as it was."""
    if not said:
        yield
        return
    before = (shop.folder / SETTINGS_FILE).read_text(encoding="utf-8")
    change_settings(shop, said)
    try:
        yield
    except BaseException:
        write_settings_file(shop, before)
        raise
