"""BG/NBD: buys at a rate, and after each repeat order may drop out.

Fader, Hardie & Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2). Orders come at rate
lambda ~ Gamma(r, alpha); after each, the customer drops out with chance p ~ Beta(a, b). In the original, dropout can
follow repeat orders only (so whoever bought once is alive for certain); the modified law (MBG/NBD, `mbgnbd.py`) lets
it follow the first order as well. Everything else is alike, so both are computed here: `first` is 0 for the original
and 1 for the modified law, and k = x + first is the number of times that a customer could have dropped out.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import digamma, expit, gammaln

from worthwhile.models.buytilldie.histories import Array, Histories
from worthwhile.models.buytilldie.law import Law, log_count_weights


def _log_odds_dead(parameters: Array, h: Histories, first: int) -> Array:  # (U,)
    """log of P(dropped out) / P(alive): the ratio of the two terms of eq. 6; -inf where dropout is impossible."""
    r, alpha, a, b = parameters
    k = h.x + first
    odds = np.log(a) - np.log(np.maximum(b + k - 1, 1e-300)) + (r + h.x) * np.log((alpha + h.T) / (alpha + h.t_x))
    return np.where(k > 0, odds, -np.inf)


def log_likelihood(parameters: Array, h: Histories, *, first: int = 0) -> tuple[Array, Array]:
    """Log-likelihood of each history (U,) and its gradient (4, U) by r, alpha, a, b. Eq. 6, in logarithms."""
    r, alpha, a, b = parameters
    x, v = h.x, h.x_values
    k = v + first
    by_x = gammaln(r + v) - gammaln(r) + gammaln(b + k) - gammaln(a + b + k) + gammaln(a + b) - gammaln(b)
    old, last = alpha + h.T, alpha + h.t_x
    value = by_x[h.x_row] + r * np.log(alpha) - (r + x) * np.log(old)
    odds = _log_odds_dead(parameters, h, first)
    dead = expit(odds)
    value += np.logaddexp(0.0, odds)
    span = np.log(old / last)
    fewer = digamma(a + b) - digamma(a + b + k)
    slope = np.stack(
        [
            (digamma(r + v) - digamma(r))[h.x_row] + np.log(alpha / old) + dead * span,
            r / alpha - (r + x) / old + dead * (r + x) * (1 / old - 1 / last),
            fewer[h.x_row] + dead / a,
            (fewer + digamma(b + k) - digamma(b))[h.x_row] - dead / np.maximum(b + x + first - 1, 1e-300),
        ]
    )
    return value, slope


def p_alive(parameters: Array, h: Histories, *, first: int = 0) -> Array:  # (U,)
    """Chance that the customer has not dropped out by the cutoff."""
    return expit(-_log_odds_dead(parameters, h, first))


def orders_alive(
    parameters: Array, x: float, T: Array, weeks: float, most: int, *, first: int = 0
) -> Array:  # (R, most + 1)
    """P(n orders in the coming weeks), n = 0 .. most, of customers alive at ages T (R,) with x repeat orders.

    Of those alive, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + k), independent. N orders would come without
    dropout, negative binomial. n orders happen if just n would come and none ends it, or if at least n would come
    and the n-th ends it: P(n) = E[(1 - p)^n] P(N = n) + E[p (1 - p)^(n - 1)] P(N >= n). What lies beyond `most` is
    laid on it.
    """
    r, alpha, a, b = parameters
    n = np.arange(most + 1)
    left = (alpha + T) / (alpha + T + weeks)  # (R,)
    log_pmf = log_count_weights(r + x, most) + (r + x) * np.log(left)[:, None] + n * np.log1p(-left)[:, None]
    would = np.exp(log_pmf)  # (R, most + 1): P(N = n)
    at_least = np.clip(1 - np.cumsum(would, axis=1) + would, 0.0, 1.0)
    stays = b + x + first + n[:-1]
    survives = np.concatenate([[1.0], np.cumprod(stays / (a + stays))])  # E[(1 - p)^n]
    ends = np.concatenate([[0.0], survives[:-1] * a / (a + stays)])  # E[p (1 - p)^(n - 1)]
    pmf = survives * would + ends * at_least
    pmf[:, -1] += np.clip(1 - pmf.sum(axis=1), 0.0, 1.0)
    return pmf


PARAMETERS = ("r", "alpha", "a", "b")
WALLS = ((0.005, 50.0), (0.005, 5000.0), (0.005, 50.0), (0.005, 500.0))

LAW = Law(
    name="bg-nbd",
    parameters=PARAMETERS,
    walls=WALLS,
    log_likelihood=partial(log_likelihood, first=0),
    p_alive=partial(p_alive, first=0),
    orders_alive=partial(orders_alive, first=0),
)
