"""The curves of a backtest: what a reader sees of a forecast's quality, as one tidy table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from worthwhile.distribution import Forecast
from worthwhile.evaluation import metrics
from worthwhile.evaluation.readings import Array, Readings, read
from worthwhile.features.snapshot import Outcome

# Curve -> what x, y and n are. k counts the points of a curve from 0.
CURVES: dict[str, str] = {
    "deciles": "ten equal groups by forecast, lowest first: x mean forecast, y mean actual amount, n customers",
    "reliability": "customers by probability of buying, in steps of 0.1: x mean probability, y share that bought, "
    "n customers; empty steps are left out",
    "gain": "x share of customers, highest forecast first, y share of the actual amount that they brought, n customers",
    "gain_perfect": "the gain curve of perfect foresight: customers in order of what they then brought, n customers",
    "pit": "randomised probability integral transform in 20 steps: x left edge, y density (calibrated: 1), n customers",
    "coverage": "intervals given purchase, over customers who spent: x nominal, y actual coverage, n customers",
    "total": "one point: x total forecast, y total actual amount, n customers",
}

GAIN_SHARES = np.arange(51) / 50
PIT_STEPS = 20
PROBABILITY_STEPS = 10
LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])

SCHEMA = pa.schema(
    [
        pa.field("cutoff", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("curve", pa.string(), nullable=False),  # a key of CURVES
        pa.field("k", pa.int32(), nullable=False),
        pa.field("x", pa.float64(), nullable=False),
        pa.field("y", pa.float64(), nullable=False),  # NaN where not defined
        pa.field("n", pa.int64(), nullable=False),
    ]
)

Points = tuple[Array, Array, Array]  # x, y, n


def _deciles(r: Readings) -> Points:
    group = metrics.groups_of(r.mean)
    n = np.bincount(group, minlength=metrics.GROUPS)
    kept = n > 0
    return metrics.group_means(group, r.mean)[kept], metrics.group_means(group, r.amount)[kept], n[kept]


def _reliability(r: Readings) -> Points:
    step = np.minimum((r.p_active * PROBABILITY_STEPS).astype(np.int64), PROBABILITY_STEPS - 1)
    n = np.bincount(step, minlength=PROBABILITY_STEPS)
    kept = n > 0
    x, y = (metrics.group_means(step, v, PROBABILITY_STEPS)[kept] for v in (r.p_active, r.active))
    return x, y, n[kept]


def _gain(r: Readings, order: Array) -> Points:
    return GAIN_SHARES, metrics.gain(order, r.amount, GAIN_SHARES), np.round(GAIN_SHARES * len(r)).astype(np.int64)


def _pit(r: Readings, seed: int) -> Points:
    n, edges = np.histogram(r.pit(seed), bins=PIT_STEPS, range=(0.0, 1.0))
    return edges[:-1], n * PIT_STEPS / max(len(r), 1), n


def _coverage(r: Readings) -> Points:
    given = r.given_purchase
    y = np.array([metrics.mean(metrics.covered(given, given, level)) for level in LEVELS])
    return LEVELS, y, np.full(len(LEVELS), len(given))


def _total(r: Readings) -> Points:
    return np.array([r.mean.sum()]), np.array([r.amount.sum()]), np.array([len(r)])


def curve_readings(forecast: Forecast, readings: Readings, *, seed: int = 0) -> pa.Table:
    """`curves` of what has been read already."""
    r = readings
    points = {
        "deciles": _deciles(r),
        "reliability": _reliability(r),
        "gain": _gain(r, r.mean),
        "gain_perfect": _gain(r, r.amount),
        "pit": _pit(r, seed),
        "coverage": _coverage(r),
        "total": _total(r),
    }
    assert points.keys() == CURVES.keys()
    sizes = [len(x) for x, _, _ in points.values()]
    columns = {
        "cutoff": [forecast.cutoff] * sum(sizes),
        "model": [forecast.model] * sum(sizes),
        "curve": np.repeat(list(points), sizes),
        "k": np.concatenate([np.arange(size) for size in sizes]).astype(np.int32),
        "x": np.concatenate([x for x, _, _ in points.values()]).astype(np.float64),
        "y": np.concatenate([y for _, y, _ in points.values()]).astype(np.float64),
        "n": np.concatenate([n for _, _, n in points.values()]).astype(np.int64),
    }
    return pa.table(columns, schema=SCHEMA)


def curves(forecast: Forecast, outcome: Outcome, *, seed: int = 0) -> pa.Table:
    """The curves of CURVES for one forecast at one cutoff; `outcome` in the order of the forecast.

    With the seed of `score`, the PIT is the one that was scored.
    """
    return curve_readings(forecast, read(forecast, outcome), seed=seed)
