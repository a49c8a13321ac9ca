"""How plans, campaigns and hand-overs speak: their texts in one language, and the way their numbers are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from worthwhile.evaluation.numbers import Numbers
from worthwhile.evaluation.texts import texts_of
from worthwhile.evaluation.wording import span_text
from worthwhile.ingestion.words import day_in
from worthwhile.languages import check_language

# Something that a reader has to know: `note`, the key of its text, and what that is filled in with, as JSON has it. It
# stands in manifests, so that it can be told in either language.
Note = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """`words("key", name=...)` is a text, filled in."""

    texts: Mapping[str, str]
    numbers: Numbers

    def __call__(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)

    def joined(self, sentences: Iterable[str]) -> str:
        """Sentences one after the other."""
        return self("page.space").join(text for text in sentences if text)

    def listed(self, texts: Iterable[str]) -> str:
        return self("page.comma").join(texts)

    def unit(self) -> str:
        """What stands behind the head of a column of amounts."""
        return self("table.unit", currency=self.numbers.currency) if self.numbers.currency else ""

    def day(self, day: str) -> str:
        """A day or moment as manifests have it, as a text of the language writes it."""
        return day_in(date.fromisoformat(day[:10]), self.numbers.language)

    def span(self, horizon: str) -> str:
        return span_text(horizon, self.numbers.language).strip()

    def assumed(self, one: Mapping[str, Any]) -> str:
        """What a plan, a test or a file that is handed over rests on without having been measured."""
        means = self(f"assumed.{one['assumption']}")
        told = {"action": one["action"], "assumption": one["assumption"], "value": f"{one['value']:g}", "means": means}
        return self.joined([self("assumed.text", **told), self._sure(one)])

    def _sure(self, one: Mapping[str, Any]) -> str:
        """How sure an assumption is; nothing of those of a test, which asks for none."""
        if "lift_se" not in one:
            return ""
        if not one["lift_se"]:
            return self("assumed.exact")
        return self("assumed.half" if one.get("lift_se_is") == "assumed" else "assumed.se", se=f"{one['lift_se']:g}")

    def source(self, effect: str) -> str:
        """Where an effect is from, as the rows of a plan have it: `assumption: lift_spend = 0.03`."""
        kind, _, said = effect.partition(": ")
        return self(f"source.{kind}", said=said)

    def notes(self, notes: Sequence[Note]) -> list[str]:
        return [self._note(note) for note in notes]

    def _note(self, note: Note) -> str:
        key = note["note"]
        return self(f"note.{key}", **{name: self._value(key, name, note[name]) for name in note if name != "note"})

    def _value(self, key: str, name: str, value: Any) -> Any:
        """What a note is filled in with: days and reasons in words, lists of names in quotes, groups by their text."""
        if name == "why":
            return self(f"left_out.{value}")
        if name in ("end", "until", "day"):
            return self.day(value)
        if name == "horizon":
            return self.span(value)
        if name in ("detect", "found"):
            return None if value is None else self.numbers.money(value)
        if name == "brought":
            return self("page.and").join(f"{each:g}" for each in value)
        if not isinstance(value, list | tuple):
            return value
        return self.listed(
            self(f"note.{key}_each", **{of: self._value(key, of, part) for of, part in one.items()})
            if isinstance(one, Mapping)
            else self("page.quoted", name=one)
            for one in value
        )


def words_of(lang: str = "en", currency: str = "") -> Words:
    """Raises InputError `bad-argument` for a language that there are no texts in."""
    check_language(lang)
    return Words(texts_of("worthwhile.decide", lang), Numbers(lang, currency))
