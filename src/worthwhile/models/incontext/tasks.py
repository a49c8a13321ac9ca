"""Training tasks from simulated shops: a question to each shop, and a context of earlier customers with outcomes.

Letters: S shops (one task each), K cutoffs of the context, n rows of the context, m queries, F numbers of a row,
R numbers that relate a row to its query, W numbers of a whole window.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from worthwhile.models.incontext.columns import Asked, activity_year_before, columns_at, outcome_at, scale_at
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.shops import Shops
from worthwhile.models.incontext.rows import YEAR, Moment, relation_of, rows_of, sampling_weight, whole_of

USUAL_HORIZONS = [7.0, 14.0, 28.0, 30.0, 60.0, 84.0, 90.0, 91.0, 120.0, 180.0, 182.0, 270.0, 360.0, 364.0, 365.0, 730.0]
STEPS = [1.0, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0]  # of a context's cutoffs, in horizons before the query's
SHORTEST, LONGEST = 7.0, 730.0
LEAST_HISTORY = 14.0  # days before any cutoff
CUTOFFS = 5  # K
CUSTOMERS = 10  # of a shop at its cutoff, at least


@dataclass(frozen=True)
class Tasks:
    """What the network is trained on. Padding is marked in `known` and `asked`; outcomes are in units of the scale."""

    context: Tensor  # (S, n, F)
    context_relation: Tensor  # (S, n, R)
    context_amount: Tensor  # (S, n)
    context_orders: Tensor  # (S, n)
    context_whole: Tensor  # (S, n, W)
    known: Tensor  # (S, n) bool: a row of the context stands here
    query: Tensor  # (S, m, F)
    query_relation: Tensor  # (S, m, R)
    amount: Tensor  # (S, m)
    orders: Tensor  # (S, m)
    asked: Tensor  # (S, m) bool

    def __getitem__(self, rows: slice | Tensor) -> Tasks:
        return Tasks(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def to(self, device: str) -> Tasks:
        return Tasks(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def apart(self) -> Tasks:
        """A copy that holds no more memory than it shows."""
        return Tasks(**{f.name: getattr(self, f.name).clone() for f in fields(self)})

    def part(self, which: int, parts: int) -> Tasks:
        """The same questions, put to one of so many parts of the queries."""
        names = ("query", "query_relation", "amount", "orders", "asked")
        return replace(self, **{name: getattr(self, name)[:, which::parts] for name in names})

    def shortened(self, context: int) -> Tasks:
        """The same with the first so many rows of the context: they are drawn in random order."""
        names = [f.name for f in fields(self) if f.name.startswith("context")] + ["known"]
        return replace(self, **{name: getattr(self, name)[:, :context] for name in names})


def draw_question(dice: Dice, shops: Shops) -> Asked:
    """A horizon from a week to two years, often a usual one, and a cutoff that leaves it room: late ones more often."""
    count, days = shops.count, shops.days.float()
    room = (days - LEAST_HISTORY - 1).clamp(min=SHORTEST)
    wide = dice.log_uniform(count, low=SHORTEST, high=LONGEST)
    middle = dice.log_uniform(count, low=25.0, high=400.0)
    horizon = torch.where(dice.chance(count, p=0.35), wide, middle)
    usual = torch.tensor(USUAL_HORIZONS, device=dice.device)
    nearest = usual[(horizon[:, None].log() - usual.log()).abs().argmin(dim=1)]
    horizon = torch.where(dice.chance(count, p=0.5), nearest, horizon)
    fits = dice.log_uniform(count, low=0.1, high=0.95) * room
    horizon = torch.where(horizon < room, horizon, fits.clamp(min=SHORTEST)).round()
    late = dice.uniform(count) ** 0.6
    cutoff = LEAST_HISTORY + (days - horizon - LEAST_HISTORY).clamp(min=0) * late
    return Asked(cutoff.long(), horizon.long())


def draw_context(dice: Dice, question: Asked, k: int) -> Asked:
    """One cutoff of the context for each shop, (S,), whose window closes by the question's; 0 where there is none.

    Windows lie some horizons before the question, as they do in use; or a year before it; or are shorter and anywhere.
    Where the log has no room for a whole horizon they are shorter.
    """
    count = len(question.cutoff)
    cutoff, horizon = question.cutoff.float(), question.horizon.float()
    step = dice.choice(STEPS, count) if k else torch.ones(count, device=dice.device)
    steady = cutoff - step * horizon
    year = torch.where(horizon <= 365, cutoff - 365, steady)
    room = (cutoff - LEAST_HISTORY).clamp(min=0)
    short = torch.minimum(horizon, room) * dice.uniform(count, low=0.25, high=1.0)
    anywhere = LEAST_HISTORY + (room - short) * dice.uniform(count) ** 0.5
    kind = dice.uniform(count)
    at = torch.where(kind < 0.65, steady, torch.where(kind < 0.8, year, anywhere))
    length = torch.where(kind < 0.8, horizon, short)
    fits = (at >= LEAST_HISTORY) & (at + length <= cutoff)
    at, length = torch.where(fits, at, anywhere), torch.where(fits, length, short)
    at, length = torch.floor(at), torch.floor(length)
    usable = (length >= 5) & (at >= LEAST_HISTORY / 2) & (at + length <= cutoff)
    present = dice.chance(count, p=1.0 if k == 0 else 0.55)
    return Asked(torch.where(usable & present, at, 0).long(), length.clamp(min=1).long())


@dataclass(frozen=True)
class Labelled:
    """Rows of customers at a cutoff with what came after: flat over the shops, P rows."""

    shop: Tensor  # (P,)
    rows: Tensor  # (P, F)
    relation: Tensor  # (P, R)
    amount: Tensor  # (P,)
    orders: Tensor  # (P,)
    whole: Tensor  # (P, W)


def moment_of(shops: Shops, asked: Asked, scale: Tensor) -> Moment:
    """What is known of each shop at a cutoff, in units of the scale (S,)."""
    return Moment(
        horizon=asked.horizon.double(),
        scale=scale,
        history=asked.cutoff.double(),
        activity_year_before=activity_year_before(shops, asked),
        year_day=(shops.began + asked.cutoff).double() % YEAR,
    )


def labelled_at(shops: Shops, asked: Asked, question: Asked, scale: Tensor) -> Labelled:
    """All customers who were known before the cutoff asked about; scale is that of the question's cutoff."""
    columns, present = columns_at(shops, asked)
    columns = {name: column[present] for name, column in columns.items()}
    shop = shops.shop[present]
    moment = moment_of(shops, asked, scale)
    amount, orders = (part[present] for part in outcome_at(shops, asked))
    age = (question.cutoff - asked.cutoff).double()
    relation = relation_of(age, asked.horizon.double(), question.horizon.double())
    return Labelled(
        shop=shop,
        rows=rows_of(columns, shop, moment),
        relation=relation[shop],
        amount=(amount / scale[shop]).float(),
        orders=orders.float(),
        whole=whole_of(columns, shop, moment, (amount, orders))[shop],
    )


def _together(parts: list[Labelled]) -> Labelled:
    return Labelled(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Labelled)})


def _drawn(dice: Dice, some: Labelled, weight: Tensor, shops: int, size: int) -> tuple[Tensor, Tensor]:
    """Places in `some` of a weighted draw without replacement for each shop, in random order: (S, size), and a mask.

    The keys log(weight) + Gumbel, sorted, are such a draw (Efraimidis and Spirakis 2006).
    """
    key = torch.log(weight) - torch.log(dice.exponential(len(weight)).clamp(min=1e-12))
    order = torch.argsort(key, descending=True)
    order = order[torch.argsort(some.shop[order], stable=True)]
    number = torch.bincount(some.shop, minlength=shops)
    start = torch.cumsum(number, 0) - number
    place = torch.arange(size, device=key.device)
    there = place < number[:, None]
    if len(order) == 0:
        return torch.zeros_like(there, dtype=torch.long), there
    return order[(start[:, None] + place).clamp(max=len(order) - 1)], there


def draw_tasks(dice: Dice, shops: Shops, *, context: int, queries: int) -> Tasks:
    """One task a shop. Shops with too few customers at the cutoff are left out, so there may be fewer than S."""
    question = draw_question(dice, shops)
    scale = scale_at(shops, question.cutoff)
    cutoffs = [draw_context(dice, question, k) for k in range(CUTOFFS)]
    now = labelled_at(shops, question, question, scale)
    parts = [labelled_at(shops, asked, question, scale) for asked in cutoffs]
    weights = [_even_weight(dice, part, shops.count) for part in parts]
    past = _together(parts)
    taken, known = _drawn(dice, past, torch.cat(weights), shops.count, context)
    picked, asked = _drawn(dice, now, torch.ones(len(now.shop), device=dice.device), shops.count, queries)
    if len(past.shop) == 0:
        past = now  # nothing of it is seen: `known` is false throughout
    tasks = Tasks(
        context=past.rows[taken],
        context_relation=past.relation[taken],
        context_amount=past.amount[taken],
        context_orders=past.orders[taken],
        context_whole=past.whole[taken],
        known=known,
        query=now.rows[picked],
        query_relation=now.relation[picked],
        amount=now.amount[picked],
        orders=now.orders[picked],
        asked=asked,
    )
    return tasks[torch.bincount(now.shop, minlength=shops.count) >= CUSTOMERS]


def _even_weight(dice: Dice, part: Labelled, shops: int) -> Tensor:
    """Sampling weights (P,): each cutoff of a shop has a random share of its context, large spenders more of it."""
    weight = sampling_weight(part.rows)
    total = torch.zeros(shops, device=weight.device).index_add_(0, part.shop, weight)
    share = torch.exp(0.7 * dice.normal(shops))
    return weight * (share / total.clamp(min=1e-9))[part.shop]
