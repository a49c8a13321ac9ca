"""Awareness, interest, purchase, loyalty: the stages that Chinese platforms count people by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.segments.thresholds import (
    AIPL_GOOD_RATING,
    AIPL_INTEREST_DAYS_VISITED,
    AIPL_LOYAL_DAYS,
    AIPL_LOYAL_ORDERS,
    AIPL_PURCHASE_DAYS,
)
from worthwhile.schema import to_us
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]
AIPL = ("awareness", "interest", "purchase", "loyalty")  # the deepest one that holds is a customer's

# Orders that were given back still tell of somebody who bought here; platforms count them too, and so does this.
_QUERY = """
    SELECT customer_id,
        count(DISTINCT day) FILTER (kind IN ('view', 'search') AND day >= $today - $browsed) AS visits,
        count(*) FILTER (kind = 'cart' AND day >= $today - $browsed) AS carts,
        count(*) FILTER (kind = 'campaign' AND day >= $today - $browsed) AS contacts,
        count(DISTINCT day) FILTER (kind = 'order_line' AND day >= $today - $purchase) AS bought,
        count(DISTINCT day) FILTER (kind = 'order_line' AND day >= $today - $loyal) AS bought_lately,
        count(*) FILTER (kind = 'review' AND rating >= $good AND day >= $today - $loyal) AS praised
    FROM events WHERE ts_us < $cutoff GROUP BY customer_id ORDER BY customer_id
"""


def has_browsing(log: Log, cutoff: datetime) -> bool:
    """Whether the log holds views, searches or carts before the cutoff (UTC)."""
    query = "SELECT 1 FROM events WHERE kind IN ('view', 'search', 'cart') AND ts_us < ? LIMIT 1"
    return bool(log.con.execute(query, [to_us(cutoff)]).fetchall())


def aipl_of(log: Log, cutoff: datetime, ids: Array, *, days: int) -> Array | None:
    """The stage (N,) of customers (N,) at the cutoff (UTC), None for whom none holds; None where nobody browses.

    Loyalty: at least two days with an order in the last 365, or one and a good review. Purchase: an order in the last
    730 days. Interest: in the last `days` something put into the cart, or visits on at least two days. Awareness: a
    visit, or a contact by a campaign, in the last `days`.
    """
    if not has_browsing(log, cutoff):
        return None
    today = (cutoff.astimezone(log.zone).date() - datetime(1970, 1, 1).date()).days
    given = {
        "today": today, "browsed": days, "purchase": AIPL_PURCHASE_DAYS, "loyal": AIPL_LOYAL_DAYS,
        "good": AIPL_GOOD_RATING, "cutoff": to_us(cutoff),
    }  # fmt: skip
    table = log.con.sql(_QUERY, params=given).to_arrow_table()
    places = pc.index_in(pa.array(ids, pa.string()), value_set=table["customer_id"].combine_chunks())
    found = {name: pc.fill_null(table[name].take(places), 0).to_numpy() for name in table.column_names[1:]}
    loyal = (found["bought_lately"] >= AIPL_LOYAL_ORDERS) | ((found["bought_lately"] > 0) & (found["praised"] > 0))
    interest = (found["carts"] > 0) | (found["visits"] >= AIPL_INTEREST_DAYS_VISITED)
    aware = (found["visits"] > 0) | (found["contacts"] > 0)
    stage = np.select([loyal, found["bought"] > 0, interest, aware], AIPL[::-1], default="").astype(object)
    stage[stage == ""] = None
    return stage
