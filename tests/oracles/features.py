"""Features and outcomes of one customer at a time, in plain loops over rows. Slow and obvious.

A row is a dict of an event: customer_id, kind, ts (aware), local_ts (naive), order_id, item_id, quantity, amount,
discount, category, channel, rating, refund_of, is_goods. What `features/declared.py` says in words is done here again
without a look at its SQL.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

NAN = math.nan
WINDOWS = (7, 14, 30, 60, 90, 180, 365, 730)


@dataclass
class Asking:
    """The question: at which local moment, how far back the horizon's span reaches, which lines and margins."""

    now: datetime  # the cutoff on the wall clock, naive
    horizon_start: datetime  # the span of the horizon's length that ends at the cutoff, naive
    year_before: tuple  # (start, end) of the horizon after the same moment a year before, naive
    where: dict = field(default_factory=dict)  # category, channel, item_id -> accepted values
    margin: float = 1.0
    margins: dict = field(default_factory=dict)
    item_category: dict = field(default_factory=dict)  # item -> {category: since when it is known, None all along}
    known: datetime | None = None  # UTC: what is known of items is what was told before
    main: tuple = ()

    def category(self, row):
        if row["category"] is not None:
            return row["category"]
        told = self.item_category.get(row["item_id"], {}).items()
        known = [
            (since, category) for category, since in told if since is None or self.known is None or since < self.known
        ]
        dated = [pair for pair in known if pair[0] is not None]
        latest = [c for since, c in dated if since == max(dated)[0]] or [category for _, category in known]
        return min(latest, default=None)

    def holds(self, row):
        seen = {"category": self.category(row), "channel": row["channel"], "item_id": row["item_id"]}
        return all(seen[column] in values for column, values in self.where.items())

    def worth(self, row):
        return (row["amount"] or 0.0) * self.margins.get(self.category(row), self.margin)


@dataclass
class Day:
    """One local day of a customer: its order, and refunds that belong to it or fell on it."""

    day: date
    lines: list = field(default_factory=list)
    refunds: list = field(default_factory=list)  # of an order of this day
    unmatched: list = field(default_factory=list)  # of no order, given back on this day


def total(rows, what="amount"):
    return math.fsum(row[what] or 0.0 for row in rows)


def given_back(gross, back):
    return gross > 0 and back < 0 and gross + back <= 1e-4 * gross


def placing_day(rows, refund):
    """The first day with a line of the order that a refund names."""
    name = refund["refund_of"] if refund["refund_of"] is not None else refund["order_id"]
    days = [r["local_ts"].date() for r in rows if r["kind"] == "order_line" and r["order_id"] == name]
    return min(days) if name is not None and days else None


def days_of(rows):
    """The days of one customer's events, in order."""
    days: dict = {}
    for row in rows:
        day = row["local_ts"].date()
        if row["kind"] == "order_line":
            days.setdefault(day, Day(day)).lines.append(row)
        elif row["kind"] == "refund":
            placed = placing_day(rows, row)
            if placed is None:
                days.setdefault(day, Day(day)).unmatched.append(row)
            else:
                days.setdefault(placed, Day(placed)).refunds.append(row)
    return [days[day] for day in sorted(days)]


def counts(day):
    return bool(day.lines) and not given_back(total(day.lines), total(day.refunds))


def value(day):
    return total(day.lines) + total(day.refunds)


def asked_amounts(day, asking):
    """Gross, refunds and unmatched refunds of a day in what the task asks about."""
    parts = (day.lines, day.refunds, day.unmatched)
    return [math.fsum(asking.worth(r) for r in part if asking.holds(r)) for part in parts]


def asked(day, asking):
    gross, back, _ = asked_amounts(day, asking)
    return counts(day) and any(asking.holds(r) for r in day.lines) and not given_back(gross, back)


def asked_value(day, asking):
    gross, back, _ = asked_amounts(day, asking)
    plain = not asking.where and asking.margin == 1 and not asking.margins
    return gross + back if counts(day) or plain else min(0.0, gross + back)


def ratio(a, b):
    return a / b if b else NAN


def mean(numbers):
    return ratio(math.fsum(numbers), len(numbers))


def spread(numbers):
    """Standard deviation, dividing by the count; 0 for one number."""
    return math.sqrt(max(0.0, mean([(n - mean(numbers)) ** 2 for n in numbers]))) if numbers else NAN


def change(recent, both):
    return max(-1.0, min(1.0, 2 * recent / both - 1)) if both > 0 else NAN


class Customer:
    """One customer's rows before the cutoff, and the features in groups."""

    def __init__(self, rows, asking):
        self.rows, self.asking = rows, asking
        self.days = days_of(rows)
        self.orders = [d for d in self.days if counts(d)]
        self.asked = [d for d in self.days if asked(d, asking)]

    def since(self, days, w):
        start = self.asking.now - timedelta(days=w)
        return [d for d in days if datetime.combine(d.day, datetime.min.time()) >= start]

    def year_before(self, days):
        start, end = self.asking.year_before
        midnight = [datetime.combine(d.day, datetime.min.time()) for d in days]
        return [d for d, at in zip(days, midnight, strict=True) if start <= at < min(end, self.asking.now)]

    def days_to_now(self, day):
        return (self.asking.now - datetime.combine(day, datetime.min.time())).total_seconds() / 86_400

    def spend(self, days):
        return math.fsum(value(d) + total(d.unmatched) for d in days)

    def asked_spend(self, days):
        return math.fsum(asked_value(d, self.asking) + asked_amounts(d, self.asking)[2] for d in days)

    def model(self):
        n, first = len(self.asked), self.asked[0] if self.asked else None
        values = [asked_value(d, self.asking) for d in self.asked]
        w = (self.asking.now - self.asking.horizon_start).total_seconds() / 86_400
        return {
            "x": n - 1 if n else NAN,
            "t_x": (self.asked[-1].day - first.day).days if n else NAN,
            "T": self.days_to_now(first.day) if n else NAN,
            "repeat_value_mean": mean(values[1:]),
            "order_value_mean": mean(values),
            "orders_all": n,
            "amount_all": self.asked_spend(self.days),
            "orders_last_horizon": len(self.since(self.asked, w)),
            "amount_last_horizon": self.asked_spend(self.since(self.days, w)),
            "orders_half_horizon": len(self.since(self.asked, w / 2)),
            "orders_two_horizons": len(self.since(self.asked, w * 2)),
            "orders_four_horizons": len(self.since(self.asked, w * 4)),
            "amount_half_horizon": self.asked_spend(self.since(self.days, w / 2)),
            "amount_two_horizons": self.asked_spend(self.since(self.days, w * 2)),
            "amount_four_horizons": self.asked_spend(self.since(self.days, w * 4)),
            "orders_year_before": len(self.year_before(self.asked)),
            "amount_year_before": self.asked_spend(self.year_before(self.days)),
            "asked_orders_share": ratio(n, len(self.orders)),
            "asked_orders_90d": len(self.since(self.asked, 90)),
            "asked_orders_365d": len(self.since(self.asked, 365)),
            "asked_amount_90d": self.asked_spend(self.since(self.days, 90)),
            "asked_amount_365d": self.asked_spend(self.since(self.days, 365)),
        }

    def windows(self):
        found = {}
        for w in WINDOWS:
            found[f"orders_{w}d"] = len(self.since(self.orders, w))
            found[f"spend_{w}d"] = self.spend(self.since(self.days, w))
        for w in (30, 90, 365):
            lines = [r for d in self.since(self.orders, w) for r in d.lines if r["is_goods"]]
            found[f"units_{w}d"] = total(lines, "quantity")
            found[f"orders_trend_{w}d"] = change(len(self.since(self.orders, w)), len(self.since(self.orders, 2 * w)))
            found[f"spend_trend_{w}d"] = change(
                self.spend(self.since(self.days, w)), self.spend(self.since(self.days, 2 * w))
            )
        return found

    def basket(self):
        goods = [[r for r in d.lines if r["is_goods"]] for d in self.orders]
        every = [r for lines in goods for r in lines]
        return {
            "lines_per_order": ratio(len(every), len(goods)),
            "units_per_order": ratio(total(every, "quantity"), len(goods)),
            "unit_price_mean": ratio(math.fsum(total(d.lines) for d in self.orders), total(every, "quantity")),
            "last_order_lines": len(goods[-1]) if goods else NAN,
            "first_order_lines": len(goods[0]) if goods else NAN,
        }

    def chosen(self):
        """Items and categories of all lines of goods, given back or not."""
        goods = [r for d in self.days for r in d.lines if r["is_goods"]]
        category = self.asking.category
        lines = defaultdict(int)
        for row in goods:
            if category(row) is not None:
                lines[category(row)] += 1
        found = {
            "categories_all": len(lines),
            "favourite_category_share": ratio(max(lines.values(), default=0), sum(lines.values())),
        }
        for place in range(1, 6):
            here = lines[self.asking.main[place - 1]] if place <= len(self.asking.main) else 0
            found[f"category_{place}_share"] = ratio(here, sum(lines.values()))
        for w in (30, 90, 365, 10**5):
            start = self.asking.now - timedelta(days=w)
            recent = [r for r in goods if datetime.combine(r["local_ts"].date(), datetime.min.time()) >= start]
            name = "all" if w == 10**5 else f"{w}d"
            found[f"items_{name}"] = len({(r["item_id"], category(r)) for r in recent if r["item_id"] is not None})
            if w != 30:
                found[f"categories_{name}"] = len({category(r) for r in recent} - {None})
        named = [r for r in goods if r["item_id"] is not None]
        found["repeat_item_share"] = 1 - found["items_all"] / len(named) if named else NAN
        return found

    def time(self):
        days = [d.day for d in self.orders]
        gaps = [(b - a).days for a, b in pairwise(days)]
        since = self.days_to_now(days[-1]) if days else NAN
        season = 2 * math.pi * (days[0] - date(1970, 1, 1)).days / 365.25 if days else NAN
        return {
            "days_since_order": since,
            "gap_mean": mean(gaps),
            "gap_sd": spread(gaps),
            "gap_min": min(gaps, default=NAN),
            "gap_max": max(gaps, default=NAN),
            "gap_last": gaps[-1] if gaps else NAN,
            "gap_last_ratio": gaps[-1] / mean(gaps) if gaps else NAN,
            "recency_ratio": since / mean(gaps) if gaps else NAN,
            "first_order_season_sin": math.sin(season),
            "first_order_season_cos": math.cos(season),
        }

    def values(self):
        values = [value(d) for d in self.orders]
        logs = [math.log(v) for v in values if v > 1e-9]
        back = lambda days: -math.fsum(total(d.refunds) + total(d.unmatched) for d in days)  # noqa: E731
        gross = lambda days: math.fsum(total(d.lines) for d in days)  # noqa: E731
        discount = math.fsum(total(d.lines, "discount") for d in self.days)
        return {
            "order_value_min": min(values, default=NAN),
            "order_value_max": max(values, default=NAN),
            "order_value_last": values[-1] if values else NAN,
            "first_order_value": values[0] if values else NAN,
            "order_value_log_mean": mean(logs),
            "order_value_log_sd": spread(logs),
            "refund_share": ratio(back(self.days), gross(self.days)),
            "refunded_order_share": mean([total(d.refunds) + total(d.unmatched) < 0 for d in self.days]),
            "discount_share": ratio(discount, gross(self.days) + discount),
            "discounted_order_share": mean([total(d.lines, "discount") > 0 for d in self.orders]),
        }

    def habits(self):
        hours = [min(r["local_ts"] for r in d.lines).hour for d in self.orders]
        return {
            "weekend_share": mean([d.day.weekday() >= 5 for d in self.orders]),
            "night_share": mean([h < 6 for h in hours]),
            "morning_share": mean([6 <= h < 12 for h in hours]),
            "evening_share": mean([h >= 18 for h in hours]),
        }

    def contacts(self):
        found = {}
        names = {"view": "views", "cart": "carts", "campaign": "campaigns"}
        start = {w: self.asking.now - timedelta(days=w) for w in (7, 30, 90)}
        midnight = lambda r: datetime.combine(r["local_ts"].date(), datetime.min.time())  # noqa: E731
        for kind, name in names.items():
            for w in (7, 30, 90):
                found[f"{name}_{w}d"] = sum(r["kind"] == kind and midnight(r) >= start[w] for r in self.rows)
        reviews = [r for r in self.rows if r["kind"] == "review"]
        found["reviews_all"] = len(reviews)
        found["reviews_90d"] = sum(midnight(r) >= start[90] for r in reviews)
        rated = [
            r["rating"] for r in self.rows if r["rating"] is not None and r["kind"] not in ("order_line", "refund")
        ]
        found["rating_mean"] = mean(rated)
        views = [r["local_ts"].date() for r in self.rows if r["kind"] == "view"]
        found["days_since_view"] = self.days_to_now(max(views)) if views else NAN
        return found

    def features(self):
        parts = (self.model, self.windows, self.basket, self.chosen, self.time, self.values, self.habits, self.contacts)
        return {name: float(number) for part in parts for name, number in part().items()}


def customers(rows, cutoff):
    """The rows before the cutoff of each customer with an order line among them, by ascending id."""
    grouped = defaultdict(list)
    for row in rows:
        if row["ts"] < cutoff:
            grouped[row["customer_id"]].append(row)
    return {c: grouped[c] for c in sorted(grouped) if any(r["kind"] == "order_line" for r in grouped[c])}


def features(rows, cutoff, asking):
    """Customer -> feature -> number."""
    return {c: Customer(own, asking).features() for c, own in customers(rows, cutoff).items()}


def main_categories(rows, cutoff, asking, count=5):
    lines = defaultdict(int)
    for row in rows:
        if row["ts"] < cutoff and row["kind"] == "order_line" and row["is_goods"] and asking.category(row) is not None:
            lines[asking.category(row)] += 1
    return tuple(sorted(lines, key=lambda c: (-lines[c], c))[:count])


def median_order_value(rows, cutoff, asking):
    values = [
        asked_value(d, asking)
        for own in customers(rows, cutoff).values()
        for d in days_of(own)
        if asked(d, asking) and asked_value(d, asking) > 1e-9
    ]
    return median(values) if values else 1.0


def outcome(rows, span, asking, rate=0.0):
    """(amount, orders) of one customer's rows in span = (cutoff, end)."""
    cutoff, end = span
    asking = replace(asking, known=end)
    known = [r for r in rows if r["ts"] < end]
    inside = [r for r in known if r["ts"] >= cutoff]
    orders = 0
    for day in days_of(inside):
        own = []
        for refund in (r for r in known if r["kind"] == "refund"):
            name = refund["refund_of"] if refund["refund_of"] is not None else refund["order_id"]
            placed = [r for r in known if r["kind"] == "order_line" and r["order_id"] == name and name is not None]
            early = min(placed, key=lambda r: r["ts"], default=None)
            if early is not None and early["ts"] >= cutoff and min(r["local_ts"] for r in placed).date() == day.day:
                own.append(refund)
        day.refunds = own
        orders += asked(day, asking)
    amount = math.fsum(
        asking.worth(r) * (1 + rate) ** (-(r["local_ts"].date() - asking.now.date()).days / 365.25)
        for r in inside
        if r["kind"] in ("order_line", "refund") and asking.holds(r)
    )
    return (max(0.0, amount) if orders else 0.0), float(orders)
