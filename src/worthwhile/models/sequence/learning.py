"""How the network learns: first what comes next, then the task beside it, until later windows gain no more.

Plain loops, the same on CPU and GPU (bf16 there). Each epoch's chance is drawn from the seed and the epoch's number,
so that a training that was broken off goes on as if it had not been.

Letters: Q questions (training rows), S steps, C customers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from worthwhile.features.slices import counted
from worthwhile.models.network_fit import alone, chosen_device
from worthwhile.models.sequence.batches import Augmentation, Read, groups, read
from worthwhile.models.sequence.coming import GAPS, Coming, coming_loss, foretold, foretold_width
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.steps import Steps

Array = np.ndarray[Any, Any]
Loss = Callable[[Tensor, Tensor], Tensor]

AVERAGED = 0.96  # of the running average of the weights is kept at each batch (Polyak & Juditsky 1992)
GRADIENT = 1.0  # largest norm of a gradient
JUDGES = 20  # questions that validation needs at least
BLIND_EPOCHS = 8  # where there are fewer
BATCHES = 64  # that an epoch has at least, where customers suffice: small shops need as many steps as others
LEAST_BATCH = 16
READ_ROWS = 512
NO_ROWS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Learning:
    """The event model's configuration. `device` is `cpu`, `cuda` or `auto` (the GPU where there is one)."""

    encoder: Literal["gru", "transformer"] = "gru"
    width: int = 64
    layers: int = 1
    dropout: float = 0.3
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    drop: float = 0.1  # share of steps left out while learning
    jitter: float = 0.1  # sd added to log times while learning
    coming: float = 0.3  # weight of what comes next beside the task
    warm_epochs: int = 6  # of nothing but what comes next
    epochs: int = 40  # of both, at most
    patience: int = 5
    batch: int = 256  # customers, at most
    members: int = 2  # networks from different beginnings, whose distributions are averaged
    device: str = "cpu"


@dataclass(frozen=True)
class Questions:
    """Customers at cutoffs, with what came of them."""

    row: Array  # (Q,) int64 customer in Steps
    end: Array  # (Q,) int64 the last step before the cutoff
    columns: Array  # (Q, X) float32
    start: Array  # (Q, O) float32: what the outputs are added to
    target: Array  # (Q, ...) float32
    weight: Array  # (Q,) float32

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Material:
    """All that a network learns from."""

    steps: Steps
    coming: Coming
    questions: Questions
    loss: Loss  # of the questions' outputs

    def before(self, day: float) -> tuple[Array, Array]:
        """(C,) where the steps of each customer begin and where those before a local day end."""
        first = self.steps.offsets[:-1]
        return first, first + counted(self.steps.offsets, lambda here: self.steps.day[here] < day)


class Trainer:
    """One network being trained, and the running average of its weights, which is the one that is used."""

    def __init__(self, material: Material, shape: Shape, learning: Learning, seed: int) -> None:
        self.material, self.learning, self.seed = material, learning, seed
        self.device = chosen_device(learning.device)
        torch.manual_seed(seed)
        self.net = EventNetwork(shape).to(self.device)
        with torch.no_grad():  # answers begin at `start`
            self.net.out.weight.mul_(0.1)
            self.net.out.bias.zero_()
        self.averaged = deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=learning.learning_rate, weight_decay=learning.weight_decay
        )
        self.epochs = 0

    def epoch(self, rows: Array, until_day: float, *, task: bool) -> float:
        """Read every customer's steps before the local day `until_day` once; the mean loss of the questions `rows`."""
        rng = np.random.default_rng((self.seed, self.epochs))
        torch.manual_seed(self.seed * 1_000_003 + self.epochs)
        self.epochs += 1
        first, end = self.material.before(until_day)
        who = np.flatnonzero(end > first)
        asked = _asked(self.material.questions, rows, self.material.steps)
        augmentation = Augmentation(self.learning.drop, self.learning.jitter, rng)
        self.net.train()
        total, count = 0.0, 0
        size = int(np.clip(len(who) // BATCHES, LEAST_BATCH, self.learning.batch))
        for group in groups((end - first)[who], size, rng):
            who_now = who[group]
            told = read(
                self.material.steps,
                first[who_now],
                end[who_now],
                device=self.device,
                augmentation=augmentation,
                kept=asked.kept,
            )
            place, found = asked.of(who_now, told.steps) if task else (NO_ROWS, NO_ROWS)
            total += self._learn(told, until_day, place, found) * len(found)
            count += len(found)
        return total / max(count, 1)

    def _learn(self, told: Read, until_day: float, place: Array, found: Array) -> float:
        """One step of the optimizer; the mean loss of the questions `found`, asked at `place` among the steps read."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            states = self.net.encode(told.batch)[self._tensor(told.row), self._tensor(told.at)]  # (P, D)
        states, material = states.float(), self.material
        loss = self.learning.coming * coming_loss(
            self.net, told, states, material.steps, material.coming, until_day=until_day
        )
        reached = 0.0
        if len(found):
            task_loss = self._task_loss(states[self._tensor(place)], found)
            loss, reached = loss + task_loss, float(task_loss.detach())
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT)
        self.optimizer.step()
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(now, 1 - AVERAGED)
        return reached

    def _task_loss(self, states: Tensor, rows: Array) -> Tensor:
        q = self.material.questions
        raw = self.net.answer(states, self._tensor(q.columns[rows])) + self._tensor(q.start[rows])
        return (self.material.loss(raw, self._tensor(q.target[rows])) * self._tensor(q.weight[rows])).mean()

    def _tensor(self, values: Array) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def judged(self, rows: Array) -> float:
        """The mean loss of questions by the averaged network."""
        q = self.material.questions
        raw = answers(self.averaged, self.material.steps, q.end[rows], q.columns[rows]) + q.start[rows]
        with torch.no_grad():
            losses = self.material.loss(torch.from_numpy(raw.astype(np.float32)), torch.from_numpy(q.target[rows]))
        return float(np.average(losses.numpy(), weights=q.weight[rows]))


@dataclass(frozen=True)
class _Asked:
    """The questions of an epoch by customer."""

    order: Array  # questions, customer after customer
    offsets: Array  # (C + 1,)
    end: Array  # (Q,) of all questions
    kept: Array  # (S,) bool: steps at which something is asked

    def of(self, customers: Array, steps: Array) -> tuple[Array, Array]:
        """Places among the steps (P,) of a batch, and the questions asked there."""
        found = np.concatenate([self.order[self.offsets[c] : self.offsets[c + 1]] for c in customers])
        by_place = np.argsort(steps, kind="stable")
        at = np.searchsorted(steps, self.end[found], sorter=by_place)
        at = by_place[np.minimum(at, len(steps) - 1)]
        inside = steps[at] == self.end[found]
        return at[inside], found[inside]


def _asked(questions: Questions, rows: Array, steps: Steps) -> _Asked:
    kept = np.zeros(len(steps), dtype=bool)
    kept[questions.end[rows]] = True
    counts = np.bincount(questions.row[rows], minlength=steps.customers)
    order = rows[np.argsort(questions.row[rows], kind="stable")]
    return _Asked(order, np.concatenate([[0], np.cumsum(counts)]), questions.end, kept)


def answers(net: EventNetwork, steps: Steps, end: Array, columns: Array) -> Array:
    """The outputs (Q, O) float64 at the steps `end` (Q,), with the question's columns (Q, X)."""
    first = steps.offsets[:-1][np.searchsorted(steps.offsets, end, side="right") - 1]
    device = next(net.parameters()).device
    out = np.empty((len(end), net.shape.outputs))
    net.eval()
    with torch.no_grad():
        for state, rows in states_at(net, steps, first, end):
            out[rows] = net.answer(state, torch.from_numpy(columns[rows]).to(device)).float().cpu().numpy()
    return out


def foretold_at(net: EventNetwork, steps: Steps, end: Array) -> Array:
    """(Q, D) float64: what the network foretells after the steps `end` (Q,)."""
    first = steps.offsets[:-1][np.searchsorted(steps.offsets, end, side="right") - 1]
    out = np.empty((len(end), foretold_width(net)))
    net.eval()
    with torch.no_grad():
        for state, rows in states_at(net, steps, first, end):
            out[rows] = foretold(net, state).float().cpu().numpy()
    return out


def states_at(net: EventNetwork, steps: Steps, first: Array, end: Array) -> Iterator[tuple[Tensor, Array]]:
    """States (n, D) after the steps `end`, in slices of customers of like lengths, and the rows they are of."""
    device = next(net.parameters()).device
    order = np.argsort(end - first, kind="stable")
    for at in range(0, len(order), READ_ROWS):
        rows = order[at : at + READ_ROWS]
        told = read(steps, first[rows], end[rows] + 1, device=device)
        hidden = net.encode(told.batch)
        yield hidden[torch.arange(len(rows), device=device), told.batch.lengths - 1], rows


def train(
    material: Material,
    shape: Shape,
    learning: Learning,
    *,
    split: tuple[Array, Array],
    days: tuple[float, float],
    seed: int,
) -> tuple[list[EventNetwork], int]:
    """The trained networks, and for how many epochs: as many as serve the questions `split[1]` best where those of
    `split[0]` are learned from. `days` are the local days at which the past of the former and of all ends.
    """
    earlier, later = (np.flatnonzero(part) for part in split)
    shape = replace(shape, gaps=len(GAPS))
    with alone(seed, chosen_device(learning.device)):
        best = min(BLIND_EPOCHS, learning.epochs)
        if len(earlier) and len(later) >= JUDGES:
            best = _best_epoch(Trainer(material, shape, learning, seed), earlier, later, days[0])
        networks = []
        everything = np.arange(len(material.questions))
        for member in range(learning.members):
            trainer = Trainer(material, shape, learning, seed + member)
            for _ in range(learning.warm_epochs):
                trainer.epoch(everything, days[1], task=False)
            for _ in range(best):
                trainer.epoch(everything, days[1], task=True)
            networks.append(trainer.averaged.cpu())
    return networks, best


def _best_epoch(trainer: Trainer, earlier: Array, later: Array, until_day: float) -> int:
    """After how many epochs of both the loss of the questions `later` is least; 0 where the lines alone are best."""
    for _ in range(trainer.learning.warm_epochs):
        trainer.epoch(earlier, until_day, task=False)
    best, least = 0, trainer.judged(later)
    for epoch in range(1, trainer.learning.epochs + 1):
        trainer.epoch(earlier, until_day, task=True)
        reached = trainer.judged(later)
        if reached < least:
            best, least = epoch, reached
        elif epoch - best >= trainer.learning.patience:
            break
    return best
