"""The CDNOW 1/10 sample as the package lifetimes carries it, summarised order by order in plain Python."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np

from worthwhile.features.snapshot import Outcome, Snapshot
from worthwhile.tasks import Task

LAST_DAY, WEEKS = date(1997, 9, 30), 39  # the published split: 39 weeks to learn from, 39 weeks after
NAMES = ("x", "t_x", "T", "repeat_value_mean", "order_value_mean", "orders_all", "amount_all")


def sample_orders() -> list[tuple[str, date, float]]:
    """Customer, day and value of every purchase of the 1/10 sample."""
    folder = Path(importlib.util.find_spec("lifetimes").submodule_search_locations[0])
    lines = [line.split() for line in (folder / "datasets" / "CDNOW_sample.txt").read_text().splitlines()]
    return [(of, date(int(day[:4]), int(day[4:6]), int(day[6:])), float(value)) for _, of, day, _, value in lines]


def snapshot_of(orders: Iterable[tuple[str, date, float]], last_day: date, days: int) -> Snapshot:
    """The snapshot after `last_day` with the outcome of the following days. Ages are counted to the midnight after
    it, as in the shop's own snapshots."""
    by_customer = defaultdict(lambda: defaultdict(float))
    for customer, day, value in orders:
        by_customer[customer][day] += value
    end = last_day + timedelta(days=days)
    ids, rows, outcome = [], [], []
    for customer, by_day in sorted(by_customer.items()):
        before = sorted(day for day in by_day if day <= last_day)
        if not before:
            continue
        values = [by_day[day] for day in before]
        after = [by_day[day] for day in by_day if last_day < day <= end]
        repeat = np.mean(values[1:]) if len(values) > 1 else np.nan
        span, age = (before[-1] - before[0]).days, (last_day - before[0]).days + 1
        ids.append(customer)
        rows.append((len(values) - 1, span, age, repeat, np.mean(values), len(values), sum(values)))
        outcome.append((sum(after), len(after)))
    cutoff = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(days=1)
    features, happened = np.array(rows, dtype=np.float32), np.array(outcome)
    return Snapshot(
        task=Task.of(f"{days}d"),
        cutoff=cutoff,
        end=cutoff + timedelta(days=days),
        customer_ids=np.array(ids, dtype=object),
        features=features,
        names=NAMES,
        scale=float(np.median(features[:, 4])),
        history_days=float(features[:, 2].max()),
        outcome=Outcome(happened[:, 0], happened[:, 1]),
    )


def sample() -> Snapshot:
    """The published split of the 1/10 sample: 2,357 customers."""
    return snapshot_of(sample_orders(), LAST_DAY, WEEKS * 7)
