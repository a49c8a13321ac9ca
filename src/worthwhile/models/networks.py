"""Networks (PyTorch): squared error, zero-inflated log-normal, and the histogram itself.

One 64-32 network with dropout, on the standardised features (`network_fit`); the models differ in what its outputs
mean and in the loss. Each has one output for the log-odds of buying at all, which amount and orders share, and others
for the amount and the number of orders given any. Amounts are in units of the shop's scale.

Letters: N rows, B rows of a batch, C coarse bins, M columns of a grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.special import expit, logit, softmax
from torch import Tensor
from torch.nn import functional as F

from worthwhile.distribution import (
    COUNT_GRID,
    Forecast,
    Histogram,
    amount_grid,
    from_geometric,
    from_lognormal,
    from_prob,
)
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.bins import Bins, fit_bins, spread_bins
from worthwhile.models.calibrate import Spread, fit_spread, least_chance, log_amount
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.network_fit import Learning, Loss, Network, Rows, fit_network
from worthwhile.models.preprocess import Standardizer, standardizer_of
from worthwhile.models.training import Training, split_forward, training_rows
from worthwhile.models.tuning import SearchSpace

Array = np.ndarray[Any, Any]

ROWS = 400_000  # that networks are trained on
LEAST_SIGMA, MOST_SIGMA = 0.1, 2.0  # of the log-normal law; a mean is at most e^2 times its median then
FARTHEST = 20.0  # log amount that is believed, up or down
COUNT_BUYERS = 25  # that a coarse bin of orders has at least
SEARCH_SPACE: SearchSpace = {
    "learning_rate": ("log", 3e-4, 1e-2),
    "weight_decay": ("log", 1e-4, 1.0),
    "dropout": ("float", 0.0, 0.5),
}


@dataclass(frozen=True)
class _Core:
    """What all three models keep: how to read a snapshot, the network, and the bound on its certainty."""

    standard: Standardizer
    network: Network
    limit: float  # P(active) is held within [limit, 1 - limit]

    def read(self, snapshot: Snapshot) -> tuple[Array, Array]:
        """P(active) (N,) and the other outputs (N, O - 1)."""
        raw = self.network.raw(self.standard.apply(snapshot))
        return np.clip(expit(raw[:, 0]), self.limit, 1 - self.limit), raw[:, 1:]

    def to_arrays(self) -> dict[str, Array]:
        kept = self.standard.to_arrays("standard.") | self.network.to_arrays("network.")
        return kept | {"limit": np.array([self.limit])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> _Core:
        standard = Standardizer.from_arrays(arrays, "standard.")
        return cls(standard, Network.from_arrays(arrays, "network."), float(arrays["limit"][0]))


def _fit_core(
    standard: Standardizer,
    training: Training,
    target: Array,
    loss: Loss,
    start: Array,
    *,
    learning: Learning,
    seed: int,
) -> tuple[_Core, Array]:
    """Train; also the outputs but the first of the rows that bought, at the level of each row's own window.

    `target` (N, J) and `start` (O - 1,) are the loss's own; the log-odds of buying begin at the base rate."""
    matrix, windows = training.matrix(standard.apply), training.window_columns()
    rows = Rows(matrix, windows, target.astype(np.float32), training.weight)
    limit = least_chance(len(training))
    base = np.clip(np.average(training.active, weights=training.weight), limit, 1 - limit)
    start = np.concatenate([[logit(base)], start]).astype(np.float32)
    network = fit_network(rows, loss, start, learning, split=split_forward(training, seed), seed=seed)
    return _Core(standard, network, limit), network.raw(matrix, windows)[training.active, 1:]


def _targets(training: Training) -> Array:
    """Whether active, log amount, orders: (N, 3)."""
    return np.stack([training.active, log_amount(training.amount), training.orders], axis=1)


def _mean_of_buyers(values: Array, training: Training) -> float:
    buyers = training.active
    return float(np.average(values[buyers], weights=training.weight[buyers]))


def squared_error_loss(raw: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of buying, and for buyers half the squared error of log amount and of log orders.

    raw (B, 3): log-odds of buying, log amount, log orders. target (B, 3): active, log amount, orders. -> (B,)
    """
    active, amount, orders = target.unbind(1)
    buying = F.binary_cross_entropy_with_logits(raw[:, 0], active, reduction="none")
    errors = (raw[:, 1] - amount) ** 2 + (raw[:, 2] - orders.clamp(min=1).log()) ** 2
    return buying + active * errors / 2


def sigma_of(raw: Tensor) -> Tensor:
    """The bounded log-sd of the log-normal law."""
    return LEAST_SIGMA + (MOST_SIGMA - LEAST_SIGMA) * torch.sigmoid(raw)


def ziln_loss(raw: Tensor, target: Tensor) -> Tensor:
    """Zero-inflated log-normal loss (Wang, Liu & Miao 2019, eq. 6), and the geometric one of orders.

    raw (B, 4): log-odds of buying, mu, sigma before its bounds, log of mean orders beyond the first.
    target (B, 3): active, log amount, orders. -> (B,)
    """
    active, amount, orders = target.unbind(1)
    buying = F.binary_cross_entropy_with_logits(raw[:, 0], active, reduction="none")
    sigma = sigma_of(raw[:, 2])
    size = torch.log(sigma) + ((amount - raw[:, 1]) / sigma) ** 2 / 2
    return buying + active * (size + geometric_loss(raw[:, 3], orders))


def geometric_loss(raw: Tensor, orders: Tensor) -> Tensor:
    """Minus the log-likelihood of orders >= 1, geometric with mean 1 + exp(raw): both (B,)."""
    return orders * F.softplus(raw) - (orders - 1) * raw


class MeanNetwork:
    """Squared error on the log scale, of amount and orders given any, beside the chance of buying.

    What the log scale loses, the mean and the spread around it, is won back by smearing in groups of the prediction
    (`calibrate.Spread`).
    """

    name: ClassVar[str] = "net-mse"
    search_space: ClassVar[SearchSpace] = SEARCH_SPACE

    def __init__(self, **learning: Any) -> None:
        """`learning`: fields of `Learning`."""
        self.learning = Learning(**learning)
        self._core: _Core | None = None
        self._amount: Spread | None = None
        self._orders: Spread | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=ROWS, seed=seed)
        start = np.array([_mean_of_buyers(log_amount(part), training) for part in (training.amount, training.orders)])
        core, raw = _fit_core(
            standardizer_of(matured),
            training,
            _targets(training),
            squared_error_loss,
            start,
            learning=self.learning,
            seed=seed,
        )
        buyers = training.active
        weight = training.weight[buyers]
        self._amount = fit_spread(raw[:, 0], training.amount[buyers], weight)
        self._orders = fit_spread(raw[:, 1], training.orders[buyers], weight)
        self._core = core

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._core and self._amount and self._orders, "fit first"
        p, raw = self._core.read(part)
        mean, sigma = self._amount.mean_sigma(raw[:, 0])
        orders, _ = self._orders.mean_sigma(raw[:, 1])
        return from_lognormal(amount_grid(part.scale), p, mean * part.scale, sigma), from_geometric(p, orders)

    def save(self, folder: Path) -> None:
        assert self._core and self._amount and self._orders, "fit first"
        _write(folder, self.learning, self._core, self._amount.to_arrays("amount.") | self._orders.to_arrays("orders."))

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, arrays = cls(**read_json(folder / "model.json")), read_arrays(folder / "model.safetensors")
        model._core = _Core.from_arrays(arrays)
        model._amount = Spread.from_arrays(arrays, "amount.")
        model._orders = Spread.from_arrays(arrays, "orders.")
        return model


class LognormalNetwork:
    """The zero-inflated log-normal network: chance of buying, and mean and spread of the log amount of each customer.

    Its mean exp(mu + sigma^2 / 2) is moved, in groups of it, to what buyers of such a mean spent, and never lies
    beyond what was seen in training; taken as it is, it runs away where sigma is large.
    """

    name: ClassVar[str] = "net-ziln"
    search_space: ClassVar[SearchSpace] = SEARCH_SPACE

    def __init__(self, **learning: Any) -> None:
        """`learning`: fields of `Learning`."""
        self.learning = Learning(**learning)
        self._core: _Core | None = None
        self._amount: Spread | None = None

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=ROWS, seed=seed)
        orders = np.log(max(_mean_of_buyers(training.orders, training) - 1, 0.01))
        start = np.array([_mean_of_buyers(log_amount(training.amount), training), 0.0, orders])
        core, raw = _fit_core(
            standardizer_of(matured), training, _targets(training), ziln_loss, start, learning=self.learning, seed=seed
        )
        buyers = training.active
        log_mean, _ = _lognormal(raw)
        self._amount = fit_spread(log_mean, training.amount[buyers], training.weight[buyers])
        self._core = core

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._core and self._amount, "fit first"
        p, raw = self._core.read(part)
        log_mean, sigma = _lognormal(raw)
        mean, _ = self._amount.mean_sigma(log_mean)
        orders = 1 + np.exp(np.clip(raw[:, 2], -30, 10))
        return from_lognormal(amount_grid(part.scale), p, mean * part.scale, sigma), from_geometric(p, orders)

    def save(self, folder: Path) -> None:
        assert self._core and self._amount, "fit first"
        _write(folder, self.learning, self._core, self._amount.to_arrays("amount."))

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, arrays = cls(**read_json(folder / "model.json")), read_arrays(folder / "model.safetensors")
        model._core = _Core.from_arrays(arrays)
        model._amount = Spread.from_arrays(arrays, "amount.")
        return model


def _lognormal(raw: Array) -> tuple[Array, Array]:
    """Log of the mean, and log-sd, both (N,), from the outputs mu, sigma, ... (N, 3)."""
    sigma = LEAST_SIGMA + (MOST_SIGMA - LEAST_SIGMA) * expit(raw[:, 1])
    return raw[:, 0] + sigma**2 / 2, sigma


@dataclass(frozen=True)
class CountBins:
    """Coarse bins of a buyer's orders, and how each is spread over the grid of counts."""

    last: Array  # (C - 1,) int64: the last column of the grid in each bin but the open one
    shape: Array  # (C, M) rows sum to 1
    tail_mean: float

    def bin_of(self, orders: Array) -> Array:  # (N,) int
        return np.searchsorted(self.last, COUNT_GRID.column_of(orders), side="left")


def fit_count_bins(orders: Array, weight: Array) -> CountBins:
    """One bin a count, joined upward until each holds COUNT_BUYERS. Orders >= 1 and weights of buyers, (N,), N >= 1."""
    column = COUNT_GRID.column_of(orders)
    counts = np.bincount(column, minlength=COUNT_GRID.columns)
    last: list[int] = []
    inside = 0
    for c in range(1, COUNT_GRID.columns):
        inside += counts[c]
        if inside >= COUNT_BUYERS and counts[c + 1 :].sum() >= COUNT_BUYERS:
            last.append(c)
            inside = 0
    edges = np.array(last, dtype=np.int64)
    bins = np.searchsorted(edges, column, side="left")
    shape = np.stack(
        [np.bincount(column[bins == b], weight[bins == b], minlength=COUNT_GRID.columns) for b in range(len(edges) + 1)]
    )
    beyond = orders > COUNT_GRID.points[-1]
    tail = np.average(orders[beyond], weights=weight[beyond]) if beyond.any() else COUNT_GRID.points[-1] * 1.2
    return CountBins(edges, shape / shape.sum(axis=1, keepdims=True), float(tail))


def histogram_loss(bins: int) -> Loss:
    """Cross-entropy of buying, and for buyers of the bins of amount and orders; squared error of the log amount.

    raw (B, 2 + C + K): log-odds of buying, log amount, C = `bins` bins of amount, K bins of orders.
    target (B, 4): active, log amount, amount bin, orders bin. -> (B,)
    """

    def loss(raw: Tensor, target: Tensor) -> Tensor:
        active, log_size = target[:, 0], target[:, 1]
        amount, orders = target[:, 2].long(), target[:, 3].long()
        buying = F.binary_cross_entropy_with_logits(raw[:, 0], active, reduction="none")
        size = F.cross_entropy(raw[:, 2 : 2 + bins], amount, reduction="none")
        count = F.cross_entropy(raw[:, 2 + bins :], orders, reduction="none")
        return buying + active * (size + count + (raw[:, 1] - log_size) ** 2 / 2)

    return loss


class HistogramNetwork:
    """The distribution itself: chances of coarse bins of the amount and of the orders, without any law assumed.

    The mass of a coarse bin is laid on the fine grid as the buyers of the training rows lie there; that of the open
    bin of amounts as the tail of a log-normal law around the customer's own expected log amount.
    """

    name: ClassVar[str] = "net-histogram"
    search_space: ClassVar[SearchSpace] = SEARCH_SPACE

    def __init__(self, **learning: Any) -> None:
        """`learning`: fields of `Learning`."""
        self.learning = Learning(**learning)
        self._core: _Core | None = None
        self._amount: Bins | None = None
        self._orders: CountBins | None = None
        self._sigma = 1.0  # log-sd of amounts around the expected log amount

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon."""
        training = training_rows(matured, cap=ROWS, seed=seed)
        b = training.active
        size, weight = log_amount(training.amount), training.weight[b]
        amount, orders = fit_bins(training.amount[b], weight), fit_count_bins(training.orders[b], weight)
        bins = [amount.bin_of(training.amount), orders.bin_of(training.orders)]
        shares = [np.bincount(part[b], weight) / weight.sum() for part in bins]
        start = np.concatenate([[_mean_of_buyers(size, training)], *map(np.log, shares)])
        target = np.stack([b, size, *bins], axis=1)
        loss = histogram_loss(len(shares[0]))
        self._core, raw = _fit_core(
            standardizer_of(matured), training, target, loss, start, learning=self.learning, seed=seed
        )
        self._sigma = max(float(np.sqrt(np.average((size[b] - raw[:, 0]) ** 2, weights=weight))), LEAST_SIGMA)
        self._amount, self._orders = amount, orders

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer)

    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._core and self._amount and self._orders, "fit first"
        p, raw = self._core.read(part)
        mu, split = np.clip(raw[:, 0], -FARTHEST, FARTHEST), 2 + len(self._amount.last)
        sizes, tail = spread_bins(self._amount, softmax(raw[:, 1:split], axis=1), mu, self._sigma)
        counts = softmax(raw[:, split:], axis=1) @ self._orders.shape
        for prob in (sizes, counts):
            prob *= p[:, None]
            prob[:, 0] = 1 - p
        amount = from_prob(amount_grid(part.scale), sizes, tail_mean=tail * part.scale)
        return amount, from_prob(COUNT_GRID, counts, tail_mean=np.full(len(p), self._orders.tail_mean))

    def save(self, folder: Path) -> None:
        assert self._core and self._amount and self._orders, "fit first"
        a, o = self._amount, self._orders
        amount = {"last": a.last, "base": a.base, "shape": a.shape, "sigma": np.array([self._sigma])}
        orders = {"last": o.last, "shape": o.shape, "tail_mean": np.array([o.tail_mean])}
        kept = {f"amount.{k}": v for k, v in amount.items()} | {f"orders.{k}": v for k, v in orders.items()}
        _write(folder, self.learning, self._core, kept)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model, arrays = cls(**read_json(folder / "model.json")), read_arrays(folder / "model.safetensors")
        model._core = _Core.from_arrays(arrays)
        model._amount = Bins(*(arrays[f"amount.{k}"] for k in ("last", "base", "shape")))
        model._sigma = float(arrays["amount.sigma"][0])
        last, shape, tail = (arrays[f"orders.{k}"] for k in ("last", "shape", "tail_mean"))
        model._orders = CountBins(last, shape, float(tail[0]))
        return model


def _write(folder: Path, learning: Learning, core: _Core, arrays: Mapping[str, Array]) -> None:
    """The device is not kept: a model trained on a GPU forecasts anywhere."""
    kept = {key: value for key, value in asdict(learning).items() if key != "device"}
    write_json(folder / "model.json", kept)
    write_arrays(folder / "model.safetensors", core.to_arrays() | dict(arrays))
