"""The one small network behind all network models, and the loop that trains it. Plain PyTorch on CPU or GPU.

Two hidden layers, and beside them a straight line from the columns to the outputs (wide and deep; Cheng et al. 2016):
the line finds the level and the large buyers in a few steps, and the layers learn what lines cannot tell.
Each training window has a level of its own, so that a season is not mistaken for something about its customers.

Letters: N rows, B rows of a batch, D columns of the standardised matrix, W windows, O outputs, J columns of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]
Loss = Callable[[Tensor, Tensor], Tensor]  # raw outputs (B, O) and targets (B, J) -> loss of each row (B,)

HIDDEN = (64, 32)
STEPS = 32  # batches that an epoch has about, where there are rows enough
BATCH = (128, 4096)  # rows of a batch, at least and at most
PATIENCE = 8  # epochs without gain on the validation rows before training stops
BLIND_EPOCHS = 10  # where the validation rows are too few to judge by
JUDGES = 20  # rows that validation needs at least
AVERAGED = 0.96  # of the running average of the weights is kept at each batch: it spans about an epoch
GRADIENT = 1.0  # largest norm of a gradient
READ_ROWS = 65_536  # validation rows read at once
_TORCH = Lock()  # PyTorch's random numbers are one stream for all threads: networks are trained one after the other


@dataclass(frozen=True)
class Learning:
    """How the network is trained. `device` is `cpu`, `cuda` or `auto` (the GPU where there is one)."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    dropout: float = 0.3
    epochs: int = 60  # at most
    device: str = "cpu"


@dataclass(frozen=True)
class Rows:
    """What the network learns from."""

    matrix: Array  # (N, D) float32, standardised, without NaN
    windows: Array  # (N, W) indicators of the windows, zero in the mean
    target: Array  # (N, J) float32
    weight: Array  # (N,)

    def __len__(self) -> int:
        return len(self.weight)


@dataclass(frozen=True)
class Network:
    """A trained network as plain arrays, named as PyTorch names them: `<layer>.weight` (out, in), `<layer>.bias`."""

    arrays: Mapping[str, Array]
    epochs: int  # that it was trained for

    def raw(self, matrix: Array, windows: Array | None = None) -> Array:
        """The outputs (N, O) float64 for standardised columns (N, D), in numpy: reading needs no PyTorch.

        At the mean level of the windows, or with that of each row's own where `windows` (N, W) is given.
        """
        a, x = self.arrays, _padded(matrix)
        h = np.maximum(x @ a["wide.weight"].T + a["wide.bias"], 0)  # (N, 64)
        h = np.maximum(h @ a["narrow.weight"].T + a["narrow.bias"], 0)  # (N, 32)
        raw = h @ a["out.weight"].T + a["out.bias"] + x @ a["line.weight"].T  # (N, O)
        if windows is not None:
            raw = raw + windows.astype(np.float32) @ a["levels.weight"].T
        return raw.astype(np.float64)

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


def fewer_digits(device: torch.device) -> torch.autocast:
    """A context in which matrices are multiplied in bf16 on a GPU that is built for it (not where it is only imitated),
    and as they are elsewhere."""
    built = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=built)


def placed(values: Array, device: torch.device) -> Tensor:
    """The array as a tensor there. A GPU is not waited for: it computes on while the numbers come."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def fit_network(
    rows: Rows, loss: Loss, start: Array, learning: Learning, *, split: tuple[Array, Array], seed: int
) -> Network:
    """Train on the rows of `split[0]` until those of `split[1]` gain no more; then as many epochs on all rows.

    `start` (O,) are the outputs to begin with, such as those of the mean customer. Deterministic by seed on one device.
    """
    earlier, later = (np.flatnonzero(part) for part in split)
    device = chosen_device(learning.device)
    with alone(seed, device):
        epochs = min(BLIND_EPOCHS, learning.epochs)
        if len(earlier) and len(later) >= JUDGES:
            epochs = _Trainer(rows, loss, start, learning, device).best_epoch(earlier, later)
        trainer = _Trainer(rows, loss, start, learning, device)
        trainer.train(np.arange(len(rows)), epochs)
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in trainer.averaged.state_dict().items()}
    return Network(arrays, epochs)


@contextmanager
def alone(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers by this seed and one thread inside; outside, as if nothing had happened.

    So small a network is no faster on two threads, and many times slower where these must wait for a core.
    """
    with _TORCH:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
                torch.default_generator.manual_seed(seed)
                if device.type == "cuda":
                    torch.cuda.manual_seed(seed)
                yield
        finally:
            torch.set_num_threads(threads)


def follow(mean: nn.Module, net: nn.Module) -> None:
    """Draw the running average of a network's weights towards the present ones; called after each batch.

    The average wanders far less from epoch to epoch than the weights themselves (Polyak & Juditsky 1992).
    """
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - AVERAGED)  # one kernel on a GPU


class _Net(nn.Module):
    def __init__(self, columns: int, windows: int, outputs: int, dropout: float) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.wide = nn.Linear(columns, wide)
        self.narrow = nn.Linear(wide, narrow)
        self.out = nn.Linear(narrow, outputs)
        self.line = nn.Linear(columns, outputs, bias=False)
        self.levels = nn.Linear(windows, outputs, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, windows: Tensor) -> Tensor:
        h = self.dropout(torch.relu(self.wide(x)))  # (B, 64)
        h = self.dropout(torch.relu(self.narrow(h)))  # (B, 32)
        return self.out(h) + self.line(x) + self.levels(windows)  # (B, O)


def _padded(matrix: Array) -> Array:
    """The matrix, with one column of zeros where no feature varied."""
    return matrix if matrix.shape[1] else np.zeros((len(matrix), 1), dtype=np.float32)


class _Trainer:
    """A network being trained, and the running average of its weights, which is the one that is used."""

    def __init__(self, rows: Rows, loss: Loss, start: Array, learning: Learning, device: torch.device) -> None:
        self.device, self.loss, self.learning = device, loss, learning
        self.matrix, self.windows, self.target, self.weight = (
            torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)).to(device)
            for part in (_padded(rows.matrix), rows.windows, rows.target, rows.weight)
        )
        net = _Net(self.matrix.shape[1], self.windows.shape[1], len(start), learning.dropout)
        with torch.no_grad():  # training begins at `start`
            for layer in (net.line, net.levels):
                layer.weight.zero_()
            net.out.weight.mul_(0.1)
            net.out.bias.copy_(torch.from_numpy(np.asarray(start)))
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
        follow(self.averaged, self.net)

    def _losses(self, net: nn.Module, rows: Tensor) -> Tensor:  # (B,)
        return self.loss(net(self.matrix[rows], self.windows[rows]), self.target[rows])

    def mean_loss(self, rows: Array) -> float:
        """Of the averaged network, without dropout."""
        places = torch.from_numpy(rows).to(self.device)
        total = torch.zeros((), device=self.device)
        with torch.no_grad():
            for at in range(0, len(rows), READ_ROWS):
                here = places[at : at + READ_ROWS]
                total += (self._losses(self.averaged, here) * self.weight[here]).sum()
        return float(total / self.weight[places].sum())
