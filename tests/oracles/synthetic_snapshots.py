"""Snapshots of a made-up shop whose law is known, for tests of models.

Customers arrive evenly over time, buy as Poisson processes with rates of their own (gamma), leave for good after an
exponential time, and spend log-normally around a level of their own. So a model that reads the features well must
rank customers, know their chance to buy, and get the total right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from worthwhile.features.snapshot import Outcome, Snapshot
from worthwhile.tasks import Task

START = datetime(2023, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SyntheticShop:
    matured: list[Snapshot]  # with outcomes, oldest first
    current: Snapshot  # without
    future: Outcome  # what then happened to `current`


def synthetic_shop(
    *,
    customers: int = 2000,
    windows: int = 3,
    horizon: int = 90,
    history: int = 200,
    scale: float = 20.0,
    noise_columns: int = 0,
    seed: int = 0,
) -> SyntheticShop:
    """`windows` matured snapshots and the current one, their cutoffs one horizon (days) apart, the first after
    `history` days. `customers` come over the whole time, so the early snapshots are smaller."""
    rng = np.random.default_rng(seed)
    cutoffs = [history + horizon * i for i in range(windows + 1)]
    log = _orders(rng, customers, cutoffs[-1] + horizon, scale)
    noise = rng.normal(size=(customers, noise_columns))
    snapshots = [_snapshot(log, cutoff, horizon, scale, noise) for cutoff in cutoffs]
    future = snapshots[-1].outcome
    assert future is not None
    return SyntheticShop(snapshots[:-1], replace(snapshots[-1], outcome=None), future)


def _orders(rng, customers, days, scale):
    """Customer, day and value of each order, at most one a customer and day, sorted by customer and day."""
    first = np.floor(rng.uniform(0, days - 60, customers))
    rate = rng.gamma(0.8, 1 / 60, customers) + 1e-4
    left = first + rng.exponential(250, customers)
    level = scale * np.exp(rng.normal(0, 0.8, customers))
    until = np.minimum(left, days)
    counts = rng.poisson(rate * np.maximum(until - first, 0))
    who = np.concatenate([np.arange(customers), np.repeat(np.arange(customers), counts)])
    later = first[who[customers:]] + rng.uniform(size=counts.sum()) * (until - first)[who[customers:]]
    day = np.floor(np.concatenate([first, later]))
    keys = np.unique(np.stack([who, day], axis=1).astype(np.int64), axis=0)
    value = level[keys[:, 0]] * np.exp(rng.normal(0, 0.5, len(keys)))
    return keys[:, 0], keys[:, 1], value


def _snapshot(log, cutoff, horizon, scale, noise):
    who, day, value = log
    n = len(noise)
    columns = _features([a[day < cutoff] for a in log], n, cutoff, horizon)
    known = columns["orders_all"] > 0
    after = (day >= cutoff) & (day < cutoff + horizon)
    amount = np.bincount(who[after], value[after], minlength=n)
    orders = np.bincount(who[after], minlength=n).astype(np.float64)
    matrix = np.concatenate([np.stack(list(columns.values()), axis=1), noise], axis=1).astype(np.float32)
    names = (*columns, *(f"noise_{i}" for i in range(noise.shape[1])))
    ids = np.array([f"c{i:06d}" for i in range(n)], dtype=object)
    at = START + timedelta(days=cutoff)
    snapshot = Snapshot(
        Task.of(f"{horizon}d"),
        at,
        at + timedelta(days=horizon),
        ids,
        matrix,
        names,
        scale,
        float(cutoff),
        outcome=Outcome(amount, orders),
    )
    return snapshot[known]


def _features(log, n, cutoff, horizon):
    who, day, value = log

    def total(rows, weights=None):
        return np.bincount(who[rows], None if weights is None else weights[rows], minlength=n).astype(np.float64)

    everything = np.ones(len(who), dtype=bool)
    orders, amount = total(everything), total(everything, value)
    first, last = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(first, who, day)
    np.maximum.at(last, who, day)
    repeat = day > first[who]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "x": orders - 1,
            "t_x": last - first,
            "T": cutoff - first,
            "recency": cutoff - last,
            "repeat_value_mean": np.where(orders > 1, total(repeat, value) / (orders - 1), np.nan),
            "order_value_mean": amount / orders,
            "orders_all": orders,
            "amount_all": amount,
            "gap_mean": np.where(orders > 1, (last - first) / (orders - 1), np.nan),
        }
    for label, days in {"last_horizon": horizon, "30d": 30, "180d": 180}.items():
        recent = day >= cutoff - days
        columns[f"orders_{label}"] = total(recent)
        columns[f"amount_{label}"] = total(recent, value)
    return columns
