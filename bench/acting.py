"""What planning by uplift earns on simulated shops whose campaign effects are known, beside an all-knowing planner.

    python bench/acting.py --seeds 0 1 2

Each shop is generated (`shops.py`); an e-mail and a voucher went to a third of its customers each, drawn by lot, 150
days before its log ends. The e-mail brings back some of those who have been silent for one to four months, the voucher
some of those with one order, and both hardly anybody else. The log of that campaign is learned from (`worth uplift`),
effects are forecast for the customers at the end of the log, and a budget is planned on them. What each plan earns is
the sum of the true effects of the customers whom it reaches.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import worthwhile as ww
from tables import markdown
from worthwhile.decide.uplift import UpliftOptions, UpliftRun
from worthwhile.features.build import snapshot_at
from worthwhile.features.snapshot import Snapshot
from worthwhile.runs.recall import recorded_forecast
from worthwhile.store.log import open_log
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

ACTIONS = ("email", "voucher")
COSTS = {"email": 0.2, "voucher": 1.5}
MARGIN = 0.4
AGO = timedelta(days=150)  # of the campaign, before the end of the log
HORIZON = "30d"


def chances(snapshot: Snapshot) -> Array:
    """(N, 2) by how much each action raises the chance of one more order within the horizon."""
    silent, orders = snapshot.column("days_since_order"), snapshot.column("orders_all")
    email = np.where((silent > 30) & (silent <= 120), 0.14, 0.01)
    voucher = np.where(orders == 1, 0.12, 0.02)
    return np.column_stack([email, voucher])


def true_effects(snapshot: Snapshot) -> Array:
    """(N, 2) expected spend that each action adds: such an order is worth what theirs are on average."""
    return chances(snapshot) * np.nan_to_num(snapshot.column("order_value_mean"))[:, None]


def campaign_log(snapshot: Snapshot, seed: int) -> pa.Table:
    """Who got what, and what they then spent: the log's own orders, and those that the action brought."""
    rng = np.random.default_rng(seed)
    n = len(snapshot)
    given = rng.integers(0, 3, n)  # 0 is nothing
    rows = np.arange(n)
    more = np.where(given > 0, rng.random(n) < chances(snapshot)[rows, np.maximum(given - 1, 0)], False)
    value = np.nan_to_num(snapshot.column("order_value_mean")) * np.exp(rng.normal(0, 0.5, n) - 0.125)
    assert snapshot.outcome is not None
    return pa.table(
        {
            "customer_id": pa.array(snapshot.customer_ids, pa.string()),
            "treatment": pa.array([("none", *ACTIONS)[k] for k in given]),
            "spend": snapshot.outcome.amount + more * value,
        }
    )


def effects_of(made: UpliftRun, ids: Array) -> Array:
    """(N, 2) the effects on spend of these customers."""
    rows = made.effects.to_pylist()
    found = {(row["customer_id"], row["action"]): row["effect_mean"] for row in rows}
    return np.array([[found[name, action] for action in ACTIONS] for name in ids])


def candidates(ids: Array, margin: Array) -> pa.Table:
    return pa.table(
        {
            "customer_id": pa.array(np.repeat(ids, len(ACTIONS)), pa.string()),
            "action": pa.array(list(ACTIONS) * len(ids)),
            "cost": np.tile([COSTS[action] for action in ACTIONS], len(ids)),
            "expected_margin": margin.reshape(-1),
        }
    )


def earned(plan: pa.Table, ids: Array, truth: Array) -> float:
    """The true margin of a plan's contacts."""
    place = {name: row for row, name in enumerate(ids)}
    rows = zip(plan["customer_id"].to_pylist(), plan["action"].to_pylist(), strict=True)
    return float(sum(truth[place[name], ACTIONS.index(action)] for name, action in rows))


def one_shop(folder: Path, lines: int, seed: int) -> tuple[int, dict[str, float]]:
    maker = Path(__file__).with_name("shops.py")
    file = folder / "orders.csv"
    subprocess.run([sys.executable, maker, file, "--lines", str(lines), "--seed", str(seed)], check=True)
    shop = ww.create_shop(folder / "shop", currency="GBP")
    ww.ingest(shop, file)
    with open_log(shop) as log:
        then = snapshot_at(log, Task.of(HORIZON), log.until - AGO)
        now = snapshot_at(log, Task.of(HORIZON), log.until, outcome=False)
    made = ww.estimate_uplift(
        shop,
        campaign_log(then, seed),
        treatment="treatment",
        control="none",
        outcomes="spend",
        options=UpliftOptions(date=then.cutoff, cutoff=now.cutoff, placebo=False),
        seed=seed,
    )
    ids = now.customer_ids
    truth = MARGIN * true_effects(now)
    ww.forecast(shop, HORIZON, model="trees-tweedie")
    value = recorded_forecast(shop).table()["spend_mean"].to_numpy()
    learned = MARGIN * effects_of(made, ids)
    told = {one.action: one.effect for one in made.averages}
    average = MARGIN * np.array([told[action] for action in ACTIONS])
    by_value = value[:, None] / value.mean() * average  # everyone is moved by the same share of what they spend
    by_lot = np.random.default_rng(seed).random((len(ids), 1)) * average
    budget = 0.15 * len(ids) * float(np.mean(list(COSTS.values())))
    plans = {
        "all-knowing": truth,
        "uplift": learned,
        "value alone": by_value,
        "by lot": by_lot,
    }
    return len(ids), {
        name: earned(ww.plan_candidates(candidates(ids, margin), budget).table, ids, truth)
        for name, margin in plans.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--lines", type=int, default=300_000)
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            customers, margins = one_shop(Path(folder), options.lines, seed)
        best = margins["all-knowing"]
        rows.append(
            (f"{seed}", f"{customers:,}", f"{best:,.0f}", *(f"{m / best:.1%}" for m in list(margins.values())[1:]))
        )
        print(rows[-1], file=sys.stderr, flush=True)
    print(
        markdown(
            ("shop", "customers", "all-knowing earns", "by uplift", "by value alone", "by lot"),
            rows,
        )
    )


if __name__ == "__main__":
    main()
