"""A recorded plan as a campaign: its contacts are the treated, those whom it left alone the held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.decide.campaign.folder import NONE
from worthwhile.decide.campaign.noise import forecast_columns
from worthwhile.decide.campaign.sizing import Arm
from worthwhile.errors import InputError
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.shop import Shop


@dataclass(frozen=True)
class Planned:
    """A plan as a campaign."""

    assignment: pa.Table
    arms: list[Arm]
    contacts: pa.Table  # the rows of the plan
    reach: dict[str, float]  # by arm how many customers the plan could have contacted
    share: float  # of customers left alone


def plan_run(shop: Shop, plan: str) -> dict[str, Any]:
    """The manifest of a recorded plan. Raises InputError `no-such-run`, `damaged`."""
    found = next((run for run in list_runs(shop, "plan") if plan in ("latest", run["run_id"])), None)
    if found is None:
        raise InputError(
            "no-such-run", f"there is no plan `{plan}`", where=str(shop.folder), remedy="make one with worth plan"
        )
    check_digests(run_folder(shop, found["run_id"]))
    return found


def from_plan(shop: Shop, run: Mapping[str, Any], table: pa.Table, amount: str) -> Planned:
    """A recorded plan as a campaign: its contacts, and those that it left alone and would have reached.

    A customer's stratum is the action that the plan has for it; the chance of being held out was the same for all.
    Raises InputError `bad-argument` for a plan that nothing can be measured of.
    """
    share = float(_fact(run, "held_out")) / max(int(_fact(run, "eligible")), 1)
    folder = run_folder(shop, run["run_id"])
    chosen, left = pq.read_table(folder / "plan.parquet"), pq.read_table(folder / "holdout.parquet")
    left = left.filter(pc.is_valid(left["action"]))
    if not len(chosen):
        raise InputError(
            "bad-argument",
            f"the plan {run['run_id']} contacts nobody",
            where="--plan",
            remedy="plan again under wider limits: worth plan says why nobody was worth a contact",
        )
    if not len(left):
        raise InputError(
            "bad-argument",
            "the plan left nobody alone whom it would have reached, so nothing can be measured",
            where="--plan",
            remedy="plan again with --holdout 0.1",
        )
    several = int(pc.sum(pc.greater(pc.value_counts(chosen["customer_id"]).field("counts"), 1)).as_py())
    if several:
        raise InputError(
            "bad-argument",
            f"the plan has several actions for {several:,} customers, whose effects cannot be told apart",
            where="--plan",
            remedy="plan again with --per-customer 1",
        )
    columns = ["customer_id", "action"]
    intended = pa.concat_tables([chosen.select(columns), left.select(columns)]).combine_chunks()
    place = pc.index_in(table["customer_id"].combine_chunks(), value_set=intended["customer_id"].combine_chunks())
    people = forecast_columns(table.filter(pc.is_valid(place)), amount)
    own = pc.index_in(people["customer_id"].combine_chunks(), value_set=intended["customer_id"].combine_chunks())
    action = intended["action"].take(own)
    is_treated = own.to_numpy(zero_copy_only=False) < len(chosen)
    names = sorted(pc.unique(intended["action"]).to_pylist())
    # Of several actions each customer could get the one that the plan had chosen, or none: the others had no chance.
    chances = {f"propensity_{name}": np.full(len(people), 1 - share) for name in names} if len(names) == 1 else {}
    made = pa.table(
        {
            "customer_id": people["customer_id"],
            "treatment": pc.if_else(pa.array(is_treated), action, NONE),
            "stratum": pc.index_in(action, value_set=pa.array(names)),
            "propensity": np.where(is_treated, 1 - share, share),
            f"propensity_{NONE}": np.full(len(people), share),
            **chances,
            **{name: people[name] for name in people.column_names if name != "customer_id"},
            "intended": action,
        }
    )
    arms = _arms(chosen, names)
    reach = {arm.name: _reach(made, arm, len(chosen), run["facts"]) for arm in arms}
    return Planned(made, arms, chosen, reach, share)


def _reach(made: pa.Table, arm: Arm, contacts: int, facts: Mapping[str, Any]) -> float:
    """How many customers could get an arm: where the plan's limits hold it, its part of all who are worth a contact;
    elsewhere those who get it or would have."""
    of = pc.sum(pc.equal(made["intended"], arm.name)).as_py()
    treated = pc.sum(pc.equal(made["treatment"], arm.name)).as_py()
    if not is_held_by_limits(facts, arm.name, arm.channel):
        return float(of)
    return max(float(facts["eligible"]) * treated / contacts, float(of))


def is_held_by_limits(facts: Mapping[str, Any], action: str, channel: str) -> bool:
    """Whether a budget or a capacity of the plan is what ends the contacts of an action: a contact that is not made
    then goes to somebody else."""
    ends = {"budget", f"budget of channel {channel}", f"capacity of channel {channel}", f"capacity of action {action}"}
    return any(one["limit"] in ends and one["price"] > 0 for one in facts.get("limits", ()))


def _fact(run: Mapping[str, Any], name: str) -> Any:
    """What a plan's manifest says. Raises InputError `bad-argument` where the plan is older than that."""
    if name not in run.get("facts", {}):
        raise InputError(
            "bad-argument",
            f"the plan {run['run_id']} was recorded by an older version, and does not say `{name}`, which a test needs",
            where="--plan",
            remedy="make the plan again: worth plan SHOP --actions actions.toml",
        )
    return run["facts"][name]


def _arms(chosen: pa.Table, names: Sequence[str]) -> list[Arm]:
    """The plan's actions with their channel, and what a contact costs on average."""
    costs = chosen.group_by("action", use_threads=False).aggregate([("cost", "mean")])
    cost = dict(zip(costs["action"].to_pylist(), costs["cost_mean"].to_pylist(), strict=True))
    of = chosen.group_by(["action", "channel"], use_threads=False).aggregate([])
    channel = dict(zip(of["action"].to_pylist(), of["channel"].to_pylist(), strict=True))
    return [Arm(name, channel.get(name) or "", float(cost.get(name, 0.0))) for name in names]
