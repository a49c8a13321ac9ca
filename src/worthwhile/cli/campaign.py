"""`worth campaign design` and `worth campaign measure`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, money, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.usage import number_meant
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.campaign import Arm, Measured
    from worthwhile.decide.campaign.folder import Campaign

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
    lang: Language = "en",
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
    return Answer({**made.to_dict(lang), "out": out, "contacts": contacts}, _designed(made, lang, out, contacts))


def _arms(texts: Sequence[str], actions: Path | None) -> list[Arm]:
    """The arms: as they were written, and as the file of actions has those of its names."""
    from worthwhile.decide.budget import arms_of
    from worthwhile.decide.campaign import Arm

    said = dict(_arm(text) for text in texts)
    if actions is not None:
        return arms_of(actions, said or None)
    return [Arm(name, name, cost or 0.0) for name, cost in said.items()]


def _arm(text: str) -> tuple[str, float | None]:
    name, sign, cost = text.partition("=")
    try:
        return name.strip(), float(cost) if sign else None
    except ValueError as error:
        remedy = f"write {name}, or {name}={number_meant(cost, otherwise='0.05')} with its cost"
        raise InputError("bad-argument", f"`{text}` is no arm", where="--arm", remedy=remedy) from error


def _designed(made: Campaign, lang: str, out: Path | None, contacts: Path | None) -> list[str | Table]:
    from worthwhile.decide.campaign.wording import measure_hint
    from worthwhile.decide.words import words_of

    facts = made.manifest
    words = words_of(lang, facts["currency"])
    costs = {one["name"]: one["cost"] for one in facts["arms"]}
    rows = [
        (name, f"{count:,}", money(count * costs[name]) if name in costs else "-")
        for name, count in facts["test"]["sizes"].items()
    ]
    title = words("design.title", name=facts["name"], day=words.day(facts["start_day"]))
    heads = [words("table.group"), words("table.customers"), words("table.cost", unit=words.unit())]
    shown: list[str | Table] = [words("page.warning", text=text) for text in made.warning_sentences(lang)]
    shown += [table(title, heads, rows), *made.sentences(lang)]
    files = {"out": out, "contacts": contacts}
    shown += [words(f"design.{key}", path=path) for key, path in files.items() if path is not None]
    return [*shown, measure_hint(facts, words)]


def campaign_measure(
    folder: ShopFolder,
    campaign: Name,
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Outcomes by customer_id: spend, orders, active. [default: the shop's own log]"),
    ] = None,
    lang: Language = "en",
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
    return Answer(made.to_dict(lang), _measured(made, lang))


def _measured(made: Measured, lang: str) -> list[str | Table]:
    from worthwhile.decide.campaign.wording import expectations, outcome_rows, worth_sentence
    from worthwhile.decide.words import words_of

    facts = made.facts
    words = words_of(lang, facts["currency"])
    heads = [words(f"table.{key}") for key in ("each", "treated", "held_out", "difference", "low", "high", "p")]
    shown: list[str | Table] = [words("page.warning", text=text) for text in made.warning_sentences(lang)]
    for arm in facts["arms"]:
        title = words("measure.title", **{name: arm[name] for name in ("arm", "treated", "held_out")})
        shown += [
            table(title, heads, outcome_rows(arm, words)),
            worth_sentence(arm, words, matured=facts["matured"]),
            *expectations(arm, words),
        ]
    return [*shown, words("measure.adjusted"), words("measure.log", path=facts["log"])]
