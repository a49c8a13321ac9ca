"""The texts of a file become typed rows: each an event to be, or refused for a reason. All in SQL, out of core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from worthwhile.ingestion import numbers, stage_notes
from worthwhile.ingestion.cleaning import cleaned, find_effects, unique
from worthwhile.ingestion.clock import find_days, utc_and_local
from worthwhile.ingestion.columns import MONEY, NUMBERS
from worthwhile.ingestion.forgotten import refuse_forgotten
from worthwhile.ingestion.judging import judged, typed
from worthwhile.ingestion.order_totals import one_order, settled, takes_place_of_orders, undone
from worthwhile.ingestion.pseudonyms import masked
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.source import column
from worthwhile.store import sql

_AFTER = "INTERVAL 1 MICROSECOND"  # a refund with a time of its own lies after its order, if by no more than this


@dataclass(frozen=True)
class Staged:
    """The typed rows of a file, in the Parquet file `rows`, refused ones among them."""

    rows: Path
    parts: int
    count: int  # rows of the file, torn lines included
    refused: Mapping[str, int]  # reason -> rows
    notes: tuple[str, ...]
    versions: bool = False  # whether any row tells a version of its order
    holds: str = "events"
    whole_orders: bool = False  # whether it holds all lines of the orders that it holds any of
    may_tell_versions: str = ""  # a column that may say when orders were last changed, and is not read
    unknown_statuses: Mapping[str, int] = field(default_factory=dict)  # taken for orders -> rows
    visitors: bool = False  # whether it knows browsers or devices by ids of their own


def stage(con: duckdb.DuckDBPyConnection, reading: Reading, out: Path) -> Staged:
    """Write the typed rows of `raw` and `torn` to `out`.

    Its columns: part, row, reason, detail, content (JSON; of refused rows only), and of the others the columns of
    an event with title, digest, the state of its order, and whether the row stands for an order line and its refund
    together.
    Raises InputError `bad-values`, `bad-columns`, `ambiguous-dates`, `ambiguous-numbers`, `bad-file`.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW cleaned AS {cleaned(reading)}")
    words, unknown_statuses = find_effects(con, reading)
    find_days(con, reading)
    style = numbers.style_of(con, _numbers(reading))
    con.execute(f"CREATE OR REPLACE TEMP VIEW typed AS {typed(reading, style)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged AS {judged(reading)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW settled AS {undone(reading, settled(reading))}")
    forgotten = refuse_forgotten(con, reading.screening.forgotten)
    con.execute(f"COPY (SELECT * FROM ({_finished(reading, forgotten)})) TO {sql.text(str(out))} (FORMAT parquet)")
    staged = sql.text(str(out))
    count, parts = con.execute(f"SELECT count(*), count(DISTINCT part) FROM read_parquet({staged})").fetchall()[0]
    reasons = f"SELECT reason, count(*) FROM read_parquet({staged}) WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL"
    refused = dict(con.execute(reasons).fetchall())
    stage_notes.check_usable(con, reading, count, refused, staged)
    notes = [
        *reading.source.notes,
        *stage_notes.on_kept_columns(reading),
        *reading.screening.notes,
        *words,
        *stage_notes.on_rows(con, reading, staged, refused),
    ]
    whole = reading.form.whole_orders or takes_place_of_orders(reading)
    versions = whole or "updated_at" in reading.columns
    return Staged(
        rows=out,
        parts=parts,
        count=count,
        refused=refused,
        notes=tuple(notes),
        versions=versions,
        holds=reading.form.holds,
        whole_orders=whole,
        may_tell_versions=stage_notes.versions_unread(reading),
        unknown_statuses=unknown_statuses,
        visitors="visitor_id" in reading.columns,
    )


def _numbers(reading: Reading) -> numbers.Numbers:
    number, money = (
        [column(reading.columns.index[name]) for name in names if name in reading.columns] for names in (NUMBERS, MONEY)
    )
    is_typed = reading.source.kind != "csv"
    return numbers.Numbers(number, money, is_typed=is_typed, decimal=reading.decimal, where=reading.source.where)


def _finished(reading: Reading, forgotten: str) -> str:
    """The columns of an event; a refused row has its content instead, but one of a forgotten customer."""
    content = reading.screening.content(reading.columns, unique(reading.source.columns))
    ts, local_ts = utc_and_local(reading.zone, "wall", "moment")
    refund_ts, refund_local_ts = utc_and_local(reading.zone, "refund_wall", "refund_moment")
    version, _ = utc_and_local(reading.zone, "version_wall", "version_moment")
    if "updated_at" not in reading.columns:
        version = "CAST(NULL AS TIMESTAMPTZ)"
        if takes_place_of_orders(reading):  # of events, an order told again is the same order; of rows, all make one
            version = ts if "type" in reading.columns else f"max({ts}) OVER (PARTITION BY {one_order(reading)})"
    counts = "reason IS NULL"
    if "updated_at" in reading.columns:  # an order that came to nothing takes what was known of it out
        counts = "(reason IS NULL OR reason = 'never-paid')"
    kept = "true" if reading.form.holds == "customers" else "reason IS NOT NULL"
    has_version = "order_id IS NOT NULL AND NOT (is_refund OR is_touch)" if reading.form.holds == "events" else "true"
    return f"""
        WITH kinds AS (
            SELECT *, NOT is_touch AND (coalesce(given_amount < 0, false) OR coalesce(quantity_number < 0, false)
                      OR marked_refund OR type_effect = 'refund') AS is_refund,
                coalesce(status_effect = 'refund' AND NOT is_refund AND given_amount > 0, false)
                    AND coalesce(refunded_amount_number, 0) = 0 AS is_paired,
                abs(quantity_number) AS n,
                coalesce(abs(price_number), abs(given_amount) / nullif(abs(quantity_number), 0)) AS p
            FROM settled
        ), timed AS (
            SELECT * EXCLUDE (ts), CASE WHEN reason IS NULL THEN {ts} END AS ts,
                CASE WHEN reason IS NULL THEN {local_ts} END AS local_ts,
                CASE WHEN reason IS NULL THEN {refund_ts} END AS refund_ts,
                CASE WHEN reason IS NULL THEN {refund_local_ts} END AS refund_local_ts,
                CASE WHEN {counts} AND {has_version} THEN {version} END AS order_version
            FROM kinds
        ), screened AS (
            SELECT * REPLACE (CASE WHEN {forgotten} THEN 'forgotten' ELSE reason END AS reason) FROM timed
        ), events AS (
            SELECT part, row, reason, CASE WHEN reason <> 'forgotten' THEN {masked("detail")} END AS detail,
                CASE WHEN {kept} AND coalesce(reason, '') <> 'forgotten' THEN {content} END AS content,
                CASE WHEN is_refund THEN coalesce(refund_ts, ts) ELSE ts END AS ts,
                CASE WHEN is_refund THEN coalesce(refund_local_ts, local_ts) ELSE local_ts END AS local_ts,
                CASE WHEN NOT (is_paired OR refunded > 0) THEN NULL
                     WHEN refund_ts > ts THEN refund_ts WHEN refund_ts <= ts THEN ts + {_AFTER} END AS refund_ts,
                CASE WHEN NOT (is_paired OR refunded > 0) THEN NULL WHEN refund_ts > ts THEN refund_local_ts
                     WHEN refund_ts <= ts THEN local_ts + {_AFTER} END AS refund_local_ts,
                customer_id, visitor_id,
                CASE WHEN is_touch THEN type_effect WHEN is_refund THEN 'refund' ELSE 'order_line' END AS kind,
                order_id, coalesce(item_id, title) AS item_id,
                CASE WHEN is_refund THEN -n ELSE n END AS quantity, p AS price,
                CASE WHEN is_refund THEN -abs(given_amount) ELSE given_amount END + 0.0 AS amount,
                CASE WHEN NOT is_touch THEN abs(discount_number) END AS discount, category, channel, country, title,
                CASE WHEN is_touch THEN rating_number END AS rating, CASE WHEN is_touch THEN text END AS text,
                description, picture, coalesce({reading.form.is_goods}, true) AS is_goods, is_paired, rest, refunded,
                CASE WHEN reason IS NULL OR reason = 'never-paid' THEN order_version END AS order_version,
                CASE WHEN order_version IS NOT NULL THEN state END AS state,
                CASE WHEN order_version IS NOT NULL THEN order_placed END AS order_placed,
                CASE WHEN is_refund AND given_amount IS NULL THEN true END AS is_open
            FROM screened
        )
        SELECT *, CASE WHEN reason IS NULL THEN {_digest()} END AS digest
        FROM events
        UNION ALL BY NAME
        SELECT part, row, 'torn-line' AS reason, detail, {reading.screening.torn_line("content")} AS content
        FROM torn
    """


def _digest() -> str:
    """The digest of what makes an event: not of what later exports of the same orders may add or change, nor of who a
    visitor turned out to be.

    Numbers in millionths: whole ones are far faster to write than others. No text is empty, so that nothing is none.
    """
    numbers = [f"try_cast({name} * 1e6 AS HUGEINT)" for name in ("quantity", "price", "amount")]
    parts = ", chr(31), ".join(
        ("coalesce(visitor_id, customer_id)", "epoch_us(ts)", "kind", "order_id", "item_id", *numbers)
    )
    # Only events that are no order have a text, and it tells two searches of one second apart.
    return f"md5(concat({parts}, chr(31) || text))"
