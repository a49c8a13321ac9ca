"""The reasons that a forecast is traced back to: each is a group of features that tell of one thing.

Features of one reason stand or fall together: taking away the orders of the last 30 days but not those of the last 60
would leave a customer that cannot be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from worthwhile.features.declared import FEATURES

Array = np.ndarray[Any, Any]

# Reason -> its name in English and Chinese, in the order in which they are shown.
REASONS: dict[str, tuple[str, str]] = {
    "recency": ("how long ago the last order was", "距上次下单时间"),
    "frequency": ("how often they order", "购买频次"),
    "spend": ("what they spent", "累计消费"),
    "order_value": ("the size of their orders", "客单价"),
    "tenure": ("how long they have been a customer", "客户年限与首单"),
    "trend": ("where their buying is heading", "购买趋势"),
    "basket": ("what is in their baskets", "购物篮与品类"),
    "habit": ("when they shop", "购物时段"),
    "refunds": ("refunds and discounts", "退款与折扣"),
    "contact": ("visits, reviews and contacts", "浏览、评价与触达"),
    "events": ("the course of their events", "行为序列"),  # what a model of event sequences reads, order by order
}
EVENTS = "events"
MINOR = "minor"  # reasons that move next to nothing in a shop, counted together
MINOR_NAME = ("several small things", "其他细小因素")

_OF_GROUPS = {
    "orders": "frequency",
    "spend": "spend",
    "basket": "basket",
    "category": "basket",
    "time": "frequency",
    "trend": "trend",
    "value": "order_value",
    "habit": "habit",
    "first": "tenure",
    "contact": "contact",
}
_OF_FEATURES = {
    "T": "tenure",
    "t_x": "recency",
    "x": "frequency",
    "days_since_order": "recency",
    "recency_ratio": "recency",
    "gap_last": "recency",
    "gap_last_ratio": "recency",
    "repeat_value_mean": "order_value",
    "order_value_mean": "order_value",
    "orders_all": "frequency",
    "asked_orders_share": "frequency",
    "refund_share": "refunds",
    "refunded_order_share": "refunds",
    "discount_share": "refunds",
    "discounted_order_share": "refunds",
}


def reason_of(name: str, group: str) -> str:
    """The reason that a feature of this name and group (`features/declared.py`) belongs to."""
    if name in _OF_FEATURES:
        return _OF_FEATURES[name]
    if group in _OF_GROUPS:
        return _OF_GROUPS[group]
    return "frequency" if name.startswith(("orders_", "asked_orders_")) else "spend"


def reasons_of_features(names: tuple[str, ...]) -> Array:
    """(F,) int64: the place in REASONS of each feature's reason."""
    groups = {feature.name: feature.group for feature in FEATURES}
    places = {reason: place for place, reason in enumerate(REASONS)}
    return np.array([places[reason_of(name, groups[name])] for name in names], dtype=np.int64)
