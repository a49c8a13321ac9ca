"""Which of a shop's own customers the network reads as its context, and what it then knows of the shop.

Letters: n rows of the context, N customers of a snapshot, F numbers of a row, R numbers of a relation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.network import Context, Network
from worthwhile.models.incontext.rows import RELATIONS, sampling_weight
from worthwhile.models.incontext.snapshots import outcome_of_snapshot, relation_of_snapshot, rows_of_snapshot

ROWS = 1_024  # of a context: as many as pretraining shows


@dataclass(frozen=True)
class Labelled:
    """Customers at earlier cutoffs with what came after: (n, ...) each."""

    rows: Tensor  # (n, F)
    relation: Tensor  # (n, R)
    amount: Tensor  # (n,) in units of the scale
    orders: Tensor  # (n,)
    weight: Tensor  # (n,) how likely to be drawn, up to a factor; each cutoff has an even share

    def __len__(self) -> int:
        return len(self.amount)

    def __getitem__(self, places: Tensor) -> Labelled:
        return Labelled(
            self.rows[places], self.relation[places], self.amount[places], self.orders[places], self.weight[places]
        )


def labelled(matured: Sequence[Snapshot], asked: Snapshot) -> Labelled | None:
    """All customers of the matured snapshots, in the way of `asked`; None where there are none."""
    parts = [_labelled_at(snapshot, asked) for snapshot in matured if len(snapshot) and snapshot.outcome is not None]
    if not parts:
        return None
    return Labelled(
        *(
            torch.cat([getattr(part, name) for part in parts])
            for name in ("rows", "relation", "amount", "orders", "weight")
        )
    )


def _labelled_at(snapshot: Snapshot, asked: Snapshot) -> Labelled:
    rows = rows_of_snapshot(snapshot, scale=asked.scale)
    amount, orders = outcome_of_snapshot(snapshot, scale=asked.scale)
    weight = sampling_weight(rows)
    relation = relation_of_snapshot(snapshot, asked).expand(len(rows), -1)
    return Labelled(rows, relation, amount, orders, weight / weight.sum())


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
        empty = torch.zeros(1, 0)
        rows, relation = torch.zeros(1, 0, len(network.center)), torch.zeros(1, 0, len(RELATIONS))
        return network.encode_context(rows, relation, (empty, empty), torch.zeros(1, 0, dtype=torch.bool))
    known = torch.ones(1, len(some), dtype=torch.bool)
    return network.encode_context(some.rows[None], some.relation[None], (some.amount[None], some.orders[None]), known)
