"""Who was contacted lately: campaign events in the log, and campaigns of the shop that the log does not tell of yet."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log


def recent_contacts(shop: Shop, log: Log, until: datetime, days: int) -> dict[str, int]:
    """Contacts of each customer in the `days` before a moment (UTC): events of the kind `campaign`."""
    if days <= 0:
        return {}
    query = (
        "SELECT customer_id, count(*) FROM events WHERE kind = 'campaign' AND ts_us >= ? AND ts_us < ?"
        " GROUP BY customer_id ORDER BY customer_id"
    )
    since = to_us(until - timedelta(days=days))
    return dict(Counter(dict(log.con.execute(query, [since, to_us(until)]).fetchall())))
