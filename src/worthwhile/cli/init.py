"""`worth init`: make a shop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worthwhile.cli.answer import Answer


def init(
    folder: Annotated[Path, typer.Argument(metavar="SHOP", help="Folder to make.", show_default=False)],
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code of all amounts. [default: EUR]")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA time zone of the shop's days. [default: UTC]")] = None,
    name: Annotated[str | None, typer.Option(help="Name in reports. [default: the folder's]")] = None,
) -> Answer:
    """Make a shop.

    A shop is a folder with its settings, tables, runs and reports.

    Example:

        worth init myshop --currency GBP --timezone Europe/London
    """
    from worthwhile.shop import create_shop

    given = {"currency": currency, "timezone": timezone, "name": name}
    shop = create_shop(folder, **{key: value for key, value in given.items() if value is not None})
    document = {"shop": shop.folder, "settings": dict(shop.settings.values)}
    said = f"Made the shop {shop.folder} ({shop.settings['currency']}, {shop.settings['timezone']})."
    return Answer(document, (said, f"Next: worth ingest {shop.folder} orders.csv"))
