"""`worth settings`: read and change a shop's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.shop import Shop


def settings(
    folder: ShopFolder,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change in shop.toml.", show_default=False),
    ] = None,
) -> Answer:
    """Show a shop's settings, or change some and show these.

    Example:

        worth settings myshop value.margin=0.4 value.margins.toys=0.35
    """
    from worthwhile.settings import SETTINGS
    from worthwhile.shop import change_settings, open_shop

    shop = open_shop(folder)
    shown = list(SETTINGS)
    if changes:
        parsed = _parse(shop, changes)
        if "ingest.columns" in parsed:
            from worthwhile.ingestion.columns import check_mapping

            check_mapping(parsed["ingest.columns"], where="setting ingest.columns")
        shop = change_settings(shop, parsed)
        shown = list(parsed)
    values = dict(shop.settings.values)
    rows = [(key, _said(values[key]), SETTINGS[key].doc) for key in shown]
    return Answer(
        {"shop": shop.folder, "settings": values}, (table(shop.name, ("setting", "value", "what it is for"), rows),)
    )


def _parse(shop: Shop, changes: list[str]) -> dict[str, Any]:
    """`KEY=VALUE` texts as changes; an entry of a setting that is a table is written `value.margins.toys=0.35`,
    and taken out of it by `value.margins.toys=`."""
    from worthwhile.settings import SETTINGS

    parsed: dict[str, Any] = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals:
            raise InputError("bad-argument", f"`{change}` is no change", remedy="write KEY=VALUE, such as currency=GBP")
        owner = next((k for k, s in SETTINGS.items() if isinstance(s.default, dict) and key.startswith(k + ".")), None)
        if owner is None:
            parsed[key] = value
        else:
            entry = key.removeprefix(owner + ".")
            others = {name: kept for name, kept in parsed.get(owner, shop.settings[owner]).items() if name != entry}
            parsed[owner] = {**others, entry: value} if value else others
    return parsed


def _said(value: Any) -> str:
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
