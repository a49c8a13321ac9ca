"""`worth explain`: why forecasts are what they are, and what if."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, percent, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.cli.texts import heads, said
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.explain import Answers, Changed, Explanations, Timeline
    from worthwhile.explain.sentences import Teller

HEADS = {  # the columns of each table
    "own": ("amount", "share", "chance", "reason"),
    "steps": ("day", "what", "amount", "moves", "chance"),
    "shop": ("reason", "share", "amount", "chance", "orders"),
}
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
    last: Annotated[int, typer.Option("--last", help="How many steps of a timeline, the latest.")] = 100,
    if_order: Annotated[
        float | None, typer.Option("--if-order", help="What if they ordered today for this amount?")
    ] = None,
    if_quiet: Annotated[
        int | None, typer.Option("--if-quiet", help="What if nothing happened for so many days?")
    ] = None,
    lang: Language = "en",
    seed: Seed = None,
    out: Annotated[
        Path | None, typer.Option(help="File for the first three reasons of all customers: .parquet, .csv or .jsonl.")
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
        watch("opening the forecast", 0.0)  # before the libraries of the models are loaded
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
            last=last,
            if_order=if_order,
            if_quiet=if_quiet,
            seed=seed,
            progress=watch,
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
            found = answers.timelines[name]
            told |= {"timeline": found.steps, "timeline_steps": found.in_all}
            lines += _timeline(found, name, teller)
        customers.append(told)
        shown += lines
    document = {
        "run_id": made.recorded.run_id,
        "horizon": made.recorded.horizon,
        "forecast": _forecast(made),
        "customers": customers,
    }
    return Answer(document, [_explained(made, "named", lang), *shown])


def _forecast(made: Explanations) -> dict[str, Any]:
    """Which forecast is explained."""
    recorded = made.recorded
    asked = recorded.asked
    return {
        "run_id": recorded.run_id,
        "model": asked["model"],
        "cutoff": asked["cutoff"],
        "horizon": recorded.horizon,
        "target": asked["target"],
        "where": asked["where"],
        "customers": len(recorded.table()),
        "data_version": asked["data_version"],
        "version": recorded.manifest["packages"]["worthwhile"],
    }


def _explained(made: Explanations, of: str, lang: str) -> str:
    """The first line: which forecast, and of how many of its customers."""
    teller, facts = made.teller(lang), _forecast(made)
    count, task = teller.numbers.count, made.recorded.task
    customers = said(f"explain.of_{of}", lang, customers=count(len(made)), all=count(facts["customers"]))
    day = made.recorded.cutoff.astimezone(made.recorded.shop.settings.zone).date()
    return said(
        "explain.explained",
        lang,
        run=facts["run_id"],
        model=facts["model"],
        day=teller.numbers.day(day),
        horizon=teller.horizon(task),
        events=facts["data_version"]["events"],
        version=facts["version"],
        customers=customers,
    )


def _of_customer(made: Explanations, place: int, lang: str) -> tuple[dict[str, Any], list[str | Table]]:
    """All reasons of one customer."""
    rows = [row for row in made.table(None, language=lang).to_pylist() if row["customer_id"] == _id(made, place)]
    teller, name = made.teller(lang), made.recorded.task.amount_name
    (amount, chance, orders), (usual, usual_chance, _) = made.shares.forecast[place].tolist(), made.baseline.tolist()
    lead = teller.say(
        "forecast",
        customer=_id(made, place),
        what=teller.what(made.recorded.task),
        amount=teller.money(amount),
        horizon=teller.horizon(made.recorded.task),
        chance=percent(chance),
        typical=teller.money(usual),
        typical_chance=percent(usual_chance),
    )
    cells = [
        (
            teller.numbers.money_change(row[f"{name}_effect"]),
            percent(row[f"{name}_effect_share"]),
            teller.numbers.points(row["p_active_effect"]),
            row["text"],
        )
        for row in rows
    ]
    told = {
        "customer_id": _id(made, place),
        f"{name}_mean": amount,
        "p_active": chance,
        "orders_mean": orders,
        f"typical_{name}_mean": usual,
        "typical_p_active": usual_chance,
        "reasons": rows,
    }
    if not rows:
        return told, [lead, said("explain.same", lang)]
    moved = said(
        "explain.sum",
        lang,
        amount=teller.numbers.money_change(amount - usual),
        points=teller.numbers.points(chance - usual_chance),
    )
    return told, [table(lead, heads("explain.own_head", HEADS["own"], lang, name=name), cells), moved]


def _id(made: Explanations, place: int) -> str:
    return str(made.snapshot.customer_ids[place])


def _changed(what: str, changed: Changed, teller: Teller, *, if_order: float | None, if_quiet: int | None) -> str:
    told, name = changed.to_dict(), changed.before.amount_name
    return said(
        f"explain.{what}",
        teller.numbers.language,
        asked=teller.money(if_order or 0.0) if what == "if_order" else if_quiet,
        name=teller.say(f"what.{name}"),
        before=teller.money(told[f"{name}_mean"]),
        after=teller.money(told[f"{name}_mean_after"]),
        chances=f"{percent(told['p_active'])} -> {percent(told['p_active_after'])}",
    )


def _timeline(found: Timeline, customer: str, teller: Teller) -> list[str | Table]:
    from worthwhile.explain.questions import MOST_ASKED

    cells = [
        (
            teller.numbers.day(step.day),
            teller.step(step.kind, step.count),
            teller.money(step.amount) if step.amount else "",
            teller.numbers.money_change(step.amount_effect),
            teller.numbers.points(step.p_active_effect),
        )
        for step in found.steps
    ]
    lang, count = teller.numbers.language, teller.numbers.count
    steps, in_all = len(found.steps), found.in_all
    key = "steps" if steps == in_all else "last_steps"
    title = said(f"explain.{key}", lang, customer=customer, steps=count(steps), all=count(in_all))
    notes = [said("explain.hangs", lang)]
    if steps < in_all:
        notes.append(said("explain.more", lang, all=min(in_all, MOST_ASKED)))
    return [
        table(title, heads("explain.steps_head", HEADS["steps"], lang), cells),
        (" " if lang == "en" else "").join(notes),
    ]


def _of_shop(made: Explanations, lang: str, out: Path | None) -> Answer:
    rows = made.importance().to_pylist()
    teller, name = made.teller(lang), made.recorded.task.amount_name
    cells = [
        (
            row["label" if lang == "en" else "label_zh"],
            percent(row["share"]),
            teller.money(row[f"{name}_effect_mean"]),
            teller.numbers.decimal(row["p_active_effect_mean"] * 100, 1),
            teller.numbers.decimal(row["orders_effect_mean"]),
        )
        for row in rows
    ]
    amount, chance, _ = made.baseline.tolist()
    baseline = teller.say(
        "baseline",
        what=teller.what(made.recorded.task),
        amount=teller.money(amount),
        horizon=teller.horizon(made.recorded.task),
        chance=percent(chance),
    )
    document = {
        "run_id": made.recorded.run_id,
        "horizon": made.recorded.horizon,
        "forecast": _forecast(made),
        "customers": len(made),
        "typical": {f"{name}_mean": amount, "p_active": chance},
        "importance": rows,
        "out": out,
    }
    customers = teller.numbers.count(len(made))
    is_all = len(made) == document["forecast"]["customers"]
    shown: list[str | Table] = [
        _explained(made, "all" if is_all else "sample", lang),
        table(
            said("explain.shop", lang, customers=customers),
            heads("explain.shop_head", HEADS["shop"], lang, name=name),
            cells,
        )
        if cells
        else said("explain.same_shop", lang, customers=customers),
        baseline,
    ]
    if out is not None:
        shown.append(said("explain.out", lang, out=out))
    return Answer(document, shown)
