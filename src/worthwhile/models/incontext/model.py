"""The in-context model: the pretrained network reads a shop's own past and answers for each customer.

Nothing is trained at the shop, unless it is asked for and helps there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from worthwhile.distribution import COUNT_GRID, Forecast, Histogram, amount_grid, from_prob
from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.incontext.context import ROWS, drawn, labelled, read
from worthwhile.models.incontext.coverage import Outside, outside, shipped_ranges
from worthwhile.models.incontext.finetune import FineTuning, fine_tuned
from worthwhile.models.incontext.network import SIZES, Context, Network
from worthwhile.models.incontext.rows import OF_ITSELF, Standing
from worthwhile.models.incontext.snapshots import (
    rows_of_part,
    shop_numbers_of_snapshot,
    standing_of_snapshot,
)

Array = np.ndarray[Any, Any]

CHUNK_ROWS = 8_192  # customers answered at once: their tokens take some 100 MB


class InContext:
    """The pretrained network with a shop's past as its context.

    `fit` chooses context rows from the matured snapshots and reads them once; where none has matured it takes
    `current.shorter`, those of shorter horizons, and without these the prior speaks alone. `forecast` costs each
    customer one token.
    """

    name: ClassVar[str] = "in-context"

    def __init__(self, *, size: str = "nano", context_rows: int = ROWS, fine_tune: bool = False) -> None:
        """`size`: of the shipped networks. `context_rows`: how many earlier customers it reads at most. `fine_tune`:
        try whether the network gains from learning in this shop's past windows (`finetune.py`)."""
        self.size, self.context_rows, self.fine_tune = size, context_rows, fine_tune
        self.fine_tuning: FineTuning | None = None  # what that came to, where the history let it be tried
        self._network: Network | None = None
        self._context: Context | None = None
        self._standing: Standing | None = None
        self.unlike: tuple[Outside, ...] = ()  # numbers of the shop that lie outside of what the network has seen

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where the snapshot has no customer, or nobody has paid anything."""
        if not len(current):
            raise InputError("no-history", "nobody has ordered before the cutoff", remedy="take a later cutoff")
        _check_worth(current)
        self._network, _ = pretrained(self.size)
        if self.fine_tune:
            self._network, self.fine_tuning = fine_tuned(self._network, matured, seed=seed)
        past = labelled(matured or current.shorter, current)
        self._context = read(self._network, past and drawn(past, seed, self.context_rows))
        self._standing = standing_of_snapshot(current)
        self.unlike = tuple(outside(shop_numbers_of_snapshot(current), shipped_ranges()))

    def forecast(self, snapshot: Snapshot) -> Forecast:
        return forecast_in_chunks(snapshot, self.name, self._answer, rows=CHUNK_ROWS)

    @torch.inference_mode()
    def _answer(self, part: Snapshot) -> tuple[Histogram, Histogram]:
        assert self._network and self._context and self._standing, "fit first"
        rows = rows_of_part(part, self._standing)[None]
        said = self._network.answer(self._context, rows, OF_ITSELF.expand(1, len(part), -1))
        amount = from_prob(
            amount_grid(part.scale), said.amount_prob()[0].numpy(), tail_mean=said.tail[0].double().numpy() * part.scale
        )
        amount = amount if part.discount == 1.0 else amount.scaled(part.discount)
        tail = np.full(len(part), COUNT_GRID.points[-1])
        return amount, from_prob(COUNT_GRID, said.orders_prob()[0].numpy(), tail_mean=tail)

    def save(self, folder: Path) -> None:
        assert self._network and self._context and self._standing, "fit first"
        _, digest = pretrained(self.size)
        kept: dict[str, Any] = {"size": self.size, "context_rows": self.context_rows, "weights_sha256": digest}
        kept["fine_tuning"] = self.fine_tuning and asdict(self.fine_tuning)
        kept["unlike"] = [asdict(out) for out in self.unlike]
        write_json(folder / "model.json", kept)
        if self.fine_tuning and self.fine_tuning.is_kept:
            weights = {name: value.numpy() for name, value in self._network.state_dict().items()}
            write_arrays(folder / "network.safetensors", weights)
        parts: dict[str, Tensor] = {}
        for name, part in (("context", self._context), ("standing", self._standing)):
            parts |= {f"{name}.{f.name}": getattr(part, f.name) for f in fields(part)}
        write_arrays(folder / "model.safetensors", {name: part.numpy() for name, part in parts.items()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Raises InputError `damaged` where the context was read by other weights than those installed."""
        kept, arrays = read_json(folder / "model.json"), read_arrays(folder / "model.safetensors")
        model = cls(size=kept["size"], context_rows=kept["context_rows"])
        model._network, digest = pretrained(model.size)
        if digest != kept["weights_sha256"]:
            raise InputError(
                "damaged",
                "this context was read by other weights than those of the installed version",
                where=str(folder / "model.json"),
                remedy="run the forecast anew",
            )
        model.unlike = tuple(Outside(**out) for out in kept["unlike"])
        if kept["fine_tuning"]:
            model.fine_tune, model.fine_tuning = True, FineTuning(**kept["fine_tuning"])
            if model.fine_tuning.is_kept:
                tuned = read_arrays(folder / "network.safetensors")
                model._network.load_state_dict({name: torch.from_numpy(array) for name, array in tuned.items()})
        parts = {name: torch.from_numpy(array) for name, array in arrays.items()}
        model._context = Context(**{f.name: parts[f"context.{f.name}"] for f in fields(Context)})
        model._standing = Standing(**{f.name: parts[f"standing.{f.name}"] for f in fields(Standing)})
        return model


def _check_worth(current: Snapshot) -> None:
    """Amounts are told in usual orders, so that the network would make up money where every order is free."""
    values = current.column("order_value_max")
    if current.task.target in ("spend", "value") and np.any(np.isfinite(values)) and not np.any(values > 0):
        raise InputError(
            "no-history",
            f"every order of the {len(current):,} customers before the cutoff is worth 0",
            remedy="see which column holds the amount (--map amount=COLUMN), or ask --target orders",
        )


def pretrained(size: str) -> tuple[Network, str]:
    """A shipped network and the sha256 of its weights. Raises InputError `bad-argument` for a size that is not."""
    folder = resources.files("worthwhile.models.incontext.weights")
    file = folder / f"{size}.safetensors"
    if not file.is_file():
        shipped = [name for name in SIZES if (folder / f"{name}.safetensors").is_file()]
        raise InputError(
            "bad-argument", f"no weights of size `{size}` are shipped", remedy=f"sizes: {', '.join(shipped)}"
        )
    content = file.read_bytes()
    network = Network(SIZES[size])
    network.load_state_dict(load(content))
    return network.eval(), hashlib.sha256(content).hexdigest()
