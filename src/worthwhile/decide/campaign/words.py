"""What a measured campaign says in words, English and Chinese: what has to be known before, what it was worth, and what
it says of what was expected. All is told from the facts that `measure.py` records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worthwhile.evaluation.numbers import Numbers
from worthwhile.languages import LANGUAGES

TEXTS: dict[str, tuple[str, str]] = {
    # What has to be known before.
    "too_few": (
        "An arm or its control has fewer than two customers: nothing can be said of it.",
        "有的组或其对照组不足两位客户：无法下任何结论。",
    ),
    "running": (
        "The horizon ends on {end}, and the log on {until}: this is what is known so far.",
        "观察期到 {end} 才结束，而数据只到 {until}：以下只是目前已知的结果。",
    ),
    "gone": (
        "{count:,} assigned customers are no longer in the log, and count as having bought nothing.",
        "有 {count:,} 位参与客户已不在数据中，按未购买计。",
    ),
    "slips": (
        "{count:,} customers who were held out were contacted: effects are told too small.",
        "有 {count:,} 位留出的客户被触达了：效果会被低估。",
    ),
    "no_contact": (
        "The log has no contact of this campaign. Were the contacts made? What is told below holds only if they were:"
        " worth ingest takes the file of --contacts.",
        "数据中没有本次活动的触达记录。确实触达了吗？以下结论只在确实触达时成立：请用 worth ingest"
        " 导入 --contacts 写出的文件。",
    ),
    "fewer_contacts": (
        "The log has contacts of {reached:,} of {treated:,} treated customers: effects are those of being chosen for a"
        " contact, not of getting it.",
        "{treated:,} 位应触达的客户中，数据里只有 {reached:,} 位有触达记录：所示效果是“被选中触达”的效果，"
        "而非“实际收到”的效果。",
    ),
    "unlisted": (
        "{count:,} assigned customers are not among the outcomes, and are left out.",
        "有 {count:,} 位参与客户不在结果表中，未计入。",
    ),
    "sizes": (
        "The groups are not of the sizes that were designed (chi-squared p = {p_value:.1g}: {sizes}): customers were"
        " lost from one more than from another, and the comparison cannot be trusted.",
        "各组人数与设计不符（卡方检验 p = {p_value:.1g}：{sizes}）：有的组失去的客户更多，组间比较不可信。",
    ),
    # What it was worth.
    "nothing": ("Too few customers to say what it brought.", "客户太少，无法说明带来了什么。"),
    "brought": (
        "It brought {margin} of margin (95% interval {low} to {high}) for {cost}.",
        "带来毛利 {margin}（95% 区间 {low} 至 {high}），成本 {cost}。",
    ),
    "paid": ("It paid for itself.", "收回了成本。"),
    "lost": ("It did not pay for itself.", "没有收回成本。"),
    "unsure": ("Whether it paid for itself is not certain.", "是否收回成本尚不确定。"),
    # What it says of what was expected.
    "expected": (
        "A contact was expected to bring {expected} ({source}):",
        "事先预期每次触达带来 {expected}（{source}）：",
    ),
    "within": ("the result agrees with that.", "结果与此一致。"),
    "within_unsure": (
        "the result does not contradict that, but shows no effect either.",
        "结果与此并不矛盾，但也看不出任何效果。",
    ),
    "less": ("it surely brought less.", "实际肯定低于预期。"),
    "more": ("it surely brought more.", "实际肯定高于预期。"),
    "assumption": ("assumption", "假设"),
    "measured": ("measured", "实测"),
}


def text(key: str, lang: str, **values: object) -> str:
    return TEXTS[key][LANGUAGES.index(lang)].format(**values)


def note_text(note: Mapping[str, Any], lang: str = "en") -> str:
    """A note of a measured campaign: `key` of TEXTS, and what its text holds."""
    return text(note["key"], lang, **{name: value for name, value in note.items() if name != "key"})


def worth_text(arm: Mapping[str, Any], currency: str, lang: str = "en") -> str:
    """What an arm brought, against what its contacts cost."""
    extra, money = arm["incremental_margin"], Numbers(lang, currency).money
    if extra["effect"] is None:
        return text("nothing", lang)
    key = "paid" if extra["low"] > arm["cost"] else "lost" if extra["high"] < arm["cost"] else "unsure"
    low, high = money(extra["low"]), money(extra["high"])
    brought = text("brought", lang, margin=money(extra["effect"]), low=low, high=high, cost=money(arm["cost"]))
    return _joined([brought, text(key, lang)], lang)


def expectation_text(of: Mapping[str, Any], outcome: str, currency: str, lang: str = "en") -> str:
    """What an outcome of an arm says of what was expected; nothing where nothing was, or nothing was seen."""
    if of["held_against"] is None:
        return ""
    numbers = Numbers(lang, currency)
    size = numbers.money_change(of["expected"]) if outcome == "spend" else numbers.points(of["expected"])
    if outcome != "spend":
        size += " percentage points of customers who order" if lang == "en" else " 个百分点的下单客户"
    kind, colon, rest = of["expected_is"].partition(": ")
    source = f"{text(kind, lang)}{colon if lang == 'en' else '：'}{rest}" if kind in TEXTS else of["expected_is"]
    key = of["held_against"]
    if key == "within" and of["low"] <= 0 <= of["high"]:
        key = "within_unsure"
    return _joined([text("expected", lang, expected=size, source=source), text(key, lang)], lang)


def _joined(parts: list[str], lang: str) -> str:
    return (" " if lang == "en" else "").join(parts)
