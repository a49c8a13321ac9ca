"""The one small network behind all network models, and the loop that trains it. Plain PyTorch on CPU or GPU.

Letters: N rows, B rows of a batch, D columns of the standardised matrix, O outputs, J columns of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]
Loss = Callable[[Tensor, Tensor], Tensor]  # raw outputs (B, O) and targets (B, J) -> loss of each row (B,)

HIDDEN = (64, 32)
STEPS = 64  # batches that an epoch has about, where there are rows enough
BATCH = (128, 4096)  # rows of a batch, at least and at most
PATIENCE = 8  # epochs without gain on the validation rows before training stops
BLIND_EPOCHS = 10  # where the validation rows are too few to judge by
JUDGES = 20  # rows that validation needs at least
AVERAGED = 0.98  # of the running average of the weights is kept at each batch: it spans about an epoch
GRADIENT = 1.0  # largest norm of a gradient
READ_ROWS = 65_536  # rows read at once when forecasting


@dataclass(frozen=True)
class Learning:
    """How the network is trained. `device` is `cpu`, `cuda` or `auto` (the GPU where there is one)."""

    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dropout: float = 0.1
    epochs: int = 60  # at most
    device: str = "cpu"


@dataclass(frozen=True)
class Rows:
    """What the network learns from."""

    matrix: Array  # (N, D) float32, standardised, without NaN
    target: Array  # (N, J) float32
    weight: Array  # (N,)

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True)
class Network:
    """A trained network as plain arrays: `layer.weight` (out, in) and `layer.bias` (out,) of its three layers."""

    arrays: Mapping[str, Array]
    epochs: int  # that it was trained for

    def raw(self, matrix: Array) -> Array:
        """The outputs (N, O) float64 for standardised columns (N, D)."""
        first = self.arrays["0.weight"]
        net = _network(first.shape[1], len(self.arrays["6.bias"]), dropout=0.0)
        net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in self.arrays.items()})
        net.eval()
        with _one_thread(), torch.inference_mode():
            parts = [
                net(torch.from_numpy(_padded(matrix[i : i + READ_ROWS]))) for i in range(0, len(matrix), READ_ROWS)
            ]
        outputs = len(self.arrays["6.bias"])
        return torch.cat(parts).numpy().astype(np.float64) if parts else np.zeros((0, outputs))

    def to_arrays(self, prefix: str) -> dict[str, Array]:
        kept = {prefix + name: array for name, array in self.arrays.items()}
        return kept | {f"{prefix}epochs": np.array([self.epochs])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], prefix: str) -> Network:
        own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        return cls(own, int(own.pop("epochs")[0]))


def chosen_device(device: str) -> torch.device:
    """Raises InputError `bad-argument` where the device is unknown or not there."""
    there = torch.cuda.is_available()
    if device not in ("cpu", "cuda", "auto") or (device == "cuda" and not there):
        what = "this machine has no GPU that PyTorch can use" if device == "cuda" else f"`{device}` is no device"
        raise InputError("bad-argument", what, where="device", remedy="devices are cpu, cuda and auto")
    return torch.device("cuda" if device == "cuda" or (device == "auto" and there) else "cpu")


def fit_network(
    rows: Rows, loss: Loss, start: Array, learning: Learning, *, split: tuple[Array, Array], seed: int
) -> Network:
    """Train on the rows of `split[0]` until those of `split[1]` gain no more; then as many epochs on all rows.

    `start` (O,) are the outputs to begin with, such as those of the mean customer. Deterministic by seed on one device.
    """
    earlier, later = (np.flatnonzero(part) for part in split)
    with _seeded(seed, chosen_device(learning.device)) as device:
        epochs = min(BLIND_EPOCHS, learning.epochs)
        if len(earlier) and len(later) >= JUDGES:
            epochs = _Trainer(rows, loss, start, learning, device).best_epoch(earlier, later)
        trainer = _Trainer(rows, loss, start, learning, device)
        trainer.train(np.arange(len(rows)), epochs)
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in trainer.averaged.state_dict().items()}
    return Network(arrays, epochs)


@contextmanager
def _one_thread() -> Iterator[None]:
    """So small a network is no faster on two threads, and a hundred times slower where they must wait for a core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[torch.device]:
    """Random numbers of PyTorch by this seed inside, and as if nothing had been drawn outside."""
    with _one_thread(), torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        yield device


def _network(columns: int, outputs: int, *, dropout: float) -> nn.Sequential:
    wide, narrow = HIDDEN
    return nn.Sequential(
        nn.Linear(columns, wide),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(wide, narrow),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(narrow, outputs),
    )


def _padded(matrix: Array) -> Array:
    """The matrix, with one column of zeros where no feature varied."""
    return matrix if matrix.shape[1] else np.zeros((len(matrix), 1), dtype=np.float32)


class _Trainer:
    """A network being trained, and the running average of its weights, which is the one that is used.

    The average wanders far less from epoch to epoch than the weights themselves (Polyak & Juditsky 1992).
    """

    def __init__(self, rows: Rows, loss: Loss, start: Array, learning: Learning, device: torch.device) -> None:
        self.device, self.loss, self.learning = device, loss, learning
        matrix = _padded(rows.matrix)
        self.matrix, self.target, self.weight = (
            torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)).to(device)
            for part in (matrix, rows.target, rows.weight)
        )
        net = _network(matrix.shape[1], len(start), dropout=learning.dropout)
        with torch.no_grad():
            last = net[-1]
            assert isinstance(last, nn.Linear)
            last.weight.mul_(0.1)  # so that training begins at `start`
            last.bias.copy_(torch.from_numpy(np.asarray(start)))
        self.net = net.to(device)
        self.averaged = deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=learning.learning_rate, weight_decay=learning.weight_decay
        )

    def best_epoch(self, rows: Array, judges: Array) -> int:
        """The number of epochs on `rows` after which the loss of the rows `judges` is least."""
        best, least = 1, np.inf
        for epoch in range(1, self.learning.epochs + 1):
            self.train(rows, 1)
            reached = self.mean_loss(judges)
            if reached < least:
                best, least = epoch, reached
            elif epoch - best >= PATIENCE:
                break
        return best

    def train(self, rows: Array, epochs: int) -> None:
        places = torch.from_numpy(rows).to(self.device)
        batch = int(np.clip(len(rows) // STEPS, *BATCH))
        self.net.train()
        for _ in range(epochs):
            shuffled = places[torch.randperm(len(rows), device=self.device)]
            for at in range(0, len(rows), batch):
                self._step(shuffled[at : at + batch])

    def _step(self, rows: Tensor) -> None:
        weight = self.weight[rows]
        loss = (self._losses(self.net, rows) * weight).mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), GRADIENT)
        self.optimizer.step()
        with torch.no_grad():
            for mean, now in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(now, 1 - AVERAGED)

    def _losses(self, net: nn.Module, rows: Tensor) -> Tensor:  # (B,)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            raw = net(self.matrix[rows])  # (B, O)
        return self.loss(raw.float(), self.target[rows])

    def mean_loss(self, rows: Array) -> float:
        """Of the averaged network, without dropout."""
        places = torch.from_numpy(rows).to(self.device)
        total = torch.zeros((), device=self.device)
        with torch.no_grad():
            for at in range(0, len(rows), READ_ROWS):
                here = places[at : at + READ_ROWS]
                total += (self._losses(self.averaged, here) * self.weight[here]).sum()
        return float(total / self.weight[places].sum())
