"""Recorded segments as a report reads them, made without a shop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from worthwhile.decide.segments import Segments
from worthwhile.decide.segments.stages import STAGES
from worthwhile.decide.segments.thresholds import Thresholds
from worthwhile.report.chosen import Made
from worthwhile.report.segments_content import SegmentsFacts

SIZES = {"prospect": 40, "new": 120, "growing": 30, "loyal": 200, "cooling": 90, "at_risk": 110, "lost": 210}
SHARES = {"prospect": 0.05, "new": 0.4, "growing": 0.9, "loyal": 0.7, "cooling": 0.4, "at_risk": 0.2, "lost": 0.05}


def _row(dimension: str, segment: str, customers: int, share: float) -> dict[str, Any]:
    spend = customers * share * 10
    return {
        "dimension": dimension, "segment": segment, "customers": customers, "customers_share": customers / 800,
        "spend": spend, "spend_share": spend / 4_000, "shortfall": spend / 5,
        "p_active_mean": None if segment == "prospect" else share, "spend_last_year": spend * 4,
    }  # fmt: skip


def _then(stage: str) -> dict[str, Any]:
    share, has_forecast = SHARES[stage], stage != "prospect"
    return {
        "stage": stage, "customers": SIZES[stage], "bought": round(SIZES[stage] * share), "share": share,
        "low": share * 0.8, "high": min(share * 1.2, 1.0), "spend": 20 * share, "spend_of_buyers": 20.0,
        "days_to_order": 12.0, "usual": 0.6 if has_forecast else None, "forecast": share if has_forecast else None,
        "spend_usual": 14.0 if has_forecast else None,
    }  # fmt: skip


def _cluster(number: int, traits: tuple[str, ...], sign: float) -> dict[str, Any]:
    return {
        "number": number, "customers": 300, "spend": 1_500.0 / number, "due": 1.0, "single": 0.0, "traits": traits,
        "medians": {"usual_gap": 30.0, "order_value": 25.0, "recency": 12.0, "p_active": 0.5, "orders": 4.0},
        "distance": dict.fromkeys(("usual_gap", "order_value", "recency", "p_active"), sign),
    }  # fmt: skip


def made_segments(*, with_past: bool = True) -> SegmentsFacts:
    """Segments of 800 people as of 2024-01-01 over 90 days, with or without an earlier date."""
    asked = {
        "thresholds": Thresholds(new_days=60).to_dict(), "horizons": ["90d"], "settings": {"currency": "CNY"},
        "model": "ensemble", "members": ["linear"], "from_model": "ensemble", "from_members": ["linear"],
    }  # fmt: skip
    grid = [
        {"recency": r, "frequency": f, "customers": r * f, "spend": 10.0 * r * f} for r in range(1, 6) for f in (1, 4)
    ]
    facts = {
        "people": 800, "customers": 760, "day": "2024-01-01", "has_aipl": True,
        "rhythm": {"typical_gap": 40.0, "level": 0.9, "in_rhythm": 150},
        "rfm": {"used": {"frequency": 2}, "shared": {"frequency": [1.0, 0.6]}, "grid": grid},
        "clusters": {
            "is_stable": True,
            "clusters": [_cluster(1, ("usual_gap", "order_value"), -1.0), _cluster(2, ("recency",), 1.0)],
        },
        "past": {"start": "2023-10-03", "end": "2024-01-01"} if with_past else None,
        "no_past": "" if with_past else "log_too_short",
        "stages": [_then(stage) for stage in STAGES] if with_past else [],
        "second_orders": {
            "customers": 500, "followed_days": 300, "came_back": 200, "median_days": 30.0, "most_days": 60.0,
        },
        "silences": [{"days": d, "stretches": 9_000 // d, "returned": 3_000 // d} for d in (30, 60, 180)],
    }  # fmt: skip
    summary = [_row("stage", stage, SIZES[stage], SHARES[stage]) for stage in STAGES]
    summary += [_row("tier", tier, 190, 0.5) for tier in ("top", "high", "middle", "low")]
    summary += [_row("rfm", "best", 380, 0.5), _row("rfm", "dormant", 380, 0.1)]
    summary += [_row("aipl", "awareness", 30, 0.1), _row("cluster", "1", 300, 0.5), _row("cluster", "2", 300, 0.3)]
    ways = {("not_yet", "new"): 100, ("loyal", "loyal"): 180, ("loyal", "cooling"): 60, ("at_risk", "loyal"): 20,
            ("at_risk", "lost"): 80, ("prospect", "prospect"): 40}  # fmt: skip
    flow = [
        {"from_stage": a, "to_stage": b, "customers": n, "spend_then": 5.0 * n, "spend": 4.0 * n, "shortfall": 1.0 * n}
        for (a, b), n in ways.items()
    ]
    return SegmentsFacts(
        Made("segments-made"),
        Segments("segments-made", Path("nowhere"), asked, facts),
        summary,
        flow if with_past else [],
    )
