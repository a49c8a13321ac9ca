"""Numbers written by people: currency signs, thousands separators, decimal commas, brackets for negative."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from worthwhile.store import sql

# Signs and codes of currencies, blanks of all widths and apostrophes that part thousands: none changes the number.
_DOLLARS = r"(?i:us|hk|nt|ca|au|c|a|s|r)\$"
_IGNORED = (
    _DOLLARS + r"|[\s\x{00A0}\x{202F}\x{2009}'’$€£¥￥₩₹₽元円]|(?i:rmb|cny|usd|eur|gbp|jpy|hkd|twd|krw|inr|aud|cad|chf)"
)
# Which currencies a sign stands for. Codes of three letters stand for themselves.
_CURRENCIES = {
    **{"us$": "USD", "hk$": "HKD", "nt$": "TWD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD"},
    **{"s$": "SGD", "r$": "BRL"},
    "$": "USD AUD CAD HKD TWD SGD NZD MXN ARS CLP COP",
    "€": "EUR",
    "£": "GBP EGP",
    "¥": "CNY JPY",
    "￥": "CNY JPY",
    "元": "CNY TWD HKD",
    "円": "JPY",
    "₩": "KRW",
    "₹": "INR",
    "₽": "RUB",
    "rmb": "CNY",
}
_CODES = ("cny", "usd", "eur", "gbp", "jpy", "hkd", "twd", "krw", "inr", "aud", "cad", "chf")
# What is left is a number only if it is written right: 1,5 is no English number, and 1.5.2 is none anywhere.
_POINT = r"^[+-]?(\d+|\d{1,3}(,\d{2,3})*,\d{3})?(\.\d*)?(e[+-]?\d+)?$"
_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?$"
_SIGN = r"(?:[A-Za-z]{0,2}[^\w\s]|[A-Za-z]{3})?"
_LOOKS = re.compile(rf"[-+(]?\s*{_SIGN}\s*-?\d[\d.,'\s]*{_SIGN}\)?")

# From here on a double no longer holds cents, a sum of a few may overflow, and no shop sells as much.
LIMIT = "1e15"


@dataclass(frozen=True)
class Style:
    """How a file writes its numbers: `plain` casts as it stands; else the sign that parts the decimals."""

    plain: bool = True
    decimal: str = "."


def looks_like_number(text: str) -> bool:
    return _LOOKS.fullmatch(text.strip()) is not None


def style_of(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> Style:
    """The style of a file, from all values of its number columns in the table `raw`.

    A comma is decimal where some value has it before other than three digits at the end, or after a point.
    One file has one style, so that a column of whole thousands takes it from its neighbours.
    """
    if not columns:
        return Style()
    texts = [f"trim({name})" for name in columns]
    # Most files need no more than this look, which is far cheaper than that for commas.
    is_odd = " OR ".join(f"({text} <> '' AND try_cast({text} AS DOUBLE) IS NULL)" for text in texts)
    if con.execute(f"SELECT count(*) FROM (SELECT 1 FROM raw WHERE {is_odd} LIMIT 1)").fetchall() == [(0,)]:
        return Style()
    sums = [
        rf"count(*) FILTER (regexp_matches({text}, '(^|[^,]),(\d{{1,2}}|\d{{4,}})\D*$')),"
        rf" count(*) FILTER (regexp_matches({text}, '\.\d{{3}},\d')),"
        rf" count(*) FILTER (regexp_matches({text}, ',\d{{3}}\.\d|\.(\d{{1,2}}|\d{{4,}})\D*$'))"
        for text in texts
    ]
    row = con.execute(f"SELECT {', '.join(sums)} FROM raw").fetchall()[0]
    short_comma, comma_after_point, point = (sum(row[i::3]) for i in range(3))
    return Style(plain=False, decimal="," if short_comma + comma_after_point > point else ".")


def foreign_sign(names: Sequence[str], currency: str) -> str:
    """SQL for a sign or code in one of these text columns that stands for another currency than this; else NULL."""
    own = [sign for sign, codes in _CURRENCIES.items() if currency in codes.split()] + [currency.lower()]
    signs = "|".join(re.escape(sign) for sign in (*_CURRENCIES, *_CODES))
    found = ", ".join(f"nullif(regexp_extract({name}, '(?i)({signs})', 1), '')" for name in names)
    return f"CASE WHEN lower(coalesce({found})) NOT IN ({sql.texts(own)}) THEN coalesce({found}) END"


def number(name: str, style: Style) -> str:
    """SQL for the number that the text column `name` holds; NULL where it holds none."""
    if style.plain:
        return _finite(f"try_cast({name} AS DOUBLE)")
    minus = f"replace(replace({name}, '−', '-'), '－', '-')"
    bare = f"regexp_replace({minus}, {sql.text(_IGNORED)}, '', 'g')"
    # (12.50) and 12.50- are negative, as accountants write them.
    signed = rf"regexp_replace(regexp_replace({bare}, '^\((.*)\)$', '-\1'), '^([^-].*)-$', '-\1')"
    if style.decimal == ",":
        right, dotted = _COMMA, f"replace(replace({signed}, '.', ''), ',', '.')"
    else:
        right, dotted = _POINT, f"replace({signed}, ',', '')"
    return _finite(
        f"CASE WHEN regexp_matches(lower({signed}), {sql.text(right)}) THEN try_cast({dotted} AS DOUBLE) END"
    )


def _finite(expression: str) -> str:
    """No number is infinite, NaN or beyond `LIMIT`; adding zero turns -0 into 0, so that equal amounts have equal
    digests."""
    return f"CASE WHEN abs({expression}) < {LIMIT} THEN {expression} + 0.0 END"
