"""What the network says of a question, a customer at a cutoff: corrections of what plain lines say.

Lines on the log scale know levels and the largest buyers, which networks shrink (`baseline.py`). So the network's
outputs are added to the log-odds of the lines: of more orders, and of the chain of bins of the amount. Whether a
customer buys at all it says by itself, from the base rate on: there it is better than lines.

Letters: Q questions, B coarse bins of the amount, O = 1 + B outputs: buying, orders beyond the first, bins but the
open one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import expit, logit
from torch import Tensor
from torch.nn import functional as F

from worthwhile.distribution import Histogram, amount_grid, from_geometric, from_prob
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.baseline import Baseline, Guess, fit_baseline
from worthwhile.models.bins import Bins, centred, chances_of_bins, fit_bins, log_odds_of_bins, spread_bins
from worthwhile.models.calibrate import least_chance
from worthwhile.models.networks import geometric_loss
from worthwhile.models.training import Training

Array = np.ndarray[Any, Any]

LARGEST_LOG = 30.0  # of means that are believed
LEAST_MORE = 0.05  # orders beyond the first, of all buyers together
MOST_SHIFT = 3.0  # of a level
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of corrections that may stand, the last one whole
NEWTON = 12  # steps to a level: more than it takes


@dataclass(frozen=True)
class Heads:
    """How outputs become distributions. Amounts are over the scale."""

    baseline: Baseline
    bins: Bins
    base: float  # log-odds of buying to start from
    limit: float  # P(active) is held within [limit, 1 - limit]
    most_orders: float

    @property
    def outputs(self) -> int:
        return 2 + len(self.bins.last)

    def start(self, guess: Guess) -> Array:
        """(Q, O) float32: what the network's outputs are added to."""
        chain = log_odds_of_bins(self.bins, guess.amount, self.baseline.sigma)
        base = np.full(len(guess.more), self.base)
        return np.concatenate([base[:, None], guess.more[:, None], chain], axis=1).astype(np.float32)

    def target(self, training: Training) -> Array:
        """(Q, 2 + 2 (B - 1)): active, orders, whether each bin was reached, and whether the amount lies in it."""
        bought, links = training.active[:, None], np.arange(len(self.bins.last))
        reached = self.bins.bin_of(training.amount)[:, None]
        parts = [bought, training.orders[:, None], (reached >= links) & bought, (reached == links) & bought]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def losses(self, raw: Tensor, target: Tensor) -> Tensor:  # (Q, O), (Q, ...) -> (Q, 3)
        """Minus the log-likelihoods of buying, of orders and of the bin of the amount."""
        links = raw.shape[1] - 2
        active, orders, reached, stays = target[:, 0], target[:, 1], target[:, 2 : 2 + links], target[:, 2 + links :]
        buying = F.binary_cross_entropy_with_logits(raw[:, 0], active, reduction="none")
        chain = F.binary_cross_entropy_with_logits(raw[:, 2:], stays, reduction="none") * reached
        return torch.stack([buying, active * geometric_loss(raw[:, 1], orders.clamp(min=1)), chain.sum(dim=1)], dim=1)

    def judged(self, correction: Array, start: Array, target: Array, weight: Array) -> tuple[float, Array]:
        """The mean loss of questions, and by what corrections (Q, O) are multiplied to make it least: (O,).

        At the questions' own level: that of one window is luck. Orders and amounts often tell nothing beyond the
        lines long before all is learned of who buys; then the lines stand, and learning goes on.
        """
        reached = np.stack([self._mean_losses(correction * s + start, target, weight) for s in SHARES])  # (shares, 3)
        best = reached.argmin(axis=0)
        best[0] = len(SHARES) - 1  # of buying nothing is taken back: there are no lines
        shares = np.take(SHARES, best)
        return float(reached[best, range(3)].sum()), np.append(shares[:2], np.full(self.outputs - 2, shares[2]))

    def _mean_losses(self, raw: Array, target: Array, weight: Array) -> Array:  # (3,)
        levelled = torch.from_numpy(raw + self.level(raw, target, weight))
        losses = self.losses(levelled, torch.from_numpy(target).double()).numpy()
        return np.average(losses, axis=0, weights=weight)

    def level(self, raw: Array, target: Array, weight: Array) -> Array:  # (Q, O), (Q, ...), (Q,) -> (O,)
        """What to add to the outputs so that as many buy, order and stop in each bin as did."""
        links = raw.shape[1] - 2
        active, orders, reached, stays = target[:, 0], target[:, 1], target[:, 2 : 2 + links], target[:, 2 + links :]
        told = np.concatenate([np.ones((len(raw), 1)), reached], axis=1) * weight[:, None]
        log_odds = np.delete(raw, 1, axis=1).astype(np.float64)
        shift = _level_of_odds(log_odds, np.concatenate([active[:, None], stays], axis=1), told)
        buyers = weight * active
        more = np.sum(buyers * np.exp(np.minimum(raw[:, 1], LARGEST_LOG)))
        ordered = np.sum(buyers * np.maximum(orders - 1, 0))
        return np.insert(shift, 1, np.log(max(ordered, LEAST_MORE) / max(more, LEAST_MORE)))

    def histograms(self, raws: Sequence[Array], guess: Guess, scale: float) -> tuple[Histogram, Histogram]:
        """Amount and orders (Q,) by the mean of the networks' outputs' distributions, each (Q, O)."""
        active = [np.clip(expit(raw[:, 0]), self.limit, 1 - self.limit) for raw in raws]
        p = np.mean(active, axis=0)
        each = list(zip(active, raws, strict=True))
        chances = np.mean([a[:, None] * chances_of_bins(raw[:, 2:]) for a, raw in each], axis=0)
        more = [a * np.exp(np.minimum(raw[:, 1], LARGEST_LOG)) for a, raw in each]
        orders = np.minimum(1 + np.mean(more, axis=0) / p, self.most_orders)
        prob, tail = spread_bins(self.bins, chances / p[:, None], guess.amount, self.baseline.sigma)
        prob *= p[:, None]
        prob[:, 0] = 1 - p
        return from_prob(amount_grid(scale), prob, tail_mean=tail * scale), from_geometric(p, orders)

    def to_arrays(self) -> dict[str, Array]:
        bins = {"bins.last": self.bins.last, "bins.base": self.bins.base, "bins.shape": self.bins.shape}
        told = {"heads": np.array([self.base, self.limit, self.most_orders])}
        return self.baseline.to_arrays() | bins | told

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> Heads:
        bins = Bins(arrays["bins.last"], arrays["bins.base"], arrays["bins.shape"])
        return cls(Baseline.from_arrays(arrays), bins, *(float(value) for value in arrays["heads"]))


def fit_heads(matured: Sequence[Snapshot], training: Training, seed: int) -> tuple[Heads, Guess]:
    """The heads, and what the lines say of the training rows with the level of each row's own window."""
    baseline, guess = fit_baseline(matured, training, seed)
    buyers, limit = training.active, least_chance(len(training))
    amount, weight = training.amount[buyers], training.weight[buyers]
    bins = centred(fit_bins(amount, weight), amount, weight, guess.amount[buyers], baseline.sigma)
    base = np.clip(np.average(buyers, weights=training.weight), limit, 1 - limit)
    return Heads(baseline, bins, float(logit(base)), limit, max(float(training.orders.max()), 1.0)), guess


def _level_of_odds(log_odds: Array, true: Array, weight: Array) -> Array:  # (Q, J) each -> (J,)
    """The intercepts of logistic regressions beside these log-odds; 0 where nobody was asked."""
    shift = np.zeros(log_odds.shape[1])
    asked = weight.sum(axis=0)
    for _ in range(NEWTON):
        p = expit(log_odds + shift)
        slope = (weight * p * (1 - p)).sum(axis=0) + 1e-3 * asked + 1e-12
        shift += np.clip((weight * (true - p)).sum(axis=0) / slope, -1, 1)
    return np.clip(shift, -MOST_SHIFT, MOST_SHIFT)
