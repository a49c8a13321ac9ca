"""The demo: everything once, on a real shop; here on its first customers only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from worthwhile.cli.demo import find_cdnow

CUSTOMERS = 28  # so few that the gate leaves the simple models, which are quick


@pytest.fixture
def few_customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header, *lines = find_cdnow().read_text().splitlines()
    few = [header, *(line for line in lines if int(line.split()[0]) <= CUSTOMERS)]
    file = tmp_path / "CDNOW_master.txt"
    file.write_text("\n".join(few) + "\n")
    monkeypatch.setattr("worthwhile.cli.demo.find_cdnow", lambda: file)


def test_data_of_the_demo_come_with_lifetimes() -> None:
    assert len(find_cdnow().read_text().splitlines()) == 1 + 69_659


@pytest.mark.usefixtures("few_customers")
def test_demo_loads_checks_backtests_forecasts_and_reports_and_can_be_run_again(worth: Any, tmp_path: Path) -> None:
    done = worth("demo", tmp_path / "demo", "--horizon", "250d", "--json")
    assert done.exit_code == 0, done.out
    document = done.json
    assert document["ingest"]["refused"] == 0
    assert document["backtest"]["verdict"]["sentences"]
    assert document["forecast"]["totals"][0]["customers"] == CUSTOMERS
    assert all("</html>" in Path(path).read_text(encoding="utf-8") for path in document["reports"].values())
    again = worth("demo", tmp_path / "demo", "--horizon", "250d", "--json").json
    assert again["ingest"]["events"] == 0
    assert again["forecast"]["run_id"] == document["forecast"]["run_id"]
    assert again["forecast"]["totals"] == document["forecast"]["totals"]
