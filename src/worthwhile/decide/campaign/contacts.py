"""Who is contacted about a day: campaign events in the log, and campaigns of the shop that it does not tell of yet."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.campaign.folder import NONE, Campaign, campaigns_of
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log


def recent_contacts(shop: Shop, log: Log, at: datetime, days: int) -> dict[str, int]:
    """Contacts of each customer within `days` before or after a moment (UTC): events of the kind `campaign`, and those
    who are to be contacted by a campaign of the shop that begins then and that no event names.

    After it too: whom a campaign that begins on the plan's own day reaches would be contacted twice.

    Raises InputError `damaged` for a campaign whose files were changed.
    """
    if days <= 0:
        return {}
    query = (
        "SELECT customer_id, count(*) FROM events WHERE kind = 'campaign' AND ts_us >= ? AND ts_us < ?"
        " GROUP BY customer_id ORDER BY customer_id"
    )
    since, until = at - timedelta(days=days), at + timedelta(days=days)
    found = Counter(dict(log.con.execute(query, [to_us(since), to_us(until)]).fetchall()))
    for campaign in campaigns_of(shop):
        if since <= campaign.start < until:
            found.update(_untold(log, campaign, until))
    return dict(sorted(found.items()))


def _untold(log: Log, campaign: Campaign, until: datetime) -> list[str]:
    """The treated of a campaign, unless the log names it: then the log tells who was contacted. An event that names no
    campaign is taken for this one's where it is of its first day or later."""
    named = "SELECT count(*) FROM events WHERE kind = 'campaign' AND text = ?"
    if log.con.execute(named, [campaign.name]).fetchall()[0][0]:
        return []
    nameless = (
        "SELECT DISTINCT customer_id FROM events WHERE kind = 'campaign' AND text IS NULL AND ts_us BETWEEN ? AND ?"
    )
    since = to_us(campaign.start - timedelta(days=1))
    told = log.con.sql(nameless, params=[since, to_us(until) - 1]).to_arrow_table()["customer_id"]
    table = campaign.assignment()
    treated = table.filter(pc.not_equal(table["treatment"], NONE))["customer_id"]
    untold = pc.invert(pc.is_in(treated, value_set=pc.cast(told, pa.string()).combine_chunks()))
    found: list[str] = treated.filter(untold).to_pylist()
    return found
