"""`worth explain`: why forecasts are what they are, and what if."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, percent, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.explain import Answers, Changed, Explanations, Timeline
    from worthwhile.explain.sentences import Teller

# Columns of each table, in English and Chinese; {name} is spend or value.
HEADS: dict[str, dict[str, tuple[str, ...]]] = {
    "own": {
        "en": ("{name}", "of all movement", "points of the chance to buy", "reason"),
        "zh": ("金额", "占全部变动", "购买概率（百分点）", "原因"),
    },
    "steps": {
        "en": ("day", "what", "amount", "moves the amount by", "points of the chance to buy"),
        "zh": ("日期", "行为", "金额", "对金额的影响", "购买概率（百分点）"),
    },
    "shop": {
        "en": ("reason", "of all movement", "{name}, on average", "points of the chance to buy", "orders"),
        "zh": ("原因", "占全部变动", "金额（平均）", "购买概率（百分点）", "订单数"),
    },
}
# Sentence -> English, Chinese.
TEXTS: dict[str, tuple[str, str]] = {
    "sum": (
        "Together {amount}, and {points} points of the chance to buy: the difference from the typical customer. Each"
        " figure is rounded by itself.",
        "合计 {amount}，购买概率 {points} 个百分点，即与典型客户的差距。各项分别四舍五入。",
    ),
    "same": (
        "Nothing sets them apart from the typical customer: there are no reasons.",
        "与典型客户没有差别，因此没有原因可列。",
    ),
    "same_shop": (
        "Nothing sets any of {customers} customers apart from the typical customer: there are no reasons.",
        "{customers} 位客户与典型客户没有差别，因此没有原因可列。",
    ),
    "if_order": (
        "If they ordered today for {asked}: {name} {before} -> {after}, chance to buy {chances}.",
        "假如今天下单 {asked}：{name} {before} -> {after}，购买概率 {chances}。",
    ),
    "if_quiet": (
        "If nothing happened for {asked} days, forecast anew after these: {name} {before} -> {after}, chance to buy"
        " {chances}.",
        "假如 {asked} 天内没有任何行为，其后的预测：{name} {before} -> {after}，购买概率 {chances}。",
    ),
    "steps": ("{customer}: all {steps} steps", "{customer}：全部 {steps} 步行为"),
    "last_steps": ("{customer}: the last {steps} of {all} steps", "{customer}：共 {all} 步行为，最近 {steps} 步"),
    "hangs": (
        "What hangs on a step is the forecast less the forecast without it. Steps need not add up.",
        "每一步的影响为预测减去没有它时的预测；各步影响不必相加。",
    ),
    "more": ("More of them: --last {all}.", "查看更多：--last {all}。"),
    "shop": ("What moves the forecasts of {customers} customers", "{customers} 位客户的预测受什么影响"),
    "out": ("The first three reasons of each customer in {out}", "每位客户的前三条原因见 {out}"),
}
MOST_ASKED = 2_000  # steps of a timeline
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
    last: Annotated[
        int, typer.Option("--last", min=1, max=MOST_ASKED, help="How many steps of a timeline, the latest.")
    ] = 100,
    if_order: Annotated[
        float | None, typer.Option("--if-order", min=0.01, help="What if they ordered today for this amount?")
    ] = None,
    if_quiet: Annotated[
        int | None, typer.Option("--if-quiet", min=1, max=3650, help="What if nothing happened for so many days?")
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


def _heads(kind: str, lang: str, name: str = "") -> list[str]:
    return [head.format(name=name) for head in HEADS[kind][lang]]


def _text(key: str, lang: str, **values: object) -> str:
    from worthwhile.languages import LANGUAGES

    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


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
        return told, [lead, _text("same", lang)]
    moved = _text(
        "sum",
        lang,
        amount=teller.numbers.money_change(amount - usual),
        points=teller.numbers.points(chance - usual_chance),
    )
    return told, [table(lead, _heads("own", lang, name), cells), moved]


def _id(made: Explanations, place: int) -> str:
    return str(made.snapshot.customer_ids[place])


def _changed(what: str, changed: Changed, teller: Teller, *, if_order: float | None, if_quiet: int | None) -> str:
    said, name = changed.to_dict(), changed.before.amount_name
    return _text(
        what,
        teller.numbers.language,
        asked=teller.money(if_order or 0.0) if what == "if_order" else if_quiet,
        name=teller.say(f"what.{name}"),
        before=teller.money(said[f"{name}_mean"]),
        after=teller.money(said[f"{name}_mean_after"]),
        chances=f"{percent(said['p_active'])} -> {percent(said['p_active_after'])}",
    )


def _timeline(found: Timeline, customer: str, teller: Teller) -> list[str | Table]:
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
    title = _text(key, lang, customer=customer, steps=count(steps), all=count(in_all))
    said = [_text("hangs", lang)]
    if steps < in_all:
        said.append(_text("more", lang, all=min(in_all, MOST_ASKED)))
    return [table(title, _heads("steps", lang), cells), (" " if lang == "en" else "").join(said)]


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
        "customers": len(made),
        "typical": {f"{name}_mean": amount, "p_active": chance},
        "importance": rows,
        "out": out,
    }
    customers = teller.numbers.count(len(made))
    shown: list[str | Table] = [
        table(_text("shop", lang, customers=customers), _heads("shop", lang, name), cells)
        if cells
        else _text("same_shop", lang, customers=customers),
        baseline,
    ]
    if out is not None:
        shown.append(_text("out", lang, out=out))
    return Answer(document, shown)
