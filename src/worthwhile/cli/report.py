"""`worth report`: the HTML report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worthwhile.cli.answer import Answer
from worthwhile.cli.options import ShopFolder
from worthwhile.cli.progress import progress


def report(
    folder: ShopFolder,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path | None, typer.Option(help="File to write. [default: in the shop's folder reports]")] = None,
    run: Annotated[str | None, typer.Option(help="The forecast to show, by its id. [default: the latest]")] = None,
    horizon: Annotated[str | None, typer.Option(help="Which of its horizons. [default: the first]")] = None,
) -> Answer:
    """Write the report as one HTML file.

    It shows the shop's data, its latest forecast (or another) and a backtest of it, and opens without a network.

    Example:

        worth report myshop --lang zh
    """
    from worthwhile.report import write_report
    from worthwhile.shop import open_shop

    with progress() as watch:
        path = write_report(open_shop(folder), lang, out, run_id=run, horizon=horizon, progress=watch)
    return Answer({"report": path, "lang": lang}, (f"Wrote {path}",))
