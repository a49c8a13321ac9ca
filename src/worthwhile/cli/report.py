"""`worth report`: the HTML report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worthwhile.cli.answer import Answer
from worthwhile.cli.options import Language, ShopFolder
from worthwhile.cli.progress import progress


def report(
    folder: ShopFolder,
    lang: Language = "en",
    out: Annotated[Path | None, typer.Option(help="File to write. [default: in the shop's folder reports]")] = None,
    run: Annotated[str | None, typer.Option(help="The forecast to show, by its id. [default: the latest]")] = None,
    horizon: Annotated[str | None, typer.Option(help="Which of its horizons. [default: the first]")] = None,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="RUN", help="The plan to show, with its forecast. [default: the latest]"),
    ] = None,
    segments: Annotated[
        str | None,
        typer.Option("--segments", metavar="RUN", help="The segments to show, likewise. [default: the latest]"),
    ] = None,
    reasons: Annotated[
        str | None,
        typer.Option("--reasons", metavar="RUN", help="The reasons to show, likewise. [default: the latest]"),
    ] = None,
    uplift: Annotated[
        str | None, typer.Option("--uplift", metavar="RUN", help="The uplift to show. [default: the latest]")
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option(
            "--campaign", metavar="NAME", help="The measured campaign to show. [default: the one measured last]"
        ),
    ] = None,
) -> Answer:
    """Write the report as one HTML file.

    It shows the shop's data, its latest forecast (or another) and a backtest of it, the reasons, segments and plan that
    were made of the forecast, what an uplift run and a measured campaign say, and opens without a network. Ids of runs
    are listed by worth runs.

    Example:

        worth report myshop --lang zh
    """
    from worthwhile.report import write_report
    from worthwhile.shop import open_shop

    with progress() as watch:
        path = write_report(
            open_shop(folder),
            lang,
            out,
            run_id=run,
            horizon=horizon,
            plan=plan,
            segments=segments,
            reasons=reasons,
            uplift=uplift,
            campaign=campaign,
            progress=watch,
        )
    return Answer({"report": path, "lang": lang}, (f"Wrote {path}",))
