"""Ids of customers as texts: without what exports put around them, and which of them tell by themselves who it is.

What becomes of an id hangs on nothing but the id, and on what the name of its column says: never on what else is in a
file. So the same id gives the same customer in a file of a million rows and in an hour's two.
"""

from __future__ import annotations

from collections.abc import Sequence

from worthwhile.store import sql

# SQL of what stands around values in exports: blanks, line ends, Chinese blanks, a byte-order mark.
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288) || chr(65279)"

EMAIL = r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}"
MAINLAND_MOBILE = r"1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}"

# An address within an id: `Ann Roe <ann@example.com>`, `mailto:ann@example.com`, `ann@example.com;`.
_ADDRESS = r"[^\s@<>()\[\],;:\"'][^\s@<>()\[\],;:\"]*@[^\s@<>()\[\],;:\"']+\.[a-zA-Z]{2,}"
# A number that nothing but itself speaks for: with a country's sign, a mobile number of mainland China, digits of which
# may be starred, written as in North America, or with the nought that stands before an area.
PHONE = (
    r"\+[1-9][\d\s().\-]{6,17}\d|00[1-9][\d\s().\-]{8,17}\d"
    r"|(?:\+?(?:00)?86[\s\-]*)?1[3-9]\d[\s\-]?[\d*]{4}[\s\-]?\d{4}"
    r"|\(?\d{3}\)?[\-. ]\d{3}[\-. ]\d{4}|\(\d{3}\)\d{3}[\-. ]\d{4}"
    r"|0[1-9]\d{8,10}|\(?0\d{2,4}\)?[\-. ]\d{6,8}|\(?0\d{2,4}\)?[\-. ]\d{3,4}[\-. ]\d{3,4}"
)
PHONE_SIGNS = r"[+\s().\-]*(?:[\d*][\s().\-]*){6,20}"  # what is a number in a column of phone numbers
# Seventeen digits, among them a day of birth, and a check digit.
_IDENTITY = r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"
_IP = r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
_SHORTEST = 6  # of these

# Kind that a column's name speaks for -> what an id in it must be like.
_NAMED: dict[str, str] = {
    "phone": PHONE_SIGNS,
    "id-number": r"[0-9A-Za-z* \-]*[0-9*][0-9A-Za-z* \-]*",
    "address": r".*",
}


def plain_id(text: str) -> str:
    """SQL for an id without the point that a float column gave it, without the formula that keeps its noughts, and
    without the apostrophe that keeps a spreadsheet from taking it for a formula: files that were handed over come back
    with what was done about their customers."""
    plain = rf"regexp_replace(regexp_replace({text}, '^(\d+)\.0+$', '\1'), '^=\"(.*)\"$', '\1')"
    marked = rf"regexp_replace({text}, '^''([=+@＝＋－＠\-])', '\1')"
    return (
        f"CASE WHEN contains({text}, '.0') OR starts_with({text}, '=') THEN {plain}"
        f" WHEN starts_with({text}, '''') THEN {marked} ELSE {text} END"
    )


def identifies(text: str, kinds: Sequence[str] = ()) -> str:
    """SQL: whether an id is an e-mail address, a phone number or the like; `kinds` are those of its column's name."""
    either = "|".join([PHONE, _IDENTITY, _IP, *(_NAMED[kind] for kind in kinds if kind in _NAMED)])
    return (
        f"((contains({text}, '@') AND regexp_matches({text}, {sql.text(_ADDRESS)}))"
        f" OR (strlen({text}) >= {_SHORTEST} AND regexp_full_match({text}, {sql.text(either)})))"
    )


def known_as(text: str, phone: str = PHONE) -> str:
    """SQL for an id without what varies between exports.

    Of an e-mail address nothing but itself is left, in lower case; of a phone number (which is like the pattern
    `phone`) its digits, less 00 and less 86 before a mainland mobile number.
    """
    digits = f"regexp_replace({text}, '[^0-9*]', '', 'g')"
    address = f"regexp_extract({text}, {sql.text(_ADDRESS)})"
    return (
        f"CASE WHEN contains({text}, '@') THEN lower(coalesce(nullif({address}, ''), {text}))"
        f" WHEN regexp_full_match({text}, {sql.text(phone)})"
        rf" THEN regexp_replace(regexp_replace({digits}, '^00', ''), '^86(1[3-9]\d[\d*]{{4}}\d{{4}})$', '\1')"
        f" WHEN regexp_full_match({text}, {sql.text(_IDENTITY)}) THEN upper({text}) ELSE {text} END"
    )
