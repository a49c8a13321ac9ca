"""`worth campaign design` and `worth campaign measure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, assumed, money, percent, table
from worthwhile.cli.options import Seed, ShopFolder
from worthwhile.cli.usage import number_meant
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.campaign import Arm

Name = Annotated[str, typer.Option("--campaign", help="Name of the campaign: letters, digits, - and _.")]


ArmTexts = Annotated[
    list[str] | None,
    typer.Option("--arm", help="A treatment, and what a contact costs: email, or email=0.05; may be repeated."),
]
PlanRun = Annotated[
    str | None, typer.Option(help="Make a recorded plan the campaign: its run id, or latest; instead of --arm.")
]
Actions = Annotated[
    Path | None,
    typer.Option(
        help="What the arms are assumed to do, their channels and costs: the file of actions of worth plan. Without"
        " --arm each action of it is an arm."
    ),
]
Holdout = Annotated[
    float | None, typer.Option(help="Share, or from 1 on number, of customers held out. [default: 0.1]")
]
Detect = Annotated[
    float | None,
    typer.Option(help="Effect to be found, a customer: the holdout follows. 2 for 2 GBP; of active 0.01 for 1 %."),
]
Outcome = Annotated[str, typer.Option(help="What the test is sized for: spend or active.")]
Power = Annotated[float, typer.Option(help="Chance that an effect of that size is found.")]
Start = Annotated[
    str | None, typer.Option(help="First day of the campaign, 2024-03-01. [default: the forecast's cutoff]")
]
Only = Annotated[Path | None, typer.Option(help="Only these customers: a file with one id a line, or customer_id.")]
Run = Annotated[str | None, typer.Option("--run", help="Forecast run to stratify by. [default: the latest]")]
Out = Annotated[Path | None, typer.Option(help="File for who gets what: .parquet, .csv or .jsonl.")]
Contacts = Annotated[
    Path | None,
    typer.Option(help="Contacts, to ingest as events once they were made: .csv, .parquet or .jsonl."),
]


def campaign_design(
    folder: ShopFolder,
    campaign: Name,
    arm: ArmTexts = None,
    plan: PlanRun = None,
    actions: Actions = None,
    holdout: Holdout = None,
    detect: Detect = None,
    outcome: Outcome = "spend",
    power: Power = 0.8,
    start: Start = None,
    only: Only = None,
    run: Run = None,
    seed: Seed = None,
    out: Out = None,
    contacts: Contacts = None,
) -> Answer:
    """Design a test: who is held out, who gets what, and what it will find.

    Customers are parted by lot, alike in expected spend. What cannot be measured is said before anybody is contacted:
    where a plan, or a file of actions, says what a contact is expected to bring, so is whether the test can find it.

    Example:

        worth campaign design myshop --campaign spring --arm email=0.05 --holdout 0.3 --out spring.csv
    """
    from worthwhile.decide.campaign import Sizing, design_campaign
    from worthwhile.decide.campaign.design import write_contacts
    from worthwhile.decide.tables import read_ids
    from worthwhile.runs.tables import check_out, write_table
    from worthwhile.shop import open_shop

    for option, path in {"--out": out, "--contacts": contacts}.items():
        if path is not None:
            check_out(path, where=option)
    if bool(arm or actions) == (plan is not None):
        raise InputError(
            "bad-argument",
            "a campaign has arms or is a plan",
            where="--arm, --plan",
            remedy="give one of them; the arms of --actions count too",
        )
    made = design_campaign(
        open_shop(folder),
        campaign,
        _arms(arm or (), actions),
        sizing=Sizing(outcome, holdout, detect, power, start=start),
        plan=plan,
        only=read_ids(only, where="--only") if only is not None else None,
        run_id=run,
        seed=seed,
    )
    if out is not None:
        write_table(made.assignment(), out)
    if contacts is not None:
        write_contacts(made, contacts)
    document = {**made.manifest, "folder": made.folder, "out": out, "contacts": contacts}
    return Answer(document, _designed(made.manifest, out, contacts))


def _arms(texts: Sequence[str], actions: Path | None) -> list[Arm]:
    """The arms: as they were written, and as the file of actions has those of its names."""
    from worthwhile.decide.budget.actions import read_actions
    from worthwhile.decide.campaign import Arm

    said = dict(_arm(text) for text in texts)
    known = {} if actions is None else {action.name: action for action in read_actions(actions).actions}
    unknown = [name for name in said if known and name not in known]
    if unknown:
        raise InputError(
            "bad-argument",
            f"the file of actions has no `{unknown[0]}`",
            where="--arm",
            remedy=f"it has {', '.join(known)}",
        )
    arms = []
    for name in said or known:
        action = known.get(name)
        cost = said.get(name)
        if action is None:
            arms.append(Arm(name, name, cost or 0.0))
        else:
            lift = getattr(action, action.assumption) if action.assumption else 0.0
            treatment = "" if action.assumption else action.treatment
            if cost is None and action.cost_column:
                raise InputError(
                    "bad-argument",
                    f"the cost of `{name}` stands in a column, `{action.cost_column}`, which a test does not read",
                    where=f"{actions}, actions.{name}.cost_column",
                    remedy=f"give what a contact costs on average: --arm {name}=0.50",
                )
            share = action.cost_share * action.redeemed if cost is None else 0.0
            cost = action.cost if cost is None else cost
            arms.append(Arm(name, action.channel, cost, action.assumption, lift, treatment, share))
    return arms


def _arm(text: str) -> tuple[str, float | None]:
    name, sign, cost = text.partition("=")
    try:
        return name.strip(), float(cost) if sign else None
    except ValueError as error:
        remedy = f"write {name}, or {name}={number_meant(cost, otherwise='0.05')} with its cost"
        raise InputError("bad-argument", f"`{text}` is no arm", where="--arm", remedy=remedy) from error


def _designed(facts: Mapping[str, Any], out: Path | None, contacts: Path | None) -> list[str | Table]:
    test, currency = facts["test"], facts["currency"]
    costs = {one["name"]: one["cost"] for one in facts["arms"]}
    rows = [
        (name, f"{count:,}", money(count * costs[name]) if name in costs else "-")
        for name, count in test["sizes"].items()
    ]
    shown: list[str | Table] = [f"Warning: {warning}" for warning in facts["warnings"]]
    shown.append(
        table(
            f"Campaign {facts['name']}, from {facts['start_day']}", ("group", "customers", f"cost ({currency})"), rows
        )
    )
    for one in test["findable"]:
        if one["outcome"] == test["outcome"]:
            shown.append(_findable(one, test, currency))
    if test["each_group_needs"]:
        shown.append(f"Two equal groups would need {test['each_group_needs']:,} customers each to find that effect.")
    shown += [assumed(one) for one in facts["assumptions"]]
    files = {"Who gets what": out, "Contacts, to be ingested once they were made": contacts}
    shown += [f"{what}: {path}" for what, path in files.items() if path is not None]
    return [
        *shown,
        f"Measure it once {facts['horizon']} have passed: worth campaign measure SHOP --campaign {facts['name']}",
    ]


def _findable(one: Mapping[str, Any], test: Mapping[str, Any], currency: str) -> str:
    if one["detectable"] is None:
        return f"{one['arm']}: one of the groups is empty, so nothing can be found."
    is_spend = one["outcome"] == "spend"
    size = money(one["detectable"], currency) if is_spend else f"{one['detectable'] * 100:.2f} points"
    mean = money(one["mean"], currency) if is_spend else percent(one["mean"])
    what = "spend a customer" if is_spend else "the share who order"
    least = (
        f"{one['arm']}: with {one['treated']:,} treated and {one['held_out']:,} held out, the test finds a change of"
    )
    least += f" {size} in {what} (forecast: {mean}) {test['power'] * 100:.0f} times in 100; a smaller one it may miss."
    if test["detect"] is not None and one["detectable"] > test["detect"] * (1 + 1e-9):
        least += " That is more than was asked for: there are too few customers."
    return least


def campaign_measure(
    folder: ShopFolder,
    campaign: Name,
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Outcomes by customer_id: spend, orders, active. [default: the shop's own log]"),
    ] = None,
) -> Answer:
    """Measure a campaign: each arm against those held out.

    Differences are adjusted by the forecast that was made before, and have intervals. The campaign's log is kept where
    worth uplift finds it.

    Example:

        worth campaign measure myshop --campaign spring
    """
    from worthwhile.decide.campaign import measure_campaign
    from worthwhile.shop import open_shop

    made = measure_campaign(open_shop(folder), campaign, outcomes=outcomes)
    return Answer(made.to_dict(), _measured(made.to_dict()))


def _measured(facts: Mapping[str, Any]) -> list[str | Table]:
    currency = facts["currency"]
    shown: list[str | Table] = [f"Warning: {warning}" for warning in facts["warnings"]]
    for arm in facts["arms"]:
        rows = [_row(name, of, currency) for name, of in arm["outcomes"].items()]
        title = f"{arm['arm']}: {arm['treated']:,} treated, {arm['held_out']:,} held out"
        columns = ("a customer", "treated", "held out", "difference", "95 % from", "to", "p")
        shown.append(table(title, columns, rows))
        shown.append(_worth(arm, currency))
    shown.append(
        "Differences are adjusted by what was expected of each customer before, which makes them surer: so they are not"
        " quite the one mean less the other (that is in --json, as `unadjusted`)."
    )
    return [*shown, f"Log for worth uplift: {facts['log']}"]


def _row(name: str, of: Mapping[str, Any], currency: str) -> tuple[str, ...]:
    from worthwhile.evaluation.numbers import Numbers

    numbers = Numbers("en", currency)
    keys = ("effect", "low", "high")
    write = {"spend": numbers.money, "active": numbers.share}.get(name, numbers.decimal)
    means = (write(of[key]) for key in ("treated_mean", "held_out_mean"))
    if name == "spend":
        changes = [numbers.money_change(of[key]) for key in keys]
    else:
        changes = [numbers.points(of[key]) if name == "active" else numbers.decimal(of[key]) for key in keys]
    return "active (points)" if name == "active" else name, *means, *changes, numbers.decimal(of["p_value"], 3)


def _worth(arm: Mapping[str, Any], currency: str) -> str:
    extra = arm["incremental_margin"]
    if extra["effect"] is None:
        return "Too few customers to say what it brought."
    low, high = money(extra["low"], currency), money(extra["high"], currency)
    text = f"It brought {money(extra['effect'], currency)} of margin (95 %: {low} to {high})"
    text += f" for {money(arm['cost'], currency)}."
    if extra["low"] > arm["cost"]:
        return f"{text} It paid for itself."
    if extra["high"] < arm["cost"]:
        return f"{text} It did not pay for itself."
    return f"{text} Whether it paid for itself is not certain."
