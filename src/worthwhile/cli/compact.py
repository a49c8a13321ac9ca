"""`worth compact`: many small files become few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress

if TYPE_CHECKING:
    from worthwhile.store.compact import Files


def compact(
    folder: ShopFolder,
    keep_days: Annotated[
        float, typer.Option("--keep-days", help="Days for which files of replaced versions stay, for who reads them.")
    ] = 7.0,
) -> Answer:
    """Write a shop's many small files together, and remove files that no version in use needs.

    Numbers stay the same. What recorded runs read is kept for as long as the run is there.

    Example:

        worth compact myshop
    """
    from worthwhile.shop import open_shop
    from worthwhile.store.compact import compact as write_together

    shop = open_shop(folder)
    with progress() as watch:
        watch("compacting", 0.0)
        done = write_together(shop, keep_days=keep_days)
    rows = [
        ("in use", *_row(done.before, done.after)),
        ("on disk", *_row(done.disk_before, done.disk_after)),
    ]
    columns = ("", "files before", "after", "MB before", "after")
    return Answer({"shop": shop.folder, **done.to_dict()}, (table(f"{shop.name}: compacted", columns, rows),))


def _row(before: Files, after: Files) -> tuple[str, ...]:
    return f"{before.count:,}", f"{after.count:,}", f"{before.bytes / 1e6:,.2f}", f"{after.bytes / 1e6:,.2f}"
