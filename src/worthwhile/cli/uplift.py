"""`worth uplift`: what a past campaign did to whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import Language, Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.uplift import UpliftRun

HEADS = ("outcome", "action", "without", "effect", "interval", "contacted", "policy", "value")


def uplift(
    folder: ShopFolder,
    log: Annotated[Path, typer.Option("--log", help="Campaign's log: .parquet, .csv or .jsonl, one row a customer.")],
    treatment: Annotated[str, typer.Option(help="Column that says what each customer got.")],
    control: Annotated[str, typer.Option(help="What it says of those who got nothing.")],
    outcome: Annotated[list[str], typer.Option("--outcome", help="Column of what they did after; may be repeated.")],
    covariate: Annotated[
        list[str] | None,
        typer.Option("--covariate", help="Column known before the campaign; may be repeated. [default: all others]"),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="Column that is no covariate; may be repeated.")
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Day of the campaign: covariates are then what the shop knew before it.")
    ] = None,
    cutoff: Annotated[
        str | None, typer.Option(help="With --date: effects for the customers of this day. [default: end of the data]")
    ] = None,
    propensity: Annotated[
        list[str] | None,
        typer.Option("--propensity", help="Known chance, ACTION=0.5 or ACTION=column; one for each action."),
    ] = None,
    observational: Annotated[
        bool, typer.Option("--observational", help="The groups were not drawn by chance.")
    ] = False,
    share: Annotated[
        list[float] | None,
        typer.Option("--share", help="Share of customers to contact, 0.3; may be repeated. [default: 1, 0.5, 0.3]"),
    ] = None,
    placebo: Annotated[bool, typer.Option(help="Look for what is found where nothing is.")] = True,
    deals: Annotated[
        int | None,
        typer.Option(help="Ways of dealing folds to average; 1 is fastest. [default: 3; above 200,000 customers 1]"),
    ] = None,
    lang: Language = "en",
    seed: Seed = None,
) -> Answer:
    """Learn from a past campaign who responds to what, and whether it pays to tell customers apart.

    Effects for each customer, shrunk as far as held-out customers bear out, who responds most and least, the value of
    policies with intervals, and warnings where the log cannot bear an answer. Recorded as a run, which the report
    shows; its effects.parquet is what a plan is made from.

    Example:

        worth uplift myshop --log campaign.csv --treatment sent --control none --outcome spend --outcome visit
    """
    from worthwhile.decide.uplift import UpliftOptions, estimate_uplift
    from worthwhile.decide.uplift.estimate import SHARES
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    options = UpliftOptions(
        covariates=covariate or None,
        ignore=tuple(ignore or ()),
        date=date,
        cutoff=cutoff,
        propensity=_propensity(propensity or []),
        observational=observational,
        shares=tuple(share) if share else SHARES,
        placebo=placebo,
        deals=deals,
    )
    with progress() as watch:
        run = estimate_uplift(
            shop,
            log,
            treatment=treatment,
            control=control,
            outcomes=outcome,
            options=options,
            seed=seed,
            progress=watch,
        )
    return Answer(run.to_dict(lang), _shown(run, lang))


def _propensity(given: list[str]) -> dict[str, str | float] | None:
    found: dict[str, str | float] = {}
    for text in given:
        action, sign, value = text.rpartition("=")
        if not sign:
            raise InputError(
                "bad-argument",
                f"`{text}` does not say which action has which chance",
                where="--propensity",
                remedy='write "Mens E-Mail=0.33", or the name of a column in place of the number',
            )
        try:
            found[action] = float(value)
        except ValueError:
            found[action] = value
    return found or None


def _shown(run: UpliftRun, lang: str) -> list[str | Table]:
    from worthwhile.decide.uplift.wording import outcomes_of, policies_shown
    from worthwhile.decide.uplift.words import words_of

    document = run.to_dict(lang)
    words = words_of(document, lang)
    averages = []
    for a in document["averages"]:
        outcome = a["outcome"]
        [without] = words.levels(outcome, a["control_mean"])
        told = words.effect(outcome, a["effect"], a["low"], a["high"])
        averages.append((words.outcome(outcome), a["action"], without, told["effect"], told["range"]))
    policies = []
    for outcome in outcomes_of(document):
        for row in policies_shown(document, outcome, words):
            value, *ends = words.levels(outcome, row.value, row.low, row.high)
            share = words.numbers.share(row.share)
            policies.append((words.outcome(outcome), share, row.name, value, words.between(*ends)))
    heads = {name: words(f"table.{name}") for name in HEADS}
    shown: list[str | Table] = [
        *(words("warning.label", text=text) for text in document["warnings"]),
        *document["answer"],
        table(words("table.averages"), [heads[name] for name in HEADS[:5]], averages),
        table(words("table.policies"), [heads[name] for name in (HEADS[0], *HEADS[5:], HEADS[4])], policies),
        words("note.chosen"),
        words("note.single"),
        *([words("note.together")] if len(document["outcomes"]) > 1 else []),
    ]
    customers = words.numbers.count(run.facts["effects_for"])
    return [*shown, words("note.run", run=run.run_id, customers=customers, folder=run.folder)]
