"""What a person is told of a staged file: notes, and the errors that say why none of it can be used."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.columns import plain
from worthwhile.ingestion.effects import TOUCHES
from worthwhile.ingestion.formats.orders import CHANGED
from worthwhile.ingestion.order_totals import REST
from worthwhile.ingestion.reading import Reading
from worthwhile.ingestion.unread import MONEY_FIELDS
from worthwhile.ingestion.words import counted

_CANDIDATES = 8  # columns that an error names
_SHOWN = 300  # characters of a row that an error shows
# Rows that were understood, and are no event: an hour of tracking may have nothing but logins.
_UNDERSTOOD = ("no-event", "never-paid")
# Reason -> the field whose column may be the wrong one.
_SAYS = {
    "bad-date": "ts",
    "no-date": "ts",
    "no-item": "item_id",
    "no-customer": "customer_id",
    "bad-number": "amount",
}


def on_kept_columns(reading: Reading) -> list[str]:
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


def versions_unread(reading: Reading) -> str:
    """A column that may tell versions of orders: of lines, each with its own, it would take all but one."""
    if reading.form.name != "orders" or "updated_at" in reading.columns or "order_id" not in reading.columns:
        return ""
    return next((name for name in reading.source.columns if plain(name) in CHANGED), "")


def on_rows(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str, refused: Mapping[str, int]) -> list[str]:
    """Notes on what became of the rows of `staged`, a Parquet file as SQL text; raises as `_check_money`."""
    notes = []
    if "bad-date" in refused and (cause := _kept_cause(reading, "bad-date", "ts")):
        notes.append(cause)
    if reading.form.holds == "events":
        _check_money(con, reading, staged)
        notes += [*_on_kinds(con, reading, staged), *_on_undated(con, reading, staged)]
        notes += _on_torn_orders(con, reading, staged)
    unread = versions_unread(reading)
    if unread and not reading.source.is_continued:
        notes.append(
            f"`{unread}` is not read: if it says when the whole order was last changed, --map updated_at={unread}"
            " lets a later version of an order take the place of an earlier one"
        )
    return notes


def _on_torn_orders(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
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


def _on_kinds(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
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


def _on_undated(con: duckdb.DuckDBPyConnection, reading: Reading, staged: str) -> list[str]:
    """A note on orders that were refunded at a time that the file does not tell."""
    query = (
        "SELECT count(DISTINCT coalesce(order_id || chr(31) || customer_id, part || chr(31) || row))"
        f" FROM read_parquet({staged}) WHERE (is_paired OR refunded > 0) AND refund_ts IS NULL"
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


def check_usable(
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
    if hint and reading.date_format:
        hint = f" or another --date-format than {reading.date_format}, which does not read these dates"
    if reason == "no-customer" and "type" in reading.columns and "visitor_id" not in reading.columns:
        hint = "; of visitors who are not logged in, --map visitor_id=COLUMN names the browser or device"
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
