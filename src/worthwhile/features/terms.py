"""What an amount is worth to the shop: margins and the rate that discounts future value, for the target `value`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worthwhile.settings import Settings


@dataclass(frozen=True)
class ValueTerms:
    """Margins as shares of an amount, and the yearly discount rate. The settings `value.*` of a shop."""

    margin: float = 1.0
    margins: Mapping[str, float] = field(default_factory=dict)  # of single categories; others have `margin`
    discount_rate: float = 0.0

    def mean_discount(self, days: float) -> float:
        """The mean discount factor of spend that is spread evenly over a horizon of so many days."""
        factors = [(1 + self.discount_rate) ** (-day / 365.25) for day in range(max(round(days), 1))]
        return sum(factors) / len(factors)

    @classmethod
    def of(cls, settings: Settings) -> ValueTerms:
        return cls(settings["value.margin"], dict(settings["value.margins"]), settings["value.discount_rate"])
