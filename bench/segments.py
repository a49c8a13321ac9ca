"""Whether stages differ in what then happens, and how long segments take.

    python bench/segments.py [--data ../shared/data] [--lines 1000000]

Each real shop is ingested into a folder that goes afterwards, and at each cutoff the stages of the forecast one horizon
earlier are held against what their customers then did: the evidence that `worth segments` shows. The thresholds are the
defaults; none was set on these shops. Time is that of a shop of generated order lines (bench/shops.py).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import worthwhile as ww
from shops import write_csv
from tables import markdown
from worthwhile.decide.segments import Segments
from worthwhile.shop import Shop

HORIZON = "90d"
# Shop -> file, currency, time zone, and the dates that the evidence ends on: one horizon after the stages' date.
SHOPS = {
    "Online Retail II": (
        "online_retail_ii.parquet", "GBP", "Europe/London",
        ("2011-03-01", "2011-06-01", "2011-09-01", "2011-12-01"),
    ),
    "CDNOW": ("CDNOW_sample.txt", "USD", "America/New_York", ("1997-12-29", "1998-03-31", "1998-06-29")),
}  # fmt: skip


def _share(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f} %"


def _money(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def stage_rows(made: Segments) -> list[tuple[str, ...]]:
    """What customers at each stage of the earlier date then did."""
    return [
        (
            made.facts["past"]["start"],
            one["stage"],
            f"{one['customers']:,}",
            _share(one["forecast"]),
            _share(one["share"]),
            f"{_share(one['low'])} to {_share(one['high'])}",
            _share(one["usual"]),
            _money(one["spend"]),
            _money(one["spend_usual"]),
        )
        for one in made.facts["stages"]
    ]


def _measure(shop: Shop, cutoffs: tuple[str, ...]) -> tuple[list[tuple[str, ...]], list[str]]:
    rows, groups = [], []
    for cutoff in cutoffs:
        run = ww.forecast(shop, HORIZON, cutoff=cutoff)
        made = ww.make_segments(shop, run_id=run.run_id)
        rows += stage_rows(made)
        found = made.facts["clusters"]
        stability = ", ".join(f"{one['count']}: {one['stability']:.2f}" for one in found["tried"])
        groups.append(f"{cutoff}: {len(found['clusters'])} groups (least similarity by number {stability})")
    return rows, groups


def _time(folder: Path, lines: int) -> str:
    """Seconds of segments beside the forecasts that they are made of."""
    write_csv(folder / "orders.csv", lines)
    shop = ww.create_shop(folder / "generated", currency="GBP", timezone="UTC")
    ww.ingest(shop, folder / "orders.csv")
    started = time.monotonic()
    run = ww.forecast(shop, HORIZON, model="trees-histogram")
    forecast = time.monotonic() - started
    started = time.monotonic()
    alone = ww.make_segments(shop, run_id=run.run_id, past=False)
    without_past = time.monotonic() - started
    started = time.monotonic()
    ww.make_segments(shop, run_id=run.run_id)
    first = time.monotonic() - started
    started = time.monotonic()
    ww.make_segments(shop, run_id=run.run_id)
    again = time.monotonic() - started
    return (
        f"{alone.facts['customers']:,} customers: forecast {forecast:.1f} s; segments {without_past:.1f} s without an"
        f" earlier date, {again:.1f} s with an earlier forecast that is there, {first:.1f} s where it is made"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("WORTH_DATA", "../shared/data")))
    parser.add_argument("--lines", type=int, default=1_000_000)
    given = parser.parse_args()
    head = (
        "date",
        "stage",
        "customers",
        "P(buy)",
        "bought",
        "95 %",
        "at own pace",
        "spend",
        "a like part of last year",
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (file, currency, zone, cutoffs) in SHOPS.items():
            shop = ww.create_shop(Path(folder) / file, currency=currency, timezone=zone)
            ww.ingest(shop, given.data / file)
            rows, groups = _measure(shop, cutoffs)
            print(f"{name}, {HORIZON}\n\n{markdown(head, rows)}\n")
            print("\n".join(groups), flush=True)
        if given.lines:
            print(_time(Path(folder), given.lines))


if __name__ == "__main__":
    main()
