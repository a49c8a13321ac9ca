"""What a plan says in plain words: what it costs and brings, how good it is, what more budget would do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from worthwhile.decide.budget.channels import Split
from worthwhile.decide.budget.planning import next_of
from worthwhile.decide.words import Words
from worthwhile.evaluation.numbers import share

Facts = Mapping[str, Any]


def plan_sentences(facts: Facts, words: Words) -> list[str]:
    """The answer of a plan (`Plan.facts`), and of a recorded one what it rests on."""
    money = words.numbers.money
    reach = ""
    if facts["expected_margin_low"] is not None:
        low, high = (money(facts[f"expected_margin_{end}"]) for end in ("low", "high"))
        reach = words("plan.reach", low=low, high=high)
    amounts = {
        "cost": money(facts["cost"]),
        "margin": money(facts["expected_margin"]),
        "profit": money(facts["profit"]),
    }
    said = [words("plan.sum", contacts=facts["contacts"], reach=reach, **amounts), _how_good(facts, words)]
    following = next_of(facts)
    if following is not None:
        step, more = (money(amount) for amount in following)
        said.append(words("plan.next", step=step, more=more))
    elif facts["contacts"] and facts["too_dear"]:
        said.append(words("plan.too_dear", least=money(facts["too_dear_from"])))
    elif facts["contacts"] and any(one["limit"] == "budget" and one["price"] <= 0 for one in facts["limits"]):
        said.append(words("plan.enough"))
    if facts["rows_below_cost"]:
        said.append(words("plan.below_cost", contacts=facts["rows_below_cost"]))
    if facts["held_out"]:
        said.append(words("plan.held_out", customers=facts["held_out"], planned=facts["held_out_planned"]))
    return said


def grounds(facts: Facts, words: Words) -> list[str]:
    """What a shop's plan rests on: its forecast, and what is assumed; nothing of a plan of candidates alone."""
    if "forecast" not in facts:
        return []
    span, day = words.span(facts["horizon"]), words.day(facts["day"])
    lead = words("plan.of", forecast=facts["forecast"], span=span, day=day)
    return [lead, *(words.assumed(one) for one in facts["assumptions"])]


def plan_warnings(facts: Facts, words: Words) -> list[str]:
    """What a reader has to know before a plan's numbers."""
    margin = [] if facts.get("margin_is_set", True) else [words("plan.margin")]
    return [*words.notes(facts.get("notes", ())), *margin]


def _how_good(facts: Facts, words: Words) -> str:
    if not facts["contacts"]:
        return _why_nobody(facts, words)
    if facts["method"] == "exact":
        return words("plan.exact")
    return words("plan.gap", gap=gap_text(facts["gap"]))


def gap_text(gap: float) -> str:
    """How far at most a plan is from the best, as reports and sentences write it."""
    return share(gap) if gap >= 0.001 else "0.1%" if gap > 1e-4 else "0.01%"


def _why_nobody(facts: Facts, words: Words) -> str:
    if facts["affordable"]:
        return words("plan.nobody_limits")
    if facts["too_dear"]:
        return words("plan.nobody_dear", least=words.numbers.money(facts["too_dear_from"]))
    if not facts["rows"]:
        return words("plan.no_rows")
    return words("plan.nobody", **{name: facts[name] for name in ("rows", "closed", "not_worth")})


def split_sentences(budget: float, made: Split, more: Split, words: Words) -> list[str]:
    """What a tenth more of a budget over channels would bring (`more` is its split), or why nothing is said of it."""
    said = [_after_split(budget, made, more, words)]
    if "assumed" in made.table["elasticity_is"].to_pylist():
        said.append(words("split.law"))
    return said


def _after_split(budget: float, made: Split, more: Split, words: Words) -> str:
    money = words.numbers.money
    if not budget:
        return words("split.nothing")
    if made.next_return > 0:
        step, brought = (
            sum(more.table[name].to_pylist()) - sum(made.table[name].to_pylist()) for name in ("spend", "margin")
        )
        return words("split.next", step=money(step), more=money(brought))
    rest = words("split.unspent", amount=money(made.unspent)) if made.unspent > 0 else ""
    return words.joined([words("split.full"), rest])


def elasticity_text(row: Mapping[str, Any], words: Words) -> str:
    """A channel's elasticity, and whether it was fitted or assumed."""
    periods = re.fullmatch(r"fitted to (\d+) periods", row["elasticity_is"])
    of = words("split.assumed") if periods is None else words("split.fitted", periods=periods[1])
    return words("split.elasticity", value=f"{row['elasticity']:.2f}", of=of)
