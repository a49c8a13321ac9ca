"""Buy-till-you-die laws, slow and obvious: likelihoods by quadrature over what is hidden, futures played out one event
at a time, expectations by the published formulas."""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta as beta_law
from scipy.stats import gamma as gamma_law


def beta_geometric_likelihood(parameters, x, t_x, T, *, first):
    """Over the buying rate and the chance of dropout. `first` is 1 if the first order may be the last, else 0."""
    r, alpha, a, b = parameters

    def over_rates(until):  # of x purchases at the times seen, and none else until then
        def given(rate):
            return rate**x * np.exp(-rate * until) * gamma_law.pdf(rate, r, scale=1 / alpha)

        return quad(given, 0, gamma_law.isf(1e-14, r + x, scale=1 / (alpha + until)), epsabs=0, epsrel=1e-9)[0]

    def over_dropout(chance):
        return quad(lambda p: chance(p) * beta_law.pdf(p, a, b), 0, 1, epsabs=0, epsrel=1e-9)[0]

    k = x + first  # occasions to drop out
    alive = over_dropout(lambda p: (1 - p) ** k) * over_rates(T)
    dead = over_dropout(lambda p: p * (1 - p) ** (k - 1)) * over_rates(t_x) if k else 0.0
    return alive + dead


def pareto_likelihood(parameters, x, t_x, T):
    """Over the time of death: Gamma-mixed purchases up to it, Lomax density of it."""
    r, alpha, s, beta = parameters

    def purchases(until):
        rising = np.prod([r + i for i in range(int(x))])
        return rising * alpha**r / (alpha + until) ** (r + x)

    def death(at):
        return s * beta**s / (beta + at) ** (s + 1)

    dead = quad(lambda at: purchases(at) * death(at), t_x, T, epsabs=0, epsrel=1e-11, limit=500)[0]
    return purchases(T) * (beta / (beta + T)) ** s + dead


def beta_geometric_orders_alive(parameters, x, T, weeks, *, first):
    """Expected orders of a customer alive. Fader, Hardie & Lee (2005), eq. 10 without its chance of being alive; the
    modified law has had one occasion more to drop out (Batislam et al. 2007)."""
    r, alpha, a, b = parameters
    b = b + first
    gone = weeks / (alpha + T + weeks)
    part = (1 - gone) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, gone)
    return (a + b + x - 1) / (a - 1) * (1 - part)


def pareto_orders_alive(parameters, x, T, weeks):
    """Expected orders of a customer alive. Fader & Hardie (2005), note on the Pareto/NBD, eq. 41."""
    r, alpha, s, beta = parameters
    bought = (r + x) * (beta + T) / ((alpha + T) * (s - 1))
    return bought * (1 - ((beta + T) / (beta + T + weeks)) ** (s - 1))


def play_beta_geometric(parameters, x, T, weeks, *, first, size, seed):
    """Orders in the coming weeks of `size` customers alive at age T, one event at a time."""
    r, alpha, a, b = parameters
    rng = np.random.default_rng(seed)
    counts = np.zeros(size, dtype=int)
    for i in range(size):
        rate, p = rng.gamma(r + x, 1 / (alpha + T)), rng.beta(a, b + x + first)
        now = rng.exponential(1 / rate)
        while now < weeks:
            counts[i] += 1
            if rng.random() < p:
                break
            now += rng.exponential(1 / rate)
    return counts


def play_pareto(parameters, x, T, weeks, *, size, seed):
    """Orders in the coming weeks of `size` customers alive at age T, one event at a time."""
    r, alpha, s, beta = parameters
    rng = np.random.default_rng(seed)
    counts = np.zeros(size, dtype=int)
    for i in range(size):
        rate, leaving = rng.gamma(r + x, 1 / (alpha + T)), rng.gamma(s, 1 / (beta + T))
        until = min(weeks, rng.exponential(1 / leaving))
        now = rng.exponential(1 / rate)
        while now < until:
            counts[i] += 1
            now += rng.exponential(1 / rate)
    return counts


def gamma_gamma_likelihood(parameters, x, mean):
    """Of the mean of x orders: over the customer's own rate of the Gamma law of values."""
    p, q, gamma = parameters

    def given(rate):
        return gamma_law.pdf(mean, p * x, scale=1 / (x * rate)) * gamma_law.pdf(rate, q, scale=1 / gamma)

    middle = (p * x + q) / (gamma + x * mean)
    return sum(quad(given, *ends, epsabs=0, epsrel=1e-10)[0] for ends in ((0, middle), (middle, 20 * middle)))


def play_amount(value_parameters, x, mean, counts, *, seed):
    """The sum of so many orders each, of customers with x orders of this mean value behind them."""
    p, q, gamma = value_parameters
    rng = np.random.default_rng(seed)
    rate = rng.gamma(q + p * x, 1 / (gamma + x * mean), len(counts))
    return np.array([rng.gamma(p, 1 / own, n).sum() for own, n in zip(rate, counts, strict=True)])
