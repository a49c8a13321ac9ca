"""`worth forget`: a customer, or what is too old."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.privacy import Certificate


def forget(
    folder: ShopFolder,
    customer: Annotated[
        str | None,
        typer.Argument(
            metavar="[CUSTOMER]", help="Id in the log, or e-mail address or phone number.", show_default=False
        ),
    ] = None,
    before: Annotated[
        str | None, typer.Option(help="Drop all events older than 2y, 180d, ... or from before a day.")
    ] = None,
    browsing_before: Annotated[
        str | None, typer.Option(help="The same of views, searches, carts and campaign contacts alone.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> Answer:
    """Forget a customer, or what is older than the shop keeps.

    Rows go from all tables, their older versions, quarantine and runs; reports that show the customer are removed.
    Old files bring nothing back. A certificate without personal data is written. Without a customer and an age, the
    settings privacy.keep and privacy.keep_browsing say what is too old.

    Example:

        worth forget myshop jane@example.com --dry-run
    """
    from worthwhile.privacy import forget as forget_customer
    from worthwhile.privacy import forget_before
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if customer is not None and (before or browsing_before):
        raise InputError("bad-argument", "a customer and an age are two requests", remedy="give one of them")
    with progress() as watch:
        if customer is not None:
            done = forget_customer(shop, customer, dry_run=dry_run, progress=watch)
        else:
            keep, browsing = (before or "", browsing_before or "") if before or browsing_before else (None, None)
            done = forget_before(shop, keep, browsing=browsing, dry_run=dry_run, progress=watch)
    place = str(shop.privacy / f"{done.name}.json") if done.name else None
    return Answer({**done.to_dict(), "certificate": place}, _said(done, place))


def _said(done: Certificate, place: str | None) -> list[str | Table]:
    if not done.finds_anything:
        return ["Nothing is that old."]
    title = "Would be erased" if done.dry_run else "Erased"
    rows = [(f"table {name}", f"{t.rows:,}", f"{t.older_copies:,}") for name, t in done.tables.items()]
    rows += [(f"run {name}", f"{count:,}", "-") for name, count in done.runs.items()]
    rows += [(page, "removed", "-") for page in done.reports]
    said: list[str | Table] = [table(title, ("where", "rows", "copies in older versions"), rows)]
    if done.searched:
        said.append("The files of the shop's folder were searched: " + ("" if done.left else "nothing was found."))
        said += [f"found there: {file}" for file in done.left]
        said += [f"could not be searched: {file}" for file in done.unsearched]
    if place:
        said.append(f"Certificate: {place}")
    said.append("Backups, exports and the files that were ingested are out of reach: see to them yourself.")
    return said
