"""Gamma-Gamma: what one order of a customer is worth.

Fader & Hardie (2013), The Gamma-Gamma model of monetary value. An order's value is Gamma(p) with a rate of the
customer's own, nu ~ Gamma(q, gamma), independent of how often the customer buys. After x repeat orders of mean value m
the rate is Gamma(q + p x, gamma + x m), so that the sum of n further orders is (gamma + x m) times a beta prime
variable of parameters (p n, q + p x).
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from worthwhile.models.buytilldie.histories import Array
from worthwhile.models.buytilldie.law import maximise

PARAMETERS = ("p", "q", "gamma")
FEWEST = 10  # repeat buyers with a positive value, below which the law is assumed rather than fitted
ASSUMED_P, ASSUMED_Q = 4.0, 4.0  # log-sd 0.53 within a customer and 0.53 between them: CDNOW has 0.42 and 0.55
LOWEST_Q = 1.25  # the mean p gamma / (q - 1) of a customer's values is infinite at q = 1; see fit


def log_likelihood(parameters: Array, x: Array, mean: Array) -> tuple[Array, Array]:
    """Log-likelihood of customers with x >= 1 orders of this mean value (U,), and its gradient (3, U) by p, q, gamma.

    Eq. 1a of the note, in logarithms.
    """
    p, q, gamma = parameters
    values, row = np.unique(x, return_inverse=True)  # of few distinct x, so gamma functions are tabulated
    by_x = gammaln(p * values + q) - gammaln(p * values) - gammaln(q) + p * values * np.log(values)
    log_mean, after = np.log(mean), gamma + x * mean
    log_after = np.log(after)
    value = by_x[row] + q * np.log(gamma) + (p * x - 1) * log_mean - (p * x + q) * log_after
    both = digamma(p * values + q)
    slope_p = values * (both - digamma(p * values) + np.log(values))
    slope = np.stack(
        [
            slope_p[row] + x * (log_mean - log_after),
            (both - digamma(q))[row] + np.log(gamma) - log_after,
            q / gamma - (p * x + q) / after,
        ]
    )
    return value, slope


def fit(x: Array, mean: Array) -> tuple[Array, float]:
    """Maximum-likelihood p, q, gamma of customers with x >= 1 repeat orders of this mean value > 0, and the
    log-likelihood. gamma is in the shop's currency.

    q is kept above 1.25: where a few customers are worth a thousand times the others the likelihood may ask for less,
    and the mean of a new customer's order, p gamma / (q - 1), would be infinite.
    """
    typical = float(np.median(mean))
    relative = mean / typical  # so that all three parameters are of one size
    log_typical = np.log(typical) * len(x)

    def total(free: Array) -> tuple[float, Array]:
        p, above, gamma = free
        value, slope = log_likelihood(np.array([p, LOWEST_Q + above, gamma]), x, relative)
        return float(value.sum()), slope.sum(axis=1)

    walls = np.array([(0.05, 200.0), (0.001, 200.0), (0.005, 500.0)])
    found = maximise(total, np.array([2.0, 2.0, 2.0]), walls, customers=len(x))
    p, above, gamma = found.parameters
    return np.array([p, LOWEST_Q + above, gamma * typical]), found.log_likelihood - log_typical


def assumed(order_value: float) -> Array:
    """p, q, gamma for a shop with too few repeat buyers to fit: orders worth `order_value` on average."""
    return np.array([ASSUMED_P, ASSUMED_Q, order_value * (ASSUMED_Q - 1) / ASSUMED_P])


def expected_value(parameters: Array, x: Array, mean: Array) -> Array:  # (N,)
    """Expected value of a customer's next order after x orders of this mean value. Eq. 5 of the note."""
    p, q, gamma = parameters
    return p * (gamma + x * mean) / (p * x + q - 1)
