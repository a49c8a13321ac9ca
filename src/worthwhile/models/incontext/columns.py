"""What is known of simulated customers at a cutoff, in the columns of a real shop's snapshot.

`features/declared.py` gives the same numbers of a real shop through SQL; a test holds the two equal. Days here are
whole days of the log, so the cutoff is the midnight at the start of a day.

Letters: S shops, C customers, N orders, V visits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.shops import Shops

REST = 1e-4  # an order is refunded to nothing when less than this share of it is left
SETTLING = 0.5  # of the horizon, from the log's start to the spans of a season's rate
LEAST_ORDERS = 100  # of established customers, below which a season's rate is not told
YEAR = 365

# The columns of a snapshot that rows are made of. All but the last group count what the task asks about.
COLUMNS: tuple[str, ...] = (
    "x", "t_x", "T", "orders_all", "amount_all",
    "orders_half_horizon", "orders_last_horizon", "orders_two_horizons", "orders_four_horizons", "orders_year_before",
    "amount_half_horizon", "amount_last_horizon", "amount_two_horizons", "amount_four_horizons", "amount_year_before",
    "orders_30d", "orders_90d", "orders_365d",
    "gap_sd", "gap_min", "gap_max", "gap_last",
    "order_value_min", "order_value_max", "order_value_last", "first_order_value",
    "order_value_log_mean", "order_value_log_sd", "refund_share", "refunded_order_share",
    "views_30d", "views_90d", "carts_30d", "days_since_view", "days_since_registration",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The question put to each shop, (S,) each: at which day, over how many days."""

    cutoff: Tensor  # int64
    horizon: Tensor  # int64


def _per_customer(shops: Shops, rows: Tensor, values: Tensor) -> Tensor:
    """Sums over orders, (C,) float64."""
    total = torch.zeros(len(shops.shop), dtype=torch.float64, device=values.device)
    return total.index_add_(0, shops.customer[rows], values.double())


def _extreme(shops: Shops, rows: Tensor, values: Tensor, how: str) -> Tensor:
    """Smallest (`amin`) or largest (`amax`) over orders, (C,) float64; NaN where there is none."""
    found = torch.full((len(shops.shop),), float("nan"), dtype=torch.float64, device=values.device)
    return found.scatter_reduce_(0, shops.customer[rows], values.double(), how, include_self=False)


def known_refund(shops: Shops, until: Tensor) -> Tensor:
    """What had been given back of each order before each shop's day `until` (S,): (N,)."""
    return torch.where(shops.refund_day < until[shops.shop[shops.customer]], shops.refund, 0.0)


def columns_at(shops: Shops, asked: Asked) -> tuple[dict[str, Tensor], Tensor]:
    """The columns, (C,) float64 each, NaN where one has no value; and who was known before the cutoff, (C,) bool:
    those who had ordered, and those who had registered."""
    cutoff = asked.cutoff[shops.shop[shops.customer]]  # (N,)
    before = torch.nonzero(shops.day < cutoff)[:, 0]
    back = known_refund(shops, asked.cutoff)[before].double()
    gross = shops.value[before].double()
    net = gross - back
    counts = ~((back > 0) & (net <= REST * gross))
    here = asked.cutoff[shops.shop]  # (C,)
    registered = torch.where(shops.registered < here, here - shops.registered, float("nan")).double()
    days = _per_customer(shops, before, torch.ones_like(gross))
    present = (days > 0) | ~torch.isnan(registered)
    rows, value = before[counts], net[counts]
    columns = _timing(shops, rows, asked) | _windows(shops, before, net, (rows, asked)) | _values(shops, rows, value)
    spent = _per_customer(shops, before, gross)
    returned = _per_customer(shops, before, back)
    columns["refund_share"] = returned / spent
    columns["refunded_order_share"] = _per_customer(shops, before, back > 0) / days
    columns |= _looks(shops, asked) | {"days_since_registration": registered}
    return {name: columns[name] for name in COLUMNS}, present


def _timing(shops: Shops, rows: Tensor, asked: Asked) -> dict[str, Tensor]:
    """First and last orders and the gaps between; `rows` are the orders that count."""
    day = shops.day[rows].double()
    orders = _per_customer(shops, rows, torch.ones_like(day))
    first, last = _extreme(shops, rows, day, "amin"), _extreme(shops, rows, day, "amax")
    again = torch.zeros(len(rows), dtype=torch.bool, device=day.device)
    again[1:] = shops.customer[rows][1:] == shops.customer[rows][:-1]
    gap = torch.zeros_like(day)
    gap[1:] = day[1:] - day[:-1]
    later, gaps = rows[again], gap[again]
    number = orders - 1
    squares = _per_customer(shops, later, gaps**2)
    span = last - first
    spread = torch.sqrt((number * squares - span**2).clamp(min=0)) / number
    nothing = orders == 0
    closing = again & torch.cat([~again[1:], again.new_ones(1)])[: len(again)]  # a customer's last order, with a gap
    return {
        "x": torch.where(nothing, float("nan"), number),
        "t_x": span,
        "T": asked.cutoff[shops.shop].double() - first,
        "orders_all": orders,
        "gap_sd": torch.where(number > 0, spread, float("nan")),
        "gap_min": _extreme(shops, later, gaps, "amin"),
        "gap_max": _extreme(shops, later, gaps, "amax"),
        "gap_last": _extreme(shops, rows[closing], gap[closing], "amax"),
    }


def _windows(shops: Shops, before: Tensor, net: Tensor, counted: tuple[Tensor, Asked]) -> dict[str, Tensor]:
    """Orders that count and amounts of all orders, in spans that end at the cutoff, and in one a year before."""
    rows, asked = counted
    orders, amounts = _Ago(shops, rows, asked), _Ago(shops, before, asked)
    ones = torch.ones(len(rows), device=net.device)
    found = {"amount_all": _per_customer(shops, before, net)}
    spans = {"half_horizon": 0.5, "last_horizon": 1.0, "two_horizons": 2.0, "four_horizons": 4.0}
    for name, times in spans.items():
        found[f"orders_{name}"] = _per_customer(shops, rows, orders.ago <= times * orders.horizon)
        found[f"amount_{name}"] = _per_customer(shops, before, net * (amounts.ago <= times * amounts.horizon))
    for days in (30, 90, 365):
        found[f"orders_{days}d"] = _per_customer(shops, rows, orders.ago <= days)
    found["orders_year_before"] = _per_customer(shops, rows, ones * orders.is_year_before())
    found["amount_year_before"] = _per_customer(shops, before, net * amounts.is_year_before())
    return found


class _Ago:
    """How many days before the cutoff some orders lie, and the horizon asked about: (N,) each."""

    def __init__(self, shops: Shops, rows: Tensor, asked: Asked) -> None:
        shop = shops.shop[shops.customer[rows]]
        self.ago, self.horizon = asked.cutoff[shop] - shops.day[rows], asked.horizon[shop]

    def is_year_before(self) -> Tensor:
        return (self.ago <= YEAR) & (self.ago > YEAR - self.horizon)


def _values(shops: Shops, rows: Tensor, value: Tensor) -> dict[str, Tensor]:
    """Values of orders that count, net of refunds."""
    customer = shops.customer[rows]
    same = torch.zeros(len(rows), dtype=torch.bool, device=value.device)
    same[1:] = customer[1:] == customer[:-1]
    first = ~same
    last = torch.cat([first[1:], first.new_ones(1)])[: len(first)]
    number = _per_customer(shops, rows, torch.ones_like(value))
    log = torch.log(value.clamp(min=1e-9))
    total, squares = _per_customer(shops, rows, log), _per_customer(shops, rows, log**2)
    return {
        "order_value_min": _extreme(shops, rows, value, "amin"),
        "order_value_max": _extreme(shops, rows, value, "amax"),
        "order_value_last": _extreme(shops, rows[last], value[last], "amax"),
        "first_order_value": _extreme(shops, rows[first], value[first], "amax"),
        "order_value_log_mean": total / number,
        "order_value_log_sd": torch.sqrt((number * squares - total**2).clamp(min=0)) / number,
    }


def _looks(shops: Shops, asked: Asked) -> dict[str, Tensor]:
    """Views and carts in days that end at the cutoff, and the days since the last view."""
    visits, cutoff = shops.visits, asked.cutoff[shops.shop]  # (C,)
    ago = cutoff[visits.customer] - visits.day  # (V,)
    none = torch.zeros(len(cutoff), dtype=torch.float64, device=cutoff.device)

    def within(days: int, counts: Tensor) -> Tensor:
        return none.index_add(0, visits.customer, (counts * ((ago > 0) & (ago <= days))).double())

    past = torch.where(ago > 0, ago, torch.inf).double()
    since = torch.full_like(none, torch.inf).scatter_reduce_(0, visits.customer, past, "amin")
    return {
        "views_30d": within(30, visits.views),
        "views_90d": within(90, visits.views),
        "carts_30d": within(30, visits.carts),
        "days_since_view": torch.where(torch.isinf(since), float("nan"), since),
    }


def outcome_at(shops: Shops, asked: Asked) -> tuple[Tensor, Tensor]:
    """Spend and number of orders of each customer in the horizon, (C,) float64 each.

    Orders that were given back by its end do not count; refunds that fall in it are taken off, of earlier orders too;
    whoever has no order has spent nothing.
    """
    shop = shops.shop[shops.customer]
    low, high = asked.cutoff[shop], (asked.cutoff + asked.horizon)[shop]
    inside = (shops.day >= low) & (shops.day < high)
    back = known_refund(shops, asked.cutoff + asked.horizon)
    kept = inside & ~((back > 0) & (shops.value - back <= REST * shops.value))
    every = torch.arange(len(shops.day), device=shop.device)
    orders = _per_customer(shops, every, kept)
    paid = _per_customer(shops, every, shops.value * inside)
    returned = _per_customer(shops, every, back * (shops.refund_day >= low))
    return torch.where(orders > 0, (paid - returned).clamp(min=0), 0.0), orders


def scale_at(shops: Shops, cutoff: Tensor) -> Tensor:
    """Each shop's median order value before its cutoff (S,), net of refunds; 1 where it has none."""
    shop = shops.shop[shops.customer]
    back = known_refund(shops, cutoff)
    net = (shops.value - back).double()
    kept = (shops.day < cutoff[shop]) & ~((back > 0) & (net <= REST * shops.value)) & (net > 0)
    values, order = torch.sort(net[kept])
    by_shop = torch.sort(shop[kept][order], stable=True)
    values = values[by_shop.indices]
    number = torch.bincount(shop[kept], minlength=shops.count)
    start = torch.cumsum(number, 0) - number
    last = max(len(values) - 1, 0)
    low, high = ((start + (number - 1).clamp(min=0) // 2).clamp(max=last), (start + number // 2).clamp(max=last))
    if len(values) == 0:
        return torch.ones(shops.count, dtype=torch.float64, device=shop.device)
    return torch.where(number > 0, (values[low] + values[high]) / 2, 1.0)


def activity_year_before(shops: Shops, asked: Asked) -> Tensor:
    """Orders in the horizon after the day a year before the cutoff, for each one in the equal span before it: (S,).

    Counted over customers whose first order lies before both spans; NaN where the log does not reach half a horizon
    further back, where such orders are few, and where the horizon is longer than a year. Refunds are not looked at.
    """
    shop = shops.shop[shops.customer]
    middle = asked.cutoff - YEAR
    low, high = middle - asked.horizon, middle + asked.horizon
    first = _extreme(shops, torch.arange(len(shop), device=shop.device), shops.day, "amin")
    old = (first < low[shops.shop])[shops.customer]
    earlier = old & (shops.day >= low[shop]) & (shops.day < middle[shop])
    later = old & (shops.day >= middle[shop]) & (shops.day < high[shop])
    bought = torch.zeros(len(shops.shop), dtype=torch.bool, device=shop.device)
    bought[shops.customer[earlier]] = True
    later = later & bought[shops.customer]
    before = torch.bincount(shop[earlier], minlength=shops.count).double()
    after = torch.bincount(shop[later], minlength=shops.count).double()
    known = (low >= SETTLING * asked.horizon) & (asked.horizon <= YEAR) & (before > 0) & (after >= LEAST_ORDERS)
    return torch.where(known, after / before, float("nan"))
