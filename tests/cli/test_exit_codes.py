"""Errors on the command line: one line or one JSON document, and the exit code of the table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import worthwhile.cli.check
from worthwhile.cli.demo import DEMO_NAME
from worthwhile.errors import ERROR_KINDS

# What provokes each kind -> the arguments; SHOP, EMPTY and FILES stand for folders that the test makes.
PROVOKED = {
    "bad-argument": ("forecast", "SHOP", "--horizon", "3 fortnights"),
    "bad-setting": ("settings", "SHOP", "currency=pounds"),
    "bad-file": ("ingest", "SHOP", "FILES/empty.csv"),
    "bad-columns": ("ingest", "SHOP", "FILES/poem.csv"),
    "ambiguous-dates": ("ingest", "SHOP", "FILES/ambiguous.csv"),
    "ambiguous-numbers": ("ingest", "SHOP", "FILES/thousands.csv"),
    "no-shop": ("check", "FILES"),
    "shop-exists": ("init", "SHOP"),
    "no-such-run": ("runs", "SHOP", "forecast-nothing"),
    "no-such-model": ("forecast", "SHOP", "--model", "oracle"),
    "empty-shop": ("forecast", "EMPTY"),
    "no-history": ("forecast", "SHOP", "--cutoff", "1999-01-01"),
    "not-matured": ("backtest", "SHOP", "--cutoffs", "2011-12-01"),
}


def make_files(folder: Path) -> Path:
    folder.mkdir()
    (folder / "empty.csv").write_text("")
    (folder / "poem.csv").write_text("line,words\n1,tyger tyger burning bright\n2,in the forests of the night\n")
    rows = "".join(f"c{i},{1 + i % 9:02d}/{1 + i % 7:02d}/2020,5.00\n" for i in range(50))
    (folder / "ambiguous.csv").write_text("customer_id,order_date,amount\n" + rows)
    (folder / "thousands.csv").write_text("customer_id,order_date,amount\nc1,2020-01-05,1.299 £\n")
    return folder


@pytest.mark.parametrize("code", PROVOKED)
def test_each_kind_of_error_has_its_code_exit_code_and_words(
    worth: Any, shop_folder: Path, tmp_path: Path, code: str
) -> None:
    worth("init", tmp_path / "empty")
    places = {"SHOP": shop_folder, "EMPTY": tmp_path / "empty", "FILES": make_files(tmp_path / "files")}

    def fill(argument: str) -> str:
        head, slash, tail = argument.partition("/")
        return f"{places[head]}{slash}{tail}" if head in places else argument

    arguments = [fill(argument) for argument in PROVOKED[code]]
    done = worth(*arguments, "--json")
    assert done.json["error"]["code"] == code, done.json
    assert done.exit_code == done.json["error"]["exit_code"] == ERROR_KINDS[code].exit_code
    assert done.json["error"]["what"] and done.err == ""
    shown = worth(*arguments)
    assert shown.exit_code == done.exit_code
    assert shown.out == "" and shown.err.startswith("error: ") and "Traceback" not in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("forecast", "SHOP", "--cutoff", "9999-12-31"),
        ("forecast", "SHOP", "--cutoff", "2030-01-01"),
        ("forecast", "SHOP", "--seed", "-5"),
        ("backtest", "SHOP", "--seed", "-5"),
        ("init", "FILE/sub"),
        ("init", "FILE/sub/sub"),
        ("report", "SHOP", "--out", "FOLDER"),
        ("report", "SHOP", "--out", "FOLDER/r.pdf"),
        ("check", "SHOP", "--html", "FOLDER/r.pdf"),
        ("check", "SHOP", "--quarantine", "FOLDER/r.xlsx"),
    ],
    ids=" ".join,
)
def test_arguments_that_cannot_be_used_exit_with_2(
    worth: Any, shop_folder: Path, tmp_path: Path, orders_csv: Path, arguments: tuple[str, ...]
) -> None:
    places = {"SHOP": str(shop_folder), "FILE": str(orders_csv), "FOLDER": str(tmp_path)}
    filled = [places.get(a.split("/")[0], a.split("/")[0]) + a[len(a.split("/")[0]) :] for a in arguments]
    done = worth(*filled, "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "bad-argument"), done.json


def test_damaged_run_is_told_apart(worth: Any, shop_folder: Path) -> None:
    made = worth("forecast", shop_folder, "--horizon", "2y", "--model", "past-rate", "--json").json
    (Path(made["folder"]) / "forecasts.parquet").write_bytes(b"changed")
    done = worth("runs", shop_folder, made["run_id"], "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (8, "damaged")


@pytest.mark.skipif(os.name == "nt", reason="the lock on a shop is there on POSIX systems only")
def test_second_writer_is_told_that_the_shop_is_busy(worth: Any, shop_folder: Path, orders_csv: Path) -> None:
    import fcntl

    handle = os.open(shop_folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        orders_csv = orders_csv.with_name("more.csv")
        orders_csv.write_text("customer_id,order_date,amount\nnew,2011-01-20,3.50\nnew,2011-02-25,4.50\n")
        done = worth("ingest", shop_folder, orders_csv, "--wait", "0", "--json")
    finally:
        os.close(handle)
    assert (done.exit_code, done.json["error"]["code"]) == (5, "shop-busy")


def test_demo_without_its_extra_names_the_extra(worth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worthwhile.cli.demo.find_spec", lambda name: None)
    done = worth("demo", tmp_path / "demo", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (7, "missing-extra")
    assert "demo" in done.json["error"]["remedy"]
    assert not (tmp_path / "demo").exists()


def test_demo_never_touches_a_shop_of_the_users_own(worth: Any, shop_folder: Path) -> None:
    done = worth("demo", shop_folder, "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (5, "shop-exists")
    assert DEMO_NAME not in (shop_folder / "shop.toml").read_text()


@pytest.mark.parametrize("arguments", [("fly",), ("init",), ("check", "x", "--loud"), ("runs", "x", "y", "z")])
def test_arguments_that_cannot_be_parsed_exit_with_2_and_point_to_help(worth: Any, arguments: tuple[str, ...]) -> None:
    done = worth(*arguments, "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "bad-argument")
    assert "--help" in done.json["error"]["remedy"]


@pytest.mark.parametrize(
    "arguments", [("--map", "customer_id"), ("--map", "=Buyer")], ids=["no equals sign", "no event column"]
)
def test_mapping_that_maps_nothing_is_refused(
    worth: Any, shop_folder: Path, orders_csv: Path, arguments: tuple[str, ...]
) -> None:
    done = worth("ingest", shop_folder, orders_csv, *arguments, "--json")
    assert (done.exit_code, done.json["error"]["where"]) == (2, "--map")


def test_fault_of_our_own_is_one_line_and_a_traceback_on_demand(
    worth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("seven by nothing")

    monkeypatch.setattr("worthwhile.shop.open_shop", broken)
    assert worthwhile.cli.check.check.__name__ == "check"
    done = worth("check", tmp_path)
    assert done.exit_code == 1
    assert "seven by nothing" in done.err and "--debug" in done.err and "Traceback" not in done.err
    assert "Traceback" in worth("check", tmp_path, "--debug").err
    monkeypatch.setenv("WORTH_DEBUG", "1")
    assert "Traceback" in worth("check", tmp_path).err
    assert worth("check", tmp_path, "--json").json["error"]["code"] == "unexpected"


def test_keyboard_stops_without_a_traceback(worth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("worthwhile.shop.open_shop", stopped)
    done = worth("check", tmp_path)
    assert done.exit_code == 130 and done.err == "error: stopped by the keyboard\n"


def test_warning_goes_to_stderr_as_one_line(worth: Any, shop_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    from worthwhile.shop import open_shop

    def warn_and_open(*arguments: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("mind the gap", UserWarning, stacklevel=2)
        return open_shop(*arguments)

    monkeypatch.setattr("worthwhile.shop.open_shop", warn_and_open)
    done = worth("settings", shop_folder, "--json")
    assert done.json["settings"] and done.err == "warning: mind the gap\n"


def test_usage_error_is_one_sentence(worth: Any) -> None:
    assert "Missing argument 'FILE...'; see `worth ingest --help`" in worth("ingest", "shop").err
