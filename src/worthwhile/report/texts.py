"""The report's words: one TOML table per language, with the same keys and the same placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worthwhile.evaluation.numbers import Numbers
from worthwhile.evaluation.texts import texts_of
from worthwhile.tasks import Horizon


def read_texts(language: str, page: str = "") -> dict[str, str]:
    """All texts of a language: dotted key -> text. Of the forecast report, or of another page of the family."""
    return texts_of("worthwhile.report", page + language)


@dataclass(frozen=True)
class Voice:
    """How one report speaks: its texts and the way it writes numbers. `voice("key", name=...)` is a text."""

    texts: Mapping[str, str]
    numbers: Numbers
    horizon: str
    amount_name: str = "spend"

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, filled in. `{span}` (the horizon) and `{spend}` (spend or value) are always known."""
        return self.texts[key].format(**{"span": self.span, "spend": self.spend} | values)

    def __contains__(self, key: str) -> bool:
        return key in self.texts

    def count_of(self, noun: str, count: float) -> str:
        """`1 customer`, `2,357 customers`; `noun` is a key of the table `nouns`."""
        number = self.numbers.count(count)
        return self.texts[f"nouns.{noun}.{'one' if number == '1' else 'many'}"].format(n=number)

    @property
    def span(self) -> str:
        horizon = Horizon.parse(self.horizon)
        return self.count_of({"d": "day", "w": "week", "mo": "month", "y": "year"}[horizon.unit], horizon.count)

    @property
    def spend(self) -> str:
        return self.texts[f"amount.{self.amount_name}"]


def voice_of(language: str, currency: str, horizon: str, amount_name: str = "spend") -> Voice:
    return Voice(read_texts(language), Numbers(language, currency), horizon, amount_name)
