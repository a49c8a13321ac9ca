"""What others would do, written plainly: packages and recipes that forecasts are compared with.

Each peer takes the order days known at a cutoff and the horizon in days, and gives for every customer a point forecast
of spend and a number that ranks the chance to buy. None of them is tuned, here or per case.

- `lifetimes bg-nbd`: BG/NBD times Gamma-Gamma of the package lifetimes, in weeks; `penalised` with the penalty of
  0.001 that is often advised for its convergence.
- `pymc-marketing bg-nbd`: the same model of PyMC-Marketing by MAP, if it is installed.
- `lightgbm ...`: two-stage (chance times mean of buyers), Tweedie, L2 and L1 on 30 windowed features, trained on up to
  four earlier cutoffs.
- `ziln network`: 64-32 network with the zero-inflated log-normal loss of Wang, Liu & Miao 2019 on the same.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cases import Array, Days

WINDOWS = (30, 60, 90, 180, 365)
STEPS = (1.0, 1.5, 2.0, 2.5)  # cutoffs to train on, in horizons before the one asked about
THREADS = 1


@dataclass(frozen=True)
class Point:
    """A forecast for each customer of `Days.customers`."""

    spend: Array  # (N,)
    chance: Array  # (N,) higher is more likely to buy; a probability only where `is_probability`
    is_probability: bool = False


class NoForecastError(Exception):
    """The peer cannot answer here; the text says why."""


# ---- recency, frequency, value -------------------------------------------------------------------------------------


def _edges(days: Days) -> tuple[Array, Array]:
    """Index of each customer's first order day, and their number of order days."""
    n = len(days.customers)
    count = np.bincount(days.row, minlength=n)
    return np.concatenate([[0], np.cumsum(count)[:-1]]), count


def rfm(days: Days, cutoff: int) -> dict[str, Array]:
    """x, t_x, T in days and mean repeat value; the last known day is the end of T, as the packages count it."""
    first, count = _edges(days)
    start, last = days.day[first], days.day[first + count - 1]
    total = np.bincount(days.row, days.value, minlength=len(count))
    repeats = np.maximum(count - 1, 1)
    mean = np.where(count > 1, (total - days.value[first]) / repeats, 0.0)
    return {"x": count - 1.0, "t_x": (last - start) * 1.0, "T": (cutoff - 1 - start) * 1.0, "mean": mean}


def lifetimes_bgnbd(days: Days, cutoff: int, horizon: int) -> dict[str, Point]:
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import ConvergenceError

    r = rfm(days, cutoff)
    x, t_x, T = r["x"], r["t_x"] / 7, r["T"] / 7
    repeat = (x > 0) & (r["mean"] > 0)
    same = np.ptp(r["mean"][repeat]) == 0  # every order has one value: nothing to fit
    points = {}
    for name, penalizer in (("lifetimes bg-nbd", 0.0), ("lifetimes bg-nbd, penalised", 0.001)):
        orders, value = BetaGeoFitter(penalizer_coef=penalizer), GammaGammaFitter(penalizer_coef=penalizer)
        try:
            orders.fit(pd.Series(x), pd.Series(t_x), pd.Series(T))
            if not same or penalizer:
                value.fit(pd.Series(x[repeat]), pd.Series(r["mean"][repeat]))
        except ConvergenceError:
            continue
        expected = np.asarray(orders.conditional_expected_number_of_purchases_up_to_time(horizon / 7, x, t_x, T))
        if same and not penalizer:
            mean = np.full(len(x), r["mean"][repeat][0])
        else:
            mean = np.asarray(value.conditional_expected_average_profit(pd.Series(x), pd.Series(r["mean"])))
        if np.all(np.isfinite(expected * mean)):  # with the penalty, a fit may end where nothing is defined
            points[name] = Point(expected * mean, expected)
    if not points:
        raise NoForecastError("the fit did not converge")
    return points


def pymc_bgnbd(days: Days, cutoff: int, horizon: int) -> dict[str, Point]:
    if importlib.util.find_spec("pymc_marketing") is None:
        raise NoForecastError("PyMC-Marketing is not installed")
    import pandas as pd
    from pymc_marketing.clv import BetaGeoModel, GammaGammaModel

    r = rfm(days, cutoff)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(len(r["x"])),
            "frequency": r["x"],
            "recency": r["t_x"] / 7,
            "T": r["T"] / 7,
            "monetary_value": r["mean"],
        }
    )
    orders = BetaGeoModel(frame)
    orders.fit(method="map")
    expected = _point_of(orders.expected_purchases(frame, future_t=horizon / 7))
    repeat = frame[(frame.frequency > 0) & (frame.monetary_value > 0)]
    if np.ptp(repeat.monetary_value.to_numpy()) == 0:
        mean = np.full(len(frame), repeat.monetary_value.iloc[0])
    else:
        value = GammaGammaModel(repeat)
        value.fit(method="map")
        mean = _point_of(value.expected_customer_spend(frame))
    return {"pymc-marketing bg-nbd": Point(expected * mean, expected)}


def _point_of(draws: Any) -> Array:
    """The one draw that a MAP fit has: (N,)."""
    return np.asarray(draws.mean(("chain", "draw")))


# ---- windowed features and gradient boosting -----------------------------------------------------------------------


def windowed(days: Days, cutoff: int, horizon: int) -> Array:
    """About 30 features for each customer: (N, F). Sums over windows, values, gaps."""
    n = len(days.customers)
    first, count = _edges(days)
    end = first + count - 1

    def sums(since: int, until: int = 0) -> list[Array]:
        inside = (days.day >= cutoff - since) & (days.day < cutoff - until)
        return [np.bincount(days.row[inside], w, minlength=n) for w in (np.ones(inside.sum()), days.value[inside])]

    total = np.bincount(days.row, days.value, minlength=n)
    square = np.bincount(days.row, days.value**2, minlength=n)
    gap = np.diff(days.day, prepend=days.day[:1]).astype(np.float64)
    gap[first] = np.nan
    known = ~np.isnan(gap)
    gaps = np.bincount(days.row[known], gap[known], minlength=n)
    gap_squares = np.bincount(days.row[known], gap[known] ** 2, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_gap = gaps / (count - 1)
        recency, tenure = cutoff - days.day[end], cutoff - days.day[first]
        columns = [
            *(column for window in WINDOWS for column in sums(window)),
            *sums(horizon),
            *sums(2 * horizon, horizon),
            count,
            total,
            total / count,
            np.sqrt(np.maximum(square / count - (total / count) ** 2, 0)),
            np.maximum.reduceat(days.value, first),
            days.value[first],
            days.value[end],
            recency,
            tenure,
            mean_gap,
            np.sqrt(np.maximum(gap_squares / (count - 1) - mean_gap**2, 0)),
            gap[end],
            recency / mean_gap,
            count / tenure,
            total / tenure,
            recency / tenure,
        ]
    features = np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
    features[~np.isfinite(features)] = np.nan
    return features


def training_rows(days: Days, cutoff: int, horizon: int) -> tuple[Array, Array]:
    """Features and spend of customers at earlier cutoffs whose horizon had closed: (R, F), (R,)."""
    features, spent = [], []
    start = int(days.day.min())
    for steps in STEPS:
        at = cutoff - round(steps * horizon)
        if at - start < max(horizon // 2, 30):
            continue
        known = days.known_at(at)
        inside = (days.day >= at) & (days.day < at + horizon)
        of_all = np.bincount(days.row[inside], days.value[inside], minlength=len(days.customers))
        features.append(windowed(known, at, horizon))
        spent.append(of_all[np.searchsorted(days.customers, known.customers)])
    if not features:
        raise NoForecastError("no earlier window of this length had closed")
    return np.concatenate(features), np.concatenate(spent)


def lightgbm_recipes(days: Days, cutoff: int, horizon: int) -> dict[str, Point]:
    import lightgbm as lgb

    X, y = training_rows(days, cutoff, horizon)
    asked = windowed(days, cutoff, horizon)
    common = {
        "n_estimators": 200,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_child_samples": 20,
        "n_jobs": THREADS,
        "random_state": 0,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    chance = lgb.LGBMClassifier(**common).fit(X, y > 0).predict_proba(asked)[:, 1]
    bought = y > 0
    given = lgb.LGBMRegressor(objective="l2", **common).fit(X[bought], y[bought]).predict(asked)
    points = {"lightgbm two-stage": Point(chance * np.maximum(given, 0), chance, is_probability=True)}
    for name, objective in (("tweedie", "tweedie"), ("l2", "l2"), ("l1", "l1")):
        spend = lgb.LGBMRegressor(objective=objective, **common).fit(X, y).predict(asked)
        points[f"lightgbm {name}"] = Point(np.maximum(spend, 0), chance)
    return points


# ---- zero-inflated log-normal network ------------------------------------------------------------------------------


def ziln_network(days: Days, cutoff: int, horizon: int) -> dict[str, Point]:
    """As published: mean p exp(mu + sigma^2 / 2) with sigma = softplus, unbounded; 50 epochs of Adam."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    X, y = training_rows(days, cutoff, horizon)
    asked = windowed(days, cutoff, horizon)
    level = np.log1p(np.nan_to_num(np.maximum(X, 0)))
    mean, sd = level.mean(axis=0), level.std(axis=0) + 1e-6

    def inputs(features: Array) -> torch.Tensor:
        scaled = (np.log1p(np.nan_to_num(np.maximum(features, 0))) - mean) / sd
        return torch.tensor(scaled, dtype=torch.float32)

    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    net = nn.Sequential(nn.Linear(X.shape[1], 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    rows, target = inputs(X), torch.tensor(y, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        for batch in torch.randperm(len(rows), generator=generator).split(512):
            out, spent = net(rows[batch]), target[batch]  # (B, 3), (B,)
            bought = (spent > 0).float()
            sigma = F.softplus(out[:, 2]).clamp_min(1e-3)
            log_spent = torch.log(spent.clamp_min(1e-6))
            nll = 0.5 * ((log_spent - out[:, 1]) / sigma) ** 2 + torch.log(sigma) + log_spent
            loss = (F.binary_cross_entropy_with_logits(out[:, 0], bought, reduction="none") + bought * nll).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        out = net(inputs(asked)).double()
    chance = torch.sigmoid(out[:, 0])
    spend = chance * torch.exp(out[:, 1] + F.softplus(out[:, 2]) ** 2 / 2)
    return {"ziln network": Point(spend.numpy(), chance.numpy(), is_probability=True)}


PEERS: dict[str, Callable[[Days, int, int], dict[str, Point]]] = {
    "lifetimes": lifetimes_bgnbd,
    "pymc-marketing": pymc_bgnbd,
    "lightgbm": lightgbm_recipes,
    "ziln": ziln_network,
}


def ask(group: str, days: Days, cutoff: int, horizon: int) -> dict[str, Point]:
    """The forecasts of a group of peers, for `days.customers`. Raises NoForecastError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the packages warn of their own dependencies
        return PEERS[group](days, cutoff, horizon)
