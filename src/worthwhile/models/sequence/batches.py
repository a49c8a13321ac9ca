"""Batches of customers: their steps padded to one length, thinned and jittered while learning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from worthwhile.models.sequence.network import Batch
from worthwhile.models.sequence.steps import NUMBERS, Steps

Array = np.ndarray[Any, Any]

LONGEST = 256  # latest steps of a customer that are read
_TIMES = [NUMBERS.index(name) for name in ("gap", "order_gap", "age")]


@dataclass(frozen=True)
class Augmentation:
    """How steps are changed while learning, so that the network does not learn customers by heart."""

    drop: float = 0.1  # share of steps left out
    jitter: float = 0.1  # standard deviation added to log times


@dataclass(frozen=True)
class Read:
    """A batch and which steps are in it."""

    batch: Batch
    steps: Array  # (number of steps,) int64 places in Steps, row after row
    row: Array  # (number of steps,) int64 row of the batch
    at: Array  # (number of steps,) int64 column of the batch


def read(
    steps: Steps, first: Array, end: Array, *, device: torch.device, rng: np.random.Generator | None = None,
    augmentation: Augmentation | None = None, kept: Array | None = None,
) -> Read:
    """The steps `first` to `end` (B,) of customers, the latest LONGEST of them. `kept` (S,) bool are never dropped."""
    first = np.maximum(first, end - LONGEST)
    lengths = end - first
    place = np.repeat(first - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())
    row = np.repeat(np.arange(len(first)), lengths)
    numbers = steps.numbers[place]
    if augmentation is not None and rng is not None:
        stays = rng.random(len(place)) >= augmentation.drop
        if kept is not None:
            stays |= kept[place]
        place, row, numbers = place[stays], row[stays], numbers[stays]
        numbers[:, _TIMES] += rng.normal(0, augmentation.jitter, (len(place), len(_TIMES)))
    lengths = np.bincount(row, minlength=len(first))
    at = np.arange(len(place)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (len(first), max(int(lengths.max(initial=0)), 1))
    padded = np.zeros((*shape, numbers.shape[1]), dtype=np.float32)
    padded[row, at] = numbers
    kind, channel = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    kind[row, at], channel[row, at] = steps.kind[place], steps.channel[place]
    lines, bags = _lines(steps, place)
    tensors = [torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in (
        padded, kind, channel, lengths, steps.item[lines].astype(np.int64), steps.category[lines].astype(np.int64), bags)]
    return Read(Batch(*tensors), place, row, at)


def _lines(steps: Steps, place: Array) -> tuple[Array, Array]:
    """The lines of steps, and where those of each begin."""
    first, count = steps.line_offsets[place], np.diff(steps.line_offsets)[place]
    bags = np.cumsum(count) - count
    return np.repeat(first - bags, count) + np.arange(count.sum()), bags


def groups(lengths: Array, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """Customers in random batches of like lengths, so that little is padded."""
    order = np.argsort(lengths + rng.random(len(lengths)) * (1 + lengths * 0.3), kind="stable")
    batches = [order[at : at + size] for at in range(0, len(order), size)]
    for batch in rng.permutation(len(batches)):
        yield batches[batch]
