"""The actions of a file as the arms of a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worthwhile.decide.budget.actions import Action, actions_of, read_actions
from worthwhile.decide.campaign.sizing import Arm
from worthwhile.errors import InputError


def arms_of(actions: Path | str | Mapping[str, Any], costs: Mapping[str, float | None] | None = None) -> list[Arm]:
    """Arms for `design_campaign`, as a file of actions (or its content) has them: channel, cost, and what they are
    assumed or were measured to do.

    `costs` names those that are tested, by default all, and where it is not None what a contact of it costs in all.
    Raises InputError `bad-file`, `bad-argument`.
    """
    file = actions_of(actions) if isinstance(actions, Mapping) else read_actions(actions)
    where = "actions" if isinstance(actions, Mapping) else str(actions)
    known = {action.name: action for action in file.actions}
    asked = dict.fromkeys(known) if costs is None else costs
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        raise InputError(
            "bad-argument",
            f"the file of actions has no `{unknown}`",
            where="--arm",
            remedy=f"it has {', '.join(known)}",
        )
    return [_arm(known[name], cost, where) for name, cost in asked.items()]


def _arm(action: Action, cost: float | None, where: str) -> Arm:
    if cost is None and action.cost_column:
        raise InputError(
            "bad-argument",
            f"the cost of `{action.name}` stands in a column, `{action.cost_column}`, which a test does not read",
            where=f"{where}, actions.{action.name}.cost_column",
            remedy=f"give what a contact costs on average: --arm {action.name}=0.50",
        )
    return Arm(
        action.name,
        channel=action.channel,
        cost=action.cost if cost is None else cost,
        assumption=action.assumption,
        lift=action.lift,
        treatment="" if action.assumption else action.treatment,
        cost_share=action.cost_share * action.redeemed if cost is None else 0.0,
    )
