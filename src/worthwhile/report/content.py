"""What a report is made of: plain facts, read from a shop's tables and runs by `collect.py`, or made by a test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from worthwhile.report.campaign_content import CampaignFacts
from worthwhile.report.plan_content import PlanFacts
from worthwhile.report.reasons_content import ReasonsFacts
from worthwhile.report.segments_content import SegmentsFacts
from worthwhile.report.uplift_content import UpliftFacts


@dataclass(frozen=True)
class Month:
    """One calendar month, in the shop's time zone. Amounts are net: order lines and refunds by their own day."""

    start: date
    orders: int
    amount: float
    amount_known: float  # the part of it from customers whose first order was before the month


@dataclass(frozen=True)
class Span:
    """One past stretch as long as the horizon: net spend of those who were customers before it, and of new ones."""

    start: date
    end: date  # the first day after it
    amount_known: float
    amount_new: float


@dataclass(frozen=True)
class DataFacts:
    """What the log holds; for a task with a filter, of the orders asked about."""

    events: int
    orders: int
    customers: int
    items: int
    first: date
    last: date  # the last day covered
    files: tuple[str, ...] = ()
    months: tuple[Month, ...] = ()  # oldest first, without gaps
    spans: tuple[Span, ...] = ()  # oldest first; the last one ends at the cutoff


@dataclass(frozen=True)
class ForecastFacts:
    """One forecast of one horizon.

    `table` is the forecast table (docs/forecast-table.md), one row a customer. It may have three more columns of the
    past, which the list of customers at risk needs: `past_year` (net spend in the 365 days before the cutoff),
    `past_orders` (all days with an order before it) and `last_order` (date).
    """

    table: pa.Table
    horizon: str
    cutoff: date
    end: date  # the first day after the horizon
    model: str
    target: str = "spend"
    amount_name: str = "spend"
    variance_of_total: float = math.nan  # summed over customers, who are taken to buy independently
    weights: Mapping[str, float] = field(default_factory=dict)  # of an ensemble: model -> share
    actual: float | None = None  # what these customers then spent, where the horizon has passed in the log


@dataclass(frozen=True)
class BacktestFacts:
    """Tidy scores and curves of one horizon over past cutoffs (docs/design.md)."""

    scores: pa.Table
    curves: pa.Table
    # Cutoff -> model -> why, as language -> text: models that were not made; those made although they have little
    # ground, since they were asked for by name.
    skipped: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    warned: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportContent:
    """All that a report shows. `findings` are `Finding.to_dict()`s of both languages; `gate` is language -> sentences.

    `provenance` are (name of the fact, its text) pairs; the names are keys of the texts' table `provenance`, or are
    shown as they are.
    """

    shop: str
    currency: str
    timezone: str
    data: DataFacts
    forecast: ForecastFacts
    backtest: BacktestFacts | None = None
    findings: Sequence[Mapping[str, Any]] | None = ()  # None: not looked for
    gate: Mapping[str, Sequence[str]] = field(default_factory=dict)
    provenance: Sequence[tuple[str, str]] = ()
    plan: PlanFacts | None = None  # the latest recorded of this forecast
    reasons: ReasonsFacts | None = None  # those recorded of this forecast
    segments: SegmentsFacts | None = None  # those recorded of this forecast
    uplift: UpliftFacts | None = None  # the shop's latest, whatever the forecast
    campaign: CampaignFacts | None = None  # measured last, whatever the forecast
