"""What the report shows of reasons: those recorded of the reported forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from worthwhile.languages import LANGUAGES
from worthwhile.models.files import read_json
from worthwhile.report.chosen import Made, refuse_old
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


def reasons_of(
    shop: Shop, forecast_run: str, horizon: str, amount_name: str, *, run_id: str | None = None
) -> ReasonsFacts | None:
    """The reasons `run_id`, by default the latest, of those told of a forecast run and horizon; None without any.

    Those that an earlier version recorded without what is shown are passed over.
    Raises InputError: `damaged`; `bad-argument` where those named are such.
    """
    for manifest in list_runs(shop, "reasons"):
        asked = manifest["asked"]
        fits = (asked["forecast"], asked["horizon"]) == (forecast_run, horizon)
        if not fits or run_id not in (None, manifest["run_id"]):
            continue
        folder = shop.runs / manifest["run_id"]
        check_digests(folder)
        if _is_whole(folder, amount_name):
            return ReasonsFacts(
                made=Made.of(manifest, shop.settings.zone),
                amount_name=amount_name,
                typical=read_json(folder / "typical.json"),
                customers=manifest["customers"],
                importance=pq.read_table(folder / "importance.parquet").to_pylist(),
                leading={lang: pq.read_table(folder / f"leading-{lang}.parquet").to_pylist() for lang in LANGUAGES},
                timelines=pq.read_table(folder / "timelines.parquet").to_pylist(),
            )
        if run_id is not None:
            raise refuse_old("reasons", run_id)
    return None


def _is_whole(folder: Path, amount_name: str) -> bool:
    """Whether a recorded explanation has the tables and columns that are shown."""
    effect = f"{amount_name}_effect"
    moved = {f"{effect}_mean", "p_active_effect_mean", "orders_effect_mean"}
    needed = {"importance": {"reason", "share", *moved, *(f"{effect}_q{q}" for q in ("05", "50", "95"))}}
    needed |= {f"leading-{lang}": {"customer_id", "reason", effect, "p_active_effect", "text"} for lang in LANGUAGES}
    needed["timelines"] = {"customer_id", "day", "kind", "count", "amount", "amount_effect", "p_active_effect"}
    paths = {folder / f"{name}.parquet": columns for name, columns in needed.items()}
    return all(path.is_file() and columns <= set(pq.read_schema(path).names) for path, columns in paths.items())
