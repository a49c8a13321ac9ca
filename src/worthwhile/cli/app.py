"""All commands in the order in which a newcomer meets them, and the options that every command has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any

import typer

from worthwhile.cli.answer import Answer, at_shop
from worthwhile.cli.backtest import backtest
from worthwhile.cli.campaign import campaign_design, campaign_measure
from worthwhile.cli.check import check
from worthwhile.cli.compact import compact
from worthwhile.cli.demo import demo
from worthwhile.cli.explain import explain
from worthwhile.cli.export import export
from worthwhile.cli.forecast import forecast
from worthwhile.cli.forget import forget
from worthwhile.cli.ingest import ingest
from worthwhile.cli.init import init
from worthwhile.cli.models import models
from worthwhile.cli.plan import plan
from worthwhile.cli.recommend import recommend
from worthwhile.cli.report import report
from worthwhile.cli.runs import runs
from worthwhile.cli.segments import segments
from worthwhile.cli.settings import settings
from worthwhile.cli.uplift import uplift
from worthwhile.errors import InputError

COMMANDS: tuple[Callable[..., Answer], ...] = (
    init,
    ingest,
    check,
    backtest,
    forecast,
    explain,
    recommend,
    segments,
    plan,
    campaign_design,
    campaign_measure,
    export,
    uplift,
    report,
    runs,
    compact,
    models,
    settings,
    forget,
    demo,
)

# `entry.run` looks for these two among the arguments, since errors before a command is found need them too.
COMMON_OPTIONS = {
    "json": Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, errors too.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")],
}

app = typer.Typer(
    name="worth",
    help="Forecasts what each customer of an online shop will be worth.\n\nBegin with `worth demo`, or with "
    "`worth init myshop` and `worth ingest myshop orders.csv`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def with_common_options(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """The command with `--json` and `--debug` added to its signature; where it tells what to run next, and why it could
    not be run, commands name the shop's folder as it was given."""

    @wraps(command)
    def run(**arguments: Any) -> Answer:
        for name in COMMON_OPTIONS:
            arguments.pop(name)
        folder = arguments.get("folder")
        try:
            answer = command(**arguments)
        except InputError as error:
            error.what, error.remedy = at_shop(error.what, folder), at_shop(error.remedy, folder)
            raise
        return replace(answer, shown=[at_shop(p, folder) if isinstance(p, str) else p for p in answer.shown])

    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in COMMON_OPTIONS.items()
    ]
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


def words_of(command: Callable[..., Answer]) -> list[str]:
    """What a command is called by: `campaign_design` is `worth campaign design`."""
    return command.__name__.split("_")


# Commands of two words -> what `worth WORD --help` says of the first.
GROUPS = {"campaign": "Design a test before a campaign, and measure it after."}
_groups = {name: typer.Typer(help=text) for name, text in GROUPS.items()}

for _command in COMMANDS:
    *_group, _word = words_of(_command)
    if _group and _groups[_group[0]] not in [one.typer_instance for one in app.registered_groups]:
        app.add_typer(_groups[_group[0]], name=_group[0])
    (_groups[_group[0]] if _group else app).command(_word)(with_common_options(_command))


def _print_version(wanted: bool) -> None:
    if wanted:
        from worthwhile import __version__

        typer.echo(f"worth {__version__}")
        raise typer.Exit


@app.callback()
def _worth(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass
