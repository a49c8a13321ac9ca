"""Where real shops fall among simulated ones: summary statistics of both, and the share of simulated shops below.

    python bench/prior_coverage.py --data ../shared/data --shops 400

A number near 0 or 1 says that the prior hardly knows such a shop. Real shops are looked at as a whole log; nothing is
fitted to them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from cases import opened

Array = np.ndarray[Any, Any]
REAL = ("cdnow", "online_retail_ii", "online_retail_ii_net", "grocery")
LEAST_CUSTOMERS, LEAST_DAYS = 100, 250


def statistics(customer: Array, day: Array, value: Array, refunded: Array) -> dict[str, float]:
    """Of one shop's order days, sorted by customer and day: days from the log's start, values, what was given back."""
    found = _timing(customer, day) | _money(customer, value)
    found["refund share of spend"] = refunded.sum() / value.sum()
    found |= _seasons(customer, day)
    return found


def _timing(customer: Array, day: Array) -> dict[str, float]:
    orders = np.bincount(customer)
    again = customer[1:] == customer[:-1]
    gaps = np.diff(day)[again]
    found = {f"gap, {q:.0%} quantile, days": np.quantile(gaps, q) if len(gaps) else np.nan for q in (0.1, 0.5, 0.9)}
    found["customers with one order"] = np.mean(orders == 1)
    found["orders a customer"] = orders.mean()
    found["orders, spread of the log"] = np.log(orders).std()
    found["orders of the top tenth"] = np.sort(orders)[-max(len(orders) // 10, 1) :].sum() / orders.sum()
    enough = np.flatnonzero(orders >= 5)
    starts = np.concatenate([[0], np.cumsum(orders)[:-1]])
    spread = [np.std(g) / np.mean(g) for c in enough[:200] for g in [np.diff(day[starts[c] : starts[c] + orders[c]])]]
    found["gaps of one customer, spread for the mean"] = np.median(spread) if spread else np.nan
    return found


def _money(customer: Array, value: Array) -> dict[str, float]:
    log = np.log(np.maximum(value, 1e-6) / np.median(value))
    orders = np.bincount(customer)
    mean = np.bincount(customer, log) / orders
    within = np.sqrt(np.maximum(np.bincount(customer, log**2) / orders - mean**2, 0))
    spend = np.sort(np.bincount(customer, value))
    top = np.sort(value)[-max(len(value) // 50, 2) :]
    found = {"value, spread of the log": log.std(), "value, spread between customers": mean[orders >= 2].std()}
    found["value, spread within a customer"] = np.mean(within[orders >= 3]) if np.any(orders >= 3) else np.nan
    found["value, tail index of the top 2 %"] = 1 / max(np.mean(np.log(top / top[0])), 1e-3)
    found["value, mean for the median"] = value.mean() / np.median(value)
    found["value, 99.9 % quantile for the median"] = np.quantile(value, 0.999) / np.median(value)
    found["spend of the top tenth"] = spend[-max(len(spend) // 10, 1) :].sum() / spend.sum()
    varied = mean.std() > 1e-6 and orders.std() > 0
    found["value along with orders, correlation"] = np.corrcoef(mean, np.log(orders))[0, 1] if varied else 0.0
    return found


def _seasons(customer: Array, day: Array) -> dict[str, float]:
    length = int(day.max()) + 1
    first = np.full(customer.max() + 1, length)
    np.minimum.at(first, customer, day)
    thirds = np.bincount(np.minimum(day * 3 // length, 2), minlength=3)
    months = np.bincount(day // 30)[: max(length // 30, 1)]
    later = months[len(months) // 4 :]
    repeat = day > first[customer]
    found = {"orders, last third for the middle": np.log((thirds[2] + 1) / (thirds[1] + 1))}
    found["busiest month for the mean"] = later.max() / later.mean()
    found["months, spread of the log"] = np.log(later + 1).std()
    found["newcomers in the first quarter"] = np.mean(first < length / 4)
    found["newcomers in the last quarter"] = np.mean(first >= 0.75 * length)
    found["repeat orders, last half for the first"] = np.log(
        (np.sum(repeat & (day >= length / 2)) + 1) / (np.sum(repeat & (day < length / 2)) + 1)
    )
    old = first < length / 2
    last = np.zeros_like(first)
    np.maximum.at(last, customer, day)
    found["of customers of the first half, still here in the last quarter"] = np.mean(last[old] >= 0.75 * length)
    return found


def real_statistics(name: str, folder: Path) -> dict[str, float]:
    with opened(name, folder) as log:
        rows = log.con.execute(
            "SELECT customer_id, day, sum(amount) FILTER (WHERE kind = 'order_line') AS value,"
            " -sum(amount) FILTER (WHERE kind = 'refund') AS refunded FROM events"
            " WHERE kind IN ('order_line', 'refund') GROUP BY ALL ORDER BY customer_id, day"
        ).fetchnumpy()
    value = np.ma.filled(np.ma.asarray(rows["value"], dtype=float), 0.0)
    refunded = np.ma.filled(np.ma.asarray(rows["refunded"], dtype=float), 0.0)
    kept = value > 0
    _, customer = np.unique(np.asarray(rows["customer_id"], dtype=object).astype(str)[kept], return_inverse=True)
    day = np.asarray(rows["day"], dtype=np.int64)[kept]
    return statistics(customer, day - day.min(), value[kept], np.array([refunded.sum()]))


def simulated_statistics(shops: int, seed: int) -> list[dict[str, float]]:
    from worthwhile.models.incontext.prior import simulate

    found: list[dict[str, float]] = []
    while len(found) < shops:
        batch = simulate(16, seed)
        seed += 1
        for i in range(batch.count):
            shop = batch.one(i)
            if len(shop.shop) >= LEAST_CUSTOMERS and int(shop.days[0]) >= LEAST_DAYS:
                arrays = (shop.customer, shop.day, shop.value, shop.refund)
                found.append(statistics(*(part.numpy() for part in arrays)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--shops", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5_000_000)
    given = parser.parse_args()
    simulated = simulated_statistics(given.shops, given.seed)
    real = {name: real_statistics(name, given.data) for name in REAL}
    print(f"{'statistic':62s} {'2.5 %':>8s} {'50 %':>8s} {'97.5 %':>8s} " + " ".join(f"{n:>21s}" for n in REAL))
    for name in simulated[0]:
        values = np.array([s[name] for s in simulated], dtype=float)
        values = np.sort(values[np.isfinite(values)])
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
        places = []
        for shop in REAL:
            sides = (np.searchsorted(values, real[shop][name], side=side) for side in ("left", "right"))
            share = sum(sides) / 2 / len(values)
            places.append(f"{real[shop][name]:10.3g} at {share:6.3f} {'!' if share < 0.025 or share > 0.975 else ' '}")
        print(f"{name:62s} {low:8.3g} {middle:8.3g} {high:8.3g} " + " ".join(f"{p:>21s}" for p in places))


if __name__ == "__main__":
    main()
