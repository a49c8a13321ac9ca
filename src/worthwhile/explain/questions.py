"""Questions about single customers, answered from one opened forecast: why, what hangs on each step, what if."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from worthwhile.errors import InputError
from worthwhile.explain.build import Explanations, explained
from worthwhile.explain.counterfactual import MOST_STEPS, Changed, Timeline, if_ordered, if_quiet_for
from worthwhile.explain.counterfactual import timeline as timeline_of
from worthwhile.explain.forecaster import check_customers, forecaster_of
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.recall import recorded_forecast
from worthwhile.shop import Shop


@dataclass(frozen=True)
class Answers:
    """Reasons of customers, and by customer what else was asked."""

    made: Explanations
    timelines: dict[str, Timeline]
    changed: dict[str, dict[str, Changed]]  # customer -> `if_order`, `if_quiet` -> forecasts


MOST_QUIET = 3_650  # days without any event that can be asked about
MOST_ASKED = 2_000  # steps of a timeline


def explain_customers(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    customers: Sequence[str],
    *,
    run_id: str | None = None,
    horizon: str | None = None,
    timeline: bool = False,
    last: int = MOST_STEPS,
    if_order: float | None = None,
    if_quiet: int | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Answers:
    """Why the forecasts of these customers are what they are; with `timeline` what hangs on each of their `last` steps,
    with `if_order` (an amount) and `if_quiet` (days) what the forecast would be then.

    Raises InputError (`no-such-run`, `no-such-customer`, `bad-argument`, `damaged`).
    """
    _check(last=last, if_order=if_order, if_quiet=if_quiet)
    progress("opening the forecast", 0.0)
    recorded = recorded_forecast(shop, run_id=run_id, horizon=horizon)
    wanted = check_customers(recorded, customers)
    seed = recorded.asked["seed"] if seed is None else seed
    with forecaster_of(recorded) as forecaster:
        made = explained(forecaster, wanted, seed=seed, progress=part(progress, 0.1, 0.6))
        changed: dict[str, dict[str, Changed]] = {name: {} for name in wanted}
        timelines = {}
        for done, name in enumerate(wanted):
            watch = part(progress, 0.6 + 0.4 * done / len(wanted), 0.6 + 0.4 * (done + 1) / len(wanted))
            if if_order is not None:
                watch(f"{name} with one order more", 0.0)
                changed[name]["if_order"] = if_ordered(forecaster, name, if_order)
            if if_quiet is not None:
                watch(f"{name} after {if_quiet} silent days", 0.0)
                changed[name]["if_quiet"] = if_quiet_for(forecaster, name, if_quiet)
            if timeline:
                timelines[name] = timeline_of(forecaster, name, last=last, progress=watch)
    progress("done", 1.0)
    return Answers(made, timelines, changed)


def _check(*, last: int, if_order: float | None, if_quiet: int | None) -> None:
    """Refuse what no customer could do. Raises InputError `bad-argument`."""
    if not 1 <= last <= MOST_ASKED:
        raise InputError(
            "bad-argument",
            f"{last} is no number of steps to show",
            where="--last",
            remedy=f"give 1 to {MOST_ASKED:,}",
        )
    if if_order is not None and not (math.isfinite(if_order) and if_order > 0):
        raise InputError(
            "bad-argument",
            f"{if_order} is not what an order can come to",
            where="--if-order",
            remedy="give an amount above 0, in the shop's currency",
        )
    if if_quiet is not None and not 1 <= if_quiet <= MOST_QUIET:
        raise InputError(
            "bad-argument",
            f"{if_quiet} is no number of days to be silent for",
            where="--if-quiet",
            remedy=f"give 1 to {MOST_QUIET:,} days",
        )
