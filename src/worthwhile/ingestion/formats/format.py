"""What a format of order files is: a small table that tells its files and how their columns are meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class TableSet:
    """Tables in a file each that make sense together only.

    `marks`: table -> the names of a header that tell it. `needed`: without these there is nothing. `rows`: a query
    over the tables, whose columns have their plain names, that gives the rows to read.
    """

    marks: Mapping[str, frozenset[str]]
    needed: tuple[str, ...]
    rows: str


@dataclass(frozen=True)
class Format:
    """One format. Header names are written as `columns.plain` makes them: lower case, letters and digits only; those
    of JSON are dotted names, so `billing.email` is `billingemail`.

    `holds`: events; or what is known of items or of customers.
    `fingerprint`: a file whose header has all names of one of these sets is of this format.
    `shapes`: for files without a header whose fields are parted by blanks: number of fields -> event columns.
    `columns`: event column -> names of the header that mean it, the first that is there wins.
    `instead`: event column -> names that are read where the first has no value.
    `names_of_total`: names of `amount` that speak of the whole order.
    `of_order`: event columns that stand on the first row of an order only, or on any.
    `row_is_order`: each row is a whole order, so that of two with one number the one is another state of it.
    `of_state`: event columns that are the whole order's, on each of its rows: rows that differ in them are of two
    states of the order.
    `whole_orders`: a file that has one line of an order has them all, so that a later file takes their place.
    `utc`: event columns with times that are in UTC and do not say so.
    `nothing`: event column -> texts that stand for no value.
    `tables`: of a source in several files, which are joined first.
    `statuses`, `types`: words of its own -> effect (`effects.py`), written as `columns.plain` makes them.
    `undoing`: types, likewise written, of refunds that undo the whole order, what it cost beyond its lines too.
    `refund_when`, `is_goods`: SQL conditions over the cleaned texts `order_id`, `item_id`, `title`.
    `never_when`: likewise, over these and the numbers, for orders that were never paid though their status does not say
    so.
    """

    name: str
    description: str
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    holds: Literal["events", "items", "customers"] = "events"
    fingerprint: tuple[frozenset[str], ...] = ()
    shapes: Mapping[int, tuple[str | None, ...]] = field(default_factory=dict)
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names_of_total: frozenset[str] = frozenset()
    of_order: tuple[str, ...] = ()
    row_is_order: bool = False
    of_state: tuple[str, ...] = ()
    whole_orders: bool = False
    utc: tuple[str, ...] = ()
    nothing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    undoing: tuple[str, ...] = ()
    tables: TableSet | None = None
    refund_when: str = "false"
    never_when: str = "false"
    is_goods: str = "true"
