"""Customers with a forecast, made of a few columns, and slow obvious ways to put them into segments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from worthwhile.decide.segments.customers import Customers, rhythm_of
from worthwhile.features.snapshot import Snapshot
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]
CUTOFF = datetime(2021, 1, 1, tzinfo=UTC)
DAYS = 90


def made_snapshot(**columns: Any) -> Snapshot:
    """A snapshot over 90 days with these features."""
    names = tuple(columns)
    features = np.stack([np.asarray(columns[name], float) for name in names], axis=1)
    ids = np.array([f"c{k:05}" for k in range(len(features))], dtype=object)
    task, end = Task.of(f"{DAYS}d"), CUTOFF + timedelta(days=DAYS)
    return Snapshot(task, CUTOFF, end, ids, features, names, scale=10.0, history_days=1000.0)


def made_customers(orders: Any, span: Any, recency: Any, **given: Any) -> Customers:
    """Customers by their orders (0: none), days from first to last order and days since; others 1 or as given."""
    orders, span, recency = (np.asarray(column, float) for column in (orders, span, recency))
    none = orders == 0
    columns = {
        "x": np.where(none, np.nan, orders - 1),
        "t_x": np.where(none, np.nan, span),
        "T": np.where(none, np.nan, span + recency),
    }
    size = len(orders)
    p_active = np.asarray(given.pop("p_active", np.full(size, 0.5)), float)
    orders_mean = np.asarray(given.pop("orders_mean", -np.log1p(-p_active)), float)
    snapshot = made_snapshot(**columns)
    filled = {
        name: np.asarray(given.pop(name, np.ones(size)), float)
        for name in ("spend_mean", "order_value", "spend_all", "spend_year", "orders_year")
    }
    assert not given, given
    return Customers(
        ids=snapshot.customer_ids,
        p_active=p_active,
        orders_mean=orders_mean,
        orders=orders,
        recency=np.where(none, np.nan, recency),
        tenure=np.where(none, np.nan, span + recency),
        rhythm=rhythm_of(snapshot, p_active, orders_mean),
        snapshot=snapshot,
        year_days=365.0,
        **filled,
    )


def slow_stage(k: int, customers: Customers, at: Any) -> str:
    """One customer's stage, rule by rule."""
    if customers.orders[k] == 0:
        return "prospect"
    kept, pace = customers.rhythm.kept[k], customers.rhythm.pace[k]
    if customers.tenure[k] <= at.new_days or (customers.orders[k] == 1 and kept >= at.at_risk):
        return "new"
    for stage, least in (("lost", at.lost), ("at_risk", at.at_risk), ("cooling", at.cooling)):
        if kept < least:
            return stage
    return "growing" if pace >= at.growing else "loyal"


def slow_tiers(spend: list[float], reach: tuple[float, ...]) -> list[str]:
    """Each customer's tier by what those with more hold."""
    total, found = sum(spend), []
    for own in spend:
        above = sum(other for other in spend if other > own)
        if total <= 0 or own <= 0:
            found.append("low")
            continue
        place = sum(above / total >= share - 1e-9 for share in reach)
        found.append(("top", "high", "middle", "low")[place])
    return found


def slow_levels(values: list[float]) -> list[int]:
    """The fifth in which the middle of each value's equals lies."""
    found = []
    for own in values:
        below, same = sum(v < own for v in values), sum(v == own for v in values)
        found.append(min(int((below + same / 2) * 5 / len(values)) + 1, 5))
    return found
