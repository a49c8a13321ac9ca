"""A batch of shops from the prior.

Letters: S shops, C customers, N orders, D days from the opening of the oldest shop.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.amounts import refunds, values
from worthwhile.models.incontext.prior.customers import Customers, draw_customers
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.orders import draw_orders
from worthwhile.models.incontext.prior.seasons import YEAR, intensity, operational_time
from worthwhile.models.incontext.prior.shops import UNTOLD, Shops
from worthwhile.models.incontext.prior.visits import draw_visits, watched_from

LEAST_DAYS, MOST_DAYS = 90, 1600
OLDEST = 1200  # days that a shop had been open before its log began
CUSTOMERS = (50, 2500)


def lengths(dice: Dice, shops: int) -> tuple[Tensor, Tensor]:
    """Days of each log, and how long the shop had been open before: (S,) whole numbers each.

    Most files begin in the middle of a shop's life: every customer looks new in them for a while.
    """
    short = dice.log_uniform(shops, low=float(LEAST_DAYS), high=float(MOST_DAYS))
    days = torch.where(dice.chance(shops, p=0.5), short, dice.uniform(shops, low=300.0, high=float(MOST_DAYS))).round()
    age = dice.log_uniform(shops, low=30.0, high=float(OLDEST)).round() * dice.chance(shops, p=0.5)
    return days.long(), age.long()


def simulate(shops: int, seed: int, *, device: torch.device | str = "cpu", customers: int = CUSTOMERS[1]) -> Shops:
    """`shops` shops from the prior, the same for the same seed and device, each of at most `customers` customers."""
    dice = Dice(seed, device)
    days, age = lengths(dice, shops)
    counts = dice.log_uniform(shops, low=float(min(CUSTOMERS[0], customers)), high=float(customers)).round().long()
    span = int((days + age).max())
    log_intensity, season, phase = intensity(dice, shops, span)
    opening = torch.arange(span, device=dice.device) - age[:, None]  # (S, D): day of the log, below 0 before it
    logged = (opening >= 0) & (opening < days[:, None])
    people, tells = draw_customers(dice, counts, opening, days, season)
    who, day = draw_orders(dice, people, operational_time(log_intensity, logged))
    return _logged(dice, people, who, day.long(), (days, age, season, phase, tells))


def _logged(
    dice: Dice, people: Customers, who: Tensor, day: Tensor, axis: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
) -> Shops:
    """What the logs show: one order a customer and day, from the log's first day to its last; visits; registrations.

    A log begins with its first order. Customers who show in none of it are left out.
    """
    days, age, season, phase, tells = axis
    span = season.shape[1]
    key = torch.unique(who * span + day)  # sorted by customer and day; several orders of a day are one
    who, day = key // span, key % span
    value = values(dice, people, (who, day, _number(who)), season)
    back, delay = refunds(dice, people, who, value, len(days))
    shop = people.shop[who]
    seen = day - age[shop]
    kept = (seen >= 0) & (seen < days[shop])
    begin = torch.full_like(days, span).scatter_reduce_(0, shop[kept], seen[kept], "amin")
    age = age + torch.minimum(begin, days - 1)
    days = days - torch.minimum(begin, days - 1)
    visits = draw_visits(dice, people, (who, day), (days, age, watched_from(dice, days)))
    registered = torch.where(tells[people.shop], people.registered.long() - age[people.shop], UNTOLD)
    shown = torch.zeros_like(people.shop, dtype=torch.bool)
    shown[who[kept]] = True
    shown |= registered < days[people.shop]
    place = torch.cumsum(shown.long(), 0) - 1
    visits = visits[shown[visits.customer]]
    seen = (day - age[shop])[kept]
    return Shops(
        days=days,
        began=(phase * YEAR + age) % YEAR,
        shop=people.shop[shown],
        registered=registered[shown],
        customer=place[who[kept]],
        day=seen,
        value=value[kept].float(),
        refund=back[kept].float(),
        refund_day=seen + delay[kept],
        visits=replace(visits, customer=place[visits.customer]),
    )


def _number(who: Tensor) -> Tensor:
    """The number of each order of its customer, from 0; `who` ascends."""
    place = torch.arange(len(who), device=who.device)
    starts = torch.ones_like(who, dtype=torch.bool)
    starts[1:] = who[1:] != who[:-1]
    return (place - torch.cummax(torch.where(starts, place, 0), dim=0).values).float()
