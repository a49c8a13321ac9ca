"""The numbers that a report states, worked out from its content. No words and no pictures here.

Letters: N customers, C past cutoffs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t as student

from worthwhile.evaluation.metrics import METRICS
from worthwhile.evaluation.verdict import LEADING_METRIC
from worthwhile.evaluation.wording import ENOUGH_CUTOFFS
from worthwhile.report.content import BacktestFacts, ForecastFacts

Array = np.ndarray[Any, Any]

USUAL_ERROR = 0.3  # of totals elsewhere: root mean square of the log; docs/benchmarks.md has .2 to .5
USUAL_TESTS = 3  # that this counts as
LEVEL = 0.90  # of the interval of the total: from the 5 % to the 95 % quantile, as for single customers
DECILES = 10
SHOWN_CUSTOMERS = 20
SHOWN_AT_RISK = 15
RISK_CHANCE = 0.5  # at risk: less likely to buy than not
RISK_SHARE = 0.1  # among the tenth that spent most in the year before the cutoff


@dataclass(frozen=True)
class TotalInterval:
    """The interval of a total. `kind` says what it comes from: past errors (`backtest`), `few` of these with those that
    are usual, or the `usual` ones alone (see `total_interval`)."""

    low: float
    high: float
    kind: str


@dataclass(frozen=True)
class PastTotal:
    """The total forecast and what came, at one past cutoff."""

    cutoff: datetime
    forecast: float
    actual: float

    @property
    def miss(self) -> float:
        """forecast / actual - 1; NaN where nothing was spent."""
        return self.forecast / self.actual - 1 if self.actual > 0 else math.nan


def amounts(forecast: ForecastFacts, what: str = "mean") -> Array:  # (N,) float64
    """A column of amounts of the forecast table: `mean`, `median`, `q05`, ..."""
    return numbers(forecast.table, f"{forecast.amount_name}_{what}")


def numbers(table: pa.Table, column: str) -> Array:  # (N,) float64, NaN for null
    return np.asarray(pc.cast(table[column], pa.float64()).to_numpy(), dtype=np.float64)


# ---- totals ---------------------------------------------------------------------------------------------------------


def past_totals(backtest: BacktestFacts | None, model: str) -> list[PastTotal]:
    """Total forecasts of one model and actual totals, oldest cutoff first."""
    if backtest is None:
        return []
    rows = curve_rows(backtest.curves, "total", model)
    return sorted((PastTotal(r["cutoff"], r["x"], r["y"]) for r in rows), key=lambda p: p.cutoff)


def total_interval(forecast: ForecastFacts, past: Sequence[PastTotal]) -> TotalInterval | None:
    """The 90 % interval of the total.

    With at least three past cutoffs it comes from them: log(actual / forecast) is taken as normal with mean zero, its
    variance estimated by the mean square over the C cutoffs, so that the interval is total * exp(+- t_C * root mean
    square), t_C the quantile of Student's law with C degrees of freedom. Cutoffs whose horizons overlap are fewer
    than they look, and nothing is known of shocks that the past has not seen.

    With fewer, the errors that are usual elsewhere stand beside them as `USUAL_TESTS` more cutoffs, each with the
    square of `USUAL_ERROR` and of what the chance of single customers makes of the total. None where nothing is
    expected.
    """
    total = float(amounts(forecast).sum())
    errors = np.array([math.log(p.actual / p.forecast) for p in past if p.forecast > 0 and p.actual > 0])
    if total <= 0:
        return None
    tests, squares = len(errors), float(np.sum(errors**2))
    kind = "backtest" if tests >= ENOUGH_CUTOFFS else "few" if tests else "usual"
    if kind != "backtest":
        chance = 0.0 if math.isnan(forecast.variance_of_total) else forecast.variance_of_total / total**2
        tests, squares = tests + USUAL_TESTS, squares + USUAL_TESTS * (USUAL_ERROR**2 + chance)
    reach = student.ppf((1 + LEVEL) / 2, tests) * math.sqrt(squares / tests)
    return TotalInterval(total * math.exp(-reach), total * math.exp(reach), kind)


# ---- who holds the value --------------------------------------------------------------------------------------------


def concentration(values: Array, points: int = 201) -> tuple[Array, Array]:
    """Share of customers, best first, and the share of the value that they hold: a Lorenz curve read from the top."""
    shares = np.linspace(0.0, 1.0, points)
    total = float(values.sum())
    if total <= 0:
        return shares, np.full(points, math.nan)
    held = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1])]) / total
    return shares, np.interp(shares * len(values), np.arange(len(values) + 1), held)


def held_by_top(values: Array, share: float) -> float:
    """The share of the value that the best `share` of customers hold; NaN where there is none."""
    total = float(values.sum())
    if total <= 0 or len(values) == 0:
        return math.nan
    held = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1])]) / total
    return float(np.interp(share * len(values), np.arange(len(values) + 1), held))


@dataclass(frozen=True)
class Decile:
    """One tenth of the customers in order of expected spend, 1 the best."""

    number: int
    customers: int
    mean: float
    share: float  # of the total
    p_active: float


def deciles(forecast: ForecastFacts) -> list[Decile]:
    """Ten groups of equal size, best first; fewer where there are fewer than ten customers."""
    mean, p_active = amounts(forecast), numbers(forecast.table, "p_active")
    total = float(mean.sum())
    groups = [g for g in np.array_split(np.argsort(-mean, kind="stable"), DECILES) if len(g)]
    return [
        Decile(
            i + 1,
            len(rows),
            float(mean[rows].mean()),
            float(mean[rows].sum()) / total if total > 0 else math.nan,
            float(p_active[rows].mean()),
        )
        for i, rows in enumerate(groups)
    ]


@dataclass(frozen=True)
class SpendBin:
    """Customers whose expected spend lies in [low, high); `high` is infinite in the last bin."""

    low: float
    high: float
    customers: int
    share: float  # of the customers
    value_share: float  # of the total


def spend_bins(values: Array, most: int = 10) -> list[SpendBin]:
    """Customers by expected spend, between round amounts (1, 2, 5 times powers of ten), at most `most` bins."""
    positive = values[values > 0]
    if len(positive) == 0:
        return [SpendBin(0.0, math.inf, len(values), 1.0, math.nan)] if len(values) else []
    low, high = (float(np.quantile(positive, q)) for q in (0.02, 0.995))
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    round_amounts = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
    inner = [a for a in round_amounts if low < a < high][-(most - 1) :] or [round_amounts[-1]]
    edges = np.array([0.0, *inner, math.inf])
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    customers = np.bincount(place, minlength=len(edges) - 1)
    held = np.bincount(place, weights=values, minlength=len(edges) - 1) / values.sum()
    return [
        SpendBin(float(a), float(b), int(n), float(n) / len(values), float(v))
        for a, b, n, v in zip(edges[:-1], edges[1:], customers, held, strict=True)
    ]


# ---- single customers -----------------------------------------------------------------------------------------------


def _rows(forecast: ForecastFacts, rows: Array) -> list[dict[str, Any]]:
    """Rows of the table with the amounts under plain names: mean, q05, q95."""
    table, prefix = forecast.table.take(pa.array(rows)), forecast.amount_name + "_"
    names = [name.removeprefix(prefix) for name in table.column_names]
    return table.rename_columns(names).to_pylist()


def top_customers(forecast: ForecastFacts, count: int = SHOWN_CUSTOMERS) -> list[dict[str, Any]]:
    """The customers of the highest expected spend, best first, ties by id."""
    return _rows(forecast, _first_by(amounts(forecast), forecast.table["customer_id"], count))


def _first_by(values: Array, ids: pa.ChunkedArray, count: int) -> Array:
    """Rows of the `count` largest values, ties by id, without sorting a million texts."""
    if len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(values, -min(count, len(values)))[-min(count, len(values))]
    rows = np.flatnonzero(values >= least)[: count * 1000]
    names = ids.take(pa.array(rows)).to_pylist()
    order = sorted(range(len(rows)), key=lambda i: (-values[rows[i]], names[i]))
    return rows[order[:count]]


@dataclass(frozen=True)
class AtRisk:
    """Of the tenth that spent most in the year before the cutoff: those more likely to stay away than to buy."""

    customers: int
    among: int  # customers in that tenth
    past_year: float  # what those at risk spent in that year
    rows: list[dict[str, Any]]  # the biggest spenders of them


def at_risk(forecast: ForecastFacts, count: int = SHOWN_AT_RISK) -> AtRisk | None:
    """Customers worth a call. None where the table has no past, or nobody spent anything in that year."""
    if "past_year" not in forecast.table.column_names:
        return None
    spent, chance = np.nan_to_num(numbers(forecast.table, "past_year")), numbers(forecast.table, "p_active")
    spenders = np.flatnonzero(spent > 0)
    if len(spenders) == 0:
        return None
    top = spenders[np.argsort(-spent[spenders], kind="stable")][: max(1, math.ceil(RISK_SHARE * len(spenders)))]
    rows = top[chance[top] < RISK_CHANCE]
    return AtRisk(len(rows), len(top), float(spent[rows].sum()), _rows(forecast, rows[:count]))


# ---- the backtest ---------------------------------------------------------------------------------------------------


def curve_rows(curves: pa.Table, curve: str, model: str) -> list[dict[str, Any]]:
    """The points of one curve of one model over all cutoffs, those not defined left out."""
    chosen = curves.filter(pc.and_(pc.equal(curves["curve"], curve), pc.equal(curves["model"], model)))
    return [r for r in chosen.to_pylist() if math.isfinite(r["x"]) and math.isfinite(r["y"])]


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve pooled over cutoffs; n customers, summed over cutoffs."""

    x: float
    y: float
    n: int


def pooled_curve(curves: pa.Table, curve: str, model: str) -> list[CurvePoint]:
    """One curve over all cutoffs: points of the same place are averaged with the number of customers as weights.

    The place is the point's number; for `reliability`, which leaves empty steps out, it is the step of 0.1 of x.
    """
    places: dict[int, list[dict[str, Any]]] = {}
    for row in curve_rows(curves, curve, model):
        place = min(int(row["x"] * 10 + 1e-9), 9) if curve == "reliability" else row["k"]
        places.setdefault(place, []).append(row)
    pooled = []
    for _, rows in sorted(places.items()):
        n = sum(row["n"] for row in rows)
        weights = [row["n"] / n if n else 1 / len(rows) for row in rows]
        x, y = (sum(w * row[axis] for w, row in zip(weights, rows, strict=True)) for axis in "xy")
        pooled.append(CurvePoint(x, y, n))
    return pooled


def pooled_pit(curves: pa.Table, model: str) -> list[CurvePoint]:
    """The PIT's histogram over all cutoffs: left edge, density, customers."""
    counts: dict[float, int] = {}
    for row in curve_rows(curves, "pit", model):
        counts[row["x"]] = counts.get(row["x"], 0) + row["n"]
    total = sum(counts.values())
    return [CurvePoint(x, n * len(counts) / total, n) for x, n in sorted(counts.items())] if total else []


@dataclass(frozen=True)
class ScoreTable:
    """Scores by metric, model and cutoff: `cells[metric][model]` is a value for each of `cutoffs`, NaN where none.

    `leading` is the metric that the table is about: by it models are ordered and compared.
    """

    cutoffs: tuple[datetime, ...]
    models: tuple[str, ...]  # by mean of the leading metric, best first
    cells: dict[str, dict[str, Array]]  # metric -> model -> (C,)
    leading: str = "crps"

    def mean(self, metric: str, model: str) -> float:
        """Over the cutoffs where it is defined."""
        values = self.cells.get(metric, {}).get(model, np.zeros(0))
        values = values[np.isfinite(values)]
        return float(values.mean()) if len(values) else math.nan

    def spread(self, metric: str, model: str) -> float:
        """Standard deviation over cutoffs; NaN with fewer than two."""
        values = self.cells.get(metric, {}).get(model, np.zeros(0))
        values = values[np.isfinite(values)]
        return float(values.std(ddof=1)) if len(values) > 1 else math.nan

    def best(self, metric: str) -> str | None:
        """The model of the best mean; None with fewer than two models to compare."""
        known = {m: METRICS[metric].loss(v) for m in self.models if math.isfinite(v := self.mean(metric, m))}
        return min(known, key=lambda m: known[m]) if len(known) > 1 else None

    def best_at(self, metric: str, i: int) -> str | None:
        """The best model at the cutoff of this number."""
        values = {m: v[i] for m, v in self.cells.get(metric, {}).items()}
        known = {m: METRICS[metric].loss(float(v)) for m, v in values.items() if math.isfinite(v)}
        return min(known, key=lambda m: known[m]) if len(known) > 1 else None


def score_table(scores: pa.Table, target: str = "spend") -> ScoreTable:
    """The tidy scores of one horizon, arranged for tables about a target. Models that lack a cutoff come last."""
    leading = LEADING_METRIC[target]
    rows = scores.to_pylist()
    cutoffs = tuple(sorted({row["cutoff"] for row in rows}))
    place = {cutoff: i for i, cutoff in enumerate(cutoffs)}
    cells: dict[str, dict[str, Array]] = {}
    for row in rows:
        of_model = cells.setdefault(row["metric"], {}).setdefault(row["model"], np.full(len(cutoffs), math.nan))
        of_model[place[row["cutoff"]]] = row["value"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    table = ScoreTable(cutoffs, tuple(models), cells, leading)

    def rank(model: str) -> tuple[int, float]:
        missing = int(np.isnan(cells.get(leading, {}).get(model, np.full(len(cutoffs), math.nan))).sum())
        mean = table.mean(leading, model)
        return missing, mean if math.isfinite(mean) else math.inf

    return ScoreTable(cutoffs, tuple(sorted(models, key=rank)), cells, leading)


def shown_model(forecast: ForecastFacts, backtest: BacktestFacts) -> str:
    """The model whose curves are shown: the forecast's own where it was tested, else the one that leads."""
    models = score_table(backtest.scores, forecast.target).models
    return forecast.model if forecast.model in models or not models else models[0]


def local_day(moment: datetime, zone: Any) -> date:
    """The shop's calendar day of a cutoff."""
    return moment.astimezone(zone).date()
