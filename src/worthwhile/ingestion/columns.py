"""Which column of a file means what: by a mapping given, by names, by values."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worthwhile.errors import InputError
from worthwhile.ingestion import dates, numbers
from worthwhile.ingestion.formats.format import Format
from worthwhile.ingestion.ids import EMAIL

# What `--map` and formats may name: event column -> what it holds.
FIELDS: dict[str, str] = {
    "customer_id": "who bought",
    "visitor_id": "of a browser or device, where the customer is not known: what was done there before the login",
    "ts": "when: a date, or a date with a time",
    "time": "time of day, where it stands in a column of its own",
    "order_id": "number of the order or invoice",
    "placed_at": "when the order was placed, where `ts` is when it was paid: it tells orders of one number apart",
    "updated_at": "when the order, or a row of a list, was last changed: later versions take the place of earlier ones",
    "item_id": "number or code of the item",
    "title": "name of the item",
    "quantity": "how many",
    "price": "of one unit",
    "amount": "of the line, or of the order where a row is an order; net of discount",
    "discount": "taken off the amount",
    "order_total": "of the whole order, on its rows: what its lines do not come to is postage or taxes, or taken off",
    "refunded_amount": "given back of the whole order so far, where that is no row of its own",
    "currency": "of the amounts, as a code of three letters",
    "category": "of the item",
    "channel": "where it was sold",
    "country": "of the customer",
    "status": "of the order: paid, cancelled, refunded, ...",
    "refunded_at": "when the order was refunded or cancelled, where its status says that it was",
    "type": "of the row: sale, refund, view, search, cart, review, campaign contact",
    "description": "of the item",
    "picture": "of the item: a path or an address",
    "rating": "of a review: a number",
    "text": "of a review, the words of a search, the name of a campaign",
}
NUMBERS = ("quantity", "price", "amount", "discount", "order_total", "refunded_amount")
MONEY = NUMBERS[1:]


# Words within a column's name that speak for a field, where no name is known; the values must agree.
HINTS: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer", "client", "buyer", "member", "user", "shopper", "客户", "会员", "买家", "用户", "顾客"),
    "amount": ("amount", "total", "paid", "revenue", "spend", "sales", "金额", "总价", "实付", "销售额"),
}
_OF_EITHER = ("clientid", "visitorid")  # of a customer, or of a browser
_ID_ENDINGS = ("id", "no", "number", "code", "email", "编号", "号", "编码")


@dataclass(frozen=True)
class Columns:
    """Event column -> index of the file's column, and how each was found: given, kept, name, value, shape."""

    index: Mapping[str, int]
    how: Mapping[str, str]
    names: tuple[str, ...]
    instead: Mapping[str, tuple[int, ...]] = dataclasses.field(
        default_factory=dict
    )  # read where the first has no value

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
    other_sheets: tuple[str, ...] = ()  # of its workbook, with other columns


def plain(name: str) -> str:
    """A name without what varies between exports: case, width, blanks, punctuation, remarks in brackets.

    `Customer ID` -> `customerid`; `付款时间（北京）` -> `付款时间`.
    """
    text = unicodedata.normalize("NFKC", name)
    without = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", text)
    kept = "".join(sign for sign in without.lower() if sign.isalnum())
    return kept or "".join(sign for sign in text.lower() if sign.isalnum())


def whole(name: str) -> str:
    """The same, remarks in brackets kept: what tells `Total (Base)` from `Total (Purchased)`."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", name).lower() if sign.isalnum())


def check_mapping(mapping: Mapping[str, str], *, where: str = "--map") -> None:
    """Raises InputError `bad-columns` where a mapping names an event column that there is not."""
    for field in mapping:
        if field not in FIELDS:
            raise InputError(
                "bad-columns",
                f"`{field}` is no event column",
                where=where,
                remedy=f"it is one of {', '.join(FIELDS)}",
            )


def format_of(table: Table, formats: Mapping[str, Format]) -> Format:
    """The format whose shape or fingerprint the file has; else that of lists of items or of customers where its names
    speak of nothing more; else the last one, which is general."""
    *special, general = formats.values()
    names = {way(name) for name in table.names for way in (plain, whole)}
    for known in special:
        if table.by_blanks and not table.has_header and len(table.names) in known.shapes:
            return known
        if table.has_header and any(marks <= names for marks in known.fingerprint):
            return known
    for known in special if table.has_header else ():
        if known.holds != "events" and _is_list(known, general, {plain(name) for name in table.names}):
            return known
    return general


# What an event has beside what it is about: a file with one of these is no list of items or customers.
_OF_EVENTS = ("order_id", "quantity", "amount", "type", "status")
_ALSO = {"items": ("customer_id", "ts"), "customers": ("item_id", "price", "title", "rating")}


def _is_list(known: Format, general: Format, names: set[str]) -> bool:
    """Whether names are those of a list: its own and another, and none that events have."""
    events = {name for field in (*_OF_EVENTS, *_ALSO[known.holds]) for name in general.columns[field]}
    key, *others = (set(names) for field, names in known.columns.items() if field != "updated_at")
    if known.holds == "customers":  # a day alone may be that of an order
        others = [set(known.columns["ts"]) - set(general.columns["ts"])]
    events -= set().union(key, *others)
    return bool(names & key) and any(names & other for other in others) and not names & events


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
    money = {index for field, (index, _) in found.items() if field in MONEY}
    for field, name in (kept or {}).items():
        if field in FIELDS and field not in found and field not in left_out and name in table.names:
            if field in MONEY and table.names.index(name) in money:
                continue  # what it was said to be is said otherwise now
            found[field] = (table.names.index(name), "kept")
    if table.by_blanks and not table.has_header and len(table.names) in form.shapes:
        for index, shaped in enumerate(form.shapes[len(table.names)]):
            if shaped and shaped not in found and shaped not in left_out:
                found[shaped] = (index, "shape")
    _add_by_name(table, form, found, left_out)
    if form.holds == "events":
        _add_by_value(table, found, left_out)
    _tell_totals(table, form, found, left_out)
    _tell_visitors(table, form, found, left_out)
    needed = {"events": ("customer_id", "ts"), "items": ("item_id",), "customers": ("customer_id",)}
    for field in needed[form.holds]:
        if field not in found and not (field == "customer_id" and "visitor_id" in found):
            raise _not_found(table, field, is_tracking="type" in found)
    places = {field: place for field, (place, _) in found.items()}
    return Columns(places, {f: way for f, (_, way) in found.items()}, table.names, _instead(table, form, found))


def _instead(table: Table, form: Format, found: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, ...]]:
    """The columns that are read where the one found by its name has no value."""
    plains = [plain(name) for name in table.names]
    places = {
        field: tuple(plains.index(name) for name in names if name in plains and plains.index(name) != found[field][0])
        for field, names in form.instead.items()
        if field in found and found[field][1] == "name"
    }
    return {field: columns for field, columns in places.items() if columns}


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
    plains, wholes = [plain(name) for name in table.names], [whole(name) for name in table.names]
    used = {index for index, _ in found.values()}
    for field, names in form.columns.items():
        if field in found or field in left_out:
            continue
        for name in (*names, *form.instead.get(field, ())):
            places = [index for index, own in enumerate(wholes) if own == name and index not in used]
            places = places or [index for index, own in enumerate(plains) if own == name and index not in used]
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


def _tell_totals(table: Table, form: Format, found: dict[str, tuple[int, str]], left_out: set[str]) -> None:
    """An amount that by its name is the whole order's is so where lines can be of one order."""
    if "order_total" in {*found, *left_out} or "order_id" not in found or found.get("amount", (0, ""))[1] != "name":
        return
    if plain(table.names[found["amount"][0]]) in form.names_of_total:
        found["order_total"] = found.pop("amount")


def _tell_visitors(table: Table, form: Format, found: dict[str, tuple[int, str]], left_out: set[str]) -> None:
    """A column of devices tells who looked in files of visits alone; names that may be those of customers too are
    devices' where a user is told beside them."""
    if "type" not in found:
        if found.get("visitor_id", (0, ""))[1] == "name":
            del found["visitor_id"]
        return
    if found.get("customer_id", (0, ""))[1] != "name" or "visitor_id" in {*found, *left_out}:
        return
    taken = {place for field, (place, _) in found.items() if field != "customer_id"}
    plains = [plain(name) for name in table.names]
    who = [plains.index(name) for name in form.columns["customer_id"] if name in plains]
    devices = [place for place in who if plains[place] in _OF_EITHER and place not in taken]
    users = [place for place in who if plains[place] not in _OF_EITHER and place not in taken]
    if devices and users:
        found["customer_id"], found["visitor_id"] = (users[0], "name"), (devices[0], "name")


def _add_by_value(table: Table, found: dict[str, tuple[int, str]], left_out: set[str]) -> None:
    used = {index for index, _ in found.values()}
    free = [index for index in range(len(table.names)) if index not in used and table.values[index]]
    candidates = {
        "ts": [i for i in free if all(dates.looks_like_date(text) for text in table.values[i])],
        "customer_id": _hinted(table, free, "customer_id")
        or [i for i in free if all(re.fullmatch(EMAIL, text) for text in table.values[i])],
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


def _not_found(table: Table, field: str, *, is_tracking: bool = False) -> InputError:
    says = {"customer_id": "who bought", "item_id": "which item it is"}
    what = f"no column says {says.get(field, 'when')}"
    if not table.has_header:
        what += ", and the file has no header"
    others = ""
    if field == "customer_id" and is_tracking:
        others = "; of visitors who are not logged in, --map visitor_id=COLUMN names the browser or device"
    if table.other_sheets:
        sheets = ", ".join(f"`{name}`" for name in table.other_sheets)
        others += f". Of its other sheets ({sheets}) save the one with the orders as a file of its own"
    return InputError(
        "bad-columns",
        what,
        where=table.file,
        remedy=f"name it with --map {field}=COLUMN; its columns are {_listed(table.names)}{others}",
    )


def says_who(names: Sequence[str], forms: Iterable[Format]) -> bool:
    """Whether one of these names may be that of a column of customers."""
    known = {name for form in forms for field in ("customer_id", "visitor_id") for name in form.columns.get(field, ())}
    plains = [plain(name) for name in names]
    hinted = (name for name in plains if any(word in name for word in HINTS["customer_id"]))
    return any(name in known for name in plains) or any(name.endswith(_ID_ENDINGS) for name in hinted)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 30} more" if len(names) > 30 else ""
    return ", ".join(names[:30]) + more
