"""What is to be said of a forecast by a pretrained model: in what the shop is unlike its prior, and its fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from worthwhile.models.protocol import Model

if TYPE_CHECKING:  # torch is loaded only where a network is asked
    from worthwhile.models.incontext.coverage import Outside
    from worthwhile.models.incontext.finetune import FineTuning

_SENTENCES = {
    "unlike": {
        "en": "This shop is unlike the simulated ones that in-context was trained on ({what}): rely on it less.",
        "zh": "本店与 in-context 训练所用的模拟店铺不同（{what}）：对它的结果请多加留意。",
    },
    "tuned": {
        "en": "in-context was fine-tuned here: on the latest past window, held out, it loses {after:.3f} instead of "
        "{before:.3f} nats a customer, and its total is {total_after:+.0%} off instead of {total_before:+.0%}.",
        "zh": "in-context 已在本店微调：在留出的最近一个历史窗口上，"
        "每位客户的损失由 {before:.3f} 降为 {after:.3f} nat，总额偏差由 {total_before:+.0%} 变为 {total_after:+.0%}。",
    },
    "not-better": {
        "en": "in-context stays as it was: fine-tuned, it would not surely be better. On the latest past window, held "
        "out, it would lose {after:.3f} instead of {before:.3f} nats a customer (standard error of the gain "
        "{error:.3f}), its total {total_after:+.0%} off instead of {total_before:+.0%}.",
        "zh": "in-context 保持原样：微调并不可靠地更好。在留出的最近一个历史窗口上，"
        "每位客户的损失会由 {before:.3f} 变为 {after:.3f} nat（改善的标准误 {error:.3f}），"
        "总额偏差由 {total_before:+.0%} 变为 {total_after:+.0%}。",
    },
    "not-tried": {
        "en": "in-context was not fine-tuned: it takes a past window to judge by, one before it to learn from, and one "
        "before that to read.",
        "zh": "in-context 未做微调：需要三个先后不重叠的历史窗口，分别用于检验、学习与读取。",
    },
}


@dataclass(frozen=True)
class Pretrained:
    """`unlike` are the shop's numbers that lie outside of what the model has seen. Where `fine_tune`, it was to be
    tuned here, and `fine_tuning` is what that came to; None where the history did not let it be tried."""

    unlike: Sequence[Outside] = ()
    fine_tune: bool = False
    fine_tuning: FineTuning | None = None

    def sentences(self, lang: str = "en") -> list[str]:
        return ([self._unlike(lang)] if self.unlike else []) + ([self._tuned(lang)] if self.fine_tune else [])

    def _unlike(self, lang: str) -> str:
        if lang == "zh":
            what = "；".join(f"{out.label_zh}{'高' if out.is_above else '低'}于所有模拟店铺" for out in self.unlike)
        else:
            what = "; ".join(f"{out.meaning}: {'more' if out.is_above else 'less'} than in any" for out in self.unlike)
        return _SENTENCES["unlike"][lang].format(what=what)

    def _tuned(self, lang: str) -> str:
        found = self.fine_tuning
        if found is None:
            return _SENTENCES["not-tried"][lang]
        totals = {name: math.expm1(getattr(found, name)) for name in ("total_before", "total_after")}
        return _SENTENCES["tuned" if found.is_kept else "not-better"][lang].format(**(asdict(found) | totals))

    def to_dict(self) -> dict[str, Any]:
        return {
            "unlike": [asdict(out) for out in self.unlike],
            "fine_tuning": self.fine_tuning and asdict(self.fine_tuning),
        }


NOTHING_SAID = Pretrained()


def pretrained_in(model: Model, *, fine_tune: bool) -> Pretrained:
    """What is to be said of a fitted model, or of the pretrained member of an ensemble; nothing of any other."""
    unlike = getattr(model, "unlike", None)
    if unlike is None:
        return NOTHING_SAID
    return Pretrained(unlike, fine_tune, getattr(model, "fine_tuning", None))
