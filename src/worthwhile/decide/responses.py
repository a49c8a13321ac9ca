"""What a contact does to a customer: what the user assumes of it, or what an uplift run measured.

Letters: N customers. Extra spend is in the shop's currency over the forecast's horizon; extra activity is what the
chance to order grows by. An effect on the chance alone brings what an order is worth, E[spend] / P(active).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.decide.words import Note
from worthwhile.errors import InputError
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.shop import Shop

Array = np.ndarray[Any, Any]
SPEND, ACTIVE = ("spend",), ("active", "conversion")
# Ways in which a user may say what an action does, each an assumption until a test has measured it.
ASSUMED = {
    "lift_spend": "the customer's expected spend rises by this share",
    "lift_active": "the customer's chance to order rises by this share of it",
    "points_active": "the customer's chance to order rises by so much: 0.02 is two percentage points",
}
# Beyond LARGE an assumption is taken with a warning, from MOST on not at all: 3 is more often 3 % than 300 %.
LARGE = {"lift_spend": 0.5, "lift_active": 0.5, "points_active": 0.1}
MOST = {"lift_spend": 5.0, "lift_active": 5.0, "points_active": 1.0}
# What two e-mails of the public Hillstrom test did within two weeks (a test holds it to the data).
SEEN = {"lift_spend": [65, 118], "lift_active": [54, 119], "points_active": [0.3, 0.7]}  # in % or points
SE_SHARE = 0.5  # of an assumption's size: its standard error, where nobody says how sure it is


@dataclass(frozen=True)
class Response:
    """What one action does to each customer. All (N,); NaN where it is not known."""

    spend: Array  # extra
    se: Array  # standard error of the extra spend, its own
    se_shared: Array  # that which all customers share
    active: Array  # extra; NaN where the effect is known in spend alone
    source: str  # `assumption: lift_spend = 0.03`, or `measured: ` and the id of the uplift run


@dataclass(frozen=True)
class Effects:
    """What an uplift run measured. `table` has `customer_id`, `action`, `outcome`, `effect_mean`, `effect_se`."""

    run_id: str
    table: pa.Table
    unsure: frozenset[tuple[str, str]] = frozenset()  # outcome and action whose average effect may be none
    cutoff: str | None = None  # the day of the customers whom they are of; None: of the log


def check_assumed(kind: str, size: float, *, where: str) -> None:
    """Raises InputError `bad-argument` for an assumption that no contact can fulfil."""
    if -1.0 <= size < MOST[kind]:
        return
    example = "two points as 0.02" if kind == "points_active" else "3 % as 0.03"
    raise InputError(
        "bad-argument",
        f"`{kind} = {size:g}` is a change of {_in_words(kind, size)}, which no contact brings",
        where=where,
        remedy=f"write {example}" + (", or give points_active" if kind == "lift_active" else ""),
    )


def doubt_of(action: str, kind: str, size: float) -> Note | None:
    """A note of a large assumption; None of any other."""
    if size <= LARGE[kind]:
        return None
    rise = f"{size * 100:,.10g}"
    return {"note": f"doubt_{kind}", "action": action, "value": f"{size:g}", "rise": rise, "brought": SEEN[kind]}


def _in_words(kind: str, size: float) -> str:
    unit = ("point" if size == 0.01 else "points") if kind == "points_active" else "%"
    return f"{size * 100:,.10g} {unit}"


def as_assumption(action: str, kind: str, size: float) -> dict[str, Any]:
    """An assumption for a manifest."""
    return {"action": action, "assumption": kind, "value": size, "means": ASSUMED[kind]}


def se_of(size: float, lift_se: float | None) -> float:
    """The standard error of an assumption of this size: the one that was given, else SE_SHARE of it, assumed too."""
    return SE_SHARE * abs(size) if lift_se is None else lift_se


def assumed(kind: str, size: float, *, spend: Array, p_active: Array, lift_se: float | None = None) -> Response:
    """An assumption (a key of ASSUMED) of this size on customers of whom this is forecast, (N,) each. Chances stay
    between none and 1; the error of an assumption is shared by all, and SE_SHARE of it where it is not given."""
    nothing, lift_se = np.zeros(len(spend)), se_of(size, lift_se)
    source = f"assumption: {kind} = {size:g}"
    if kind == "lift_spend":
        return Response(size * spend, nothing, lift_se * spend, np.full(len(spend), np.nan), source)
    p = np.maximum(p_active, 1e-9)
    points = size * p if kind == "lift_active" else np.full(len(p), size)
    held = np.clip(points, -p, 1.0 - p)
    per_unit = (held / size if size else nothing) * spend / p
    return Response(size * per_unit, nothing, lift_se * per_unit, held, source)


def latest_effects(shop: Shop) -> Effects | None:
    """The effects that the latest recorded uplift run measured, passing over those of people whom the shop does not
    know as long as there is another; None where there is no run."""
    runs = list_runs(shop, "uplift")
    if not runs:
        return None
    run = next((run for run in runs if not run.get("numbered") and run.get("of_shop") != 0), runs[0])
    folder = run_folder(shop, run["run_id"])
    check_digests(folder)
    unsure = {(one["outcome"], one["action"]) for one in run.get("averages", ()) if one["low"] <= 0 <= one["high"]}
    cutoff = run["asked"].get("cutoff")
    return Effects(run["run_id"], pq.read_table(folder / "effects.parquet"), frozenset(unsure), cutoff)


def notes_of(effects: Effects | None, treatments: Mapping[str, str], cutoff: datetime) -> list[Note]:
    """What has to be known of the effects of actions, given the treatment that stands for each: that they are no surer
    than none, or are of a later day than the forecast's cutoff."""
    if effects is None:
        return []
    notes: list[Note] = []
    for action, treatment in treatments.items():
        outcome = _outcome_of(effects, treatment)
        if (outcome, treatment) in effects.unsure:
            notes.append({"note": "effect_unsure", "action": action, "run": effects.run_id})
    if effects.cutoff and datetime.fromisoformat(effects.cutoff) > cutoff:
        days = {"until": effects.cutoff, "day": cutoff.isoformat()}
        notes.append({"note": "effects_later", "run": effects.run_id, **days})
    return notes


def _outcome_of(effects: Effects, treatment: str) -> str | None:
    """The outcome that says what a treatment is worth: spend where it was measured, else the chance to order."""
    known = set(pc.unique(effects.table.filter(pc.equal(effects.table["action"], treatment))["outcome"]).to_pylist())
    return next((name for name in (*SPEND, *ACTIVE) if name in known), None)


def measured(
    effects: Effects, treatment: str, customers: Array, *, spend: Array, p_active: Array, action: str
) -> Response:
    """From the uplift run: the effect on spend where it has one, else that on the chance to order, which stays between
    none and 1.

    Without a column `effect_se_shared` all of a standard error is taken to be shared: estimates of one fit err alike,
    and to call them independent would make the interval of a sum far too narrow.
    Raises InputError `bad-argument` where the run measured nothing of the treatment that is money or orders.
    """
    of = effects.table.filter(pc.equal(effects.table["action"], treatment))
    outcome = _outcome_of(effects, treatment)
    if outcome is None:
        raise _not_measured(effects, treatment, set(pc.unique(of["outcome"]).to_pylist()), action)
    of = of.filter(pc.equal(of["outcome"], outcome))
    place = pc.index_in(pa.array(customers, pa.string()), value_set=of["customer_id"].combine_chunks())
    unit = np.ones(len(place)) if outcome in SPEND else spend / np.maximum(p_active, 1e-9)

    def column(name: str) -> Array:
        taken = of[name].cast(pa.float64()).take(place)
        return np.array(pc.fill_null(taken, np.nan).to_numpy(), dtype=np.float64)

    effect = column("effect_mean")
    if outcome in ACTIVE:
        effect = np.clip(effect, -p_active, 1.0 - p_active)
    active = effect if outcome in ACTIVE else np.full(len(effect), np.nan)
    se, source = np.nan_to_num(column("effect_se") * unit), f"measured: {effects.run_id}"
    if "effect_se_shared" in of.column_names:
        return Response(effect * unit, se, np.nan_to_num(column("effect_se_shared") * unit), active, source)
    return Response(effect * unit, np.zeros(len(effect)), se, active, source)


def _not_measured(effects: Effects, treatment: str, outcomes: set[str], action: str) -> InputError:
    if outcomes:
        return InputError(
            "bad-argument",
            f"the uplift run {effects.run_id} measured of `{treatment}` only"
            f" {', '.join(f'`{name}`' for name in sorted(outcomes))}, which is neither money nor orders",
            where=f"actions.{action}",
            remedy=f"learn {' or '.join(f'`{name}`' for name in (*SPEND, *ACTIVE))}, or assume the effect",
        )
    listed = ", ".join(f"`{name}`" for name in sorted(pc.unique(effects.table["action"]).to_pylist()))
    return InputError(
        "bad-argument",
        f"the uplift run {effects.run_id} measured nothing of `{treatment}`",
        where=f"actions.{action}",
        remedy=f"it measured {listed or 'nothing'}: name one as treatment, or assume the effect",
    )
