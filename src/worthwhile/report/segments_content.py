"""What the report shows of segments: those recorded of the reported forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worthwhile.decide.segments import Segments, recorded_segments
from worthwhile.errors import InputError
from worthwhile.models.files import read_json
from worthwhile.report.chosen import Made, refuse_old
from worthwhile.runs.record import MANIFEST
from worthwhile.shop import Shop


@dataclass(frozen=True)
class SegmentsFacts:
    """Recorded segments with the rows of their tables (docs/segments.md)."""

    made: Made
    segments: Segments
    summary: Sequence[Mapping[str, Any]]
    flow: Sequence[Mapping[str, Any]] = ()  # empty without an earlier date

    def rows(self, dimension: str) -> list[Mapping[str, Any]]:
        """The segments of a dimension that somebody is in, in the order of the table."""
        return [row for row in self.summary if row["dimension"] == dimension and row["customers"]]


def segments_of(shop: Shop, forecast_run: str, horizon: str, *, run_id: str | None = None) -> SegmentsFacts | None:
    """The segments `run_id`, by default the latest, of those made of a forecast run and horizon; None without any.

    Those that an earlier version recorded without what is shown are passed over.
    Raises InputError: `damaged`; `bad-argument` where those named are such.
    """
    try:
        found = recorded_segments(shop, run_id=run_id, forecast_run=forecast_run, horizon=horizon)
    except InputError as error:
        if error.code == "no-such-run":
            return None
        raise
    flow, summary = found.flow(), found.summary()
    if "shortfall" not in summary.column_names or "from_model" not in found.asked:
        if run_id is not None:
            raise refuse_old("segments", run_id)
        return None
    made = Made.of(read_json(found.folder / MANIFEST), shop.settings.zone)
    return SegmentsFacts(made, found, summary.to_pylist(), [] if flow is None else flow.to_pylist())
