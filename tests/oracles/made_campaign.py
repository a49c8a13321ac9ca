"""A measured campaign as a report reads it, made without a shop: a mail that did little and a card that did much."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from worthwhile.report.campaign_content import CampaignFacts

ALL_NOTES = [
    {"note": "few"},
    {"note": "not_over", "end": "2024-04-01", "until": "2024-03-01"},
    {"note": "gone", "customers": 1234},
    {"note": "held_contacted", "customers": 3},
    {"note": "no_contact"},
    {"note": "partly", "reached": 700, "treated": 1000},
    {"note": "no_outcome", "customers": 12},
    {"note": "sizes", "p": 0.00012, "groups": [{"name": "none", "seen": 900, "designed": 1000}]},
]


def effect(size: float, reach: float, expected: float | None = None) -> dict[str, Any]:
    """An effect with its interval; `held_against` as `measure.py` has it."""
    low, high = size - reach, size + reach
    held = None if expected is None else "less" if high < expected else "more" if low > expected else "within"
    return {
        "treated_mean": 0.4 + size, "held_out_mean": 0.4, "effect": size, "low": low, "high": high, "p_value": 0.5,
        "expected": expected, "expected_is": None if expected is None else "assumption: lift_spend = 0.03",
        "held_against": held,
    }  # fmt: skip


NOTHING: dict[str, Any] = {
    "treated_mean": None, "held_out_mean": None, "effect": None, "low": None, "high": None, "p_value": None,
    "expected": 1.0, "expected_is": "assumption: lift_spend = 0.03", "held_against": None,
}  # fmt: skip


def arm(name: str, spend: dict[str, Any], active: dict[str, Any], margin: tuple[float, float] = (50.0, 10.0)) -> Any:
    worth = {"effect": margin[0], "low": margin[0] - margin[1], "high": margin[0] + margin[1]}
    return {
        "arm": name, "treated": 1_000, "held_out": 900, "cost": 45.0, "incremental_margin": worth,
        "outcomes": {"spend": spend, "orders": effect(0.01, 0.05), "active": active},
    }  # fmt: skip


def made_campaign(arms: list[Any] | None = None, **changed: Any) -> CampaignFacts:
    """Of 3,000 customers from 2024-01-01 over 90 days, measured on 2024-04-02."""
    if arms is None:
        arms = [
            arm("email", effect(1.0, 4.0, 0.5), effect(0.01, 0.02)),
            arm("card", effect(8.0, 3.0, 12.0), effect(0.05, 0.02, 0.02)),
        ]
    measured = {
        "matured": True, "currency": "GBP", "horizon": "90d", "source": "log", "notes": [], "arms": arms,
        "measured_at": "2024-04-02T09:05:00+00:00",
    }  # fmt: skip
    manifest = {
        "start_day": "2024-01-01", "plan": "plan-made", "measured": measured | changed,
        "test": {"sizes": {"none": 1_000, "email": 1_000, "card": 1_000}},
    }  # fmt: skip
    return CampaignFacts("spring", manifest, datetime.fromisoformat(measured["measured_at"]))
