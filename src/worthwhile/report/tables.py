"""The report's tables: rows of texts, written for the reader. Every table is ordered and bounded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from worthwhile.evaluation.metrics import METRICS
from worthwhile.evaluation.verdict import RULES
from worthwhile.report import facts
from worthwhile.report.content import ForecastFacts
from worthwhile.report.facts import AtRisk, ScoreTable
from worthwhile.report.texts import Voice

# The measures of the table of all models, each with a text `metrics.<name>`; docs/metrics.md has them all.
SHOWN_METRICS = ("crps", "bias", "gini", "decile_mape", "auc", "mae", "coverage_90_buyers", "top_decile_share")
COMPARED_ONLY = ("orders_crps", "brier")  # small numbers without a unit of everyday use
CUTOFFS_SHOWN = 8
ID_SHOWN = 40  # characters of a customer id: a dirty file may hold a novel there
FINDINGS_SHOWN, EXAMPLES_SHOWN = 40, 5


@dataclass(frozen=True)
class Cell:
    """A text, what is written small beside it, and its CSS class."""

    text: str
    small: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """`is_text[i]` says whether a column is set to the left; numbers are set to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    is_text: Sequence[bool]


def shown_metrics(leading: str) -> tuple[str, ...]:
    """The metrics shown about a target: its leading one first."""
    return (leading, *(metric for metric in SHOWN_METRICS if metric != leading))


def short(text: str, length: int = ID_SHOWN) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _range(row: Mapping[str, Any], voice: Voice) -> Cell:
    n = voice.numbers
    return Cell(f"{n.money(row['q05'])} {voice('customers.to')} {n.money(row['q95'])}")


def top_table(forecast: ForecastFacts, voice: Voice) -> Table:
    """The customers of the highest expected spend."""
    n = voice.numbers
    rows = [
        [
            Cell(str(i), kind="faint"),
            Cell(short(str(row["customer_id"]))),
            Cell(n.share(row["p_active"])),
            Cell(n.decimal(row["orders_mean"], 1)),
            Cell(n.money(row["mean"]), kind="strong"),
            _range(row, voice),
        ]
        for i, row in enumerate(facts.top_customers(forecast), start=1)
    ]
    head = [voice(f"customers.{key}") for key in ("rank", "id", "p_active", "orders", "mean", "range")]
    return Table(head, rows, [False, True, False, False, False, False])


def risk_table(risk: AtRisk, voice: Voice) -> Table:
    """The biggest spenders of the last year that are likely to stay away."""
    n = voice.numbers
    rows = [
        [
            Cell(short(str(row["customer_id"]))),
            Cell(n.money(row["past_year"]), kind="strong"),
            Cell(n.count(row["past_orders"])),
            Cell(n.day(row["last_order"])),
            Cell(n.share(row["p_active"])),
            Cell(n.money(row["mean"])),
        ]
        for row in risk.rows
    ]
    head = [voice(f"customers.{key}") for key in ("id", "past_year", "past_orders", "last_order", "p_active", "mean")]
    return Table(head, rows, [True, False, False, False, False, False])


def _value(metric: str, value: float, voice: Voice) -> str:
    n, unit = voice.numbers, METRICS[metric].unit
    if unit == "currency":
        return n.money(value)
    if metric in COMPARED_ONLY:
        return n.decimal(value, 3)
    return n.change(value) if unit == "ratio" else n.share(value)


def _spread(metric: str, value: float, voice: Voice) -> str:
    if not math.isfinite(value):
        return ""
    n = voice.numbers
    if metric in COMPARED_ONLY:
        return "± " + n.decimal(value, 3)
    return "± " + (n.money(value) if METRICS[metric].unit == "currency" else n.share(value))


def _model_cell(model: str, forecast_model: str, voice: Voice) -> Cell:
    small = voice("proof.this") if model == forecast_model else voice("proof.rule") if model in RULES else ""
    return Cell(model, small, "strong" if model == forecast_model else "")


def scores_table(table: ScoreTable, forecast_model: str, voice: Voice) -> Table | None:
    """Mean and spread over cutoffs of the shown metrics, the best of each column marked."""
    metrics = [m for m in shown_metrics(table.leading) if m in table.cells]
    if not metrics:
        return None
    best = {metric: table.best(metric) for metric in metrics}
    rows = []
    for model in table.models:
        cells = [_model_cell(model, forecast_model, voice)]
        for metric in metrics:
            value, spread = table.mean(metric, model), table.spread(metric, model)
            kind = "best" if model == best[metric] else ""
            cells.append(Cell(_value(metric, value, voice), _spread(metric, spread, voice), kind))
        rows.append(cells)
    head = [voice("proof.model"), *(voice(f"metrics.{metric}.name") for metric in metrics)]
    return Table(head, rows, [True, *[False] * len(metrics)])


def cutoffs_table(table: ScoreTable, forecast_model: str, voice: Voice, zone: tzinfo) -> Table | None:
    """The leading error of each model at each of the latest cutoffs, the best of each column marked."""
    leading = table.leading
    if len(table.cutoffs) < 2 or leading not in table.cells:
        return None
    places = range(len(table.cutoffs))[-CUTOFFS_SHOWN:]
    best = {i: table.best_at(leading, i) for i in places}
    rows = [
        [
            _model_cell(model, forecast_model, voice),
            *(
                Cell(
                    _value(leading, float(table.cells[leading][model][i]), voice),
                    kind="best" if model == best[i] else "",
                )
                for i in places
            ),
        ]
        for model in table.models
        if model in table.cells[leading]
    ]
    days = [voice.numbers.day(facts.local_day(table.cutoffs[i], zone)) for i in places]
    return Table([voice("proof.model"), *days], rows, [True, *[False] * len(days)])


def weights_table(forecast: ForecastFacts, voice: Voice) -> Table | None:
    """The members of an ensemble that have a weight, heaviest first."""
    members = sorted(((w, m) for m, w in forecast.weights.items() if w >= 0.001), key=lambda pair: (-pair[0], pair[1]))
    if not members:
        return None
    rows = [[Cell(m, kind="strong"), Cell(voice.numbers.share(w)), Cell(model_sentence(m, voice))] for w, m in members]
    head = [voice("proof.model"), voice("models.weight"), voice("models.does")]
    return Table(head, rows, [True, False, True])


def model_sentence(model: str, voice: Voice) -> str:
    """What a model does; its name where it is not in the texts."""
    key = f"models.what.{model}"
    return voice(key) if key in voice else model
