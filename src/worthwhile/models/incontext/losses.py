"""What the network is trained on, and how it is judged on simulated shops.

Letters: B shops, m queries, M columns of amounts, J columns of counts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as fn
from torch import Tensor

from worthwhile.models.incontext.bins import (
    AMOUNT_COLUMNS,
    LAST_EDGE,
    amount_column,
    amount_edges,
    count_column,
)
from worthwhile.models.incontext.network import Answer, Network, Seen
from worthwhile.models.incontext.tasks import Tasks

ORDERS_WEIGHT = 0.5  # of the count's likelihood beside the amount's: amounts are what is asked about most
TOTAL_WEIGHT = 0.05  # of the totals
MEAN_WEIGHT = 0.1  # of the means
TOTAL_FLOOR = 0.02  # a customer, in median orders: shops where nobody buys are no infinite error
LARGEST = 50.0  # an outcome is at most so many times its shop's mean where means are learned from: one order is chance


def answer_to(network: Network, tasks: Tasks) -> Answer:
    """The network's answer to the queries of tasks, each with its own context."""
    seen = Seen(tasks.context_amount, tasks.context_orders, tasks.context_whole)
    context = network.encode_context(tasks.context, tasks.context_relation, seen, tasks.known)
    return network.answer(context, tasks.query, tasks.query_relation)


def negative_log_likelihood(answer: Answer, tasks: Tasks) -> tuple[Tensor, Tensor]:
    """Of the amount and of the number of orders, (B, m) each, in nats; the first holds the chance of no order."""
    active = tasks.orders > 0
    chance = fn.binary_cross_entropy_with_logits(answer.none, (~active).float(), reduction="none")
    column = amount_column(tasks.amount.double()).clamp(min=1)
    amount = fn.cross_entropy(answer.amount.flatten(0, 1), (column - 1).flatten(), reduction="none").view_as(chance)
    index = answer.tail / (answer.tail - LAST_EDGE)  # Pareto index of the open end
    beyond = torch.log(index / LAST_EDGE) - (index + 1) * torch.log(tasks.amount.clamp(min=LAST_EDGE) / LAST_EDGE)
    amount = amount - torch.where(column == AMOUNT_COLUMNS - 1, beyond + torch.log(torch.tensor(LAST_EDGE)), 0.0)
    count = count_column(tasks.orders).clamp(min=1)
    orders = fn.cross_entropy(answer.orders.flatten(0, 1), (count - 1).flatten(), reduction="none").view_as(chance)
    return chance + torch.where(active, amount, 0.0), torch.where(active, orders, 0.0)


def shop_mean(values: Tensor, asked: Tensor) -> Tensor:
    """Mean over each shop's queries: (B, 1)."""
    return (values * asked).sum(dim=1, keepdim=True) / asked.sum(dim=1, keepdim=True).clamp(min=1)


def mean_loss(mean: Tensor, actual: Tensor, asked: Tensor) -> Tensor:
    """How far the means are off, (B, m): Poisson deviance in units of the shop's mean; the true mean minimises it."""
    usual = shop_mean(actual, asked) + 0.02
    actual = torch.minimum(actual / usual, torch.tensor(LARGEST))
    mean = mean / usual
    return mean - actual * torch.log(mean + 1e-4) + torch.xlogy(actual, actual) - actual


def total_loss(mean: Tensor, actual: Tensor, asked: Tensor) -> Tensor:
    """How far the totals are off, (B, 1): gamma deviance, which the mean of the totals minimises. A squared log would
    be least at the mean of the logs, which lies below: by a sixth at shops of few customers."""
    usual = shop_mean(actual, asked)
    capped = torch.minimum(actual, LARGEST * usual + 1.0)
    ratio = (shop_mean(capped, asked) + TOTAL_FLOOR) / (shop_mean(mean, asked) + TOTAL_FLOOR)
    return ratio - 1 - torch.log(ratio)


def training_loss(answer: Answer, tasks: Tasks) -> Tensor:
    """The number that training minimises: likelihood, and with small weight the means and totals that people add up.

    A shop counts as the root of how many of its customers are asked about: they share its luck, so a shop of 16 tells
    more than a sixteenth of what one of 256 does.
    """
    amount, orders = negative_log_likelihood(answer, tasks)
    asked = tasks.asked.float()
    each = amount + ORDERS_WEIGHT * orders
    spend, bought = answer.amount_mean(), answer.orders_mean()
    each = each + MEAN_WEIGHT * (mean_loss(spend, tasks.amount, asked) + mean_loss(bought, tasks.orders, asked))
    whole = total_loss(spend, tasks.amount, asked) + total_loss(bought, tasks.orders, asked)
    weight = asked.sum(dim=1, keepdim=True).sqrt()
    return (weight * (shop_mean(each, asked) + TOTAL_WEIGHT * whole)).sum() / weight.sum()


# ---- judging -------------------------------------------------------------------------------------------------------


def crps(prob: Tensor, amount: Tensor) -> Tensor:
    """CRPS of the amount's histogram, (B, m), by the rectangle rule on its edges, the open end held at its low edge."""
    edges = amount_edges().to(prob)  # (M - 1,)
    cumulative = torch.cumsum(prob[..., :-1], dim=-1)  # P(X <= edge)
    middle = (cumulative[..., 1:] + cumulative[..., :-1]) / 2
    below = (edges[:-1] + edges[1:]) / 2 >= amount[..., None]
    return (((middle - below.to(prob)) ** 2) * torch.diff(edges)).sum(dim=-1)


def _normalised_gini(score: Tensor, actual: Tensor) -> Tensor:
    def gini(by: Tensor) -> Tensor:
        share = torch.cumsum(actual[torch.argsort(by, descending=True)], 0) / actual.sum()
        return share.mean() - 0.5

    return gini(score) / gini(actual).clamp(min=1e-6)


def _auc(score: Tensor, active: Tensor) -> Tensor:
    order = torch.sort(score)
    rank = (torch.searchsorted(order.values, score) + torch.searchsorted(order.values, score, right=True) + 1) / 2
    yes, no = active.sum(), (~active).sum()
    return ((rank * active).sum() - yes * (yes + 1) / 2) / (yes * no)


def judge(answer: Answer, tasks: Tasks) -> dict[str, list[float]]:
    """Scores of each shop: NLL, CRPS for a mean amount, Gini, AUC, log of forecast to actual total."""
    amount_nll, orders_nll = negative_log_likelihood(answer, tasks)
    each = crps(answer.amount_prob(), tasks.amount)
    spend, bought = answer.amount_mean(), answer.orders_mean()
    scores: dict[str, list[float]] = {
        name: [] for name in ("nll", "nll_orders", "crps", "gini", "auc", "total", "total_orders", "square")
    }
    for b in range(len(tasks.asked)):
        rows = tasks.asked[b]
        actual, active = tasks.amount[b][rows], tasks.orders[b][rows] > 0
        scores["nll"].append(float(amount_nll[b][rows].mean()))
        scores["nll_orders"].append(float(orders_nll[b][rows].mean()))
        if not bool(active.any()) or bool(active.all()) or float(actual.sum()) <= 0:
            continue
        scores["crps"].append(float(each[b][rows].mean() / actual.mean()))
        scores["gini"].append(float(_normalised_gini(spend[b][rows], actual)))
        scores["auc"].append(float(_auc(-answer.none[b][rows], active)))
        scores["total"].append(float(torch.log(spend[b][rows].sum() / actual.sum())))
        orders = tasks.orders[b][rows]
        scores["total_orders"].append(float(torch.log(bought[b][rows].sum() / orders.sum())))
        scores["square"].append(float((spend[b][rows] - actual).pow(2).mean().sqrt() / actual.mean()))
    return scores
