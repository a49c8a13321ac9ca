"""Sentences about recorded segments, with their numbers: what a stage means, what a group is like, what speaks for an
action. They read the facts of a run (docs/segments.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from worthwhile.decide.segments.clusters import (
    LEAST_CLUSTERS,
    LEAST_CUSTOMERS,
    MOST_CLUSTERS,
    STABLE,
)
from worthwhile.decide.segments.evidence import FEW
from worthwhile.decide.segments.recorded import Segments
from worthwhile.decide.segments.words import AIPL_DEFINITIONS, DEFINITIONS, TRAITS, text
from worthwhile.evaluation.numbers import Numbers
from worthwhile.evaluation.numbers import share as percent
from worthwhile.evaluation.wording import span_text
from worthwhile.languages import LANGUAGES

Money = Callable[[float], str]  # how an amount is written
DUE, OVERDUE = 0.75, 1.5  # of the usual gap: from the first on an order is due, from the second on overdue
# Stage -> how many of the shop's typical gaps of silence are told of.
SILENCE_OF: dict[str, float] = {"cooling": 1.0, "at_risk": 2.0, "lost": 4.0}
SHARED = 0.3  # of customers with the same number of orders, from which on it is told


def days_text(days: float, lang: str) -> str:
    count = round(days)
    return text("day" if count == 1 else "days", lang, n=f"{count:,}")


def day_text(iso: str, lang: str) -> str:
    return Numbers(lang, "").day(date.fromisoformat(iso))


def definition_of(stage: str, segments: Segments, lang: str) -> str:
    """What a stage means, with the thresholds of the run."""
    at = segments.asked["thresholds"]
    shares = {name: percent(at[name]) for name in ("growing", "cooling", "at_risk", "lost")}
    return DEFINITIONS[stage][LANGUAGES.index(lang)].format(new_days=at["new_days"], **shares)


def aipl_definition(stage: str, segments: Segments, lang: str) -> str:
    days = segments.asked["thresholds"]["aipl_days"]
    return AIPL_DEFINITIONS[stage][LANGUAGES.index(lang)].format(days=days)


# ---- clusters -------------------------------------------------------------------------------------------------------


def cluster_text(cluster: Mapping[str, Any], lang: str, money: Money) -> str:
    """`buys often (every 21 days), small baskets (£45), due now: 412 customers, £18,300 expected`."""
    traits = text("comma", lang).join(cluster_traits(cluster, lang, money))
    return text("cluster", lang, traits=traits, customers=f"{cluster['customers']:,}", spend=money(cluster["spend"]))


def cluster_traits(cluster: Mapping[str, Any], lang: str, money: Money) -> list[str]:
    """What a group stands out in, most first, each with its median; whether its next order is due."""
    written = {name: _written(name, value, lang, money) for name, value in cluster["medians"].items()}
    is_single = cluster["single"] >= 0.5
    said = [text("single", lang)] if is_single else []
    for name in cluster["traits"]:
        if name == "usual_gap" and is_single:
            continue  # of a single order the gap is the shop's, not theirs
        below, above = TRAITS[name]
        words = above if cluster["distance"][name] > 0 else below
        said.append(words[LANGUAGES.index(lang)].format(value=written[name]))
    if not said:
        said.append(text("average", lang, **written))
    elif len(said) == 1 and "order_value" not in cluster["traits"]:
        said.append(text("basket", lang, **written))
    if not is_single and cluster["due"] >= OVERDUE:
        said.append(text("overdue", lang, times=f"{cluster['due']:.1f}"))
    elif not is_single and cluster["due"] >= DUE:
        said.append(text("due", lang))
    return said


def _written(quantity: str, value: float, lang: str, money: Money) -> str:
    if quantity == "order_value":
        return money(value)
    if quantity == "p_active":
        return percent(value)
    return f"{value:,.0f}" if quantity == "orders" else days_text(value, lang)


def clusters_note(segments: Segments, lang: str) -> str:
    """How the number of groups came about."""
    found = segments.facts["clusters"]
    count = len(found["clusters"])
    if not count:
        return text("too_few", lang, least=LEAST_CUSTOMERS)
    if found["is_stable"]:
        return text("stable", lang, count=count, least=f"{STABLE:.2f}")
    return text("unstable", lang, count=count, low=LEAST_CLUSTERS, high=MOST_CLUSTERS)


# ---- evidence -------------------------------------------------------------------------------------------------------


def evidence_sentences(stage: str, segments: Segments, lang: str, money: Money) -> list[str]:
    """What this shop's own log says about customers at a stage. Descriptions, none of them an effect.

    What they did after an earlier date is left out where it is known of no stage: `evidence_note` says why.
    """
    facts, span = segments.facts, horizon_of(segments, lang)
    found = next((one for one in facts["stages"] if one["stage"] == stage), None)
    said = [] if found is None else _what_then(found, segments, lang, money)
    if found is None and facts["stages"]:
        said.append(text("none", lang, start=day_text(facts["past"]["start"], lang)))
    if stage == "new":
        said += _second_orders(facts["second_orders"], lang)
    if stage == "loyal" and found is not None and found["share"] >= 0.5:
        said.append(text("anyway", lang))
    if stage in SILENCE_OF:
        silence = _silence_near(facts["silences"], SILENCE_OF[stage] * facts["rhythm"]["typical_gap"])
        if silence is not None:
            share = percent(silence["returned"] / silence["stretches"])
            days, stretches = days_text(silence["days"], lang), f"{silence['stretches']:,}"
            said.append(text("silence", lang, days=days, share=share, span=span, stretches=stretches))
    if stage == "lost" and found is not None and found["share"] < 0.2:
        said.append(text("rest", lang))
    return said


def _what_then(found: Mapping[str, Any], segments: Segments, lang: str, money: Money) -> list[str]:
    share, low, high = (percent(found[name]) for name in ("share", "low", "high"))
    span, start = horizon_of(segments, lang), day_text(segments.facts["past"]["start"], lang)
    customers = f"{found['customers']:,}"
    said = [text("then", lang, customers=customers, start=start, share=share, low=low, high=high, span=span)]
    if found["customers"] < FEW:
        return [*said, text("few", lang)]
    if found["bought"]:
        days = days_text(max(found["days_to_order"], 1), lang)
        said.append(text("buyers", lang, spend=money(found["spend_of_buyers"]), days=days))
    if found["usual"] is not None and found["stage"] not in ("prospect", "new"):
        spend, past = money(found["spend"]), money(found["spend_usual"])
        said.append(text("usual", lang, usual=percent(found["usual"]), spend=spend, past=past))
    return said


def _second_orders(found: Mapping[str, Any], lang: str) -> list[str]:
    if not found["came_back"]:
        return []
    values = {name: days_text(found[f"{name}_days"], lang) for name in ("followed", "median", "most")}
    share = percent(found["came_back"] / found["customers"])
    return [text("second", lang, customers=f"{found['customers']:,}", share=share, **values)]


def _silence_near(silences: Sequence[Mapping[str, Any]], days: float) -> Mapping[str, Any] | None:
    """The silence nearest to a length, of those that were seen often enough."""
    seen = [one for one in silences if one["stretches"] >= FEW]
    return min(seen, key=lambda one: (abs(one["days"] - days), one["days"]), default=None)


def horizon_of(segments: Segments, lang: str) -> str:
    """The horizon in words."""
    return span_text(segments.asked["horizons"][0], lang).strip()


def rfm_note(segments: Segments, lang: str) -> str:
    """That many customers share one number of orders, where they do; else nothing."""
    rfm = segments.facts["rfm"]
    value, share = rfm["shared"].get("frequency", (0.0, 0.0))
    if share < SHARED:
        return ""
    return text("shared", lang, share=percent(share), value=f"{value:,.0f}", used=rfm["used"]["frequency"])


def past_note(segments: Segments, lang: str) -> str:
    """Why nothing is said of an earlier date; nothing where something is."""
    return text(segments.facts["no_past"], lang) if segments.facts["no_past"] else ""


def evidence_note(segments: Segments, lang: str) -> str:
    """Why nothing is said of what customers did after an earlier date that is compared with; nothing where it is."""
    facts = segments.facts
    if facts["past"] is None or facts["stages"]:
        return ""
    start, day = (day_text(iso, lang) for iso in (facts["past"]["start"], facts["day"]))
    return text("not_over", lang, span=horizon_of(segments, lang), start=start, day=day)


def honest_label(lang: str) -> str:
    return text("honest", lang)
