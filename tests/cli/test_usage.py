"""Wrong words on the command line are told as other errors are: what, where, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from worthwhile.cli.answer import at_shop
from worthwhile.cli.app import COMMANDS
from worthwhile.cli.options import Language
from worthwhile.errors import InputError
from worthwhile.ingestion.numbers import meant
from worthwhile.languages import language_of


@pytest.mark.parametrize(
    ("arguments", "where", "what", "remedy"),
    [
        ("plan --budget 5k", "--budget", "`5k` is no number", "write 5000"),
        ("plan --budget 1,50", "--budget", "`1,50` is no number", "write 1.5"),
        ("plan --budget much", "--budget", "`much` is no number", "write it as 12.50"),
        ("explain --if-order abc", "--if-order", "`abc` is no number", "write it as 12.50"),
        ("explain --if-quiet 30.5", "--if-quiet", "`30.5` is no whole number", "write 30"),
        ("explain --if-quiet x", "--if-quiet", "`x` is no whole number", "write it as 12"),
        ("plan --capacity a=5k", "--capacity", "`a=5k` is no name and number", "write a=5000"),
        ("campaign design --campaign a --arm b=0,1", "--arm", "`b=0,1` is no arm", "write b, or b=0.1 with its cost"),
        ("report --lang fr", "--lang", "there are no texts in `fr`", "use en or zh"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_read_is_told_with_its_option_and_what_to_write(
    worth: Any, shop_folder: Any, arguments: str, where: str, what: str, remedy: str
) -> None:
    done = worth(*arguments.split(), shop_folder, "--json")
    told = done.json["error"]
    assert (done.exit_code, told["code"]) == (2, "bad-argument")
    assert (told["where"], told["what"], told["remedy"]) == (where, what, remedy)
    assert worth(*arguments.split(), shop_folder).err.split() == f"error: {where}: {what}; {remedy}".split()


def test_an_option_that_there_is_not_still_names_those_alike(worth: Any) -> None:
    assert "--budget" in worth("plan", "--bugdet", "3").err


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("£5", 5), ("1,50", 1.5), ("1.299,00", 1299), ("1,299", 1299), ("3万", 30_000), ("５万元", 50_000)),
        *(("2,5%", 0.025), ("1e3", None)),
        *((".5", 0.5), ("5 k", 5000), ("-4", -4), ("12.5.1", None), ("1,2,3", None), ("k", None), ("", None)),
    ],
)  # fmt: skip
def test_what_number_a_person_means(text: str, number: float | None) -> None:
    assert meant(text) == (None if number is None else pytest.approx(number))


@pytest.mark.parametrize(
    ("said", "lang"),
    [("zh", "zh"), ("zh-CN", "zh"), ("zh_CN.UTF-8", "zh"), ("ZH", "zh"), ("cn", "zh"), ("中文", "zh"), ("en-GB", "en")],
)
def test_a_language_is_known_by_what_people_and_systems_call_it(said: str, lang: str) -> None:
    assert language_of(said) == lang


def test_no_other_language_is_taken_for_one() -> None:
    for said in ("fr", "", "zhuang", "e", "de_DE"):
        with pytest.raises(InputError, match="use en or zh"):
            language_of(said)


def test_every_command_with_a_language_takes_it_alike(worth: Any, shop_folder: Any) -> None:
    speak = [command for command in COMMANDS if "lang" in command.__annotations__]
    assert len(speak) >= 6
    for command in speak:
        assert command.__annotations__["lang"] in ("Language", Language)
    assert worth("report", shop_folder, "--lang", "zh_CN", "--json").exit_code in (4, 6)
    assert worth("check", shop_folder, "--lang", "cn").out != worth("check", shop_folder).out


def test_what_to_run_next_names_the_shop_as_it_was_given(worth: Any, shop_folder: Path, tmp_path: Path) -> None:
    missing = worth("export", shop_folder, "--what", "campaign:may", "--out", tmp_path / "e.csv", "--json").json[
        "error"
    ]
    assert missing["remedy"] == f"design one: worth campaign design {shop_folder} --campaign NAME"
    told = worth("segments", shop_folder)
    assert f"worth forecast {shop_folder} --horizon 90d" in told.err and "SHOP" not in told.err
    worth("forecast", shop_folder, "--model", "past-rate", "--cutoff", "2011-06-01")
    done = worth("campaign", "design", shop_folder, "--campaign", "may", "--arm", "email")
    assert f"worth campaign measure {shop_folder} --campaign may" in done.out and "SHOP" not in done.out
    for lang in ("en", "zh"):
        assert "SHOP" not in worth("check", shop_folder, "--lang", lang).out


def test_a_shop_whose_name_has_a_blank_is_named_so_that_a_shell_takes_it() -> None:
    assert (
        at_shop("run `worth check SHOP --html a.html`", Path("my shop")) == "run `worth check 'my shop' --html a.html`"
    )
    assert (
        at_shop("the folder SHOP, and worth settings SHOP x=1", Path("s"))
        == "the folder SHOP, and worth settings s x=1"
    )
    assert at_shop("worth ingest SHOP FILE", None) == "worth ingest SHOP FILE"
