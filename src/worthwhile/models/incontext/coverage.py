"""Whether a shop is like those of the prior: its own ratios against their range among simulated shops.

    python -m worthwhile.models.incontext.coverage src/worthwhile/models/incontext/weights/prior.json

writes the ranges, which are shipped beside the weights. A number outside says that the network has hardly seen such a
shop.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch

from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.rows import MOST_CUSTOMERS, NUMBERS
from worthwhile.models.incontext.tasks import CUSTOMERS, LONGEST, SHORTEST, draw_tasks

QUANTILES = (0.001, 0.999)
SEED = 2 * 10**9  # of shops that neither training nor validation sees
QUESTIONS = 4  # to each shop


@dataclass(frozen=True)
class Outside:
    """A number of a shop, as rows hold it, that lies outside of the prior's range."""

    name: str
    meaning: str
    label_zh: str
    value: float
    low: float
    high: float

    @property
    def is_above(self) -> bool:
        return self.value > self.high


def prior_ranges(shops: int = 512, seed: int = SEED) -> dict[str, tuple[float, float]]:
    """Between which values nearly all simulated shops lie, in each ratio."""
    values: dict[str, list[float]] = {}
    for part in range(shops // 16):
        batch, dice = simulate(16, seed + part), Dice(seed + part)
        for _ in range(QUESTIONS):
            for row in draw_tasks(dice, batch, context=0, queries=1).query[:, 0]:
                for number, value in zip(NUMBERS, row.tolist(), strict=True):
                    if number.of_shop and math.isfinite(value):
                        values.setdefault(number.name, []).append(value)
    quantiles = {name: torch.tensor(v).quantile(torch.tensor(QUANTILES)).tolist() for name, v in values.items()}
    ranges = {name: (low, high) for name, (low, high) in quantiles.items()}
    horizons = (math.log(SHORTEST / 90), math.log((LONGEST + 1) / 90))  # two years may hold a leap day
    # All larger shops count as one of the most customers.
    customers = (min(ranges["customers"][0], math.log(CUSTOMERS)), math.log(MOST_CUSTOMERS))
    return ranges | {"horizon": horizons, "customers": customers}


def outside(numbers: Mapping[str, float], ranges: Mapping[str, tuple[float, float]]) -> list[Outside]:
    """The shop's numbers that lie outside of the ranges, in their order; what is not known lies nowhere."""
    said = {number.name: (number.meaning, number.label_zh) for number in NUMBERS}
    found = []
    for name, value in numbers.items():
        low, high = ranges.get(name, (-math.inf, math.inf))
        if not math.isnan(value) and not low <= value <= high:
            found.append(Outside(name, *said[name], value, low, high))
    return found


def shipped_ranges() -> dict[str, tuple[float, float]]:
    """The ranges of the prior that the shipped networks were trained on."""
    text = (resources.files("worthwhile.models.incontext.weights") / "prior.json").read_text(encoding="utf-8")
    return {name: (low, high) for name, (low, high) in json.loads(text).items()}


def outwards(low: float, high: float) -> tuple[float, float]:
    """Rounded to four digits, and no narrower for it: a bound that is exact would lie outside of itself."""
    return math.floor(low * 1e4) / 1e4, math.ceil(high * 1e4) / 1e4


def main(arguments: list[str]) -> int:
    [path] = arguments
    rounded = {name: outwards(low, high) for name, (low, high) in prior_ranges().items()}
    Path(path).write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main(sys.argv[1:]))
