"""`worth plan`: what to do for whom under a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from worthwhile.cli import plan_options as options
from worthwhile.cli.answer import Answer, assumed, money, percent, table
from worthwhile.cli.progress import progress
from worthwhile.cli.solver_output import standard_output_to_nowhere
from worthwhile.cli.usage import number_meant
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.budget import Limits, Plan
    from worthwhile.decide.budget.channels import Split


# Case -> how it is called, and the options that mean nothing in it; and what an option is that nobody gave.
CASES = {"shop": "in a shop", "candidates": "with --candidates", "channels": "with --channels"}
UNSAID = {"method": "auto"}
_LIMITS = ("per_customer", "capacity", "action_capacity", "channel_budget", "least_return", "plan_return")
_LEFT = ("parity", "least_share", "most_share", "exclude", "contacted", "holdout", "detect", "holdout_out")
NOT_OF: dict[str, tuple[str, ...]] = {
    "shop": ("elasticity",),
    "candidates": ("actions", "customers", "run", "detect", "elasticity"),
    "channels": (*_LIMITS, *_LEFT, "candidates", "actions", "customers", "objective", "risk", "method", "seed"),
}
HOW = ("objective", "risk", "method", "holdout", "seed")


def plan(
    folder: options.ShopOrNone = None,
    budget: options.Budget = None,
    candidates: options.Candidates = None,
    actions: options.Actions = None,
    customers: options.Customers = None,
    run: options.Run = None,
    channels: options.Channels = None,
    elasticity: options.Elasticity = None,
    objective: options.Objective = None,
    risk: options.Risk = None,
    per_customer: options.PerCustomer = None,
    capacity: options.Capacity = None,
    action_capacity: options.ActionCapacity = None,
    channel_budget: options.ChannelBudget = None,
    least_return: options.LeastReturn = None,
    plan_return: options.PlanReturn = None,
    parity: options.Parity = None,
    least_share: options.LeastShare = None,
    most_share: options.MostShare = None,
    exclude: options.Exclude = None,
    contacted: options.Contacted = None,
    holdout: options.Holdout = None,
    detect: options.Detect = None,
    method: options.Method = "auto",
    seed: options.Seed = None,
    out: options.Out = None,
    holdout_out: options.HoldoutOut = None,
) -> Answer:
    """Choose for each customer what to do, so that it brings most under a budget.

    In a shop the candidates are made of the latest forecast, and of actions whose effect was measured by worth uplift
    or is assumed; the plan is recorded. A table of candidates of any origin is planned on alone. Every limit is kept,
    and the answer says how far from the best plan it can be at most.

    Example:

        worth plan myshop --budget 5000 --actions actions.toml --out plan.parquet

        worth plan --candidates candidates.parquet --budget 5000 --out plan.parquet
    """
    from worthwhile.runs.tables import check_out, write_table

    given = {name: value for name, value in locals().items() if value not in (None, [])}
    case = "channels" if channels is not None else "candidates" if candidates is not None else "shop"
    _refuse_others(case, given)
    files = {"--out": out, "--holdout-out": holdout_out}
    paths = [check_out(path, where=option) for option, path in files.items() if path is not None]
    if channels is not None:
        return _of_channels(channels, folder, budget, elasticity=elasticity, run=run, out=out)
    limits = _limits(
        budget=budget, per_customer=per_customer, capacities=_pairs(capacity, "--capacity"),
        action_capacities=_pairs(action_capacity, "--action-capacity"),
        channel_budgets=_pairs(channel_budget, "--channel-budget"), least_return=least_return, plan_return=plan_return,
        shares=(parity, least_share, most_share), exclude=exclude, contacted=contacted,
    )  # fmt: skip
    how: dict[str, Any] = {name: given[name] for name in HOW if name in given}
    if candidates is not None:
        made, document, more = _of_candidates(candidates, limits, how)
    else:
        assert folder is not None
        made, document, more = _of_shop(folder, actions, limits, how, customers=customers, run=run, detect=detect)
    if out is not None:
        write_table(made.table, out)
    if holdout_out is not None:
        write_table(made.holdout, holdout_out)
    shown = [*said(made, str(document.get("currency", ""))), *more, *_files(paths)]
    if not document.get("margin_is_set", True):
        shown.insert(0, "Warning: all spend counts as margin. Say what it is: worth settings SHOP value.margin=0.4")
    return Answer({**document, "out": out, "holdout_out": holdout_out}, shown)


def _refuse_others(case: str, given: Mapping[str, Any]) -> None:
    """Raises InputError `bad-argument` for options of another case than the one asked for: they would do nothing."""
    if (case == "shop") != ("folder" in given) and case != "channels":
        raise InputError(
            "bad-argument",
            "a plan is made of a shop or of a table of candidates",
            where="SHOP, --candidates",
            remedy="give one of them",
        )
    if {"detect", "holdout"} <= given.keys():
        remedy = "give one: how many are left alone follows from the effect that is to be found"
        raise InputError("bad-argument", "both are given", where="--detect, --holdout", remedy=remedy)
    stray = next((name for name, value in given.items() if name in NOT_OF[case] and value != UNSAID.get(name)), None)
    if stray is not None:
        raise InputError(
            "bad-argument",
            f"this has no meaning {CASES[case]}",
            where="--" + stray.replace("_", "-"),
            remedy="leave it out; worth plan --help shows which options go together",
        )


def _of_channels(
    channels: Path,
    folder: Path | None,
    budget: float | None,
    *,
    elasticity: float | None,
    run: str | None,
    out: Path | None,
) -> Answer:
    """The answer of `--channels`."""
    from worthwhile.decide.budget import split_budget
    from worthwhile.decide.budget.channels import COLUMNS
    from worthwhile.decide.budget.shop_plan import acquired_values
    from worthwhile.decide.tables import read_table
    from worthwhile.runs.tables import write_table
    from worthwhile.shop import open_shop

    if budget is None:
        raise InputError("bad-argument", "no budget is given", where="--budget", remedy="give what is to be split")
    values = None if folder is None else acquired_values(open_shop(folder), run_id=run)
    given = read_table(channels, where="--channels", columns=(*COLUMNS, "value_each"))
    how: dict[str, Any] = {"values": values, "elasticity": elasticity, "where": f"--channels {channels}"}
    made = split_budget(given, budget, **how)
    if out is not None:
        write_table(made.table, out)
    rows = made.table.to_pylist()
    cells = [
        (r["channel"], money(r["spend_before"]), money(r["spend"]), f"{r['customers']:,.1f}", money(r["value_each"]),
         money(r["margin"]), f"{r['elasticity']:.2f} ({r['elasticity_is']})")
        for r in rows
    ]  # fmt: skip
    columns = ("channel", "spend before", "spend", "new customers", "worth each", "margin", "elasticity")
    shown: list[str | Table] = [table("Budget by channel", columns, cells)]
    shown.append(_after_split(budget, made, split_budget(given, budget * 1.1, **how)))
    if any(r["elasticity_is"] == "assumed" for r in rows):
        shown.append("Assumed, not measured: that customers grow with the elasticity shown as spend does.")
    return Answer(
        {"channels": rows, "next_return": made.next_return, "unspent": made.unspent, "out": out},
        [*shown, *_files([out] if out else [])],
    )


def _after_split(budget: float, made: Split, more: Split) -> str:
    """What a tenth more of the budget would bring, or why nothing is said of it."""
    if not budget:
        return "The budget is 0: no channel is given anything."
    if made.next_return > 0:
        step, brought = (
            sum(more.table[name].to_pylist()) - sum(made.table[name].to_pylist()) for name in ("spend", "margin")
        )
        return f"The next {money(step)} return {money(brought)} of margin."
    rest = f" {money(made.unspent)} of the budget is left unspent." if made.unspent > 0 else ""
    return f"Every channel is at three times what it was, and nothing is known of more.{rest}"


def _of_candidates(path: Path, limits: Limits, given: dict[str, Any]) -> tuple[Plan, dict[str, Any], list[str]]:
    from worthwhile.decide.budget import How, plan_candidates
    from worthwhile.decide.budget.candidates import COLUMNS
    from worthwhile.decide.tables import read_table

    table = read_table(path, where="--candidates", columns=COLUMNS)
    with progress() as watch, standard_output_to_nowhere():
        made = plan_candidates(table, limits=limits, how=How(**given), where=str(path), progress=watch)
    return made, made.to_dict(), []


def _of_shop(
    folder: Path,
    actions: Path | None,
    limits: Limits,
    given: dict[str, Any],
    *,
    customers: Path | None,
    run: str | None,
    detect: float | None,
) -> tuple[Plan, dict[str, Any], list[str]]:
    from dataclasses import replace

    from worthwhile.decide.budget import plan as plan_shop
    from worthwhile.decide.budget.shop_plan import SHOP_HOW
    from worthwhile.decide.tables import read_table
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if actions is None:
        raise InputError(
            "bad-argument", "what could be done is not said", where="--actions", remedy="give a file: docs/plan.md"
        )
    how = replace(SHOP_HOW, **{"seed": shop.settings["seed"], **given})
    table = None if customers is None else read_table(customers, where="--customers")
    with progress() as watch, standard_output_to_nowhere():
        made = plan_shop(
            shop, actions, limits=limits, customers=table, run_id=run, how=how, detect=detect, progress=watch
        )
    return made.plan, made.to_dict(), _of_run(made.to_dict())


def _of_run(facts: Mapping[str, Any]) -> list[str]:
    """What a shop's plan rests on."""
    lines = [f"Forecast {facts['forecast']} of {facts['horizon']} from {facts['day']}."]
    lines += [assumed(one) for one in facts["assumptions"]]
    return [*lines, f"Recorded as {facts['run_id']}"]


def _limits(*, shares: tuple[Any, Any, Any], exclude: Path | None, contacted: Path | None, **given: Any) -> Limits:
    from worthwhile.decide.budget import Limits
    from worthwhile.decide.tables import as_counts, read_ids, read_table

    contacts = (
        None if contacted is None else read_table(contacted, where="--contacted", columns=("customer_id", "contacts"))
    )
    return Limits(
        **given,
        fairness=_fairness(*shares),
        excluded=read_ids(exclude, where="--exclude") if exclude is not None else frozenset(),
        contacted={} if contacts is None else as_counts(contacts, where=str(contacted)),
    )


def _pairs(texts: Sequence[str] | None, where: str) -> dict[str, float]:
    """`email=1000` as a number by name. Raises InputError `bad-argument`."""
    found = {}
    for text in texts or ():
        name, sign, number = text.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            sign = ""
        if not sign or not name.strip():
            remedy = f"write {name.strip() or 'name'}={number_meant(number, otherwise='100')}"
            raise InputError("bad-argument", f"`{text}` is no name and number", where=where, remedy=remedy)
    return found


def _fairness(parity: Any, least: Any, most: Any) -> list[Any]:
    from worthwhile.decide.budget import Fairness

    asked: dict[str, dict[str, Any]] = {}
    for name, texts in (("parity", parity), ("least", least), ("most", most)):
        for key, share in _pairs(texts, f"--{name}{'' if name == 'parity' else '-share'}").items():
            column, _, group = key.partition(":")
            of = asked.setdefault(column, {})
            if group:
                of[name] = {**(of[name] if isinstance(of.get(name), dict) else {}), group: share}
            else:
                of[name] = share
    return [Fairness(column, **shares) for column, shares in sorted(asked.items())]


def said(made: Plan, currency: str = "") -> list[str | Table]:
    """The plan for people."""
    from worthwhile.decide.budget.planning import next_of

    facts = made.facts
    rows = [
        (one["action"], f"{one['contacts']:,}", money(one["cost"]), money(one["expected_margin"]))
        for one in facts["actions"]
    ]
    unit = f" ({currency})" if currency else ""
    columns = ("action", "contacts", f"cost{unit}", f"expected margin{unit}")
    shown: list[str | Table] = [table("Plan", columns, rows)]
    reach = ""
    if facts["expected_margin_low"] is not None:
        low, high = (money(facts[f"expected_margin_{end}"], currency) for end in ("low", "high"))
        reach = f", within {low} to {high} at 90 %"
    shown.append(
        f"{facts['contacts']:,} contacts cost {money(facts['cost'], currency)} and are expected to bring"
        f" {money(facts['expected_margin'], currency)} of margin{reach}: {money(facts['profit'], currency)} after cost."
    )
    shown.append(_how_good(facts))
    following = next_of(facts)
    if following is not None:
        step, more = (money(amount, currency) for amount in following)
        shown.append(f"The next {step} return {more}.")
    elif facts["contacts"] and any(one["limit"] == "budget" and one["price"] <= 0 for one in facts["limits"]):
        shown.append("More budget would bring nothing: what is left of it has nowhere to go under the other limits.")
    if facts["rows_below_cost"]:
        shown.append(
            f"{facts['rows_below_cost']:,} of the contacts are expected to bring less than they cost: --least-return 1"
            " leaves them out, --objective profit counts the cost."
        )
    if facts["held_out"]:
        shown.append(
            f"{facts['held_out']:,} customers are left alone to measure by; the plan would have reached"
            f" {facts['held_out_planned']:,} of them."
        )
    if facts["curve"]:
        points = [tuple(money(point[name]) for name in ("budget", "cost", "margin")) for point in facts["curve"]]
        names = (f"budget{unit}", f"cost{unit}", f"expected margin{unit}")
        shown.append(table("What other budgets would do", names, points))
    return shown


def _how_good(facts: Mapping[str, Any]) -> str:
    if not facts["contacts"]:
        return "Nobody is contacted: the budget buys no contact, another limit allows none, or none is expected to pay."
    if facts["method"] == "exact":
        return "No other plan under these limits is expected to bring more."
    return f"No other plan under these limits is expected to bring more than {_short(facts['gap'])} beyond that."


def _short(gap: float) -> str:
    return percent(gap) if gap >= 0.001 else "0.1 %" if gap > 1e-4 else "0.01 %"


def _files(paths: Sequence[Path]) -> list[str]:
    return [f"Written: {path}" for path in paths]
