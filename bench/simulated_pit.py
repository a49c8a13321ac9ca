"""Whether the shipped network is calibrated on simulated shops that it has not seen: the randomised PIT of spend.

    python bench/simulated_pit.py [--shops 256] [--size nano]

Prints the density in ten bins, 1 where calibrated, with its standard error over shops: customers of one shop share its
luck, so shops are what is counted.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor

from worthwhile.models.incontext.bins import amount_column
from worthwhile.models.incontext.losses import answer_to
from worthwhile.models.incontext.model import pretrained
from worthwhile.models.incontext.network import Network
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.tasks import Tasks, draw_tasks

SEED = 4 * 10**9  # of shops that neither training, validation nor the prior's ranges have seen
BINS = 10


@torch.inference_mode()
def transforms(network: Network, tasks: Tasks, dice: Dice) -> list[Tensor]:
    """For each shop, where outcomes lie in their distributions: uniform in [0, 1] if calibrated."""
    prob = answer_to(network, tasks).amount_prob().double()
    column = amount_column(tasks.amount.double())[..., None]
    here = prob.gather(-1, column)[..., 0]
    upto = prob.cumsum(-1).gather(-1, column)[..., 0]
    found = upto - here * dice.uniform(*here.shape).double()
    return [values[asked] for values, asked in zip(found, tasks.asked, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shops", type=int, default=256)
    parser.add_argument("--size", default="nano")
    options = parser.parse_args()
    network, _ = pretrained(options.size)
    shops: list[Tensor] = []
    for part in range(options.shops // 16):
        dice = Dice(SEED + part)
        tasks = draw_tasks(dice, simulate(16, SEED + part), context=512, queries=64)
        for start in range(0, len(tasks.asked), 4):
            shops += transforms(network, tasks[slice(start, start + 4)], dice)
    density = np.array([np.histogram(shop.numpy(), BINS, (0, 1))[0] / len(shop) * BINS for shop in shops])
    error = density.std(axis=0) / np.sqrt(len(shops))
    print(f"{len(shops)} shops, {sum(map(len, shops)):,} customers\n")
    print("| bin | " + " | ".join(f"{i / BINS:.1f}" for i in range(BINS)) + " |\n|---|" + "---:|" * BINS)
    print("| density | " + " | ".join(f"{value:.3f}" for value in density.mean(axis=0)) + " |")
    print("| standard error | " + " | ".join(f"{value:.3f}" for value in error) + " |")


if __name__ == "__main__":
    main()
