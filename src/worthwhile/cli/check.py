"""`worth check`: what is wrong with the data."""

from __future__ import annotations

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress


def check(folder: ShopFolder) -> Answer:
    """Say what is wrong with a shop's data.

    Each finding has its severity, how much it concerns, and what was done about it.

    Example:

        worth check myshop
    """
    from worthwhile.ingestion.quality import check as find
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    with progress() as watch:
        watch("checking", 0.0)
        findings = find(shop)
    rows = [(f.severity, f.title, f"{f.count:,}", f"{f.detail} What was done: {f.done}.") for f in findings]
    columns = ("severity", "finding", "count", "what it is")
    shown = table(f"{shop.name}: {len(findings)} findings", columns, rows) if findings else "Nothing was found wrong."
    return Answer({"shop": shop.folder, "findings": [f.to_dict() for f in findings]}, (shown,))
