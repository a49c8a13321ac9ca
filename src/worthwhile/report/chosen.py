"""Which runs a report shows: the forecast, and the plan and segments that were made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from worthwhile.errors import InputError
from worthwhile.report.texts import Voice
from worthwhile.runs.record import list_runs
from worthwhile.shop import Shop


@dataclass(frozen=True)
class Chosen:
    """Ids of runs; where None, the latest that fits. `horizon` is one of the forecast's."""

    run_id: str | None = None
    horizon: str | None = None
    plan: str | None = None
    segments: str | None = None


@dataclass(frozen=True)
class Made:
    """A run's id, and when it was recorded by the shop's clock; None of runs that do not say."""

    run_id: str
    at: datetime | None = None

    @classmethod
    def of(cls, manifest: Mapping[str, Any], zone: tzinfo) -> Made:
        at = manifest.get("made_at")
        return cls(manifest["run_id"], datetime.fromisoformat(at).astimezone(zone) if at else None)

    def said(self, voice: Voice) -> str:
        if self.at is None:
            return voice("page.made_undated", run=self.run_id)
        return voice("page.made", run=self.run_id, day=voice.numbers.day(self.at.date()), time=f"{self.at:%H:%M}")


def settled(shop: Shop, chosen: Chosen) -> Chosen:
    """The same with the forecast that a named plan or named segments were made of, where none is named.

    Raises InputError: `no-such-run`; `bad-argument` where what is named was made of different forecasts.
    """
    for option, kind, run_id in (("--plan", "plan", chosen.plan), ("--segments", "segments", chosen.segments)):
        if run_id is not None:
            made_of, horizon = _made_of(shop, kind, run_id, option)
            if chosen.run_id not in (None, made_of) or chosen.horizon not in (None, horizon):
                raise InputError(
                    "bad-argument",
                    f"`{run_id}` was made of the forecast `{made_of}` over {horizon}, not of"
                    f" `{chosen.run_id or made_of}` over {chosen.horizon or horizon}, which the report shows",
                    where=option,
                    remedy=f"show that forecast: --run {made_of} --horizon {horizon}",
                )
            chosen = replace(chosen, run_id=made_of, horizon=horizon)
    return chosen


def _made_of(shop: Shop, kind: str, run_id: str, option: str) -> tuple[str, str]:
    """The forecast, and its horizon, that a run was made of."""
    runs = {manifest["run_id"]: manifest["asked"] for manifest in list_runs(shop, kind)}
    if run_id not in runs:
        raise InputError(
            "no-such-run",
            f"there is no run `{run_id}` of the kind {kind} in {shop.folder}",
            where=option,
            remedy=f"its runs are {', '.join(list(runs)[:5])}" if runs else f"make one: worth {kind} SHOP",
        )
    asked = runs[run_id]
    if kind == "segments":
        return asked["forecast_run"], asked["horizons"][0]
    return asked["forecast"], asked["horizon"]
