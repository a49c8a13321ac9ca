"""`worth plan`: what to do for whom under a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from worthwhile.cli import plan_options as options
from worthwhile.cli.answer import Answer, money, table
from worthwhile.cli.options import Language
from worthwhile.cli.progress import progress
from worthwhile.cli.solver_output import standard_output_to_nowhere
from worthwhile.cli.usage import number_meant
from worthwhile.errors import InputError

if TYPE_CHECKING:
    from worthwhile.decide.budget import Limits, Plan
    from worthwhile.decide.budget.shop_plan import PlanRun
    from worthwhile.decide.words import Words


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
    lang: Language = "en",
) -> Answer:
    """Choose for each customer what to do, so that it brings most under a budget.

    In a shop the candidates are made of the latest forecast, and of actions whose effect was measured by worth uplift
    or is assumed; the plan is recorded. A table of candidates of any origin is planned on alone. Every limit is kept,
    and the answer says how far from the best plan it can be at most.

    Example:

        worth plan myshop --budget 5000 --actions actions.toml --out plan.parquet

        worth plan --candidates candidates.parquet --budget 5000 --out plan.parquet
    """
    from worthwhile.decide.words import words_of
    from worthwhile.runs.tables import check_out, write_table

    given = {name: value for name, value in locals().items() if value not in (None, [])}
    case = "channels" if channels is not None else "candidates" if candidates is not None else "shop"
    _refuse_others(case, given)
    files = {"--out": out, "--holdout-out": holdout_out}
    paths = [check_out(path, where=option) for option, path in files.items() if path is not None]
    if channels is not None:
        return _of_channels(channels, folder, budget, elasticity=elasticity, run=run, out=out, lang=lang)
    limits = _limits(
        budget=budget, per_customer=per_customer, capacities=_pairs(capacity, "--capacity"),
        action_capacities=_pairs(action_capacity, "--action-capacity"),
        channel_budgets=_pairs(channel_budget, "--channel-budget"), least_return=least_return, plan_return=plan_return,
        shares=(parity, least_share, most_share), exclude=exclude, contacted=contacted,
    )  # fmt: skip
    how: dict[str, Any] = {name: given[name] for name in HOW if name in given}
    recorded: PlanRun | None = None
    if candidates is not None:
        made = _of_candidates(candidates, limits, how)
    else:
        assert folder is not None
        recorded = _of_shop(folder, actions, limits, how, customers=customers, run=run, detect=detect)
        made = recorded.plan
    if out is not None:
        write_table(made.table, out)
    if holdout_out is not None:
        write_table(made.holdout, holdout_out)
    words = words_of(lang, made.facts.get("currency", ""))
    shown = [*_shown(made, recorded, words), *_files(paths, words)]
    return Answer({**(recorded or made).to_dict(lang), "out": out, "holdout_out": holdout_out}, shown)


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
    if case == "channels" and "run" in given and "folder" not in given:
        remedy = "leave it out, or name the shop whose run it is: worth plan SHOP --channels FILE"
        raise InputError("bad-argument", "this has no meaning without a shop", where="--run", remedy=remedy)
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
    lang: str,
) -> Answer:
    """The answer of `--channels`."""
    from worthwhile.decide.budget import split_budget
    from worthwhile.decide.budget.channels import COLUMNS
    from worthwhile.decide.budget.shop_plan import acquired_values
    from worthwhile.decide.budget.wording import elasticity_text, split_sentences
    from worthwhile.decide.columns import OF_CHANNELS
    from worthwhile.decide.tables import read_table
    from worthwhile.decide.words import words_of
    from worthwhile.runs.tables import write_table
    from worthwhile.shop import open_shop

    if budget is None:
        raise InputError("bad-argument", "no budget is given", where="--budget", remedy="give what is to be split")
    shop = None if folder is None else open_shop(folder)
    values = None if shop is None else acquired_values(shop, run_id=run)
    given = read_table(channels, where="--channels", columns=(*COLUMNS, "value_each"), known=OF_CHANNELS)
    how: dict[str, Any] = {"values": values, "elasticity": elasticity, "where": f"--channels {channels}"}
    made = split_budget(given, budget, **how)
    if out is not None:
        write_table(made.table, out)
    words = words_of(lang, "" if shop is None else shop.settings["currency"])
    rows = made.table.to_pylist()
    cells = [
        (r["channel"], money(r["spend_before"]), money(r["spend"]), f"{r['customers']:,.1f}", money(r["value_each"]),
         money(r["margin"]), elasticity_text(r, words))
        for r in rows
    ]  # fmt: skip
    heads = ("channel", "spend_before", "spend", "new_customers", "value_each", "split_margin", "elasticity")
    said = split_sentences(budget, made, split_budget(given, budget * 1.1, **how), words)
    named = [words(f"table.{head}", unit=words.unit()) for head in heads]
    shown: list[str | Table] = [table(words("split.title"), named, cells), *said]
    return Answer(
        {"channels": rows, "next_return": made.next_return, "unspent": made.unspent, "answer": said, "out": out},
        [*shown, *_files([out] if out else [], words)],
    )


def _of_candidates(path: Path, limits: Limits, given: dict[str, Any]) -> Plan:
    from worthwhile.decide.budget import How, plan_candidates
    from worthwhile.decide.budget.candidates import COLUMNS
    from worthwhile.decide.tables import read_table

    table = read_table(path, where="--candidates", columns=COLUMNS)
    with progress() as watch, standard_output_to_nowhere():
        return plan_candidates(table, limits=limits, how=How(**given), where=str(path), progress=watch)


def _of_shop(
    folder: Path,
    actions: Path | None,
    limits: Limits,
    given: dict[str, Any],
    *,
    customers: Path | None,
    run: str | None,
    detect: float | None,
) -> PlanRun:
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
        return plan_shop(
            shop, actions, limits=limits, customers=table, run_id=run, how=how, detect=detect, progress=watch
        )


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


def _shown(made: Plan, recorded: PlanRun | None, words: Words) -> list[str | Table]:
    """The plan for people; of a recorded one what it rests on too."""
    from worthwhile.decide.budget.wording import grounds, plan_sentences, plan_warnings

    facts, unit = made.facts, {"unit": words.unit()}
    rows = [
        (one["action"], f"{one['contacts']:,}", money(one["cost"]), money(one["expected_margin"]))
        for one in facts["actions"]
    ]
    heads = [words(f"table.{key}", **unit) for key in ("action", "contacts", "cost", "margin")]
    shown: list[str | Table] = [words("page.warning", text=text) for text in plan_warnings(facts, words)]
    shown += [table(words("plan.title"), heads, rows), *plan_sentences(facts, words)]
    if facts["curve"]:
        points = [tuple(money(point[name]) for name in ("budget", "cost", "margin")) for point in facts["curve"]]
        names = [words(f"table.{key}", **unit) for key in ("budget", "cost", "margin")]
        shown.append(table(words("plan.curve"), names, points))
    shown += grounds(facts, words)
    return shown if recorded is None else [*shown, words("plan.recorded", run=recorded.run_id)]


def _files(paths: Sequence[Path], words: Words) -> list[str]:
    return [words("page.written", path=path) for path in paths]
