"""What `worth runs` tells of each kind of run."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worthwhile.cli.runs import _days, _told

LONDON = ZoneInfo("Europe/London")
ASKED = {"target": "spend", "where": {}, "horizons": ["90d"], "cutoff": "2011-08-31T23:00:00+00:00"}
PLAN: dict[str, Any] = {
    "limits": [{"limit": "budget", "most": 800.0}], "currency": "GBP", "held_out": 1_575, "cutoff": ASKED["cutoff"],
    "actions": [{"action": "call", "contacts": 0}, {"action": "email", "contacts": 1_960}],
}  # fmt: skip
UPLIFT = {"log": "autumn/log.parquet", "actions": ["none", "card"], "control": "none", "outcomes": ["spend", "active"]}


@pytest.mark.parametrize(
    ("kind", "asked", "more", "said"),
    [
        ("forecast", {**ASKED, "model": "bg-nbd"}, {}, "bg-nbd"),
        ("forecast", {**ASKED, "model": "bg-nbd", "target": "orders", "where": {"category": ["tea", "toys"]}}, {},
         "bg-nbd, of orders, category = tea / toys"),
        ("forecast", {**ASKED, "model": "bg-nbd"}, {"made_for": "forecast-2"}, "bg-nbd, to compare with"),
        ("backtest", {"cutoffs": [1, 2], "models": ["bg-nbd", "linear"], **ASKED}, {}, "2 dates: bg-nbd, linear"),
        ("reasons", {"forecast": "forecast-1"}, {"customers": 1_000}, "1,000 customers of forecast-1"),
        ("segments", {"forecast_run": "forecast-1", "from_cutoff": None, "model": "bg-nbd"}, {},
         "no earlier date; of forecast-1"),
        ("segments", {"forecast_run": "forecast-1", "from_cutoff": "2011-06-02T23:00:00+00:00", "model": "bg-nbd",
                      "from_model": "past-rate"}, {}, "moved since 2011-06-03 (of past-rate); of forecast-1"),
        ("plan", {"forecast": "forecast-1", "uplift": "uplift-1"}, {"facts": PLAN},
         "budget £800: email 1,960, 1,575 held out; of forecast-1 and uplift-1"),
        ("plan", {"forecast": "forecast-1"}, {"facts": {**PLAN, "limits": [], "actions": [], "held_out": 0}},
         "no budget: no contacts; of forecast-1"),
        ("uplift", UPLIFT, {"customers": 5_251, "of_shop": 5_251},
         "autumn/log.parquet: card against none, on spend, active; 5,251 customers"),
        ("uplift", UPLIFT, {"customers": 2, "of_shop": 0},
         "autumn/log.parquet: card against none, on spend, active; 2 customers, none of them this shop's"),
        ("of a later version", {}, {}, "-"),
    ],
)  # fmt: skip
def test_each_kind_of_run_says_what_tells_it_from_others(kind: str, asked: Any, more: Any, said: str) -> None:
    assert _told({"kind": kind, "asked": asked, **more}, LONDON) == said


def test_a_plan_has_the_day_of_its_forecast() -> None:
    assert _days({"asked": {"forecast": "forecast-1"}, "facts": PLAN}, LONDON) == "2011-09-01"
    assert _days({"asked": {"cutoff": None}}, LONDON) == "-"
