"""What a contact does to a customer: what the user assumes of it, or what an uplift run measured.

Letters: N customers. Extra spend is in the shop's currency over the forecast's horizon; extra activity is what the
chance to order grows by. An effect on the chance alone brings what an order is worth, E[spend] / P(active).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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


def assumed(kind: str, size: float, *, spend: Array, p_active: Array, lift_se: float = 0.0) -> Response:
    """An assumption (a key of ASSUMED) of this size on customers of whom this is forecast, (N,) each. Chances stay
    between none and 1; the error of an assumption is shared by all."""
    nothing = np.zeros(len(spend))
    source = f"assumption: {kind} = {size:g}"
    if kind == "lift_spend":
        return Response(size * spend, nothing, lift_se * spend, np.full(len(spend), np.nan), source)
    p = np.maximum(p_active, 1e-9)
    points = size * p if kind == "lift_active" else np.full(len(p), size)
    held = np.clip(points, -p, 1.0 - p)
    per_unit = (held / size if size else nothing) * spend / p
    return Response(size * per_unit, nothing, lift_se * per_unit, held, source)


def latest_effects(shop: Shop) -> Effects | None:
    """The effects that the latest recorded uplift run measured; None where there is none."""
    runs = list_runs(shop, "uplift")
    if not runs:
        return None
    folder = run_folder(shop, runs[0]["run_id"])
    check_digests(folder)
    return Effects(runs[0]["run_id"], pq.read_table(folder / "effects.parquet"))


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
    outcomes = set(pc.unique(of["outcome"]).to_pylist())
    outcome = next((name for name in (*SPEND, *ACTIVE) if name in outcomes), None)
    if outcome is None:
        raise _not_measured(effects, treatment, outcomes, action)
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
