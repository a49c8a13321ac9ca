"""A made-up shop's report: forecasts of a known law, scored by the real evaluation, so that no pipeline is needed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from worthwhile.distribution import Forecast, amount_grid, from_geometric, from_lognormal
from worthwhile.evaluation.scores import evaluate
from worthwhile.features.snapshot import Outcome
from worthwhile.report.content import BacktestFacts, DataFacts, ForecastFacts, Month, ReportContent, Span

CUTOFF = date(2024, 7, 1)
PAST = [datetime(2023, 7, 4, tzinfo=UTC), datetime(2023, 10, 2, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)]


def made_forecast(n: int, *, model: str, cutoff: datetime, factor: float = 1.0) -> tuple[Forecast, Outcome]:
    """A forecast of n customers, and an outcome drawn from its law; `factor` makes the forecast too high."""
    rng = np.random.default_rng(int(cutoff.timestamp()) % 1000)
    p = rng.beta(0.7, 2.0, n) * 0.98 + 0.01
    mean = np.exp(rng.normal(3.5, 1.0, n))
    active = rng.random(n) < p
    amount = np.where(active, np.exp(rng.normal(np.log(mean) - 0.32, 0.8)), 0.0)
    outcome = Outcome(amount, np.where(active, 1 + rng.poisson(0.6, n), 0).astype(np.float64))
    ids = np.array([f"C{i:05d}" for i in range(n)], dtype=object)
    law = from_lognormal(amount_grid(40.0), p, mean * factor, np.full(n, 0.8))
    return Forecast(ids, cutoff, "90d", law, from_geometric(p, np.full(n, 1.6)), model), outcome


def made_backtest(cutoffs: list[datetime], customers: int = 400) -> BacktestFacts:
    scores, curves = [], []
    for cutoff in cutoffs:
        for model, factor in (("past-rate", 1.6), ("ensemble", 1.05), ("bg-nbd", 0.8)):
            forecast, outcome = made_forecast(customers, model=model, cutoff=cutoff, factor=factor)
            found = evaluate(forecast, outcome)
            scores.append(found[0])
            curves.append(found[1])
    return BacktestFacts(pa.concat_tables(scores), pa.concat_tables(curves))


def made_content(customers: int = 400, cutoffs: list[datetime] = PAST) -> ReportContent:
    at = datetime(CUTOFF.year, CUTOFF.month, CUTOFF.day, tzinfo=UTC)
    forecast, _ = made_forecast(customers, model="ensemble", cutoff=at)
    table = forecast.table("forecast-abc")
    rng = np.random.default_rng(5)
    table = table.append_column("past_year", pa.array(np.exp(rng.normal(4, 1.2, customers))))
    table = table.append_column("past_orders", pa.array(rng.integers(1, 20, customers)))
    table = table.append_column("last_order", pa.array([date(2024, 5, 17)] * customers))
    months = tuple(
        Month(date(2022 + (i + 6) // 12, (i + 6) % 12 + 1, 1), 100 + i, 4000.0 + 90 * i, 2500.0 + 70 * i)
        for i in range(24)
    )
    return ReportContent(
        shop="Tea & Toys",
        currency="GBP",
        timezone="Europe/London",
        data=DataFacts(
            events=4567,
            orders=1234,
            customers=customers,
            items=87,
            first=date(2022, 7, 1),
            last=date(2024, 6, 30),
            files=("orders.csv",),
            months=months,
            spans=(
                Span(date(2024, 1, 3), date(2024, 4, 2), 9000.0, 3000.0),
                Span(date(2024, 4, 2), date(2024, 7, 1), 9500.0, 2800.0),
            ),
        ),
        forecast=ForecastFacts(
            table=table,
            horizon="90d",
            cutoff=CUTOFF,
            end=date(2024, 9, 29),
            model="ensemble",
            variance_of_total=float(forecast.amount.variance().sum()),
            weights={"bg-nbd": 0.6, "trees-tweedie": 0.4, "logistic": 0.0},
        ),
        backtest=made_backtest(cutoffs) if cutoffs else None,
        findings=[
            {"code": "outliers", "severity": "warning", "count": 2, "share": 0.0, "title": "Two huge orders"},
            {"code": "gaps", "severity": "info", "count": 3, "share": None, "title": "3 days without orders"},
            {
                "code": "refused",
                "severity": "serious",
                "count": 12,
                "share": 0.01,
                "title": {"en": "12 rows refused", "zh": "12 行被拒收"},
                "detail": {"en": "They have no date.", "zh": "缺少日期。"},
                "examples": ["row 3"],
                "done": {"en": "kept in quarantine", "zh": "已隔离"},
            },
        ],
        gate={"en": ["Models used: bg-nbd."], "zh": ["采用的模型：bg-nbd。"]},
        provenance=(("run", "forecast-abc"), ("seed", "0")),
    )
