"""Which column of a file means what: by a mapping given, by names, by values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worthwhile.errors import InputError
from worthwhile.ingestion import dates, numbers
from worthwhile.ingestion.formats.format import Format

# What `--map` and formats may name: event column -> what it holds.
FIELDS: dict[str, str] = {
    "customer_id": "who bought",
    "ts": "when: a date, or a date with a time",
    "time": "time of day, where it stands in a column of its own",
    "order_id": "number of the order or invoice",
    "item_id": "number or code of the item",
    "title": "name of the item",
    "quantity": "how many",
    "price": "of one unit",
    "amount": "of the line, or of the order where a row is an order; net of discount",
    "discount": "taken off the amount",
    "category": "of the item",
    "channel": "where it was sold",
    "country": "of the customer",
    "status": "of the order: paid, cancelled, refunded, ...",
    "refunded_at": "when the order was refunded or cancelled, where its status says that it was",
    "type": "of the row: sale, refund, view, search, cart, review, campaign contact",
    "rating": "of a review: a number",
    "text": "of a review, the words of a search, the name of a campaign",
}
NUMBERS = ("quantity", "price", "amount", "discount")


# Words within a column's name that speak for a field, where no name is known; the values must agree.
HINTS: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer", "client", "buyer", "member", "user", "shopper", "客户", "会员", "买家", "用户", "顾客"),
    "amount": ("amount", "total", "paid", "revenue", "spend", "sales", "金额", "总价", "实付", "销售额"),
}
_ID_ENDINGS = ("id", "no", "number", "code", "email", "编号", "号", "编码")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}")


@dataclass(frozen=True)
class Columns:
    """Event column -> index of the file's column, and how each was found: given, kept, name, value, shape."""

    index: Mapping[str, int]
    how: Mapping[str, str]
    names: tuple[str, ...]

    def __contains__(self, field: str) -> bool:
        return field in self.index

    def name(self, field: str) -> str:
        return self.names[self.index[field]]

    def to_dict(self) -> dict[str, str]:
        """Event column -> name of the file's column, in the order of `FIELDS`."""
        return {field: self.name(field) for field in FIELDS if field in self.index}


@dataclass(frozen=True)
class Table:
    """What recognition looks at: the file's column names and a sample of the values of each, missing ones left out."""

    file: str
    names: tuple[str, ...]
    values: Sequence[Sequence[str]]
    has_header: bool = True
    by_blanks: bool = False


def plain(name: str) -> str:
    """A name without what varies between exports: case, width, blanks, punctuation, remarks in brackets.

    `Customer ID` -> `customerid`; `付款时间（北京）` -> `付款时间`.
    """
    text = unicodedata.normalize("NFKC", name)
    without = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", text)
    kept = "".join(sign for sign in without.lower() if sign.isalnum())
    return kept or "".join(sign for sign in text.lower() if sign.isalnum())


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raises InputError `bad-columns` where a mapping names an event column that there is not."""
    for field in mapping:
        if field not in FIELDS:
            raise InputError(
                "bad-columns",
                f"`{field}` is no event column",
                where="--map",
                remedy=f"it is one of {', '.join(FIELDS)}",
            )


def format_of(table: Table, formats: Mapping[str, Format]) -> Format:
    """The format whose shape or fingerprint the file has; the last one, which is general, where none has."""
    *special, general = formats.values()
    names = {plain(name) for name in table.names}
    for known in special:
        if table.by_blanks and not table.has_header and len(table.names) in known.shapes:
            return known
        if table.has_header and any(marks <= names for marks in known.fingerprint):
            return known
    return general


def recognise(
    table: Table, form: Format, *, given: Mapping[str, str] | None = None, kept: Mapping[str, str] | None = None
) -> Columns:
    """The columns of a file, by `given` (must be there), by `kept` (where there), by name, by value.

    A column given as empty text is left out. Raises InputError `bad-columns`.
    """
    found: dict[str, tuple[int, str]] = {}
    left_out = {field for field, name in (given or {}).items() if not name}
    for field, name in (given or {}).items():
        if name:
            found[field] = (_given(table, field, name), "given")
    for field, name in (kept or {}).items():
        if field in FIELDS and field not in found and field not in left_out and name in table.names:
            found[field] = (table.names.index(name), "kept")
    if table.by_blanks and not table.has_header and len(table.names) in form.shapes:
        for index, shaped in enumerate(form.shapes[len(table.names)]):
            if shaped and shaped not in found and shaped not in left_out:
                found[shaped] = (index, "shape")
    _add_by_name(table, form, found, left_out)
    _add_by_value(table, found, left_out)
    for field in ("customer_id", "ts"):
        if field not in found:
            raise _not_found(table, field)
    return Columns({f: i for f, (i, _) in found.items()}, {f: how for f, (_, how) in found.items()}, table.names)


def _given(table: Table, field: str, name: str) -> int:
    if name in table.names:
        return table.names.index(name)
    alike = [index for index, own in enumerate(table.names) if plain(own) == plain(name)]
    if len(alike) != 1:
        raise InputError(
            "bad-columns",
            f"there is no column `{name}`, which `{field}` was to be read from",
            where=table.file,
            remedy=f"its columns are {_listed(table.names)}",
        )
    return alike[0]


def _add_by_name(table: Table, form: Format, found: dict[str, tuple[int, str]], left_out: set[str]) -> None:
    plains = [plain(name) for name in table.names]
    used = {index for index, _ in found.values()}
    for field, names in form.columns.items():
        if field in found or field in left_out:
            continue
        for name in names:
            places = [index for index, own in enumerate(plains) if own == name and index not in used]
            if len(places) > 1:
                raise InputError(
                    "bad-columns",
                    f"two columns are called `{table.names[places[0]]}`, and either could be `{field}`",
                    where=table.file,
                    remedy="rename one of them, or leave one out",
                )
            if places:
                found[field] = (places[0], "name")
                used.add(places[0])
                break


def _add_by_value(table: Table, found: dict[str, tuple[int, str]], left_out: set[str]) -> None:
    used = {index for index, _ in found.values()}
    free = [index for index in range(len(table.names)) if index not in used and table.values[index]]
    candidates = {
        "ts": [i for i in free if all(dates.looks_like_date(text) for text in table.values[i])],
        "customer_id": _hinted(table, free, "customer_id")
        or [i for i in free if all(_EMAIL.fullmatch(text) for text in table.values[i])],
    }
    if not {"amount", "price"} & set(found):
        candidates["amount"] = [
            i
            for i in _hinted(table, free, "amount")
            if all(numbers.looks_like_number(text) for text in table.values[i])
        ]
    for field, places in candidates.items():
        if field not in found and field not in left_out and len(places) == 1:
            found[field] = (places[0], "value")


def _hinted(table: Table, free: Sequence[int], field: str) -> list[int]:
    """The columns whose names hold a word that speaks for the field; those that end like an id before others."""
    places = [i for i in free if table.has_header and any(word in plain(table.names[i]) for word in HINTS[field])]
    ids = [i for i in places if plain(table.names[i]).endswith(_ID_ENDINGS)]
    return ids if field == "customer_id" and ids else places


def _not_found(table: Table, field: str) -> InputError:
    what = "no column says who bought" if field == "customer_id" else "no column says when"
    if not table.has_header:
        what += ", and the file has no header"
    return InputError(
        "bad-columns",
        what,
        where=table.file,
        remedy=f"name it with --map {field}=COLUMN; its columns are {_listed(table.names)}",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return ", ".join(names[:30]) + more
