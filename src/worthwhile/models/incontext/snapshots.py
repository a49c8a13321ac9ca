"""A real shop's snapshots as the rows that the network reads: the same numbers as of simulated shops.

Letters: N customers of a snapshot, F numbers of a row, R numbers of a relation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.columns import COLUMNS
from worthwhile.models.incontext.rows import Moment, relation_of, rows_of


def rows_of_snapshot(snapshot: Snapshot, *, scale: float | None = None) -> Tensor:
    """The rows (N, F) float32 of all customers of a snapshot, NaN where a number is not known.

    Ranks and the shop's ratios are taken over all customers given, so give the whole snapshot and choose rows
    afterwards. `scale` is the median order value of the run (default: the snapshot's).
    """
    values = torch.from_numpy(snapshot.columns(COLUMNS)).double()  # (N, len(COLUMNS))
    columns = {name: values[:, i] for i, name in enumerate(COLUMNS)}

    def one(number: float) -> Tensor:
        return torch.tensor([number], dtype=torch.float64)

    moment = Moment(
        horizon=one(snapshot.horizon_days),
        scale=one(snapshot.scale if scale is None else scale),
        history=one(snapshot.history_days),
        activity_year_before=one(snapshot.activity_year_before),
    )
    return rows_of(columns, torch.zeros(len(snapshot), dtype=torch.long), moment)


def relation_of_snapshot(snapshot: Snapshot, asked: Snapshot) -> Tensor:
    """How a matured snapshot relates to the one that is asked about, (R,); of `asked` itself, what queries carry."""

    def one(number: float) -> Tensor:
        return torch.tensor(number, dtype=torch.float64)

    age = (asked.cutoff - snapshot.cutoff).total_seconds() / 86_400
    return relation_of(one(age), one(snapshot.horizon_days), one(asked.horizon_days))


def outcome_of_snapshot(snapshot: Snapshot, *, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """Amount in units of the scale, and orders, (N,) float32 each, of a snapshot that has matured."""
    assert snapshot.outcome is not None
    amount = torch.from_numpy(snapshot.outcome.amount / (snapshot.scale if scale is None else scale))
    return amount.float(), torch.from_numpy(snapshot.outcome.orders).float()
