"""Which refused rows are still missing from the log: not told twice, and not accepted since.

Quarantine keeps what was refused, whatever came later. A finding speaks of what is missing now, as far as that can
be told: by an order's number, by equal content, or by a file that came again with all that it had.
"""

from __future__ import annotations

import duckdb


def find_missing(con: duckdb.DuckDBPyConnection) -> int:
    """Make the table `missing`, in the columns of `quarantine`; returns of how many rows of files it is a part.

    Needs the views `events`, `quarantine`, `batches`. Rows that came again are counted once in the number too.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE refused_rows AS {_REFUSED}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE missing AS {_MISSING}")
    [(rows,)] = con.execute(_NEW_ROWS).fetchall()
    con.execute("DROP TABLE refused_rows")
    return int(rows)


def _place(field: str) -> str:
    """SQL for the place of an event column in a refused row's content."""
    return f"""'$."' || replace(json_extract_string(mapping, '$.{field}'), '"', '\\"') || '"'"""


def _told(field: str) -> str:
    """SQL for what a refused row says of an event column, as ids are cleaned."""
    text = f"nullif(trim(json_extract_string(content, {field}_place)), '')"
    return rf"regexp_replace({text}, '^(\d+)\.0+$', '\1')"


_TELLING = ("order_id", "customer_id", "item_id", "title")
# Refused rows with the moment of their batch and what tells them from others.
_REFUSED = f"""
    SELECT q.batch_id, q.file, q.row, q.reason, q.detail, q.content, b.came, b.rows, b.accepted,
        {_told("order_id")} AS order_id, {_told("customer_id")} AS customer_id,
        coalesce({_told("item_id")}, {_told("title")}) AS item_id
    FROM quarantine q JOIN (
        SELECT batch_id, epoch_us(ingested_at) AS came, rows, events + known AS accepted,
            {", ".join(f"{_place(field)} AS {field}_place" for field in _TELLING)}
        FROM batches
    ) b USING (batch_id)
"""

_MISSING = """
    WITH last_told AS (  -- of an order's line, the last batch that refused it; of equal rows, the batch with most
        SELECT *, CASE
            WHEN order_id IS NOT NULL
                THEN first_value(batch_id) OVER (PARTITION BY order_id, item_id, customer_id ORDER BY came DESC)
            WHEN content IS NOT NULL
                THEN first_value(batch_id) OVER (PARTITION BY reason, content ORDER BY equal DESC, came DESC)
            ELSE batch_id END AS speaks
        FROM (SELECT *, count(*) OVER (PARTITION BY batch_id, reason, content) AS equal FROM refused_rows)
    ), since AS (  -- what was accepted of the same orders
        SELECT e.order_id, e.customer_id, e.item_id, e.kind, b.file, epoch_us(b.ingested_at) AS came
        FROM events e JOIN batches b USING (batch_id) WHERE e.order_id IN (SELECT order_id FROM refused_rows)
    ), again AS (  -- batches of which everything that was accepted is in a later file of the same name
        SELECT r.batch_id FROM (SELECT DISTINCT batch_id, file, came, rows, accepted FROM refused_rows) r
        WHERE accepted > 0 AND EXISTS (
            SELECT 1 FROM batches b WHERE b.file = r.file AND epoch_us(b.ingested_at) > r.came
                AND b.known >= r.accepted AND b.rows >= r.rows
        )
    )
    SELECT batch_id, file, row, reason, detail, content FROM last_told r
    WHERE speaks = batch_id
        AND NOT (order_id IS NULL AND batch_id IN (SELECT batch_id FROM again))
        AND NOT EXISTS (
            SELECT 1 FROM since s WHERE s.order_id = r.order_id AND s.came > r.came
                AND (r.item_id IS NULL OR s.item_id = r.item_id)
                AND (r.customer_id IS NULL OR s.customer_id = r.customer_id)
                AND (s.kind = 'order_line' OR s.file = r.file)
        )
"""

# Rows that a batch brought first: those it found known, and refused ones that no longer count, left out.
_NEW_ROWS = """
    SELECT coalesce(sum(greatest(rows - known, refused) - refused), 0) + (SELECT count(*) FROM missing)
    FROM batches
"""
