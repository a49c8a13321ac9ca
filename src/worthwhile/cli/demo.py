"""`worth demo`: everything once, on a real shop."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.backtest import backtest_answer
from worthwhile.cli.forecast import forecast_answer
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

DEMO_NAME = "CDNOW"
DEMO_SETTINGS = {"name": DEMO_NAME, "currency": "USD", "timezone": "America/New_York"}
EXPLAINED = 300  # customers whose reasons the report is told from
CUTOFFS = 3  # fewer could not tell skill from luck, more would take longer than a demo should


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[SHOP]", help="Folder of the demo shop.")] = Path("demo-shop"),
    horizon: Annotated[str, typer.Option(help="Span to forecast and to backtest.")] = "90d",
) -> Answer:
    """Do all of it once, on a real shop.

    Loads CDNOW (23,570 customers of 1997), checks, backtests, forecasts, explains, makes segments and reports. The
    data comes with the package lifetimes, which the extra `demo` installs.

    Example:

        worth demo demo-shop
    """
    from worthwhile.decide.segments import make_segments
    from worthwhile.explain import explain_forecast
    from worthwhile.ingestion import ingest
    from worthwhile.ingestion.quality import check
    from worthwhile.languages import LANGUAGES
    from worthwhile.progress import part
    from worthwhile.report import write_report
    from worthwhile.runs import backtest, forecast

    source = find_cdnow()
    shop = _demo_shop(folder)
    with progress() as watch:
        loaded = ingest(shop, source, progress=part(watch, 0.0, 0.1))
        findings = check(shop)
        tried = backtest(shop, horizon, cutoffs=CUTOFFS, progress=part(watch, 0.1, 0.6))
        made = forecast(shop, horizon, progress=part(watch, 0.6, 0.75))
        explain_forecast(shop, run_id=made.run_id, sample=EXPLAINED, progress=part(watch, 0.75, 0.82))
        make_segments(shop, run_id=made.run_id, progress=part(watch, 0.82, 0.97))
        watch("report", 0.97)
        reports = {lang: write_report(shop, lang) for lang in LANGUAGES}
    backtested = backtest_answer(tried, target="spend")
    forecasted = forecast_answer(made, shop.settings)
    document: dict[str, Any] = {
        "shop": shop.folder,
        "ingest": loaded.to_dict(),
        "findings": [finding.to_dict() for finding in findings],
        "backtest": backtested.document,
        "forecast": forecasted.document,
        "reports": reports,
    }
    said: list[str | Table] = [
        table("Findings", ("severity", "finding", "count"), [(f.severity, f.title, f"{f.count:,}") for f in findings])
    ]
    said += [*backtested.shown, *forecasted.shown]
    said += [f"Report ({lang}): {path}" for lang, path in reports.items()]
    return Answer(document, said)


def find_cdnow() -> Path:
    """The file CDNOW_master.txt of the package lifetimes, which is not imported: it would bring much with it."""
    spec = find_spec("lifetimes")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / "datasets" / "CDNOW_master.txt"
        if path.is_file():
            return path
    raise InputError(
        "missing-extra",
        "the data of the demo comes with the package lifetimes, which is not installed",
        where="worth demo",
        remedy='install it with: pip install "worthwhile[demo]"',
    )


def _demo_shop(folder: Path) -> Any:
    """The demo shop, made where it is missing. Never a shop of the user's own, into which CDNOW does not belong."""
    from worthwhile.shop import SETTINGS_FILE, create_shop, open_shop

    if not (folder / SETTINGS_FILE).exists():
        return create_shop(folder, **DEMO_SETTINGS)
    shop = open_shop(folder)
    if shop.settings["name"] != DEMO_NAME:
        raise InputError(
            "shop-exists",
            "the shop in this folder is not the demo's",
            where=str(folder),
            remedy="name another folder: worth demo FOLDER",
        )
    return shop
