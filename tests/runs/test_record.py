import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from worthwhile.errors import InputError
from worthwhile.runs.record import check_digests, list_runs, package_versions, record, run_folder, run_id_of
from worthwhile.shop import create_shop

ASKED = {"cutoff": "2011-09-01", "seed": 0}


@pytest.fixture
def empty(tmp_path):
    return create_shop(tmp_path / "shop")


def fill(folder, run_id):
    (folder / "answer.txt").write_text(run_id)


def test_one_question_has_one_id_whatever_the_order_it_is_put_in():
    packages = package_versions()
    turned = dict(reversed(ASKED.items()))
    assert run_id_of("forecast", ASKED, packages) == run_id_of("forecast", turned, packages)


@pytest.mark.parametrize(
    ("kind", "asked", "packages"),
    [
        ("backtest", {}, {}),
        ("forecast", {"seed": 1}, {}),
        ("forecast", {"settings": {"value.margin": 0.3}}, {}),
        ("forecast", {}, {"lightgbm": "99"}),
        ("forecast", {}, {"worthwhile": "99"}),
    ],
)
def test_whatever_may_change_a_number_changes_the_id(kind, asked, packages):
    before = run_id_of("forecast", ASKED, package_versions())
    assert run_id_of(kind, ASKED | asked, package_versions() | packages) != before


def test_the_manifest_holds_what_was_asked_and_what_it_was_made_with(empty):
    folder = record(empty, "forecast", ASKED, {"gate": "open"}, fill)
    manifest = check_digests(folder)
    assert manifest["asked"] == ASKED and manifest["gate"] == "open"
    assert manifest["packages"]["worthwhile"] == package_versions()["worthwhile"]
    assert (folder / "answer.txt").read_text() == manifest["run_id"] == folder.name
    assert datetime.fromisoformat(manifest["made_at"]).tzinfo is not None


def test_a_run_that_fails_half_way_leaves_no_run_and_spoils_no_other(empty):
    def break_off(folder, run_id):
        (folder / "half.txt").write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        record(empty, "forecast", ASKED, {}, break_off)
    assert list_runs(empty) == []
    made = record(empty, "forecast", ASKED, {}, fill)
    assert sorted(p.name for p in made.iterdir()) == ["answer.txt", "manifest.json"]


def test_runs_are_listed_newest_first_and_the_same_run_again_is_the_newest(empty):
    first, second = (record(empty, "forecast", {"seed": seed}, {}, fill).name for seed in (1, 2))
    other = record(empty, "backtest", {"seed": 1}, {}, fill).name
    assert [m["run_id"] for m in list_runs(empty)] == [other, second, first]
    assert [m["run_id"] for m in list_runs(empty, "forecast")] == [second, first]
    record(empty, "forecast", {"seed": 1}, {}, fill)
    assert [m["run_id"] for m in list_runs(empty)] == [first, other, second]


def test_runs_that_end_together_get_numbers_of_their_own(empty):
    def slow(folder, run_id):
        fill(folder, run_id)
        time.sleep(0.02)

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda seed: record(empty, "forecast", {"seed": seed}, {}, slow), range(6)))
    assert sorted(m["number"] for m in list_runs(empty)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_a_file_that_is_not_as_it_was_written_is_found(empty, change):
    folder = record(empty, "forecast", ASKED, {}, fill)
    if change == "changed":
        (folder / "answer.txt").write_text("another")
    else:
        (folder / "answer.txt").unlink()
    with pytest.raises(InputError) as caught:
        check_digests(folder)
    assert caught.value.code == "damaged" and "answer.txt" in caught.value.where


def test_a_run_that_is_not_there_is_named(empty):
    with pytest.raises(InputError) as caught:
        run_folder(empty, "forecast-0123")
    assert caught.value.code == "no-such-run" and "forecast-0123" in caught.value.what


def test_the_manifest_is_plain_json(empty):
    folder = record(empty, "forecast", {"where": {"category": ("tea",)}}, {"weights": {"bg-nbd": 0.5}}, fill)
    assert json.loads((folder / "manifest.json").read_text())["asked"] == {"where": {"category": ["tea"]}}
