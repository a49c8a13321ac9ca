"""Visitors, known by a browser or a device, turn out to be customers."""

from __future__ import annotations

import duckdb

from worthwhile.ingestion.rewriting import rewrite
from worthwhile.store.tables import Writing


def name_visitors(con: duckdb.DuckDBPyConnection, change: Writing) -> bool:
    """Events that the log has as a visitor's become those of the customer who, as `legs` tell, the visitor was.

    Of two names that files give, the greater stands, so that it is the same one whichever file comes first. What was
    told of those whose events went is taken out of `customers`; the table `retold` (customer_id, country, as_of) holds
    what the events in question tell now. Returns whether there are any.
    """
    con.execute(_NAMED)
    if con.execute("SELECT count(*) FROM named").fetchall() == [(0,)]:
        return False
    rewrite(
        con,
        change,
        "named",
        "SELECT e.* REPLACE (coalesce(n.customer_id, e.customer_id) AS customer_id)"
        " FROM {rows} e LEFT JOIN named n ON e.event_id = n.event_id",
    )
    con.execute("CREATE OR REPLACE TEMP TABLE former AS SELECT DISTINCT former AS customer_id FROM named")
    con.execute(_RETOLD)
    if change.files("customers"):
        others = f"SELECT * FROM {{rows}} WHERE customer_id NOT IN (FROM former) OR {_LISTED}"
        rewrite(con, change, "former", others, table="customers", key="customer_id")
    return True


_LISTED = "registered_at IS NOT NULL OR attributes IS NOT NULL"  # told by a list, not by events

_NAMED = """
    CREATE OR REPLACE TEMP TABLE named AS
    SELECT event_id, max(l.customer_id) AS customer_id, any_value(k.customer_id) AS former
    FROM known k JOIN legs l USING (event_id)
    WHERE l.customer_id <> l.visitor_id AND (k.customer_id = l.visitor_id OR k.customer_id < l.customer_id)
    GROUP BY event_id
"""
_RETOLD = """
    CREATE OR REPLACE TEMP TABLE retold AS
    SELECT customer_id, country, max(ts) AS as_of FROM known
    WHERE event_id IN (SELECT event_id FROM named) OR customer_id IN (FROM former) GROUP BY ALL
"""
