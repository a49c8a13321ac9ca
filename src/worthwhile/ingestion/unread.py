"""Columns of a file that are not read, and which of them could be the money that no column was recognised as."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from worthwhile.ingestion import dates, numbers
from worthwhile.ingestion.columns import MONEY, Columns, Table, plain
from worthwhile.ingestion.formats.orders import NAMES

MONEY_FIELDS = ("amount", "price", "order_total")  # one of these makes an order's spend known
# Words of a name, in any case, that speak of a number which is no money.
_OTHER_NUMBERS = frozenset(
    (
        *("id", "ids", "no", "nr", "num", "number", "code", "phone", "mobile", "tel", "fax", "zip", "plz", "postcode"),
        *(
            "postal",
            "year",
            "month",
            "week",
            "day",
            "hour",
            "minute",
            "minutes",
            "second",
            "seconds",
            "duration",
            "age",
        ),
        *("lat", "lon", "lng", "latitude", "longitude", "weight", "height", "width", "length", "size", "qty"),
        *("quantity", "count", "units", "pieces", "stock", "rank", "position", "index", "row", "rating", "score"),
        *("stars", "points", "percent", "pct", "rate", "version", "menge", "anzahl", "alter", "gewicht", "jahr"),
        *("monat", "quantité", "cantidad", "quantità"),
    )
)
_OTHER_NUMBERS_ZH = re.compile(
    "编号|编码|号$|号码|数量|件数|次数|天数|年龄|积分|评分|重量|邮编|序号|年份|月份|手机|电话"
)
_WORDS = re.compile(r"[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+(?![a-zß-ÿ])")
_LONGEST_AMOUNT = 6  # digits of a whole number that may be an amount; longer ones are ids and times


def unread(table: Table, columns: Columns, left_out: Collection[int]) -> tuple[int, ...]:
    """The places of the columns that are read as nothing; those that identify persons are told elsewhere."""
    read = {*columns.index.values(), *(place for places in columns.instead.values() for place in places), *left_out}
    return tuple(place for place in range(len(table.names)) if place not in read)


def maybe_money(table: Table, columns: Columns, places: Sequence[int]) -> tuple[str, ...]:
    """The names of unread columns whose numbers could be money, where no column was recognised as any."""
    if set(MONEY_FIELDS) & set(columns.index):
        return ()
    return tuple(
        table.names[place]
        for place in places
        if not (table.has_header and _speaks_of_else(table.names[place])) and _holds_money(table.values[place])
    )


def _speaks_of_else(name: str) -> bool:
    """Whether a name is that of another number: an id, a quantity, a rating."""
    if any(plain(name) in names for field, names in NAMES.items() if field not in MONEY):
        return True
    words = {word.lower() for word in _WORDS.findall(name)}
    return bool(words & _OTHER_NUMBERS) or _OTHER_NUMBERS_ZH.search(name) is not None


def _holds_money(values: Sequence[str]) -> bool:
    """Whether all values are numbers, some not zero or one, and none of them ids, days or a count of the rows."""
    texts = [text.strip() for text in values]
    if not texts or not all(numbers.looks_like_number(text) for text in texts):
        return False
    if any(re.fullmatch(rf"0\d+|\d{{{_LONGEST_AMOUNT + 1},}}", text) or dates.looks_like_date(text) for text in texts):
        return False
    counted = [[str(start + step) for step in range(len(texts))] for start in (0, 1)]
    return texts not in counted and not set(texts) <= {"0", "1", "0.0", "1.0"}
