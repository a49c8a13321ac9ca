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
from pathlib import Path

import torch
from torch import Tensor

from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.rows import NUMBERS
from worthwhile.models.incontext.tasks import draw_tasks

QUANTILES = (0.005, 0.995)
SEED = 2 * 10**9  # of shops that neither training nor validation sees
QUESTIONS = 4  # to each shop


@dataclass(frozen=True)
class Outside:
    """A ratio of a shop that lies outside the prior's range."""

    name: str
    meaning: str
    value: float
    low: float
    high: float


def shop_numbers(rows: Tensor) -> dict[str, float]:
    """The shop's own ratios, which stand alike in each of its rows (C, F); those that are not known are left out."""
    found = {number.name: float(rows[0, i]) for i, number in enumerate(NUMBERS) if number.of_shop}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def prior_ranges(shops: int = 512, seed: int = SEED) -> dict[str, tuple[float, float]]:
    """Between which values 99 % of simulated shops lie, in each ratio."""
    values: dict[str, list[float]] = {}
    for part in range(shops // 16):
        batch, dice = simulate(16, seed + part), Dice(seed + part)
        for _ in range(QUESTIONS):
            for rows in draw_tasks(dice, batch, context=0, queries=1).query:
                for name, value in shop_numbers(rows).items():
                    values.setdefault(name, []).append(value)
    quantiles = {name: torch.tensor(v).quantile(torch.tensor(QUANTILES)).tolist() for name, v in values.items()}
    return {name: (low, high) for name, (low, high) in quantiles.items()}


def outside(rows: Tensor, ranges: Mapping[str, tuple[float, float]]) -> list[Outside]:
    """The ratios in which a shop with these rows lies outside of the ranges, in the order of `NUMBERS`."""
    meanings = {number.name: number.meaning for number in NUMBERS}
    found = []
    for name, value in shop_numbers(rows).items():
        low, high = ranges.get(name, (-math.inf, math.inf))
        if not low <= value <= high:
            found.append(Outside(name, meanings[name], value, low, high))
    return found


def main(arguments: list[str]) -> int:
    [path] = arguments
    rounded = {name: [round(low, 4), round(high, 4)] for name, (low, high) in prior_ranges().items()}
    Path(path).write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main(sys.argv[1:]))
