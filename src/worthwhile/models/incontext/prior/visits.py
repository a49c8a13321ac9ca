"""When customers look around: before they order, for its own sake, and after they have lost interest in buying.

Letters: S shops, C customers, N orders, V visits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.customers import Customers
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.shops import Visits

MOST_IDLE = 60.0  # visits of one customer that lead to no order
MOST_BEFORE = 8.0  # visits that lead to one order


def watched_from(dice: Dice, days: Tensor) -> Tensor:
    """The day of the log from which visits are recorded, (S,): in most shops never, in some from the start, in others
    from the day on which tracking was installed."""
    later = days.float() * dice.uniform(len(days)) * dice.chance(len(days), p=0.4)
    return torch.where(dice.chance(len(days), p=0.2), later.long(), days)


def before_orders(dice: Dice, shops: int, shop: Tensor, day: Tensor) -> tuple[Tensor, Tensor]:
    """Visits that lead to orders: the index of the order and the day, (V,) each, from `shop` and `day` (N,) of orders.

    Most orders are made on a visit that is seen; some are thought over for days.
    """
    seen = torch.nonzero(dice.chance(len(day), p=dice.uniform(shops, low=0.4, high=1.0)[shop]))[:, 0]
    times = dice.log_uniform(shops, low=0.2, high=3.0)[shop]
    number = dice.poisson(times).clamp(max=MOST_BEFORE).long()
    more = torch.repeat_interleave(torch.arange(len(day), device=day.device), number)
    lead = dice.log_uniform(shops, low=0.7, high=20.0)[shop[more]] * dice.exponential(len(more))
    return torch.cat([seen, more]), torch.cat([day[seen], day[more] - lead.long()])


def idle(dice: Dice, shops: int, customers: Customers, who: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Visits that lead to nothing: the place in `who` and the day, (V,) each, of the customers `who` (A,).

    They begin about the registration and go on for a while after the customer has stopped buying, `end` (A,). Who never
    buys looks around at first, then forgets the shop.
    """
    shop = customers.shop[who]
    linger = dice.log_uniform(shops, low=2.0, high=120.0)[shop] * dice.exponential(len(who))
    start = customers.registered[who]
    length = (end + linger - start).clamp(min=1.0)
    keen = torch.exp(dice.uniform(shops, high=1.2)[shop] * dice.normal(len(who)))
    pace = dice.log_uniform(shops, low=0.05, high=4.0)[shop] * keen / customers.gap[who].clamp(max=400.0)
    number = dice.poisson((pace * length).clamp(max=MOST_IDLE)).clamp(max=MOST_IDLE).long()
    place = torch.repeat_interleave(torch.arange(len(who), device=who.device), number)
    return place, (start[place] + dice.uniform(len(place)) * length[place]).floor()


def draw_visits(
    dice: Dice, customers: Customers, orders: tuple[Tensor, Tensor], time: tuple[Tensor, Tensor, Tensor]
) -> Visits:
    """All visits that the logs show, by customer of `customers`; days count from the log's start.

    `orders` are customer and day (N,) from the shop's opening; `time` is the log's days, the shop's age when it began,
    and the day of the log from which visits are recorded: (S,) each.
    """
    days, age, watched = time
    shops = len(days)
    records = (watched < days)[customers.shop]
    buyer, day = orders[0][records[orders[0]]], orders[1][records[orders[0]]]
    bought, bought_on = before_orders(dice, shops, customers.shop[buyer], day)
    who = torch.nonzero(records)[:, 0]
    place, looked_on = idle(dice, shops, customers, who, _end(customers, orders, who, (days + age).float()))
    customer = torch.cat([buyer[bought], who[place]])
    on = torch.cat([bought_on, looked_on.long()])
    leads = torch.cat([torch.ones_like(bought, dtype=torch.bool), torch.zeros_like(place, dtype=torch.bool)])
    shop = customers.shop[customer]
    pages = dice.log_uniform(shops, low=0.3, high=12.0)[shop]
    views = 1 + dice.poisson(pages * torch.exp(0.5 * dice.normal(len(shop))))
    carting = torch.where(leads, dice.uniform(shops, high=0.95)[shop], dice.uniform(shops, high=0.3)[shop])
    carts = dice.chance(len(shop), p=carting) * (1 + dice.poisson(dice.uniform(shops, high=2.0)[shop]))
    on = on - age[shop]
    return Visits(customer, on, views.float(), carts.float())[(on >= watched[shop]) & (on < days[shop])]


def _end(customers: Customers, orders: tuple[Tensor, Tensor], who: Tensor, until: Tensor) -> Tensor:
    """The day on which each of `who` stops buying, (A,): the last order of those who leave after it, at most `until`.

    Who never buys stops when registered.
    """
    number = torch.bincount(orders[0], minlength=len(customers.shop)).float()
    last = customers.registered.clone().scatter_reduce_(0, orders[0], orders[1].float(), "amax")
    gone = number >= customers.most
    return torch.minimum(torch.where(gone, last, customers.leaves), until[customers.shop])[who]
