"""Batches of customers: their steps padded to one length, thinned and jittered while learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from worthwhile.features.slices import ranges
from worthwhile.models.network_fit import placed
from worthwhile.models.sequence.network import Batch
from worthwhile.models.sequence.steps import NUMBERS, Steps

Array = np.ndarray[Any, Any]

LONGEST = 256  # latest steps of a customer that are read
_TIMES = [NUMBERS.index(name) for name in ("gap", "order_gap", "age")]


@dataclass(frozen=True)
class Augmentation:
    """How steps are changed while learning, so that the network does not learn customers by heart."""

    drop: float  # share of steps left out
    jitter: float  # standard deviation added to log times
    rng: np.random.Generator


@dataclass(frozen=True)
class Read:
    """A batch and which steps are in it."""

    batch: Batch
    steps: Array  # (number of steps,) int64 places in Steps, row after row


def read(
    steps: Steps,
    first: Array,
    end: Array,
    *,
    device: torch.device,
    augmentation: Augmentation | None = None,
    kept: Array | None = None,
) -> Read:
    """The steps `first` to `end` (B,) of customers, the latest LONGEST of them.

    With `augmentation` they are thinned and jittered, but for the steps `kept` (S,) bool, which are never left out.
    """
    first = np.maximum(first, end - LONGEST)
    place, _ = ranges(first, end - first)
    row = np.repeat(np.arange(len(first)), end - first)
    numbers = steps.numbers[place]
    if augmentation is not None:
        rng = augmentation.rng
        stays = rng.random(len(place)) >= augmentation.drop
        if kept is not None:
            stays |= kept[place]
        place, row, numbers = place[stays], row[stays], numbers[stays]
        numbers[:, _TIMES] += rng.normal(0, augmentation.jitter, (len(place), len(_TIMES)))
    lengths = np.bincount(row, minlength=len(first))
    at = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (len(first), max(int(lengths.max(initial=0)), 1))

    def padded(values: Array) -> Array:
        whole = np.zeros((*shape, *values.shape[1:]), dtype=values.dtype)
        whole[row, at] = values
        return whole

    def tensor(values: Array) -> torch.Tensor:
        return placed(np.ascontiguousarray(values), device)

    lines, begins = lines_of(steps, place)
    batch = Batch(
        numbers=tensor(padded(numbers)),
        kind=tensor(padded(steps.kind[place].astype(np.int64))),
        channel=tensor(padded(steps.channel[place].astype(np.int64))),
        lengths=tensor(lengths),
        items=tensor(steps.item[lines].astype(np.int64)),
        categories=tensor(steps.category[lines].astype(np.int64)),
        bags=tensor(begins),
        contents={name: tensor(steps.content_of(name, lines, begins)) for name in steps.contents},
        row=tensor(row),
        at=tensor(at),
    )
    return Read(batch, place)


def lines_of(steps: Steps, place: Array) -> tuple[Array, Array]:
    """The lines of steps, one after the other, and where those of each begin."""
    return ranges(steps.line_offsets[place], steps.line_offsets[place + 1] - steps.line_offsets[place])


def groups(lengths: Array, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """Customers in random batches of like lengths, so that little is padded."""
    order = np.argsort(lengths + rng.random(len(lengths)) * (1 + lengths * 0.3), kind="stable")
    batches = [order[at : at + size] for at in range(0, len(order), size)]
    for batch in rng.permutation(len(batches)):
        yield batches[batch]
