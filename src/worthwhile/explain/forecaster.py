"""A recorded forecast made to answer again: for its customers, and for customers as they might have been."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from worthwhile.distribution import Forecast
from worthwhile.errors import InputError
from worthwhile.features.build import snapshot_at
from worthwhile.features.snapshot import Snapshot
from worthwhile.features.terms import ValueTerms
from worthwhile.models.catalogue import any_reads_events
from worthwhile.models.protocol import Model
from worthwhile.progress import silent
from worthwhile.runs.prepare import sequences_of
from worthwhile.runs.recall import RecordedForecast
from worthwhile.store.log import Log, log_of_customers, open_log


@dataclass(frozen=True)
class Forecaster:
    """The model of a recorded forecast beside the log that it saw."""

    recorded: RecordedForecast
    log: Log
    model: Model

    @property
    def reads_events(self) -> bool:
        return any_reads_events(self.recorded.models_behind)

    @contextmanager
    def everybody(self) -> Iterator[Snapshot]:
        """The snapshot that was forecast."""
        with self._snapshot(self.log, self.recorded.cutoff) as snapshot:
            yield snapshot

    @contextmanager
    def customers(self, customer_ids: Sequence[str]) -> Iterator[Snapshot]:
        """The same of these customers alone, ids ascending; the rest of the log is not read.

        Raises InputError `bad-argument` where one of them had not ordered before the cutoff.
        """
        with log_of_customers(self.log, customer_ids) as log, self._snapshot(log, self.recorded.cutoff) as snapshot:
            yield snapshot

    @contextmanager
    def of_log(self, log: Log, cutoff: datetime | None = None) -> Iterator[Snapshot]:
        """The snapshot of another log, such as one of events as they might have been."""
        with self._snapshot(log, cutoff or self.recorded.cutoff) as snapshot:
            yield snapshot

    @contextmanager
    def _snapshot(self, log: Log, cutoff: datetime) -> Iterator[Snapshot]:
        recorded, shop = self.recorded, self.recorded.shop
        value = ValueTerms.of(shop.settings) if recorded.task.target == "value" else None
        snapshot = snapshot_at(
            log,
            recorded.task,
            cutoff,
            scale=recorded.scale,
            value=value,
            categories=recorded.categories,
            outcome=False,
            of_some=log is not self.log,
        )
        snapshot = replace(snapshot, history_days=(cutoff - self.log.first).total_seconds() / 86_400)
        with sequences_of(log, shop, recorded.models_behind, silent, whole=self.log) as (sequences, contents):
            if sequences is not None and contents is not None:
                sequences = replace(sequences, contents=contents.at(cutoff))
            yield replace(snapshot, sequences=sequences)

    def answer(self, snapshot: Snapshot) -> Forecast:
        return self.model.forecast(snapshot)


@contextmanager
def forecaster_of(recorded: RecordedForecast) -> Iterator[Forecaster]:
    """Open the log at the version that the forecast saw, and its model. Raises InputError `damaged`."""
    with open_log(recorded.shop, versions=recorded.asked["data_version"]) as log:
        yield Forecaster(recorded, log, recorded.model())


def check_customers(recorded: RecordedForecast, wanted: Sequence[str]) -> list[str]:
    """The customers asked about, ascending and once each.

    Raises InputError: `no-such-customer`; `bad-argument` where none is named.
    """
    if len(wanted) == 0:
        raise InputError(
            "bad-argument", "no customer is named", where="--customer", remedy="name one; without any, leave it out"
        )
    known = recorded.table()["customer_id"].to_numpy(zero_copy_only=False)
    missing = [customer for customer in wanted if not np.any(known == customer)]
    if missing:
        raise InputError(
            "no-such-customer",
            f"the forecast `{recorded.run_id}` has no customer `{missing[0]}`",
            where="--customer",
            remedy="take an id of its table; it holds nobody who ordered only after its cutoff, or was forgotten",
        )
    return sorted(set(wanted))
