"""The verdict's sentences, in English and Chinese, for someone who decides and does not compute.

`TEXTS` holds every sentence; the functions choose among them. No sentence claims more than its facts: with fewer than
three cutoffs nothing leads, and what lies within the spread over cutoffs is called equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from worthwhile.evaluation.numbers import share
from worthwhile.languages import LANGUAGES
from worthwhile.tasks import Horizon

if TYPE_CHECKING:
    from worthwhile.evaluation.verdict import Comparison, Facts, TotalError

ENOUGH_CUTOFFS = 3  # for a spread over cutoffs to say anything
LEVEL = 0.005  # errors that differ by less than half a per cent are called level
GUIDE, BUDGET = 0.30, 0.10  # a total never off by more than this may guide a plan, by that may be budgeted with
FAR = 1.0  # beyond this, a tolerance says nothing
RANKS_WELL = 0.20  # the top tenth brings at least twice its share
RULE_RANKS_BETTER = 0.03  # of all spend, by which the best tenth of a rule brings more
FEW_BUYERS = 20  # over all dates, below which a ranking is chance

# Topic and case -> English, Chinese.
TEXTS: dict[str, tuple[str, str]] = {
    "nothing": (
        "No forecast could be scored yet, so nothing can be said about how good forecasts for this shop are.",
        "还没有任何预测可以检验，因此无法判断对本店的预测有多准。",
    ),
    "nothing.crps": (
        "Nothing was spent in any of the spans tested, so no forecast of it can be told from another.",
        "检验的各段时间内都没有任何消费，因此无法比较各个预测的好坏。",
    ),
    "nothing.orders": (
        "Nobody ordered in any of the spans tested, so no forecast of it can be told from another.",
        "检验的各段时间内都没有任何订单，因此无法比较各个预测的好坏。",
    ),
    "tested.one": (
        "Tested at one past date, {first}: {noun} in the {span} after it, forecast with only what was known then.",
        "用过去的一个日期（{first}）检验：只用当时已知的数据，预测其后{span}内{noun}。",
    ),
    "tested.many": (
        "Tested at {n} past dates from {first} to {last}: {noun} in the {span} after each, forecast with only what was "
        "known then.",
        "用过去的 {n} 个日期（{first} 至 {last}）检验：只用当时已知的数据，预测其后{span}内{noun}。",
    ),
    "leader.alone": (
        "Only “{leader}” was tested, so nothing can be said about whether another model would do better.",
        "只检验了“{leader}”一个模型，无法判断其他模型是否更好。",
    ),
    "leader.few": (
        "Of {models} models, “{leader}” came nearest to what then happened. {dates} cannot tell skill from luck, so "
        "this is no proof that it is the best.",
        "在 {models} 个模型中，“{leader}”与实际结果最接近。但{dates}不足以区分本领与运气，还不能说它就是最好的。",
    ),
    "leader.level": (
        "“{leader}” and “{other}” came out practically level at the top of {models} models.",
        "在 {models} 个模型中，“{leader}”与“{other}”并列最前，几乎没有差别。",
    ),
    "leader.clear": (
        "“{leader}” leads the {models} models: its error was {gap} smaller than that of the next best, “{other}”, and "
        "smaller at {wins} of {n} dates. The ups and downs between dates do not explain that.",
        "“{leader}”在 {models} 个模型中领先：误差比第二名“{other}”小 {gap}，在 {n} 个日期中有 {wins} 个更小，"
        "超出了各日期之间的正常波动。",
    ),
    "leader.unclear": (
        "“{leader}” came out first of {models} models, but its lead over “{other}” ({gap} less error on average, "
        "smaller at {wins} of {n} dates) lies within the ups and downs between dates: chance may have decided it.",
        "“{leader}”在 {models} 个模型中排第一，但对“{other}”的优势（误差平均小 {gap}，{n} 个日期中有 {wins} 个更小）"
        "没有超出各日期之间的波动，可能只是偶然。",
    ),
    "aside": (
        "Left out of the comparison, for lack of a score at some dates: {aside}.",
        "以下模型在部分日期没有成绩，未参与比较：{aside}。",
    ),
    "rule.none": (
        "No simple rule was tested beside it, so whether a model is needed at all is open.",
        "没有同时检验简单规则，因此还不知道是否真的需要模型。",
    ),
    "rule.only": (
        "Only simple rules were tested; whether a model does better is open.",
        "只检验了简单规则，模型是否更好还不清楚。",
    ),
    "rule.unbeaten": (
        "No model did better than this simple rule: {meaning}. A model is not worth its trouble here yet.",
        "没有模型胜过这条简单规则：{meaning}。目前在本店使用模型还不划算。",
    ),
    "rule.few": (
        "Its error was {gap} smaller than that of the better simple rule, “{rule}” ({meaning}); {dates} cannot tell "
        "whether that will last.",
        "它的误差比较好的简单规则“{rule}”（{meaning}）小 {gap}；但{dates}不足以说明这能否持续。",
    ),
    "rule.clear": (
        "It beats the better simple rule, “{rule}” ({meaning}): {gap} less error, smaller at {wins} of {n} dates. "
        "On average {better} of {tried} models beat that rule.",
        "它胜过较好的简单规则“{rule}”（{meaning}）：误差小 {gap}，{n} 个日期中有 {wins} 个更小。"
        "平均而言，{tried} 个模型中有 {better} 个胜过这条规则。",
    ),
    "rule.unclear": (
        "Against the better simple rule, “{rule}” ({meaning}), it had {gap} less error and did better at {wins} of {n} "
        "dates: too uneven to be sure that a model is needed here.",
        "与较好的简单规则“{rule}”（{meaning}）相比，误差平均小 {gap}，{n} 个日期中有 {wins} 个更好：差别不稳定，"
        "还不能肯定本店需要模型。",
    ),
    "rule.level": (
        "The better simple rule, “{rule}” ({meaning}), did practically as well.",
        "较好的简单规则“{rule}”（{meaning}）几乎同样好。",
    ),
    "total.one": ("The forecast {what} was {off}.", "预测的{what}{off}。"),
    "total.many": (
        "The forecast {what} was within {tolerance} of the actual one at {within} of {n} dates. At worst, for "
        "{worst_on}, it was {off}.",
        "{n} 个日期中有 {within} 个，预测的{what}与实际相差不超过 {tolerance}。最差的一次（{worst_on}）{off}。",
    ),
    "total.far": (
        "The forecast {what} was far off: at worst, for {worst_on}, it was {off}.",
        "预测的{what}相差很大：最差的一次（{worst_on}）{off}。",
    ),
    "total.always.high": ("It was too high every time.", "每次都偏高。"),
    "total.always.low": ("It was too low every time.", "每次都偏低。"),
    "intervals.honest": (
        "The error bars are honest: of the customers who bought, {c90} spent an amount within their 90% range and "
        "{c50} within their 50% range.",
        "误差范围可信：在实际购买的客户中，{c90} 的消费落在 90% 范围内，{c50} 落在 50% 范围内。",
    ),
    "intervals.narrow": (
        "The error bars are too narrow: of the customers who bought, only {c90} spent an amount within their 90% range "
        "and {c50} within their 50% range. Take them as wider than shown.",
        "误差范围偏窄：在实际购买的客户中，只有 {c90} 的消费落在 90% 范围内，{c50} 落在 50% 范围内。使用时应放宽。",
    ),
    "intervals.wide": (
        "The error bars are wider than they need be: of the customers who bought, {c90} spent an amount within their "
        "90% range and {c50} within their 50% range.",
        "误差范围偏宽：在实际购买的客户中，{c90} 的消费落在 90% 范围内，{c50} 落在 50% 范围内。",
    ),
    "intervals.uneven": (
        "The error bars are not quite right: of the customers who bought, {c90} spent an amount within their 90% range "
        "and {c50} within their 50% range.",
        "误差范围不够准确：在实际购买的客户中，{c90} 的消费落在 90% 范围内，{c50} 落在 50% 范围内。",
    ),
    "intervals.unknown": (
        "Too few customers bought ({buyers}) to judge the error bars.",
        "实际购买的客户太少（{buyers} 个），无法检验误差范围。",
    ),
    "top": (
        "The tenth of customers with the highest forecast brought {share} of what was then spent.",
        "预测值最高的十分之一客户，带来了其后 {share} 的消费。",
    ),
    "so.rank": (
        "What follows: the forecast can be used to choose which customers to serve first.",
        "结论：可以用这份预测来决定优先服务哪些客户。",
    ),
    "so.no_rank": (
        "What follows: the forecast tells customers apart only weakly; do not choose customers by it alone.",
        "结论：这份预测区分客户的能力较弱，不要只凭它挑选客户。",
    ),
    "so.rule_ranks": (
        "A simple rule ranks customers better: the tenth that it put first brought {share}. Do not choose customers by "
        "this forecast.",
        "简单规则对客户的排序更好：它排在最前的十分之一客户带来了 {share} 的消费。不要凭这份预测挑选客户。",
    ),
    "so.few_buyers": (
        "Too few customers bought ({buyers}) to say how well it tells customers apart.",
        "购买的客户太少（{buyers} 位），无法判断它区分客户的能力。",
    ),
    "so.budget": (
        "The total can go into a budget, with a margin of at least {margin} either way.",
        "总额可用于预算，上下至少各留 {margin} 的余地。",
    ),
    "so.guide": (
        "Take the total as a guide and plan with a margin of at least {margin} either way.",
        "总额可作参考，计划时上下至少各留 {margin} 的余地。",
    ),
    "so.no_budget": (
        "Do not build a budget on the total alone: it was off by up to {worst}.",
        "不要只凭总额做预算：它曾偏差达 {worst}。",
    ),
    "so.few": (
        "All of this rests on {dates}: an indication, not a proof. Test again as history grows.",
        "以上只基于{dates}：是迹象，不是证明。历史数据增多后请再次检验。",
    ),
    "so.rule.level": (
        "A simple rule would have served about as well as a model so far.",
        "到目前为止，简单规则与模型差不多。",
    ),
    "so.rule.unclear": (
        "That a model does better than a simple rule here is not shown yet.",
        "模型在本店是否胜过简单规则，尚未得到证明。",
    ),
    "off.right": ("right to within 1%", "误差不到 1%"),
    "off.high": ("{size} too high", "偏高 {size}"),
    "off.low": ("{size} too low", "偏低 {size}"),
    "off.times": ("{times} times the actual one", "是实际的 {times} 倍"),
    "dates.one": ("one date", "一个日期"),
    "dates.two": ("two dates", "两个日期"),
    "noun.crps": ("what each customer spends", "每位客户的消费"),
    "noun.orders_crps": ("how many orders each customer places", "每位客户的订单数"),
    "noun.brier": ("which customers buy", "哪些客户会购买"),
    "what.crps": ("total", "总额"),
    "what.orders_crps": ("number of orders", "订单总数"),
    "what.brier": ("number of buyers", "购买客户数"),
    "means.last-period": ("what a customer spent last time, they spend again", "上一期花多少，下一期就花多少"),
    "means.past-rate": ("each customer goes on at their past rate", "每位客户保持过去的平均水平"),
    "unit.d": ("{count} day", "{count} 天"),
    "unit.w": ("{count} week", "{count} 周"),
    "unit.mo": ("{count} month", "{count} 个月"),
    "unit.y": ("{count} year", "{count} 年"),
}


def text(key: str, lang: str, **values: Any) -> str:
    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def _percent(share: float) -> str:
    """12%, 8%: how far off a total was, which is not known to decimals."""
    return f"{share * 100:.0f}%"


def span_text(horizon: str, lang: str) -> str:
    parsed = Horizon.parse(horizon)
    plural = "s" if lang == "en" and parsed.count > 1 else ""
    # A blank sets the number off from Chinese text, which English gets by itself.
    return (" " if lang == "zh" else "") + text(f"unit.{parsed.unit}", lang, count=parsed.count) + plural


def _dates(n: int, lang: str) -> str:
    return text("dates.one" if n == 1 else "dates.two", lang)


def _off(bias: float, lang: str) -> str:
    if abs(bias) < 0.01:
        return text("off.right", lang)
    if bias > 1:
        return text("off.times", lang, times=f"{1 + bias:.1f}")
    return text("off.high" if bias > 0 else "off.low", lang, size=_percent(abs(bias)))


def _against(comparison: Comparison) -> dict[str, Any]:
    gap = share(max(comparison.smaller, 0.0))
    return {"gap": gap, "wins": comparison.wins, "n": comparison.cutoffs}


def _outcome(comparison: Comparison) -> str:
    """few, level, clear or unclear."""
    if abs(comparison.smaller) < LEVEL:
        return "level"
    if comparison.clear is None:
        return "few"
    return "clear" if comparison.clear else "unclear"


def _leader(facts: Facts, lang: str) -> str:
    values: dict[str, Any] = {"leader": facts.leader, "models": len(facts.ranking)}
    if facts.runner_up is None:
        return text("leader.alone", lang, **values)
    values |= _against(facts.runner_up) | {"other": facts.runner_up.model}
    if facts.runner_up.clear is None:
        return text("leader.few", lang, dates=_capital(_dates(facts.runner_up.cutoffs, lang)), **values)
    return text(f"leader.{_outcome(facts.runner_up)}", lang, **values)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _rule(facts: Facts, lang: str) -> str:
    if not facts.has_rule:
        return text("rule.none", lang)
    if facts.leader_is_rule:
        if not facts.tried:
            return text("rule.only", lang)
        return text("rule.unbeaten", lang, meaning=text(f"means.{facts.leader}", lang))
    assert facts.rule is not None
    values = _against(facts.rule) | {"rule": facts.rule.model, "meaning": text(f"means.{facts.rule.model}", lang)}
    values |= {"better": len(facts.beat_the_rules), "tried": len(facts.tried)}
    if facts.rule.clear is None:
        values["dates"] = _dates(facts.rule.cutoffs, lang)
    return text(f"rule.{_outcome(facts.rule)}", lang, **values)


def _total(total: TotalError, metric: str, lang: str) -> str:
    n, what = len(total.by_cutoff), text(f"what.{metric}", lang)
    if n == 1:
        return text("total.one", lang, what=what, off=_off(total.worst, lang))
    sentence = text(
        "total.far" if total.tolerance > FAR else "total.many",
        lang,
        what=what,
        tolerance=_percent(total.tolerance),
        within=total.within,
        n=n,
        worst_on=total.worst_on.isoformat(),
        off=_off(total.worst, lang),
    )
    signs = {math.copysign(1, value) for _, value in total.by_cutoff}
    if n >= 3 and len(signs) == 1 and min(abs(value) for _, value in total.by_cutoff) >= 0.01:
        always = text("total.always.high" if signs == {1.0} else "total.always.low", lang)
        sentence += (" " if lang == "en" else "") + always
    return sentence


def _ranking(facts: Facts, lang: str) -> str:
    """Whether customers can be chosen by the forecast."""
    if facts.intervals is not None and facts.intervals.buyers < FEW_BUYERS:
        return text("so.few_buyers", lang, buyers=facts.intervals.buyers)
    if facts.rules_top_share > facts.top_decile_share + RULE_RANKS_BETTER:
        return text("so.rule_ranks", lang, share=_percent(facts.rules_top_share))
    return text("so.rank" if facts.top_decile_share >= RANKS_WELL else "so.no_rank", lang)


def _conclusions(facts: Facts, lang: str) -> Iterator[str]:
    few = len(facts.cutoffs) < ENOUGH_CUTOFFS
    if not math.isnan(facts.top_decile_share):
        yield _ranking(facts, lang)
    if facts.total is not None and facts.metric == "crps" and not few:
        worst = abs(facts.total.worst)
        margin = math.ceil(worst * 100 - 1e-9) / 100  # a margin is rounded up
        case = "so.budget" if margin <= BUDGET else "so.guide" if margin <= GUIDE else "so.no_budget"
        yield text(case, lang, margin=_percent(margin), worst=_percent(worst))
    if facts.rule is not None and _outcome(facts.rule) in ("level", "unclear"):
        yield text(f"so.rule.{_outcome(facts.rule)}", lang)
    if few:
        yield text("so.few", lang, dates=_dates(len(facts.cutoffs), lang))


def say(facts: Facts, lang: str) -> dict[str, str]:
    """Topic -> sentences, in the order they are read."""
    if facts.leader is None and not facts.nothing_came:
        return {"nothing": text("nothing", lang)}
    n, join = len(facts.cutoffs), " " if lang == "en" else ""
    tested = text(
        "tested.one" if n == 1 else "tested.many",
        lang,
        n=n,
        first=facts.cutoffs[0].isoformat(),
        last=facts.cutoffs[-1].isoformat(),
        noun=text(f"noun.{facts.metric}", lang),
        span=span_text(facts.horizon, lang),
    )
    if facts.nothing_came:
        return {"tested": tested, "nothing": text(f"nothing.{'crps' if facts.metric == 'crps' else 'orders'}", lang)}
    said = {
        "tested": tested,
        "leader": _leader(facts, lang),
        "rule": _rule(facts, lang),
    }
    if facts.set_aside:
        comma = ", " if lang == "en" else "、"
        said["aside"] = text("aside", lang, aside=comma.join(f"“{model}”" for model in facts.set_aside))
    if facts.total is not None:
        said["total"] = _total(facts.total, facts.metric, lang)
    if facts.intervals is not None:
        cover = facts.intervals
        said["intervals"] = text(
            f"intervals.{cover.state}",
            lang,
            c50=_percent(cover.coverage_50),
            c90=_percent(cover.coverage_90),
            buyers=cover.buyers,
        )
    if not math.isnan(facts.top_decile_share):
        said["top"] = text("top", lang, share=_percent(facts.top_decile_share))
    conclusion = join.join(_conclusions(facts, lang))
    return said | ({"conclusion": conclusion} if conclusion else {})
