"""Each command, as a person and as a script would call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from worthwhile.cli.app import COMMANDS, words_of
from worthwhile.models.catalogue import MODELS
from worthwhile.settings import SETTINGS

# Spans so long that next to no earlier window has closed: a run then makes one snapshot or two, not a dozen.
LONG, YEAR = ("--horizon", "2y"), ("--horizon", "350d")
NAMES = [" ".join(words_of(command)) for command in COMMANDS]


def run_process(*arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from worthwhile.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **environ})


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_has_an_example_and_says_what_each_option_does(worth: Any, name: str) -> None:
    done = worth(*name.split(), "--help")
    assert done.exit_code == 0
    assert f"worth {name}" in done.out.split("Example:")[1]
    assert "--json" in done.out


def test_every_option_of_every_command_has_help() -> None:
    from typer.main import get_command

    from worthwhile.cli.app import app

    group: Any = get_command(app)
    inner = [c for one in group.commands.values() for c in getattr(one, "commands", {"": one}).values()]
    silent = [f"{c.name} {p.name}" for c in inner for p in c.params if not p.help]
    assert silent == []


def test_worth_alone_shows_the_commands(worth: Any) -> None:
    done = worth()
    assert done.exit_code == 0
    assert all(name.split()[0] in done.out for name in NAMES)


def test_version_is_printed_and_nothing_else(worth: Any) -> None:
    done = worth("--version")
    assert (done.exit_code, done.out.split()[0], done.err) == (0, "worth", "")


def test_init_makes_a_shop_with_the_settings_given(worth: Any, tmp_path: Path) -> None:
    done = worth(
        "init", tmp_path / "new", "--currency", "cny", "--timezone", "Asia/Shanghai", "--name", "小店", "--json"
    )
    assert done.exit_code == 0
    assert done.json["settings"]["currency"] == "CNY"
    assert "小店" in (tmp_path / "new" / "shop.toml").read_text(encoding="utf-8")


def test_ingest_counts_events_and_the_same_file_again_adds_none(worth: Any, tmp_path: Path, orders_csv: Path) -> None:
    worth("init", tmp_path / "new")
    first = worth("ingest", tmp_path / "new", orders_csv, "--json")
    again = worth("ingest", tmp_path / "new", orders_csv, "--json")
    lines = len(orders_csv.read_text().splitlines()) - 1
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert str(lines) in first.out
    assert first.json != again.json
    assert worth("ingest", tmp_path / "new", orders_csv).out


def test_mapping_of_columns_is_kept_in_the_shop(worth: Any, tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("Who,When,Paid\n" + "".join(f"a{i},2020-01-{i + 1:02d},{i + 2}.50\n" for i in range(20)))
    worth("init", tmp_path / "new")
    mapping = ("--map", "customer_id=Who", "--map", "ts=When", "--map", "amount=Paid")
    assert worth("ingest", tmp_path / "new", file, *mapping).exit_code == 0
    assert worth("settings", tmp_path / "new", "--json").json["settings"]["ingest.columns"]["customer_id"] == "Who"


def test_check_lists_findings(worth: Any, shop_folder: Path) -> None:
    done = worth("check", shop_folder, "--json")
    assert done.exit_code == 0
    assert isinstance(done.json["findings"], list)
    assert worth("check", shop_folder).exit_code == 0
    chinese = worth("check", shop_folder, "--lang", "zh")
    assert chinese.exit_code == 0 and not {"severity", "What was done", "finding"} & set(chinese.out.split())


def test_check_writes_a_page_and_the_refused_rows(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    page, rows = tmp_path / "quality.html", tmp_path / "rows.csv"
    done = worth("check", shop_folder, "--html", page, "--quarantine", rows, "--lang", "zh", "--json")
    assert done.exit_code == 0
    assert (done.json["html"], done.json["quarantine"]["file"]) == (str(page), str(rows))
    assert "数据质量" in page.read_text(encoding="utf-8")
    assert len(rows.read_text(encoding="utf-8-sig").splitlines()) == done.json["quarantine"]["rows"] + 1
    assert str(page) in worth("check", shop_folder, "--html", page).out
    for wrong in (("--lang", "fr"), ("--html", tmp_path), ("--quarantine", tmp_path / "no" / "rows.csv")):
        assert worth("check", shop_folder, *wrong).exit_code == 2


def test_backtest_shows_a_table_and_a_verdict(worth: Any, shop_folder: Path) -> None:
    arguments = ("backtest", shop_folder, *YEAR, "--cutoffs", "1", "--model", "past-rate", "--model", "bg-nbd")
    done = worth(*arguments)
    assert done.exit_code == 0
    assert "past-rate" in done.out and "bg-nbd" in done.out and "crps" in done.out
    document = worth(*arguments, "--json").json
    assert {row["model"] for row in document["scores"]} == {"past-rate", "bg-nbd"}
    assert len(document["cutoffs"]) == 1
    assert document["verdict"]["sentences"]


def test_backtest_says_what_it_skipped_and_why(worth: Any, shop_folder: Path) -> None:
    arguments = ("backtest", shop_folder, *YEAR, "--cutoffs", "2010-12-01", "--model", "past-rate", "--model", "linear")
    done = worth(*arguments)
    assert done.exit_code == 0 and "linear was skipped at 1 of 1 cutoffs: " in done.out
    [skipped] = worth(*arguments, "--json").json["skipped"].values()
    assert set(skipped) == {"linear"}


def test_backtest_takes_days_as_cutoffs(worth: Any, shop_folder: Path) -> None:
    days = ("--cutoffs", "2010-12-01", "--cutoffs", "2010-06-01")
    done = worth("backtest", shop_folder, *YEAR, *days, "--model", "past-rate", "--json")
    assert [moment[:10] for moment in done.json["cutoffs"]] == ["2010-05-31", "2010-12-01"]  # London summer, in UTC


def test_forecast_says_totals_and_first_customers(worth: Any, shop_folder: Path) -> None:
    arguments = ("forecast", shop_folder, *LONG, "--cutoff", "2011-09-01", "--top", "3")
    done = worth(*arguments)
    assert done.exit_code == 0
    assert "GBP" in done.out and "90 % interval" in done.out
    document = worth(*arguments, "--json").json
    assert [total["horizon"] for total in document["totals"]] == ["2y"]
    spends = [row["spend_mean"] for row in document["top"]]
    assert len(spends) == 3 and spends == sorted(spends, reverse=True)


def test_forecast_over_two_horizons_never_falls(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.parquet"
    done = worth("forecast", shop_folder, *LONG, "--horizon", "18mo", "--model", "bg-nbd", "--out", out, "--json")
    assert [total["horizon"] for total in done.json["totals"]] == ["18mo", "2y"]
    table = pq.read_table(out).to_pylist()
    short = {row["customer_id"]: row["spend_mean"] for row in table if row["horizon"] == "18mo"}
    assert all(row["spend_mean"] >= short[row["customer_id"]] - 1e-4 for row in table if row["horizon"] == "2y")


def test_forecast_as_csv_holds_no_formula(worth: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    rows = [f'"=1+{i}",2020-{1 + i % 12:02d}-03,{10 + i}.5' for i in range(60)]
    file.write_text("customer_id,order_date,amount\n" + "\n".join(rows) + "\n")
    worth("init", tmp_path / "new")
    worth("ingest", tmp_path / "new", file)
    done = worth("forecast", tmp_path / "new", *LONG, "--model", "past-rate", "--out", tmp_path / "table.csv")
    assert done.exit_code == 0
    ids = pacsv.read_csv(tmp_path / "table.csv")["customer_id"].to_pylist()
    assert ids and all(text.startswith("'=1+") for text in ids)


@pytest.mark.parametrize(
    ("target", "column", "sign"), [("orders", "orders_mean", -1), ("active", "p_active", -1), ("churn", "p_active", 1)]
)
def test_target_decides_who_comes_first(worth: Any, shop_folder: Path, target: str, column: str, sign: int) -> None:
    done = worth("forecast", shop_folder, *LONG, "--target", target, "--model", "bg-nbd", "--json")
    values = [sign * row[column] for row in done.json["top"]]
    assert values == sorted(values)


def test_runs_are_listed_newest_first_and_shown_in_full(worth: Any, shop_folder: Path) -> None:
    first = worth("forecast", shop_folder, *LONG, "--model", "past-rate", "--json").json["run_id"]
    second = worth("forecast", shop_folder, *LONG, "--model", "last-period", "--json").json["run_id"]
    listed = worth("runs", shop_folder, "--json").json["runs"]
    assert [run["run_id"] for run in listed] == [second, first]
    assert first in worth("runs", shop_folder).out
    assert worth("runs", shop_folder, first, "--json").json["run_id"] == first
    assert worth("runs", shop_folder, first).exit_code == 0


def test_runs_are_listed_by_the_days_of_the_shop(worth: Any, shop_folder: Path) -> None:
    worth("forecast", shop_folder, *LONG, "--cutoff", "2011-07-01", "--model", "past-rate")  # 30 June, 23:00 UTC
    assert "2011-07-01" in worth("runs", shop_folder).out


def test_shop_that_never_sold_anything_gets_a_backtest_and_a_report(worth: Any, tmp_path: Path) -> None:
    file = tmp_path / "free.csv"
    rows = [f"c{i % 8},{2019 + i // 60}-{1 + i // 5 % 12:02d}-{1 + i % 28:02d},0.00" for i in range(120)]
    file.write_text("customer_id,order_date,amount\n" + "\n".join(rows) + "\n")
    worth("init", tmp_path / "new")
    assert worth("ingest", tmp_path / "new", file).exit_code == 0
    models = ("--model", "past-rate", "--model", "last-period")
    tested = worth("backtest", tmp_path / "new", "--horizon", "200d", "--cutoffs", "2020-01-01", *models)
    assert tested.exit_code == 0 and "Nothing was spent" in tested.out and "leads" not in tested.out
    assert worth("forecast", tmp_path / "new", "--horizon", "200d", "--model", "past-rate").exit_code == 0
    assert worth("report", tmp_path / "new").exit_code == 0


@pytest.mark.parametrize("command", ["check", "report"])
def test_reading_a_shop_shows_a_bar(worth: Any, shop_folder: Path, monkeypatch: Any, command: str) -> None:
    worth("forecast", shop_folder, *LONG, "--model", "past-rate")
    monkeypatch.setenv("WORTH_PROGRESS", "1")
    monkeypatch.setattr("worthwhile.cli.progress.WAIT_SECONDS", 0.0)
    done = worth(command, shop_folder)
    assert done.exit_code == 0 and {"check": "checking", "report": "reading the shop"}[command] in done.err


def test_report_is_written_in_both_languages(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    worth("backtest", shop_folder, *YEAR, "--cutoffs", "1", "--model", "past-rate")
    worth("forecast", shop_folder, *LONG, "--model", "past-rate")
    for lang in ("en", "zh"):
        out = tmp_path / f"{lang}.html"
        assert worth("report", shop_folder, "--lang", lang, "--out", out).exit_code == 0
        assert "</html>" in out.read_text(encoding="utf-8")
    path = Path(worth("report", shop_folder, "--json").json["report"])
    assert path.is_file() and shop_folder in path.parents


def test_models_lists_the_catalogue(worth: Any) -> None:
    assert [model["name"] for model in worth("models", "--json").json["models"]] == list(MODELS)
    assert worth("models").exit_code == 0


def test_setting_that_maps_what_is_no_event_column_is_refused(worth: Any, shop_folder: Path) -> None:
    done = worth("settings", shop_folder, "ingest.columns.foo=Buyer", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (3, "bad-columns")
    assert "foo" not in (shop_folder / "shop.toml").read_text()


def test_settings_are_shown_and_changed_one_by_one(worth: Any, shop_folder: Path) -> None:
    assert list(worth("settings", shop_folder, "--json").json["settings"]) == list(SETTINGS)
    done = worth(
        "settings", shop_folder, "value.margin=0.4", "value.margins.toys=0.3", "value.margins.tea=0.2", "--json"
    )
    assert done.json["settings"]["value.margin"] == 0.4
    assert done.json["settings"]["value.margins"] == {"toys": 0.3, "tea": 0.2}
    done = worth("settings", shop_folder, "value.margins.tea=0.25")
    assert "tea=0.25" in done.out and "toys=0.3" in done.out and "timezone" not in done.out
    done = worth("settings", shop_folder, "value.margins.toys=", "--json")
    assert done.json["settings"]["value.margins"] == {"tea": 0.25}


def test_a_forecast_is_by_one_model(worth: Any, shop_folder: Path) -> None:
    done = worth("forecast", shop_folder, "--model", "linear", "--model", "svm")
    assert done.exit_code != 0 and "2 are named" in done.err


def test_seed_of_the_environment_reaches_the_run(
    worth: Any, shop_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORTH_SEED", "42")
    assert worth("forecast", shop_folder, *LONG, "--model", "past-rate", "--json").json["seed"] == 42


def test_process_prints_only_json_on_stdout_and_no_bar_when_piped(shop_folder: Path) -> None:
    done = run_process("forecast", str(shop_folder), *LONG, "--model", "past-rate", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["run_id"]
    assert done.stderr == ""


def test_reader_of_a_pipe_that_goes_away_is_no_error(shop_folder: Path) -> None:
    script = f"{sys.executable} -c 'from worthwhile.cli import main; main()' models --json | head -c 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
