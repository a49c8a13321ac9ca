"""`worth check`: what is wrong with the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress


def check(
    folder: ShopFolder,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the findings as a page too, with charts.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option("--quarantine", metavar="FILE", help="Write all refused rows as CSV.")
    ] = None,
    lang: Annotated[str, typer.Option(help="en or zh: of the page and of the CSV.")] = "en",
) -> Answer:
    """Say what is wrong with a shop's data.

    Each finding has its severity, how much it concerns, what was done about it, and what to do.

    Example:

        worth check myshop --html quality.html --quarantine refused.csv
    """
    from worthwhile.ingestion.quality import check as find
    from worthwhile.ingestion.quarantine_file import write_quarantine
    from worthwhile.ingestion.words import counted
    from worthwhile.report.quality_page import write_quality_page
    from worthwhile.report.rendering import check_language, writable
    from worthwhile.shop import open_shop

    check_language(lang)
    for path, option in ((html, "--html"), (quarantine, "--quarantine")):
        if path is not None:
            writable(path, option)
    shop = open_shop(folder)
    with progress() as watch:
        watch("checking", 0.0)
        findings = find(shop)
        document: dict[str, Any] = {"shop": shop.folder, "findings": [f.to_dict() for f in findings]}
        rows = [
            (f.severity, f.title, f"{f.count:,}", f"{f.detail} What was done: {f.done}. What to do: {f.advice}")
            for f in findings
        ]
        columns = ("severity", "finding", "count", "what it is")
        shown: list[str | Table] = [
            table(f"{shop.name}: {counted(len(findings), 'finding', 'findings')}", columns, rows)
            if findings
            else "Nothing was found wrong."
        ]
        if quarantine is not None:
            count = write_quarantine(shop, quarantine, lang)
            document["quarantine"] = {"file": quarantine, "rows": count}
            shown.append(f"Wrote {counted(count, 'refused row', 'refused rows')} to {quarantine}")
        if html is not None:
            document["html"] = write_quality_page(shop, html, lang, progress=watch)
            shown.append(f"Wrote {html}")
    return Answer(document, tuple(shown))
