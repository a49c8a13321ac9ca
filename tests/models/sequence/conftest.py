"""Snapshots of a small planted shop, for tests of how the event model is trained."""

from __future__ import annotations

import pytest

from oracles.planted_shop import planted_shop
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import build_sequences
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Matured, Snapshot]:
    """The matured snapshots of 120 customers, and the current one without its outcome."""
    with log_of(planted_shop(customers=120, items=40).events()) as log:
        sequences = build_sequences(log, tmp_path_factory.mktemp("small") / "s")
        snapshots = Snapshots(log, Task.of("30d"), sequences=sequences)
        matured, current = snapshots.before(cutoff_from("2024-07-01", log.zone), silent)
    return matured, current.unseen()
