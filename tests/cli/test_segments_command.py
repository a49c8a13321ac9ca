"""`worth segments`, as a person and as a script would call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv

from worthwhile.decide.segments.tables import SEGMENTS


def test_segments_of_a_shop_are_shown_recorded_and_reported(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    assert worth("forecast", shop_folder, "--horizon", "200d", "--model", "past-rate").exit_code == 0
    out = tmp_path / "segments.csv"
    done = worth("segments", shop_folder, "--out", out)
    assert done.exit_code == 0
    for words in (
        "Stages as of",
        "usual action",
        "win back",
        "Tiers",
        "RFM regions",
        "Movement since",
        "worth campaign",
    ):
        assert words in done.out
    assert pacsv.read_csv(out).column_names == SEGMENTS.names
    told = worth("segments", shop_folder, "--json").json
    assert told["run_id"] in done.out and told["out"] is None
    assert sum(row["customers"] for row in told["summary"] if row["dimension"] == "stage") == told["people"]
    assert sum(way["customers"] for way in told["flow"]) == told["people"]
    chinese = worth("segments", shop_folder, "--lang", "zh").out
    assert "流失风险客户" in chinese and "win back" not in chinese
    listed = worth("runs", shop_folder).out
    assert "segments" in listed and worth("runs", shop_folder, told["run_id"]).exit_code == 0
    for lang, words in (("en", "Whom to address"), ("zh", "该联系谁")):
        page = tmp_path / f"report-{lang}.html"
        assert worth("report", shop_folder, "--lang", lang, "--out", page).exit_code == 0
        assert words in page.read_text(encoding="utf-8")


def test_segments_without_a_forecast_and_in_an_unknown_language_are_refused(worth: Any, shop_folder: Path) -> None:
    done = worth("segments", shop_folder, "--lang", "fr", "--json")
    assert (done.exit_code, done.json["error"]["where"]) == (2, "--lang")
    done = worth("segments", shop_folder, "--run", "forecast-none", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (4, "no-such-run")
