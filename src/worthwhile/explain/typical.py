"""The typical customer: what forecasts are compared with, and what stands where a reason is taken away."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from worthwhile.features.snapshot import Snapshot

Array = np.ndarray[Any, Any]

ALIKE = 200  # customers in the middle whose features are averaged
CENTRE = 0.5  # of all customers in the order of what is expected


def middle_customers(forecasts: pa.Table, amount_name: str, count: int = ALIKE) -> list[str]:
    """Ids of the `count` customers nearest to the middle of the shop, by expected amount and P(active); ascending.

    Nearness is in ranks, of which ties share the mean, so that neither currency nor a heavy tail matters.
    """
    ids = forecasts["customer_id"].to_numpy(zero_copy_only=False)
    away = np.zeros(len(ids))
    for name in (f"{amount_name}_mean", "p_active"):
        away = np.maximum(away, np.abs(_ranks(forecasts[name].to_numpy()) - CENTRE))
    nearest = np.lexsort((ids.astype(str), away))[:count]
    return sorted(ids[nearest].tolist())


def _ranks(values: Array) -> Array:
    """(N,) shares of customers below, and half of those equal: within 0 and 1."""
    ordered = np.sort(values)
    low, high = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (low + high) / (2 * max(len(values), 1))


def typical_of(middle: Snapshot) -> Snapshot:
    """One customer: the one of the middle who is most like all of them, with the median of each of their features.

    Missing stays missing where it is so for most. Events, where a model reads them, are those of that customer.
    """
    features = as_parts(middle.features, middle.names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns that are missing for all
        median = np.nanmedian(features, axis=0)
        spread = np.nanmean(np.abs(features - median), axis=0)
    median[np.isnan(features).mean(axis=0) > 0.5] = np.nan
    apart = np.abs(features - median) / np.where(spread > 0, spread, 1.0)
    apart = np.where(np.isnan(apart), (np.isnan(features) != np.isnan(median)).astype(float), apart)
    nearest = int(np.argmin(apart.mean(axis=1)))
    return replace(middle[[nearest]], features=as_columns(median[None], middle.names))


def as_parts(features: Array, names: tuple[str, ...]) -> Array:
    """The features (N, F) float64 with the days since the last order asked about in the place of `t_x`.

    In these parts a customer can be put together from two: days since the last order belong to recency, days since
    the first to tenure, and `t_x` follows from both.
    """
    parts = features.astype(np.float64)
    t_x, tenure = names.index("t_x"), names.index("T")
    parts[:, t_x] = parts[:, tenure] - parts[:, t_x]
    return parts


def as_columns(parts: Array, names: tuple[str, ...]) -> Array:
    """Features (N, F) float32 of parts, made right where they follow from each other: nobody ordered longer ago than
    they have been a customer, and recency against the usual gap is of the recency and the gap that stand here."""
    made = parts.copy()
    at = {name: names.index(name) for name in ("x", "t_x", "T", "days_since_order", "gap_mean", "recency_ratio")}
    since = made[:, at["t_x"]]
    tenure = np.fmax(made[:, at["T"]], since)
    made[:, at["T"]] = tenure
    made[:, at["t_x"]] = np.where(made[:, at["x"]] > 0, tenure - since, 0.0)
    known = ~np.isnan(made[:, at["x"]]) & ~np.isnan(made[:, at["T"]]) & ~np.isnan(since)
    for name in ("x", "t_x", "T"):  # who has no order that still counts has none of these
        made[~known, at[name]] = np.nan
    gap = made[:, at["gap_mean"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        made[:, at["recency_ratio"]] = np.where(gap > 0, made[:, at["days_since_order"]] / gap, np.nan)
    return made.astype(np.float32)
