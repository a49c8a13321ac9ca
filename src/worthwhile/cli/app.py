"""All commands in the order in which a newcomer meets them, and the options that every command has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from worthwhile.cli.answer import Answer
from worthwhile.cli.backtest import backtest
from worthwhile.cli.check import check
from worthwhile.cli.compact import compact
from worthwhile.cli.demo import demo
from worthwhile.cli.explain import explain
from worthwhile.cli.forecast import forecast
from worthwhile.cli.forget import forget
from worthwhile.cli.ingest import ingest
from worthwhile.cli.init import init
from worthwhile.cli.models import models
from worthwhile.cli.recommend import recommend
from worthwhile.cli.report import report
from worthwhile.cli.runs import runs
from worthwhile.cli.segments import segments
from worthwhile.cli.settings import settings

COMMANDS: tuple[Callable[..., Answer], ...] = (
    init,
    ingest,
    check,
    backtest,
    forecast,
    explain,
    recommend,
    segments,
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
    """The command with `--json` and `--debug` added to its signature."""

    @wraps(command)
    def run(**arguments: Any) -> Answer:
        for name in COMMON_OPTIONS:
            arguments.pop(name)
        return command(**arguments)

    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in COMMON_OPTIONS.items()
    ]
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
    return run


for _command in COMMANDS:
    app.command(_command.__name__)(with_common_options(_command))


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
