"""When customers order: renewals in operational time, warped into days by the shop's curves.

Letters: C customers, A those still being drawn, J orders drawn at once, N orders in all.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.customers import Customers
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.seasons import CURVES

AT_ONCE = 16
ROUNDS = 40  # so that a customer has at most 640 orders
SETTLED = 6.0  # orders after which a drift has mostly come to rest


def warp(time: Tensor, curve: Tensor, moment: Tensor) -> Tensor:
    """The day, (A, J) float, on which a curve of operational `time` (K, D + 1) reaches a moment; beyond it, D."""
    curves, points = time.shape
    stride = time.amax() + 1.0  # lays the rows end to end, so that one search serves all
    flat = (time + stride * torch.arange(curves, device=time.device)[:, None]).flatten()
    capped = torch.minimum(moment, time[curve, -1][:, None])
    place = torch.searchsorted(flat, capped + stride * curve[:, None], right=True) - 1
    return (place - curve[:, None] * points).clamp(0, points - 1).float()


def gaps(dice: Dice, customers: Customers, who: Tensor, done: Tensor, pace: Tensor) -> tuple[Tensor, Tensor]:
    """The next operational gaps of some customers (A, J), and the wandered log of their pace after them (A,).

    `done` (A,) orders lie behind each. Gaps are gamma around a mean that drifts while a customer is new and wanders
    from order to order; now and then a customer falls asleep.
    """
    index = done[:, None] + torch.arange(AT_ONCE, device=done.device)
    wander = customers.wander[who, None] * dice.normal(len(who), AT_ONCE)
    walk = pace[:, None] + torch.cumsum(wander, dim=1)
    drift = customers.drift[who, None] * (1 - torch.exp(-index / SETTLED))
    mean = customers.gap[who, None] * torch.exp((walk + drift).clamp(-2.5, 4.0))
    shape = customers.regularity[who, None].expand_as(mean)
    asleep = dice.chance(len(who), AT_ONCE, p=customers.sleep[who, None])
    rest = asleep * customers.sleep_days[who, None] * dice.exponential(len(who), AT_ONCE)
    return mean * dice.gamma(shape) / shape + rest, walk[:, -1]


def draw_orders(dice: Dice, customers: Customers, time: Tensor) -> tuple[Tensor, Tensor]:
    """Customer and day of every order, (N,) each, days from the shop's opening; unsorted, days may repeat.

    `time` (S, 3, D + 1) is each shop's operational time. All are first orders, then renewals in rounds, each round
    for those who have neither left nor reached the end.
    """
    flat = time.flatten(0, 1)
    curve = customers.shop * CURVES + customers.curve
    who = torch.nonzero(customers.most >= 1)[:, 0]
    moment = flat[curve[who], customers.first[who].long()] + dice.uniform(len(who))
    done = torch.ones(len(who), device=curve.device)
    pace = torch.zeros(len(who), device=curve.device)
    found = [(who, customers.first[who])]
    end = float(time.shape[-1] - 1)
    for _ in range(ROUNDS):
        step, pace = gaps(dice, customers, who, done, pace)
        moments = moment[:, None] + torch.cumsum(step.double(), dim=1)
        day = warp(flat, curve[who], moments)  # (A, J)
        index = done[:, None] + torch.arange(1, AT_ONCE + 1, device=done.device)
        kept = (day < end) & (day <= customers.leaves[who, None]) & (index <= customers.most[who, None])
        found.append((who[:, None].expand_as(day)[kept], day[kept]))
        on = kept[:, -1]
        who, moment, done, pace = who[on], moments[on, -1], done[on] + AT_ONCE, pace[on]
        if len(who) == 0:
            break
    return torch.cat([w for w, _ in found]), torch.cat([d for _, d in found])
