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

# Columns of each table, in English and Chinese; {name} is spend or value.
HEADS: dict[str, dict[str, tuple[str, ...]]] = {
    "own": {
        "en": ("{name}", "of all movement", "points of P(buy)", "reason"),
        "zh": ("金额", "占全部变动", "购买概率（百分点）", "原因"),
    },
    "steps": {
        "en": ("day", "what", "lines", "amount", "moves the amount by", "points of P(buy)"),
        "zh": ("日期", "行为", "行数", "金额", "对金额的影响", "购买概率（百分点）"),
    },
    "shop": {
        "en": ("reason", "of all movement", "{name}, on average", "points of P(buy)"),
        "zh": ("原因", "占全部变动", "金额（平均）", "购买概率（百分点）"),
    },
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
    from worthwhile.recommend.reasons import check_language
    from worthwhile.shop import open_shop

    check_language(lang)
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


def heads(kind: str, lang: str, name: str = "") -> list[str]:
    return [head.format(name=name) for head in HEADS[kind][lang]]


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
        "orders_mean": orders,
        f"typical_{name}_mean": usual,
        "typical_p_active": usual_chance,
        "reasons": rows,
    }
    return told, [table(lead, heads("own", lang, name), cells)]


def _id(made: Explanations, place: int) -> str:
    return str(made.snapshot.customer_ids[place])


def _changed(what: str, changed: Changed, teller: Teller, *, if_order: float | None, if_quiet: int | None) -> str:
    said = changed.to_dict()
    name = changed.before.amount_name
    zh = teller.numbers.language == "zh"
    if what == "if_order":
        amount = teller.money(if_order or 0.0)
        event = f"假如今天下单 {amount}" if zh else f"If they ordered today for {amount}"
    else:
        event = (
            f"假如 {if_quiet} 天内没有任何行为，其后的预测"
            if zh
            else f"If nothing happened for {if_quiet} days, forecast anew after these"
        )
    before, after = teller.money(said[f"{name}_mean"]), teller.money(said[f"{name}_mean_after"])
    chances = f"{percent(said['p_active'])} -> {percent(said['p_active_after'])}"
    if zh:
        return f"{event}：{teller.say(f'what.{name}')} {before} -> {after}，购买概率 {chances}。"
    return f"{event}: {name} {before} -> {after}, chance to buy {chances}."


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
    lang = teller.numbers.language
    title = {
        "en": "What hangs on each step (forecast less the forecast without it)",
        "zh": "每一步行为的影响（预测减去没有它时的预测）",
    }
    return table(title[lang], heads("steps", lang), cells)


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
    amount, chance, _ = made.baseline.tolist()
    baseline = teller.say(
        "baseline",
        what=teller.what(made.recorded.task),
        amount=teller.money(amount),
        horizon=teller.horizon(made.recorded.task),
        chance=percent(chance),
    )
    titles = {
        "en": f"What moves the forecasts of {len(made):,} customers",
        "zh": f"{len(made):,} 位客户的预测受什么影响",
    }
    document = {
        "run_id": made.recorded.run_id,
        "horizon": made.recorded.horizon,
        "customers": len(made),
        "typical": {f"{name}_mean": amount, "p_active": chance},
        "importance": rows,
        "out": out,
    }
    shown: list[str | Table] = [
        table(titles[lang], heads("shop", lang, name), cells),
        baseline,
    ]
    if out is not None:
        shown.append(f"The first three reasons of each customer in {out}")
    return Answer(document, shown)
