"""`worth check`: what is wrong with the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, at_shop, table
from worthwhile.cli.options import Language, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.cli.texts import heads, said

if TYPE_CHECKING:
    from worthwhile.ingestion.findings import Finding
    from worthwhile.shop import Shop


def check(
    folder: ShopFolder,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the findings as a page too, with charts.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option("--quarantine", metavar="FILE", help="Write all refused rows as CSV.")
    ] = None,
    lang: Language = "en",
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
    from worthwhile.runs.tables import PAGE_SUFFIXES, check_out
    from worthwhile.shop import open_shop

    for path, suffixes, option in ((html, PAGE_SUFFIXES, "--html"), (quarantine, (".csv", ""), "--quarantine")):
        if path is not None:
            check_out(path, suffixes=suffixes, where=option)
    shop = open_shop(folder)
    with progress() as watch:
        watch("checking", 0.0)
        findings = find(shop)
        document: dict[str, Any] = {"shop": shop.folder, "findings": [f.to_dict() for f in findings]}
        shown: list[str | Table] = [_shown(shop, findings, lang)]
        if quarantine is not None:
            count = write_quarantine(shop, quarantine, lang)
            document["quarantine"] = {"file": quarantine, "rows": count}
            shown.append(
                said(
                    "check.quarantine",
                    lang,
                    rows=counted(count, "refused row", "refused rows"),
                    n=f"{count:,}",
                    file=quarantine,
                )
            )
        if html is not None:
            document["html"] = write_quality_page(shop, html, lang, progress=watch)
            shown.append(said("check.html", lang, file=html))
    return Answer(document, tuple(shown))


def _shown(shop: Shop, findings: Sequence[Finding], lang: str) -> str | Table:
    from worthwhile.ingestion.words import counted

    if not findings:
        return said("check.none", lang)
    rows = [
        (
            said(f"check.{f.severity}", lang),
            f.words("title", lang),
            f"{f.count:,}",
            at_shop(
                said("check.what", lang, **{part: f.words(part, lang) for part in ("detail", "done", "advice")}),
                shop.folder,
            ),
        )
        for f in findings
    ]
    title = said(
        "check.title", lang, shop=shop.name, findings=counted(len(findings), "finding", "findings"), n=len(findings)
    )
    return table(title, heads("check.head", ("severity", "finding", "count", "what"), lang), rows)
