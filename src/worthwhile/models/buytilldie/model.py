"""Buy-till-you-die laws as models: fitted on the snapshot asked about, they answer it with a Forecast.

They need no matured snapshots: a customer's repeat orders, age and last order say all that they use. Customers who
never ordered what is asked about (a category, say) are unknown to them; for those the share of their like that began
to buy in matured snapshots is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from worthwhile.distribution import (
    COUNT_GRID,
    Forecast,
    Histogram,
    amount_grid,
    from_geometric,
    from_lognormal,
    from_pmf,
)
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.buytilldie import bgnbd, gammagamma, mbgnbd, paretonbd
from worthwhile.models.buytilldie.amounts import Buyers, amount_columns
from worthwhile.models.buytilldie.histories import DAYS_A_WEEK, Array, Histories, collapse
from worthwhile.models.buytilldie.law import Law, fit_law, most_orders
from worthwhile.models.files import read_json, write_json

FILE = "buytilldie.json"
ROWS = 20_000  # customers whose histograms are worked out at once: 16 MB for each array in between
CELLS = 2_000_000  # of ages times counts, likewise
NEW_SIGMA = 1.0  # log-sd of what a customer spends who had never ordered what is asked about


@dataclass(frozen=True)
class Newcomers:
    """What is expected of customers who had not ordered what is asked about."""

    p_active: float
    orders_mean: float  # of those who begin to buy
    amount_mean: float


@dataclass(frozen=True)
class Fitted:
    """A fitted law of orders with its Gamma-Gamma law of their values. Times in weeks, gamma in currency."""

    law: str
    parameters: tuple[float, ...]
    log_likelihood: float
    value_parameters: tuple[float, ...]
    value_log_likelihood: float | None  # None where the law of values is assumed, not fitted
    newcomers: Newcomers


def fit_model(law: Law, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> Fitted:
    """Fit a law to the histories of `current`. Raises InputError `no-history` where nobody has bought twice."""
    x = current.column("x")
    known = ~np.isnan(x)
    if not np.any(x[known] > 0):
        raise InputError(
            "no-history",
            f"no customer ordered twice before {current.cutoff:%Y-%m-%d}, so rates of buying cannot be told",
            remedy="ask later, or for a simpler model such as past-rate",
        )
    histories = _histories(current[known])
    parameters, value = fit_law(law, histories, seed=seed)
    value_parameters, value_of_values = _fit_values(current)
    return Fitted(
        law.name,
        tuple(parameters.tolist()),
        value,
        tuple(value_parameters.tolist()),
        value_of_values,
        _fit_newcomers(matured, current),
    )


def _histories(known: Snapshot) -> Histories:
    """Orders of one day are one, so the first order's day can hold no repeat: it is taken off the age.

    So do the published results count, whose age ends on the last day known and not at the midnight after it.
    """
    x, t_x, T = (known.column(name) for name in ("x", "t_x", "T"))
    return collapse(x, t_x / DAYS_A_WEEK, np.maximum(T - 1, t_x) / DAYS_A_WEEK)


def _fit_values(current: Snapshot) -> tuple[Array, float | None]:
    """Gamma-Gamma parameters and log-likelihood, from repeat buyers whose repeat orders were worth something."""
    x, mean = current.column("x"), current.column("repeat_value_mean")
    usable = (x > 0) & (mean > 0)
    if usable.sum() >= gammagamma.FEWEST:
        return gammagamma.fit(x[usable], mean[usable])
    return gammagamma.assumed(_order_value(current)), None


def _order_value(current: Snapshot) -> float:
    """Mean value of the orders asked about; the shop's median order where there is none."""
    orders, amount = (
        np.nan_to_num(current.column("orders_all")).sum(),
        np.nan_to_num(current.column("amount_all")).sum(),
    )
    return float(amount / orders) if orders > 0 and amount > 0 else current.scale


def _fit_newcomers(matured: Sequence[Snapshot], current: Snapshot) -> Newcomers:
    """From matured snapshots' customers without such an order, by Laplace's rule. Without any: as if the customers
    who do have one had begun evenly over the history."""
    unknown = [s[np.isnan(s.column("x"))] for s in matured if s.outcome is not None]
    asked = sum(len(s) for s in unknown)
    orders = np.concatenate([s.outcome.orders for s in unknown if s.outcome] or [np.empty(0)])
    amount = np.concatenate([s.outcome.amount / s.discount for s in unknown if s.outcome] or [np.empty(0)])
    began = int(np.sum(orders > 0))
    if asked:
        p = (began + 1) / (asked + 2)
    else:
        began_by_now = float(np.mean(~np.isnan(current.column("x"))))
        p = began_by_now * min(current.horizon_days / max(current.history_days, current.horizon_days), 0.5)
    typical = _order_value(current)
    if not began:
        return Newcomers(p, 1.0, typical)
    # one more customer with one typical order, so that a single wholesaler does not speak for all
    return Newcomers(p, (orders.sum() + 1) / (began + 1), (amount.sum() + typical) / (began + 1))


def forecast_with(fitted: Fitted, snapshot: Snapshot) -> Forecast:
    """The distributions for each customer. Memory beyond the answer's own is bounded."""
    amount_of, n = amount_grid(snapshot.scale), len(snapshot)
    amount = Histogram(amount_of, np.empty((n, amount_of.columns), dtype=np.float32), np.empty(n))
    orders = Histogram(COUNT_GRID, np.empty((n, COUNT_GRID.columns), dtype=np.float32), np.empty(n))
    known = ~np.isnan(snapshot.column("x"))
    _fill_newcomers(fitted.newcomers, amount, orders, np.flatnonzero(~known))
    _fill_known(fitted, snapshot, amount, orders, np.flatnonzero(known))
    return Forecast(
        snapshot.customer_ids,
        snapshot.cutoff,
        str(snapshot.task.horizon),
        amount if snapshot.discount == 1.0 else amount.scaled(snapshot.discount),
        orders,
        fitted.law,
        snapshot.task.amount_name,
    )


def _fill_newcomers(new: Newcomers, amount: Histogram, orders: Histogram, rows: Array) -> None:
    if not len(rows):
        return
    p, one = np.array([new.p_active]), np.ones(1)
    for whole, part in (
        (amount, from_lognormal(amount.grid, p, one * new.amount_mean, one * NEW_SIGMA)),
        (orders, from_geometric(p, one * new.orders_mean)),
    ):
        whole.prob[rows], whole.tail_mean[rows] = part.prob, part.tail_mean


def _fill_known(fitted: Fitted, snapshot: Snapshot, amount: Histogram, orders: Histogram, known: Array) -> None:
    """Fill in customers with an order asked about, those with equal (x, known orders' value or not) together."""
    law, parameters, values = LAWS[fitted.law], np.array(fitted.parameters), np.array(fitted.value_parameters)
    weeks = snapshot.horizon_days / DAYS_A_WEEK
    histories = _histories(snapshot[known])
    alive = law.p_alive(parameters, histories)[histories.history_row]
    x, T = histories.x[histories.history_row], histories.T[histories.history_row]
    mean = snapshot.column("repeat_value_mean")[known]
    valued = (x > 0) & (mean > 0)
    value_sum = np.where(valued, x * mean, 0.0)
    for rows, most in _alike(parameters, x + valued / 2, T, weeks):
        ages, first, age = np.unique(T[rows], return_index=True, return_inverse=True)
        own_x = float(x[rows[0]])
        chances = law.orders_alive(parameters, own_x, ages, weeks, most)  # (A, most + 1)
        # Most customers of most shops bought once: those of one age are all alike, and worked out once.
        distinct, back = (first, age) if own_x == 0 else (slice(None), slice(None))
        one = rows[distinct]
        seen = own_x if valued[rows[0]] else 0.0
        buyers = Buyers(seen, values[2] + value_sum[one], alive[one], age[distinct], chances)
        here = known[rows]
        prob, tail_mean = amount_columns(amount.grid, values, buyers)
        amount.prob[here], amount.tail_mean[here] = prob.astype(np.float32)[back], tail_mean[back]
        prob, tail_mean = _orders_columns(buyers)
        orders.prob[here], orders.tail_mean[here] = prob.astype(np.float32)[back], tail_mean[back]


def _orders_columns(buyers: Buyers) -> tuple[Array, Array]:
    """The orders' probabilities (N, columns of COUNT_GRID), and the mean of its open end (N,)."""
    counts = from_pmf(buyers.orders)  # (A,) rows
    prob = buyers.p_alive[:, None] * counts.prob[buyers.age]
    prob[:, 0] += 1 - buyers.p_alive
    return prob, counts.tail_mean[buyers.age]


def _alike(parameters: Array, key: Array, T: Array, weeks: float) -> Iterator[tuple[Array, int]]:
    """Rows of equal key (x, plus a half), by age, in pieces that bound memory; and the most orders they may make."""
    order = np.lexsort((T, key))
    starts = np.flatnonzero(np.diff(key[order], prepend=-1.0))
    for group in np.split(order, starts[1:]):
        x = float(np.floor(key[group[0]]))
        most = most_orders(parameters, x, T[group], weeks)
        size = int(np.clip(CELLS // (most + 1), 100, ROWS))
        for begin in range(0, len(group), size):
            yield group[begin : begin + size], most


LAWS: dict[str, Law] = {law.name: law for law in (bgnbd.LAW, mbgnbd.LAW, paretonbd.LAW)}


def save_fitted(fitted: Fitted, folder: Path) -> None:
    write_json(folder / FILE, asdict(fitted))


def load_fitted(folder: Path) -> Fitted:
    """What `save_fitted` wrote. Raises InputError `damaged`."""
    kept = read_json(folder / FILE)
    try:
        kept |= {key: tuple(kept[key]) for key in ("parameters", "value_parameters")}
        return Fitted(**(kept | {"newcomers": Newcomers(**kept["newcomers"])}))
    except (KeyError, TypeError) as error:
        raise InputError(
            "damaged",
            f"this is not a fitted buy-till-you-die law: {error}",
            where=str(folder / FILE),
            remedy="run the forecast anew",
        ) from error


class BgNbd:
    """BG/NBD with Gamma-Gamma. Whoever bought once only is alive for certain: dropout follows repeat orders."""

    name: ClassVar[str] = "bg-nbd"

    def __init__(self) -> None:
        self.fitted: Fitted | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        self.fitted = fit_model(bgnbd.LAW, matured, current, seed=seed)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        assert self.fitted is not None, "fit or load first"
        return forecast_with(self.fitted, snapshot)

    def save(self, folder: Path) -> None:
        assert self.fitted is not None, "fit or load first"
        save_fitted(self.fitted, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.fitted = load_fitted(folder)
        return model


class MbgNbd:
    """MBG/NBD with Gamma-Gamma: as BG/NBD, but the first order may be the last."""

    name: ClassVar[str] = "mbg-nbd"

    def __init__(self) -> None:
        self.fitted: Fitted | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        self.fitted = fit_model(mbgnbd.LAW, matured, current, seed=seed)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        assert self.fitted is not None, "fit or load first"
        return forecast_with(self.fitted, snapshot)

    def save(self, folder: Path) -> None:
        assert self.fitted is not None, "fit or load first"
        save_fitted(self.fitted, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.fitted = load_fitted(folder)
        return model


class ParetoNbd:
    """Pareto/NBD with Gamma-Gamma: a lifetime that may end at any moment."""

    name: ClassVar[str] = "pareto-nbd"

    def __init__(self) -> None:
        self.fitted: Fitted | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        self.fitted = fit_model(paretonbd.LAW, matured, current, seed=seed)

    def forecast(self, snapshot: Snapshot) -> Forecast:
        assert self.fitted is not None, "fit or load first"
        return forecast_with(self.fitted, snapshot)

    def save(self, folder: Path) -> None:
        assert self.fitted is not None, "fit or load first"
        save_fitted(self.fitted, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.fitted = load_fitted(folder)
        return model
