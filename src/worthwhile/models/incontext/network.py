"""The network: one token for each customer; context tokens know their outcome; queries read the context alone.

Letters: B shops, n rows of the context, m queries, F numbers of a row, R numbers of its relation to the query,
W numbers of a whole window, D width, H heads, E = D / H, Z thinking rows, M columns of amounts, J columns of counts.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from worthwhile.models.incontext.bins import (
    AMOUNT_COLUMNS,
    COUNT_COLUMNS,
    LAST_EDGE,
    LOG_HIGH,
    LOG_LOW,
    TAIL_LIMIT,
    amount_centers,
    count_points,
)
from worthwhile.models.incontext.rows import NAMES, RELATIONS, WHOLE

STEADY = 6.0  # standardised numbers are held within this


@dataclass(frozen=True)
class Size:
    """How large a network is."""

    width: int  # D
    layers: int
    heads: int  # H
    hidden: int  # of the gated feed-forward
    thinking: int = 16  # Z: rows of the context that stand for no customer; they hold what is true of the shop

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


SIZES: dict[str, Size] = {
    "tiny": Size(width=32, layers=2, heads=2, hidden=48, thinking=4),  # for tests
    "nano": Size(width=128, layers=6, heads=4, hidden=256),  # 1.1 million parameters: a few hours on a CPU
    "base": Size(width=256, layers=10, heads=8, hidden=640, thinking=32),  # 8 million: for a GPU
}


class Attention(nn.Module):
    """Rows read the context. Queries and keys are normalised; sharpness grows with the log of the rows read, so that
    a large context is not a blur (scalable softmax; Nakanishi 2025)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.heads = size.heads
        self.query = nn.Linear(size.width, size.width, bias=False)
        self.key = nn.Linear(size.width, size.width, bias=False)
        self.value = nn.Linear(size.width, size.width, bias=False)
        self.out = nn.Linear(size.width, size.width, bias=False)
        self.sharpness = nn.Parameter(torch.full((size.heads,), 1.0))
        self.growth = nn.Parameter(torch.full((size.heads,), 0.1))

    def keys_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """What is read of the context (B, n, D): keys and values, (B, H, n, E) each."""
        key, value = self._split(self.key(context)), self._split(self.value(context))
        return fn.rms_norm(key, key.shape[-1:]).contiguous(), value.contiguous()

    def sharp(self, log_rows: Tensor) -> Tensor:
        """How sharply each head reads so many rows: (B, 1) -> (B, H, 1, 1)."""
        return (self.sharpness + self.growth * log_rows)[:, :, None, None]

    def forward(self, x: Tensor, key: Tensor, value: Tensor, sharp: Tensor, mask: Tensor | None) -> Tensor:
        """x (B, t, D) reads key, value (B, H, n, E) where mask (B, 1, 1, n) is true, or all: (B, t, D)."""
        query = self._split(fn.linear(x, self.query.weight))
        query = fn.rms_norm(query, query.shape[-1:]) * sharp.to(x.dtype)
        read = fn.scaled_dot_product_attention(query, key, value, attn_mask=mask)  # (B, H, t, E)
        return fn.linear(read.transpose(1, 2).flatten(2), self.out.weight)

    def _split(self, x: Tensor) -> Tensor:  # (B, t, D) -> (B, H, t, E)
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020)."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate = nn.Linear(size.width, size.hidden, bias=False)
        self.up = nn.Linear(size.width, size.hidden, bias=False)
        self.down = nn.Linear(size.hidden, size.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = fn.silu(fn.linear(x, self.gate.weight)) * fn.linear(x, self.up.weight)
        return fn.linear(inner, self.down.weight)


class Layer(nn.Module):
    """Modules are called by their `forward`, linear maps by their weights: the ways around cost one customer alone a
    third of its time."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.before_reading = nn.RMSNorm(size.width)
        self.attention = Attention(size)
        self.before_thinking = nn.RMSNorm(size.width)
        self.feed_forward = FeedForward(size)

    def keys_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention.keys_values(self.before_reading(context))

    def forward(self, x: Tensor, key: Tensor, value: Tensor, sharp: Tensor, mask: Tensor | None) -> Tensor:
        normal = fn.rms_norm(x, x.shape[-1:], self.before_reading.weight)
        x = x + self.attention.forward(normal, key, value, sharp, mask)
        normal = fn.rms_norm(x, x.shape[-1:], self.before_thinking.weight)
        return x + self.feed_forward.forward(normal)


@dataclass(frozen=True)
class Seen:
    """What became of a context's rows: (B, n) each, amounts in units of the scale; and of their whole windows."""

    amount: Tensor
    orders: Tensor
    whole: Tensor  # (B, n, W)


@dataclass(frozen=True)
class Context:
    """What a shop's past says, read once: keys and values of each layer. Queries need no more."""

    keys: Tensor  # (L, B, H, Z + n, E)
    values: Tensor  # (L, B, H, Z + n, E)
    sharp: Tensor  # (L, B, H, 1, 1): how sharply each head reads that many rows
    mask: Tensor  # (B, 1, 1, Z + n) bool
    center: Tensor  # (B, 1, F) and
    spread: Tensor  # (B, 1, F): of the context's rows, which queries are set beside


@dataclass(frozen=True)
class Answer:
    """The raw answer to m queries. Both distributions share the chance of no order."""

    none: Tensor  # (B, m) logit of no order
    amount: Tensor  # (B, m, M - 1) logits of the amount's columns, given an order
    orders: Tensor  # (B, m, J - 1) logits of the count's columns, given an order
    tail: Tensor  # (B, m) mean of the open end of amounts, in units of the scale

    def amount_prob(self) -> Tensor:  # (B, m, M)
        return _with_none(self.none, self.amount)

    def orders_prob(self) -> Tensor:  # (B, m, J)
        return _with_none(self.none, self.orders)

    def amount_mean(self) -> Tensor:  # (B, m) in units of the scale
        centers = amount_centers().to(self.amount)
        given = torch.softmax(self.amount.float(), dim=-1)
        mean = given[..., :-1] @ centers[1:-1].float() + given[..., -1] * self.tail
        return torch.sigmoid(-self.none.float()) * mean

    def orders_mean(self) -> Tensor:  # (B, m)
        points = count_points().to(self.orders)
        return torch.sigmoid(-self.none.float()) * (torch.softmax(self.orders.float(), dim=-1) @ points[1:].float())


def _with_none(none: Tensor, given: Tensor) -> Tensor:
    some = torch.sigmoid(-none.float())[..., None] * torch.softmax(given.float(), dim=-1)
    return torch.cat([torch.sigmoid(none.float())[..., None], some], dim=-1)


def _outcome_features(amount: Tensor, orders: Tensor) -> Tensor:
    """An outcome as numbers, (B, n) each -> (B, n, 20): whether, how many, how much, and soft bins of how much."""
    log = torch.log(amount.clamp(min=math.exp(LOG_LOW))).clamp(LOG_LOW, LOG_HIGH)
    active = (orders > 0).to(amount)
    centers = torch.linspace(LOG_LOW, LOG_HIGH, 16, device=amount.device)
    soft = torch.exp(-0.5 * ((log[..., None] - centers) / 0.8) ** 2) * active[..., None]
    plain = torch.stack([active, active * log, torch.log1p(orders), torch.log1p(amount)], dim=-1)
    return torch.cat([plain, soft], dim=-1)


OUTCOME_FEATURES = 20


class Network(nn.Module):
    """Rows in, predictive distributions out. `center` and `spread` (F,) standardise rows; set once before training."""

    center: Tensor
    spread: Tensor

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        rows = len(NAMES)
        self.register_buffer("center", torch.zeros(rows))
        self.register_buffer("spread", torch.ones(rows))
        self.enter = nn.Linear(3 * rows + len(RELATIONS), size.width)
        self.outcome = nn.Linear(OUTCOME_FEATURES + len(WHOLE), size.width)
        self.enter_again = FeedForward(size)
        self.thinking = nn.Parameter(torch.randn(size.thinking, size.width) * 0.5)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.leave = nn.RMSNorm(size.width)
        self.to_amount = nn.Linear(size.width, AMOUNT_COLUMNS - 1)
        self.to_orders = nn.Linear(size.width, COUNT_COLUMNS - 1)
        self.to_rest = nn.Linear(size.width, 2)  # logit of no order, and the tail's mean
        self._start()

    def _start(self) -> None:
        """Layers begin as the identity, answers as a broad guess: one to a few orders of about the usual size."""
        for layer in self.layers:
            nn.init.zeros_(layer.attention.out.weight)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(layer.feed_forward.down.weight)  # type: ignore[union-attr, arg-type]
        nn.init.zeros_(self.enter_again.down.weight)
        for head in (self.to_amount, self.to_orders, self.to_rest):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        log = torch.log(amount_centers()[1:])
        points = count_points()[1:]
        with torch.no_grad():
            self.to_amount.bias.copy_(-0.5 * ((log - 0.7) / 1.2) ** 2)
            self.to_orders.bias.copy_(-1.5 * torch.log(points))

    def standardise(self, rows: Tensor) -> Tensor:
        """(…, F): rows in units of the prior's spread, NaN where not known."""
        return ((rows - self.center) / self.spread).clamp(-STEADY, STEADY)

    def encode_context(self, rows: Tensor, relation: Tensor, seen: Seen, known: Tensor) -> Context:
        """Read a context once: rows (B, n, F), relation (B, n, R), known (B, n) bool. n may be 0: then the prior
        speaks alone."""
        standard = self.standardise(rows)  # (B, n, F)
        center, spread = _moments(standard, known)
        with torch.autocast(rows.device.type, enabled=False):
            outcome = torch.cat(
                [_outcome_features(seen.amount, seen.orders), seen.whole.clamp(-STEADY, STEADY)], dim=-1
            )
            x = self._tokens(standard, relation, (center, spread)) + self.outcome(outcome)
        x = x + self.enter_again(x)
        thinking = self.thinking.expand(len(rows), -1, -1)
        x = torch.cat([thinking, x], dim=1)  # (B, Z + n, D)
        mask = torch.cat([known.new_ones(len(rows), self.size.thinking), known], dim=1)[:, None, None]
        log_rows = torch.log(mask.sum(dim=-1).float()).squeeze(1)  # (B, 1)
        sharp = torch.stack([layer.attention.sharp(log_rows) for layer in self.layers])  # type: ignore[union-attr, operator]
        keys, values = [], []
        for i, layer in enumerate(self.layers):
            key, value = layer.keys_values(x)  # type: ignore[operator]
            keys.append(key)
            values.append(value)
            if i + 1 < len(self.layers):
                x = layer(x, key, value, sharp[i], mask)
        return Context(torch.stack(keys), torch.stack(values), sharp, mask, center, spread)

    def answer(self, context: Context, rows: Tensor, relation: Tensor) -> Answer:
        """The answer to queries (B, m, F) with their relation (B, m, R); none of them sees another."""
        with torch.autocast(rows.device.type, enabled=False):  # both ends in full precision: inputs and logits are fine
            x = self._tokens(self.standardise(rows), relation, (context.center, context.spread))
        x = x + self.enter_again.forward(x)
        mask = None if rows.device.type == "cpu" and bool(context.mask.all()) else context.mask  # a GPU would wait
        for layer, key, value, sharp in zip(self.layers, context.keys, context.values, context.sharp, strict=True):
            x = layer.forward(x, key, value, sharp, mask)
        with torch.autocast(rows.device.type, enabled=False):
            x = self.leave(x.float())
            none, tail = self.to_rest(x).unbind(-1)
            limit = 1.0 + (TAIL_LIMIT / 2 - 1.0) * torch.sigmoid(tail - 2.0)
            return Answer(none, self.to_amount(x), self.to_orders(x), LAST_EDGE * limit)

    def _tokens(self, standard: Tensor, relation: Tensor, moments: tuple[Tensor, Tensor]) -> Tensor:
        """Rows in the prior's units, in those of the shop's own context, and what is missing: (B, t, D)."""
        center, spread = moments
        beside = ((standard - center) / spread).clamp(-STEADY, STEADY)
        missing = torch.isnan(standard)
        numbers = torch.cat([torch.nan_to_num(standard), torch.nan_to_num(beside), missing.to(standard)], dim=-1)
        return self.enter(torch.cat([numbers, relation.clamp(-STEADY, STEADY)], dim=-1))


def _moments(standard: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread (B, 1, F) of each number over the context's rows, drawn to 0 and 1 where rows are few."""
    there = known[..., None] & ~torch.isnan(standard)
    values = torch.where(there, standard, 0.0)
    number = there.sum(dim=1, keepdim=True).float()
    weight = number / (number + 8.0)
    mean = values.sum(dim=1, keepdim=True) / number.clamp(min=1)
    square = (values**2).sum(dim=1, keepdim=True) / number.clamp(min=1)
    spread = torch.sqrt((square - mean**2).clamp(min=0) + 1e-6)
    return weight * mean, (1 - weight) + weight * spread.clamp(min=0.1)


def count_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
