"""A forecast made a slice of customers at a time, so that memory stays bounded however large the snapshot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from worthwhile.distribution import COUNT_GRID, Forecast, Histogram, amount_grid
from worthwhile.features.snapshot import Snapshot

CHUNK_ROWS = 50_000  # of 100 bins in double precision: 40 MB for each array in between


def forecast_in_chunks(
    snapshot: Snapshot, name: str, answer: Callable[[Snapshot], tuple[Histogram, Histogram]], *, rows: int = CHUNK_ROWS
) -> Forecast:
    """The forecast of model `name`; `answer` gives the amount and orders histograms of a slice of the snapshot."""
    n = len(snapshot)
    parts = []
    for grid in (amount_grid(snapshot.scale), COUNT_GRID):
        parts.append(Histogram(grid, np.empty((n, grid.columns), dtype=np.float32), np.empty(n)))
    for start in range(0, n, rows):
        here = slice(start, min(start + rows, n))
        for whole, part in zip(parts, answer(snapshot[here]), strict=True):
            whole.prob[here] = part.prob
            whole.tail_mean[here] = part.tail_mean
    amount, orders = parts
    return Forecast(
        snapshot.customer_ids,
        snapshot.cutoff,
        str(snapshot.task.horizon),
        amount,
        orders,
        name,
        snapshot.task.amount_name,
    )
