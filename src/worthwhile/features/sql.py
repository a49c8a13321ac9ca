"""The declared features as one SQL statement, in the subset that DuckDB and Spark SQL share.

The way: order lines and refunds -> days of a customer -> gaps between them -> one row a customer; beside it items ->
categories -> one row a customer, and touches -> one row a customer; all joined. Lines are read once for each of these
rather than kept: they come out of Parquet faster than they would be spilled. Distinct items over several windows cost
one grouping, since an item lies in a window that ends at the cutoff if its last day does.

The statement reads the views `events` (with `ts_us`, `local_us`, `day`) and `item_categories` (with `since_us`), and of
neither anything at or after the cutoff. Texts from outside come in as literals of the syntax tree, which each dialect
quotes its own way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp, parse_one

from worthwhile.features.declared import FEATURES, IN_MILLIONTHS, ITEM_WINDOWS, Feature
from worthwhile.features.terms import ValueTerms
from worthwhile.schema import MICROSECONDS_PER_DAY
from worthwhile.tasks import Task

# An order is refunded to nothing when less than this share of it is left: a rest of a cent comes from rounding the
# parts of a discount, not from a customer who kept something.
REST = "1e-4"
_LINES = "e.kind = 'order_line'"
_REFUNDS = "e.kind = 'refund'"
_TOUCHES = "e.kind IN ('view', 'search', 'cart', 'review', 'campaign')"


@dataclass(frozen=True)
class Asked:
    """Which lines the task asks about, and what share of their amounts is looked at."""

    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    margin: float = 1.0
    margins: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task, value: ValueTerms | None) -> Asked:
        if task.target != "value" or value is None:
            return cls(task.where)
        return cls(task.where, value.margin, value.margins)

    @property
    def plain(self) -> bool:
        """Whether all orders are asked about at their full amount."""
        return not self.where and self.margin == 1.0 and not self.margins

    @property
    def by_category(self) -> bool:
        return bool(self.margins) or any(column == "category" for column, _ in self.where)

    def condition(self) -> str:
        """The filter on an event."""
        tests = [f"{column} IN ({_texts(values)})" for column, values in self.where]
        return f"COALESCE({' AND '.join(tests)}, FALSE)" if tests else "TRUE"

    def worth(self, amount: str = "amount") -> str:
        """What an event's amount is worth, in millionths."""
        cases = "".join(
            f" WHEN {_texts([category])} THEN {margin!r}" for category, margin in sorted(self.margins.items())
        )
        margin = f"CASE category{cases} ELSE {self.margin!r} END" if cases else repr(self.margin)
        return millionths(amount) if margin == "1.0" else millionths(f"{amount} * CAST({margin} AS DOUBLE)")


@dataclass(frozen=True)
class Span:
    """The time that a statement looks at: low <= ts_us < high; from the beginning where `low` is None."""

    low: int | None
    high: int

    def holds(self, column: str = "e.ts_us") -> str:
        after = "" if self.low is None else f"{column} >= {self.low} AND "
        return f"{after}{column} < {self.high}"


def millionths(expression: str) -> str:
    """A number in whole millionths, as a double; null is nothing."""
    return f"ROUND(COALESCE({expression}, 0) * 1000000)"


def _texts(values: Sequence[str]) -> str:
    return ", ".join(exp.Literal.string(value).sql() for value in values)


def events(condition: str, span: Span, *, item_category: bool) -> exp.Select:
    """The events of a span; their category is the item's where they have none themselves and it is wanted.

    It is the item's as known at the span's end: what was told later is not looked at.
    """
    columns = "customer_id kind ts_us local_us day order_id refund_of channel quantity amount discount rating is_goods"
    query = (
        exp.select(*(f"e.{column}" for column in columns.split()), "e.item_id")
        .from_("events AS e")
        .where(condition, span.holds())
    )
    if not item_category:
        return query.select("e.category")
    return query.select("COALESCE(e.category, c.category) AS category").join(
        _item_categories(span).subquery("c", copy=False), on="e.item_id = c.item_id", join_type="left"
    )


def _item_categories(span: Span) -> exp.Select:
    """One category an item: of those known before the end of the span, the one that it came into last."""
    latest = "ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY since_us DESC NULLS LAST, category)"
    known = (
        exp.select("item_id", "category", f"{latest} AS place")
        .from_("item_categories")
        .where(f"since_us IS NULL OR since_us < {span.high}")
    )
    return exp.select("item_id", "category").from_(known.subquery("known", copy=False)).where("place = 1")


def goods_lines(span: Span) -> exp.Select:
    """Order lines of goods with item and category, for what was chosen."""
    return events(f"{_LINES} AND e.is_goods", span, item_category=True)


def _asked_columns(asked: Asked, name: str) -> list[str]:
    """What the task asks about of an event; nothing to add where that is everything."""
    if asked.plain:
        return []
    return [f"CASE WHEN {asked.condition()} THEN {asked.worth()} ELSE 0 END AS {name}"]


def _lines(asked: Asked, span: Span) -> exp.Select:
    asked_n = [] if asked.plain else [f"CASE WHEN {asked.condition()} THEN 1e0 ELSE 0e0 END AS asked_n"]
    return exp.select(
        "customer_id", "day",
        "local_us AS us",
        f"{millionths('amount')} AS gross", "0e0 AS refunded", "0e0 AS unmatched",
        f"{millionths('discount')} AS discount",
        "CASE WHEN is_goods THEN 1e0 ELSE 0e0 END AS lines",
        f"CASE WHEN is_goods THEN {millionths('quantity')} ELSE 0 END AS units",
        *_asked_columns(asked, "asked_gross"),
        *([] if asked.plain else ["0e0 AS asked_refunded", "0e0 AS asked_unmatched"]),
        *asked_n,
    ).from_(events(_LINES, span, item_category=asked.by_category).subquery("l", copy=False))  # fmt: skip


def _placed(span: Span) -> exp.Select:
    """The day on which each order was placed of which a refund is known: customer_id, order_id, placed_day."""
    named = (
        exp.select("e.customer_id", "COALESCE(e.refund_of, e.order_id) AS order_id")
        .from_("events AS e")
        .where(_REFUNDS, f"e.ts_us < {span.high}")
        .distinct()
    )
    query = (
        exp.select("e.customer_id", "e.order_id", "MIN(e.day) AS placed_day")
        .from_("events AS e")
        .join(named.subquery("r", copy=False), on="e.customer_id = r.customer_id AND e.order_id = r.order_id")
        .where(_LINES, f"e.ts_us < {span.high}")
        .group_by("e.customer_id", "e.order_id")
    )
    return query if span.low is None else query.having(f"MIN(e.ts_us) >= {span.low}")


def _refunds(asked: Asked, span: Span) -> exp.Select:
    """Refunds in the shape of `_lines`, on the day of the order that they belong to, else on their own."""

    def split(amount: str, name: str) -> list[str]:
        return [
            f"CASE WHEN p.placed_day IS NULL THEN 0 ELSE {amount} END AS {name}refunded",
            f"CASE WHEN p.placed_day IS NULL THEN {amount} ELSE 0 END AS {name}unmatched",
        ]

    asked_amount = f"CASE WHEN {asked.condition()} THEN {asked.worth()} ELSE 0 END"
    return (
        exp.select(
            "r.customer_id", "COALESCE(p.placed_day, r.day) AS day",
            "CAST(NULL AS BIGINT) AS us",
            "0e0 AS gross", *split(millionths("amount"), ""),
            "0e0 AS discount", "0e0 AS lines", "0e0 AS units",
            *([] if asked.plain else ["0e0 AS asked_gross", *split(asked_amount, "asked_"), "0e0 AS asked_n"]),
        )
        .from_(events(_REFUNDS, Span(None, span.high), item_category=asked.by_category).subquery("r", copy=False))
        .join(
            _placed(span).subquery("p", copy=False),
            on="r.customer_id = p.customer_id AND COALESCE(r.refund_of, r.order_id) = p.order_id",
            join_type="left",
        )
        .where("TRUE" if span.low is None else f"(NOT p.placed_day IS NULL OR r.ts_us >= {span.low})")
    )  # fmt: skip


def order_days(asked: Asked, span: Span) -> exp.Select:
    """One row a customer and local day with order lines in the span, or with refunds: the columns of `days` less `gap`.

    Refunds count as known at the end of the span. `us` is null on a day without order lines.
    """
    sums = ["gross", "refunded", "unmatched", "discount", "lines", "units"]
    if not asked.plain:
        sums += ["asked_gross", "asked_refunded", "asked_unmatched", "asked_n"]
    entries = exp.union(_lines(asked, span), _refunds(asked, span), distinct=False, copy=False)
    summed = (
        exp.select("customer_id", "day", "MIN(us) AS us", *(f"SUM({name}) AS {name}" for name in sums))
        .from_(entries.subquery("entries", copy=False))
        .group_by("customer_id", "day")
    )
    judged = exp.select(
        "*", f"NOT us IS NULL AND NOT (gross > 0 AND refunded < 0 AND gross + refunded <= {REST} * gross) AS counts"
    ).from_(summed.subquery("summed", copy=False))
    kept = "asked_gross > 0 AND asked_refunded < 0 AND asked_gross + asked_refunded <= " + f"{REST} * asked_gross"
    # Where the whole order was given back, refunds that name no item leave nothing of the part asked about.
    rest = "CASE WHEN counts THEN asked_gross + asked_refunded ELSE LEAST(0, asked_gross + asked_refunded) END"
    asked_columns = (
        ["counts AS asked", "gross + refunded AS asked_value", "gross + refunded + unmatched AS asked_spend"]
        if asked.plain
        else [
            f"counts AND asked_n > 0 AND NOT ({kept}) AS asked",
            f"{rest} AS asked_value",
            f"{rest} + asked_unmatched AS asked_spend",
        ]
    )
    return exp.select(
        "customer_id", "day", "counts", "lines", "units", "gross", "discount",
        f"us - day * {MICROSECONDS_PER_DAY} AS us",
        "gross + refunded AS value", "gross + refunded + unmatched AS spend", "refunded + unmatched AS returned",
        *asked_columns,
    ).from_(judged.subquery("judged", copy=False))  # fmt: skip


def _days(asked: Asked, span: Span) -> exp.Select:
    """The table `days`: order days, and what lies before and after each."""

    def beside(function: str, condition: str) -> str:
        return f"{function}(day) OVER (PARTITION BY customer_id, {condition} ORDER BY day)"

    asked_before = [] if asked.plain else [f"{beside('LAG', 'asked')} AS asked_before"]
    ordered = exp.select(
        "*", f"{beside('LAG', 'counts')} AS before", f"{beside('LEAD', 'counts')} AS after", *asked_before
    ).from_(order_days(asked, span).subquery("order_days", copy=False))
    return exp.select(
        "*",
        "CASE WHEN counts THEN day - before END AS gap",
        "counts AND before IS NULL AS is_first",
        "counts AND after IS NULL AS is_last",
        *([] if asked.plain else ["asked AND asked_before IS NULL AS asked_first"]),
    ).from_(ordered.subquery("ordered", copy=False))


def _categories(span: Span, moments: Mapping[str, int | float], main: Sequence[str]) -> exp.Select:
    """Lines of goods -> items of a customer -> categories of a customer."""
    bought = (
        exp.select("customer_id", "item_id", "category", "MAX(day) AS last_day", "CAST(COUNT(*) AS DOUBLE) AS lines")
        .from_(goods_lines(span).subquery("l", copy=False))
        .group_by("customer_id", "item_id", "category")
    )
    items = [
        f"CAST(COUNT(item_id) FILTER (WHERE last_day >= {moments[f'd{window}']}) AS DOUBLE) AS items_{window}d"
        for window in ITEM_WINDOWS
    ]
    places = "".join(f" WHEN {_texts([category])} THEN {place}" for place, category in enumerate(main, start=1))
    grouped = (
        exp.select("customer_id", "category", "MAX(last_day) AS last_day", "SUM(lines) AS lines", *items)
        .select("CAST(COUNT(item_id) AS DOUBLE) AS items")
        .select("SUM(CASE WHEN item_id IS NULL THEN 0 ELSE lines END) AS item_lines")
        .from_(bought.subquery("b", copy=False))
        .group_by("customer_id", "category")
    )
    return exp.select(
        "*",
        "NOT category IS NULL AS known",
        f"CASE category{places} ELSE 0 END AS place" if places else "0 AS place",
    ).from_(grouped.subquery("g", copy=False))  # fmt: skip


def _touches(span: Span) -> exp.Select:
    return exp.select(
        "e.customer_id", "e.kind", "e.day", "ROUND(e.rating * 1000000) AS rating"
    ).from_("events AS e").where(_TOUCHES, span.holds())  # fmt: skip


# Where everything is asked about, these say the same, and said in the same words an engine counts them only once.
_SAME_WHERE_PLAIN = {"asked": "counts", "asked_first": "is_first", "asked_value": "value", "asked_spend": "spend"}


def _aggregate(feature: Feature, moments: Mapping[str, int | float], *, plain: bool = False) -> exp.Expr:
    """The feature's expression with its moments filled in, in its unit, null where it has no value."""
    tree = parse_one(feature.sql, dialect="duckdb")
    for column in list(tree.find_all(exp.Column)) if plain else []:
        column.this.set("this", _SAME_WHERE_PLAIN.get(column.name, column.name))
    for placeholder in list(tree.find_all(exp.Placeholder)):
        moment = moments[placeholder.name]
        number = exp.Literal.number(moment)
        placeholder.replace(exp.cast(number, "DOUBLE") if isinstance(moment, float) else number)
    return exp.paren(tree) / 1_000_000 if feature.unit in IN_MILLIONTHS else tree


@dataclass(frozen=True)
class Question:
    """All that the statement of features depends on, beside the log."""

    cutoff_us: int  # microseconds since 1970-01-01 UTC
    moments: Mapping[str, int | float]  # placeholder -> days since 1970-01-01 by the shop's wall clock
    asked: Asked
    main_categories: Sequence[str]  # largest first


def feature_matrix(question: Question, features: Sequence[Feature] = FEATURES) -> exp.Select:
    """The statement: `customer_id` and each feature as a 4-byte float; one row a customer with an order line, by id."""
    span, plain = Span(None, question.cutoff_us), question.asked.plain
    sources = {
        "days": _days(question.asked, span),
        "categories": _categories(span, question.moments, question.main_categories),
        "touches": _touches(span),
    }
    columns: list[exp.Expr] = []  # `copy=False` throughout: copies of so large a tree take longer than the query
    tables: dict[str, exp.Select] = {}
    for table, source in sources.items():
        chosen = [feature for feature in features if feature.table == table]
        named = [
            exp.alias_(_aggregate(feature, question.moments, plain=plain), feature.name, quoted=True)
            for feature in chosen
        ]
        grouped = exp.select("customer_id", *named).from_(source.subquery("s", copy=False), copy=False)
        grouped = grouped.group_by("customer_id", copy=False)
        if table == "days":
            grouped = grouped.having("COUNT(us) > 0", copy=False)
        if chosen or table == "days":
            tables[table] = grouped
    for feature in features:
        value: exp.Expr = exp.column(feature.name, table=feature.table, quoted=True)
        if feature.empty is not None:
            value = exp.func("COALESCE", value, exp.Literal.number(feature.empty))
        columns.append(exp.alias_(exp.cast(value, "FLOAT"), feature.name, quoted=True))
    query = exp.select("days.customer_id", *columns)
    query = query.from_(tables.pop("days").subquery("days", copy=False), copy=False)
    for table, grouped in tables.items():
        on = f"days.customer_id = {table}.customer_id"
        query = query.join(grouped.subquery(table, copy=False), on=on, join_type="left", copy=False)
    return query.order_by("days.customer_id", copy=False)
