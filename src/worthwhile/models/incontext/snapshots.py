"""A real shop's snapshots as the rows that the network reads: the same numbers as of simulated shops.

Letters: N customers of a snapshot, F numbers of a row, R numbers of a relation, W numbers of a whole window.
"""

from __future__ import annotations

import torch
from torch import Tensor

from worthwhile.features.build import YEAR_BEFORE
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.columns import COLUMNS
from worthwhile.models.incontext.rows import (
    YEAR,
    Moment,
    Standing,
    relation_of,
    rows_of,
    rows_of_some,
    shop_numbers,
    standing_of,
    whole_of,
)

UNKNOWN = ("days_since_registration",)  # of the columns: a snapshot does not tell, as many simulated shops do not


def rows_of_snapshot(snapshot: Snapshot, *, scale: float | None = None) -> Tensor:
    """The rows (N, F) float32 of all customers of a snapshot, NaN where a number is not known.

    Ranks and the shop's ratios are taken over all customers given, so give the whole snapshot and choose rows
    afterwards. `scale` is the median order value of the run (default: the snapshot's).
    """
    return rows_of(_columns(snapshot), torch.zeros(len(snapshot), dtype=torch.long), _moment(snapshot, scale))


def shop_numbers_of_snapshot(snapshot: Snapshot) -> dict[str, float]:
    """The shop's own numbers at a snapshot's cutoff by name; NaN where one is not known."""
    return shop_numbers(_columns(snapshot), _moment(snapshot))


def standing_of_snapshot(snapshot: Snapshot) -> Standing:
    """What single rows take from the whole snapshot."""
    return standing_of(_columns(snapshot), _moment(snapshot))


def rows_of_part(part: Snapshot, standing: Standing) -> Tensor:
    """The rows (N, F) of some customers, or one, of the snapshot whose standing this is: ranks to within 1 / 2,000."""
    return rows_of_some(_columns(part), _moment(part), standing)


def _columns(snapshot: Snapshot) -> dict[str, Tensor]:
    told = [name for name in COLUMNS if name not in UNKNOWN]
    values = torch.from_numpy(snapshot.columns(told)).double()  # (N, len(told))
    columns = {name: values[:, i] for i, name in enumerate(told)}
    columns |= {name: torch.full((len(snapshot),), float("nan"), dtype=torch.float64) for name in UNKNOWN}
    # As in pretraining, where `before_first` and `history_years` tell how far back the log reaches.
    return columns | {name: torch.nan_to_num(columns[name]) for name in YEAR_BEFORE}


def _moment(snapshot: Snapshot, scale: float | None = None) -> Moment:
    def one(number: float) -> Tensor:
        return torch.tensor([number], dtype=torch.float64)

    return Moment(
        horizon=one(snapshot.horizon_days),
        scale=one(snapshot.scale if scale is None else scale),
        history=one(snapshot.history_days),
        activity_year_before=one(snapshot.activity_year_before),
        year_day=one(snapshot.year_share * YEAR),
    )


def relation_of_snapshot(snapshot: Snapshot, asked: Snapshot) -> Tensor:
    """How a matured snapshot relates to the one that is asked about, (R,); of `asked` itself, what queries carry."""

    def one(number: float) -> Tensor:
        return torch.tensor(number, dtype=torch.float64)

    age = (asked.cutoff - snapshot.cutoff).total_seconds() / 86_400
    return relation_of(one(age), one(snapshot.horizon_days), one(asked.horizon_days))


def whole_of_snapshot(snapshot: Snapshot, *, scale: float | None = None) -> Tensor:
    """What came of a matured snapshot's window for all its customers together, (W,) float32."""
    assert snapshot.outcome is not None
    amount = torch.from_numpy(snapshot.outcome.amount / snapshot.discount)
    outcome = (amount, torch.from_numpy(snapshot.outcome.orders))
    shop = torch.zeros(len(snapshot), dtype=torch.long)
    return whole_of(_columns(snapshot), shop, _moment(snapshot, scale), outcome)[0]


def outcome_of_snapshot(snapshot: Snapshot, *, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """Amount in units of the scale, not discounted, and orders, (N,) float32 each, of a snapshot that has matured."""
    assert snapshot.outcome is not None
    unit = (snapshot.scale if scale is None else scale) * snapshot.discount
    amount = torch.from_numpy(snapshot.outcome.amount / unit)
    return amount.float(), torch.from_numpy(snapshot.outcome.orders).float()
