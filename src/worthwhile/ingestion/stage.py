"""The texts of a file become typed rows: each an event to be, or refused for a reason. All in SQL, out of core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion import numbers
from worthwhile.ingestion.cleaning import cleaned, find_effects, unique
from worthwhile.ingestion.clock import find_days, utc_and_local, wall_and_moment
from worthwhile.ingestion.columns import MONEY, NUMBERS, Columns, plain
from worthwhile.ingestion.effects import TOUCHES
from worthwhile.ingestion.forgotten import refuse_forgotten
from worthwhile.ingestion.formats.orders import CHANGED
from worthwhile.ingestion.pseudonyms import masked
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.reasons import CURRENCY_IS, TYPE_IS
from worthwhile.ingestion.source import column
from worthwhile.ingestion.unread import MONEY_FIELDS
from worthwhile.ingestion.words import counted
from worthwhile.store import sql

_FIRST_DAY, _LAST_DAY = "1970-01-01", "2101-01-01"
REST = "order-rest"  # the item of what an order cost beyond its lines: postage, taxes
_CANDIDATES = 8  # columns that an error names
_CENT = 0.005  # sums of money that differ by less are equal
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
    an event with title, digest and whether the row stands for an order line and its refund together.
    Raises InputError `bad-values`, `bad-columns`, `ambiguous-dates`, `ambiguous-numbers`, `bad-file`.
    """
    con.execute(f"CREATE OR REPLACE TEMP VIEW cleaned AS {cleaned(reading)}")
    words, unknown_statuses = find_effects(con, reading)
    notes = [*reading.source.notes, *_kept(reading), *reading.screening.notes, *words]
    find_days(con, reading)
    style = numbers.style_of(con, _numbers(reading))
    con.execute(f"CREATE OR REPLACE TEMP VIEW typed AS {_typed(reading, style)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged AS {_judged(reading)}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW settled AS {_undone(reading, _settled(reading))}")
    forgotten = refuse_forgotten(con, reading.screening.forgotten)
    con.execute(f"COPY (SELECT * FROM ({_finished(reading, forgotten)})) TO {sql.text(str(out))} (FORMAT parquet)")
    staged = sql.text(str(out))
    count, parts = con.execute(f"SELECT count(*), count(DISTINCT part) FROM read_parquet({staged})").fetchall()[0]
    reasons = f"SELECT reason, count(*) FROM read_parquet({staged}) WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL"
    refused = dict(con.execute(reasons).fetchall())
    _check_usable(con, reading, count, refused, staged)
    if "bad-date" in refused and (cause := _kept_cause(reading, "bad-date", "ts")):
        notes.append(cause)
    if reading.form.holds == "events":
        _check_money(con, reading, staged)
        notes += [*_kinds(con, reading, staged), *_undated(con, reading, staged), *_torn_orders(con, reading, staged)]
    unread = _unread(reading)
    if unread and not reading.source.is_continued:
        notes.append(
            f"`{unread}` is not read: if it says when the whole order was last changed, --map updated_at={unread}"
            " lets a later version of an order take the place of an earlier one"
        )
    whole = reading.form.whole_orders or _is_whole(reading)
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
        may_tell_versions=unread,
        unknown_statuses=unknown_statuses,
        visitors="visitor_id" in reading.columns,
    )


def _numbers(reading: Reading) -> numbers.Numbers:
    number, money = (
        [column(reading.columns.index[name]) for name in names if name in reading.columns] for names in (NUMBERS, MONEY)
    )
    is_typed = reading.source.kind != "csv"
    return numbers.Numbers(number, money, is_typed=is_typed, decimal=reading.decimal, where=reading.source.where)


def _kept(reading: Reading) -> list[str]:
    """Notes on columns that an earlier --map named, in a file that has one of the field's own name: it was said once
    of some file, and this may be another."""
    notes = []
    for kept in (name for name, how in reading.columns.how.items() if how == "kept"):
        used = reading.columns.name(kept)
        own = [name for name in reading.source.columns if plain(name) == plain(kept) != plain(used)]
        notes += [
            f"`{kept}` is read from `{used}`, as an earlier --map said, and not from `{name}`;"
            f" --map {kept}={name} reads that"
            for name in own
        ]
    return notes


def _kept_cause(reading: Reading, reason: str, field: str) -> str:
    """What to do where something kept from an earlier file is why this one cannot be read; else empty."""
    if reason == "bad-date" and reading.is_format_kept:
        return (
            f"the dates are read by {reading.date_format}, kept in shop.toml as `ingest.date_format` from an earlier"
            " file: give another --date-format, or unset it with `worth settings SHOP ingest.date_format=`"
        )
    if reading.columns.how.get(field) == "kept":
        return (
            f"`{field}` is read from `{reading.columns.name(field)}`, kept in shop.toml from an earlier --map: name"
            f" another with --map {field}=COLUMN, or unset it with `worth settings SHOP ingest.columns.{field}=`"
        )
    return ""


def _unread(reading: Reading) -> str:
    """A column that may tell versions of orders: of lines, each with its own, it would take all but one."""
    if reading.form.name != "orders" or "updated_at" in reading.columns or "order_id" not in reading.columns:
        return ""
    return next((name for name in reading.source.columns if plain(name) in CHANGED), "")


def _torn_orders(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """A note on orders of known total of which a line was refused: the total is right, and its goods are not known."""
    if "order_total" not in reading.columns:
        return []
    [(count,)] = con.execute(
        f"SELECT count(*) FROM (SELECT part, order_id, customer_id FROM read_parquet({staged})"
        " WHERE order_id IS NOT NULL GROUP BY ALL HAVING count(*) FILTER (rest > 0) > 0"
        " AND count(*) FILTER (reason IN ('bad-number', 'no-amount', 'bad-date', 'no-date')) > 0)"
    ).fetchall()
    if not count:
        return []
    return [
        f"{count:,} orders have refused lines: each order still comes to its total, and what these lines cost stands as"
        f" `{REST}`, which is no goods"
    ]


def _is_whole(reading: Reading) -> bool:
    """Whether later files take the place of what is known of an order, though no column tells its version."""
    refunds = "refunded_amount" in reading.columns  # as of now: it grows
    return (reading.form.whole_orders or refunds) and "updated_at" not in reading.columns


def _kinds(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """Notes on what the rows were taken for, where they are not all orders with amounts."""
    counts = dict(
        con.execute(
            f"SELECT kind, count(*) AS n FROM read_parquet({staged}) WHERE reason IS NULL"
            " GROUP BY kind ORDER BY n DESC, kind"
        ).fetchall()
    )
    notes = []
    if set(counts) & set(TOUCHES):
        notes.append("by its types, its rows are " + ", ".join(f"{n:,} {kind}" for kind, n in counts.items()))
    if not set(MONEY_FIELDS) & set(reading.columns.index) and "order_line" in counts:
        notes.append("no amounts: every order counts as 1")
    return notes


def _check_money(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> None:
    """Orders without amounts cannot be taken back once they are in the log, so that a doubt is asked about first."""
    orders = f"SELECT 1 FROM read_parquet({staged}) WHERE reason IS NULL AND kind = 'order_line' LIMIT 1"
    if not reading.maybe_money or not con.execute(orders).fetchall():
        return
    names = [f"`{name}`" for name in reading.maybe_money[:_CANDIDATES]]
    more = f" and {len(reading.maybe_money) - _CANDIDATES} more" if len(reading.maybe_money) > _CANDIDATES else ""
    hold = "holds" if len(reading.maybe_money) == 1 else "hold"
    raise InputError(
        "bad-columns",
        f"no column was recognised as an amount or a price, and {', '.join(names)}{more} {hold} numbers that could be"
        " money",
        where=reading.source.where,
        remedy=f"say which it is, as with --map 'amount={reading.maybe_money[0]}' (or price=, of one unit); where there"
        " are no amounts, --map amount= counts every order as 1",
    )


def _undated(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """A note on orders that were refunded at a time that the file does not tell."""
    query = (
        f"SELECT count(*) FROM read_parquet({staged}) WHERE (is_paired OR refunded > 0) AND refund_ts IS NULL"
        " AND reason IS NULL"
    )
    [(count,)] = con.execute(query).fetchall()
    if not count:
        return []
    # Of a platform's own format, or of a set of tables, there is no such column to name.
    is_open = "refunded_at" not in reading.columns and reading.form.name == "orders"
    remedy = "; --map refunded_at=COLUMN names the column that says it" if is_open else ""
    orders = counted(count, "order was", "orders were")
    return [f"{orders} refunded, it is not known when: each refund stands at its order's own time{remedy}"]


# ---- types, signs, reasons ----------------------------------------------------------------------------------------


def _typed(reading: Reading, style: numbers.Style) -> str:
    wall, moment = wall_and_moment(reading)
    others = (
        f"SELECT ts AS text, {wall} AS wall, {moment} AS moment"
        " FROM other_times LEFT JOIN days ON other_times.day_text = days.day_text"
    )
    parsed = ", ".join(f"{numbers.number(name, style)} AS {name}_number" for name in NUMBERS)
    currency = f" REPLACE ({_currency(reading, style)} AS currency)"
    # A join that finds nothing is still a pass over all rows, so that only those are made that the file's columns need.
    needs = ("status", "type", "placed_at", "refunded_at", "updated_at")
    has_status, has_type, has_placed, has_refund, has_version = (name in reading.columns for name in needs)
    joins = ["LEFT JOIN days ON clocked.day_text = days.day_text"]
    if has_status:
        joins.append("LEFT JOIN effects s ON s.field = 'status' AND clocked.status = s.text")
    if has_type:
        joins.append("LEFT JOIN effects t ON t.field = 'type' AND clocked.type = t.text")
        joins.append("LEFT JOIN effects blank ON blank.field = 'blank'")
    if has_placed:
        joins.append(f"LEFT JOIN ({others}) o ON clocked.placed_at = o.text")
    if has_refund:
        joins.append(f"LEFT JOIN ({others}) r ON clocked.refunded_at = r.text")
    if has_version:
        joins.append(f"LEFT JOIN ({others}) u ON clocked.updated_at = u.text")
    status_effect = "s.effect" if has_status else "CAST(NULL AS VARCHAR)"
    type_effect = (
        "coalesce(t.effect, CASE WHEN type IS NULL THEN blank.effect END, 'unknown')" if has_type else "'order'"
    )
    is_touch = f"coalesce(t.effect IN ({sql.texts(TOUCHES)}), false)" if has_type else "false"
    unknown = ("CAST(NULL AS TIMESTAMP)",) * 2
    placed = "CAST(NULL AS TIMESTAMP)"
    if _tells_placing(reading):
        _, placed = utc_and_local(reading.zone, f"({wall})", f"({moment})")
        if has_placed:
            placed = f"coalesce({utc_and_local(reading.zone, 'o.wall', 'o.moment')[1]}, {placed})"
    refund_wall, refund_moment = ("r.wall", "r.moment") if has_refund else unknown
    version_wall, version_moment = ("u.wall", "u.moment") if has_version else unknown
    return f"""
        SELECT clocked.*{currency}, {parsed}, {wall} AS wall, {moment} AS moment,
            try_cast(replace(rating, ',', '.') AS DOUBLE) AS rating_number,
            coalesce({status_effect}, CASE WHEN status IS NULL AND refunded_at IS NOT NULL THEN 'refund' END, 'order')
                AS status_effect,
            {type_effect} AS type_effect, {is_touch} AS is_touch,
            (status_effect = 'refund' OR type_effect = 'refund') AND NOT is_touch AS gives_back,
            CASE WHEN gives_back OR refunded_amount_number <> 0 THEN {refund_wall} END AS refund_wall,
            CASE WHEN gives_back OR refunded_amount_number <> 0 THEN {refund_moment} END AS refund_moment,
            {placed} AS order_placed, {version_wall} AS version_wall, {version_moment} AS version_moment,
            coalesce({reading.form.refund_when}, false) AS marked_refund
        FROM clocked {" ".join(joins)}
    """


def _currency(reading: Reading, style: numbers.Style) -> str:
    """SQL for the currency of a row: of its column, but where a sign in an amount tells of another."""
    code = sql.text(reading.currency)
    told = f"CASE WHEN {numbers.own_sign('currency', reading.currency)} THEN {code} ELSE currency END"
    money = [name for name in MONEY if name in reading.columns]
    if not money or style.plain:
        return told
    foreign = numbers.foreign_sign(money, reading.currency)
    return f"coalesce(CASE WHEN coalesce({told}, {code}) = {code} THEN {foreign} END, {told})"


def _judged(reading: Reading) -> str:
    """Amounts and kinds, and the reason for which a row is refused."""
    amount = _amount(reading.columns)
    bad = [f"({name} IS NOT NULL AND {name}_number IS NULL)" for name in NUMBERS]
    bad.append("(type_effect = 'review' AND rating IS NOT NULL AND rating_number IS NULL)")
    names = (*NUMBERS, "rating")
    beyond = f"coalesce(NOT is_touch AND abs({amount}) >= {numbers.LIMIT}, false)"
    bad_refund = "(gives_back AND refunded_at IS NOT NULL AND refund_wall IS NULL AND refund_moment IS NULL)"
    bad_version = "(updated_at IS NOT NULL AND version_wall IS NULL AND version_moment IS NULL)"
    which = " ".join(f"WHEN {test} THEN '{name} is ' || {name}" for test, name in zip(bad, names, strict=True))
    # Of an order whose total is known each line gets its share; a refund of a whole order is as large as that was.
    is_told = "(order_total_number IS NOT NULL OR type_effect = 'refund')"
    open_amount = f"({is_told} AND (order_id IS NOT NULL OR (type_effect <> 'refund' AND {_has_parts(reading)})))"
    never = "(type_effect = 'never' OR (status_effect = 'never' AND NOT is_touch))"
    return f"""
        SELECT *, CASE WHEN NOT is_touch THEN {amount} END AS given_amount,
            CASE WHEN is_empty THEN 'empty-row'
                 {_NEEDED[reading.form.holds]}
                 WHEN (ts IS NOT NULL AND wall IS NULL AND moment IS NULL) OR {bad_refund} OR {bad_version}
                   THEN 'bad-date'
                 WHEN least(wall, moment, refund_wall, refund_moment) < TIMESTAMP '{_FIRST_DAY}'
                   OR greatest(wall, moment, refund_wall, refund_moment) >= TIMESTAMP '{_LAST_DAY}'
                   THEN 'impossible-date'
                 WHEN type_effect = 'unknown' THEN 'unknown-type'
                 WHEN type_effect = 'no-event' THEN 'no-event'
                 WHEN {never} THEN 'never-paid'
                 WHEN {" OR ".join(bad)} OR {beyond} THEN 'bad-number'
                 WHEN NOT is_touch AND {amount} IS NULL AND NOT {open_amount} THEN 'no-amount'
                 WHEN NOT is_touch AND upper(currency) <> {sql.text(reading.currency)} THEN 'other-currency'
                 END AS reason,
            CASE WHEN ts IS NULL THEN NULL
                 WHEN wall IS NULL AND moment IS NULL THEN 'the date is ' || ts
                 WHEN {bad_refund} THEN 'the date of the refund is ' || refunded_at
                 WHEN {bad_version} THEN 'the date of the change is ' || updated_at
                 WHEN type_effect IN ('unknown', 'no-event') THEN {sql.text(TYPE_IS)} || coalesce(type, '') {which}
                 WHEN {beyond} THEN 'amount is ' || CAST({amount} AS VARCHAR)
                 WHEN status_effect = 'never' THEN 'the status is ' || status
                 WHEN upper(currency) <> {sql.text(reading.currency)} THEN {sql.text(CURRENCY_IS)} || currency END
                 AS detail
        FROM typed
    """


# What a row must say, by what the file holds.
_NEEDED = {
    "events": "WHEN customer_id IS NULL THEN 'no-customer' WHEN ts IS NULL THEN 'no-date'",
    "customers": "WHEN customer_id IS NULL THEN 'no-customer'",
    "items": "WHEN item_id IS NULL THEN 'no-item'",
}


def _amount(columns: Columns) -> str:
    """SQL for the amount of a row, by itself; rounded, so that a line and the refunds of its parts add up to zero."""
    computed = "round(coalesce(quantity_number, 1) * price_number - coalesce(abs(discount_number), 0), 6)"
    amounts = ["amount_number"] * ("amount" in columns) + [computed] * ("price" in columns)
    if "order_total" in columns:  # of a refund it is what was given back
        amounts.append("CASE WHEN type_effect = 'refund' THEN order_total_number END")
    # Without amounts each row counts as 1, but for a refund that names its order: what that came to stands there.
    return f"coalesce({', '.join(amounts)})" if amounts else f"CASE WHEN NOT {_NAMES_ORDER} THEN 1.0 END"


_NAMES_ORDER = "(type_effect = 'refund' AND order_id IS NOT NULL)"


def _has_parts(reading: Reading) -> str:
    """SQL for whether rows are of one order though they bear no number: products of one event are."""
    return "true" if "type" in reading.columns else "false"


def _tells_placing(reading: Reading) -> bool:
    """Whether the rows of an order say when it was placed: of events, an order told again has a time of its own."""
    return "placed_at" in reading.columns or (reading.form.whole_orders and "type" not in reading.columns)


def _one_order(reading: Reading) -> str:
    """The columns by which rows of one file are of one order: numbers are used again, and a file may be of two shops.

    Of events, an order told again is another row of it; what is told again is sorted out later.
    """
    key = "part, order_id, customer_id"
    if "type" in reading.columns:
        key += ", ts"
    return key + (", CAST(order_placed AS DATE)" if _tells_placing(reading) else "")


def _settled(reading: Reading) -> str:
    """Orders whose total is known: their lines come to it.

    Lines without an amount share the total by quantity. What lines lack is `rest`, on the order's first row: postage,
    taxes; what they have too much was taken off the order, and is taken off each line alike. `refunded` is, on the
    first row, what was given back of the whole.
    """
    if not {"order_total", "refunded_amount"} & set(reading.columns.index):
        return "SELECT *, CAST(NULL AS DOUBLE) AS rest, CAST(NULL AS DOUBLE) AS refunded FROM judged"
    key = _one_order(reading)
    order = f"OVER (PARTITION BY {key})"
    is_part = f"(order_id IS NOT NULL OR {_has_parts(reading)})"
    sells = f"(reason IS NULL AND NOT is_touch AND type_effect <> 'refund' AND {is_part})"
    first = f"row_number() OVER (PARTITION BY {key}, sells ORDER BY row) = 1"
    return f"""
        SELECT * REPLACE (
                round(given_amount * scale, 6) AS given_amount,
                CASE WHEN scale < 1 THEN round(coalesce(abs(discount_number), 0) + given_amount * (1 - scale), 6)
                     ELSE discount_number END AS discount_number
            ),
            CASE WHEN sells AND is_first AND total > of_lines + {_CENT} THEN round(total - of_lines, 6) END AS rest,
            CASE WHEN sells AND is_first AND given_back > 0 THEN least(given_back, greatest(total, of_lines)) END
                AS refunded
        FROM (
            SELECT *, CASE WHEN sells AND total < of_lines - {_CENT} AND of_lines > 0 THEN total / of_lines ELSE 1.0 END
                AS scale
            FROM (
                SELECT *, sum(given_amount) FILTER (sells) {order} AS of_lines
                FROM (
                    SELECT * REPLACE (
                        CASE WHEN sells AND given_amount IS NULL
                             THEN total * coalesce(quantity_number, 1) / nullif(pieces, 0) ELSE given_amount END
                            AS given_amount
                    )
                    FROM (
                        SELECT *, {first} AS is_first, max(order_total_number) FILTER (sells) {order} AS total,
                            max(abs(refunded_amount_number)) FILTER (sells) {order} AS given_back,
                            sum(coalesce(quantity_number, 1)) FILTER (sells) {order} AS pieces
                        FROM (SELECT *, {sells} AS sells FROM judged)
                    )
                )
            )
        )
    """


def _undone(reading: Reading, settled: str) -> str:
    """Cancellations that name the lines and the total of an order give back the rest too: postage, taxes."""
    if not reading.form.undoing or not {"type", "order_total", "order_id"} <= set(reading.columns.index):
        return settled
    is_undoing = rf"regexp_replace(lower(type), '[^\p{{L}}\p{{N}}]', '', 'g') IN ({sql.texts(reading.form.undoing)})"
    event = "PARTITION BY part, order_id, ts, undoes"
    return f"""
        SELECT * EXCLUDE (undoes, undone, comes_first) REPLACE (
            CASE WHEN undoes AND comes_first AND order_total_number > undone + {_CENT}
                 THEN round(order_total_number - undone, 6) ELSE rest END AS rest
        )
        FROM (
            SELECT *, sum(abs(given_amount)) OVER ({event}) AS undone,
                row_number() OVER ({event} ORDER BY row) = 1 AS comes_first
            FROM (
                SELECT *, coalesce(reason IS NULL AND order_id IS NOT NULL AND {is_undoing}, false) AS undoes
                FROM ({settled})
            )
        )
    """


def _finished(reading: Reading, forgotten: str) -> str:
    """The columns of an event; a refused row has its content instead, but one of a forgotten customer."""
    content = reading.screening.content(reading.columns, unique(reading.source.columns))
    ts, local_ts = utc_and_local(reading.zone, "wall", "moment")
    refund_ts, refund_local_ts = utc_and_local(reading.zone, "refund_wall", "refund_moment")
    version, _ = utc_and_local(reading.zone, "version_wall", "version_moment")
    if "updated_at" not in reading.columns:
        version = "CAST(NULL AS TIMESTAMPTZ)"
        if _is_whole(reading):  # of events, an order told again is the same order; of rows, all make one
            version = ts if "type" in reading.columns else f"max({ts}) OVER (PARTITION BY {_one_order(reading)})"
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


# Rows that were understood, and are no event: an hour of tracking may have nothing but logins.
_UNDERSTOOD = ("no-event", "never-paid")
_SHOWN = 300  # characters of a row that an error shows
# Reason -> the field whose column may be the wrong one.
_SAYS = {
    "bad-date": "ts",
    "no-date": "ts",
    "no-item": "item_id",
    "no-customer": "customer_id",
    "bad-number": "amount",
}


def _check_usable(
    con: duckdb.DuckDBPyConnection, reading: Reading, count: int, refused: Mapping[str, int], staged: str
) -> None:
    """A file of which nothing can be used is no order file; say what is wrong with most of it."""
    path = reading.source.where
    if count == 0:
        raise InputError("bad-file", "there is a header and no row below it", where=path, remedy="export it again")
    # An hour may have nothing but guests, an old file nobody but those who are forgotten.
    if sum(refused.values()) < count or reading.source.is_continued or "forgotten" in refused:
        return
    reason = max(sorted(refused), key=lambda name: refused[name])
    if reason in _UNDERSTOOD:
        return
    first = (
        f"SELECT row, left(coalesce(detail, content, 'a line that is not shown'), {_SHOWN}) FROM read_parquet({staged})"
        " WHERE reason = ? ORDER BY part, row LIMIT 1"
    )
    row, example = con.execute(first, [reason]).fetchall()[0]
    field = _SAYS.get(reason, "")
    hint = " or give --date-format" if reason == "bad-date" else ""
    if reason == "other-currency":
        leave = ", or leave the column out with --map currency=" if "currency" in reading.columns else ""
        raise InputError(
            "bad-values",
            f"its amounts are in another currency than the shop's, {reading.currency}: row {row}: {example}",
            where=path,
            remedy=f"set the shop's before the first ingest, as with `worth settings SHOP currency=USD`{leave}",
        )
    if reason == "unknown-type":
        field, hint = "type", f"; if `{reading.columns.name('type')}` does not say what a row is, pass --map type="
    raise InputError(
        "bad-values",
        f"none of its {count} rows can be used; most for `{reason}`, such as row {row}: {example}",
        where=path,
        remedy=_kept_cause(reading, reason, field)
        or f"name the right columns with --map{f' {field}=COLUMN' if field else ''}{hint}",
    )
