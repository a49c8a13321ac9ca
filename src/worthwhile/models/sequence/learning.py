"""How a network learns, an epoch at a time: what comes next, and the task beside it. `course.py` says how many.

Plain loops, the same on CPU and GPU (bf16 there, but for the GRU). Each epoch's chance is drawn from the seed and the
epoch's number, so that a training that was broken off goes on as if it had not been.

Letters: Q questions (training rows), S steps, C customers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from worthwhile.features.slices import counted
from worthwhile.models.network_fit import chosen_device, fewer_digits, follow, placed
from worthwhile.models.sequence.batches import Augmentation, Read, groups, read
from worthwhile.models.sequence.coming import Coming, coming_loss, foretold, foretold_width
from worthwhile.models.sequence.heads import Heads
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.steps import Steps

Array = np.ndarray[Any, Any]
Losses = Callable[[Tensor, Tensor], Tensor]  # raw outputs (Q, O), targets (Q, ...) -> (Q, parts)
Start = Callable[[EventNetwork], None]  # gives a new network weights that were learned elsewhere

GRADIENT = 1.0  # largest norm of a gradient
BATCHES = 64  # that an epoch has at least, where customers suffice: small shops need as many steps as others
LEAST_BATCH = 16
READ_ROWS = 512
ASKED_ROWS = 65_536  # questions whose columns are held at once
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
    warm_epochs: int = 4  # of nothing but what comes next
    epochs: int = 40  # of both, at most
    patience: int = 6
    batch: int = 256  # customers, at most
    members: int = 2  # networks from different beginnings, whose distributions are averaged
    device: str = "cpu"


@dataclass(frozen=True)
class Questions:
    """Customers at cutoffs, with what came of them."""

    row: Array  # (Q,) int64 customer in Steps
    end: Array  # (Q,) int64 the last step before the cutoff
    columns: Array  # (Q, X) float32
    windows: Array  # (Q, W) float32: which training window it is of, zero in the mean
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
    losses: Losses  # of the questions' outputs; their sum is learned by
    heads: Heads | None = None  # that judge and finish a network; a student has none

    def before(self, day: float) -> tuple[Array, Array]:
        """(C,) where the steps of each customer begin and where those before a local day end."""
        first = self.steps.offsets[:-1]
        return first, first + counted(self.steps.offsets, lambda here: self.steps.day[here] < day)


@dataclass
class Tally:
    """The mean losses of an epoch, by name, and how fast it went. Sums stay on the device until they are asked for:
    a GPU would be waited for after each batch."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    began: float = field(default_factory=time.perf_counter)

    def add(self, name: str, mean: Tensor, count: int) -> None:
        total = mean.detach().double() * count
        self.sums[name] = self.sums[name] + total if name in self.sums else total
        self.counts[name] = self.counts.get(name, 0) + count

    def means(self) -> dict[str, float]:
        found = {f"loss/{name}": float(total) / max(self.counts[name], 1) for name, total in self.sums.items()}
        return found | {"speed/events_a_second": self.events / max(time.perf_counter() - self.began, 1e-9)}


class Trainer:
    """One network being trained, and the running average of its weights, which is the one that is used."""

    def __init__(
        self, material: Material, shape: Shape, learning: Learning, seed: int, *, start: Start | None = None
    ) -> None:
        self.material, self.learning, self.seed = material, learning, seed
        self.device = chosen_device(learning.device)
        torch.manual_seed(seed)
        self.net = EventNetwork(shape).to(self.device)
        with torch.no_grad():  # answers begin at `start` of the questions
            self.net.out.weight.mul_(0.1)
            self.net.out.bias.zero_()
        if start is not None:
            start(self.net)
        self.averaged = EventNetwork(shape).to(self.device).eval()  # a copy would not lie as cuDNN wants its weights
        self.averaged.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(),
            lr=learning.learning_rate,
            weight_decay=learning.weight_decay,
            fused=True,  # a tenth of an epoch's time
        )
        self.epochs = 0

    def epoch(self, rows: Array, until_day: float, *, task: bool) -> dict[str, float]:
        """Read every customer's steps before the local day `until_day` once, with the questions `rows` where it is
        the task that is learned too; the means of the parts of the loss, and events a second."""
        rng = np.random.default_rng((self.seed, self.epochs))
        torch.manual_seed(self.seed * 1_000_003 + self.epochs)
        self.epochs += 1
        first, end = self.material.before(until_day)
        who = np.flatnonzero(end > first)
        asked = _asked(self.material.questions, rows, self.material.steps)
        augmentation = Augmentation(self.learning.drop, self.learning.jitter, rng)
        self.net.train()
        tally = Tally()
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
            self._learn(told, until_day, place, found, tally)
        return tally.means()

    def _learn(self, told: Read, until_day: float, place: Array, found: Array, tally: Tally) -> None:
        """One step of the optimizer, with the questions `found`, asked at `place` among the steps read; none where all
        steps were left out by chance."""
        if not len(told.steps):
            return
        with fewer_digits(self.device):
            states = self.net.encode(told.batch)[told.batch.row, told.batch.at]  # (P, D)
        states, material = states.float(), self.material
        tally.events += len(told.batch.items)
        losses: list[Tensor] = []
        if self.learning.coming:
            parts = coming_loss(self.net, told, states, material.steps, material.coming, until_day=until_day)
            for name, part in parts.items():
                tally.add(name, part, len(told.steps))
            losses.append(self.learning.coming * _sum(parts.values()))
        if len(found):
            losses.append(self._task_loss(states[self._tensor(place)], found))
            tally.add("task", losses[-1], len(found))
        if not losses:
            return
        loss = _sum(losses)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT)
        self.optimizer.step()
        follow(self.averaged, self.net)

    def _task_loss(self, states: Tensor, rows: Array) -> Tensor:
        q = self.material.questions
        raw = self.net.answer(states, self._tensor(q.columns[rows]), self._tensor(q.windows[rows]))
        raw = raw + self._tensor(q.start[rows])
        return (
            self.material.losses(raw, self._tensor(q.target[rows])).sum(dim=1) * self._tensor(q.weight[rows])
        ).mean()

    def _tensor(self, values: Array) -> Tensor:
        return placed(values, self.device)

    def judged(self, rows: Array) -> tuple[float, Array]:
        """The mean loss of questions by the averaged network, and the shares (O,) of its corrections that serve."""
        q, heads = self.material.questions, self.material.heads
        assert heads
        return heads.judged(self._corrections(rows, None), q.start[rows], q.target[rows], q.weight[rows])

    def finished(self, shares: Array) -> EventNetwork:
        """The averaged network, with these shares (O,) of its corrections, right in the mean for all questions.

        Dropout and steps left out while learning move the level, and so does what the geometric law does not weigh.
        """
        q, heads, net = self.material.questions, self.material.heads, deepcopy(self.averaged).cpu()
        assert heads
        raw = self._corrections(np.arange(len(q)), q.windows) * shares + q.start
        level = heads.level(raw, q.target, q.weight)
        share = torch.from_numpy(shares.astype(np.float32))
        with torch.no_grad():
            for weights in (net.out.weight, net.line.weight, net.levels):
                weights.mul_(share[:, None])
            net.out.bias.mul_(share).add_(torch.from_numpy(level.astype(np.float32)))
        return net

    def _corrections(self, rows: Array, windows: Array | None) -> Array:  # (n, O) float64
        q, parts = self.material.questions, []
        for at in range(0, len(rows), ASKED_ROWS):
            here = rows[at : at + ASKED_ROWS]
            level = None if windows is None else windows[here]
            parts.append(answers(self.averaged, self.material.steps, q.end[here], q.columns[here], level))
        return np.concatenate(parts)

    def state(self) -> dict[str, Array]:
        """Weights, averaged weights and what the optimizer keeps of each, as plain arrays."""
        kept = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        kept |= {f"averaged.{name}": tensor for name, tensor in self.averaged.state_dict().items()}
        for name, weights in self.net.named_parameters():
            kept |= {f"{key}.{name}": tensor for key, tensor in self.optimizer.state.get(weights, {}).items()}
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in kept.items()}

    def restore(self, arrays: Mapping[str, Array], epochs: int) -> None:
        """Go on from what `state` gave after so many epochs."""
        for prefix, net in (("net.", self.net), ("averaged.", self.averaged)):
            net.load_state_dict({name: torch.from_numpy(arrays[prefix + name]) for name in net.state_dict()})
        for name, weights in self.net.named_parameters():
            if f"step.{name}" in arrays:  # weights that no loss has reached yet have no state
                self.optimizer.state[weights] = {
                    "step": self._tensor(arrays[f"step.{name}"]),
                    "exp_avg": self._tensor(arrays[f"exp_avg.{name}"]),
                    "exp_avg_sq": self._tensor(arrays[f"exp_avg_sq.{name}"]),
                }
        self.epochs = epochs


def _sum(losses: Iterable[Tensor]) -> Tensor:
    """Of at least one loss."""
    first, *others = losses
    for other in others:
        first = first + other
    return first


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


def answers(net: EventNetwork, steps: Steps, end: Array, columns: Array, windows: Array | None = None) -> Array:
    """The outputs (Q, O) float64 at the steps `end` (Q,), with the question's columns (Q, X), and windows (Q, W)."""
    first = steps.offsets[:-1][np.searchsorted(steps.offsets, end, side="right") - 1]
    device = next(net.parameters()).device
    out = np.empty((len(end), net.shape.outputs))
    net.eval()
    with torch.no_grad():
        for state, rows in states_at(net, steps, first, end):
            level = None if windows is None else placed(windows[rows], device)
            out[rows] = net.answer(state, placed(columns[rows], device), level).float().cpu().numpy()
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
