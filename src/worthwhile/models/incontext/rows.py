"""A customer at a cutoff as a row of dimensionless numbers: what the network reads.

Times are relative to the horizon, amounts to the shop's scale, customers to the others of their shop; the shop's own
ratios stand in every row. Of the calendar there is the part of the year alone, since most shops have the same busy
weeks; dates would tempt a network to extrapolate. The rows are made of the columns of a snapshot, of a simulated shop
(`columns.py`) and of a real one alike.

Letters: S shops, C customers, F numbers of a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LOG_MOST = 8.0
LEVELS = 2_001  # quantiles that ranks are read off where a customer is looked at alone
NO_LEVEL = -90.0  # ranks below all: no value
YEAR = 365.25
YEAR_END = (304.0, 358.0)  # days of the year: 1 November to Christmas Eve
MOST_CUSTOMERS = 2500.0  # a larger shop's ratios are not noisier than those of one so large


@dataclass(frozen=True)
class Moment:
    """What is known of each shop at its cutoff, (S,) float64 each."""

    horizon: Tensor  # days
    scale: Tensor  # median order value before the cutoff that is asked about
    history: Tensor  # days from the log's first event to the cutoff
    activity_year_before: Tensor  # features/season.py; NaN where not known
    year_day: Tensor  # of the calendar year, days since 1 January


class Facts:
    """The columns of the customers of some shops, (C,) each, and what follows from them, computed when first asked.

    `shop` (C,) says whose customer each is; only customers who were known before the cutoff are here.
    """

    def __init__(self, columns: Mapping[str, Tensor], shop: Tensor, moment: Moment) -> None:
        self.columns, self.shop, self.moment = columns, shop, moment
        self.shops = len(moment.horizon)

    def __getitem__(self, name: str) -> Tensor:
        return self.columns[name]

    # ---- a customer -------------------------------------------------------------------------------------------

    @cached_property
    def h(self) -> Tensor:
        return self.moment.horizon[self.shop]

    @cached_property
    def scale(self) -> Tensor:
        return self.moment.scale[self.shop]

    @cached_property
    def history(self) -> Tensor:
        return self.moment.history[self.shop]

    @cached_property
    def recency(self) -> Tensor:
        return self["T"] - self["t_x"]

    @cached_property
    def gap_mean(self) -> Tensor:
        return self["t_x"] / torch.where(self["x"] > 0, self["x"], float("nan"))

    def span(self, days: Tensor) -> Tensor:
        """Log of a time in horizons; a day more keeps it finite."""
        return torch.log((days + 1) / self.h)

    def money(self, amount: Tensor) -> Tensor:
        """Sums of money: signed log1p, in orders of the usual size."""
        ratio = amount / self.scale
        return torch.sign(ratio) * torch.log1p(ratio.abs())

    def price(self, value: Tensor) -> Tensor:
        """Log of an order's value in orders of the usual size."""
        return torch.log((value / self.scale).clamp(min=math.exp(-LOG_MOST))).clamp(max=LOG_MOST)

    # ---- a shop -----------------------------------------------------------------------------------------------

    def total(self, values: Tensor) -> Tensor:
        """Sum over each shop's customers (S,); NaN counts nothing."""
        zero = torch.zeros(self.shops, dtype=torch.float64, device=values.device)
        return zero.index_add_(0, self.shop, torch.nan_to_num(values.double()))

    def mean(self, values: Tensor) -> Tensor:
        """Mean over each shop's customers that have a value (S,)."""
        return self.total(values) / self.total(~torch.isnan(values)).clamp(min=1)

    def spread(self, values: Tensor) -> Tensor:
        """Standard deviation over each shop's customers (S,)."""
        return torch.sqrt((self.mean(values**2) - self.mean(values) ** 2).clamp(min=0))

    def rank(self, values: Tensor) -> Tensor:
        """Where each stands among the customers of its shop: 0 to 1, ties in their middle (C,).

        Values closer than a thousandth are equal: they differ by rounding.
        """
        stride = 200.0
        key = torch.nan_to_num(values.double(), nan=NO_LEVEL).clamp(NO_LEVEL, -NO_LEVEL)
        key = torch.round(key * 1000) / 1000 + stride * self.shop
        ordered = torch.sort(key).values
        middle = torch.searchsorted(ordered, key) + torch.searchsorted(ordered, key, right=True)
        number = torch.bincount(self.shop, minlength=self.shops)
        start = torch.cumsum(number, 0) - number
        return (middle / 2 - start[self.shop]) / number[self.shop]

    @cached_property
    def bought(self) -> Tensor:
        """Whether there is any order, even one that was given back."""
        return ~torch.isnan(self["refunded_order_share"])

    @cached_property
    def watched(self) -> Tensor:  # (S,)
        """Whether the log holds visits of late."""
        return self.total(self["views_90d"]) > 0

    def looks(self, name: str) -> Tensor:
        """Log of a count of what was looked at; NaN where the shop does not tell."""
        return torch.where(self.watched[self.shop], torch.log1p(self[name]), float("nan"))

    @cached_property
    def amount_rank(self) -> Tensor:
        return self.rank(self.money(self["amount_all"]).float())

    @cached_property
    def customers(self) -> Tensor:  # (S,)
        return self.total(torch.ones_like(self["T"])).clamp(min=1)

    def ratio(self, later: Tensor, earlier: Tensor, weight: float) -> Tensor:
        """Log ratio of two sums (S,), drawn to 0 where both are small."""
        return torch.log((later.clamp(min=0) + weight) / (earlier.clamp(min=0) + weight))

    def change(self, name: str, weight: float = 5.0) -> Tensor:
        """A sum of the last horizon against the one before (S,); NaN where the log does not reach back two."""
        last = self.total(self[f"{name}_last_horizon"])
        before = self.total(self[f"{name}_two_horizons"]) - last
        scale = self.moment.scale if name == "amount" else torch.ones_like(last)
        return self.known(self.ratio(last / scale, before / scale, weight), 2.0)

    @cached_property
    def half_change(self) -> Tensor:
        """Orders of the last half horizon against the half before it (S,), log; NaN where the log is shorter."""
        last = self.total(self["orders_half_horizon"])
        return self.known(self.ratio(last, self.total(self["orders_last_horizon"]) - last, 5.0), 1.0)

    def known(self, values: Tensor, horizons: float) -> Tensor:
        """(S,), NaN where the log is shorter than so many horizons."""
        return torch.where(self.moment.history >= horizons * self.moment.horizon, values, float("nan"))

    @cached_property
    def established(self) -> Tensor:
        """Orders of customers from before both spans: last horizon for each one in the horizon before (S,), log."""
        before = self["orders_two_horizons"] - self["orders_last_horizon"]
        old = (self["T"] > 2 * self.h) & (before > 0)
        return self.ratio(self.total(self["orders_last_horizon"] * old), self.total(before * old), 3.0)

    @cached_property
    def year_share(self) -> Tensor:
        """The orders of last year's span for an even share of the year (S,), log; NaN within the first year."""
        even = self.total(self["orders_365d"]) * self.moment.horizon.clamp(max=365) / 365
        share = self.ratio(self.total(self["orders_year_before"]), even, 5.0)
        return torch.where(self.moment.history >= 365, share, float("nan"))

    def year_end(self, start: Tensor) -> Tensor:
        """Which part of the horizon's length after day `start` of the year lies in its last weeks (S,)."""

        def passed(day: Tensor) -> Tensor:  # days of all year ends before it
            low, high = YEAR_END
            return torch.floor(day / YEAR) * (high - low) + (day % YEAR - low).clamp(0, high - low)

        return (passed(start + self.moment.horizon) - passed(start)) / self.moment.horizon


@dataclass(frozen=True)
class Number:
    """One number of a row: its name, what it is, and how it follows from the facts.

    `of` gives one number a customer, (C,); or one a shop, (S,), where `of_shop`. Where `ranked`, the row holds where
    it stands among those of the shop's customers, 0 to 1.
    """

    name: str
    meaning: str
    of: Callable[[Facts], Tensor]
    of_shop: bool = False
    ranked: bool = False
    label_zh: str = ""  # of a shop's number: what people are told in Chinese


def _rank(name: str, meaning: str, of: Callable[[Facts], Tensor]) -> Number:
    return Number(name, meaning, of, ranked=True)


def _shop(name: str, meaning: str, label_zh: str, of: Callable[[Facts], Tensor]) -> Number:
    return Number(name, meaning, of, of_shop=True, label_zh=label_zh)


# fmt: off
NUMBERS: tuple[Number, ...] = (
    # The customer's times.
    Number("tenure", "time since the first order", lambda f: f.span(f["T"])),
    Number("recency", "time since the last order", lambda f: f.span(f.recency)),
    Number("active_span", "time from first to last order", lambda f: f.span(f["t_x"])),
    Number("active_share", "of the time since the first order, up to the last", lambda f: f["t_x"] / (f["T"] + 1)),
    Number("tenure_days", "days since the first order", lambda f: torch.log1p(f["T"])),
    Number("recency_days", "days since the last order", lambda f: torch.log1p(f.recency)),
    Number("before_first", "time from the log's start to the first order: small where the past may be cut off",
           lambda f: f.span((f.history - f["T"]).clamp(min=0))),
    Number("gap", "mean time between orders", lambda f: f.span(f.gap_mean)),
    Number("overdue", "time since the last order for a mean gap",
           lambda f: torch.log((f.recency + 1) / (f.gap_mean + 1))),
    Number("overdue_last", "time since the last order for the last gap",
           lambda f: torch.log((f.recency + 1) / (f["gap_last"] + 1))),
    Number("overdue_most", "time since the last order for the longest gap",
           lambda f: torch.log((f.recency + 1) / (f["gap_max"] + 1))),
    Number("gap_spread", "spread of gaps for a mean gap", lambda f: f["gap_sd"] / (f.gap_mean + 1)),
    Number("gap_trend", "last gap for a mean gap", lambda f: torch.log((f["gap_last"] + 1) / (f.gap_mean + 1))),
    Number("gap_least", "shortest gap for a mean gap", lambda f: torch.log((f["gap_min"] + 1) / (f.gap_mean + 1))),
    # The customer's orders.
    Number("repeats", "repeat orders", lambda f: torch.log1p(f["x"])),
    Number("repeated", "whether there is a repeat order", lambda f: (f["x"] > 0).double()),
    Number("refunded_all", "whether every order was given back", lambda f: (f["orders_all"] == 0).double()),
    Number("rate", "repeat orders in a horizon, drawn to few where little is known",
           lambda f: torch.log((f["x"] + 0.3) * f.h / (f["T"] + 60))),
    Number("orders_half", "orders in the last half horizon", lambda f: torch.log1p(f["orders_half_horizon"])),
    Number("orders_last", "orders in the last horizon", lambda f: torch.log1p(f["orders_last_horizon"])),
    Number("orders_two", "orders in the last two horizons", lambda f: torch.log1p(f["orders_two_horizons"])),
    Number("orders_four", "orders in the last four horizons", lambda f: torch.log1p(f["orders_four_horizons"])),
    Number("orders_year_before", "orders in the horizon's span a year ago",
           lambda f: torch.log1p(f["orders_year_before"])),
    Number("orders_30d", "orders in 30 days", lambda f: torch.log1p(f["orders_30d"])),
    Number("orders_90d", "orders in 90 days", lambda f: torch.log1p(f["orders_90d"])),
    Number("orders_365d", "orders in 365 days", lambda f: torch.log1p(f["orders_365d"])),
    # The customer's money.
    Number("amount_all", "spend so far", lambda f: f.money(f["amount_all"])),
    Number("amount_half", "spend in the last half horizon", lambda f: f.money(f["amount_half_horizon"])),
    Number("amount_last", "spend in the last horizon", lambda f: f.money(f["amount_last_horizon"])),
    Number("amount_two", "spend in the last two horizons", lambda f: f.money(f["amount_two_horizons"])),
    Number("amount_four", "spend in the last four horizons", lambda f: f.money(f["amount_four_horizons"])),
    Number("amount_year_before", "spend in the horizon's span a year ago", lambda f: f.money(f["amount_year_before"])),
    Number("amount_rate", "spend in a horizon since the first order",
           lambda f: f.money(f["amount_all"].clamp(min=0) * f.h / (f["T"] + 60))),
    Number("value_mean", "mean log of order values", lambda f: f["order_value_log_mean"] - torch.log(f.scale)),
    Number("value_spread", "spread of the log of order values", lambda f: f["order_value_log_sd"]),
    Number("value_last", "value of the last order", lambda f: f.price(f["order_value_last"])),
    Number("value_first", "value of the first order", lambda f: f.price(f["first_order_value"])),
    Number("value_most", "largest order", lambda f: f.price(f["order_value_max"])),
    Number("value_least", "smallest order", lambda f: f.price(f["order_value_min"])),
    Number("refund_share", "share of spend given back", lambda f: f["refund_share"].clamp(0, 2)),
    Number("refunded_orders", "share of days with something given back", lambda f: f["refunded_order_share"]),
    # What the customer looked at, and since when the shop knows them.
    Number("bought", "whether there is any order", lambda f: f.bought.double()),
    Number("registered", "time since the registration", lambda f: f.span(f["days_since_registration"])),
    Number("views_30", "views in 30 days", lambda f: f.looks("views_30d")),
    Number("views_90", "views in 90 days", lambda f: f.looks("views_90d")),
    Number("carts_30", "put into the cart in 30 days", lambda f: f.looks("carts_30d")),
    Number("viewed", "time since the last view", lambda f: f.span(f["days_since_view"])),
    # The customer among the others of the shop.
    _rank("rank_recency", "rank by time since the last order", lambda f: torch.log1p(f.recency)),
    _rank("rank_orders", "rank by orders", lambda f: torch.log1p(f["orders_all"])),
    _rank("rank_amount", "rank by spend", lambda f: f.money(f["amount_all"])),
    _rank("rank_last", "rank by spend in the last horizon", lambda f: f.money(f["amount_last_horizon"])),
    _rank("rank_value", "rank by mean order value", lambda f: f["order_value_log_mean"]),
    # The shop and the question.
    _shop("horizon", "the horizon's length", "预测期长度", lambda f: torch.log(f.moment.horizon / 90)),
    _shop("history", "the log's length in horizons",
          "数据历史相对预测期的长度", lambda f: torch.log((f.moment.history + 1) / f.moment.horizon)),
    _shop("history_years", "the log's length in years",
          "数据历史年数", lambda f: torch.log((f.moment.history + 1) / 365)),
    _shop("customers", "number of customers", "客户数", lambda f: torch.log(f.customers.clamp(max=MOST_CUSTOMERS))),
    _shop("orders_change", "all orders: last horizon against the one before",
          "全部订单：上一预测周期与再前一周期之比", lambda f: f.change("orders")),
    _shop("amount_change", "all spend: last horizon against the one before",
          "全部消费：上一预测周期与再前一周期之比", lambda f: f.change("amount")),
    _shop("half_change", "orders of the last half horizon against the half before",
          "订单：最近半个预测周期与此前半个之比", lambda f: f.half_change),
    _shop("price_change", "spend for an order: last horizon against the one before",
          "客单价：上一预测周期与再前一周期之比",
          lambda f: f.change("amount") - f.change("orders")),
    _shop("newcomers", "share of customers of the last horizon", "上一预测周期新客占比",
          lambda f: f.known(f.mean(torch.where(f["T"] <= f.h, 1.0, 0.0).double()), 1.0)),
    _shop("newcomers_change", "customers of the last horizon against the one before",
          "新客：上一预测周期与再前一周期之比",
          lambda f: f.known(f.ratio(f.total(f["T"] <= f.h), f.total((f["T"] > f.h) & (f["T"] <= 2 * f.h)), 5.0), 2.0)),
    _shop("established", "orders of established customers: last horizon against the one before",
          "老客订单：上一预测周期与再前一周期之比",
          lambda f: f.known(f.established, 2.2)),
    _shop("year_activity", "the same of the horizon's span a year ago: the season ahead", "去年同期的季节变化",
          lambda f: torch.log(f.moment.activity_year_before.clamp(1e-3, 1e3))),
    _shop("year_activity_known", "whether that is known", "去年同期的季节变化是否可知",
          lambda f: (~torch.isnan(f.moment.activity_year_before)).double()),
    _shop("year_share", "orders in the horizon's span a year ago for an even share of the year",
          "去年同期订单与全年平均之比",
          lambda f: f.year_share),
    _shop("active_last", "share of customers with an order in the last horizon", "上一预测周期下单客户占比",
          lambda f: f.mean((f["orders_last_horizon"] > 0).double())),
    _shop("repeat_share", "share of customers who came again", "复购客户占比", lambda f: f.mean((f["x"] > 0).double())),
    _shop("repeats_mean", "mean log of repeat orders", "人均复购次数", lambda f: f.mean(torch.log1p(f["x"]))),
    _shop("repeats_spread", "its spread among customers",
          "复购次数的客户间差异", lambda f: f.spread(torch.log1p(f["x"]))),
    _shop("gap_shop", "mean log of gaps", "下单间隔", lambda f: f.mean(f.span(f.gap_mean))),
    _shop("value_spread_shop", "spread of customers' order values", "客户间客单价差异",
          lambda f: f.spread(f["order_value_log_mean"] - torch.log(f.scale))),
    _shop("value_spread_within", "mean spread within a customer", "同一客户客单价的波动",
          lambda f: f.mean(torch.where(f["x"] > 0, f["order_value_log_sd"], float("nan")))),
    _shop("order_mean", "mean order for the median one", "平均订单与中位订单之比",
          lambda f: torch.log((f.total(f["amount_all"]) / f.total(f["orders_all"]).clamp(min=1) / f.moment.scale)
                              .clamp(min=1e-3))),
    _shop("top_share", "share of spend of the top tenth", "前十分之一客户的消费占比",
          lambda f: f.total(f["amount_all"] * (f.amount_rank > 0.9))
          / f.total(f["amount_all"].clamp(min=0)).clamp(min=1e-9)),
    _shop("not_bought", "share of customers who registered and have not ordered", "注册未购客户占比",
          lambda f: f.mean((~f.bought).double())),
    _shop("browsing", "whether views are known", "是否有浏览记录", lambda f: f.watched.double()),
    _shop("year_sine", "the time of the year, its sine", "预测日在一年中的位置（正弦）",
          lambda f: torch.sin(2 * math.pi * f.moment.year_day / YEAR)),
    _shop("year_cosine", "the time of the year, its cosine", "预测日在一年中的位置（余弦）",
          lambda f: torch.cos(2 * math.pi * f.moment.year_day / YEAR)),
    _shop("year_end_ahead", "share of the horizon between November and Christmas", "预测期中11月至圣诞前所占比例",
          lambda f: f.year_end(f.moment.year_day)),
    _shop("year_end_behind", "the same share of the last horizon", "上一预测周期中11月至圣诞前所占比例",
          lambda f: f.year_end(f.moment.year_day - f.moment.horizon)),
    _shop("refund_share_shop", "mean share of spend given back",
          "退款占比", lambda f: f.mean(f["refund_share"].clamp(0, 2))),
)
# fmt: on

NAMES: tuple[str, ...] = tuple(number.name for number in NUMBERS)
AMOUNT_RANK = NAMES.index("rank_amount")

# What sets a row of the context beside the query: how long before, in what part of the year, over which horizon.
RELATIONS: tuple[str, ...] = ("age", "age_years", "year_sin", "year_cos", "end_sin", "end_cos", "horizon_ratio")


def rows_of(columns: Mapping[str, Tensor], shop: Tensor, moment: Moment) -> Tensor:
    """The rows (C, F) float32, F = len(NUMBERS), NaN where a number is not known.

    `columns` holds the names of `columns.COLUMNS`, (C,) each, in the shop's currency; `shop` (C,) int64.
    """
    facts = Facts(columns, shop, moment)
    found = []
    for number in NUMBERS:
        value = number.of(facts)
        if number.ranked:
            value = facts.rank(value.float())
        found.append((value[shop] if number.of_shop else value).float())
    return torch.stack(found, dim=1)


@dataclass(frozen=True)
class Standing:
    """What a row takes from all customers of one shop, kept so that one customer's row can be made alone."""

    shop: Tensor  # (number of shop's numbers,) float32
    levels: Tensor  # (number of ranked numbers, Q) float32 ascending: quantiles over the shop's customers


def shop_numbers(columns: Mapping[str, Tensor], moment: Moment) -> dict[str, float]:
    """The numbers of the one shop whose customers these are, which stand alike in each of their rows; NaN where one is
    not known."""
    facts = Facts(columns, torch.zeros_like(columns["T"], dtype=torch.long), moment)
    return {number.name: float(number.of(facts)[0]) for number in NUMBERS if number.of_shop}


def standing_of(columns: Mapping[str, Tensor], moment: Moment) -> Standing:
    """The standing of the one shop whose customers these are; `moment` has one entry."""
    facts = Facts(columns, torch.zeros_like(columns["T"], dtype=torch.long), moment)
    shares = torch.linspace(0, 1, LEVELS, dtype=torch.float64)
    levels = []
    for number in NUMBERS:
        if number.ranked:
            ordered = torch.sort(torch.nan_to_num(number.of(facts).float(), nan=NO_LEVEL)).values
            levels.append(ordered[(shares * (len(ordered) - 1)).round().long()])
    shop = torch.tensor(list(shop_numbers(columns, moment).values()))
    return Standing(shop, torch.stack(levels))


def rows_of_some(columns: Mapping[str, Tensor], moment: Moment, standing: Standing) -> Tensor:
    """The rows (C, F) of some customers of a shop, or of one, set into the standing of all of them."""
    facts = Facts(columns, torch.zeros_like(columns["T"], dtype=torch.long), moment)
    own = torch.stack([number.of(facts) for number in _OWN], dim=1).float()  # (C, numbers of the customer's own)
    ranked = torch.stack([number.of(facts) for number in _RANKED]).float()  # (ranked, C)
    places = _places(torch.nan_to_num(ranked, nan=NO_LEVEL), standing.levels).T
    return torch.cat([own, places, standing.shop.expand(len(own), -1)], dim=1)[:, _ORDER]


# Numbers by where a lone customer's come from, and the order that puts these parts, one after the other, into a row.
_OWN = [number for number in NUMBERS if not (number.of_shop or number.ranked)]
_RANKED = [number for number in NUMBERS if number.ranked]
_ORDER = [[*_OWN, *_RANKED, *(number for number in NUMBERS if number.of_shop)].index(number) for number in NUMBERS]


def _places(values: Tensor, levels: Tensor) -> Tensor:
    """Where values (ranked, C) stand among levels (ranked, Q), ties in their middle: 0 to 1."""
    below, upto = torch.searchsorted(levels, values), torch.searchsorted(levels, values, right=True)
    return ((below + upto) / (2 * levels.shape[1])).float()


def relation_of(age: Tensor, horizon: Tensor, asked: Tensor) -> Tensor:
    """How rows of a cutoff `age` days before the query's, over `horizon` days, relate to a query over `asked` days.

    All of one shape (...); gives (..., len(RELATIONS)) float32. A query relates to itself with age 0 and one horizon.
    The season of a window is that of its middle; years repeat.
    """
    turn = 2 * math.pi / YEAR
    middle = age + (asked - horizon) / 2
    parts = (
        torch.log1p(age / asked),
        age / YEAR,
        torch.sin(turn * age),
        torch.cos(turn * age),
        torch.sin(turn * middle),
        torch.cos(turn * middle),
        torch.log(horizon / asked),
    )
    return torch.stack([part.float() for part in parts], dim=-1)


OF_ITSELF = relation_of(torch.tensor(0.0), torch.tensor(1.0), torch.tensor(1.0))  # of any query

# What came of a cutoff's window for all customers together: every row of the cutoff in a context knows it, so that the
# level of a shop does not hang on which of its customers were drawn.
WHOLE: tuple[str, ...] = ("active", "amount", "orders", "amount_ratio", "orders_ratio")


def whole_of(columns: Mapping[str, Tensor], shop: Tensor, moment: Moment, outcome: tuple[Tensor, Tensor]) -> Tensor:
    """What came of the window for each shop's customers together, (S, len(WHOLE)) float32.

    `outcome` holds amount and orders, (C,) each; amounts in the shop's currency. The ratios are to the span of the
    horizon's length before the cutoff.
    """
    facts = Facts(columns, shop, moment)
    amount, orders = outcome
    spent, bought = facts.total(amount) / moment.scale, facts.total(orders)
    before = facts.total(columns["amount_last_horizon"]) / moment.scale
    parts = (
        facts.mean((orders > 0).double()),
        torch.log((spent + 1) / (facts.customers + 1)),
        torch.log((bought + 1) / (facts.customers + 1)),
        facts.ratio(spent, before, 5.0),
        facts.ratio(bought, facts.total(columns["orders_last_horizon"]), 5.0),
    )
    return torch.stack([part.float() for part in parts], dim=-1)


def sampling_weight(rows: Tensor) -> Tensor:
    """How likely each customer is to be drawn into the context, up to a factor (C,): large spenders are few and tell
    most. It looks at what was known at the cutoff only, so that the outcomes drawn stay true to the rows.
    """
    rank = rows[:, AMOUNT_RANK]
    return 1.0 + 1.0 * (rank > 0.5) + 3.0 * (rank > 0.9) + 10.0 * (rank > 0.985)
