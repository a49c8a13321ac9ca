"""What a test can find, and whether that is what its contacts are expected to do: a test that cannot is said to be none
before anybody is contacted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.campaign.folder import NONE
from worthwhile.decide.campaign.power import Noise, detectable, each_group, found_with, needed, share_to_leave
from worthwhile.decide.campaign.sizing import OUTCOMES, Arm, Sizing
from worthwhile.decide.responses import Effects, assumed, measured

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ExpectedEffect:
    """What one contact of an arm is expected to add, on average over those who get it."""

    source: str  # `assumption: lift_spend = 0.03`, or `measured: ` and an uplift run
    effects: Mapping[str, float | None]  # of each of OUTCOMES; None where it is not known


def expected_of_arms(arms: Sequence[Arm], people: pa.Table, effects: Effects | None) -> dict[str, ExpectedEffect]:
    """By arm what the user assumes of it, or an uplift run measured, on average over the customers of the test."""
    spend, p = people["forecast_spend"].to_numpy(), people["p_active"].to_numpy()
    found = {}
    for arm in arms:
        if arm.assumption:
            response = assumed(arm.assumption, arm.lift, spend=spend, p_active=p)
        elif arm.treatment and effects is not None:
            customers = people["customer_id"].to_numpy()
            response = measured(effects, arm.treatment, customers, spend=spend, p_active=p, action=arm.name)
        else:
            continue
        found[arm.name] = ExpectedEffect(
            response.source, {"spend": _mean(response.spend), "active": _mean(response.active)}
        )
    return found


def planned_of(contacts: pa.Table) -> dict[str, ExpectedEffect]:
    """By action what a plan expects of a contact, from its rows; nothing of a plan older than its column
    `extra_spend`."""
    found: dict[str, ExpectedEffect] = {}
    if "extra_spend" not in contacts.column_names:
        return found
    for name in sorted(pc.unique(contacts["action"]).to_pylist()):
        of = contacts.filter(pc.equal(contacts["action"], name))
        effects = {outcome: pc.mean(of[f"extra_{outcome}"]).as_py() for outcome in OUTCOMES}
        found[name] = ExpectedEffect(str(of["effect"][0].as_py()), effects)
    return found


def _mean(values: Array) -> float | None:
    """Over the customers of whom it is known."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def findings(
    assignment: pa.Table,
    arms: Sequence[Arm],
    test: Sizing,
    noise: Mapping[str, Mapping[str, Noise]],
    expected: Mapping[str, ExpectedEffect],
    *,
    reach: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """For each arm and outcome what the test finds, adjusted by the forecast and not, and what is expected of it.

    `noise` is by arm and outcome; `reach`, of a plan, by arm how many customers it could have contacted. Of what is
    expected: `expected_power`, how often the test would find it; `hold_out`, the fewest customers of the test to hold
    out so that it is found with the power asked for, and `hold_out_share`, the share that they are; null where no
    number of them is enough; and `each_group`, what two equal groups would need.
    """
    treatment = assignment["treatment"]
    found = []
    for arm in arms:
        control = pc.equal(treatment, NONE)
        if "intended" in assignment.column_names:
            control = pc.and_(control, pc.equal(assignment["intended"], arm.name))
        held, treated = pc.sum(control).as_py() or 0, pc.sum(pc.equal(treatment, arm.name)).as_py() or 0
        known = expected.get(arm.name)
        for outcome in OUTCOMES:
            law = noise[arm.name][outcome]
            least, plain = (
                detectable(sd, held, treated, level=test.level, power=test.power) for sd in (law.sd_adjusted, law.sd)
            )
            one = {
                "arm": arm.name,
                "outcome": outcome,
                "held_out": held,
                "treated": treated,
                "mean": law.mean,
                "detectable": least if math.isfinite(least) else None,
                "detectable_unadjusted": plain if math.isfinite(plain) else None,
                "correlation": law.correlation,
            }
            effect = None if known is None else known.effects[outcome]
            of_expected = _held_to(effect, known, law, test, (held, treated))
            if effect:
                size = law.sd_adjusted, abs(effect)
                of_expected |= (
                    _fewest(*size, len(assignment), len(arms), test)
                    if reach is None
                    else _fewest_of_plan(*size, treated, reach[arm.name], test)
                )
            found.append({**one, **of_expected})
    return found


def _held_to(
    effect: float | None,
    known: ExpectedEffect | None,
    law: Noise,
    test: Sizing,
    groups: tuple[int, int],
) -> dict[str, Any]:
    """What is expected, beside what can be found. `groups`: held out, treated."""
    source = None if known is None else known.source
    unknown = ("expected_power", "hold_out", "hold_out_share", "each_group")
    nothing: dict[str, Any] = {"expected": effect, "expected_is": source, **dict.fromkeys(unknown)}
    if not effect:
        return nothing
    return {
        **nothing,
        "expected_power": found_with(law.sd_adjusted, effect, *groups, level=test.level),
        "each_group": each_group(law.sd_adjusted, abs(effect), level=test.level, power=test.power),
    }


def _fewest(sd: float, effect: float, total: int, arms: int, test: Sizing) -> dict[str, Any]:
    """How many of all customers to hold out, where the rest are parted among the arms."""
    held = needed(sd, effect, total, arms, level=test.level, power=test.power)
    return {"hold_out": held, "hold_out_share": None if held is None else held / total}


def _fewest_of_plan(sd: float, effect: float, treated: int, reach: float, test: Sizing) -> dict[str, Any]:
    """The same of a plan, which contacts others in place of those held out while its limits are used up."""
    share = share_to_leave(sd, effect, treated, reach, level=test.level, power=test.power)
    if share is None:
        return {"hold_out": None, "hold_out_share": None}
    contacted = min(float(treated), (1 - share) * reach)
    return {"hold_out": max(1, math.ceil(contacted * share / (1 - share))), "hold_out_share": share}


def test_facts(
    assignment: pa.Table,
    arms: Sequence[Arm],
    test: Sizing,
    noise: Mapping[str, Mapping[str, Noise]],
    expected: Mapping[str, ExpectedEffect],
    *,
    reach: Mapping[str, float] | None = None,
    left_alone: float | None = None,
) -> dict[str, Any]:
    """The test for the campaign's manifest. `left_alone`: of a plan, the share of customers that it left alone."""
    wanted = None
    if test.detect is not None:
        worst = max(of[test.outcome].sd_adjusted for of in noise.values())
        wanted = each_group(worst, test.detect, level=test.level, power=test.power)
    counts = dict(zip(*(pc.value_counts(assignment["treatment"]).field(k).to_pylist() for k in (0, 1)), strict=True))
    return {
        **{key: value for key, value in asdict(test).items() if key in ("outcome", "power", "level", "detect")},
        "left_alone": left_alone,
        "each_group_needs": wanted,
        "sizes": {name: counts.get(name, 0) for name in (NONE, *(arm.name for arm in arms))},
        "findable": findings(assignment, arms, test, noise, expected, reach=reach),
    }
