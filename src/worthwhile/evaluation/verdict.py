"""The verdict on a backtest: which model leads, by how much, and what may be concluded from it.

Facts are worked out here, from the scores alone; `wording.py` puts them into sentences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import t as student

from worthwhile.errors import InputError
from worthwhile.evaluation import wording
from worthwhile.evaluation.wording import ENOUGH_CUTOFFS
from worthwhile.languages import LANGUAGES
from worthwhile.plain import plain

# The simple rules that a model has to beat to earn its keep.
RULES = ("last-period", "past-rate")
# Target -> the metric by which models are compared and one of them leads.
LEADING_METRIC = {"spend": "crps", "value": "crps", "orders": "orders_crps", "active": "brier", "churn": "brier"}
# Metric that a verdict is about -> the metric that decides a tie, and the one of the total.
HEADLINES = {"crps": ("gini", "bias"), "orders_crps": ("auc", "orders_bias"), "brier": ("auc", "buyers_bias")}
ENOUGH_BUYERS = 30  # for a coverage to say anything: its standard error is then 5 points at 90 %
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Comparison:
    """The leader against another model, in pairs over the cutoffs."""

    model: str
    smaller: float  # mean over cutoffs of 1 - leader's error / other's error: 0.05 is 5 % less error
    spread: float  # standard deviation of that over cutoffs; NaN for one
    wins: int  # cutoffs where the leader's error was smaller
    cutoffs: int
    clear: bool | None  # the mean lies beyond what the spread over cutoffs explains; None: too few cutoffs to tell


@dataclass(frozen=True)
class TotalError:
    """How far the leader's total was off: (sum of forecasts) / (sum of actuals) - 1 at each cutoff."""

    by_cutoff: tuple[tuple[date, float], ...]
    tolerance: float  # the smallest whole per cent that holds at three cutoffs of four
    within: int  # cutoffs where it holds
    worst: float
    worst_on: date


@dataclass(frozen=True)
class Intervals:
    """Coverage of the leader's intervals given purchase, over buyers; mean over cutoffs weighted by buyers."""

    coverage_50: float
    coverage_90: float
    buyers: int
    state: str  # honest, narrow, wide, uneven, or unknown where there are too few buyers


@dataclass(frozen=True)
class Facts:
    """What the scores say, without words. All comparisons are over the same cutoffs."""

    metric: str
    horizon: str
    cutoffs: tuple[date, ...]
    nothing_came: bool  # at any cutoff: all actual totals are zero, so no forecast can be told from another
    ranking: tuple[tuple[str, float], ...]  # models by mean error, best first
    set_aside: tuple[str, ...]  # models that lack a score at some cutoff
    runner_up: Comparison | None
    rule: Comparison | None  # against the better simple rule; None where the leader is one, or there is none
    beat_the_rules: tuple[str, ...]  # models with a smaller mean error than the better simple rule
    total: TotalError | None
    intervals: Intervals | None
    top_decile_share: float  # mean over cutoffs; NaN where not scored
    rules_top_share: float = math.nan  # the same of the simple rule that ranks best; NaN where there is none

    @property
    def leader(self) -> str | None:
        return self.ranking[0][0] if self.ranking else None

    @property
    def tried(self) -> tuple[str, ...]:
        """The models that are no simple rules."""
        return tuple(model for model, _ in self.ranking if model not in RULES)

    @property
    def has_rule(self) -> bool:
        return any(model in RULES for model, _ in self.ranking)

    @property
    def leader_is_rule(self) -> bool:
        return self.leader in RULES


@dataclass(frozen=True)
class Verdict:
    """The facts, and the sentences in the order they are read: topic -> text."""

    facts: Facts
    lang: str
    sentences: Mapping[str, str]

    @property
    def leader(self) -> str | None:
        return self.facts.leader

    @property
    def text(self) -> str:
        return "\n".join(self.sentences.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: dates as ISO texts, NaN as None."""
        facts = plain(asdict(self.facts))
        return {"leader": self.leader, "lang": self.lang, "sentences": dict(self.sentences), "facts": facts}


class _Scores:
    """Scores of one horizon: value(model, metric) over all cutoffs, NaN where there is none."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.cutoffs: list[datetime] = sorted({row["cutoff"] for row in rows})
        self.models: list[str] = list(dict.fromkeys(row["model"] for row in rows))
        self._cells = {(row["model"], row["metric"], row["cutoff"]): row for row in rows}

    def has(self, model: str, metric: str) -> bool:
        """Whether the metric is among the model's scores, defined or not."""
        return any((model, metric, cutoff) in self._cells for cutoff in self.cutoffs)

    def values(self, model: str, metric: str, column: str = "value") -> np.ndarray[Any, Any]:  # (C,) float64
        found = [self._cells.get((model, metric, cutoff)) for cutoff in self.cutoffs]
        return np.array([math.nan if row is None else float(row[column]) for row in found])


def _only_horizon(scores: pa.Table, horizon: str | None) -> tuple[str, list[dict[str, Any]]]:
    rows = scores.select(["cutoff", "horizon", "model", "metric", "value", "customers"]).to_pylist()
    horizons = list(dict.fromkeys(row["horizon"] for row in rows))
    if horizon is None and len(horizons) > 1:
        raise InputError(
            "bad-argument",
            f"the scores are of several horizons: {', '.join(horizons)}",
            where="verdict",
            remedy="name one of them",
        )
    chosen = horizon or (horizons[0] if horizons else "")
    return chosen, [row for row in rows if row["horizon"] == chosen]


def _mean_defined(values: np.ndarray[Any, Any]) -> float:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def _ranking(scores: _Scores, metric: str) -> tuple[list[str], list[str]]:
    """Models best first, and those set aside because they lack a score at some cutoff.

    Mean errors within a thousandth of the best are a tie, which the headline's second metric decides, then the order
    of the scores.
    """
    known = {model: int(np.sum(~np.isnan(scores.values(model, metric)))) for model in scores.models}
    most = max(known.values(), default=0)
    if most == 0:
        return [], list(known)
    kept = [model for model in scores.models if known[model] == most]
    aside = [model for model in scores.models if known[model] < most]
    means = {model: _mean_defined(scores.values(model, metric)) for model in kept}
    best = max(min(means.values()), 1e-300)
    second = {model: _mean_defined(scores.values(model, HEADLINES[metric][0])) for model in kept}

    def place(model: str) -> tuple[float, float]:
        return round(means[model] / best, 3), -second[model] if not math.isnan(second[model]) else math.inf

    return sorted(kept, key=place), aside


def _compare(scores: _Scores, metric: str, leader: str, other: str) -> Comparison:
    """In pairs over cutoffs. Clear where Student's two-sided 95 % interval of the mean difference excludes zero.

    Cutoffs whose horizons overlap are not independent, and the leader was chosen because it leads; so clear is the
    least that can be asked, not a proof.
    """
    a, b = scores.values(leader, metric), scores.values(other, metric)
    both = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[both], b[both]
    smaller = np.where(b > 0, 1 - a / np.where(b > 0, b, 1.0), 0.0)  # an error of zero cannot be undercut
    n = len(smaller)
    mean, spread = float(smaller.mean()), float(smaller.std(ddof=1)) if n > 1 else math.nan
    clear = None
    if n >= ENOUGH_CUTOFFS:
        clear = bool(mean > student.ppf((1 + CONFIDENCE) / 2, n - 1) * spread / math.sqrt(n))
    return Comparison(other, mean, spread, int(np.sum(smaller > 0)), n, clear)


def _total(scores: _Scores, metric: str, leader: str, days: Sequence[date]) -> TotalError | None:
    values = scores.values(leader, HEADLINES[metric][1])
    found = [(day, float(value)) for day, value in zip(days, values, strict=True) if not math.isnan(value)]
    if not found:
        return None
    sizes = sorted(abs(value) for _, value in found)
    needed = sizes[math.ceil(0.75 * len(sizes)) - 1]
    tolerance = math.ceil(needed * 100 - 1e-9) / 100
    worst_on, worst = max(found, key=lambda pair: abs(pair[1]))
    return TotalError(tuple(found), tolerance, sum(size <= tolerance for size in sizes), worst, worst_on)


def _state(coverage: Mapping[float, float], buyers: int) -> str:
    if buyers < ENOUGH_BUYERS:
        return "unknown"
    low = high = False
    for level, found in coverage.items():
        # 5 points, more where so few buyers leave it to chance; half of it where there is no more room above.
        slack = max(0.05, 2 * math.sqrt(level * (1 - level) / buyers))
        low |= found < level - slack
        high |= found > level + min(slack, (1 - level) * 0.6)
    return {(False, False): "honest", (True, False): "narrow", (False, True): "wide", (True, True): "uneven"}[low, high]


def _intervals(scores: _Scores, leader: str) -> Intervals | None:
    names = {0.5: "coverage_50_buyers", 0.9: "coverage_90_buyers"}
    found: dict[float, float] = {}
    buyers = 0
    for level, name in names.items():
        values, customers = scores.values(leader, name), scores.values(leader, name, "customers")
        known = ~np.isnan(values) & (customers > 0)
        if not known.any():
            return None
        found[level] = float(np.average(values[known], weights=customers[known]))
        buyers = int(customers[known].sum())
    return Intervals(found[0.5], found[0.9], buyers, _state(found, buyers))


def _nothing_came(scores: _Scores, metric: str) -> bool:
    """Whether the totals were scored and none of their errors is defined, since what actually came was zero."""
    totals = HEADLINES[metric][1]
    cells = [scores.values(model, totals) for model in scores.models if scores.has(model, totals)]
    return bool(cells) and all(np.isnan(values).all() for values in cells)


def _top_share(scores: _Scores, model: str, metric: str) -> float:
    """What the tenth of customers that a model put first brought of all spend: mean over cutoffs."""
    if metric != "crps" or not scores.has(model, "top_decile_share"):
        return math.nan
    return _mean_defined(scores.values(model, "top_decile_share"))


def find_facts(scores: pa.Table, *, metric: str = "crps", horizon: str | None = None, zone: tzinfo = UTC) -> Facts:
    """The facts of a verdict; parameters and errors as `verdict`."""
    chosen, rows = _only_horizon(scores, horizon)
    table = _Scores(rows)
    days = [cutoff.astimezone(zone).date() for cutoff in table.cutoffs]
    order, aside = _ranking(table, metric)
    nothing = _nothing_came(table, metric)
    if nothing or not order:
        return Facts(metric, chosen, tuple(days), nothing, (), tuple(aside), None, None, (), None, None, math.nan)
    leader = order[0]
    means = {model: _mean_defined(table.values(model, metric)) for model in order}
    asked = ~np.isnan(table.values(leader, metric))
    rule = next((model for model in order if model in RULES), None)
    return Facts(
        metric=metric,
        horizon=chosen,
        cutoffs=tuple(day for day, known in zip(days, asked, strict=True) if known),
        nothing_came=False,
        ranking=tuple(means.items()),
        set_aside=tuple(aside),
        runner_up=_compare(table, metric, leader, order[1]) if len(order) > 1 else None,
        rule=_compare(table, metric, leader, rule) if rule and leader not in RULES else None,
        beat_the_rules=tuple(m for m in order if rule and m not in RULES and means[m] < means[rule]),
        total=_total(table, metric, leader, days),
        intervals=_intervals(table, leader) if metric == "crps" else None,
        top_decile_share=_top_share(table, leader, metric),
        rules_top_share=max((_top_share(table, rule, metric) for rule in order if rule in RULES), default=math.nan),
    )


def verdict(
    scores: pa.Table, *, lang: str = "en", metric: str = "crps", horizon: str | None = None, zone: tzinfo = UTC
) -> Verdict:
    """The verdict on a table of scores (schema SCORES) of one horizon, in words: `lang` `en` or `zh`.

    `metric` is what it is about: `crps` (spend or value), `orders_crps` or `brier` (buying or not). `horizon` picks
    one of several; `zone` is the shop's, in which cutoffs are dates.
    Raises InputError `bad-argument` for another language or metric, or where the horizon is left open.
    """
    for name, value, known in (("lang", lang, LANGUAGES), ("metric", metric, tuple(HEADLINES))):
        if value not in known:
            raise InputError(
                "bad-argument", f"`{value}` cannot be used", where=name, remedy=f"use one of {', '.join(known)}"
            )
    facts = find_facts(scores, metric=metric, horizon=horizon, zone=zone)
    return Verdict(facts, lang, wording.say(facts, lang))


# Topics that compare models are about the best of the table; these are about the one that is asked.
OWN_TOPICS = ("total", "intervals", "top", "conclusion")


def verdict_about(scores: pa.Table, own: str, *, lang: str = "en", metric: str = "crps", zone: tzinfo = UTC) -> Verdict:
    """The verdict on a table of one horizon, for who holds a forecast of the model `own` in hands.

    Another model may lead the table. How far totals were off, how honest the intervals are and what to conclude is
    therefore said of `own`, and where a rule does better than it, that is said as `caution`.
    Raises InputError `bad-argument` as `verdict` does.
    """

    def on(some: pa.Table) -> Verdict:
        return verdict(some, lang=lang, metric=metric, zone=zone)

    whole = on(scores)
    said = dict(whole.sentences)
    beside_rules = on(_only_models(scores, own, *RULES))
    # Where a rule does better, it would lead that table; the model's own numbers then come from its scores alone.
    alone = beside_rules
    if beside_rules.leader != own:
        facts = find_facts(_only_models(scores, own), metric=metric, zone=zone)
        facts = replace(facts, rules_top_share=beside_rules.facts.rules_top_share)
        alone = Verdict(facts, lang, wording.say(facts, lang))
    for topic in OWN_TOPICS:
        said.pop(topic, None)
        if topic in alone.sentences:
            said[topic] = alone.sentences[topic]
    if alone is not beside_rules and own not in RULES and "rule" in beside_rules.sentences:
        said["caution"] = beside_rules.sentences["rule"]
    return Verdict(whole.facts, lang, said)


def _only_models(scores: pa.Table, *models: str) -> pa.Table:
    return scores.filter(pc.is_in(scores["model"], value_set=pa.array(models)))
