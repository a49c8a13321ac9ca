"""Numbers written by people: currency signs, thousands separators, decimal commas, brackets for negative."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from worthwhile.errors import InputError
from worthwhile.store import sql

# Which currencies a sign or word stands for. Codes of three letters stand for themselves.
_CURRENCIES = {
    **{"us$": "USD", "hk$": "HKD", "nt$": "TWD", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD"},
    **{"s$": "SGD", "r$": "BRL", "cn¥": "CNY", "cn￥": "CNY", "jp¥": "JPY", "jp￥": "JPY"},
    **dict.fromkeys(("$", "＄"), "USD AUD CAD HKD TWD SGD NZD MXN ARS CLP COP"),
    **dict.fromkeys(("¥", "￥"), "CNY JPY"),
    "€": "EUR",
    "£": "GBP EGP",
    "₩": "KRW",
    "₹": "INR",
    "₽": "RUB",
    **dict.fromkeys(("人民币", "人民幣", "rmb"), "CNY"),
    **{"美元": "USD", "美金": "USD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY", "円": "JPY"},
    **{"港元": "HKD", "港币": "HKD", "新台币": "TWD", "台币": "TWD"},
    "元": "CNY TWD HKD",
}
_CODES = ("cny", "usd", "eur", "gbp", "jpy", "hkd", "twd", "krw", "inr", "aud", "cad", "chf")
_SIGNS = "|".join(re.escape(sign) for sign in (*_CURRENCIES, *_CODES))
_UNITS = {"k": 1e3, "千": 1e3, "万": 1e4, "m": 1e6, "mn": 1e6, "百万": 1e6, "亿": 1e8}
# Blanks of all widths and apostrophes part thousands: like signs of currencies, they do not change the number.
_IGNORED = rf"(?i:{_SIGNS})|[\s\x{{00A0}}\x{{202F}}\x{{2009}}'’]"
_WIDE, _NARROW = "０１２３４５６７８９．，＋－−（）", "0123456789.,+--()"
# What is left is a number only if it is written right: 1,5 is no English number, and 1.5.2 is none anywhere.
_POINT = r"^[+-]?(\d+|\d{1,3}(,\d{2,3})*,\d{3})?(\.\d*)?(e[+-]?\d+)?$"
_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)?(,\d*)?$"
_SIGN = r"(?:[A-Za-z]{0,2}[^\w\s]|[A-Za-z]{3}|[元円]|人民币)?"
_LOOKS = re.compile(rf"[-+(]?\s*{_SIGN}\s*-?\d[\d.,'\s]*{_SIGN}\)?")

# What tells the sign that parts decimals: it stands before other than three digits, after the other one, or the other
# one stands twice. `1.299,-` is how whole amounts are written where the comma is decimal.
_TELLS_COMMA = r"(^|[^,]),(\d{1,2}|\d{4,})\D*$|\.\d{3}[.,]\d|,[-–—]"
_TELLS_POINT = r",\d{3}[.,]\d|\.(\d{1,2}|\d{4,})\D*$"
_EITHER = r"^\D*[1-9]\d{0,2}\.\d{3}\D*$"  # 1.299: one and a bit, or more than a thousand
_NEITHER = r"\d\.\d|\d{4}"  # of what is not the former: a point is decimal, or thousands are not parted

# From here on a double no longer holds cents, a sum of a few may overflow, and no shop sells as much.
LIMIT = "1e15"


@dataclass(frozen=True)
class Style:
    """How a file writes its numbers: `plain` casts as it stands; else the sign that parts the decimals."""

    plain: bool = True
    decimal: str = "."


def looks_like_number(text: str) -> bool:
    return _LOOKS.fullmatch(unicodedata.normalize("NFKC", text).strip()) is not None


def meant(text: str) -> float | None:
    """The number that a person means by £5, 1,50, 5k, 3万 or 20%; None where that cannot be told.

    For messages alone: what is read from files is read in the style of the whole file.
    """
    bare = re.sub(rf"{_SIGNS}|[\s'’]", "", unicodedata.normalize("NFKC", text).lower())
    match = re.fullmatch(r"([+-]?[\d.,]*\d[\d.,]*)(k|m|mn|千|万|百万|亿|%)?", bare)
    if match is None:
        return None
    digits, unit = match.groups()
    if re.fullmatch(r"[+-]?\d*,(\d{1,2}|\d{4,})|[+-]?\d{1,3}(\.\d{3})+,\d*", digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", digits):
        digits = digits.replace(",", "")
    try:
        number = float(digits)
    except ValueError:
        return None
    return number / 100 if unit == "%" else number * _UNITS.get(unit, 1)


@dataclass(frozen=True)
class Numbers:
    """The number columns of a file in the table `raw`; `decimal` is what its user says of numbers that tell nothing."""

    columns: Sequence[str]
    money: Sequence[str] = ()  # those of them that hold money
    is_typed: bool = False  # the file knows numbers from texts: one without a sign of a currency has a decimal point
    decimal: str = ""
    where: str = ""


def style_of(con: duckdb.DuckDBPyConnection, file: Numbers) -> Style:
    """The style of a file, from all values of its number columns.

    A comma is decimal where some value has it before other than three digits at the end, or after a point.
    One file has one style, so that a column of whole thousands takes it from its neighbours.
    Raises InputError `ambiguous-numbers` where money is written as in 1.299 throughout, naming --decimal.
    """
    if not file.columns:
        return Style()
    texts, money = ([f"trim({name})" for name in names] for names in (file.columns, file.money))
    # Most files need no more than this look, which is far cheaper than that for commas.
    is_odd = " OR ".join(f"({text} <> '' AND try_cast({text} AS DOUBLE) IS NULL)" for text in texts)
    is_plain = not _any(con, is_odd)
    if not is_plain:
        texts, money = list(map(_narrow, texts)), list(map(_narrow, money))
        sums = [
            f"count(*) FILTER (regexp_matches({text}, {sql.text(told)}))"
            for told in (_TELLS_COMMA, _TELLS_POINT)
            for text in texts
        ]
        [row] = con.execute(f"SELECT {', '.join(sums)} FROM raw").fetchall()
        comma, point = sum(row[: len(texts)]), sum(row[len(texts) :])
        if comma or point:
            return Style(plain=False, decimal="," if comma > point else ".")
    example = "" if is_plain and file.is_typed else _in_doubt(con, texts, money)
    if example and not file.decimal:
        raise _ambiguous(example, file.where)
    decimal = file.decimal if example else "."
    return Style(plain=is_plain and decimal == ".", decimal=decimal)


def _any(con: duckdb.DuckDBPyConnection, condition: str) -> bool:
    return con.execute(f"SELECT count(*) FROM (SELECT 1 FROM raw WHERE {condition} LIMIT 1)").fetchall() != [(0,)]


def _in_doubt(con: duckdb.DuckDBPyConnection, texts: Sequence[str], money: Sequence[str]) -> str:
    """An amount of money whose point may be decimal or part thousands, where no number tells; else empty."""
    either, neither = sql.text(_EITHER), sql.text(_NEITHER)
    told = " OR ".join(f"(regexp_matches({t}, {neither}) AND NOT regexp_matches({t}, {either}))" for t in texts)
    if not money or _any(con, told):
        return ""
    examples = ", ".join(f"CASE WHEN regexp_matches({text}, {either}) THEN {text} END" for text in money)
    first = f"SELECT example FROM (SELECT coalesce({examples}) AS example FROM raw) WHERE example IS NOT NULL LIMIT 1"
    return next((str(example) for (example,) in con.execute(first).fetchall()), "")


def _ambiguous(example: str, where: str) -> InputError:
    return InputError(
        "ambiguous-numbers",
        f"whether the point of amounts such as `{example[:50]}` is decimal or parts thousands cannot be told: all that"
        " have one have three digits after it",
        where=where,
        remedy="say which sign parts decimals, with --decimal , where 1.299 is more than a thousand, else --decimal .",
    )


def _narrow(text: str) -> str:
    """SQL for a text with the digits and signs of Chinese and Japanese keyboards as those of others."""
    return f"translate({text}, {sql.text(_WIDE)}, {sql.text(_NARROW)})"


def own_sign(name: str, currency: str) -> str:
    """SQL for whether a text is a sign or word that may stand for this currency."""
    return f"list_contains([{sql.texts(_own(currency))}], lower(trim({name})))"


def _own(currency: str) -> list[str]:
    return [sign for sign, codes in _CURRENCIES.items() if currency in codes.split()] + [currency.lower()]


def foreign_sign(names: Sequence[str], currency: str) -> str:
    """SQL for a sign or code in one of these text columns that stands for another currency than this; else NULL."""
    found = ", ".join(f"nullif(regexp_extract({name}, {sql.text(f'(?i)({_SIGNS})')}, 1), '')" for name in names)
    return f"CASE WHEN lower(coalesce({found})) NOT IN ({sql.texts(_own(currency))}) THEN coalesce({found}) END"


def number(name: str, style: Style) -> str:
    """SQL for the number that the text column `name` holds; NULL where it holds none."""
    if style.plain:
        return _finite(f"try_cast({name} AS DOUBLE)")
    without = f"regexp_replace({_narrow(name)}, {sql.text(_IGNORED)}, '', 'g')"
    bare = f"regexp_replace({without}, '[.,][-–—]+$', '')"  # 1.299,- and 12.-
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
