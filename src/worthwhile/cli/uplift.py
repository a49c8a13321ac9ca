"""`worth uplift`: what a past campaign did to whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import Seed, ShopFolder
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.uplift import UpliftRun


def uplift(
    folder: ShopFolder,
    log: Annotated[Path, typer.Option("--log", help="The campaign's log, .parquet or .csv: one row a customer.")],
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
    seed: Seed = None,
) -> Answer:
    """Learn from a past campaign who responds to what, and whether it pays to tell customers apart.

    Effects for each customer, shrunk as far as held-out customers bear out, the value of policies with intervals, and
    warnings where the log cannot bear an answer. Recorded as a run; its effects.parquet is what a plan is made from.

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
    return Answer(run.to_dict(), _shown(run))


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


def _shown(run: UpliftRun) -> list[str | Table]:
    warnings = [f"Warning: {text}" for text in run.warnings]
    averages = [
        (a.outcome, a.action, f"{a.control_mean:.4g}", f"{a.effect:.4g}", f"{a.low:.4g} to {a.high:.4g}")
        for a in run.averages
    ]
    policies = [
        (
            row["outcome"],
            f"{row['share']:.0%}",
            row["policy"] + (" *" if row["chosen"] else ""),
            f"{row['value']:.4g}",
            f"{row['low']:.4g} to {row['high']:.4g}",
        )
        for row in run.policies.to_pylist()
    ]
    shown: list[str | Table] = [
        *warnings,
        *run.answer,
        table("Average effects", ("outcome", "action", "without", "effect", "95 % interval"), averages),
        table("Value per customer (*: chosen)", ("outcome", "contacted", "policy", "value", "95 % interval"), policies),
    ]
    return [*shown, f"Run {run.run_id}: effects of {run.facts['effects_for']:,} customers in {run.folder}"]
