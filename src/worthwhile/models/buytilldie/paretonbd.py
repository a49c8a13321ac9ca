"""Pareto/NBD: buys at a rate, and may drop out at any moment.

Schmittlein, Morrison & Colombo (1987), Counting your customers, Management Science 33(1); the likelihood in the form
of Fader & Hardie (2005), A note on deriving the Pareto/NBD model. Orders come at rate lambda ~ Gamma(r, alpha); the
customer leaves at rate mu ~ Gamma(s, beta), so that the lifetime is Lomax.

The dead part of the likelihood is s * integral over tau from t_x to T of f(tau), with
f(tau) = (alpha + tau)^-(r + x) (beta + tau)^-(s + 1). It is usually written with Gauss's hypergeometric function, which
overflows and cancels for frequent buyers. Here it is integrated as it stands, in logarithms. A power law
(m + tau)^-(c + 1) that touches f at t_x to second order tells how fast f falls; a quarter of that rate makes the
variable of integration, in which the integrand is nearly a cube: large where f is, and smooth to its very end. A
Gauss-Legendre rule of 10 points then gives the integral to better than 1e-8, and its gradient with it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, expit, gammaln

from worthwhile.models.buytilldie.histories import Array, Histories
from worthwhile.models.buytilldie.law import Law, log_count_weights


def _rule(points: int) -> tuple[Array, Array]:
    """Nodes and weights of Gauss-Legendre on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes + 1) / 2, weights / 2


NODES, WEIGHTS = _rule(10)  # of the likelihood: 10 points err by 4e-9 at most over 150 random cases
LIFE_NODES, LIFE_WEIGHTS = _rule(12)  # of the lives that end within the horizon: expected orders err by 5e-7
SOFTEN = 4.0  # at 1 the end of the range is a logarithmic singularity, which 16 points get right to 1e-4 only
CHUNK = 8192  # histories at a time: 10 nodes of them stay in the cache


def _dead_part(parameters: Array, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    """log of s * integral of f from t_x to T: (U,), and its gradient (4, U) by r, alpha, s, beta."""
    r, alpha, s, beta = parameters
    rate = (r + x) / (alpha + t_x) + (s + 1) / (beta + t_x)  # -(log f)' at t_x
    bend = (r + x) / (alpha + t_x) ** 2 + (s + 1) / (beta + t_x) ** 2  # (log f)'' at t_x
    start, power = rate / bend, rate**2 / bend  # m + t_x and c + 1 of the touching power law
    c = (power - 1) / SOFTEN
    c = np.where(np.abs(c) < 1e-6, 1e-6, c)
    length = np.log1p((T - t_x) / start)  # of v = log((m + tau) / (m + t_x))
    width = -np.expm1(-c * length) / c  # of z, with dz = exp(-c v) dv
    v = -np.log1p(-c * width * NODES[:, None]) / c  # (10, U)
    tau = start * np.expm1(v) + t_x
    log_buy, log_stay = np.log(alpha + tau), np.log(beta + tau)
    first_buy, first_stay = np.log(alpha + t_x), np.log(beta + t_x)
    weight = WEIGHTS[:, None] * np.exp(
        (c + 1) * v - (r + x) * (log_buy - first_buy) - (s + 1) * (log_stay - first_stay)
    )
    total = weight.sum(axis=0)
    value = np.log(s) - (r + x) * first_buy - (s + 1) * first_stay + np.log(np.maximum(start * width * total, 1e-300))
    share = weight / total
    slope = np.stack(
        [
            -(share * log_buy).sum(axis=0),
            -(r + x) * (share / (alpha + tau)).sum(axis=0),
            1 / s - (share * log_stay).sum(axis=0),
            -(s + 1) * (share / (beta + tau)).sum(axis=0),
        ]
    )
    return value, slope


def _alive_part(parameters: Array, x: Array, T: Array) -> tuple[Array, Array]:
    """log of (alpha + T)^-(r + x) (beta + T)^-s: (U,), and its gradient (4, U)."""
    r, alpha, s, beta = parameters
    log_buy, log_stay = np.log(alpha + T), np.log(beta + T)
    slope = np.stack([-log_buy, -(r + x) / (alpha + T), -log_stay, -s / (beta + T)])
    return -(r + x) * log_buy - s * log_stay, slope


def log_likelihood(parameters: Array, h: Histories) -> tuple[Array, Array]:
    """Log-likelihood of each history (U,) and its gradient (4, U) by r, alpha, s, beta."""
    r, alpha, s, beta = parameters
    value, slope = np.empty(len(h)), np.empty((4, len(h)))
    for begin in range(0, len(h), CHUNK):
        part = slice(begin, begin + CHUNK)
        alive, alive_slope = _alive_part(parameters, h.x[part], h.T[part])
        dead, dead_slope = _dead_part(parameters, h.x[part], h.t_x[part], h.T[part])
        share = expit(dead - alive)
        value[part] = np.logaddexp(alive, dead)
        slope[:, part] = alive_slope + share * (dead_slope - alive_slope)
    value += (gammaln(r + h.x_values) - gammaln(r))[h.x_row] + r * np.log(alpha) + s * np.log(beta)
    slope[0] += (digamma(r + h.x_values) - digamma(r))[h.x_row] + np.log(alpha)
    slope[1] += r / alpha
    slope[2] += np.log(beta)
    slope[3] += s / beta
    return value, slope


def p_alive(parameters: Array, h: Histories) -> Array:  # (U,)
    """Chance that the customer has not dropped out by the cutoff."""
    p = np.empty(len(h))
    for begin in range(0, len(h), CHUNK):
        part = slice(begin, begin + CHUNK)
        alive, _ = _alive_part(parameters, h.x[part], h.T[part])
        dead, _ = _dead_part(parameters, h.x[part], h.t_x[part], h.T[part])
        p[part] = expit(alive - dead)
    return p


def orders_alive(parameters: Array, x: float, T: Array, weeks: float, most: int) -> Array:  # (R, most + 1)
    """P(n orders in the coming weeks), n = 0 .. most, of customers alive at ages T (R,) with x repeat orders.

    Of those alive, lambda ~ Gamma(r + x, alpha + T) and the remaining life is Lomax(s, beta + T), independent. Given
    a buying time of w weeks (the remaining life or the horizon, whichever ends first) the count is negative binomial.
    The mixture over lives that end within the horizon is a Gauss-Legendre rule. What lies beyond `most` is laid on it.
    """
    r, alpha, _, _ = parameters
    n = np.arange(most + 1)
    weights = log_count_weights(r + x, most)

    def counts(w: Array) -> Array:
        left = (alpha + T) / (alpha + T + w)
        log_gone = np.log(np.maximum(w, 1e-300) / (alpha + T + w))
        return np.exp(weights + (r + x) * np.log(left)[:, None] + n * log_gone[:, None])

    lives, chances = _lives(parameters, T, weeks)
    pmf = (1 - chances.sum(axis=0))[:, None] * counts(np.full(len(T), float(weeks)))
    for life, chance in zip(lives, chances, strict=True):
        pmf += chance[:, None] * counts(life)
    pmf[:, -1] += np.clip(1 - pmf.sum(axis=1), 0.0, 1.0)
    return pmf


def _lives(parameters: Array, T: Array, weeks: float) -> tuple[Array, Array]:
    """Remaining lives that end within the coming weeks, at the nodes of a rule, and their chances: (12, R) each.

    The variable of integration is again softened, on the scale of log(w + T + alpha or beta, the smaller): there
    neither the chance of leaving nor that of an order has sharp bends. The chances' sum is exact.
    """
    _, alpha, s, beta = parameters
    start = np.minimum(alpha, beta) + T
    c = s / SOFTEN * start / (beta + T)
    width = -np.expm1(-c * np.log1p(weeks / start)) / c
    v = -np.log1p(-c * width * LIFE_NODES[:, None]) / c
    lives = np.minimum(start * np.expm1(v), weeks)
    chances = LIFE_WEIGHTS[:, None] * np.exp((c + 1) * v - (s + 1) * np.log((beta + T + lives) / (beta + T)))
    leaves = -np.expm1(-s * np.log1p(weeks / (beta + T)))
    return lives, chances * (leaves / chances.sum(axis=0))


LAW = Law(
    name="pareto-nbd",
    parameters=("r", "alpha", "s", "beta"),
    walls=((0.005, 50.0), (0.005, 5000.0), (0.005, 50.0), (0.005, 5000.0)),
    log_likelihood=log_likelihood,
    p_alive=p_alive,
    orders_alive=orders_alive,
)
