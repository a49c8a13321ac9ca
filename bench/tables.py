"""What the benchmarks print: a Markdown table, and a forecast's scores by metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from worthwhile.distribution import Forecast
from worthwhile.evaluation import score
from worthwhile.features.snapshot import Outcome


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def by_metric(forecast: Forecast, outcome: Outcome, *, seed: int = 0) -> dict[str, float]:
    table = score(forecast, outcome, seed=seed)
    return dict(zip(table["metric"].to_pylist(), table["value"].to_pylist(), strict=True))
