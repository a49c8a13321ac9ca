"""`worth explain`: why forecasts are what they are, and what if."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, money, percent, table
from worthwhile.cli.options import Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.explain import Answers, Changed, Explanations, Step
    from worthwhile.explain.sentences import Teller

SAMPLE = 1_000  # customers that the importance of reasons is told from, where not all are asked for


def explain(
    folder: ShopFolder,
    customer: Annotated[
        list[str] | None, typer.Option("--customer", help="Id of a customer; may be repeated. [default: the shop]")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", help="Id of the forecast run. [default: the latest]")] = None,
    horizon: Annotated[
        str | None, typer.Option(help="One of the run's horizons. [default: its shortest]", show_default=False)
    ] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Show each step of the customers, and what hangs on it.")
    ] = False,
    if_order: Annotated[
        float | None, typer.Option("--if-order", min=0.01, help="What if they ordered today for this amount?")
    ] = None,
    if_quiet: Annotated[
        int | None, typer.Option("--if-quiet", min=1, max=3650, help="What if nothing happened for so many days?")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the reasons: en or zh.")] = "en",
    seed: Seed = None,
    out: Annotated[
        Path | None, typer.Option(help="File for the first three reasons of all customers: .parquet or .csv.")
    ] = None,
) -> Answer:
    """Say why forecasts are what they are.

    For a customer: which facts raise or lower the expected amount and the chance to buy, against a typical customer of
    the shop. For the shop: how much each kind of fact moves forecasts, recorded for the report.

    Example:

        worth explain myshop --customer C0001 --if-order 40
    """
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if not customer and (timeline or if_order is not None or if_quiet is not None):
        raise InputError(
            "bad-argument",
            "for whom is not said",
            where="--timeline, --if-order, --if-quiet",
            remedy="name a customer: --customer ID",
        )
    with progress() as watch:
        if not customer:
            from worthwhile.explain import explain_forecast

            sample = SAMPLE if out is None else None
            made = explain_forecast(
                shop, run_id=run, horizon=horizon, sample=sample, seed=seed, out=out, language=lang, progress=watch
            )
            return _of_shop(made, lang, out)
        from worthwhile.explain import explain_customers

        answers = explain_customers(
            shop,
            customer,
            run_id=run,
            horizon=horizon,
            timeline=timeline,
            if_order=if_order,
            if_quiet=if_quiet,
            seed=seed,
        )
    return _of_customers(answers, lang, if_order=if_order, if_quiet=if_quiet)


def _of_customers(answers: Answers, lang: str, *, if_order: float | None, if_quiet: int | None) -> Answer:
    """Each customer's reasons, and what else was asked of them."""
    made = answers.made
    teller = made.teller(lang)
    shown: list[str | Table] = []
    customers = []
    for place, name in enumerate(made.snapshot.customer_ids.tolist()):
        told, lines = _of_customer(made, place, lang)
        for what, changed in answers.changed.get(name, {}).items():
            told[what] = changed.to_dict()
            lines.append(_changed(what, changed, teller, if_order=if_order, if_quiet=if_quiet))
        if name in answers.timelines:
            told["timeline"] = answers.timelines[name]
            lines.append(_timeline(answers.timelines[name], teller))
        customers.append(told)
        shown += lines
    document = {"run_id": made.recorded.run_id, "horizon": made.recorded.horizon, "customers": customers}
    return Answer(document, shown)


def _of_customer(made: Explanations, place: int, lang: str) -> tuple[dict[str, Any], list[str | Table]]:
    """All reasons of one customer."""
    rows = [row for row in made.table(None, language=lang).to_pylist() if row["customer_id"] == _id(made, place)]
    teller, name = made.teller(lang), made.recorded.task.amount_name
    (amount, chance), (usual, usual_chance) = made.shares.forecast[place].tolist(), made.baseline.tolist()
    lead = teller.say(
        "forecast",
        customer=_id(made, place),
        amount=teller.money(amount),
        horizon=made.recorded.horizon,
        chance=percent(chance),
        typical=teller.money(usual),
        typical_chance=percent(usual_chance),
    )
    cells = [
        (
            teller.signed(row[f"{name}_effect"]),
            percent(row[f"{name}_effect_share"]),
            teller.points(row["p_active_effect"]),
            row["text"],
        )
        for row in rows
    ]
    told = {
        "customer_id": _id(made, place),
        f"{name}_mean": amount,
        "p_active": chance,
        f"typical_{name}_mean": usual,
        "typical_p_active": usual_chance,
        "reasons": rows,
    }
    return told, [table(lead, (name, "of all movement", "points of P(buy)", "reason"), cells)]


def _id(made: Explanations, place: int) -> str:
    return str(made.snapshot.customer_ids[place])


def _changed(what: str, changed: Changed, teller: Teller, *, if_order: float | None, if_quiet: int | None) -> str:
    said = changed.to_dict()
    name = changed.before.amount_name
    event = (
        f"If they ordered today for {teller.money(if_order or 0.0)}"
        if what == "if_order"
        else f"If nothing happened for {if_quiet} days, over the {changed.before.horizon} after these"
    )
    return (
        f"{event}: {name} {teller.money(said[f'{name}_mean'])} -> {teller.money(said[f'{name}_mean_after'])}, "
        f"chance to buy {percent(said['p_active'])} -> {percent(said['p_active_after'])}."
    )


def _timeline(steps: list[Step], teller: Teller) -> Table:
    cells = [
        (
            step.day.isoformat(),
            step.kind,
            f"{step.count:,}",
            money(step.amount) if step.amount else "",
            teller.signed(step.amount_effect),
            teller.points(step.p_active_effect),
        )
        for step in steps
    ]
    columns = ("day", "what", "lines", "amount", "moves the amount by", "points of P(buy)")
    return table("What hangs on each step (forecast less the forecast without it)", columns, cells)


def _of_shop(made: Explanations, lang: str, out: Path | None) -> Answer:
    rows = made.importance().to_pylist()
    teller, name = made.teller(lang), made.recorded.task.amount_name
    cells = [
        (
            row["label" if lang == "en" else "label_zh"],
            percent(row["share"]),
            teller.money(row[f"{name}_effect_mean"]),
            f"{row['p_active_effect_mean'] * 100:.1f}",
        )
        for row in rows
    ]
    columns = ("reason", "of all movement", f"{name}, on average", "points of P(buy)")
    amount, chance = made.baseline.tolist()
    baseline = teller.say(
        "baseline", amount=teller.money(amount), horizon=made.recorded.horizon, chance=percent(chance)
    )
    document = {
        "run_id": made.recorded.run_id,
        "horizon": made.recorded.horizon,
        "customers": len(made),
        "typical": {f"{name}_mean": amount, "p_active": chance},
        "importance": rows,
        "out": out,
    }
    shown: list[str | Table] = [
        table(f"What moves the forecasts of {len(made):,} customers", columns, cells),
        baseline,
    ]
    if out is not None:
        shown.append(f"The first three reasons of each customer in {out}")
    return Answer(document, shown)
