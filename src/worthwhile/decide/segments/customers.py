"""What segments are made of: each customer's forecast beside their own past, and who has not ordered yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.segments.thresholds import ENOUGH_IN_RHYTHM, RHYTHM_REPEATS
from worthwhile.features.snapshot import Snapshot
from worthwhile.features.terms import ValueTerms
from worthwhile.runs.prepare import Snapshots
from worthwhile.runs.recall import RecordedForecast
from worthwhile.schema import to_us
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]
YEAR = 365


@dataclass(frozen=True)
class Rhythm:
    """Each customer's own usual pace, and how the forecast compares with it.

    `usual_gap` = (t_x + G) / (x + 1): the mean of a customer's gaps between orders and of one more gap of the shop's
    typical length G, so that one short gap is not taken for a habit and a customer of a single order has one too.
    `usual_orders` = level * horizon / usual_gap. `kept` = P(buy) / (1 - exp(-usual_orders)), the chance to buy against
    that of a customer who still buys at this pace at random moments; by the reasoning of buy-till-you-die models
    (Schmittlein et al. 1987) P(buy) = P(still a customer) * P(buy | still a customer), so it estimates how likely they
    are still one. `pace` = expected orders / usual_orders.

    `level` is the median of expected orders / (horizon / usual_gap) among customers in rhythm, who had at least two
    repeat orders and whose last order is not further back than their usual gap. It takes out what moves everyone: the
    season to come, and that gaps between orders are seen only of those who came back.
    """

    usual_gap: Array  # (N,) days
    usual_orders: Array  # (N,) in the horizon
    kept: Array  # (N,) >= 0; around 1 for customers in rhythm
    pace: Array  # (N,) >= 0
    typical_gap: float  # G, days: the median of repeat customers' mean gaps
    level: float
    in_rhythm: int  # customers that the level comes from


@dataclass(frozen=True)
class Customers:
    """All customers of a snapshot with their forecast. Arrays (N,), float64; orders are those that the task asks about.

    A customer whose orders all were given back, or none of whose orders is asked about, has `orders` 0 and NaN in
    `recency`, `tenure` and `order_value`.
    """

    ids: Array  # str objects, ascending
    p_active: Array
    orders_mean: Array  # expected in the horizon
    spend_mean: Array  # expected in the horizon: spend, or value where that is the target
    orders: Array  # so far
    recency: Array  # days since the last order
    tenure: Array  # days since the first order
    order_value: Array  # mean
    spend_all: Array  # so far, net of refunds
    spend_year: Array  # in the last 365 days, or since the log began
    orders_year: Array
    rhythm: Rhythm
    snapshot: Snapshot
    year_days: float  # 365, or how far the log reaches back

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def shortfall(self) -> Array:
        """(N,): a horizon's part of last year's spend, less the expected spend, where positive.

        Whoever bought nothing for a year has none: what they once spent is lost already.
        """
        usual = self.spend_year * self.snapshot.horizon_days / self.year_days
        return np.maximum(usual - self.spend_mean, 0.0)


def rhythm_of(snapshot: Snapshot, p_active: Array, orders_mean: Array) -> Rhythm:
    """The rhythm of each customer of a snapshot (N,) under a forecast (N,), (N,)."""
    repeats, span = (np.nan_to_num(snapshot.column(name)) for name in ("x", "t_x"))
    recency = np.nan_to_num(snapshot.column("T"), nan=np.inf) - span
    repeating = repeats > 0
    typical = float(np.median(span[repeating] / repeats[repeating])) if repeating.any() else snapshot.history_days
    usual_gap = (span + typical) / (repeats + 1)
    at_own_gap = snapshot.horizon_days / usual_gap
    in_rhythm = (repeats >= RHYTHM_REPEATS) & (recency <= usual_gap)
    enough = int(in_rhythm.sum()) >= ENOUGH_IN_RHYTHM
    level = float(np.median(orders_mean[in_rhythm] / at_own_gap[in_rhythm])) if enough else 1.0
    level = max(level, 1e-3)
    usual_orders = level * at_own_gap
    return Rhythm(
        usual_gap=usual_gap,
        usual_orders=usual_orders,
        kept=p_active / -np.expm1(-usual_orders),
        pace=orders_mean / usual_orders,
        typical_gap=typical,
        level=level,
        in_rhythm=int(in_rhythm.sum()),
    )


def customers_at(log: Log, forecast: RecordedForecast) -> Customers:
    """The customers of a recorded forecast; `log` is open at its data version.

    Those whom the log no longer holds (`worth forget`) are left out.
    """
    settings, task = forecast.shop.settings, forecast.task
    value = ValueTerms.of(settings) if task.target == "value" else None
    snapshot = Snapshots(log, task, value).at(forecast.cutoff)
    table = forecast.table()
    places = pc.index_in(table["customer_id"], value_set=pa.array(snapshot.customer_ids, pa.string()))
    table = table.filter(places.is_valid())
    snapshot = snapshot[places.drop_null().to_numpy()]
    told = {name: table[name].to_numpy() for name in ("p_active", "orders_mean", f"{task.amount_name}_mean")}
    p_active, orders_mean, spend_mean = (column.astype(np.float64) for column in told.values())
    column = snapshot.column
    return Customers(
        ids=snapshot.customer_ids,
        p_active=p_active,
        orders_mean=orders_mean,
        spend_mean=spend_mean,
        orders=column("orders_all"),
        recency=column("T") - column("t_x"),
        tenure=column("T"),
        order_value=column("order_value_mean"),
        spend_all=column("amount_all"),
        spend_year=column("asked_amount_365d"),
        orders_year=column("asked_orders_365d"),
        rhythm=rhythm_of(snapshot, p_active, orders_mean),
        snapshot=snapshot,
        year_days=min(float(YEAR), max(snapshot.history_days, 1.0)),
    )


def prospects_at(log: Log, cutoff: datetime) -> Array:
    """Who had done something or registered before the cutoff (UTC), and never ordered before it; ids (M,), ascending.

    Somebody of whom a list of customers tells no registration counts where the log holds no event of them at all.
    """
    query = (
        "SELECT customer_id FROM events WHERE ts_us < $cutoff GROUP BY customer_id"
        " HAVING count(*) FILTER (kind = 'order_line') = 0"
        " UNION SELECT customer_id FROM customers WHERE epoch_us(registered_at) < $cutoff"
        " AND customer_id NOT IN (SELECT customer_id FROM events WHERE ts_us < $cutoff AND kind = 'order_line')"
        " UNION SELECT customer_id FROM customers WHERE registered_at IS NULL"
        " AND customer_id NOT IN (SELECT customer_id FROM events) ORDER BY customer_id"
    )
    table = log.con.sql(query, params={"cutoff": to_us(cutoff)}).to_arrow_table()
    return np.array(table["customer_id"].to_pylist(), dtype=object)
