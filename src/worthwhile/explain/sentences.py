"""Reasons as sentences, in English and Chinese: what the customer did, what is typical, and what it moves.

A sentence cites what lies in the log: the day of the last order and its value, counts, sums. It says what the forecast
rests on, not what causes what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from worthwhile.evaluation.numbers import NO_BREAK, Numbers
from worthwhile.evaluation.wording import span_text
from worthwhile.explain.reasons import MINOR
from worthwhile.features.snapshot import Snapshot
from worthwhile.languages import LANGUAGES
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

LATE = 1.5  # of the usual gap: from here on a customer is overdue
STEADY = 0.1  # a trend between this and its negative is none
HALF_YEAR = 180

# Sentence -> English, Chinese. Parts in brackets name what is typical of the shop.
TEXTS: dict[str, tuple[str, str]] = {
    "recency.usual": (
        "last order {ago} ago ({value} on {day}), usual gap {gap}",
        "上次下单在 {ago}前（{day}，{value}），通常间隔 {gap}",
    ),
    "recency.late": (
        "last order {ago} ago ({value} on {day}), longer than the usual gap of {gap}",
        "上次下单在 {ago}前（{day}，{value}），已超过通常间隔 {gap}",
    ),
    "recency.once": (
        "only order {ago} ago ({value} on {day}; typical: last order {typical} ago)",
        "仅下过一单，在 {ago}前（{day}，{value}；典型客户上次下单在 {typical}前）",
    ),
    "frequency": (
        "{orders} so far, {lately} in the last {window} days (typical: {typical}, {typical_lately})",
        "累计 {orders}，近 {window} 天 {lately} 单（典型客户：{typical} 单、{typical_lately} 单）",
    ),
    "spend": (
        "spent {year} in the last 12 months, {lately} in the last 90 days (typical: {typical}, {typical_lately})",
        "近 12 个月消费 {year}，近 90 天 {lately}（典型客户：{typical}、{typical_lately}）",
    ),
    "order_value": (
        "an order is worth {mean} on average, the last one {last} (typical: {typical})",
        "平均每单 {mean}，最近一单 {last}（典型客户：{typical}）",
    ),
    "tenure": (
        "customer for {tenure}, first order worth {first} (typical: {typical})",
        "成为客户 {tenure}，首单 {first}（典型客户：{typical}）",
    ),
    "trend.up": (
        "buys more than before: {lately} in the last {window} days, {before} in the {window} before",
        "购买在增加：近 {window} 天 {lately}，此前 {window} 天 {before}",
    ),
    "trend.down": (
        "buys less than before: {lately} in the last {window} days, {before} in the {window} before",
        "购买在减少：近 {window} 天 {lately}，此前 {window} 天 {before}",
    ),
    "trend.steady": (
        "buys about as before: {lately} in the last {window} days, {before} in the {window} before",
        "购买平稳：近 {window} 天 {lately}，此前 {window} 天 {before}",
    ),
    "trend.none": (
        "no order in the last {window} days to see a trend by",
        "近 {window} 天无订单，看不出趋势",
    ),
    "basket": (
        "{lines} lines an order, {items} different items so far (typical: {typical_lines}, {typical_items})",
        "平均每单 {lines} 个商品行，累计购买 {items} 种商品（典型客户：{typical_lines} 个、{typical_items} 种）",
    ),
    "basket.unnamed": (
        "{units} pieces an order on average (typical: {typical_units})",
        "平均每单 {units} 件（典型客户：{typical_units} 件）",
    ),
    "habit": (
        "shops {weekend} at weekends, {evening} in the evening (typical: {typical_weekend}, {typical_evening})",
        "周末下单占 {weekend}，晚间占 {evening}（典型客户：{typical_weekend}、{typical_evening}）",
    ),
    "refunds": (
        "{refunded} of spend refunded, {discounted} of orders with a discount (typical: {typical_refunded}, "
        "{typical_discounted})",
        "退款占消费 {refunded}，{discounted} 的订单使用折扣（典型客户：{typical_refunded}、{typical_discounted}）",
    ),
    "contact.seen": (
        "{views} views and {carts} items put into the cart in the last 30 days, last visit {ago} ago "
        "(typical: {typical_views}, {typical_carts})",
        "近 30 天浏览 {views} 次、加购 {carts} 件，上次访问在 {ago}前（典型客户：{typical_views}、{typical_carts}）",
    ),
    "contact.unseen": (
        "{reviews} reviews, {campaigns} campaign contacts in the last 90 days, no visit known",
        "评价 {reviews} 条，近 90 天触达 {campaigns} 次，无浏览记录",
    ),
    "events": (
        "what they did and in which order, beyond the sums above",
        "行为的先后顺序与内容（以上汇总之外）",
    ),
    MINOR: ("several small things together", "其他若干细小因素合计"),
    "step.lines": ("{kind} of {n} lines", "{kind}（{n} 个商品行）"),
    "step.line": ("{kind} of 1 line", "{kind}（1 个商品行）"),
    "step.times": ("{kind}, {n} times", "{kind} {n} 次"),
    "day": ("1 day", "1 天"),
    "days": ("{n} days", "{n} 天"),
    "months": ("{n} months", "{n} 个月"),
    "order": ("1 order", "1 单"),
    "orders": ("{n} orders", "{n} 单"),
    "effect": ("{sentence}: {amount}", "{sentence}：{amount}"),
    "baseline": (
        "A typical customer of this shop has an expected {what} of {amount} within {horizon}, and a chance to buy of "
        "{chance}.",
        "本店典型客户在 {horizon}内的预期{what}为 {amount}，购买概率为 {chance}。",
    ),
    "forecast": (
        "{customer} has an expected {what} of {amount} within {horizon}, and a chance to buy of {chance}. Against a "
        "typical customer ({typical}, {typical_chance}):",
        "{customer} 在 {horizon}内的预期{what}为 {amount}，购买概率为 {chance}。与典型客户"
        "（{typical}，{typical_chance}）相比：",
    ),
    "what.spend": ("spend", "消费"),
    "what.value": ("margin", "毛利"),
    "what.of": ("{what} on {filter}", "{filter} 的{what}"),
}


# What a customer did -> in English and Chinese; keys of schema.EVENT_KINDS.
KINDS: dict[str, tuple[str, str]] = {
    "order_line": ("order", "下单"),
    "refund": ("refund", "退款"),
    "view": ("visit", "浏览"),
    "search": ("search", "搜索"),
    "cart": ("put into the cart", "加购"),
    "review": ("review", "评价"),
    "campaign": ("campaign contact", "营销触达"),
}


@dataclass(frozen=True)
class Facts:
    """What is known of one customer and of the typical one, by the names of features."""

    own: dict[str, float]
    typical: dict[str, float]
    cutoff: datetime  # by the shop's wall clock

    def day_of_last_order(self) -> date:
        return (self.cutoff - timedelta(days=self.own["days_since_order"])).date()


def facts_of(snapshot: Snapshot, row: int, typical: Snapshot) -> Facts:
    own, usual = (dict(zip(s.names, s.features[r].tolist(), strict=True)) for s, r in ((snapshot, row), (typical, 0)))
    return Facts(own, usual, snapshot.cutoff.astimezone(snapshot.zone))


@dataclass(frozen=True)
class Teller:
    """Says reasons in one language and currency."""

    numbers: Numbers

    def say(self, key: str, **parts: Any) -> str:
        said = TEXTS[key][LANGUAGES.index(self.numbers.language)].format(**parts)
        return said.replace(NO_BREAK, " ")  # it stands in tables and files, where it would be shown as it is coded

    def reason(self, reason: str, facts: Facts) -> str:
        """The sentence of a reason, without what it moves."""
        key, parts = _SENTENCES.get(reason, _bare(reason))(self, facts)
        return self.say(key, **parts)

    def effect(self, sentence: str, amount: float) -> str:
        """The sentence with what the reason adds to the expected amount."""
        return self.say("effect", sentence=sentence, amount=self.numbers.money_change(amount))

    def step(self, kind: str, count: int) -> str:
        """What a customer did on a day: `order of 3 lines`, `visit, 2 times`."""
        named = KINDS[kind][LANGUAGES.index(self.numbers.language)]
        if kind == "order_line":
            return self.say("step.line" if count == 1 else "step.lines", kind=named, n=self.numbers.count(count))
        return named if count == 1 else self.say("step.times", kind=named, n=self.numbers.count(count))

    def what(self, task: Task) -> str:
        """What the amount of a task is: spend or margin, of all or of some."""
        what = self.say(f"what.{task.amount_name}")
        named = ", ".join(value for _, values in task.where for value in values)
        return self.say("what.of", what=what, filter=named) if named else what

    def horizon(self, task: Task) -> str:
        """The horizon in words."""
        return span_text(str(task.horizon), self.numbers.language).strip()

    def span(self, days: float) -> str:
        """So many days, or months from half a year on."""
        if not np.isfinite(days):
            return "–"
        if days >= HALF_YEAR:
            return self.say("months", n=round(days / 30.44))
        return self.say("day" if round(days) == 1 else "days", n=round(days))

    def orders(self, count: float) -> str:
        if not np.isfinite(count):
            return self.say("orders", n=0)
        return self.say("order" if round(count) == 1 else "orders", n=round(count))

    def money(self, amount: float) -> str:
        return self.numbers.money(amount)


Told = tuple[str, dict[str, str]]


def _bare(key: str) -> Callable[[Teller, Facts], Told]:
    return lambda teller, facts: (key, {})


def _recency(teller: Teller, facts: Facts) -> Told:
    own = facts.own
    parts = {
        "ago": teller.span(own["days_since_order"]),
        "value": teller.money(own["order_value_last"]),
        "day": teller.numbers.day(facts.day_of_last_order()) if np.isfinite(own["days_since_order"]) else "–",
    }
    if not np.isfinite(own["gap_mean"]):
        return "recency.once", parts | {"typical": teller.span(facts.typical["days_since_order"])}
    late = own["days_since_order"] > LATE * own["gap_mean"]
    return "recency.late" if late else "recency.usual", parts | {"gap": teller.span(own["gap_mean"])}


def _frequency(teller: Teller, facts: Facts) -> Told:
    lately = 90 if facts.own["orders_90d"] > 0 or facts.typical["orders_90d"] > 0 else 365
    own, typical = ([f["orders_all"], f[f"orders_{lately}d"]] for f in (facts.own, facts.typical))
    return "frequency", {
        "orders": teller.orders(own[0]),
        "lately": teller.numbers.count(own[1]),
        "window": str(lately),
        "typical": teller.numbers.count(typical[0]),
        "typical_lately": teller.numbers.count(typical[1]),
    }


def _spend(teller: Teller, facts: Facts) -> Told:
    (year, lately), (usual, usual_lately) = ((f["spend_365d"], f["spend_90d"]) for f in (facts.own, facts.typical))
    return "spend", {
        "year": teller.money(year),
        "lately": teller.money(lately),
        "typical": teller.money(usual),
        "typical_lately": teller.money(usual_lately),
    }


def _order_value(teller: Teller, facts: Facts) -> Told:
    return "order_value", {
        "mean": teller.money(facts.own["order_value_mean"]),
        "last": teller.money(facts.own["order_value_last"]),
        "typical": teller.money(facts.typical["order_value_mean"]),
    }


def _tenure(teller: Teller, facts: Facts) -> Told:
    return "tenure", {
        "tenure": teller.span(facts.own["T"]),
        "first": teller.money(facts.own["first_order_value"]),
        "typical": teller.span(facts.typical["T"]),
    }


def _trend(teller: Teller, facts: Facts) -> Told:
    for window in (90, 365):
        change = facts.own[f"spend_trend_{window}d"]
        if np.isfinite(change):
            lately = facts.own[f"spend_{window}d"]
            # the feature is 2 lately / (lately + before) - 1
            before = lately * (1 - change) / (1 + change) if change > -1 else np.nan
            kind = "up" if change > STEADY else "down" if change < -STEADY else "steady"
            known = teller.money(before) if np.isfinite(before) else _earlier(teller, facts, window)
            return f"trend.{kind}", {"lately": teller.money(lately), "before": known, "window": str(window)}
    return "trend.none", {"window": "365"}


def _earlier(teller: Teller, facts: Facts, window: int) -> str:
    """What was spent in the window before the last one, where nothing has been since."""
    twice = {90: "spend_180d", 365: "spend_730d"}[window]
    return teller.money(facts.own[twice] - facts.own[f"spend_{window}d"])


def _basket(teller: Teller, facts: Facts) -> Told:
    own, typical = facts.own, facts.typical
    if not own["items_all"] > 0:  # the log names no items, of which none would be a false count
        return "basket.unnamed", {
            "units": teller.numbers.decimal(own["units_per_order"], 1),
            "typical_units": teller.numbers.decimal(typical["units_per_order"], 1),
        }
    return "basket", {
        "lines": teller.numbers.decimal(own["lines_per_order"], 1),
        "items": teller.numbers.count(own["items_all"]),
        "typical_lines": teller.numbers.decimal(typical["lines_per_order"], 1),
        "typical_items": teller.numbers.count(typical["items_all"]),
    }


def _habit(teller: Teller, facts: Facts) -> Told:
    return "habit", {
        **{name: teller.numbers.share(facts.own[f"{name}_share"]) for name in ("weekend", "evening")},
        **{f"typical_{name}": teller.numbers.share(facts.typical[f"{name}_share"]) for name in ("weekend", "evening")},
    }


def _refunds(teller: Teller, facts: Facts) -> Told:
    names = {"refunded": "refund_share", "discounted": "discounted_order_share"}
    return "refunds", {
        **{part: teller.numbers.share(facts.own[name]) for part, name in names.items()},
        **{f"typical_{part}": teller.numbers.share(facts.typical[name]) for part, name in names.items()},
    }


def _contact(teller: Teller, facts: Facts) -> Told:
    own, count = facts.own, teller.numbers.count
    if not np.isfinite(own["days_since_view"]):
        parts = {"reviews": count(own["reviews_all"]), "campaigns": count(own["campaigns_90d"])}
        return "contact.unseen", parts
    return "contact.seen", {
        "views": count(own["views_30d"]),
        "carts": count(own["carts_30d"]),
        "ago": teller.span(own["days_since_view"]),
        "typical_views": count(facts.typical["views_30d"]),
        "typical_carts": count(facts.typical["carts_30d"]),
    }


_SENTENCES: dict[str, Callable[[Teller, Facts], Told]] = {
    "recency": _recency,
    "frequency": _frequency,
    "spend": _spend,
    "order_value": _order_value,
    "tenure": _tenure,
    "trend": _trend,
    "basket": _basket,
    "habit": _habit,
    "refunds": _refunds,
    "contact": _contact,
}
