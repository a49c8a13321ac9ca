"""Who comes to a shop, when, and with what habits: everything about a customer but the orders themselves.

A shop's parameters have shape (S,) or (S, 1); a customer's have (C,), drawn from those of the shop.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.seasons import FLAT, GENERAL, GIFTS

PERIODS = [7.0, 14.0, 28.0, 30.44, 30.44, 60.9, 91.3, 182.6, 365.25]  # days: of those who buy by the calendar


@dataclass(frozen=True)
class Customers:
    """The habits of each customer, (C,) each; days count from the shop's opening."""

    shop: Tensor  # int64
    registered: Tensor  # day of registration, at or before the first order
    first: Tensor  # day of the first order
    leaves: Tensor  # day after which nothing is bought
    most: Tensor  # orders after which the customer leaves: 1 for those who buy once, 0 for those who only register
    gap: Tensor  # mean operational days between orders
    regularity: Tensor  # gamma shape of gaps: 1 is at random, more is regular, less comes in bursts
    drift: Tensor  # log change of the gap from the first orders to the late ones
    wander: Tensor  # of the log of the gap from one order to the next
    sleep: Tensor  # chance, after an order, to fall asleep
    sleep_days: Tensor  # mean length of such a sleep
    curve: Tensor  # int64: GENERAL, GIFTS or FLAT
    haste: Tensor  # standardised log of the rate, for what goes along with it
    quality: Tensor  # of the wave that brought the customer
    wholesale: Tensor  # bool
    subscriber: Tensor  # bool: pays the same each time


def arrival_density(dice: Dice, opening: Tensor, days: Tensor, season: Tensor) -> Tensor:
    """How many new customers come on each day, up to a factor: (S, D), of which a shop has one kind or a mix.

    `opening` (S, D) is each day's number in the log, below 0 before it begins; `days` (S, 1) the log's length.
    Steady with growth or decline; one cohort within the log's first weeks, all that a file of a cohort study holds;
    waves of campaigns; and more of all in season.
    """
    shops, span = opening.shape
    t = torch.arange(span, device=dice.device, dtype=torch.float32).expand(shops, span)
    open_ = (opening < days).float()
    length = open_.sum(1, keepdim=True)
    growth = dice.maybe(0.6 * dice.normal(shops, 1), p=0.7)
    ramp = 1 - torch.exp(-(t + 1) / dice.log_uniform(shops, 1, low=1.0, high=400.0))
    steady = torch.exp(growth * t / 365.25 - (growth * t / 365.25).amax(1, keepdim=True)) * ramp
    steady = steady * torch.exp(dice.uniform(shops, 1, low=0.0, high=1.5) * season)
    waves = torch.zeros_like(t)
    for _ in range(4):
        start, width = length * dice.uniform(shops, 1), dice.log_uniform(shops, 1, low=3.0, high=90.0)
        wave = torch.exp(-0.5 * ((t - start) / width) ** 2) / width
        waves = waves + dice.maybe(dice.exponential(shops, 1), p=0.15) * wave * length / 6
    width = dice.log_uniform(shops, 1, low=5.0, high=150.0)
    cohort = ((opening >= 0) & (opening < width)).float()
    only = dice.chance(shops, 1, p=0.13) & (opening[:, :1] == 0)
    founders = dice.maybe(dice.log_uniform(shops, 1, low=0.1, high=3.0), p=0.3)
    share = (steady + waves) * open_
    share = share / share.sum(1, keepdim=True)
    first_wave = torch.exp(-t / dice.log_uniform(shops, 1, low=5.0, high=120.0))
    share = share + founders * first_wave / first_wave.sum(1, keepdim=True)
    return torch.where(only, cohort, share) * open_


def first_days(dice: Dice, density: Tensor, shop: Tensor) -> Tensor:
    """A day for each customer, (C,), drawn from the shop's density by inverting its sum."""
    total = torch.cumsum(density.double(), dim=1)
    total = total / total[:, -1:]
    shift = torch.arange(len(total), device=total.device, dtype=torch.float64)
    flat = (total + shift[:, None]).flatten()
    found = torch.searchsorted(flat, dice.uniform(len(shop)).double() + shift[shop], right=True)
    return (found - shop * density.shape[1]).clamp(0, density.shape[1] - 1).float()


def wave_quality(dice: Dice, shops: int, days: int) -> Tensor:
    """How good the customers are that come on a day, (S, D): campaigns bring worse ones, and the best came early."""
    slope = dice.maybe(0.3 * dice.normal(shops, 1), p=0.5)
    months = days // 30 + 2
    wander = dice.maybe(0.35 * dice.normal(shops, 1).abs(), p=0.6) * dice.normal(shops, months)
    t = torch.arange(days, device=dice.device, dtype=torch.float32)
    return slope * t / 365.25 + wander.repeat_interleave(30, dim=1)[:, :days]


def rates(dice: Dice, shops: int, shop: Tensor) -> Tensor:
    """Log of the customers' rates relative to the shop's mean gap, (C,): gamma, log-normal, or two kinds of people."""
    shape = dice.log_uniform(shops, low=0.25, high=8.0)[shop]
    gamma = torch.log(dice.gamma(shape).clamp(min=1e-3) / shape)
    spread = dice.uniform(shops, low=0.1, high=1.5)[shop]
    normal = spread * dice.normal(len(shop))
    few = dice.chance(len(shop), p=dice.uniform(shops, low=0.02, high=0.4)[shop])
    two = few * dice.uniform(shops, low=0.8, high=2.5)[shop] + 0.3 * normal
    kind = dice.uniform(shops)[shop]
    return torch.where(kind < 0.45, gamma, torch.where(kind < 0.8, normal, two)).clamp(-4.0, 3.0)


def lifetimes(dice: Dice, shops: int, shop: Tensor, haste: Tensor) -> Tensor:
    """Days until a customer leaves for good, (C,): exponential, its mean varying among customers and with their rate.

    Some shops are not left in that way.
    """
    mean = dice.log_uniform(shops, low=40.0, high=4000.0)[shop]
    shape = dice.log_uniform(shops, low=0.4, high=5.0)[shop]
    along = dice.maybe(0.4 * dice.normal(shops), p=0.5)[shop]
    days = mean * dice.exponential(len(shop)) * shape / dice.gamma(shape + 0.5) * torch.exp(along * haste)
    return torch.where(dice.chance(shops, p=0.65)[shop], days, 1e9)


def patience(dice: Dice, shops: int, shop: Tensor, quality: Tensor) -> Tensor:
    """Orders after which a customer leaves, (C,) >= 1: a beta-geometric chance at each order, and those who buy once.

    One-time buyers are a share of their own: a present, a marketplace deal, a bad first parcel.
    """
    a, b = dice.log_uniform(shops, low=0.2, high=4.0)[shop], dice.log_uniform(shops, low=0.5, high=40.0)[shop]
    x, y = dice.gamma(a), dice.gamma(b)
    leave = (x / (x + y)).clamp(1e-4, 0.98)
    most = 1 + torch.floor(torch.log(dice.uniform(len(shop)).clamp(min=1e-7)) / torch.log1p(-leave))
    most = torch.where(dice.chance(shops, p=0.45)[shop], most, 1e6)
    share = dice.maybe(dice.uniform(shops, low=0.02, high=0.75), p=0.65)[shop].clamp(1e-4, 1 - 1e-4)
    once = torch.sigmoid(torch.logit(share) - 1.5 * quality)
    return torch.where(dice.chance(len(shop), p=once) & (share > 1e-3), 1.0, most.clamp(1, 1e6))


def calendar(dice: Dice, shops: int, shop: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Who buys by the calendar, the period in days, and who of them has a subscription: (C,) each.

    The weekly shop, pay-day, a filter every quarter, a birthday each year.
    """
    share = dice.maybe(dice.log_uniform(shops, low=0.02, high=0.9), p=0.25)
    member = dice.chance(len(shop), p=share[shop])
    usual = dice.choice(PERIODS, shops)[shop]
    period = torch.where(dice.chance(len(shop), p=0.7), usual, dice.choice(PERIODS, len(shop)))
    return member, period, dice.chance(shops, p=0.5)[shop] & member


def wholesale(dice: Dice, shops: int, shop: Tensor) -> Tensor:
    """Who buys for a business, (C,): few, but the shop's largest."""
    share = dice.maybe(dice.log_uniform(shops, low=0.002, high=0.2), p=0.4)
    return dice.chance(len(shop), p=share[shop])


def sleep(dice: Dice, shops: int, shop: Tensor) -> tuple[Tensor, Tensor]:
    """Chance after each order to fall asleep, and the mean days of it, (C,) each: customers thought lost come back."""
    chance = dice.maybe(dice.log_uniform(shops, low=0.005, high=0.3), p=0.5)[shop]
    return chance, dice.log_uniform(shops, low=60.0, high=700.0)[shop]


def registrations(dice: Dice, shops: int, shop: Tensor, first: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Day of registration and whether nothing is ever bought, (C,) each, and which shops tell of registrations, (S,).

    Some register with their first order, others look around for a while, and many members never buy. Where a shop does
    not tell of registrations, who never bought is not seen.
    """
    tells = dice.chance(shops, p=0.15)
    never = dice.chance(len(shop), p=(dice.log_uniform(shops, low=0.03, high=0.8) * tells)[shop])
    at_once = dice.chance(len(shop), p=dice.uniform(shops)[shop])
    lag = dice.log_uniform(shops, low=1.0, high=200.0)[shop] * dice.exponential(len(shop))
    return torch.where(never | at_once, first, (first - lag.round()).clamp(min=0)), never, tells


def draw_customers(
    dice: Dice, counts: Tensor, opening: Tensor, length: Tensor, season: Tensor
) -> tuple[Customers, Tensor]:
    """All customers of some shops, and which shops tell of registrations (S,) bool.

    `counts` (S,) customers a shop; `opening` and `season` (S, D); `length` (S,) of the log.
    """
    shops, span = season.shape
    shop = torch.repeat_interleave(torch.arange(shops, device=dice.device), counts)
    n = len(shop)
    first = first_days(dice, arrival_density(dice, opening, length[:, None], season), shop)
    quality = wave_quality(dice, shops, span)[shop, first.long()]
    haste = rates(dice, shops, shop) + 0.5 * quality
    member, period, subscriber = calendar(dice, shops, shop)
    business = wholesale(dice, shops, shop)
    haste = haste + business * dice.uniform(shops, low=-0.3, high=1.2)[shop]
    gap = dice.log_uniform(shops, low=9.0, high=360.0)[shop] * torch.exp(-haste)
    regularity = dice.log_uniform(shops, low=0.35, high=6.0)[shop] * torch.exp(0.35 * dice.normal(n))
    strict = dice.log_uniform(shops, low=15.0, high=400.0)[shop]
    asleep, asleep_days = sleep(dice, shops, shop)
    drift = dice.maybe(0.5 * dice.normal(shops), p=0.6)[shop] + dice.maybe(0.4 * dice.uniform(shops), p=0.5)[
        shop
    ] * dice.normal(n)
    gifts = dice.chance(n, p=dice.maybe(dice.uniform(shops, high=0.5), p=0.3)[shop])
    wander = dice.maybe(dice.log_uniform(shops, low=0.03, high=0.5), p=0.6)[shop]
    general = torch.where(gifts, GIFTS, GENERAL)
    registered, never, tells = registrations(dice, shops, shop, first)
    customers = Customers(
        shop=shop,
        registered=registered,
        first=first,
        leaves=first + lifetimes(dice, shops, shop, haste) * torch.exp(0.5 * quality),
        most=torch.where(never, 0.0, patience(dice, shops, shop, quality)),
        gap=torch.where(member, period, gap.clamp(2.5, 3000.0)),
        regularity=torch.where(member, strict, regularity),
        drift=torch.where(member, 0.0, drift),
        wander=torch.where(member, 0.0, wander),
        sleep=torch.where(subscriber, 0.0, asleep),
        sleep_days=asleep_days,
        curve=torch.where(member, FLAT, general),
        haste=haste,
        quality=quality,
        wholesale=business,
        subscriber=subscriber,
    )
    return customers, tells
