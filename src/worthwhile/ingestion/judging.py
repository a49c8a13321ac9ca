"""What the texts of a row mean, and the reason for which it is refused, if it is: the views `typed` and `judged`."""

from __future__ import annotations

from worthwhile.ingestion import numbers
from worthwhile.ingestion.clock import utc_and_local, wall_and_moment
from worthwhile.ingestion.columns import MONEY, NUMBERS, Columns
from worthwhile.ingestion.effects import TOUCHES
from worthwhile.ingestion.formats import Format
from worthwhile.ingestion.order_totals import has_parts, tells_placing
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.reasons import CURRENCY_IS, STATUS_IS, TYPE_IS
from worthwhile.store import sql

_FIRST_DAY, _LAST_DAY = "1970-01-01", "2101-01-01"
# What a row must say, by what the file holds.
_NEEDED = {
    "events": "WHEN customer_id IS NULL THEN 'no-customer' WHEN ts IS NULL THEN 'no-date'",
    "customers": "WHEN customer_id IS NULL THEN 'no-customer'",
    "items": "WHEN item_id IS NULL THEN 'no-item'",
}
_NAMES_ORDER = "(type_effect = 'refund' AND order_id IS NOT NULL)"


def typed(reading: Reading, style: numbers.Style) -> str:
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
    if tells_placing(reading):
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


def judged(reading: Reading) -> str:
    """Amounts and kinds, and the reason for which a row is refused."""
    amount = _amount(reading.columns, reading.form)
    bad = [f"({name} IS NOT NULL AND {name}_number IS NULL)" for name in NUMBERS]
    bad.append("(type_effect = 'review' AND rating IS NOT NULL AND rating_number IS NULL)")
    names = (*NUMBERS, "rating")
    beyond = f"coalesce(NOT is_touch AND abs({amount}) >= {numbers.LIMIT}, false)"
    bad_refund = "(gives_back AND refunded_at IS NOT NULL AND refund_wall IS NULL AND refund_moment IS NULL)"
    bad_version = "(updated_at IS NOT NULL AND version_wall IS NULL AND version_moment IS NULL)"
    which = " ".join(f"WHEN {test} THEN '{name} is ' || {name}" for test, name in zip(bad, names, strict=True))
    # Of an order whose total is known each line gets its share; a refund of a whole order is as large as that was.
    is_told = "(order_total_number IS NOT NULL OR type_effect = 'refund')"
    open_amount = f"({is_told} AND (order_id IS NOT NULL OR (type_effect <> 'refund' AND {has_parts(reading)})))"
    unpaid = f"coalesce({reading.form.never_when}, false)"
    never = f"(type_effect = 'never' OR (status_effect = 'never' AND NOT is_touch) OR {unpaid})"
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
                 WHEN type_effect IN ('unknown', 'no-event', 'never')
                   THEN {sql.text(TYPE_IS)} || coalesce(type, '') {which}
                 WHEN {beyond} THEN 'amount is ' || CAST({amount} AS VARCHAR)
                 WHEN status_effect = 'never' OR {unpaid} THEN {sql.text(STATUS_IS)} || status
                 WHEN upper(currency) <> {sql.text(reading.currency)} THEN {sql.text(CURRENCY_IS)} || currency END
                 AS detail
        FROM typed
    """


def _amount(columns: Columns, form: Format) -> str:
    """SQL for the amount of a row, by itself; rounded, so that a line and the refunds of its parts add up to zero."""
    computed = "round(coalesce(quantity_number, 1) * price_number - coalesce(abs(discount_number), 0), 6)"
    amounts = ["amount_number"] * ("amount" in columns) + [computed] * ("price" in columns)
    if "order_total" in columns:  # of a refund it is what was given back; what bears no number is an order by itself
        alone = "" if form.whole_orders or "type" in columns else " OR order_id IS NULL"
        amounts.append(f"CASE WHEN type_effect = 'refund'{alone} THEN order_total_number END")
    # Without amounts each row counts as 1, but for a refund that names its order: what that came to stands there.
    return f"coalesce({', '.join(amounts)})" if amounts else f"CASE WHEN NOT {_NAMES_ORDER} THEN CAST(1 AS DOUBLE) END"
