"""The features of a customer, declared as data: name, meaning, label, and an expression over one of three tables.

The expressions are aggregates in the SQL that DuckDB and Spark share; `features/sql.py` makes one statement of them.
They read these columns (one row of each table belongs to one customer):

`days`        a local day with order lines or with refunds that belong to it: `day` (counted from 1970-01-01), `us`
              (microseconds from local midnight to the first line), `counts` (whether it is an order that still
              counts), `is_first` and `is_last` (whether it is the first or last of these), `gap` (days since the one
              before), `value` (of the order, net of the refunds of it that are known), `spend` (value, and refunds
              that match no order), `gross`, `returned`, `discount`, `lines` and `units` (goods only); `asked`,
              `asked_first`, `asked_value`, `asked_spend` are `counts`, `is_first`, `value`, `spend` of what the task
              asks about, weighted with margins where its target is `value`
`categories`  a category bought from: `last_day`, `lines`, `place` (1 to 5 among the shop's main categories, else 0),
              and of its items, so many as were bought: `items`, `items_30d`, `items_90d`, `items_365d`, `item_lines`;
              `known` is false for the goods that have no category, which are one row. What was chosen counts, even if
              it was given back; an item that was moved to another category counts in each
`touches`     an event that is no order line or refund: `kind`, `day`, `rating`

Placeholders: `:d30` is the first day of the window of 30 days that ends at the cutoff, `:horizon` that of the window
of the horizon's length, `:half_horizon`, `:two_horizons` and `:four_horizons` those of its half and multiples,
`:year_before` and `:year_before_end` bound the horizon's span a year earlier as far as it lies before the cutoff,
`:today` is the cutoff in days since 1970-01-01 by the shop's wall clock.

Money, pieces and ratings are held in whole millionths until the very end: sums of whole numbers are exact in a
double, so a feature is the same to the byte whatever the order in which threads add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WINDOWS = (7, 14, 30, 60, 90, 180, 365, 730)  # days
ITEM_WINDOWS = (30, 90, 365)
MAIN_CATEGORIES = 5
IN_MILLIONTHS = ("money", "pieces", "stars")  # units whose expressions give millionths


@dataclass(frozen=True)
class Feature:
    """One feature of a customer. `sql` is an aggregate over the rows of `table` that belong to the customer."""

    name: str
    group: str
    table: str  # days, categories or touches
    unit: str  # count, days, share, ratio, log, phase; or money, pieces, stars, whose expressions give millionths
    sql: str
    meaning: str
    label_zh: str
    empty: float | None = None  # what stands where the expression gives null; None is NaN


# Group -> its name in English and Chinese, in the order in which they are shown.
GROUPS: dict[str, tuple[str, str]] = {
    "model": ("what the models of buying rely on", "模型核心变量"),
    "orders": ("orders", "订单数"),
    "spend": ("spend", "消费金额"),
    "basket": ("what is in the basket", "购物篮"),
    "time": ("recency, tenure and gaps", "时间与间隔"),
    "trend": ("trends between windows", "变化趋势"),
    "value": ("order values, refunds and discounts", "客单价、退款与折扣"),
    "habit": ("weekday and hour habits", "购买时段习惯"),
    "first": ("the first order", "首单特征"),
    "category": ("categories", "品类偏好"),
    "contact": ("reviews, visits and contacts", "评价、浏览与触达"),
    "asked": ("orders asked about", "任务筛选范围内的订单"),
}


def _sum(column: str, condition: str) -> str:
    """A sum over the rows that meet a condition, 0 where none does; DuckDB is a tenth faster so than with FILTER."""
    return f"SUM(CASE WHEN {condition} THEN {column} ELSE 0 END)"


def _in_windows() -> Iterator[Feature]:
    for w in WINDOWS:
        yield Feature(
            f"orders_{w}d", "orders", "days", "count", f"COUNT(*) FILTER (WHERE counts AND day >= :d{w})",
            f"orders in the last {w} days", f"近{w}天订单数",
        )  # fmt: skip
    for w in WINDOWS:
        yield Feature(
            f"spend_{w}d", "spend", "days", "money", _sum("spend", f"day >= :d{w}"),
            f"spend in the last {w} days, net of refunds", f"近{w}天净消费金额", 0,
        )  # fmt: skip
    for w in (30, 90, 365):
        yield Feature(
            f"units_{w}d", "basket", "days", "pieces", _sum("units", f"counts AND day >= :d{w}"),
            f"units bought in the last {w} days", f"近{w}天购买件数", 0,
        )  # fmt: skip
    for w in ITEM_WINDOWS:
        yield Feature(
            f"items_{w}d", "basket", "categories", "count", f"SUM(items_{w}d)",
            f"different items bought in the last {w} days", f"近{w}天购买商品种数", 0,
        )  # fmt: skip
    for w in (90, 365):
        yield Feature(
            f"categories_{w}d", "category", "categories", "count",
            f"COUNT(*) FILTER (WHERE known AND last_day >= :d{w})",
            f"different categories bought from in the last {w} days", f"近{w}天购买品类数", 0,
        )  # fmt: skip


def _in_horizons() -> Iterator[Feature]:
    """Orders asked about in spans that go by the horizon's length, and in the same part of last year."""
    spans = {
        "half_horizon": ("in the last half of a span as long as the horizon", "上半个预测周期"),
        "two_horizons": ("in the last two spans as long as the horizon", "近两个预测周期"),
        "four_horizons": ("in the last four spans as long as the horizon", "近四个预测周期"),
        "year_before": ("in the span of the horizon that began a year before the cutoff", "去年同期"),
    }
    for name, (meaning, label) in spans.items():
        inside = "day >= :year_before AND day < :year_before_end" if name == "year_before" else f"day >= :{name}"
        yield Feature(
            f"orders_{name}", "model", "days", "count", f"COUNT(*) FILTER (WHERE asked AND {inside})",
            f"orders {meaning}", f"{label}订单数",
        )  # fmt: skip
        yield Feature(
            f"amount_{name}", "model", "days", "money", _sum("asked_spend", inside),
            f"spend {meaning}", f"{label}净消费金额", 0,
        )  # fmt: skip


def _trends() -> Iterator[Feature]:
    for w in (30, 90, 365):
        recent, both = (f"COUNT(*) FILTER (WHERE counts AND day >= :d{days})" for days in (w, 2 * w))
        yield Feature(
            f"orders_trend_{w}d", "trend", "days", "share", f"2 * {recent} / NULLIF({both}, 0) - 1",
            f"change of orders: last {w} days against the {w} before, from -1 (all before) to 1 (all since)",
            f"近{w}天订单数较前{w}天的变化",
        )  # fmt: skip
        recent, both = (_sum("spend", f"day >= :d{days}") for days in (w, 2 * w))
        yield Feature(
            f"spend_trend_{w}d", "trend", "days", "share",
            f"CASE WHEN {both} > 0 THEN GREATEST(-1, LEAST(1, 2 * {recent} / {both} - 1)) END",
            f"change of spend: last {w} days against the {w} before, from -1 (all before) to 1 (all since)",
            f"近{w}天消费金额较前{w}天的变化",
        )  # fmt: skip


def _contacts() -> Iterator[Feature]:
    kinds = {
        "view": ("views", "pages or items viewed", "浏览次数"),
        "cart": ("carts", "items put into the cart", "加购次数"),
        "campaign": ("campaigns", "campaign contacts", "营销触达次数"),
    }
    for kind, (name, meaning, label) in kinds.items():
        for w in (7, 30, 90):
            yield Feature(
                f"{name}_{w}d", "contact", "touches", "count",
                f"COUNT(*) FILTER (WHERE kind = '{kind}' AND day >= :d{w})",
                f"{meaning} in the last {w} days", f"近{w}天{label}", 0,
            )  # fmt: skip


def _category_shares() -> Iterator[Feature]:
    for place in range(1, MAIN_CATEGORIES + 1):
        yield Feature(
            f"category_{place}_share", "category", "categories", "share",
            f"SUM(CASE WHEN place = {place} THEN lines ELSE 0 END) / NULLIF(SUM(lines) FILTER (WHERE known), 0)",
            f"share of order lines in the shop's main category number {place}", f"第{place}大品类的订单行占比",
        )  # fmt: skip


def _of(which: str, column: str) -> str:
    """A column of the one row that is marked; null where none is. Far cheaper than MIN_BY and MAX_BY."""
    return f"SUM(CASE WHEN {which} THEN {column} END)"


def _share(condition: str) -> str:
    """How often something held among the orders that count."""
    return f"COUNT(*) FILTER (WHERE counts AND {condition}) / NULLIF(COUNT(*) FILTER (WHERE counts), 0)"


_ORDERS = "COUNT(*) FILTER (WHERE counts)"
_ASKED = "COUNT(*) FILTER (WHERE asked)"
_SPAN = "(MAX(day) FILTER (WHERE counts) - MIN(day) FILTER (WHERE counts))"
_GAP_MEAN = f"({_SPAN} / NULLIF({_ORDERS} - 1, 0))"
# Logarithms of order values in whole ten-thousandths, so that their sums are exact too.
_LOG = "ROUND(LN(value / 1000000) * 10000)"
_PRICED = "counts AND value > 0"
_HOUR = 3_600_000_000  # microseconds
_YEAR = "(MIN(day) FILTER (WHERE counts) * 6.283185307179586e0 / 365.25e0)"

# fmt: off
FEATURES: tuple[Feature, ...] = (
    # What the buy-till-you-die models and the heuristics rely on: orders that the task asks about.
    Feature("x", "model", "days", "count", f"CASE WHEN {_ASKED} > 0 THEN {_ASKED} - 1 END",
            "repeat orders", "复购次数"),
    Feature("t_x", "model", "days", "days", "MAX(day) FILTER (WHERE asked) - MIN(day) FILTER (WHERE asked)",
            "days from first to last order", "首单至末单天数"),
    Feature("T", "model", "days", "days", ":today - MIN(day) FILTER (WHERE asked)",
            "days since the first order", "首单至今天数"),
    Feature("repeat_value_mean", "model", "days", "money",
            f"({_sum('asked_value', 'asked')} - {_of('asked_first', 'asked_value')})"
            f" / NULLIF({_ASKED} - 1, 0)",
            "mean value of repeat orders", "复购平均客单价"),
    Feature("order_value_mean", "model", "days", "money",
            f"{_sum('asked_value', 'asked')} / NULLIF({_ASKED}, 0)",
            "mean value of all orders", "平均客单价"),
    Feature("orders_all", "model", "days", "count", _ASKED, "orders so far", "累计订单数"),
    Feature("amount_all", "model", "days", "money", "SUM(asked_spend)",
            "spend so far, net of refunds", "累计净消费金额", 0),
    Feature("orders_last_horizon", "model", "days", "count", "COUNT(*) FILTER (WHERE asked AND day >= :horizon)",
            "orders in the last span as long as the horizon", "上一预测周期订单数"),
    Feature("amount_last_horizon", "model", "days", "money", _sum("asked_spend", "day >= :horizon"),
            "spend in the last span as long as the horizon", "上一预测周期净消费金额", 0),

    *_in_horizons(),

    *_in_windows(),

    Feature("lines_per_order", "basket", "days", "ratio", f"{_sum('lines', 'counts')} / NULLIF({_ORDERS}, 0)",
            "lines in an order, on average", "平均每单行数"),
    Feature("units_per_order", "basket", "days", "pieces", f"{_sum('units', 'counts')} / NULLIF({_ORDERS}, 0)",
            "units in an order, on average", "平均每单件数"),
    Feature("unit_price_mean", "basket", "days", "money",
            f"1000000 * {_sum('gross', 'counts')} / NULLIF({_sum('units', 'counts')}, 0)",
            "price of one unit, on average", "平均单件价格"),
    Feature("items_all", "basket", "categories", "count", "SUM(items)",
            "different items bought so far", "累计购买商品种数", 0),
    Feature("repeat_item_share", "basket", "categories", "share",
            "1 - SUM(items) / NULLIF(SUM(item_lines), 0)",
            "share of order lines with an item bought before", "重复购买同一商品的占比"),
    Feature("last_order_lines", "basket", "days", "count", _of("is_last", "lines"),
            "lines of the last order", "最近一单行数"),

    Feature("days_since_order", "time", "days", "days", ":today - MAX(day) FILTER (WHERE counts)",
            "days since the last order", "距最近一单天数"),
    Feature("gap_mean", "time", "days", "days", _GAP_MEAN, "days between two orders, on average", "平均购买间隔（天）"),
    Feature("gap_sd", "time", "days", "days",
            f"CASE WHEN {_ORDERS} > 1 THEN"
            f" SQRT(GREATEST(0, ({_ORDERS} - 1) * SUM(gap * gap) FILTER (WHERE counts) - {_SPAN} * {_SPAN}))"
            f" / ({_ORDERS} - 1) END",
            "spread of the days between orders (standard deviation)", "购买间隔的标准差（天）"),
    Feature("gap_min", "time", "days", "days", "MIN(gap) FILTER (WHERE counts)",
            "shortest gap between two orders, in days", "最短购买间隔（天）"),
    Feature("gap_max", "time", "days", "days", "MAX(gap) FILTER (WHERE counts)",
            "longest gap between two orders, in days", "最长购买间隔（天）"),
    Feature("gap_last", "time", "days", "days", _of("is_last", "gap"),
            "days between the last two orders", "最近两单间隔（天）"),
    Feature("gap_last_ratio", "time", "days", "ratio",
            f"{_of('is_last', 'gap')} / NULLIF({_GAP_MEAN}, 0)",
            "last gap against the mean gap", "最近间隔与平均间隔之比"),
    Feature("recency_ratio", "time", "days", "ratio",
            f"(:today - MAX(day) FILTER (WHERE counts)) / NULLIF({_GAP_MEAN}, 0)",
            "days since the last order against the mean gap", "未购天数与平均间隔之比"),

    *_trends(),

    Feature("order_value_min", "value", "days", "money", "MIN(value) FILTER (WHERE counts)",
            "smallest order value", "最低客单价"),
    Feature("order_value_max", "value", "days", "money", "MAX(value) FILTER (WHERE counts)",
            "largest order value", "最高客单价"),
    Feature("order_value_last", "value", "days", "money", _of("is_last", "value"),
            "value of the last order", "最近一单金额"),
    Feature("order_value_log_mean", "value", "days", "log",
            f"SUM({_LOG}) FILTER (WHERE {_PRICED}) / NULLIF(COUNT(*) FILTER (WHERE {_PRICED}), 0) / 10000",
            "mean logarithm of order values", "客单价对数均值"),
    Feature("order_value_log_sd", "value", "days", "log",
            f"SQRT(GREATEST(0, COUNT(*) FILTER (WHERE {_PRICED}) * SUM({_LOG} * {_LOG}) FILTER (WHERE {_PRICED})"
            f" - SUM({_LOG}) FILTER (WHERE {_PRICED}) * SUM({_LOG}) FILTER (WHERE {_PRICED})))"
            f" / NULLIF(COUNT(*) FILTER (WHERE {_PRICED}), 0) / 10000",
            "spread of order values (standard deviation of their logarithms)", "客单价波动（对数标准差）"),
    Feature("refund_share", "value", "days", "share", "(0 - SUM(returned)) / NULLIF(SUM(gross), 0)",
            "share of spend that was refunded", "退款金额占比"),
    Feature("refunded_order_share", "value", "days", "share",
            "COUNT(*) FILTER (WHERE returned < 0) / NULLIF(COUNT(*), 0)",
            "share of days with a purchase or refund on which something was refunded", "发生退款的交易日占比"),
    Feature("discount_share", "value", "days", "share", "SUM(discount) / NULLIF(SUM(gross) + SUM(discount), 0)",
            "share of the full price that was given as discount", "折扣金额占比"),
    Feature("discounted_order_share", "value", "days", "share", _share("discount > 0"),
            "share of orders with a discount", "使用折扣的订单占比"),

    Feature("weekend_share", "habit", "days", "share", _share("(day % 7 + 10) % 7 >= 5"),
            "share of orders on Saturdays and Sundays", "周末下单占比"),
    Feature("night_share", "habit", "days", "share", _share(f"us < {6 * _HOUR}"),
            "share of orders from midnight to 6 o'clock", "凌晨（0–6点）下单占比"),
    Feature("morning_share", "habit", "days", "share", _share(f"us >= {6 * _HOUR} AND us < {12 * _HOUR}"),
            "share of orders from 6 to 12 o'clock", "上午（6–12点）下单占比"),
    Feature("evening_share", "habit", "days", "share", _share(f"us >= {18 * _HOUR}"),
            "share of orders from 18 o'clock to midnight", "晚间（18–24点）下单占比"),

    Feature("first_order_value", "first", "days", "money", _of("is_first", "value"),
            "value of the first order", "首单金额"),
    Feature("first_order_lines", "first", "days", "count", _of("is_first", "lines"),
            "lines of the first order", "首单行数"),
    Feature("first_order_season_sin", "first", "days", "phase", f"SIN({_YEAR})",
            "season of the first order: spring (1) to autumn (-1)", "首单季节（春为1，秋为-1）"),
    Feature("first_order_season_cos", "first", "days", "phase", f"COS({_YEAR})",
            "season of the first order: winter (1) to summer (-1)", "首单季节（冬为1，夏为-1）"),

    Feature("categories_all", "category", "categories", "count", "COUNT(*) FILTER (WHERE known)",
            "different categories bought from so far", "累计购买品类数", 0),
    Feature("favourite_category_share", "category", "categories", "share",
            "MAX(lines) FILTER (WHERE known) / NULLIF(SUM(lines) FILTER (WHERE known), 0)",
            "share of order lines in the customer's own main category", "本人最常购品类的占比"),
    *_category_shares(),

    Feature("reviews_90d", "contact", "touches", "count", "COUNT(*) FILTER (WHERE kind = 'review' AND day >= :d90)",
            "reviews in the last 90 days", "近90天评价数", 0),
    Feature("reviews_all", "contact", "touches", "count", "COUNT(*) FILTER (WHERE kind = 'review')",
            "reviews so far", "累计评价数", 0),
    Feature("rating_mean", "contact", "touches", "stars", "SUM(rating) / NULLIF(COUNT(rating), 0)",
            "mean rating given", "平均评分"),
    *_contacts(),
    Feature("days_since_view", "contact", "touches", "days", ":today - MAX(day) FILTER (WHERE kind = 'view')",
            "days since an item or page was last viewed", "距最近浏览天数"),

    Feature("asked_orders_share", "asked", "days", "share", f"{_ASKED} / NULLIF({_ORDERS}, 0)",
            "share of orders that the task asks about", "任务范围内订单占比"),
    Feature("asked_orders_90d", "asked", "days", "count", "COUNT(*) FILTER (WHERE asked AND day >= :d90)",
            "orders asked about in the last 90 days", "近90天任务范围内订单数"),
    Feature("asked_orders_365d", "asked", "days", "count", "COUNT(*) FILTER (WHERE asked AND day >= :d365)",
            "orders asked about in the last 365 days", "近365天任务范围内订单数"),
    Feature("asked_amount_90d", "asked", "days", "money", _sum("asked_spend", "day >= :d90"),
            "amount asked about in the last 90 days", "近90天任务范围内金额", 0),
    Feature("asked_amount_365d", "asked", "days", "money", _sum("asked_spend", "day >= :d365"),
            "amount asked about in the last 365 days", "近365天任务范围内金额", 0),
)
# fmt: on

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
