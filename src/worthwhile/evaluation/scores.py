"""Forecasts held against what happened: the tidy table of scores, and its summary over cutoffs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from worthwhile.distribution import Forecast
from worthwhile.evaluation import metrics
from worthwhile.evaluation.curves import curve_readings
from worthwhile.evaluation.metrics import METRICS, NAN
from worthwhile.evaluation.readings import Readings, read
from worthwhile.features.snapshot import Outcome

SCORES = pa.schema(
    [
        pa.field("cutoff", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("horizon", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),  # a key of METRICS
        pa.field("value", pa.float64(), nullable=False),  # NaN where not defined
        pa.field("customers", pa.int64(), nullable=False),  # that the value rests on
    ]
)

SUMMARY = pa.schema(
    [
        pa.field("horizon", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("mean", pa.float64(), nullable=False),  # over cutoffs where the metric is defined
        pa.field("sd", pa.float64(), nullable=False),  # between cutoffs (n - 1); NaN with fewer than two
        pa.field("cutoffs", pa.int64(), nullable=False),  # where the metric is defined
        pa.field("mean_rank", pa.float64(), nullable=False),  # 1 is best; among the models scored at the same cutoff
    ]
)


def _of_amount(r: Readings) -> dict[str, float]:
    spent = r.spent
    return {
        "crps": metrics.mean(r.crps),
        "mae": metrics.mean_absolute_error(r.median, r.amount),
        "rmse": metrics.root_mean_squared_error(r.mean, r.amount),
        "bias": metrics.relative_bias(r.mean, r.amount),
        "gini": metrics.normalized_gini(r.mean, r.amount),
        "spearman": metrics.spearman(r.mean, r.amount),
        "spearman_buyers": metrics.spearman(r.mean[spent], r.amount[spent]),
        "decile_mape": metrics.decile_mape(r.mean, r.amount),
        "top_decile_share": float(metrics.gain(r.mean, r.amount, np.array([0.1]))[0]),
    }


def _of_intervals(r: Readings, seed: int) -> dict[str, float]:
    likely, given = r.p_active >= 0.5, r.given_purchase
    values = {"pit_distance": metrics.distance_to_uniform(r.pit(seed))}
    for level in (50, 90):
        values[f"coverage_{level}"] = metrics.mean(metrics.covered(r.upto, r.below, level / 100))
        values[f"coverage_{level}_likely"] = metrics.mean(metrics.share_covered(r.upto, r.below, level / 100)[likely])
        values[f"coverage_{level}_buyers"] = metrics.mean(metrics.covered(given, given, level / 100))
    return values


def _of_buying(r: Readings) -> dict[str, float]:
    values = {
        "auc": metrics.area_under_roc(r.p_active, r.active),
        "pr_auc": metrics.average_precision(r.p_active, r.active),
        "brier": metrics.mean((r.p_active - r.active) ** 2),
        "buyers_bias": metrics.relative_bias(r.p_active, r.active),
    }
    return values | metrics.at_base_rate(r.p_active, r.active)


def _of_orders(r: Readings) -> dict[str, float]:
    return {
        "orders_crps": metrics.mean(r.orders_crps),
        "orders_mae": metrics.mean_absolute_error(r.orders_median, r.orders),
        "orders_rmse": metrics.root_mean_squared_error(r.orders_mean, r.orders),
        "orders_bias": metrics.relative_bias(r.orders_mean, r.orders),
    }


def score_readings(forecast: Forecast, readings: Readings, *, horizon: str | None = None, seed: int = 0) -> pa.Table:
    """`score` of what has been read already."""
    r = readings
    values = _of_amount(r) | _of_intervals(r, seed) | _of_buying(r) | _of_orders(r)
    assert values.keys() == METRICS.keys()
    spent, likely = int(r.spent.sum()), int((r.p_active >= 0.5).sum())
    customers = {name: len(r) for name in METRICS}
    customers |= {name: spent for name in METRICS if name.endswith("_buyers")}
    customers |= {name: likely for name in METRICS if name.endswith("_likely")}
    columns = {
        "cutoff": [forecast.cutoff] * len(METRICS),
        "horizon": [forecast.horizon if horizon is None else str(horizon)] * len(METRICS),
        "model": [forecast.model] * len(METRICS),
        "metric": list(METRICS),
        "value": [float(values[name]) for name in METRICS],
        "customers": [customers[name] for name in METRICS],
    }
    return pa.table(columns, schema=SCORES)


def score(forecast: Forecast, outcome: Outcome, *, horizon: str | None = None, seed: int = 0) -> pa.Table:
    """Every metric of one forecast at one cutoff: a table of schema SCORES, one row a metric, in the order of METRICS.

    `outcome` in the order of the forecast; `horizon` is the forecast's own where not given; `seed` draws the
    randomised PIT. A metric that is not defined is NaN.
    """
    return score_readings(forecast, read(forecast, outcome), horizon=horizon, seed=seed)


def evaluate(
    forecast: Forecast, outcome: Outcome, *, horizon: str | None = None, seed: int = 0
) -> tuple[pa.Table, pa.Table]:
    """`score` and `curves` of one forecast, which is read only once."""
    readings = read(forecast, outcome)
    return (
        score_readings(forecast, readings, horizon=horizon, seed=seed),
        curve_readings(forecast, readings, seed=seed),
    )


def join_scores(tables: Iterable[pa.Table]) -> pa.Table:
    """Scores of several forecasts as one table."""
    return pa.concat_tables([table.cast(SCORES) for table in tables] or [SCORES.empty_table()])


class _Cells:
    """Scores by place: values[horizon, metric][cutoff][model]; models and metrics in order of first appearance."""

    def __init__(self, scores: pa.Table) -> None:
        self.values: dict[tuple[str, str], dict[datetime, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        self.models: dict[str, None] = {}
        for row in scores.select(["cutoff", "horizon", "model", "metric", "value"]).to_pylist():
            self.values[row["horizon"], row["metric"]][row["cutoff"]][row["model"]] = row["value"]
            self.models.setdefault(row["model"])


def _rank(metric: str, by_model: dict[str, float]) -> dict[str, float]:
    """Ranks of the models at one cutoff, 1 is best, ties at their mean; models without a value have none."""
    defined = [(model, METRICS[metric].loss(value)) for model, value in by_model.items() if not np.isnan(value)]
    ranks = rankdata([loss for _, loss in defined]) if defined else []
    return {model: float(rank) for (model, _), rank in zip(defined, ranks, strict=True)}


def summary(scores: pa.Table) -> pa.Table:
    """Mean, standard deviation and number of cutoffs of every metric and model, and its mean rank: schema SUMMARY.

    Rows are ordered by horizon, model and metric as they first appear. Cutoffs where a metric is not defined are left
    out of it; a rank is taken among the models that have a value at the same cutoff and horizon.
    """
    cells = _Cells(scores)
    rows = []
    for (horizon, metric), cutoffs in cells.values.items():
        ranks = {cutoff: _rank(metric, by_model) for cutoff, by_model in cutoffs.items()}
        for model in cells.models:
            found = [by[model] for by in cutoffs.values() if model in by]
            if not found:
                continue
            values = np.array([v for v in found if not np.isnan(v)])
            own = [by[model] for by in ranks.values() if model in by]
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else NAN
            rows.append((horizon, model, metric, metrics.mean(values), sd, len(values), metrics.mean(np.array(own))))
    horizons = list(dict.fromkeys(row[0] for row in rows))
    models, names = list(cells.models), list(METRICS)
    rows.sort(key=lambda row: (horizons.index(row[0]), models.index(row[1]), names.index(row[2])))
    columns = list(zip(*rows, strict=True)) or [()] * len(SUMMARY)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SUMMARY, strict=True)], schema=SUMMARY)


def mean_ranks(scores: pa.Table, names: Sequence[str]) -> dict[str, float]:
    """The mean rank of each model over these metrics, 1 is best: the mean over cutoffs, then over metrics. Best first.

    Ties keep the order of first appearance.
    """
    of: dict[str, list[float]] = defaultdict(list)
    for row in summary(scores).to_pylist():
        if row["metric"] in names and not np.isnan(row["mean_rank"]):
            of[row["model"]].append(row["mean_rank"])
    return dict(sorted(((model, float(np.mean(ranks))) for model, ranks in of.items()), key=lambda pair: pair[1]))
