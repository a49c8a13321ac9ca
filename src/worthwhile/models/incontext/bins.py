"""The bins that the network answers in. They are those of `worthwhile.distribution`, said again so that pretraining
needs no more than torch; a test holds the two together.

Letters: M columns of amounts (atom at zero, K inner bins, open end), J columns of counts.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_STEP = 0.125
LOG_LOW, LOG_HIGH = -4.0, 8.0
INNER = round((LOG_HIGH - LOG_LOW) / LOG_STEP)  # K: the first reaches down to zero
AMOUNT_COLUMNS = 1 + 1 + INNER + 1  # M: atom, (0, low edge], inner bins, open end
TAIL_LIMIT = 20.0  # a tail's mean is at most this many times the last edge


def amount_edges() -> Tensor:  # (M - 1,) in units of the shop's scale; the first is 0
    steps = LOG_LOW + LOG_STEP * torch.arange(INNER + 1, dtype=torch.float64)
    return torch.cat([torch.zeros(1, dtype=torch.float64), torch.exp(steps)])


def amount_centers() -> Tensor:  # (M,) each column's mean; the open end's is its lower bound
    edges = amount_edges()
    return torch.cat([torch.zeros(1, dtype=torch.float64), (edges[1:] + edges[:-1]) / 2, edges[-1:]])


def count_points() -> Tensor:  # (J,)
    points = list(range(33))
    while points[-1] < 1000:
        points.append(max(points[-1] + 2, round(points[-1] * 1.1)))
    return torch.tensor(points, dtype=torch.float64)


COUNT_COLUMNS = len(count_points())


def amount_column(amount: Tensor) -> Tensor:
    """The column of an amount in units of the scale, (...) int64."""
    place = torch.ceil((torch.log(amount.clamp(min=1e-12)) - LOG_LOW) / LOG_STEP).long() + 1
    return torch.where(amount <= 0, 0, place.clamp(1, AMOUNT_COLUMNS - 1))


def count_column(count: Tensor) -> Tensor:
    """The column of a number of orders, (...) int64: the nearer point."""
    points = count_points().to(count.device)
    middles = ((points[1:] + points[:-1]) / 2).to(count.dtype)
    return torch.searchsorted(middles, count.contiguous(), side="left")


LAST_EDGE = math.exp(LOG_HIGH)
