"""`worth backtest`: how good forecasts would have been."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import Category, Channel, FineTune, Item, Seed, ShopFolder, Target, Tune
from worthwhile.cli.progress import progress
from worthwhile.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from worthwhile.runs import BacktestRun

# What a person sees; all metrics are in the run's table of scores and in --json.
SHOWN_METRICS = ("crps", "mae", "bias", "gini", "auc", "brier", "coverage_90_buyers")


def backtest(
    folder: ShopFolder,
    horizon: Annotated[str, typer.Option(help="Span after each cutoff: 90d, 12w, 6mo, 1y.")] = "90d",
    cutoffs: Annotated[
        list[str] | None,
        typer.Option("--cutoffs", help="How many, a horizon apart up to the latest; or a day, repeated. [default: 4]"),
    ] = None,
    target: Target = "spend",
    category: Category = None,
    channel: Channel = None,
    item: Item = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", help="A model to score; may be repeated. [default: the ensemble, its members, two rules]"
        ),
    ] = None,
    tune: Tune = 0,
    fine_tune: FineTune = False,
    seed: Seed = None,
) -> Answer:
    """Show how good such forecasts were in the past.

    Every model forecasts at past cutoffs with what was known then, and is scored on what came after.

    Example:

        worth backtest myshop --horizon 90d --cutoffs 4
    """
    from worthwhile.runs import Asked
    from worthwhile.runs import backtest as run_backtest
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    with progress() as watch:
        run = run_backtest(
            shop,
            horizon,
            cutoffs=_cutoffs(cutoffs),
            asked=Asked(target, category, channel, item),
            models=model,
            tune=tune,
            fine_tune=fine_tune,
            seed=seed,
            progress=watch,
        )
    return backtest_answer(run, target=target)


def backtest_answer(run: BacktestRun, *, target: str) -> Answer:
    """The run in short: mean scores of each model, best first, and the verdict in sentences."""
    from worthwhile.evaluation import LEADING_METRIC, summary

    means = summary(run.scores)
    shown: list[str | Table] = [_scores_table(means, LEADING_METRIC[target], cutoffs=len(run.facts["cutoffs"]))]
    shown += _verdict(run, LEADING_METRIC[target])
    shown += run.notes()
    shown.append(f"Run {run.run_id} in {run.folder}")
    return Answer(run.to_dict() | {"summary": means.to_pylist()}, shown)


def _verdict(run: BacktestRun, metric: str) -> list[str]:
    """Which model leads; then, of the one that `worth forecast` asks where it was scored, how far to trust it."""
    from worthwhile.evaluation.verdict import OWN_TOPICS, verdict_about

    own = "ensemble" if "ensemble" in run.scores["model"].unique().to_pylist() else run.verdict.leader
    if own is None or own == run.verdict.leader:
        return list(run.verdict.sentences.values())
    zone = ZoneInfo(run.facts["settings"]["timezone"])
    said = verdict_about(run.scores, own, metric=metric, zone=zone).sentences
    about = f"Of {own}, which `worth forecast` asks without --model:"
    first = next((topic for topic in said if topic in (*OWN_TOPICS, "caution")), None)
    return [line for topic, text in said.items() for line in ([about, text] if topic == first else [text])]


def _scores_table(means: pa.Table, headline: str, *, cutoffs: int) -> Table:
    names = (headline, *(name for name in SHOWN_METRICS if name != headline))
    by_model: dict[str, dict[str, float]] = {}
    scored: dict[str, int] = {}
    for row in means.to_pylist():
        by_model.setdefault(row["model"], {})[row["metric"]] = row["mean"]
        if row["metric"] == headline:
            scored[row["model"]] = row["cutoffs"]
    # Models that were scored at fewer cutoffs come last: their means are over other, perhaps easier, dates.
    best_first = sorted(by_model, key=lambda model: (-scored[model], by_model[model][headline], model))
    rows = [(m, f"{scored[m]} of {cutoffs}", *(_number(by_model[m][name]) for name in names)) for m in best_first]
    title = f"Means over the cutoffs, best {headline} first (docs/metrics.md)"
    return table(title, ("model", "cutoffs", *names), rows)


def _number(value: float) -> str:
    if value != value:
        return "-"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3f}"


def _cutoffs(texts: list[str] | None) -> int | list[str]:
    if not texts:
        return 4
    if len(texts) == 1 and texts[0].isdecimal() and len(texts[0]) < 4:
        return int(texts[0])
    if any(text.isdecimal() for text in texts):
        raise InputError(
            "bad-argument",
            f"{', '.join(texts)} are neither one number nor days",
            where="--cutoffs",
            remedy="write --cutoffs 4, or --cutoffs 2011-03-01 --cutoffs 2011-06-01",
        )
    return texts
