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
from worthwhile.decide.campaign.power import Noise, detectable, each_group, found_with, needed
from worthwhile.decide.campaign.sizing import OUTCOMES, Arm, Sizing
from worthwhile.decide.responses import Effects, assumed, measured

Array = np.ndarray[Any, Any]
IN_WORDS = {"spend": "spend a customer", "active": "the share who order"}


@dataclass(frozen=True)
class Expected:
    """What one contact of an arm is expected to add, on average over those who get it."""

    source: str  # `assumption: lift_spend = 0.03`, or `measured: ` and an uplift run
    effects: Mapping[str, float | None]  # of each of OUTCOMES; None where it is not known


def expected_of(arms: Sequence[Arm], people: pa.Table, effects: Effects | None) -> dict[str, Expected]:
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
        found[arm.name] = Expected(response.source, {"spend": _mean(response.spend), "active": _mean(response.active)})
    return found


def planned_of(contacts: pa.Table) -> dict[str, Expected]:
    """By action what a plan expects of a contact, from its rows; nothing of a plan older than its column
    `extra_spend`."""
    found: dict[str, Expected] = {}
    if "extra_spend" not in contacts.column_names:
        return found
    for name in sorted(pc.unique(contacts["action"]).to_pylist()):
        of = contacts.filter(pc.equal(contacts["action"], name))
        effects = {outcome: pc.mean(of[f"extra_{outcome}"]).as_py() for outcome in OUTCOMES}
        found[name] = Expected(str(of["effect"][0].as_py()), effects)
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
    expected: Mapping[str, Expected],
) -> list[dict[str, Any]]:
    """For each arm and outcome what the test finds, adjusted by the forecast and not, and what is expected of it.

    `noise` is by arm and outcome. Of what is expected: `expected_power`, how often the test would find it;
    `hold_out`, the fewest customers of the test to hold out so that it is found with the power asked for, null where
    no number of them is enough; and `each_group`, what two equal groups would need.
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
            sizes = (held + treated, 1) if "intended" in assignment.column_names else (len(assignment), len(arms))
            found.append({**one, **_held_to(effect, known, law, test, (held, treated), sizes)})
    return found


def _held_to(
    effect: float | None,
    known: Expected | None,
    law: Noise,
    test: Sizing,
    groups: tuple[int, int],
    sizes: tuple[int, int],
) -> dict[str, Any]:
    """What is expected, beside what can be found. `groups`: held out, treated; `sizes`: all customers, arms."""
    source = None if known is None else known.source
    nothing = {"expected": effect, "expected_is": source, "expected_power": None, "hold_out": None, "each_group": None}
    if not effect:
        return nothing
    return {
        **nothing,
        "expected_power": found_with(law.sd_adjusted, effect, *groups, level=test.level),
        "hold_out": needed(law.sd_adjusted, abs(effect), *sizes, level=test.level, power=test.power),
        "each_group": each_group(law.sd_adjusted, abs(effect), level=test.level, power=test.power),
    }


def shortfalls(found: Sequence[Mapping[str, Any]], test: Sizing, currency: str, *, is_plan: bool) -> list[str]:
    """A sentence for each arm whose expected effect the test cannot be relied on to find."""
    said = []
    for one in found:
        if one["outcome"] != test.outcome or one["expected_power"] is None or one["expected_power"] >= test.power:
            continue
        who = "The plan expects" if is_plan else "The test counts on"
        least = "nothing, one group being empty" if one["detectable"] is None else _size(one, "detectable", currency)
        text = (
            f"{one['arm']}: {who} {_size(one, 'expected', currency)} a contact ({one['expected_is']}); this test finds"
            f" {least} or more, with {test.power * 100:.0f} % power, and what is expected"
            f" {round(one['expected_power'] * 100)} times in 100."
        )
        said.append(f"{text} {_remedy(one, test, is_plan=is_plan)}{_elsewhere(one, found, test)}")
    return said


def _size(one: Mapping[str, Any], key: str, currency: str) -> str:
    if one["outcome"] == "spend":
        return f"{one[key]:,.2f} {currency}"
    return f"{one[key] * 100:.2f} points of {IN_WORDS['active']}"


def _remedy(one: Mapping[str, Any], test: Sizing, *, is_plan: bool) -> str:
    if one["hold_out"] is None:
        return (
            f"No number of these customers held out is enough: two groups of {one['each_group']:,} customers would be."
            " Wait for a campaign of that size or a larger effect, or look on the result as no proof either way."
        )
    total = one["held_out"] + one["treated"]
    how = f" (plan again with --holdout {math.ceil(one['hold_out'] / total * 100) / 100:g})" if is_plan else ""
    how = how or f" (--holdout {one['hold_out']})"
    return f"Hold out {one['hold_out']:,}{how}, or wait for a larger effect."


def _elsewhere(one: Mapping[str, Any], found: Sequence[Mapping[str, Any]], test: Sizing) -> str:
    """Where the other outcome would show it."""
    for other in found:
        if other["arm"] == one["arm"] and other is not one and (other["expected_power"] or 0.0) >= test.power:
            often = round(other["expected_power"] * 100)
            return f" In {IN_WORDS[other['outcome']]} it is found {often} times in 100: --outcome {other['outcome']}."
    return ""


def test_facts(
    assignment: pa.Table,
    arms: Sequence[Arm],
    test: Sizing,
    noise: Mapping[str, Mapping[str, Noise]],
    expected: Mapping[str, Expected],
) -> dict[str, Any]:
    """The test for the campaign's manifest."""
    wanted = None
    if test.detect is not None:
        worst = max(of[test.outcome].sd_adjusted for of in noise.values())
        wanted = each_group(worst, test.detect, level=test.level, power=test.power)
    counts = dict(zip(*(pc.value_counts(assignment["treatment"]).field(k).to_pylist() for k in (0, 1)), strict=True))
    return {
        **{key: value for key, value in asdict(test).items() if key in ("outcome", "power", "level", "detect")},
        "each_group_needs": wanted,
        "sizes": {name: counts.get(name, 0) for name in (NONE, *(arm.name for arm in arms))},
        "findable": findings(assignment, arms, test, noise, expected),
    }
