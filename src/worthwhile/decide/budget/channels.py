"""Budgets across the channels that customers are acquired through: what a channel's customers are forecast to be worth
against what they cost, with diminishing returns.

How many customers more money brings is an assumption, a power law through what was seen: n(s) = n0 (s / s0)^e with an
elasticity e below 1 (0.5 where nothing else is said, and then it is called assumed; or fitted to several periods by
least squares on logarithms). The return v n(s) is concave, so the best split of a budget gives every channel the same
marginal return v n0 e / s0 (s / s0)^(e - 1) = m, within its bounds; m is found by bisection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from worthwhile.decide.budget.problem import Array
from worthwhile.decide.columns import OF_CHANNELS, check_columns
from worthwhile.decide.tables import numbers_of, refuse_nameless, texts_of
from worthwhile.errors import InputError

COLUMNS = ("channel", "spend", "new_customers")
ELASTICITY = 0.5
STEPS = 200


@dataclass(frozen=True)
class Split:
    """A budget over channels. `table` has a row for each channel, ascending by name."""

    table: pa.Table  # channel, spend_before, customers_before, value_each, elasticity, elasticity_is, spend, customers,
    # margin, next_return
    next_return: float  # of a further unit of budget, in margin; 0 where every channel is at its most, or at nothing
    unspent: float = 0.0  # of the budget, where every channel is at its most


def split_budget(
    channels: pa.Table,
    budget: float,
    *,
    values: pa.Table | None = None,
    elasticity: float | Mapping[str, float] | None = None,
    most_change: float = 3.0,
    where: str = "channels",
) -> Split:
    """Split a budget over acquisition channels so that the forecast margin of the customers it brings is highest.

    `channels` has `channel`, `spend`, `new_customers` (a row for each channel, or for each channel and period) and
    perhaps `value_each`, the forecast margin of one new customer. Else `values` has a row for each customer: `channel`
    and `expected_margin`, whose mean by channel is taken. With three periods or more of a channel its elasticity is
    fitted; else it is `elasticity`, by default 0.5, and called assumed. No channel's spend becomes more than
    `most_change` times what it was: beyond what was seen the law is a guess.
    Raises InputError `bad-columns`, `bad-values`, `bad-argument`.
    """
    names, spend, customers, periods = _totals(channels, where)
    value = _values(channels, values, names, where)
    if not np.isfinite(budget) or budget < 0 or most_change <= 0:
        raise InputError("bad-argument", f"{budget:g} is no budget", where="--budget", remedy="give a number from 0 on")
    power, source = _elasticities(channels, names, periods, elasticity)
    base_spend, base_customers = spend / periods, customers / periods  # of one period
    ceiling = base_spend * most_change
    best = _level(value * base_customers, base_spend, power, ceiling, min(budget, float(ceiling.sum())))
    brought = base_customers * (best / base_spend) ** power
    marginal = value * power * brought / np.where(best > 0, best, 1.0)
    inside = (best < ceiling * (1 - 1e-9)) & (best > 0)
    table = pa.table(
        {
            "channel": names,
            "spend_before": base_spend,
            "customers_before": base_customers,
            "value_each": value,
            "elasticity": power,
            "elasticity_is": source,
            "spend": best,
            "customers": brought,
            "margin": value * brought,
            "next_return": marginal,
        }
    )
    unspent = max(budget - float(ceiling.sum()), 0.0)
    return Split(table, float(marginal[inside].max(initial=0.0)), unspent)


def _level(value: Array, base: Array, power: Array, ceiling: Array, budget: float) -> Array:
    """Spends of equal marginal return m, the budget in sum: s0 (v n0 e / (m s0))^(1 / (1 - e)), at most `ceiling`."""

    def spends(log_m: float) -> Array:
        with np.errstate(divide="ignore"):
            logs = (np.log(value * power / base) - log_m) / (1 - power)
        return np.minimum(base * np.exp(np.clip(logs, -700, 700)), ceiling)

    low, high = -60.0, 60.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if spends(middle).sum() > budget else (low, middle)
    found = spends(high)
    return found * (budget / found.sum()) if found.sum() > 0 and budget < ceiling.sum() else found


def _totals(channels: pa.Table, where: str) -> tuple[list[str], Array, Array, Array]:
    """By channel, ascending: names, spend, new customers, periods."""
    check_columns(channels, COLUMNS, where=where, known=OF_CHANNELS)
    refuse_nameless(channels, "channel", where=where)
    numbers = {name: numbers_of(channels, name, where=where) for name in COLUMNS[1:]}
    for name, values in numbers.items():
        wrong = np.flatnonzero(values <= 0)
        if len(wrong):
            raise InputError(
                "bad-values",
                f"`{name}` is not above zero",
                where=f"{where} row {wrong[0] + 1}",
                remedy="leave channels out of which nothing is known yet, and give them a budget of their own",
            )
    summed = (
        pa.table({"channel": texts_of(channels, "channel", where=where), **numbers})
        .group_by("channel", use_threads=False)
        .aggregate([("spend", "sum"), ("new_customers", "sum"), ("spend", "count")])
        .sort_by("channel")
    )
    columns = (summed[name].to_numpy().astype(float) for name in ("spend_sum", "new_customers_sum", "spend_count"))
    spend, customers, periods = columns
    return summed["channel"].to_pylist(), spend, customers, periods


def _values(channels: pa.Table, values: pa.Table | None, names: list[str], where: str) -> Array:
    """What a new customer of each channel is forecast to be worth."""
    source, column = (channels, "value_each") if values is None else (values, "expected_margin")
    if "channel" not in source.column_names or column not in source.column_names:
        raise InputError(
            "bad-columns",
            "what a customer of each channel is worth is not said",
            where=where,
            remedy="add a column value_each, or give a table of customers with channel and expected_margin",
        )
    if values is None:
        numbers_of(channels.select(["value_each"]).drop_null(), "value_each", where=where)
    means = source.group_by("channel", use_threads=False).aggregate([(column, "mean")])
    known = dict(zip(means["channel"].cast(pa.string()).to_pylist(), means[f"{column}_mean"].to_pylist(), strict=True))
    missing = [name for name in names if known.get(name) is None]
    if missing:
        raise InputError(
            "bad-values", f"no customer of the channel `{missing[0]}` has a value", where=where, remedy="add one"
        )
    return np.maximum(np.array([known[name] for name in names], float), 1e-12)


def _elasticities(
    channels: pa.Table, names: list[str], periods: Array, given: float | Mapping[str, float] | None
) -> tuple[Array, list[str]]:
    """Each channel's elasticity and whether it was fitted, given or assumed."""
    texts = channels["channel"].cast(pa.string()).to_pylist()
    logs = [np.log(np.array(channels[name].to_pylist(), float)) for name in ("spend", "new_customers")]
    found, source = [], []
    for name, count in zip(names, periods, strict=True):
        own = np.array([text == name for text in texts])
        said = given.get(name) if isinstance(given, Mapping) else given
        x, y = (log[own] - log[own].mean() for log in logs)
        if said is None and count >= 3 and x @ x > 1e-6:
            found.append(float(np.clip(x @ y / (x @ x), 0.05, 0.95)))
            source.append(f"fitted to {int(count)} periods")
        else:
            found.append(ELASTICITY if said is None else float(said))
            source.append("assumed")
        if not 0 < found[-1] < 1:
            raise InputError(
                "bad-argument", f"an elasticity of {found[-1]:g} has no best split", where="elasticity", remedy="0 to 1"
            )
    return np.array(found), source
