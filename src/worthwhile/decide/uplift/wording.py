"""What an uplift run says in plain words: what the actions did, who responds, whether personalising pays; warnings.

Everything is said from a run's answer as JSON has it (`UpliftRun.to_dict`, or a recorded run's facts with its table of
policies), so that a recorded run can be told again in another language.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worthwhile.decide.uplift.checks import PREDICTED, Placebo
from worthwhile.decide.uplift.responders import SURE
from worthwhile.decide.uplift.results import CHOSEN
from worthwhile.decide.uplift.words import Words
from worthwhile.evaluation.numbers import MINUS

Row = Mapping[str, Any]

FEW_LEFT = 0.5  # effective share of an action's customers below which overlap is poor
MOST_POOR = 0.01  # share of customers with hardly any chance of an action, beyond which it is told
USUAL = "T"  # the learner that is shown for comparison


# ---- the answer -----------------------------------------------------------------------------------------------------


def sentences(document: Row, words: Words) -> list[str]:
    """For each outcome: the actions' averages, who responds, and the policy with everybody and with a share."""
    said = []
    for outcome in outcomes_of(document):
        said += average_sentences(document, outcome, words)
        said += responder_sentences(document, outcome, words)
        said += policy_sentences(document, outcome, words)
    return said


def outcomes_of(document: Row) -> list[str]:
    return list(dict.fromkeys(average["outcome"] for average in document["averages"]))


def average_sentences(document: Row, outcome: str, words: Words) -> list[str]:
    return [_average(average, words) for average in document["averages"] if average["outcome"] == outcome]


def _average(a: Row, words: Words) -> str:
    told = words.effect(a["outcome"], *_sized(a, "effect"))
    key = "nothing" if a["low"] <= 0 <= a["high"] else "added" if a["effect"] > 0 else "took"
    [without] = words.levels(a["outcome"], a["control_mean"])
    return words(f"average.{key}", outcome=a["outcome"], action=a["action"], without=without, **told)


def _sized(row: Row, name: str) -> tuple[float, float, float]:
    """An effect with its interval; where it is below zero and surely so, its size."""
    if row["high"] < 0:
        return -row[name], -row["high"], -row["low"]
    return row[name], row["low"], row["high"]


def responder_sentences(document: Row, outcome: str, words: Words) -> list[str]:
    """Who gains most and least by each action, and by which nobody can be told apart."""
    here = [one for one in document["responders"] if one["outcome"] == outcome]
    said = []
    for one in here:
        said += [group_sentence(group, words) for group in one["groups"]]
        said += within_chance(one, words)
    same = [one["action"] for one in here if not one["told_apart"]]
    return [*said, words("responders.same", outcome=outcome, actions=words.listed(same))] if same else said


def group_sentence(group: Row, words: Words) -> str:
    """Who these customers are, and what the action did to them."""
    told = {name: group[name] for name in ("outcome", "action")} | {"traits": traits_text(group, words)}
    told["effect"] = effect_there(group, words)
    if group["who"] in ("first", "last"):
        return words(f"responders.{group['who']}", part=words(f"responders.{part_of(group)}"), **told)
    key = group["who"] if group["traits"] else f"{group['who']}_plain"
    return words(f"responders.{key}", share=words.numbers.share(group["share"]), **told)


def within_chance(one: Row, words: Words) -> list[str]:
    """That the first and the last group are not surely apart in what was seen of them, where they are not."""
    if not one["groups"] or gap_of(one["groups"])[0] > 0:
        return []
    between = words.between(*words.changes(one["outcome"], *gap_of(one["groups"])))
    return [words("responders.within_chance", outcome=one["outcome"], action=one["action"], range=between)]


def gap_of(groups: Sequence[Row]) -> tuple[float, float]:
    """The 95 % interval of the difference between the effects seen of the first and of the last group."""
    first, last = groups
    gap = first["seen"] - last["seen"]
    error = math.hypot(*(group["high"] - group["seen"] for group in (first, last)))  # half of the interval
    return gap - error, gap + error


def part_of(group: Row) -> str:
    """Which part of the customers a first or last group is."""
    return "tenth" if group["share"] < 0.2 else "third"


def traits_text(group: Row, words: Words) -> str:
    return words("page.comma").join(words.trait(t) for t in group["traits"]) or words("responders.no_traits")


def effect_there(group: Row, words: Words) -> str:
    key = "nothing" if group["low"] <= 0 <= group["high"] else "added" if group["seen"] > 0 else "took"
    sign = -1 if key == "took" else 1
    [said] = words.changes(group["outcome"], sign * group["said"])
    return words(f"responders.{key}", said=said, **words.effect(group["outcome"], *_sized(group, "seen")))


def policy_sentences(document: Row, outcome: str, words: Words) -> list[str]:
    """What to do with everybody and with each share contacted; with everybody, whom that gives what."""
    said = []
    for choice in document["chosen"]:
        if choice["outcome"] == outcome:
            said.append(_policy(document, choice, words))
            if choice["share"] >= 1:
                groups = [group for group in document["given"] if group["outcome"] == outcome]
                said += [group_sentence(group, words) for group in groups]
    return said


def policy_lines(document: Row, outcome: str, words: Words) -> list[str]:
    """The same without whom it gives what."""
    return [_policy(document, choice, words) for choice in document["chosen"] if choice["outcome"] == outcome]


def _policy(document: Row, choice: Row, words: Words) -> str:
    """What a choice gives whom and what that was worth; and that leaving all alone was worth more, where it was."""
    told = _told(document, choice, words)
    outcome = choice["outcome"]
    [honest] = policy_rows(document, outcome, choice["share"], CHOSEN)
    alone = policy_rows(document, outcome, 1.0, f"{document['control']} to all")
    if choice["policy"] == "none" or not alone or honest["value"] >= alone[0]["value"]:
        return told
    [value] = words.levels(outcome, alone[0]["value"])
    return told + words("page.space") + words("policy.alone_better", value=value)


def _told(document: Row, choice: Row, words: Words) -> str:
    outcome, share = choice["outcome"], choice["share"]
    [honest] = policy_rows(document, outcome, share, CHOSEN)
    value, *ends = words.levels(outcome, honest["value"], honest["low"], honest["high"])
    told = {"outcome": outcome, "value": value, "range": words.between(*ends)}
    if share >= 1:
        single = single_action(document, outcome)
        [one] = policy_rows(document, outcome, share, f"{single} to all")
        policy = choice["policy"]
        if policy in ("groups", "personal"):
            policy += "" if honest["value"] > one["value"] else "_in_vain"
            [by_one] = words.levels(outcome, one["value"])
            against = words("policy.against_one", action=single, value=by_one)
        else:
            against = ""
        said = words(f"policy.{policy}", action=choice["action"])
        return words("policy.full", policy=said, against=against, **told)
    beside = policy_rows(document, outcome, share, "random")
    [by_chance] = words.levels(outcome, beside[0]["value"]) if beside else [""]
    against = words("policy.against", value=by_chance) if beside and choice["policy"] != "random" else ""
    return words(
        "policy.part", policy=rule_text(choice, words), share=words.numbers.share(share), against=against, **told
    )


# ---- policies -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PolicyShown:
    """One row of the short table of policies."""

    outcome: str
    share: float  # of customers contacted
    kind: str  # chosen, single, usual, alone
    name: str  # in words
    value: float
    low: float
    high: float


def policies_shown(document: Row, outcome: str, words: Words) -> list[PolicyShown]:
    """For each share of customers contacted what was chosen, one action (to all, or to some picked at random) and the
    usual learner; at last leaving all alone. All the others stand in policies.parquet."""
    control = document["control"]
    best = single_action(document, outcome)
    shown: list[PolicyShown] = []

    def show(kind: str, share: float, rule: str, name: str) -> None:
        for row in policy_rows(document, outcome, share, rule):
            shown_share = 0.0 if kind == "alone" else share
            shown.append(PolicyShown(outcome, shown_share, kind, name, row["value"], row["low"], row["high"]))

    for choice in document["chosen"]:
        if choice["outcome"] != outcome:
            continue
        share = choice["share"]
        show("chosen", share, CHOSEN, words("name.chosen", policy=rule_text(choice, words)))
        if share >= 1:
            show("single", share, f"{best} to all", words("name.all", action=best))
        else:
            show("single", share, "random", words("name.random", action=best))
        show("usual", share, USUAL, words("name.usual"))
    show("alone", 1.0, f"{control} to all", words("name.alone"))
    return shown


def single_action(document: Row, outcome: str) -> str:
    """The action of the highest average effect."""
    averages = [average for average in document["averages"] if average["outcome"] == outcome]
    return str(max(averages, key=lambda average: average["effect"])["action"])


def policy_rows(document: Row, outcome: str, share: float, policy: str) -> list[Row]:
    return [
        row for row in document["policies"] if (row["outcome"], row["share"], row["policy"]) == (outcome, share, policy)
    ]


def rule_text(choice: Row, words: Words) -> str:
    """The policy that all data speak for, in words."""
    policy, action = choice["policy"], choice["action"]
    if policy == "personal" and choice["share"] < 1:
        return words("name.best")
    if policy in ("groups", "personal"):
        return words(f"name.{policy}")
    return (
        words("name.alone")
        if policy == "none"
        else words({"one": "name.all"}.get(policy, f"name.{policy}"), action=action)
    )


# ---- warnings -------------------------------------------------------------------------------------------------------


def warnings_of(document: Row, words: Words) -> list[str]:
    """What a reader has to know before the numbers."""
    count, share = words.numbers.count, words.numbers.share
    said = []
    if document["left_out"]:
        said.append(words("warning.left_out", columns=words.listed(document["left_out"])))
    said += _chance(document, words)
    said += _unseen(document, words)
    for each in document["overlap"]:
        if each["effective"] < FEW_LEFT * each["customers"] or each["poor"] > MOST_POOR:
            told = {"customers": count(each["customers"]), "effective": count(each["effective"])}
            said.append(words("warning.overlap", action=each["action"], poor=share(each["poor"]), **told))
    if document["unknown_customers"]:
        said.append(words("warning.unknown", customers=count(document["unknown_customers"])))
    if document.get("numbered"):
        said.append(words("warning.numbered"))
    said += _strangers(document, words)
    said += [_placebo(placebo, words) for placebo in document["placebos"] if Placebo(**placebo).is_seen]
    averages = document["averages"]
    if not any(a["low"] > 0 or a["high"] < 0 for a in averages) and all(a["differences"] <= SURE for a in averages):
        said.append(words("warning.nothing"))
    return said


def _strangers(document: Row, words: Words) -> list[str]:
    """That those whose effects are told are not this shop's customers, as far as they are not."""
    of_shop, count = document.get("of_shop"), words.numbers.count
    strangers = 0 if of_shop is None else document["effects_for"] - of_shop
    if not strangers:
        return []
    if not of_shop:
        return [words("warning.strangers", customers=count(strangers))]
    return [words("warning.some_strangers", strangers=count(strangers), customers=count(document["effects_for"]))]


def _placebo(placebo: Row, words: Words) -> str:
    check = words("warning.aa" if placebo["check"] == "A/A" else "warning.shuffled")
    sizes = {
        name: f"{value:+.1f}".replace("-", MINUS)
        for name, value in placebo.items()
        if name in ("average", "differences")
    }
    return words("warning.placebo", check=check, outcome=placebo["outcome"], **sizes)


def _unseen(document: Row, words: Words) -> list[str]:
    """How strong an unseen cause would have to be, of observational logs."""
    if document["observational"] and not document["sensitivity"]:
        return [words("warning.unseen_unknown")]
    share = words.numbers.share
    return [
        words(
            "warning.unseen",
            action=each["action"],
            outcome=each["outcome"],
            low=share(each["robustness_low"]),
            value=share(each["robustness"]),
        )
        for each in document["sensitivity"]
    ]


def _chance(document: Row, words: Words) -> list[str]:
    errors = f"{document['randomisation_z']:.0f}"
    if document["observational"]:
        is_detected = document["randomisation_z"] > PREDICTED
        how = words("warning.detected", errors=errors) if is_detected else words("warning.as_said")
        return [words("warning.observational", how=how)]
    said = []
    unbalanced: Sequence[str] = document.get("unbalanced", ())
    if unbalanced:
        said.append(words("warning.unbalanced", columns=words.listed([words.column(each) for each in unbalanced])))
    if document["randomisation_z"] > PREDICTED:
        said.append(words("warning.not_followed", errors=errors))
    return said
