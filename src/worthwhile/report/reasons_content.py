"""What the report shows of reasons: those recorded of the reported forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from worthwhile.models.files import read_json
from worthwhile.report.chosen import Made
from worthwhile.runs.record import check_digests, list_runs
from worthwhile.shop import Shop

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReasonsFacts:
    """A recorded explanation (docs/reasons.md)."""

    made: Made
    amount_name: str
    typical: Mapping[str, float]  # expected amount and P(active) of the typical customer
    customers: int  # that the importance is told from
    importance: Sequence[Row]
    leading: Mapping[str, Sequence[Row]]  # language -> all reasons of the leading customers
    timelines: Sequence[Row]

    def customers_told(self, language: str) -> list[tuple[str, list[Row]]]:
        """The leading customers with their reasons; whom a reason lifts most first."""
        rows = self.leading[language]
        ids = list(dict.fromkeys(row["customer_id"] for row in rows))
        told = [(name, [row for row in rows if row["customer_id"] == name]) for name in ids]
        return sorted(told, key=lambda one: -sum(row[f"{self.amount_name}_effect"] for row in one[1]))

    def steps_of(self, customer_id: str) -> list[Row]:
        return [row for row in self.timelines if row["customer_id"] == customer_id]


def reasons_of(shop: Shop, forecast_run: str, horizon: str, amount_name: str) -> ReasonsFacts | None:
    """The latest reasons told of a forecast run and horizon; None where there are none. Raises InputError `damaged`."""
    for manifest in list_runs(shop, "reasons"):
        asked = manifest["asked"]
        if (asked["forecast"], asked["horizon"]) == (forecast_run, horizon):
            folder = shop.runs / manifest["run_id"]
            check_digests(folder)
            return ReasonsFacts(
                made=Made.of(manifest, shop.settings.zone),
                amount_name=amount_name,
                typical=read_json(folder / "typical.json"),
                customers=manifest["customers"],
                importance=pq.read_table(folder / "importance.parquet").to_pylist(),
                leading={lang: pq.read_table(folder / f"leading-{lang}.parquet").to_pylist() for lang in ("en", "zh")},
                timelines=pq.read_table(folder / "timelines.parquet").to_pylist(),
            )
    return None
