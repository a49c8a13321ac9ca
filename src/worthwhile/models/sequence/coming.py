"""What comes next: the targets that a customer's own steps give, and the loss of foretelling them.

After each step: when the next one comes (a discrete-time hazard over bins of days, censored where the past ends), of
what kind it is, how large the next order is and which items are in it; and over several horizons whether the customer
orders, how often and for how much, where the past reaches so far. All this is learned from the past alone, of
customers too who are in no window, and is what makes the states worth reading.

Letters: S steps, P steps of a batch, H horizons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from worthwhile.features.slices import Growing, slices
from worthwhile.models.network_fit import placed
from worthwhile.models.networks import geometric_loss
from worthwhile.models.sequence.batches import Read, lines_of
from worthwhile.models.sequence.network import EventNetwork
from worthwhile.models.sequence.steps import NUMBERS, ORDER, Steps

Array = np.ndarray[Any, Any]

GAPS = np.array(
    [0, 1, 2, 4, 7, 11, 16, 22, 30, 40, 55, 75, 100, 140, 200], dtype=np.float64
)  # days at which bins begin
HORIZONS = np.array([30, 90, 180, 365])  # days
ITEMS_SHARE = 0.2  # weight of the items' loss: it is the largest, and overlaps least with the tasks
ORDERS = 256  # next orders of a batch whose items are foretold
OTHERS = 1_024  # items beside theirs that are weighed against them
AMOUNT = NUMBERS.index("amount")
SPREAD = (-3.0, 2.0)  # log-sd of amounts, held within
AMOUNT_LAW = 2  # numbers: mean and log-sd
AHEAD_LAW = 4  # log-odds of ordering; log of orders beyond the first, mean and log-sd of the log amount, given any
NOTHING = -1


@dataclass(frozen=True)
class Coming:
    """For each step (S,): days until the customer's next step, its kind, and the place of the next order's step;
    NOTHING where none comes. And how many orders come within each horizon, and for how much (S, H)."""

    gap: Array
    kind: Array
    order: Array
    orders_ahead: Array  # int32
    amount_ahead: Array  # float32, over the scale


def coming_of(steps: Steps) -> Coming:
    columns = Growing(steps.folder)
    for some in slices(steps.offsets):
        columns.add(_coming_to_some(steps, some))
    return Coming(**columns.arrays())


def _coming_to_some(steps: Steps, some: slice) -> dict[str, Array]:
    """What comes after each step of a slice of customers, in the columns of `Coming`."""
    offsets = steps.offsets[some.start : some.stop + 1]
    here, count = slice(offsets[0], offsets[-1]), int(offsets[-1] - offsets[0])
    customer = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    day, kind = steps.day[here], steps.kind[here]
    is_last = np.append(customer[1:] != customer[:-1], True)[:count]
    orders = np.where(kind == ORDER, np.arange(count), count)
    order = np.append(np.minimum.accumulate(orders[::-1])[::-1][1:], count)[:count]  # the next order of anybody
    mine = (order < count) & (customer[np.minimum(order, count - 1)] == customer)
    orders_ahead, amount_ahead = _ahead(customer, day, kind == ORDER, steps.amount[here])
    return {
        "gap": np.where(is_last, NOTHING, np.append(day[1:], 0)[:count] - day),
        "kind": np.where(is_last, NOTHING, np.append(kind[1:], 0)[:count]),
        "order": np.where(mine, order + offsets[0], NOTHING),
        "orders_ahead": orders_ahead,
        "amount_ahead": amount_ahead,
    }


def _ahead(customer: Array, day: Array, is_order: Array, amount: Array) -> tuple[Array, Array]:
    """Orders and their amount (S, H) after each step's day, within the horizons. Refunds are not looked at."""
    far = int(HORIZONS.max()) + 1 + (int(day.max()) - int(day.min()) if len(day) else 0)
    moment = customer.astype(np.int64) * far + day  # the customers' days one behind the other, none near another's
    first = np.searchsorted(moment, moment, side="right")
    end = np.stack([np.searchsorted(moment, moment + days, side="right") for days in HORIZONS], axis=1)
    sums = [np.concatenate([[0], np.cumsum(v)]) for v in (is_order, np.where(is_order, amount, 0).astype(np.float64))]
    orders, spent = (total[end] - total[first][:, None] for total in sums)
    return orders.astype(np.int32), spent.astype(np.float32)


def coming_loss(
    net: EventNetwork, read: Read, states: Tensor, steps: Steps, coming: Coming, *, until_day: float
) -> dict[str, Tensor]:
    """The parts of the mean loss of a batch's steps, which add up to it: `gap`, and where there are any `kind`,
    `amount`, `items` and `ahead`. `states` (P, D); nothing from the local day `until_day` on is looked at."""
    place = read.steps
    day, gap = steps.day[place], coming.gap[place]
    seen = (gap >= 0) & (day + gap < until_day)
    parts = {"gap": _time_loss(net.next_gap(states), np.where(seen, gap, until_day - day), seen)}
    if seen.any():
        kinds = placed(coming.kind[place][seen].astype(np.int64), states.device)
        parts["kind"] = F.cross_entropy(net.next_kind(states[_where(seen, states)]), kinds)
    order = coming.order[place]
    told = (order >= 0) & (steps.day[order] < until_day)
    if told.any():
        ahead = states[_where(told, states)]
        parts["amount"] = _amount_loss(net.next_amount(ahead), steps.numbers[order[told], AMOUNT])
        parts["items"] = ITEMS_SHARE * _items_loss(net, ahead, steps, order[told])
    reached = day[:, None] + HORIZONS < until_day
    if reached.any():
        parts["ahead"] = _ahead_loss(
            net.ahead(states).view(len(place), len(HORIZONS), AHEAD_LAW),
            coming.orders_ahead[place],
            coming.amount_ahead[place],
            reached,
        )
    return parts


def _ahead_loss(raw: Tensor, orders: Array, amount: Array, reached: Array) -> Tensor:  # (P, H, 4), (P, H) each
    """Minus the mean log-likelihood of what came within the horizons that the past reaches."""
    raw = raw.flatten(0, 1)[placed(np.flatnonzero(reached), raw.device)]
    orders, amount = orders[reached], amount[reached]
    any_order = placed((orders > 0).astype(np.float32), raw.device)
    loss = F.binary_cross_entropy_with_logits(raw[:, 0], any_order)
    ordered = np.flatnonzero(orders)
    if len(ordered):
        count = placed(orders[ordered].astype(np.float32), raw.device)
        spent = np.log1p(np.maximum(amount[ordered], 0)).astype(np.float32)
        given = raw[placed(ordered, raw.device)]
        loss = loss + any_order.mean() * (geometric_loss(given[:, 1], count).mean() + _amount_loss(given[:, 2:], spent))
    return loss


def foretold(net: EventNetwork, states: Tensor) -> Tensor:
    """What comes after the states (Q, D): log-odds of each bin of days, log chances of kinds, the amount's mean and
    log-sd, (Q, G + K + 2)."""
    return torch.cat([net.next_gap(states), net.next_kind(states).log_softmax(dim=1), net.next_amount(states)], dim=1)


def foretold_width(net: EventNetwork) -> int:
    return net.shape.gaps + net.shape.kinds + AMOUNT_LAW


def _where(chosen: Array, like: Tensor) -> Tensor:
    return placed(np.flatnonzero(chosen), like.device)


def _time_loss(log_odds: Tensor, days: Array, seen: Array) -> Tensor:
    """Minus the mean log-likelihood of coming in a bin (P, G) after so many days, or of not having come until then."""
    bins = placed(np.searchsorted(GAPS, days, side="right") - 1, log_odds.device)
    passed = torch.arange(len(GAPS), device=log_odds.device) < bins[:, None]
    survived = (F.softplus(log_odds) * passed).sum(dim=1)
    came = F.softplus(-log_odds).gather(1, bins[:, None])[:, 0]
    return (survived + came * placed(seen.astype(np.float32), log_odds.device)).mean()


def _amount_loss(raw: Tensor, amount: Array) -> Tensor:
    mean, spread = raw[:, 0], raw[:, 1].clamp(*SPREAD)
    target = placed(amount, raw.device)
    return (spread + ((target - mean) / spread.exp()) ** 2 / 2).mean()


def _items_loss(net: EventNetwork, ahead: Tensor, steps: Steps, order: Array) -> Tensor:
    """Minus the mean log chance of the items in the next order; an order of n items weighs as sqrt(n).

    Of more than ORDERS next orders in a batch as many are drawn; of other items than theirs no more than OTHERS, which
    then stand for the rest (importance sampling of the softmax; Bengio & Senecal 2008). So a large range costs little.
    """
    if len(order) > ORDERS:
        drawn = torch.randperm(len(order))[:ORDERS].numpy()
        ahead, order = ahead[placed(drawn, ahead.device)], order[drawn]
    lines, begins = lines_of(steps, order)
    row = np.repeat(np.arange(len(order)), np.diff(np.append(begins, len(lines))))
    item = steps.item[lines]
    known = item < net.shape.items
    row, item = row[known], item[known]
    if not len(row):
        return ahead.new_zeros(())
    weight = 1 / np.sqrt(np.bincount(row, minlength=len(order))[row])
    items, place = np.unique(item, return_inverse=True)
    others, stand_for = _others(items, net.shape.items + 1)
    asked = placed(np.concatenate([items, others]).astype(np.int64), ahead.device)
    scores = net.item_scores(ahead, asked)
    if stand_for > 1:
        scores = torch.cat([scores[:, : len(items)], scores[:, len(items) :] + np.log(stand_for)], dim=1)
    chances = F.log_softmax(scores, dim=1)
    chosen = chances[placed(row, ahead.device), placed(place, ahead.device)]
    return -(chosen * placed(weight.astype(np.float32), ahead.device)).sum() / len(order)


def _others(items: Array, count: int) -> tuple[Array, float]:
    """Of `count` items those that are not among `items` (ascending), at most OTHERS drawn; how many each stands for."""
    others = np.delete(np.arange(count), items)
    if len(others) <= OTHERS:
        return others, 1.0
    drawn = torch.randperm(len(others))[:OTHERS].numpy()
    return others[drawn], len(others) / OTHERS
