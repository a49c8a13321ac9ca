"""The sufficiency gate: which models a shop's history can carry, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from worthwhile.features.snapshot import Snapshot
from worthwhile.languages import LANGUAGES
from worthwhile.models.catalogue import MODELS, Needs, models_behind
from worthwhile.runs.lonely_end import LonelyEnd
from worthwhile.runs.membership import ALL_MEMBERS, Membership
from worthwhile.runs.pretrained import NOTHING_SAID, Pretrained

# What a shop has of each need -> how a lack of it is said.
_LACKS = {
    "customers": {
        "en": "{has:,} customers, it needs {need:,}",
        "zh": "只有 {has:,} 位客户，需要 {need:,} 位",
    },
    "repeat_buyers": {
        "en": "{has:,} customers ordered again, it needs {need:,}",
        "zh": "只有 {has:,} 位客户复购，需要 {need:,} 位",
    },
    "matured_rows": {
        "en": "{has:,} customers to learn from, counted in each past window, it needs {need:,}",
        "zh": "可供学习的历史窗口中只有 {has:,} 位客户（各窗口分别计数），需要 {need:,} 位",
    },
    "matured_buyers": {
        "en": "{has:,} buyers to learn from, counted in each past window, it needs {need:,}",
        "zh": "可供学习的历史窗口中只有 {has:,} 位购买者（各窗口分别计数），需要 {need:,} 位",
    },
}

_SENTENCES = {
    "history": {
        "en": "The log holds {days:,.0f} days and {customers:,} customers before the cutoff; {repeat:,} ordered again.",
        "zh": "截止日之前的记录覆盖 {days:,.0f} 天、{customers:,} 位客户，其中 {repeat:,} 位下单不止一次。",
    },
    "windows": {
        "en": "One past window of this length has closed, so models can learn from what customers then did.",
        "zh": "已有一个同样长度的历史窗口结束，模型可以从客户当时的行为中学习。",
    },
    "some-windows": {
        "en": "{windows} past windows of this length have closed, some of which overlap, so models can learn from what"
        " customers then did.",
        "zh": "已有 {windows} 个同样长度的历史窗口结束（部分相互重叠），模型可以从客户当时的行为中学习。",
    },
    "lonely-end": {
        "en": "Nothing happened from {start} to {end}, and only {events:,} of {all_events:,} events lie after that. If"
        " their date is mistyped, everything here is wrong: forecast with --cutoff {start}.",
        "zh": "{start} 至 {end} 没有任何记录，此后只有 {all_events:,} 条记录中的 {events:,} 条。若其日期有误，"
        "以下结果全部不可信：请用 --cutoff {start} 重新预测。",
    },
    "no-window": {
        "en": "No past window of this length has closed yet: nothing shows how well such forecasts do at this shop.",
        "zh": "还没有同样长度的历史窗口结束：无法用本店的历史检验这类预测的好坏。",
    },
    "used": {
        "en": "Models that this history can carry: {models}.",
        "zh": "现有历史足以支持的模型：{models}。",
    },
    "left-out": {
        "en": "Left out ({lack}): {models}.",
        "zh": "未采用（{lack}）：{models}。",
    },
    "named": {
        "en": "{model} was asked for by name, though there is too little for it to go by ({lack}): do not rely on it.",
        "zh": "{model} 是按名称指定的，但可供它依据的历史不足（{lack}）：请勿依赖它的结果。",
    },
    "little": {
        "en": "This is little history. Take the forecast as a rough guide: its intervals are wide for that reason.",
        "zh": "历史数据很少，预测只能作为粗略参考，因此区间较宽。",
    },
    "beyond": {
        "en": "The horizon is longer than the whole history: this is extrapolation.",
        "zh": "预测期比全部历史还长：这是外推。",
    },
}


@dataclass(frozen=True)
class Gate:
    """Which models may be used here; `facts` is what the shop has of each need; `lacks` says why others may not.

    A model asked for by name (`named`) is made all the same, with a warning in the place of its being left out.
    """

    allowed: tuple[str, ...]
    lacks: dict[str, str]  # model -> the first need that it lacks
    facts: Needs
    history_days: float
    windows: int
    horizon_days: float
    named: tuple[str, ...] = ()
    pretrained: Pretrained = NOTHING_SAID  # what is to be said of the pretrained model, once it is fitted
    lonely_end: LonelyEnd | None = None  # the last events, where they may be mistyped
    membership: Membership = ALL_MEMBERS  # of the ensemble, whatever the history can carry

    def sentences(self, lang: str = "en") -> list[str]:
        """The gate in plain words, most important first. `lang` is en or zh."""
        facts = self.facts
        windows = {0: "no-window", 1: "windows"}.get(self.windows, "some-windows")
        said = [_SENTENCES["lonely-end"][lang].format(**asdict(self.lonely_end))] if self.lonely_end else []
        said += [
            _SENTENCES["history"][lang].format(
                days=self.history_days, customers=facts.customers, repeat=facts.repeat_buyers
            ),
            _SENTENCES[windows][lang].format(windows=self.windows),
        ]
        if self.horizon_days > self.history_days:
            said.append(_SENTENCES["beyond"][lang])
        if self.is_little:
            said.append(_SENTENCES["little"][lang])
        said.append(_SENTENCES["used"][lang].format(models=", ".join(self.allowed)))
        return [*said, *self.pretrained.sentences(lang), *self._of_lacks(lang)]

    def _of_lacks(self, lang: str) -> list[str]:
        """Why models that were asked for by name are not to be relied on; or, where none was, which are left out. Of
        the ensemble, which usual members it does without."""
        is_pooled = not self.named or "ensemble" in self.named
        apart = [model for model in self.membership.apart if is_pooled and model not in self.lacks]
        said = [self.membership.sentence(model, lang) for model in apart]
        if self.named:
            asked = [model for model in self.named if model in self.lacks]
            return [_SENTENCES["named"][lang].format(model=m, lack=self.lack(m, lang)) for m in asked] + said
        alike: dict[str, list[str]] = {}
        for model in self.lacks:
            alike.setdefault(self.lack(model, lang), []).append(model)
        words = _SENTENCES["left-out"][lang]
        return [words.format(models=", ".join(models), lack=lack) for lack, models in alike.items()] + said

    def lack(self, model: str, lang: str = "en") -> str:
        """Why a model is left out, in words."""
        if model not in self.lacks:
            return self.membership.reason(lang)
        need = self.lacks[model]
        has, needed = getattr(self.facts, need), getattr(MODELS[model].needs, need)
        return _LACKS[need][lang].format(has=has, need=needed)

    def leaves_out(self, model: str) -> bool:
        """Whether a model is not to be made: it lacks something or is apart, and nobody asked for it by name."""
        return (model in self.lacks or model in self.membership.apart) and model not in self.named

    @property
    def is_little(self) -> bool:
        """Whether nothing can be fitted here, or there are too few customers for any average to be steady."""
        fitted = (name for name in self.allowed if not MODELS[name].is_pretrained)
        return self.facts.customers < 100 or all(MODELS[name].family == "heuristic" for name in fitted)

    @property
    def members(self) -> tuple[str, ...]:
        """What the ensemble is made of: its usual members that may be used, at least the pretrained one."""
        return tuple(name for name in self.allowed if name in self.membership.members)

    def to_dict(self) -> dict[str, Any]:
        return {
            "allowed": list(self.allowed),
            "left_out": self.lacks,
            "facts": {f.name: getattr(self.facts, f.name) for f in fields(Needs)},
            "members": list(self.members),
            "apart": list(self.membership.apart),
            "history_days": self.history_days,
            "windows": self.windows,
            "pretrained": self.pretrained.to_dict(),
            "sentences": {lang: self.sentences(lang) for lang in LANGUAGES},
        }


def models_made(names: Sequence[str], gates: Sequence[Gate]) -> list[str]:
    """What was made for these names where the gates let it be: members in the place of the ensemble."""
    members = dict.fromkeys(member for found in gates for member in found.members)
    made = [name for name in names if any(not found.leaves_out(name) for found in gates)]
    return models_behind(made, list(members))


def gate(
    matured: Sequence[Snapshot],
    current: Snapshot,
    *,
    named: Sequence[str] = (),
    membership: Membership = ALL_MEMBERS,
) -> Gate:
    """What this history can carry: `matured` windows before the cutoff and the snapshot that is asked about.

    `named` are the models that were asked for by name; `membership` says of which the ensemble may be made.
    """
    repeats = current.column("x")
    facts = Needs(
        customers=len(current),
        repeat_buyers=int(np.sum(np.nan_to_num(repeats) > 0)),
        matured_rows=sum(len(s) for s in matured),
        matured_buyers=sum(int(s.outcome.active.sum()) for s in matured if s.outcome),
    )
    allowed, lacks = [], {}
    for name, kind in MODELS.items():
        lacking = [f.name for f in fields(Needs) if getattr(facts, f.name) < getattr(kind.needs, f.name)]
        if lacking:
            lacks[name] = lacking[0]
        elif name != "ensemble":
            allowed.append(name)
    return Gate(
        allowed=tuple(allowed),
        lacks=lacks,
        facts=facts,
        history_days=current.history_days,
        windows=len(matured),
        horizon_days=current.horizon_days,
        named=tuple(named),
        membership=membership,
    )
