"""The metrics: what each one says, which way is better, and the arithmetic on plain arrays.

Every function takes 1-D arrays with one entry for each customer and gives a float. A metric that is not defined, for
instance because nobody bought, is NaN and never an exception: a backtest goes on.

Ties. A forecast that gives many customers the same number says nothing about their order. What depends on the order
(Gini, gain curve, top decile) therefore takes the mean over all orders of tied customers, so that no result depends on
the order of the rows. On CDNOW the order of ties alone moves the Gini of a rate that is zero for 60 % of customers
between 0.55 and 0.78.

Letters: f forecast, y actual, p probability of buying, b whether bought; all (N,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

Array = np.ndarray[Any, Any]
NAN = float("nan")
GROUPS = 10  # deciles

GOOGLE = "google/lifetime_value, normalized Gini; Wang, Liu & Miao 2019 (arXiv 1912.07753)"
GNEITING = "Gneiting & Raftery 2007, eq. 20"
CONDITIONAL = "interval of the positive part, renormalised; the plain interval over buyers is selected on the outcome"


@dataclass(frozen=True)
class Metric:
    """One row of the table of metrics.

    `direction` is `lower`, `higher` or `nearest`; `nearest` means nearest to `ideal`. `unit` is `currency`, `orders`,
    `ratio` (0 is even), `share` (of 1) or `score`.
    """

    name: str
    definition: str
    direction: str
    unit: str
    source: str
    ideal: float = NAN

    def loss(self, value: float) -> float:
        """The value turned so that less is better: the value, its negative, or its distance from the ideal."""
        if self.direction == "nearest":
            return abs(value - self.ideal)
        return -value if self.direction == "higher" else value


# The order is the order of every table of scores. `docs/metrics.md` is tested against this table.
METRICS: dict[str, Metric] = {
    m.name: m
    for m in [
        Metric(
            "crps",
            "Continuous ranked probability score of the amount: the distance between the forecast distribution and "
            "what happened, mean over customers. It rewards ranking, level and honest spread at once.",
            "lower",
            "currency",
            GNEITING,
        ),
        Metric(
            "mae",
            "Mean absolute error of the predictive median of the amount.",
            "lower",
            "currency",
            "the median minimises the absolute error: Gneiting 2011",
        ),
        Metric(
            "rmse",
            "Root of the mean squared error of the predictive mean of the amount.",
            "lower",
            "currency",
            "the mean minimises the squared error: Gneiting 2011",
        ),
        Metric(
            "bias",
            "Sum of the predictive means of the amount over the sum of actual amounts, minus 1.",
            "nearest",
            "ratio",
            "definition",
            0.0,
        ),
        Metric(
            "gini",
            "Area under the gain curve of actual amounts, customers in order of the predictive mean (2 * mean - 1), "
            "over the same in order of the actual amounts. Ties take the mean over their orders.",
            "higher",
            "share",
            GOOGLE,
        ),
        Metric(
            "spearman",
            "Rank correlation of the predictive mean with the actual amount, ties at their mean rank.",
            "higher",
            "score",
            "Spearman 1904",
        ),
        Metric(
            "spearman_buyers",
            "The same among customers with an actual amount above zero.",
            "higher",
            "score",
            "Spearman 1904",
        ),
        Metric(
            "decile_mape",
            "Ten equal groups by the predictive mean (stable ranks on ties): mean over groups of |mean forecast - mean "
            "actual|, over the overall mean actual, so that a group without spend does not divide by zero.",
            "lower",
            "share",
            "Wang, Liu & Miao 2019 (arXiv 1912.07753), with the overall mean as the divisor",
        ),
        Metric(
            "top_decile_share",
            "Share of the actual amount that the tenth of customers with the highest predictive mean brought.",
            "higher",
            "share",
            "gain curve at 10 % of customers",
        ),
        Metric(
            "pit_distance",
            "Largest distance of the distribution of the randomised probability integral transform from the uniform "
            "one: 0 for a forecast that is calibrated as a whole.",
            "lower",
            "share",
            "Kolmogorov 1933; Czado, Gneiting & Held 2009",
        ),
        *[
            Metric(
                f"coverage_{level}{suffix}",
                f"Share of {whom} whose actual amount lies in the {level} % interval{given}.",
                "nearest",
                "share",
                source,
                level / 100,
            )
            for suffix, whom, given, source in (
                (
                    "",
                    "all customers",
                    "; easy to exceed, since most amounts are zero",
                    "central interval, ends included",
                ),
                (
                    "_likely",
                    "customers with a probability of buying of at least one half",
                    "; of an outcome of zero, that part of the chance of zero counts which lies in the interval",
                    "coverage by the randomised transform: Czado, Gneiting & Held 2009",
                ),
                ("_buyers", "customers with an actual amount above zero", " given purchase", CONDITIONAL),
            )
            for level in (50, 90)
        ],
        Metric(
            "auc",
            "Chance that a random buyer has a higher probability of buying than a random customer who did not buy; "
            "a tie counts one half.",
            "higher",
            "share",
            "Mann & Whitney 1947",
        ),
        Metric(
            "pr_auc",
            "Average precision of the probability of buying: mean precision over the steps of recall.",
            "higher",
            "share",
            "sum of (R_k - R_k-1) P_k over distinct thresholds, as scikit-learn's average_precision_score",
        ),
        Metric(
            "brier",
            "Mean squared distance of the probability of buying from what happened (1 bought, 0 did not).",
            "lower",
            "score",
            "Brier 1950",
        ),
        Metric(
            "buyers_bias",
            "Sum of the probabilities of buying over the number of buyers, minus 1.",
            "nearest",
            "ratio",
            "definition",
            0.0,
        ),
        *[
            Metric(
                name,
                f"{what}, where those count as forecast to buy whose probability reaches the threshold that gives as "
                "many forecast buyers as there were actual ones, as nearly as ties allow. The threshold is read off "
                "the outcome: it compares models, and is no rule that could have been used beforehand.",
                "higher",
                "share",
                "threshold at the base rate",
            )
            for name, what in (
                ("accuracy", "Share of customers put on the right side of buying or not"),
                ("precision", "Share of buyers among customers forecast to buy"),
                ("recall", "Share forecast to buy among buyers"),
                ("f1", "Harmonic mean of precision and recall"),
            )
        ],
        Metric(
            "orders_crps",
            "Continuous ranked probability score of the number of orders, mean over customers.",
            "lower",
            "orders",
            GNEITING,
        ),
        Metric(
            "orders_mae",
            "Mean absolute error of the predictive median of the number of orders.",
            "lower",
            "orders",
            "as mae",
        ),
        Metric(
            "orders_rmse",
            "Root of the mean squared error of the predictive mean of the number of orders.",
            "lower",
            "orders",
            "as rmse",
        ),
        Metric(
            "orders_bias",
            "Sum of the predictive means of the number of orders over the number of actual orders, minus 1.",
            "nearest",
            "ratio",
            "as bias",
            0.0,
        ),
    ]
}


def mean(values: Array) -> float:
    """The mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else NAN


def mean_absolute_error(median: Array, y: Array) -> float:
    return mean(np.abs(median - y))


def root_mean_squared_error(f: Array, y: Array) -> float:
    return float(np.sqrt(mean((f - y) ** 2)))


def relative_bias(f: Array, y: Array) -> float:
    """sum f / sum y - 1; NaN where nothing was spent."""
    total = float(np.sum(y))
    return float(np.sum(f)) / total - 1 if total > 0 else NAN


def in_order_of(f: Array, y: Array) -> Array:
    """Actuals in descending order of forecast, tied customers each with the mean of their group: (N,)."""
    order = np.argsort(-f, kind="stable")
    ranked, actual = f[order], y[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if len(f) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(f)))
    return np.repeat(np.add.reduceat(actual, starts) / sizes, sizes) if len(f) else actual


def gain(f: Array, y: Array, shares: Array) -> Array:
    """Share of the actual amount that the first `shares` of customers, by forecast, brought; NaN without any."""
    total = float(np.sum(y))
    if total <= 0:
        return np.full(len(shares), NAN)
    reached = np.concatenate([[0.0], np.cumsum(in_order_of(f, y))]) / total
    return np.interp(np.asarray(shares) * len(y), np.arange(len(y) + 1), reached)


def normalized_gini(f: Array, y: Array) -> float:
    """2 * mean - 1 of the gain curve by forecast, over that by the actuals. NaN where all actuals are alike."""
    if len(y) == 0 or np.sum(y) <= 0 or np.ptp(y) == 0:
        return NAN
    raw, best = (2 * np.mean(np.cumsum(v)) / np.sum(y) - 1 for v in (in_order_of(f, y), np.sort(y)[::-1]))
    return float(raw / best)


def spearman(f: Array, y: Array) -> float:
    """Rank correlation; NaN where either side is constant or there are fewer than two customers."""
    if len(y) < 2:
        return NAN
    a, b = rankdata(f), rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    spread = np.sqrt(np.sum(a**2) * np.sum(b**2))
    return float(np.clip(np.sum(a * b) / spread, -1.0, 1.0)) if spread > 0 else NAN


def groups_of(f: Array, count: int = GROUPS) -> Array:
    """The group of each customer, 0 (lowest forecasts) to count - 1: equal sizes, ties by their order."""
    group = np.empty(len(f), dtype=np.int64)
    group[np.argsort(f, kind="stable")] = np.arange(len(f)) * count // max(len(f), 1)
    return group


def group_means(group: Array, values: Array, count: int = GROUPS) -> Array:
    """Mean of the values in each group, NaN in an empty one: (count,)."""
    sizes = np.bincount(group, minlength=count)
    return np.bincount(group, weights=values, minlength=count) / np.where(sizes > 0, sizes, NAN)


def decile_mape(f: Array, y: Array) -> float:
    """Mean over ten groups by forecast of |mean f - mean y|, over the overall mean y."""
    if len(y) == 0 or np.sum(y) <= 0:
        return NAN
    group = groups_of(f)
    return float(np.nanmean(np.abs(group_means(group, f) - group_means(group, y))) / np.mean(y))


def area_under_roc(p: Array, b: Array) -> float:
    """P(p of a buyer > p of another) + P(equal) / 2, by the sum of ranks. NaN where only one class is there."""
    buyers = int(np.sum(b))
    others = len(b) - buyers
    if buyers == 0 or others == 0:
        return NAN
    return float((np.sum(rankdata(p)[b]) - buyers * (buyers + 1) / 2) / (buyers * others))


def _thresholds(p: Array, b: Array) -> tuple[Array, Array]:
    """For each distinct threshold, highest first: how many customers reach it, and how many of them bought."""
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return last + 1, np.cumsum(b[order])[last]


def average_precision(p: Array, b: Array) -> float:
    """Sum over thresholds of the step in recall times the precision. NaN without a buyer."""
    if not np.any(b):
        return NAN
    called, hits = _thresholds(p, b)
    return float(np.sum(np.diff(hits, prepend=0) / np.sum(b) * (hits / called)))


def at_base_rate(p: Array, b: Array) -> dict[str, float]:
    """accuracy, precision, recall and f1 at the threshold that calls as many buyers as there are, to the nearest tie.

    Of two thresholds that are equally near, the one that calls fewer. All NaN without a buyer.
    """
    buyers = int(np.sum(b))
    if buyers == 0:
        return dict.fromkeys(("accuracy", "precision", "recall", "f1"), NAN)
    called, hits = _thresholds(p, b)
    k = int(np.argmin(np.abs(called - buyers)))
    n, hit = int(called[k]), int(hits[k])
    wrong = (n - hit) + (buyers - hit)
    return {
        "accuracy": 1 - wrong / len(b),
        "precision": hit / n,
        "recall": hit / buyers,
        "f1": 2 * hit / (n + buyers),
    }


def distance_to_uniform(u: Array) -> float:
    """Kolmogorov's distance: sup over x in [0, 1] of |share of u <= x - x|."""
    if len(u) == 0:
        return NAN
    u, n = np.sort(u), len(u)
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - u), np.max(u - steps[:-1])))


def covered(upto: Array, below: Array, level: float) -> Array:
    """Whether each outcome y lies within the central interval of this level, ends included: (N,) bool.

    `upto` is F(y), `below` is F just under y: quantile(a) <= y exactly where F(y) >= a, and y <= quantile(1 - a)
    exactly where F just under y does not exceed 1 - a. The two differ at the atom at zero only.
    """
    edge = (1 - level) / 2
    return (upto >= edge - 1e-9) & (below <= 1 - edge + 1e-9)


def share_covered(upto: Array, below: Array, level: float) -> Array:
    """How much of each outcome lies within the central interval of this level: (N,), 1 or 0 off the atom at zero.

    Of an outcome at the atom that share of its mass counts which lies inside, as if the randomised probability
    integral transform were asked. Its mean is the level where the forecast is calibrated, however large the atoms.
    """
    edge = (1 - level) / 2
    inside = np.minimum(upto, 1 - edge) - np.maximum(below, edge)
    mass = upto - below
    part = np.clip(inside, 0.0, None) / np.where(mass > 0, mass, 1.0)
    return np.where(mass > 0, part, covered(upto, below, level))
