"""Recorded segments, taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.decide.segments.words import text
from worthwhile.errors import InputError
from worthwhile.models.files import read_json
from worthwhile.runs.record import check_digests, list_runs, run_folder
from worthwhile.runs.tables import check_out, write_table
from worthwhile.shop import Shop


@dataclass(frozen=True)
class Segments:
    """A recorded run of segments: its tables, and the facts that were found with them (docs/segments.md)."""

    run_id: str
    folder: Path
    asked: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)

    def table(self) -> pa.Table:
        """One row for everyone the shop knows, ascending by customer: tier, levels, region, stage, cluster, money."""
        return pq.read_table(self.folder / "segments.parquet")

    def summary(self) -> pa.Table:
        """One row for each segment of each dimension: size, money held, shortfall on last year."""
        return pq.read_table(self.folder / "summary.parquet")

    def flow(self) -> pa.Table | None:
        """One row for each way from a stage at the earlier date to one at the cutoff; None without an earlier date."""
        path = self.folder / "flow.parquet"
        return pq.read_table(path) if path.is_file() else None

    def warnings(self, lang: str = "en") -> list[str]:
        """What has to be known before the movement is read, in words."""
        return movement_warnings(self.asked, self.facts, lang)

    def write(self, path: Path | str) -> Path:
        """Write everyone's table as Parquet, CSV or JSON lines, by the suffix. Raises InputError `bad-argument`."""
        path = check_out(path)
        write_table(self.table(), path)
        return path

    def to_dict(self) -> dict[str, Any]:
        flow = self.flow()
        return {
            "run_id": self.run_id,
            "folder": str(self.folder),
            **self.asked,
            **self.facts,
            "warnings": self.warnings(),
            "summary": self.summary().to_pylist(),
            "flow": None if flow is None else flow.to_pylist(),
        }


def movement_warnings(asked: Mapping[str, Any], facts: Mapping[str, Any], lang: str) -> list[str]:
    """That stages of both dates were told by different models, where they were: then customers may seem to move who
    did not. Of the same ensemble, that others took part."""
    if facts["past"] is None:
        return []
    then, now = asked["from_model"], asked["model"]
    if then != now:
        return [text("other_model", lang, then=then, now=now, start=facts["past"]["start"])]
    only = {"then": (asked["from_members"], asked["members"]), "now": (asked["members"], asked["from_members"])}
    models = {key: ", ".join(m for m in ours if m not in theirs) for key, (ours, theirs) in only.items()}
    return [text(f"members_{key}", lang, models=said) for key, said in models.items() if said]


def recorded_segments(
    shop: Shop, *, run_id: str | None = None, forecast_run: str | None = None, horizon: str | None = None
) -> Segments:
    """The latest recorded segments: of the run named, or of a forecast run and horizon, or of all.

    Raises InputError: `no-such-run`; `damaged` where a file of the run is missing or was changed.
    """
    for manifest in list_runs(shop, "segments"):
        asked = manifest["asked"]
        wanted = run_id in (None, manifest["run_id"]) and forecast_run in (None, asked["forecast_run"])
        if wanted and horizon in (None, asked["horizons"][0]):
            folder = run_folder(shop, manifest["run_id"])
            check_digests(folder)
            return Segments(manifest["run_id"], folder, asked, read_json(folder / "segments.json"))
    raise InputError(
        "no-such-run",
        "there are no such segments in this shop yet",
        where=str(shop.folder),
        remedy="make them: worth segments SHOP",
    )


__all__ = ["Segments", "recorded_segments"]
