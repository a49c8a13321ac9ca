"""What a campaign says in plain words: what its test can find, whether that is enough, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from worthwhile.decide.words import Words

Facts = Mapping[str, Any]
TOLD = 0.05  # of the mean without a contact: a difference that is worth a word


# ---- the design -----------------------------------------------------------------------------------------------------


def design_sentences(manifest: Facts, words: Words) -> list[str]:
    """What the test can find of its outcome, what is assumed, and when to measure it."""
    test = manifest["test"]
    said = [_findable(one, test, words) for one in test["findable"] if one["outcome"] == test["outcome"]]
    if test["each_group_needs"]:
        said.append(words("design.each_group", customers=test["each_group_needs"]))
    return [*said, *(words.assumed(one) for one in manifest["assumptions"])]


def measure_hint(manifest: Facts, words: Words) -> str:
    return words("design.measure", span=words.span(manifest["horizon"]), name=manifest["name"])


def design_warnings(manifest: Facts, words: Words) -> list[str]:
    """What a reader has to know of a design, and a sentence for each arm whose expected effect the test cannot be
    relied on to find."""
    return [*words.notes(manifest["notes"]), *_shortfalls(manifest["test"], words)]


def _findable(one: Facts, test: Facts, words: Words) -> str:
    if one["detectable"] is None:
        return words("design.empty", arm=one["arm"])
    if one["outcome"] == "spend":
        size, mean = words.numbers.money(one["detectable"]), words.numbers.money(one["mean"])
    else:
        size, mean = words("design.points", size=f"{one['detectable'] * 100:.2f}"), words.numbers.share(one["mean"])
    told = {"outcome": words(f"outcome.{one['outcome']}"), "power": f"{test['power'] * 100:.0f}"}
    groups = {"arm": one["arm"], "treated": one["treated"], "held_out": one["held_out"]}
    is_more = test["detect"] is not None and one["detectable"] > test["detect"] * (1 + 1e-9)
    finds = words("design.finds", size=size, mean=mean, **told, **groups)
    return words.joined([finds, words("design.too_few") if is_more else ""])


def _shortfalls(test: Facts, words: Words) -> list[str]:
    said = []
    for one in test["findable"]:
        power = one["expected_power"]
        if one["outcome"] != test["outcome"] or power is None or power >= test["power"]:
            continue
        is_empty = one["detectable"] is None
        text = words(
            f"shortfall.{'arms' if test['left_alone'] is None else 'plan'}",
            arm=one["arm"],
            expected=_size(one, "expected", words),
            source=words.source(one["expected_is"]),
            least=words("shortfall.least_empty")
            if is_empty
            else words("shortfall.least", size=_size(one, "detectable", words)),
            power=f"{test['power'] * 100:.0f}",
            often=round(power * 100),
        )
        said.append(words.joined([text, _remedy(one, test["left_alone"], words), _elsewhere(one, test, words)]))
    return said


def _size(one: Facts, key: str, words: Words) -> str:
    if one["outcome"] == "spend":
        return words("design.money_of", size=words.numbers.money(one[key]))
    return words("design.points_of", size=f"{one[key] * 100:.2f}")


def _remedy(one: Facts, left_alone: float | None, words: Words) -> str:
    if one["hold_out"] is None:
        return words("shortfall.never", each_group=one["each_group"])
    if left_alone is None:
        return words("shortfall.hold_out", customers=one["hold_out"])
    # More than now in any case: the lot may have left fewer alone whom the plan would have reached than is due.
    share = max(math.ceil(one["hold_out_share"] * 100), math.floor(left_alone * 100) + 1) / 100
    return words("shortfall.hold_out_plan", customers=one["hold_out"], share=f"{share:g}")


def _elsewhere(one: Facts, test: Facts, words: Words) -> str:
    """Where the other outcome would show it."""
    for other in test["findable"]:
        power = other["expected_power"] or 0.0
        if other["arm"] == one["arm"] and other["outcome"] != one["outcome"] and power >= test["power"]:
            outcome = words(f"outcome.{other['outcome']}")
            return words("shortfall.elsewhere", outcome=outcome, often=round(power * 100), name=other["outcome"])
    return ""


# ---- the measurement ------------------------------------------------------------------------------------------------


def measured_sentences(facts: Facts, words: Words) -> list[str]:
    """Of each arm the difference in spend, and what it was worth."""
    said = []
    for arm in facts["arms"]:
        said += [
            _difference(arm, words),
            worth_sentence(arm, words, matured=facts["matured"]),
            *expectations(arm, words),
        ]
    return said


def _difference(arm: Facts, words: Words) -> str:
    spend = arm["outcomes"]["spend"]
    money, change = words.numbers.money, words.numbers.money_change
    means = {name: money(spend[name]) for name in ("treated_mean", "held_out_mean")}
    range_ = {name: change(spend[name]) for name in ("effect", "low", "high")}
    groups = {name: arm[name] for name in ("arm", "treated", "held_out")}
    return words("measure.arm", **groups, **means, **range_)


def worth_sentence(arm: Facts, words: Words, *, matured: bool | None) -> str:
    """What an arm brought against its cost; no verdict while the horizon is not over (`matured` of the facts)."""
    extra, money = arm["incremental_margin"], words.numbers.money
    if extra["effect"] is None:
        return words("measure.unknown")
    low, high = money(extra["low"]), money(extra["high"])
    brought = words("measure.brought", margin=money(extra["effect"]), low=low, high=high, cost=money(arm["cost"]))
    key = "paid" if extra["low"] > arm["cost"] else "lost" if extra["high"] < arm["cost"] else "unsure"
    return words.joined([brought, words("measure.so_far" if matured is False else f"measure.{key}")])


def expectations(arm: Facts, words: Words) -> list[str]:
    """Of each outcome of an arm that adjusting turned its sign, and what it says of what was expected of it."""
    said = [_turned(of, name, words) for name, of in arm["outcomes"].items()]
    said += [expectation_sentence(of, name, words) for name, of in arm["outcomes"].items()]
    return [text for text in said if text]


def _turned(of: Facts, outcome: str, words: Words) -> str:
    """That the plain difference points the other way, where either is large enough to be told."""
    plain = (of.get("unadjusted") or {}).get("effect")
    if plain is None or of["effect"] is None or plain * of["effect"] >= 0 or outcome == "orders":
        return ""
    if max(abs(plain), abs(of["effect"])) < TOLD * abs(of["held_out_mean"] or 0.0):
        return ""
    numbers = words.numbers
    size = numbers.money_change(plain) if outcome == "spend" else numbers.points(plain)
    return words("measure.turned", outcome=words(f"outcome.{outcome}"), plain=size)


def expectation_sentence(of: Facts, outcome: str, words: Words) -> str:
    """What an outcome of an arm says of what was expected; nothing where nothing was, or nothing was seen."""
    if of["held_against"] is None:
        return ""
    size = (
        words.numbers.money_change(of["expected"])
        if outcome == "spend"
        else words("expectation.points", points=words.numbers.points(of["expected"]))
    )
    is_unsure = of["held_against"] == "within" and of["low"] <= 0 <= of["high"]
    key = "within_unsure" if is_unsure else of["held_against"]
    lead = words("expectation.lead", expected=size, source=words.source(of["expected_is"]))
    return words.joined([lead, words(f"expectation.{key}")])


def outcome_rows(arm: Facts, words: Words) -> Sequence[tuple[str, ...]]:
    """The rows of an arm's table: outcome, means, difference with its interval, p."""
    return [_row(name, of, words) for name, of in arm["outcomes"].items()]


def _row(name: str, of: Facts, words: Words) -> tuple[str, ...]:
    numbers = words.numbers
    keys = ("effect", "low", "high")
    write = {"spend": numbers.money, "active": numbers.share}.get(name, numbers.decimal)
    means = (write(of[key]) for key in ("treated_mean", "held_out_mean"))
    if name == "spend":
        changes = [numbers.money_change(of[key]) for key in keys]
    else:
        changes = [numbers.points(of[key]) if name == "active" else numbers.decimal(of[key]) for key in keys]
    return words(f"measure.{name}"), *means, *changes, numbers.decimal(of["p_value"], 3)
