"""`worth forecast`: what every customer will be worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, money, percent, table
from worthwhile.cli.options import Category, Channel, FineTune, Horizons, Item, Seed, ShopFolder, Target, Tune
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.distribution import Forecast
    from worthwhile.runs import ForecastRun
    from worthwhile.settings import Settings


def forecast(
    folder: ShopFolder,
    horizon: Horizons = None,
    cutoff: Annotated[
        str | None, typer.Option(help="Forecast as of this day, 2011-09-01. [default: the end of the data]")
    ] = None,
    target: Target = "spend",
    category: Category = None,
    channel: Channel = None,
    item: Item = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="One of `worth models`. [default: the ensemble]")
    ] = None,
    tune: Tune = 0,
    fine_tune: FineTune = False,
    seed: Seed = None,
    out: Annotated[Path | None, typer.Option(help="File for the forecast table: .parquet, .csv or .jsonl.")] = None,
    top: Annotated[int, typer.Option(min=0, max=1000, help="Customers to show, most first.")] = 10,
) -> Answer:
    """Forecast every customer.

    Amount, number of orders and chance to buy, each with its uncertainty, are kept as a run.

    Example:

        worth forecast myshop --horizon 90d --cutoff 2011-09-01 --out forecasts.parquet
    """
    from worthwhile.runs import Asked
    from worthwhile.runs import forecast as make_forecast
    from worthwhile.runs.tables import check_out
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if model and len(model) > 1:
        raise InputError(
            "bad-argument",
            f"a forecast is by one model, and {len(model)} are named",
            where="--model",
            remedy="name one; `worth backtest` compares several",
        )
    if out is not None:
        check_out(out)  # before the work, not after it
    asked = Asked(target, category, channel, item)
    with progress() as watch:
        run = make_forecast(
            shop,
            horizon or "90d",
            cutoff=cutoff,
            asked=asked,
            model=model[0] if model else None,
            tune=tune,
            fine_tune=fine_tune,
            seed=seed,
            progress=watch,
        )
        if out is not None:
            run.write(out)
    return forecast_answer(run, shop.settings, target=target, top=top, out=out)


def forecast_answer(
    run: ForecastRun, settings: Settings, *, target: str = "spend", top: int = 10, out: Path | None = None
) -> Answer:
    """The run in short: totals, the customers with most of the target, and what the gate says."""
    currency = settings["currency"]
    leading = [_leading(one, target, top) for one in run.forecasts]
    document = run.to_dict() | {"currency": currency, "out": out, "top": [row for rows in leading for row in rows]}
    shown: list[str | Table] = [_totals(run, settings)]
    if top:
        shown.append(_top_table(leading[0], run.forecasts[0], currency))
    if len(run.forecasts) > 1:
        shown.append(f"Of {run.forecasts[-1].horizon}, the longest horizon:")
    shown += run.gate.sentences()
    shown += [f"{horizon}: {said}" for horizon, tuning in run.tuning.items() for said in tuning.sentences()]
    shown.append(f"Run {run.run_id} in {run.folder}" + (f"; table in {out}" if out else ""))
    return Answer(document, shown)


def _totals(run: ForecastRun, settings: Settings) -> Table:
    name = run.forecasts[0].amount_name
    rows = [
        (
            total["horizon"],
            f"{total['customers']:,}",
            f"{total['active_total']:,.0f}",
            f"{total['orders_total']:,.0f}",
            money(total[f"{name}_total"], settings["currency"]),
        )
        for total in run.to_dict()["totals"]
    ]
    cutoff = run.forecasts[0].cutoff.astimezone(settings.zone)
    return table(f"Forecast as of {cutoff:%Y-%m-%d}", ("horizon", "customers", "expected to buy", "orders", name), rows)


def _leading(one: Forecast, target: str, top: int) -> list[dict[str, Any]]:
    """The `top` customers by the target, most first; ties in order of id."""
    import numpy as np

    by_target = {"orders": one.orders.mean, "active": lambda: one.p_active, "churn": lambda: 1 - one.p_active}
    headline = by_target.get(target, one.amount.mean)()
    first = np.lexsort((one.customer_ids.astype(str), -headline))[:top]
    return one[first].table("").drop_columns(["run_id", "model", "cutoff"]).to_pylist()


def _top_table(rows: list[dict[str, Any]], one: Forecast, currency: str) -> Table:
    name = one.amount_name
    cells = [
        (
            row["customer_id"],
            percent(row["p_active"]),
            f"{row['orders_mean']:.2f}",
            money(row[f"{name}_mean"]),
            f"{money(row[f'{name}_q05'])} to {money(row[f'{name}_q95'])}",
        )
        for row in rows
    ]
    columns = ("customer", "chance to buy", "orders", f"{name} {currency}", "90 % interval")
    return table(f"First {len(rows)} customers over {one.horizon}", columns, cells)
