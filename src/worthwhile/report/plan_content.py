"""What the report shows of a plan: the latest recorded of the reported forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from worthwhile.runs.record import list_runs
from worthwhile.shop import Shop


@dataclass(frozen=True)
class PlanFacts:
    """The facts of a recorded plan (docs/plan.md)."""

    run_id: str
    facts: Mapping[str, Any]

    def budget(self) -> float | None:
        """The whole budget; None where none was given."""
        return next((one["most"] for one in self.facts["limits"] if one["limit"] == "budget"), None)


def plan_of(shop: Shop, forecast_run: str, horizon: str) -> PlanFacts | None:
    """The latest plan made of a forecast run and horizon; None where there is none."""
    for manifest in list_runs(shop, "plan"):
        asked = manifest["asked"]
        if (asked["forecast"], asked["horizon"]) == (forecast_run, horizon):
            return PlanFacts(manifest["run_id"], manifest["facts"])
    return None
