"""What orders are worth, and what is given back.

Letters: S shops, C customers, N orders sorted by customer and day.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.customers import Customers
from worthwhile.models.incontext.prior.dice import Dice

LOG_MOST = 9.5  # an order is at most 13,000 typical ones


def student(dice: Dice, freedom: Tensor) -> Tensor:
    """Student-t of this many degrees of freedom (N,), held within 9: tails that a normal law lacks."""
    draw = dice.normal(len(freedom)) / torch.sqrt(2 * dice.gamma(freedom / 2) / freedom).clamp(min=0.05)
    return draw.clamp(-9.0, 9.0)


def price_level(dice: Dice, shops: int, t: Tensor, shop: Tensor) -> Tensor:
    """Inflation, and a change of range or of currency that moves all prices once: log level at day t, (N,)."""
    rate = dice.maybe(0.06 * dice.normal(shops) + 0.03, p=0.6)[shop]
    step = dice.maybe(0.2 * dice.normal(shops), p=0.15)[shop]
    return rate * t / 365.25 + step * (t > dice.uniform(shops, high=2500.0)[shop])


def customer_level(dice: Dice, customers: Customers, shops: int) -> Tensor:
    """What a customer usually spends on an order, log, (C,): normal or heavy-tailed, and along with how often.

    Businesses spend a multiple, over a wide range.
    """
    shop, n = customers.shop, len(customers.shop)
    spread = dice.log_uniform(shops, low=0.05, high=0.95)[shop]
    freedom = dice.log_uniform(shops, low=2.5, high=40.0)[shop]
    along = dice.maybe(0.25 * dice.normal(shops), p=0.6)[shop]
    usual = spread * student(dice, freedom) + along * customers.haste.clamp(-3, 3) + 0.1 * customers.quality
    times = dice.uniform(shops, low=0.5, high=2.7)[shop] + dice.uniform(shops, low=0.3, high=1.1)[shop] * dice.normal(n)
    return usual + torch.where(customers.wholesale, times, 0.0)


def order_noise(dice: Dice, customers: Customers, shops: int, who: Tensor) -> Tensor:
    """How orders of one customer differ, log, (N,); those of businesses are lumpy, subscriptions hardly differ."""
    shop = customers.shop
    spread = dice.log_uniform(shops, low=0.05, high=0.85)[shop] * torch.exp(0.3 * dice.normal(len(shop)))
    lumps = dice.uniform(shops, low=0.2, high=0.9)[shop]
    spread = torch.where(customers.wholesale, spread + lumps, spread)
    spread = torch.where(customers.subscriber, 0.03, spread).clamp(max=1.8)
    freedom = dice.log_uniform(shops, low=2.5, high=40.0)[shop]
    return spread[who] * student(dice, freedom[who])


def order_drift(dice: Dice, shops: int, shop: Tensor, number: Tensor) -> Tensor:
    """Baskets that grow or shrink with experience, and first orders made cheap by a voucher: log, (N,)."""
    slope = dice.maybe(0.12 * dice.normal(shops), p=0.5)[shop]
    welcome = dice.maybe(0.25 * dice.normal(shops), p=0.4)[shop]
    return slope * torch.log1p(number) + welcome * (number == 0)


def to_prices(dice: Dice, shops: int, shop: Tensor, log_value: Tensor) -> Tensor:
    """Money as shops take it, (N,): free, in whole pieces of one price, or one price for everybody."""
    value = torch.exp(log_value.clamp(-LOG_MOST, LOG_MOST))
    piece = dice.log_uniform(shops, low=0.2, high=1.2)[shop]
    whole = (torch.round(value / piece).clamp(min=1.0)) * piece * (1 + 0.03 * dice.normal(len(shop)))
    kind = dice.uniform(shops)[shop]
    value = torch.where(kind < 0.2, whole, value)
    return torch.where(kind > 0.97, torch.ones_like(value), value).clamp(min=1e-3)


def values(dice: Dice, customers: Customers, order: tuple[Tensor, Tensor, Tensor], season: Tensor) -> Tensor:
    """The value of each order (N,): `order` holds customer, day from the shop's opening and number from 0."""
    who, day, number = order
    shops, shop = len(season), customers.shop[who]
    presents = dice.maybe(0.3 * dice.normal(shops), p=0.4)[shop] * season[shop, day]
    log_value = customer_level(dice, customers, shops)[who] + order_noise(dice, customers, shops, who)
    log_value = log_value + price_level(dice, shops, day.float(), shop) + order_drift(dice, shops, shop, number)
    return to_prices(dice, shops, shop, log_value + presents.clamp(-1, 1))


def refunds(dice: Dice, customers: Customers, who: Tensor, value: Tensor, shops: int) -> tuple[Tensor, Tensor]:
    """What is given back of each order and after how many days, (N,) each: whole or in part, by some far more often.

    Half of the shops know no refunds, or their file does not show them.
    """
    share = dice.maybe(dice.log_uniform(shops, low=0.003, high=0.3), p=0.5)[customers.shop]
    habit = torch.exp(dice.normal(len(share)) - 0.5)
    back = dice.chance(len(who), p=(share * habit)[who].clamp(max=0.9))
    whole = dice.chance(len(who), p=dice.uniform(shops, low=0.1, high=0.9)[customers.shop][who])
    part = torch.where(whole, 1.0, dice.uniform(len(who), low=0.03, high=0.95))
    delay = dice.log_uniform(shops, low=1.0, high=40.0)[customers.shop][who] * dice.exponential(len(who))
    return torch.where(back, part * value, 0.0), torch.floor(delay).long()
