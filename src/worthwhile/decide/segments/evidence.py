"""What speaks for the usual action of each stage: what customers of this stage then did, in this shop's own log.

All of it describes; none of it is an effect. Who was at risk and bought again may have come by themselves: what a mail
adds is told by a test that holds some out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.segments.customers import Customers
from worthwhile.decide.segments.history import ORDERS, day_of
from worthwhile.decide.segments.stages import STAGES
from worthwhile.features.outcomes import outcome_of
from worthwhile.features.terms import ValueTerms
from worthwhile.store.log import Log
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

# Stage -> its usual action, a key of the words in wording.py.
ACTIONS: dict[str, str] = {
    "prospect": "first_order",
    "new": "second_order",
    "growing": "widen",
    "loyal": "reward",
    "cooling": "remind",
    "at_risk": "win_back",
    "lost": "leave",
}
FEW = 20  # customers of a stage, below which its shares say little


@dataclass(frozen=True)
class StageEvidence:
    """Customers who were at this stage at an earlier date, and what they did in the horizon after it.

    Money in the shop's currency. NaN where there is nobody to tell of.
    """

    stage: str
    customers: int
    bought: int  # of them, at least once
    low: float  # 95 % interval of the share that bought (Wilson 1927)
    high: float
    spend: float  # in the horizon, mean over all of them
    spend_of_buyers: float  # mean over those who bought
    days_to_order: float  # median, from the date to the first order after it, of those who bought
    usual: float  # share that would have bought at their own pace, see customers.py
    spend_usual: float  # a horizon's part of what they spent in the year before the date, mean over all of them
    forecast: float  # share that was expected to buy: the mean of P(buy) at the date

    @property
    def share(self) -> float:
        return self.bought / self.customers if self.customers else math.nan


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson (1927), which holds for few trials and shares near 0 or 1 too."""
    if trials == 0:
        return math.nan, math.nan
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def stage_evidence(
    log: Log,
    then: Mapping[str, Array],
    *,
    past: Customers,
    task: Task,
    value: ValueTerms | None,
) -> tuple[StageEvidence, ...]:
    """What customers at each stage of an earlier date did in the horizon after it, which must have passed in `log`.

    `then` has `ids` and `stage` (M,) of everyone at that date: the customers of `past`, in its order, and then those
    without an order. The table ORDERS must be there.
    """
    start = past.snapshot.cutoff
    ids = pa.array(then["ids"], pa.string())
    outcome = outcome_of(log, task, start, ids, value=value)
    days = _days_to_order(log, ids, start, past.snapshot.end)
    usual_spend = past.spend_year * past.snapshot.horizon_days / past.year_days
    usual = _padded(-np.expm1(-past.rhythm.usual_orders), len(ids))
    spend_usual, forecast = _padded(usual_spend, len(ids)), _padded(past.p_active, len(ids))
    found = []
    for stage in STAGES:
        own = then["stage"] == stage
        customers, active = int(own.sum()), own & (outcome.orders > 0)
        if not customers:
            continue
        bought = int(active.sum())
        low, high = wilson(bought, customers)
        found.append(
            StageEvidence(
                stage, customers, bought, low, high,
                spend=float(outcome.amount[own].mean()),
                spend_of_buyers=float(outcome.amount[active].mean()) if bought else math.nan,
                days_to_order=float(np.median(days[active])) if bought else math.nan,
                usual=float(usual[own].mean()),
                spend_usual=float(spend_usual[own].mean()),
                forecast=float(forecast[own].mean()),
            )
        )  # fmt: skip
    return tuple(found)


def _padded(column: Array, size: int) -> Array:
    """(M,) a column of the customers, and NaN for those without an order."""
    return np.concatenate([column, np.full(size - len(column), np.nan)])


def _days_to_order(log: Log, ids: pa.Array, start: datetime, end: datetime) -> Array:
    """(M,) days from the start to the first order in [start, end); 0 for whom there is none."""
    first = day_of(start, log)
    table = log.con.sql(
        f"SELECT customer_id, min(day) - $first AS days FROM {ORDERS} WHERE day >= $first AND day < $last"
        " GROUP BY customer_id",
        params={"first": first, "last": day_of(end, log)},
    ).to_arrow_table()
    places = pc.index_in(ids, value_set=table["customer_id"].combine_chunks())
    return pc.fill_null(table["days"].take(places), 0).to_numpy().astype(float)
