"""How busy a shop is from day to day: everything that moves all its customers at once.

Each mechanism gives the log of an intensity, (S, D), on days counted from the shop's opening, which lies `age` days
before the first day of its log. Orders are made in operational time, which these curves warp: a shop twice as busy
lets twice as much of it pass in a day.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from worthwhile.models.incontext.prior.dice import Dice

YEAR = 365.25
GENERAL, GIFTS, FLAT = 0, 1, 2  # curves of a shop: most customers; those who buy for the peak; those on a calendar
CURVES = 3
QUIET = -6.0  # log of the intensity of a shop that is shut


def trend(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """Customers who grow fonder or cooler of a shop over the years, at a pace that may turn once."""
    slope = dice.maybe(0.2 * dice.normal(shops, 2), p=0.6)
    turn = dice.uniform(shops, 1, high=1500.0)
    return (slope[:, :1] * t + slope[:, 1:] * (t - turn).clamp(min=0)) / YEAR


def year(dice: Dice, shops: int, t: Tensor, phase: Tensor) -> Tensor:
    """The seasons: garden in spring, heating in autumn, and twice a year for fashion."""
    size = dice.maybe(0.2 * dice.normal(shops, 2).abs(), p=0.6)
    shift = dice.uniform(shops, 2)
    angle = 2 * math.pi * (t / YEAR + phase)
    once, twice = (torch.cos((k + 1) * angle + 2 * math.pi * shift[:, k : k + 1]) for k in (0, 1))
    return size[:, :1] * once + size[:, 1:] * twice


def peak_place(dice: Dice, shops: int) -> Tensor:
    """Where in the calendar year a shop's peak lies, (S, 1), as a part of it: before Christmas at most shops, earlier
    where others buy to sell again; on Singles' Day or the 18th of June; or anywhere, as Mother's Day or a harvest."""
    christmas = dice.uniform(shops, 1, low=0.84, high=0.965)  # 3 November to 18 December
    singles = 0.862 + 0.004 * dice.normal(shops, 1)  # 11 November
    june = 0.462 + 0.006 * dice.normal(shops, 1)
    anywhere = dice.uniform(shops, 1)
    kind = dice.uniform(shops, 1)
    others = torch.where(kind < 0.62, singles, torch.where(kind < 0.68, june, anywhere))
    return torch.where(kind < 0.54, christmas, others)


def peak(dice: Dice, shops: int, t: Tensor, phase: Tensor, *, p: float = 0.6) -> Tensor:
    """Christmas, Singles' Day, Mother's Day: once a year, of any width and height, built up slowly and soon over."""
    height = dice.maybe(dice.log_uniform(shops, 1, low=0.1, high=1.6), p=p)
    width = dice.log_uniform(shops, 1, low=4.0, high=45.0)
    place = peak_place(dice, shops)
    distance = ((t / YEAR + phase - place + 0.5) % 1.0 - 0.5) * YEAR  # days after the peak
    wide = torch.where(distance < 0, width, width * dice.uniform(shops, 1, low=0.15, high=1.0))
    each = 1 + dice.maybe(0.2 * dice.normal(shops, 8), p=0.7)  # no two years are alike
    which = torch.floor(t / YEAR + phase - place + 0.5).long().clamp(0, 7)
    return height * each.gather(1, which) * torch.exp(-0.5 * (distance / wide) ** 2)


def level(dice: Dice, shops: int, days: int) -> Tensor:
    """Weather, press, competitors: a weekly level that wanders and comes back."""
    weeks = days // 7 + 2
    size = dice.maybe(dice.log_uniform(shops, 1, low=0.02, high=0.3), p=0.85)
    keep = dice.choice([0.3, 0.7, 0.9, 0.97], shops, 1)
    noise = dice.normal(shops, weeks)
    values = [noise[:, :1]]
    for week in range(1, weeks):
        values.append(keep * values[-1] + torch.sqrt(1 - keep**2) * noise[:, week : week + 1])
    return size * torch.cat(values, dim=1).repeat_interleave(7, dim=1)[:, :days]


def shocks(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """A step that stays: a lockdown, a price rise, free postage, a campaign budget cut."""
    steps = torch.zeros_like(t)
    for _ in range(2):
        size = dice.maybe(0.25 * dice.normal(shops, 1), p=0.2)
        steps = steps + size * (t >= dice.uniform(shops, 1, high=2500.0))
    return steps


def promotions(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """Sales of a few days, some at regular distance, that pull orders forward: a spike, and a hollow that pays for it.

    The hollow takes back a part of what the spike brought, over several times its length.
    """
    has = dice.chance(shops, 1, p=0.35)
    every = dice.log_uniform(shops, 1, low=25.0, high=365.0)
    length = dice.uniform(shops, 1, low=2.0, high=12.0)
    height = dice.log_uniform(shops, 1, low=0.15, high=2.5)
    back = dice.uniform(shops, 1, high=0.9)
    hollow = length * dice.uniform(shops, 1, low=2.0, high=6.0)
    hollow = torch.minimum(hollow, (every - length).clamp(min=1.0))
    wobble = dice.uniform(shops, 1, high=0.3) * torch.sin(t / 97.0 + 6.28 * dice.uniform(shops, 1))
    since = (t / every + wobble + dice.uniform(shops, 1)) % 1.0 * every
    dip = (1 - back * height * length / hollow).clamp(min=0.15)
    lifted = torch.where(since < length, torch.log1p(height), torch.where(since < length + hollow, dip.log(), 0.0))
    return lifted * has


def weekdays(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """Shops that are shut on Sundays, or busiest at the weekend."""
    profile = dice.maybe(0.3 * dice.normal(shops, 1), p=0.5) * dice.normal(shops, 7)
    profile = torch.where(dice.chance(shops, 7, p=0.04), QUIET, profile)
    return profile.gather(1, (t.long() % 7))


def pauses(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """Holidays of the owner, a move, a warehouse that burns: nobody can order for a while."""
    start = dice.uniform(shops, 1, high=2500.0)
    length = dice.log_uniform(shops, 1, low=4.0, high=70.0)
    shut = (t >= start) & (t < start + length) & dice.chance(shops, 1, p=0.08)
    return torch.where(shut, QUIET, 0.0)


def closing(dice: Dice, shops: int, t: Tensor) -> Tensor:
    """A shop that goes out of business: from some day on its customers melt away."""
    start = dice.uniform(shops, 1, low=200.0, high=2500.0)
    pace = dice.log_uniform(shops, 1, low=20.0, high=300.0)
    melting = -(t - start).clamp(min=0) / pace * dice.chance(shops, 1, p=0.05)
    return melting.clamp(min=QUIET)


def intensity(dice: Dice, shops: int, days: int) -> tuple[Tensor, Tensor, Tensor]:
    """Log intensities of the shop's three curves (S, 3, D), its season alone (S, D), and which part of the calendar
    year had passed when it opened (S,).

    Customers who buy for the peak (presents, advent) hardly buy at other times. Those on a calendar of their own are
    moved by nothing.
    """
    t = torch.arange(days, device=dice.device, dtype=torch.float32).expand(shops, days)
    phase = dice.uniform(shops, 1)
    season = year(dice, shops, t, phase) + peak(dice, shops, t, phase) + peak(dice, shops, t, phase, p=0.2)
    common = trend(dice, shops, t) + level(dice, shops, days) + shocks(dice, shops, t) + weekdays(dice, shops, t)
    common = common + promotions(dice, shops, t) + pauses(dice, shops, t) + closing(dice, shops, t)
    gifts = peak(dice, shops, t, phase, p=1.0)
    height = dice.uniform(shops, 1, low=1.5, high=4.0)
    gifts = height * (gifts / gifts.amax(dim=1, keepdim=True).clamp(min=1e-3) - 1) + 0.7 * height
    curves = torch.stack([common + season, common + season + gifts, torch.zeros_like(common)], dim=1)
    return curves.clamp(QUIET, 4.0), season, phase[:, 0]


def operational_time(log_intensity: Tensor, logged: Tensor) -> Tensor:
    """Time passed at the start of each day and at the very end: (S, 3, D + 1) float64.

    A day of the log, where `logged` (S, D), counts 1 on average.
    """
    pace = torch.exp(log_intensity.double())
    inside = logged[:, None].double()
    pace = pace / ((pace * inside).sum(-1, keepdim=True) / inside.sum(-1, keepdim=True)).clamp(min=1e-2)
    return torch.cat([torch.zeros_like(pace[..., :1]), torch.cumsum(pace, dim=-1)], dim=-1)
