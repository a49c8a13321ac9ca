"""How an uplift run speaks: its texts in one language, and the way its numbers and covariates are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worthwhile.evaluation.numbers import MINUS, Numbers
from worthwhile.evaluation.texts import texts_of
from worthwhile.features.declared import FEATURES, Feature
from worthwhile.languages import check_language

# From which size on (of a money amount, of percentage points, of another number) how many decimals are written.
MONEY_DIGITS = ((100.0, 0), (0.1, 2), (0.0, 3))
POINTS_DIGITS = ((1.0, 1), (0.1, 2), (0.0, 3))
NUMBER_DIGITS = ((100.0, 0), (10.0, 1), (1.0, 2), (0.0, 3))
FIGURE_DIGITS = ((100.0, 0), (10.0, 1), (0.1, 2), (0.0, 3))  # of a covariate
SPEND = "spend"  # the outcome that is money
CHANCE = "chance"  # the kind of an outcome of 0 and 1


@dataclass(frozen=True)
class Words:
    """`words("key", name=...)` is a text, filled in."""

    texts: Mapping[str, str]
    numbers: Numbers
    kinds: Mapping[str, str]  # outcome -> chance, spend, number
    categories: Sequence[str] = ()  # the shop's main ones, which features stand for by their places

    def __call__(self, key: str, **values: object) -> str:
        if "outcome" in values:
            values["outcome"] = self.outcome(str(values["outcome"]))
        return self.texts[key].format(**values)

    def outcome(self, name: str) -> str:
        """An outcome in the reader's language, where it is one of the usual names; else as the log names it."""
        return self.texts.get(f"outcome.{name.lower()}", name)

    def listed(self, names: Sequence[str]) -> str:
        """`mail a` and `mail b`."""
        quoted = [self("page.quoted", name=name) for name in names]
        return quoted[0] if len(quoted) == 1 else self("page.comma").join(quoted[:-1]) + self("page.and") + quoted[-1]

    def levels(self, outcome: str, *values: float) -> list[str]:
        """How large an outcome is: 10.6%, £1.42, 3.4; all with as many decimals as the largest of them needs."""
        if self.kinds.get(outcome) == CHANCE:
            return [f"{text}%" for text in _alike([100 * value for value in values], POINTS_DIGITS)]
        return self._amounts(outcome, values)

    def changes(self, outcome: str, *values: float) -> list[str]:
        """The same of an effect, which on an outcome of 0 and 1 is in percentage points, without the unit."""
        if self.kinds.get(outcome) == CHANCE:
            return _alike([100 * value for value in values], POINTS_DIGITS)
        return self._amounts(outcome, values)

    def _amounts(self, outcome: str, values: Sequence[float]) -> list[str]:
        if outcome != SPEND:
            return _alike(values, NUMBER_DIGITS)
        found = []
        for text in _alike(values, MONEY_DIGITS):
            sign, size = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
            found.append(f"{sign}{self.numbers.symbol if self.numbers.currency else ''}{size}")
        return found

    def effect(self, outcome: str, effect: float, low: float, high: float) -> dict[str, str]:
        """`effect` with its unit, and `range`, its interval."""
        size, *ends = self.changes(outcome, effect, low, high)
        unit = "number.points" if self.kinds.get(outcome) == CHANCE else "number.each"
        return {"effect": self(unit, value=size), "range": self.between(*ends)}

    def between(self, low: str, high: str) -> str:
        return self("number.range", low=low, high=high)

    def trait(self, trait: Mapping[str, Any]) -> str:
        """What sets a group apart: `mens` 71% (of all 55%)."""
        feature = _feature(trait["column"])
        if feature is not None:
            value, of_all = (self._of_unit(trait[name], feature.unit) for name in ("mean", "mean_all"))
            return self("trait.feature", column=self._label(feature), value=value, all=of_all)
        column = self.column(trait["column"])
        if trait["is_share"]:
            shares = {"value": self.numbers.share(trait["mean"]), "all": self.numbers.share(trait["mean_all"])}
            if trait["value"] is None:
                return self("trait.share", column=column, **shares)
            return self("trait.value", column=column, of=trait["value"], **shares)
        return self("trait.number", column=column, value=_figure(trait["mean"]), all=_figure(trait["mean_all"]))

    def column(self, covariate: str) -> str:
        """A covariate's readable name; a log's columns are named by the user, but those of the shop's campaigns."""
        feature = _feature(covariate)
        return self.texts.get(f"column.{covariate}", covariate) if feature is None else self._label(feature)

    def _label(self, feature: Feature) -> str:
        place = feature.name.removeprefix("category_").removesuffix("_share")
        if feature.name == f"category_{place}_share" and place.isdigit() and int(place) <= len(self.categories):
            return self("trait.category", category=self.categories[int(place) - 1])
        return feature.meaning if self.numbers.language == "en" else feature.label_zh

    def _of_unit(self, value: float, unit: str) -> str:
        if unit == "money":
            return self.numbers.money(value)
        return self.numbers.share(value) if unit == "share" else _figure(value)


def words_of(document: Mapping[str, Any], lang: str) -> Words:
    """The words for a run's answer (`UpliftRun.to_dict`, or its manifest's facts). Raises InputError `bad-argument`."""
    check_language(lang)
    numbers = Numbers(lang, document["settings"]["currency"])
    return Words(
        texts_of("worthwhile.decide.uplift", lang),
        numbers,
        document.get("outcome_kinds", {}),
        document.get("categories", ()),
    )


def _feature(name: str) -> Feature | None:
    return next((feature for feature in FEATURES if feature.name == name), None)


def _alike(values: Sequence[float], digits: Sequence[tuple[float, int]]) -> list[str]:
    """Numbers with as many decimals as the largest of them needs; no minus before what rounds to zero."""
    size = max(abs(value) for value in values)
    count = next(count for least, count in digits if size >= least)
    texts = [f"{value:,.{count}f}" for value in values]
    return [
        text.replace("-", MINUS) if any(c in "123456789" for c in text) else text.removeprefix("-") for text in texts
    ]


def _figure(value: float) -> str:
    [text] = _alike([value], FIGURE_DIGITS)
    return text.rstrip("0").rstrip(".") if "." in text else text
