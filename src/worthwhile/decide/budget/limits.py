"""What a plan must keep: budget, capacities, contacts, returns, fairness; and how that becomes the solver's problem."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from worthwhile.decide.budget.candidates import Candidates
from worthwhile.decide.budget.problem import Array, Problem
from worthwhile.decide.consent import channels_of, consent_by_row, consents
from worthwhile.errors import InputError

OBJECTIVES = {"margin": 0.0, "profit": 1.0}  # -> how much of a row's cost its value is less by
BY_NAME = ("channel_budgets", "capacities", "action_capacities", "contacted")  # limits of single names


@dataclass(frozen=True)
class Fairness:
    """Shares of contacts among the groups of a column (chosen rows, whatever they cost).

    `least` and `most`: each group's share of all contacts, one number for every group or a number for some groups.
    `parity`: each group has at least `parity` times the contacts that its share of the candidates' customers would
    give it (0.8 is the four-fifths rule). A column holds one value for each customer; customers without one are the
    group "".
    """

    column: str
    least: float | Mapping[str, float] = 0.0
    most: float | Mapping[str, float] = 1.0
    parity: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What a plan must keep. Whatever is left out does not limit."""

    budget: float | None = None  # of all costs, in the shop's currency
    channel_budgets: Mapping[str, float] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)  # contacts by channel
    action_capacities: Mapping[str, float] = field(default_factory=dict)  # contacts by action
    per_customer: int | None = None  # actions for one customer; None: 1
    contacted: Mapping[str, int] = field(default_factory=dict)  # customer -> contacts that count against it already
    least_return: float | None = None  # of each chosen row: margin for each unit of cost; None: 0
    plan_return: float | None = None  # of the whole plan; None: 0
    fairness: Sequence[Fairness] = ()
    excluded: Collection[str] = frozenset()  # customers


def joined(below: Limits, above: Limits) -> Limits:
    """Two sayings of limits as one. What `above` says stands in place of what `below` says of the same limit: of
    limits by channel or action, and of fairness by column, the same channel, action or column."""
    said = {name: getattr(above, name) for name in Limits.__dataclass_fields__ if getattr(above, name) is not None}
    for name in BY_NAME:
        said[name] = {**getattr(below, name), **getattr(above, name)}
    columns = {fair.column for fair in above.fairness}
    said["fairness"] = (*(fair for fair in below.fairness if fair.column not in columns), *above.fairness)
    said["excluded"] = frozenset(below.excluded) | frozenset(above.excluded)
    return replace(below, **said)


@dataclass(frozen=True)
class _Limit:
    """One limit: over the rows of some labels, count, cost and value with their coefficients, at most."""

    name: str
    most: float
    column: str = ""  # of labels; empty: all rows
    of: str = ""
    count: float = 0.0
    money: float = 0.0
    gain: float = 0.0
    count_all: float = 0.0  # what every row has, of whatever label


@dataclass(frozen=True)
class Asked:
    """The solver's problem, and where its rows lie among the candidates."""

    problem: Problem
    rows: Array  # (R,) of the problem's rows: places in the candidates
    open: Array  # (candidates,) of bool: rows of customers who may be contacted
    worth: Array  # (candidates,) of bool: those of them that could be chosen, were there money for it


def asked_of(candidates: Candidates, margin: Array, limits: Limits, objective: str, held_out: Array) -> Asked:
    """The problem of candidates whose margin (R,) is the one planned on; `held_out` (N,) are customers left alone.

    A row is never chosen whose value is not above zero, whose customer is excluded, held out or has no contact left,
    whose columns of consent, if there are any, do not say yes to its channel, whose return is too low, or which alone
    takes more than a budget or capacity allows.
    Raises InputError `bad-argument`.
    """
    if objective not in OBJECTIVES:
        raise InputError(
            "bad-argument", f"there is no objective `{objective}`", where="--objective", remedy="take margin or profit"
        )
    _check(limits)
    room = _room(candidates, limits)
    may = (room > 0) & ~held_out
    is_open = may[candidates.owner]
    said = consents(candidates.table, where="candidates")
    if said:
        is_open = is_open & consent_by_row(channels_of(candidates.table), said)
    value = margin - OBJECTIVES[objective] * candidates.cost
    keep = is_open & (value > 0) & (margin >= (limits.least_return or 0.0) * candidates.cost)
    listed = list(_listed(candidates, limits, OBJECTIVES[objective], may))
    worth = keep.copy()
    for limit in listed:
        if limit.count_all == 0 and limit.gain == 0:  # coefficients >= 0: no row may take more than all
            own = (candidates.labels(limit.column) == limit.of) if limit.column else True
            fits = ~(own & (limit.count + limit.money * candidates.cost > limit.most))
            keep &= fits
            if not limit.money:
                worth &= fits
    rows = np.flatnonzero(keep)
    return Asked(_problem(candidates, rows, value, room, listed), rows, is_open, worth)


def _check(limits: Limits) -> None:
    numbers: dict[str, float] = {"--budget": 0.0 if limits.budget is None else limits.budget}
    numbers |= {f"--channel-budget {name}": amount for name, amount in limits.channel_budgets.items()}
    numbers |= {f"--capacity {name}": count for name, count in limits.capacities.items()}
    numbers |= {f"--action-capacity {name}": count for name, count in limits.action_capacities.items()}
    numbers |= {"--least-return": limits.least_return or 0.0, "--plan-return": limits.plan_return or 0.0}
    for where, number in numbers.items():
        if not np.isfinite(number) or number < 0:
            raise InputError("bad-argument", f"{number:g} is no limit", where=where, remedy="give a number from 0 on")
    each = 1 if limits.per_customer is None else limits.per_customer
    if isinstance(each, bool) or each < 1 or each != int(each):
        raise InputError(
            "bad-argument",
            f"{each} actions a customer is no plan",
            where="--per-customer",
            remedy="give 1 or more, a whole number",
        )
    odd = next((name for name, count in limits.contacted.items() if count < 0 or count != int(count)), None)
    if odd is not None:
        raise InputError(
            "bad-values",
            f"the customer `{odd}` had {limits.contacted[odd]} contacts",
            where="--contacted",
            remedy="give a whole number from 0 on",
        )
    for fair in limits.fairness:
        shares = [*_shares(fair.least).values(), *_shares(fair.most).values(), fair.parity]
        if any(not isinstance(share, int | float) or not 0 <= share <= 1 for share in shares):
            raise InputError(
                "bad-argument", "a share lies between 0 and 1", where=f"fairness of {fair.column}", remedy="write 0.25"
            )


def _shares(given: float | Mapping[str, float]) -> dict[str, float]:
    return dict(given) if isinstance(given, Mapping) else {"": given}


def _room(candidates: Candidates, limits: Limits) -> Array:  # (N,)
    """How many contacts each customer may still have; none who is excluded."""
    room = np.full(candidates.customers, limits.per_customer or 1, np.int64)
    if limits.contacted:
        names = list(limits.contacted)
        place = candidates.places(names)
        counts = np.array([limits.contacted[name] for name in names], np.int64)
        room[place[place >= 0]] -= counts[place >= 0]
    place = candidates.places(sorted(limits.excluded))
    room[place[place >= 0]] = 0
    return np.maximum(room, 0)


def _listed(candidates: Candidates, limits: Limits, weight: float, may: Array) -> Iterator[_Limit]:
    """All limits of the plan as linear ones. Raises InputError `bad-argument` for a name that no candidate has."""
    if limits.budget is not None:
        yield _Limit("budget", limits.budget, money=1.0)
    for name, amount in limits.channel_budgets.items():
        candidates.check_label("channel", name, where="--channel-budget")
        yield _Limit(f"budget of channel {name}", amount, "channel", name, money=1.0)
    for name, count in limits.capacities.items():
        candidates.check_label("channel", name, where="--capacity")
        yield _Limit(f"capacity of channel {name}", np.floor(count), "channel", name, count=1.0)
    for name, count in limits.action_capacities.items():
        candidates.check_label("action", name, where="--action-capacity")
        yield _Limit(f"capacity of action {name}", np.floor(count), "action", name, count=1.0)
    if limits.plan_return:  # r cost - margin <= 0, where margin = value + weight cost
        yield _Limit("return of the plan", 0.0, money=limits.plan_return - weight, gain=-1.0)
    for fair in limits.fairness:
        yield from _fair(candidates, fair, may)


def _fair(candidates: Candidates, fair: Fairness, may: Array) -> Iterator[_Limit]:
    """Shares as differences: a group's contacts less its share of all contacts are at most, or at least, zero."""
    groups, counts = candidates.groups(fair.column, may)
    least, most = _shares(fair.least), _shares(fair.most)
    for name in sorted({*least, *most} - {""}):
        candidates.check_label(fair.column, name, where=f"fairness of {fair.column}")
    total = max(int(counts.sum()), 1)
    for group, count in zip(groups, counts, strict=True):
        low = least.get(group, least.get("", 0.0) if not isinstance(fair.least, Mapping) else 0.0)
        low = max(low, fair.parity * int(count) / total)
        high = most.get(group, most.get("", 1.0) if not isinstance(fair.most, Mapping) else 1.0)
        if low > high:
            raise InputError(
                "bad-argument",
                f"the group `{group}` is to have at least {low:.4g} and at most {high:.4g} of the contacts",
                where=f"fairness of {fair.column}",
                remedy="take a lower parity or least share, or a higher largest share",
            )
        if low > 0 or fair.parity > 0:
            name = f"least share of {fair.column} {group}".rstrip()
            yield _Limit(name, 0.0, fair.column, group, count=-1.0, count_all=low)
        if high < 1:
            name = f"largest share of {fair.column} {group}".rstrip()
            yield _Limit(name, 0.0, fair.column, group, count=1.0, count_all=-high)


def _problem(candidates: Candidates, rows: Array, value: Array, room: Array, listed: Sequence[_Limit]) -> Problem:
    columns = sorted({limit.column for limit in listed} - {""})
    cell, names = _cells(candidates, rows, columns)
    owner = candidates.owner[rows]
    customers, owner = np.unique(owner, return_inverse=True)
    count, money, gain = (np.zeros((len(listed), len(names))) for _ in range(3))
    for j, limit in enumerate(listed):
        own = np.array([not limit.column or name[columns.index(limit.column)] == limit.of for name in names], bool)
        count[j] = limit.count * own + limit.count_all
        money[j], gain[j] = limit.money * own, limit.gain * own
    return Problem(
        value=value[rows],
        cost=candidates.cost[rows],
        cell=cell,
        owner=owner.astype(np.int32),
        start=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(customers)))]).astype(np.int64),
        limit=room[customers],
        names=[limit.name for limit in listed],
        count=count,
        money=money,
        gain=gain,
        most=np.array([limit.most for limit in listed], float),
    )


def _cells(candidates: Candidates, rows: Array, columns: Sequence[str]) -> tuple[Array, list[tuple[str, ...]]]:
    """The combination of labels that each row has, as a number, and the labels of each."""
    code = np.zeros(len(rows), np.int64)
    words: list[list[str]] = []
    for column in columns:
        codes, names = candidates.coded(column)
        code = code * max(len(names), 1) + codes[rows]
        words.append(names)
    found, cell = np.unique(code, return_inverse=True)
    names_of: list[tuple[str, ...]] = []
    for number in found.tolist():
        parts = []
        for names in reversed(words):
            number, place = divmod(number, max(len(names), 1))
            parts.append(names[place])
        names_of.append(tuple(reversed(parts)))
    return cell.astype(np.int32), names_of or [("",) * len(columns)]
