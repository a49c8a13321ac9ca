"""Questions about single customers, answered from one opened forecast: why, what hangs on each step, what if."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worthwhile.explain.build import Explanations, explained
from worthwhile.explain.counterfactual import Changed, Step, if_ordered, if_quiet_for
from worthwhile.explain.counterfactual import timeline as timeline_of
from worthwhile.explain.forecaster import check_customers, forecaster_of
from worthwhile.runs.recall import recorded_forecast
from worthwhile.shop import Shop


@dataclass(frozen=True)
class Answers:
    """Reasons of customers, and by customer what else was asked."""

    made: Explanations
    timelines: dict[str, list[Step]]
    changed: dict[str, dict[str, Changed]]  # customer -> `if_order`, `if_quiet` -> forecasts


def explain_customers(
    shop: Shop,
    customers: Sequence[str],
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    timeline: bool = False,
    if_order: float | None = None,
    if_quiet: int | None = None,
    seed: int | None = None,
) -> Answers:
    """Why the forecasts of these customers are what they are; with `timeline` what hangs on each of their steps, with
    `if_order` (an amount) and `if_quiet` (days) what the forecast would be then.

    Raises InputError (`no-such-run`, `no-such-customer`, `bad-argument`, `damaged`).
    """
    recorded = recorded_forecast(shop, run_id=run_id, horizon=horizon)
    wanted = check_customers(recorded, customers)
    seed = recorded.asked["seed"] if seed is None else seed
    with forecaster_of(recorded) as forecaster:
        made = explained(forecaster, wanted, seed=seed)
        changed: dict[str, dict[str, Changed]] = {name: {} for name in wanted}
        for name in wanted:
            if if_order is not None:
                changed[name]["if_order"] = if_ordered(forecaster, name, if_order)
            if if_quiet is not None:
                changed[name]["if_quiet"] = if_quiet_for(forecaster, name, if_quiet)
        timelines = {name: timeline_of(forecaster, name) for name in wanted} if timeline else {}
    return Answers(made, timelines, changed)
