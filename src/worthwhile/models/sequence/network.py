"""The network over steps: an encoder that reads each customer's steps in order, heads that say what comes next, and
heads that answer the task. GRU and causal transformer behind one configuration; plain PyTorch.

Letters: B customers of a batch, T steps (padded), F numbers of a step, D width, V items, Q questions of a batch (a
customer at a cutoff), X columns of a question, W training windows, O outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

KIND_WIDTH, CHANNEL_WIDTH, CATEGORY_WIDTH = 8, 4, 16


@dataclass(frozen=True)
class Shape:
    """How large the network is; what a saved one is built from."""

    encoder: Literal["gru", "transformer"] = "gru"
    width: int = 64  # D
    layers: int = 1
    heads: int = 4  # of the transformer
    item_width: int = 32
    item_spread: float = 0.0  # sd of items' vectors to begin with; random ones tell customers apart from the start
    hidden: int = 64  # of the task's head
    dropout: float = 0.3
    items: int = 0  # V; the code V stands for items that are not told, or new
    categories: int = 0
    channels: int = 0
    kinds: int = 7
    numbers: int = 0  # F
    contents: Mapping[str, int] = field(default_factory=dict)  # name -> width of vectors
    gaps: int = 0  # bins of the time to the next step
    ahead: int = 0  # numbers that foretell what comes within the horizons
    columns: int = 0  # X
    windows: int = 0  # W
    outputs: int = 0  # O


@dataclass(frozen=True)
class Batch:
    """Steps of B customers, padded at the end."""

    numbers: Tensor  # (B, T, F)
    kind: Tensor  # (B, T) int64
    channel: Tensor  # (B, T) int64
    lengths: Tensor  # (B,) int64 >= 1
    items: Tensor  # (L,) int64: of all steps, padding aside, row after row
    categories: Tensor  # (L,) int64
    bags: Tensor  # (number of steps,) int64: where the items of each step begin
    contents: Mapping[str, Tensor]  # (number of steps, width) each
    row: Tensor  # (number of steps,) int64: where each step stands, in 0 .. B - 1
    at: Tensor  # (number of steps,) int64: and in 0 .. T - 1


class EventNetwork(nn.Module):
    """`encode` gives a state after each step; `next_*` and `answer` read it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s = self.shape = shape
        self.item = nn.EmbeddingBag(s.items + 1, s.item_width, mode="mean")
        self.category = nn.EmbeddingBag(s.categories + 1, CATEGORY_WIDTH, mode="mean")
        self.kind = nn.Embedding(s.kinds, KIND_WIDTH)
        self.channel = nn.Embedding(s.channels + 1, CHANNEL_WIDTH)
        self.contents = nn.ModuleDict({name: nn.Linear(w, s.item_width, bias=False) for name, w in s.contents.items()})
        told = s.numbers + s.item_width + CATEGORY_WIDTH + KIND_WIDTH + CHANNEL_WIDTH
        self.read = nn.Linear(told, s.width)
        self.norm = nn.LayerNorm(s.width)
        self.encoder = _ENCODERS[s.encoder](s)
        self.dropout = nn.Dropout(s.dropout)
        self.next_kind = nn.Linear(s.width, s.kinds)
        self.next_gap = nn.Linear(s.width, s.gaps)  # log-odds of coming in a bin, having come in none before
        self.next_amount = nn.Linear(s.width, 2)  # mean and log-sd of the signed log amount
        self.ahead = nn.Linear(s.width, s.ahead)  # orders and amounts within each horizon
        self.next_item = nn.Linear(s.width, s.item_width)
        self.item_bias = nn.Parameter(torch.zeros(s.items + 1))
        self.ask = nn.Linear(s.width + s.columns, s.hidden)
        self.think = nn.Linear(s.hidden, s.hidden // 2)
        self.out = nn.Linear(s.hidden // 2, s.outputs)
        self.line = nn.Linear(s.columns, s.outputs, bias=False)  # a straight line beside the layers, as in networks.py
        # Levels of training windows, so that no season is learned as something about their customers; a forecast is at
        # their mean.
        self.levels = nn.Parameter(torch.zeros(s.outputs, s.windows))
        nn.init.zeros_(self.line.weight)
        nn.init.normal_(self.item.weight, std=s.item_spread)

    def encode(self, batch: Batch) -> Tensor:  # (B, T, D)
        bags = self.item(batch.items, batch.bags)
        for name, layer in self.contents.items():
            bags = bags + layer(batch.contents[name])
        bags = torch.cat([bags, self.category(batch.categories, batch.bags)], dim=1)
        spread = bags.new_zeros(*batch.kind.shape, bags.shape[1])
        spread[batch.row, batch.at] = bags
        told = [batch.numbers, spread, self.kind(batch.kind), self.channel(batch.channel)]
        x = self.dropout(torch.relu(self.norm(self.read(torch.cat(told, dim=2)))))
        return self.encoder(x)

    def answer(self, state: Tensor, columns: Tensor, windows: Tensor | None = None) -> Tensor:
        """(Q, O) for the states (Q, D) at the questions and their columns (Q, X).

        At the mean level of the training windows, or with that of each question's own where `windows` (Q, W) is given.
        """
        h = self.dropout(torch.relu(self.ask(torch.cat([state, columns], dim=1))))
        h = self.dropout(torch.relu(self.think(h)))
        raw = self.out(h) + self.line(columns)
        return raw if windows is None else raw + windows @ self.levels.T

    def item_scores(self, state: Tensor, items: Tensor | None = None) -> Tensor:
        """(Q, V + 1) scores of all items, or those (Q, n) of the codes `items` (n,)."""
        if items is None:
            return self.next_item(state) @ self.item.weight.T + self.item_bias
        return self.next_item(state) @ self.item.weight[items].T + self.item_bias[items]


class _Gru(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        dropout = shape.dropout if shape.layers > 1 else 0.0
        self.cells = nn.GRU(shape.width, shape.width, shape.layers, batch_first=True, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        # Autocast would take cuDNN's GRU to float16 whatever was asked for, in which small gradients fall to zero: with
        # 1,500 customers in a batch those of the recurrent weights erred by .9 %, with float32 (TF32 there) by .16 %,
        # which is no slower.
        with torch.autocast(x.device.type, enabled=False):
            return self.cells(x.float())[0]  # padding comes last, so that it changes nothing before it


class _Transformer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, 4 * shape.width, shape.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.layers, nn.LayerNorm(shape.width), enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        return self.layers(x, mask=later, is_causal=True)  # where a step stands is told by its numbers


_ENCODERS: dict[str, type[nn.Module]] = {"gru": _Gru, "transformer": _Transformer}
