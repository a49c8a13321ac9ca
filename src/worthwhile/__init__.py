"""Worthwhile forecasts what each customer of an online shop will be worth, says why, and what to do about it.

The public names are functions that take a shop:

    import worthwhile as ww

    shop = ww.open_shop("myshop")
    ww.ingest(shop, "orders.csv")
    run = ww.forecast(shop, horizon="90d")
    run.table()

They are imported when first used, so that `import worthwhile` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worthwhile.decide.budget import Fairness as Fairness
    from worthwhile.decide.budget import How as How
    from worthwhile.decide.budget import Limits as Limits
    from worthwhile.decide.budget import arms_of as arms_of
    from worthwhile.decide.budget import plan as plan
    from worthwhile.decide.budget import plan_candidates as plan_candidates
    from worthwhile.decide.budget import split_budget as split_budget
    from worthwhile.decide.campaign import Arm as Arm
    from worthwhile.decide.campaign import Sizing as Sizing
    from worthwhile.decide.campaign import design_campaign as design_campaign
    from worthwhile.decide.campaign import measure_campaign as measure_campaign
    from worthwhile.decide.handover import Audience as Audience
    from worthwhile.decide.handover import export as export
    from worthwhile.decide.segments import Segments as Segments
    from worthwhile.decide.segments import make_segments as make_segments
    from worthwhile.decide.segments import recorded_segments as recorded_segments
    from worthwhile.decide.uplift import UpliftOptions as UpliftOptions
    from worthwhile.decide.uplift import estimate_uplift as estimate_uplift
    from worthwhile.decide.uplift import uplift_effects as uplift_effects
    from worthwhile.errors import InputError as InputError
    from worthwhile.explain import explain_customers as explain_customers
    from worthwhile.explain import explain_forecast as explain_forecast
    from worthwhile.ingestion import ingest as ingest
    from worthwhile.ingestion.quality import check as check
    from worthwhile.privacy.erase import forget as forget
    from worthwhile.privacy.erase import forget_before as forget_before
    from worthwhile.recommend import Content as Content
    from worthwhile.recommend import Filters as Filters
    from worthwhile.recommend import recommend_items as recommend_items
    from worthwhile.report import write_report as write_report
    from worthwhile.runs import Asked as Asked
    from worthwhile.runs import backtest as backtest
    from worthwhile.runs import forecast as forecast
    from worthwhile.runs import list_runs as list_runs
    from worthwhile.shop import change_settings as change_settings
    from worthwhile.shop import create_shop as create_shop
    from worthwhile.shop import open_shop as open_shop
    from worthwhile.store.compact import compact as compact

__version__ = "0.1.0"

# Public name -> the module that it lies in.
PUBLIC: dict[str, str] = {
    "create_shop": "worthwhile.shop",
    "open_shop": "worthwhile.shop",
    "change_settings": "worthwhile.shop",
    "ingest": "worthwhile.ingestion",
    "check": "worthwhile.ingestion.quality",
    "compact": "worthwhile.store.compact",
    "backtest": "worthwhile.runs",
    "forecast": "worthwhile.runs",
    "Asked": "worthwhile.runs",
    "list_runs": "worthwhile.runs",
    "explain_forecast": "worthwhile.explain",
    "explain_customers": "worthwhile.explain",
    "recommend_items": "worthwhile.recommend",
    "Filters": "worthwhile.recommend",
    "Content": "worthwhile.recommend",
    "make_segments": "worthwhile.decide.segments",
    "recorded_segments": "worthwhile.decide.segments",
    "Segments": "worthwhile.decide.segments",
    "plan": "worthwhile.decide.budget",
    "plan_candidates": "worthwhile.decide.budget",
    "split_budget": "worthwhile.decide.budget",
    "Limits": "worthwhile.decide.budget",
    "Fairness": "worthwhile.decide.budget",
    "How": "worthwhile.decide.budget",
    "design_campaign": "worthwhile.decide.campaign",
    "measure_campaign": "worthwhile.decide.campaign",
    "Arm": "worthwhile.decide.campaign",
    "arms_of": "worthwhile.decide.budget",
    "Sizing": "worthwhile.decide.campaign",
    "export": "worthwhile.decide.handover",
    "Audience": "worthwhile.decide.handover",
    "estimate_uplift": "worthwhile.decide.uplift",
    "UpliftOptions": "worthwhile.decide.uplift",
    "uplift_effects": "worthwhile.decide.uplift",
    "forget": "worthwhile.privacy",
    "forget_before": "worthwhile.privacy",
    "write_report": "worthwhile.report",
    "InputError": "worthwhile.errors",
}
__all__ = [*PUBLIC, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'worthwhile' has no attribute '{name}'")
    value = getattr(import_module(PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
