"""`worth forget`, as a person and as a script would call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_customer_is_forgotten_after_a_rehearsal(worth: Any, shop_folder: Path) -> None:
    customer = worth("forecast", shop_folder, "--horizon", "2y", "--model", "past-rate", "--json").json["top"][0]
    name = customer["customer_id"]
    rehearsed = worth("forget", shop_folder, name, "--dry-run")
    assert rehearsed.exit_code == 0 and "Would be erased" in rehearsed.out
    done = worth("forget", shop_folder, name, "--json")
    assert done.exit_code == 0
    assert done.json["tables"]["events"]["rows"] > 0 and len(done.json["runs"]) == 1
    assert json.loads(Path(done.json["certificate"]).read_text())["name"] == done.json["name"]
    again = worth("forget", shop_folder, name, "--json")
    assert (again.exit_code, again.json["error"]["code"]) == (4, "no-such-customer")


def test_what_is_too_old_is_named_by_option_or_setting(worth: Any, shop_folder: Path) -> None:
    assert worth("forget", shop_folder).exit_code == 2
    done = worth("forget", shop_folder, "--before", "2010-06-01", "--dry-run", "--json")
    assert done.exit_code == 0 and done.json["before"]["events"].startswith("2010-05-31")
    assert worth("settings", shop_folder, "privacy.keep=10y").exit_code == 0
    assert worth("forget", shop_folder, "--json").json["error"]["what"] == "no event would be left"


def test_nothing_that_old_is_said_and_has_no_certificate(worth: Any, shop_folder: Path) -> None:
    done = worth("forget", shop_folder, "--before", "0001-01-02")
    assert done.exit_code == 0 and "Nothing is that old" in done.out
    assert worth("forget", shop_folder, "--before", "0001-01-02", "--json").json["certificate"] is None


def test_customer_and_age_are_two_requests(worth: Any, shop_folder: Path) -> None:
    done = worth("forget", shop_folder, "a", "--before", "2y", "--json")
    assert (done.exit_code, done.json["error"]["code"]) == (2, "bad-argument")


def test_pseudonyms_are_asked_for_on_the_command_line(worth: Any, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("buyer,date,amount\njo,2020-01-01,2\n")
    worth("init", tmp_path / "new")
    done = worth("ingest", tmp_path / "new", tmp_path / "a.csv", "--pseudonymise")
    assert done.exit_code == 0 and "replaced by pseudonyms" in done.out
    settings = worth("settings", tmp_path / "new", "--json").json["settings"]
    assert settings["privacy.pseudonymise"] == "always"
