"""Which runs a report shows: the forecast, the plan, segments and reasons that were made of it, and an uplift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from worthwhile.errors import InputError
from worthwhile.report.texts import Voice
from worthwhile.runs.record import list_runs
from worthwhile.shop import Shop

# Kind of run -> the command that makes it.
COMMANDS = {"plan": "plan", "segments": "segments", "reasons": "explain", "uplift": "uplift"}


@dataclass(frozen=True)
class Chosen:
    """Ids of runs; where None, the latest that fits. `horizon` is one of the forecast's."""

    run_id: str | None = None
    horizon: str | None = None
    plan: str | None = None
    segments: str | None = None
    reasons: str | None = None
    uplift: str | None = None  # of a campaign, whatever the forecast


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
    """The same with the forecast that a named plan, named segments or named reasons were made of, where none is named.

    Raises InputError: `no-such-run`; `bad-argument` where what is named was made of different forecasts.
    """
    if chosen.uplift is not None:
        _asked_of(shop, "uplift", chosen.uplift)
    for kind in ("plan", "segments", "reasons"):
        option, run_id = f"--{kind}", getattr(chosen, kind)
        if run_id is not None:
            made_of, horizon = _made_of(kind, _asked_of(shop, kind, run_id))
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


def _asked_of(shop: Shop, kind: str, run_id: str) -> Mapping[str, Any]:
    """What a run of a kind was asked. Raises InputError `no-such-run`."""
    runs: dict[str, Mapping[str, Any]] = {one["run_id"]: one["asked"] for one in list_runs(shop, kind)}
    if run_id not in runs:
        raise InputError(
            "no-such-run",
            f"there is no run `{run_id}` of the kind {kind} in {shop.folder}",
            where=f"--{kind}",
            remedy=f"its runs are {', '.join(list(runs)[:5])}" if runs else f"make one: worth {COMMANDS[kind]} SHOP",
        )
    return runs[run_id]


def _made_of(kind: str, asked: Mapping[str, Any]) -> tuple[str, str]:
    """The forecast, and its horizon, that a run was made of."""
    if kind == "segments":
        return asked["forecast_run"], asked["horizons"][0]
    return asked["forecast"], asked["horizon"]


def refuse_old(kind: str, run_id: str) -> InputError:
    """The error of a named run that an earlier version made, without what the report shows."""
    return InputError(
        "bad-argument",
        f"`{run_id}` was made by an earlier version, and lacks what the report shows",
        where=f"--{kind}",
        remedy=f"make it anew: worth {COMMANDS[kind]} SHOP",
    )
