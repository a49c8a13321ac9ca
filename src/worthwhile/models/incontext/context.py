"""Which of a shop's own customers the network reads as its context, and what it then knows of the shop.

Letters: n rows of the context, N customers of a snapshot, F numbers of a row, R numbers of a relation, W numbers of a
whole window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.network import Context, Network, Seen
from worthwhile.models.incontext.rows import RELATIONS, WHOLE, sampling_weight
from worthwhile.models.incontext.snapshots import (
    outcome_of_snapshot,
    relation_of_snapshot,
    rows_of_snapshot,
    whole_of_snapshot,
)

ROWS = 2_048  # of a context: twice as many as pretraining shows, since totals gain from more (docs/in-context.md)


@dataclass(frozen=True)
class Labelled:
    """Customers at earlier cutoffs with what came after: (n, ...) each."""

    rows: Tensor  # (n, F)
    relation: Tensor  # (n, R)
    amount: Tensor  # (n,) in units of the scale
    orders: Tensor  # (n,)
    whole: Tensor  # (n, W)
    weight: Tensor  # (n,) how likely to be drawn, up to a factor; each cutoff has an even share

    def __len__(self) -> int:
        return len(self.amount)

    def __getitem__(self, places: Tensor) -> Labelled:
        return Labelled(**{f.name: getattr(self, f.name)[places] for f in fields(self)})


def labelled(matured: Sequence[Snapshot], asked: Snapshot) -> Labelled | None:
    """All customers of the matured snapshots, in the way of `asked`; None where there are none."""
    parts = [_labelled_at(snapshot, asked) for snapshot in matured if len(snapshot) and snapshot.outcome is not None]
    if not parts:
        return None
    return Labelled(**{f.name: torch.cat([getattr(part, f.name) for part in parts]) for f in fields(Labelled)})


def _labelled_at(snapshot: Snapshot, asked: Snapshot) -> Labelled:
    rows = rows_of_snapshot(snapshot, scale=asked.scale)
    amount, orders = outcome_of_snapshot(snapshot, scale=asked.scale)
    weight = sampling_weight(rows)
    relation = relation_of_snapshot(snapshot, asked).expand(len(rows), -1)
    whole = whole_of_snapshot(snapshot, scale=asked.scale).expand(len(rows), -1)
    return Labelled(rows, relation, amount, orders, whole, weight / weight.sum())


def drawn(some: Labelled, seed: int, rows: int = ROWS) -> Labelled:
    """A weighted draw without replacement of at most so many rows; the same for one seed."""
    if len(some) <= rows:
        return some
    generator = torch.Generator().manual_seed(seed)
    noise = torch.empty(len(some), dtype=torch.float64).exponential_(generator=generator)
    key = torch.log(some.weight.double()) - torch.log(noise)  # Efraimidis and Spirakis 2006
    return some[torch.topk(key, rows).indices]


@torch.inference_mode()
def read(network: Network, some: Labelled | None) -> Context:
    """The network's reading of a context: keys and values, of a batch of one. Without any the prior speaks alone."""
    if some is None:
        rows, relation, whole = (torch.zeros(1, 0, n) for n in (len(network.center), len(RELATIONS), len(WHOLE)))
        seen = Seen(torch.zeros(1, 0), torch.zeros(1, 0), whole)
        return network.encode_context(rows, relation, seen, torch.zeros(1, 0, dtype=torch.bool))
    seen = Seen(some.amount[None], some.orders[None], some.whole[None])
    known = torch.ones(1, len(some), dtype=torch.bool)
    return network.encode_context(some.rows[None], some.relation[None], seen, known)
