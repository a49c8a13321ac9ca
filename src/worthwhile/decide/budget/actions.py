"""actions.toml: what could be done, what it costs, and where its effect is known from; and limits on all of it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from worthwhile.decide.budget.limits import Fairness, Limits
from worthwhile.decide.responses import ASSUMED, check_assumed
from worthwhile.decide.tables import refuse_missing
from worthwhile.errors import InputError


@dataclass(frozen=True)
class Action:
    """One thing that can be done for a customer."""

    name: str
    channel: str
    cost: float = 0.0  # of one contact, in the shop's currency
    cost_column: str = ""  # of the customers' table, whose number is added to the cost
    cost_share: float = 0.0  # of what the customer is expected to spend when contacted: a voucher of 10 % costs 0.1
    redeemed: float = 1.0  # share of that spend on which the voucher is used
    capacity: float | None = None  # contacts
    treatment: str = ""  # its name in the campaign that the effect was learned from
    lift_spend: float | None = None
    lift_active: float | None = None
    points_active: float | None = None
    lift_se: float | None = None  # standard error of whichever is given, shared by all customers; 0: it is exact

    @property
    def assumption(self) -> str:
        """Which of ASSUMED the user gave; empty where the effect is a measured one."""
        return next((name for name in ASSUMED if getattr(self, name) is not None), "")

    @property
    def lift(self) -> float:
        """The size of the assumption."""
        return float(getattr(self, self.assumption)) if self.assumption else 0.0


@dataclass(frozen=True)
class ActionsFile:
    """What a file of actions says."""

    actions: tuple[Action, ...]
    limits: Limits
    contact_days: int  # campaign contacts of so many days before the cutoff count against `per_customer`


def read_actions(path: Path | str) -> ActionsFile:
    """Read actions.toml. Raises InputError `bad-file`, `bad-argument` that names the file and the key."""
    path = Path(path)
    refuse_missing(path, where="--actions", remedy="give a file such as docs/plan.md shows")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            "bad-file", f"this cannot be read as TOML: {error}", where=str(path), remedy="see docs/plan.md for one"
        ) from error
    return actions_of(document, where=str(path))


def actions_of(document: Mapping[str, Any], *, where: str = "actions") -> ActionsFile:
    """The same from a table as TOML has it: `actions` by name, `limits`. Raises InputError `bad-argument`."""
    _known(document, ("actions", "limits"), where)
    listed = document.get("actions")
    if not isinstance(listed, Mapping) or not listed:
        raise InputError("bad-argument", "there is no action", where=where, remedy="write [actions.NAME] and its cost")
    actions = tuple(_action(name, given, f"{where}, actions.{name}") for name, given in listed.items())
    limits, days = _limits(document.get("limits", {}), f"{where}, limits")
    own = {action.name: action.capacity for action in actions if action.capacity is not None}
    return ActionsFile(actions, Limits(**{**_fields(limits), "action_capacities": own}), days)


def _fields(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in Limits.__dataclass_fields__}


def _action(name: str, given: Any, where: str) -> Action:
    if not isinstance(given, Mapping):
        raise InputError("bad-argument", "an action is a table", where=where, remedy=f"write [actions.{name}]")
    numbers = ("cost", "cost_share", "redeemed", "capacity", "lift_se", *ASSUMED)
    _known(given, ("channel", "cost_column", "treatment", *numbers), where)
    values: dict[str, Any] = {key: _number(given[key], f"{where}.{key}") for key in numbers if key in given}
    values |= {key: str(given[key]) for key in ("channel", "cost_column", "treatment") if key in given}
    assumed = [key for key in ASSUMED if key in given]
    if "lift_se" in given and not assumed:
        raise InputError(
            "bad-argument",
            "`lift_se` is of no lift",
            where=where,
            remedy=f"give one of {', '.join(ASSUMED)}, or neither",
        )
    if len(assumed) > 1:
        raise InputError(
            "bad-argument", f"both {assumed[0]} and {assumed[1]} are given", where=where, remedy="keep one of them"
        )
    for key in ("cost", "capacity", "cost_share", "redeemed", "lift_se"):
        if values.get(key, 0.0) < 0:
            raise InputError("bad-argument", f"`{key}` is below zero", where=where, remedy="give a number from 0 on")
    for key in ("cost_share", "redeemed"):
        if values.get(key, 0.0) > 1:
            raise InputError(
                "bad-argument", f"`{key}` is a share, and above 1", where=where, remedy="write 10 % as 0.1"
            )
    for key in assumed:
        check_assumed(key, values[key], where=f"{where}.{key}")
    return Action(**{"name": name, "channel": name, "treatment": name, **values})


def _limits(given: Any, where: str) -> tuple[Limits, int]:
    plain = ("budget", "per_customer", "contact_days", "least_return", "plan_return")
    _known(given, (*plain, "channels", "fairness"), where)
    channels = given.get("channels", {})
    if not isinstance(channels, Mapping):
        raise InputError(
            "bad-argument",
            f"{channels!r} is no channel",
            where=f"{where}.channels",
            remedy="write [limits.channels.email]",
        )
    for name, of in channels.items():
        _known(of, ("capacity", "budget"), f"{where}.channels.{name}")
    fairness = _fairness(given.get("fairness", []), f"{where}.fairness")
    numbers = {key: _number(given[key], f"{where}.{key}") for key in plain if key in given}
    numbers |= {
        key: _whole(numbers[key], f"{where}.{key}") for key in ("contact_days", "per_customer") if key in numbers
    }
    days = int(numbers.pop("contact_days", 0))
    found = {
        key: {name: _number(of[key], f"{where}.channels.{name}.{key}") for name, of in channels.items() if key in of}
        for key in ("capacity", "budget")
    }
    limits = Limits(**numbers, channel_budgets=found["budget"], capacities=found["capacity"], fairness=fairness)  # type: ignore[arg-type]
    return limits, days


def _fairness(given: Any, where: str) -> tuple[Fairness, ...]:
    if not isinstance(given, list | tuple):
        raise InputError("bad-argument", "fairness is a list", where=where, remedy="write [[limits.fairness]]")
    found = []
    for of in given:
        _known(of, ("column", "least", "most", "parity"), where)
        if not isinstance(of.get("column"), str):
            raise InputError("bad-argument", "no column is named", where=where, remedy='column = "region"')
        for key in ("least", "most", "parity"):
            shares = of.get(key, 0.0)
            by_group = isinstance(shares, Mapping) and key != "parity"
            for share in shares.values() if by_group else [shares]:
                _number(share, f"{where}.{key}")
        found.append(Fairness(**of))
    return tuple(found)


def _whole(value: float, where: str) -> int:
    if value < 0 or value != round(value):
        raise InputError("bad-argument", f"{value:g} is no whole number", where=where, remedy="write it as 1")
    return int(value)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("bad-argument", f"{value!r} is no number", where=where, remedy="write it as 0.05")
    if not math.isfinite(value):
        raise InputError(
            "bad-argument", f"{value!r} is no number to count with", where=where, remedy="write it as 0.05"
        )
    return float(value)


def _known(given: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(given, Mapping):
        raise InputError(
            "bad-argument", f"{given!r} is no table of keys", where=where, remedy=f"keys: {', '.join(keys)}"
        )
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise InputError("bad-argument", f"there is no `{unknown[0]}`", where=where, remedy=f"keys: {', '.join(keys)}")


def as_said(actions: ActionsFile) -> list[dict[str, Any]]:
    """The actions for a manifest."""
    return [
        {key: value for key, value in asdict(action).items() if value not in ("", None)} for action in actions.actions
    ]
