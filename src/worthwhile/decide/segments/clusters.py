"""A clustering of the shop's own customers: k-means on four quantities that a marketer knows, as many clusters as come
out alike when other customers are looked at."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from worthwhile.decide.segments.customers import Customers

Array = np.ndarray[Any, Any]

# The quantities that are clustered, each on a scale on which equal steps mean about the same.
QUANTITIES = ("usual_gap", "order_value", "recency", "p_active")
LEAST_CLUSTERS, MOST_CLUSTERS = 3, 8
LEAST_CUSTOMERS = 100  # below which there is nothing to cluster
LEAST_SHARE = 0.02  # of all customers, that the smallest cluster must hold
STABLE = 0.85  # mean Jaccard similarity that each cluster must have: "highly stable" (Hennig 2007, section 5)
# Of the best silhouette among stable counts, that the count must have: a plain group is cut in two as stably as it was
# one, but then lies no further from its other half than from itself.
SEPARATE = 0.9
SILHOUETTE_SAMPLE = 2_000
DRAWS, DRAW_SAMPLE = 20, 4_000  # bootstrap samples that the similarity is a mean over, and customers in them
FIT_SAMPLE = 20_000  # customers that the centres are found from
STANDS_OUT = 0.5  # standard deviations from the mean of all customers, from which on a cluster stands out
LEVELS_CUT = 0.01  # of customers at either end, whose values are set to those of the next: single ones make no cluster


@dataclass(frozen=True)
class Cluster:
    """One cluster: medians of its quantities in their own units, and how far they lie from those of all customers."""

    number: int  # 1 expects most in all
    customers: int
    spend: float  # expected, in all
    medians: Mapping[str, float]  # QUANTITIES, and `orders`
    distance: Mapping[str, float]  # of its centre from the mean of all, in standard deviations: QUANTITIES
    due: float  # median of days since the last order against the usual gap
    single: float  # share of customers with one order

    @property
    def traits(self) -> tuple[str, ...]:
        """The quantities in which it stands out, most first."""
        far = [name for name in QUANTITIES if abs(self.distance[name]) >= STANDS_OUT]
        return tuple(sorted(far, key=lambda name: (-abs(self.distance[name]), name)))


@dataclass(frozen=True)
class Tried:
    """How one count of clusters did."""

    # How alike its least stable cluster comes out again when customers are drawn anew: the Jaccard similarity to the
    # nearest of the new clusters, mean over the draws.
    stability: float
    silhouette: float
    smallest: float  # share of customers in the smallest cluster


@dataclass(frozen=True)
class Clustering:
    """Clusters in order of their number, and the number (N,) of each customer's; 0 for those without an order.

    `tried` says of each count how it did; `is_stable` is whether the one chosen reaches STABLE.
    """

    clusters: tuple[Cluster, ...]
    label: Array
    tried: Mapping[int, Tried]
    is_stable: bool
    overall: Mapping[str, float]  # medians of all


def cluster_customers(customers: Customers, *, seed: int = 0) -> Clustering:
    """Cluster the customers that have ordered.

    Their number is the largest from LEAST_CLUSTERS to MOST_CLUSTERS for which every cluster has a mean Jaccard
    similarity of at least STABLE under the bootstrap (Hennig 2007, "Cluster-wise assessment of cluster stability") and
    holds at least LEAST_SHARE of the customers, and whose silhouette (Rousseeuw 1987) is at least SEPARATE of the best
    among these: more clusters say more, as long as they are there again and apart. Where none is stable, it is the most
    stable count. The same customers and seed give the same clusters.
    """
    bought = np.flatnonzero(customers.orders > 0)
    label = np.zeros(len(customers), int)
    if len(bought) < LEAST_CUSTOMERS:
        return Clustering((), label, {}, False, {})
    raw = _raw(customers, bought)
    points = _standardised(raw)
    rng = np.random.default_rng([seed, 0x5E6])
    tried = {k: _tried(points, k, rng) for k in range(LEAST_CLUSTERS, MOST_CLUSTERS + 1)}
    count, is_stable = _chosen(tried)
    sample = np.sort(rng.permutation(len(points))[:FIT_SAMPLE])
    found = _kmeans(points[sample], count, seed).predict(points)
    number = _numbered(found, customers.spend_mean[bought])
    label[bought] = number
    clusters = tuple(_cluster(n, bought[number == n], raw, points, (customers, bought)) for n in range(1, count + 1))
    overall = {name: float(np.median(raw[name])) for name in (*QUANTITIES, "orders")}
    return Clustering(clusters, label, tried, is_stable, overall)


def _raw(customers: Customers, bought: Array) -> dict[str, Array]:
    """The quantities of those who bought, in their own units: days, money, days, chance; and orders."""
    return {
        "usual_gap": customers.rhythm.usual_gap[bought],
        "order_value": customers.order_value[bought],
        "recency": customers.recency[bought],
        "p_active": customers.p_active[bought],
        "orders": customers.orders[bought],
    }


def _standardised(raw: Mapping[str, Array]) -> Array:
    """(M, 4): logarithms of days and money, log-odds of the chance; ends cut, mean 0, variance 1."""
    least = np.quantile(raw["order_value"], LEVELS_CUT)
    chance = np.clip(raw["p_active"], 1e-4, 1 - 1e-4)
    columns = [
        np.log(raw["usual_gap"]),
        np.log(np.maximum(raw["order_value"], max(least, 1e-2))),
        np.log1p(raw["recency"]),
        np.log(chance / (1 - chance)),
    ]
    cut = [np.clip(c, *np.quantile(c, [LEVELS_CUT, 1 - LEVELS_CUT])) for c in columns]
    spread = [c.std() or 1.0 for c in cut]
    return np.stack([(c - c.mean()) / s for c, s in zip(cut, spread, strict=True)], axis=1)


def _kmeans(points: Array, count: int, seed: int, tries: int = 10) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct customers than clusters
        return KMeans(count, n_init=tries, random_state=seed).fit(points)


def _chosen(tried: Mapping[int, Tried]) -> tuple[int, bool]:
    """The count, and whether it is stable."""
    fit = [k for k, one in tried.items() if one.smallest >= LEAST_SHARE] or list(tried)
    stable = [k for k in fit if tried[k].stability >= STABLE]
    if not stable:
        return max(fit, key=lambda k: (tried[k].stability, -k)), False
    best = max(tried[k].silhouette for k in stable)
    return max(k for k in stable if tried[k].silhouette >= SEPARATE * best), True


def _tried(points: Array, count: int, rng: np.random.Generator) -> Tried:
    from sklearn.metrics import silhouette_score

    base = points[rng.permutation(len(points))[:DRAW_SAMPLE]]
    own = _kmeans(base, count, int(rng.integers(2**31))).labels_
    found = []
    for _ in range(DRAWS):
        drawn = base[rng.integers(0, len(base), len(base))]
        again = _kmeans(drawn, count, int(rng.integers(2**31)), tries=3).predict(base)
        found.append(nearest_jaccard(own, again, count))
    some = slice(0, SILHOUETTE_SAMPLE)  # base is in random order already
    several = 1 < len(np.unique(own[some])) < len(own[some])
    return Tried(
        stability=float(np.mean(found, axis=0).min()),
        silhouette=float(silhouette_score(base[some], own[some])) if several else -1.0,
        smallest=float(np.bincount(own, minlength=count).min() / len(base)),
    )


def nearest_jaccard(own: Array, other: Array, count: int) -> Array:
    """For each of `count` clusters by labels `own` (M,), the greatest Jaccard similarity |A and B| / |A or B| to a
    cluster by labels `other` (M,): (count,); 0 for an empty one."""
    both = np.zeros((count, count))
    np.add.at(both, (own, other), 1)
    either = both.sum(1, keepdims=True) + both.sum(0) - both
    return (both / np.maximum(either, 1)).max(axis=1)


def _numbered(found: Array, spend: Array) -> Array:
    """Labels (M,) as numbers from 1: most expected spend first; equal ones by their size, then as they were found."""
    count = int(found.max()) + 1
    total, size = np.bincount(found, spend, minlength=count), np.bincount(found, minlength=count)
    order = np.lexsort((np.arange(count), -size, -total))
    number = np.empty(count, int)
    number[order] = np.arange(1, count + 1)
    return number[found]


def _cluster(
    number: int, members: Array, raw: Mapping[str, Array], points: Array, source: tuple[Customers, Array]
) -> Cluster:
    customers, bought = source
    own = np.searchsorted(bought, members)
    due = customers.recency[members] / customers.rhythm.usual_gap[members]
    return Cluster(
        number=number,
        customers=len(members),
        spend=float(customers.spend_mean[members].sum()),
        medians={name: float(np.median(raw[name][own])) for name in (*QUANTITIES, "orders")},
        distance=dict(zip(QUANTITIES, points[own].mean(axis=0).tolist(), strict=True)),
        due=float(np.median(due)),
        single=float((customers.orders[members] <= 1).mean()),
    )
