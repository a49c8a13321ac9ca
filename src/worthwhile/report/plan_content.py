"""What the report shows of a plan that was made of the reported forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worthwhile.report.chosen import Made
from worthwhile.runs.record import list_runs
from worthwhile.shop import Shop


@dataclass(frozen=True)
class PlanFacts:
    """The facts of a recorded plan (docs/plan.md)."""

    made: Made
    facts: Mapping[str, Any]

    def budget(self) -> float | None:
        """The whole budget; None where none was given."""
        return next((one["most"] for one in self.facts["limits"] if one["limit"] == "budget"), None)


def plan_of(shop: Shop, forecast_run: str, horizon: str, *, run_id: str | None = None) -> PlanFacts | None:
    """The plan `run_id`, by default the latest, of those made of a forecast run and horizon; None without one."""
    for manifest in list_runs(shop, "plan"):
        asked = manifest["asked"]
        fits = (asked["forecast"], asked["horizon"]) == (forecast_run, horizon)
        if fits and run_id in (None, manifest["run_id"]):
            return PlanFacts(Made.of(manifest, shop.settings.zone), manifest["facts"])
    return None
