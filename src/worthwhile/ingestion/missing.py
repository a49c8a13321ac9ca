"""Which refused rows are still missing from the log: not told twice, and not accepted since.

Quarantine keeps what was refused, whatever came later. A finding speaks of what is missing now, as far as that can
be told: by an order's number, by equal content, or by a file that came again with all that it had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import duckdb

from worthwhile.ingestion.cleaning import words_for_nothing
from worthwhile.ingestion.columns import plain
from worthwhile.ingestion.formats import FORMATS, Format
from worthwhile.ingestion.formats.orders import ORDERS
from worthwhile.ingestion.ids import plain_id


def find_missing(con: duckdb.DuckDBPyConnection) -> int:
    """Make the table `missing`, in the columns of `quarantine`; returns of how many rows of files it is a part.

    Needs the views `events`, `quarantine`, `batches`. Rows that came again are counted once in the number too.
    """
    _lay_out_places(con)
    con.execute(f"CREATE OR REPLACE TEMP TABLE refused_rows AS {_REFUSED}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE missing AS {_MISSING}")
    [(rows,)] = con.execute(_NEW_ROWS).fetchall()
    con.execute("DROP TABLE refused_rows; DROP TABLE refused_places")
    return int(rows)


_TELLING = ("order_id", "customer_id", "item_id", "title")


def _lay_out_places(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `refused_places`: of each batch, where a refused row's content tells of the fields above, and
    which texts there stand for nothing. The columns that are read where the first is empty stand after it."""
    contents = con.execute(
        "SELECT batch_id, any_value(format), any_value(mapping), any_value(json_keys(content))"
        " FROM quarantine JOIN batches USING (batch_id)"
        " WHERE content IS NOT NULL AND reason <> 'torn-line' GROUP BY batch_id ORDER BY batch_id"
    ).fetchall()
    told = ", ".join(f"{field}_places VARCHAR[], {field}_nothing VARCHAR[]" for field in _TELLING)
    con.execute(f"CREATE OR REPLACE TEMP TABLE refused_places (batch_id VARCHAR, {told})")
    rows = []
    for batch_id, name, mapping, keys in contents:
        form, own = FORMATS.get(name, ORDERS), json.loads(mapping)
        lists = [part for field in _TELLING for part in (_places(field, form, own, keys), _nothing(field, form))]
        rows.append((batch_id, *lists))
    if rows:
        places = ", ".join(f"unnest(${number})" for number in range(1, len(rows[0]) + 1))
        con.execute(f"INSERT INTO refused_places SELECT {places}", [list(column) for column in zip(*rows, strict=True)])


def _places(field: str, form: Format, mapping: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    """JSON paths of the columns that a field was read from, the first before those that stand in for it."""
    instead = form.instead.get(field, ()) if field in mapping else ()
    names = [mapping[field]] if field in mapping else []
    names += [key for name in instead for key in keys if plain(key) == name and key not in names]
    return [f"$.{json.dumps(name, ensure_ascii=False)}" for name in names]


def _nothing(field: str, form: Format) -> list[str]:
    return list(words_for_nothing(field, form))


def _told(field: str) -> str:
    """SQL for what a refused row says of an event column, as ids are cleaned."""
    text = "trim(json_extract_string(content, place))"
    read = f"CASE WHEN NOT list_contains({field}_nothing, lower({text})) THEN {plain_id(text)} END"
    told = f"list_transform({field}_places, lambda place: {read})"
    return f"list_filter({told}, lambda text: text IS NOT NULL)[1]"


# Refused rows with the moment of their batch and what tells them from others.
_REFUSED = f"""
    SELECT q.batch_id, q.file, q.row, q.reason, q.detail, q.content, b.came, b.rows, b.accepted,
        {_told("order_id")} AS order_id, {_told("customer_id")} AS customer_id,
        coalesce({_told("item_id")}, {_told("title")}) AS item_id
    FROM quarantine q JOIN (
        SELECT batch_id, epoch_us(ingested_at) AS came, rows, events + known AS accepted FROM batches
    ) b USING (batch_id) LEFT JOIN refused_places USING (batch_id)
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

# Rows that a batch brought first: of those it accepted the share whose events were new, since a row may make several
# events; and the refused ones that still count.
_NEW_ROWS = """
    SELECT round(coalesce(sum((rows - refused) * events / nullif(events + known, 0)), 0))
        + (SELECT count(*) FROM missing)
    FROM batches
"""
