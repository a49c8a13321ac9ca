"""An uplift run's answer, made up: two mails, of which one harms, on visits and on spend."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from worthwhile.report.chosen import Made
from worthwhile.report.uplift_content import UpliftFacts

ACTIONS = ("mail a", "mail b")
SIZE = {"visit": 0.1, "spend": 2.0}  # of effects


def made_document(**changed: Any) -> dict[str, Any]:
    """As `UpliftRun.to_dict` gives it, without the sentences: customers are told apart by `mail a` on visits alone."""
    document = {
        "log": "campaign.csv",
        "date": "2024-05-01",
        "control": "none",
        "settings": {"currency": "GBP"},
        "outcome_kinds": {"visit": "chance", "spend": "spend"},
        "categories": ["Teapots"],
        "customers": 9_000,
        "groups": {"none": 3_000, "mail a": 3_000, "mail b": 3_000},
        "unknown_customers": 0,
        "numbered": False,
        "effects_for": 9_000,
        "of_shop": 9_000,
        "observational": False,
        "randomisation_z": 0.3,
        "unbalanced": [],
        "left_out": [],
        "overlap": [],
        "placebos": [],
        "sensitivity": [],
        "averages": [_average(outcome, action) for outcome in SIZE for action in ACTIONS],
        "responders": [_responders(outcome, action) for outcome in SIZE for action in ACTIONS],
        "given": [group("given", "visit", "mail a", 0.06, share=0.7), group("alone", "visit", "none", 0.0, share=0.3)],
        "chosen": [
            {"outcome": "visit", "share": 1.0, "policy": "personal", "action": None},
            {"outcome": "visit", "share": 0.3, "policy": "shrunk", "action": "mail a"},
            {"outcome": "spend", "share": 1.0, "policy": "one", "action": "mail a"},
            {"outcome": "spend", "share": 0.3, "policy": "common", "action": "mail a"},
        ],
        "policies": [row for outcome in SIZE for row in _policies(outcome)],
    }
    return document | changed


def _average(outcome: str, action: str) -> dict[str, Any]:
    size = SIZE[outcome] * (0.5 if action == "mail a" else -0.25)
    told_apart = (outcome, action) == ("visit", "mail a")
    return {
        "outcome": outcome,
        "action": action,
        "control_mean": SIZE[outcome] * 2,
        "effect": size,
        "low": size - SIZE[outcome] * 0.1,
        "high": size + SIZE[outcome] * 0.1,
        "differences": 4.0 if told_apart else 0.5,
    }


def _responders(outcome: str, action: str) -> dict[str, Any]:
    told_apart = (outcome, action) == ("visit", "mail a")
    groups = [group("first", outcome, action, 0.12), group("last", outcome, action, -0.05)] if told_apart else []
    return {"outcome": outcome, "action": action, "told_apart": told_apart, "groups": groups}


def trait(column: str, mean: float, mean_all: float, **changed: Any) -> dict[str, Any]:
    told = {"column": column, "value": None, "is_share": False, "mean": mean, "mean_all": mean_all, "difference": 1.0}
    return told | changed


def group(who: str, outcome: str, action: str, seen: float, *, share: float = 0.1) -> dict[str, Any]:
    error = 0.0 if who == "alone" else 0.02
    return {
        "who": who,
        "outcome": outcome,
        "action": action,
        "customers": round(9_000 * share),
        "share": share,
        "said": seen * 0.9,
        "seen": seen,
        "low": seen - error,
        "high": seen + error,
        "traits": [trait("mens", 0.71, 0.55, is_share=True), trait("recency", 2.1, 5.8)],
    }


def _policies(outcome: str) -> list[dict[str, Any]]:
    base, gain = SIZE[outcome] * 2, SIZE[outcome]
    full = {"mail a to all": 0.5, "mail b to all": -0.25, "none to all": 0.0, "groups": 0.5, "personal": 0.6}
    part = {"random": 0.15, "common": 0.2, "shrunk": 0.35, "personal": 0.35}
    rows = []
    for share, values in ((1.0, full), (0.3, part)):
        for policy, value in {**values, "T": 0.3, "X": 0.3, "DR": 0.2, "chosen": max(values.values())}.items():
            mean = base + value * gain
            ends = {"value": mean, "low": mean - 0.05 * gain, "high": mean + 0.05 * gain}
            rows.append({"outcome": outcome, "policy": policy, "share": share, **ends})
    return rows


def made_uplift(**changed: Any) -> UpliftFacts:
    """The same as the report reads it."""
    deciles, curves = [], []
    for outcome, size in SIZE.items():
        for action in ACTIONS:
            named = {"outcome": outcome, "action": action}
            for i in range(10):
                said = size * (0.6 - i * 0.1)
                ends = {"seen": said, "low": said - size * 0.2, "high": said + size * 0.2}
                deciles.append({**named, "decile": i + 1, "customers": 900, "said": said, **ends})
            for i in range(11):
                curves.append({**named, "curve": "qini", "x": i / 10, "y": 100 * (1 - (1 - i / 10) ** 2)})
    return UpliftFacts(Made("uplift-made", datetime(2024, 6, 1, 9, 30)), made_document(**changed), deciles, curves)
