"""What a buy-till-you-die law is, and how one is fitted: maximum likelihood in the logarithms of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaincinv

from worthwhile.models.buytilldie.histories import Array, Histories

SAMPLE = 4_000  # histories that a large fit starts from, so that only its last steps go over all of them
LOST_MASS = 1e-8  # of a customer's order rate, beyond which counts of orders are not followed
MOST_ORDERS = 4096  # in one horizon: one order a day for ten years is 3,660


@dataclass(frozen=True)
class Law:
    """One law of buying and dropping out: lambda ~ Gamma(r, alpha) while alive, and a dropout of its own.

    All take the parameters (P,) in the order of `parameters`; the first two are r and alpha. Times are in weeks.
    """

    name: str
    parameters: tuple[str, ...]
    walls: tuple[tuple[float, float], ...]  # (P,) inside them the likelihood alone decides
    log_likelihood: Callable[[Array, Histories], tuple[Array, Array]]  # (U,), its gradient (P, U)
    p_alive: Callable[[Array, Histories], Array]  # (U,)
    # (parameters, x, T (R,), weeks, most) -> P(n orders in the coming weeks | alive), n = 0 .. most: (R, most + 1)
    orders_alive: Callable[[Array, float, Array, float, int], Array]


def _outside(theta: Array, walls: Array) -> tuple[float, Array]:
    """A penalty on log-parameters that lie outside their walls, and its gradient; nothing inside.

    Where all customers behave alike (or never drop out), the likelihood rises for ever towards infinite parameters.
    The walls stop that walk where the law no longer changes, and leave every ordinary fit as it is.
    """
    over = theta - np.clip(theta, walls[:, 0], walls[:, 1])
    return float(np.sum(over**2)), 2 * over


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is highest, its logarithm there, and BFGS's inverse Hessian of the search's objective."""

    parameters: Array  # (P,)
    log_likelihood: float
    inverse_hessian: Array  # (P, P)


def maximise(
    log_likelihood: Callable[[Array], tuple[float, Array]],
    start: Array,
    walls: Array,
    *,
    customers: float,
    inverse_hessian: Array | None = None,
) -> Maximum:
    """Parameters (P,) > 0 with the highest likelihood.

    `log_likelihood` gives its value and gradient (P,) at the parameters. BFGS in their logarithms, in which all
    are of one scale; divided by the number of customers, so that one tolerance fits shops of any size, and the
    inverse Hessian found on some customers is a good first guess for all.
    """

    def objective(theta: Array) -> tuple[float, Array]:
        theta = np.clip(theta, -25.0, 25.0)
        parameters = np.exp(theta)
        value, slope = log_likelihood(parameters)
        penalty, push = _outside(theta, np.log(walls))
        return (penalty - value) / customers, (push - slope * parameters) / customers

    options = {"gtol": 1e-6, "maxiter": 500, "hess_inv0": inverse_hessian}
    found = minimize(objective, np.log(start), jac=True, method="BFGS", options=options)
    parameters = np.exp(np.clip(found.x, -25.0, 25.0))
    return Maximum(parameters, log_likelihood(parameters)[0], (found.hess_inv + found.hess_inv.T) / 2)


def _start(law: Law, histories: Histories) -> Array:
    """A start near the shop's own rate: everything else at one. r / alpha is twice repeat orders a week of age,
    since many of those weeks come after dropout."""
    x, weeks = (float(histories.count @ column) for column in (histories.x, np.maximum(histories.T, 1.0)))
    start = np.ones(len(law.parameters))
    start[0] = 0.5
    start[1] = start[0] * weeks / (2 * max(x, 0.5))
    if law.parameters[3] == "beta":  # a rate in weeks, as alpha is
        start[3] = weeks / histories.customers
    return np.clip(start, *np.transpose(law.walls))


def fit_law(law: Law, histories: Histories, *, seed: int = 0) -> tuple[Array, float]:
    """Maximum-likelihood parameters (P,) of a law, and the log-likelihood. Time in weeks.

    From 8,000 distinct histories on, the search begins on 4,000 of them, drawn by `seed`, and ends on all.
    """
    walls = np.array(law.walls)

    def on(part: Histories, start: Array, inverse_hessian: Array | None = None) -> Maximum:
        def total(parameters: Array) -> tuple[float, Array]:
            value, slope = law.log_likelihood(parameters, part)
            return float(part.count @ value), slope @ part.count

        return maximise(total, start, walls, customers=part.customers, inverse_hessian=inverse_hessian)

    start = _start(law, histories)
    if len(histories) < 2 * SAMPLE:
        found = on(histories, start)
    else:
        near = on(histories.sample(SAMPLE, np.random.default_rng(seed)), start)
        found = on(histories, near.parameters, near.inverse_hessian)
    return found.parameters, found.log_likelihood


def most_orders(parameters: Array, x: float, T: Array, weeks: float) -> int:
    """A count of orders in the coming weeks that none of these customers (ages T, x repeat orders) passes.

    The order rate of one still alive is Gamma(r + x, alpha + T): its far quantile, and a Poisson's spread above it.
    """
    r, alpha = parameters[:2]
    far = float(gammaincinv(r + x, 1 - LOST_MASS)) * weeks / (alpha + float(T.min()))
    return int(min(np.ceil(far + 6 * np.sqrt(far) + 10), MOST_ORDERS))


def log_count_weights(shape: float, most: int) -> Array:
    """log of Gamma(shape + n) / (Gamma(shape) n!), n = 0 .. most: the coefficients of the negative binomial."""
    n = np.arange(1, most + 1)
    return np.concatenate([[0.0], np.cumsum(np.log((shape + n - 1) / n))])
