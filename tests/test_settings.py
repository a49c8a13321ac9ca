"""The table of settings: defaults, checks, TOML and environment."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worthwhile.errors import InputError
from worthwhile.settings import SETTINGS, parse_setting, read_settings


def test_defaults_pass_their_own_checks() -> None:
    for key, setting in SETTINGS.items():
        assert parse_setting(key, setting.default, where="default") == setting.default


def test_nested_tables_of_toml_become_dotted_keys() -> None:
    settings = read_settings({"value": {"margin": 0.4, "margins": {"toys": 0.2}}, "currency": "gbp"}, environ={})
    assert settings["value.margin"] == 0.4
    assert settings["value.margins"] == {"toys": 0.2}
    assert settings["currency"] == "GBP"


def test_environment_overrides_the_file() -> None:
    environ = {"WORTH_VALUE_DISCOUNT_RATE": "0.2", "WORTH_CURRENCY": "CNY", "WORTH_THREADS": "3"}
    settings = read_settings({"currency": "GBP"}, environ=environ)
    assert (settings["value.discount_rate"], settings["currency"], settings["threads"]) == (0.2, "CNY", 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("currency", "pounds"),
        ("currency", "英镑人"),
        ("currency", "XYZ"),
        ("ingest.date_format", "dd.mm.yyyy"),
        ("ingest.date_format", "%d.%Q"),
        ("timezone", "London"),
        ("value.margin", 1.5),
        ("value.margin", "much"),
        ("value.margin", float("nan")),
        ("value.margins", 0.3),
        ("value.margins", {"toys": 2}),
        ("data_until", "31/12/2011"),
        ("events.encoder", "lstm"),
        ("events.device", "gpu"),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", True),
        ("threads", "many"),
        ("threads", None),
        ("memory_limit_gb", 0),
        ("ingest.columns", "customer_id"),
    ],
)
def test_value_that_cannot_be_used_is_named_with_its_place(key: str, value: Any) -> None:
    with pytest.raises(InputError) as caught:
        parse_setting(key, value, where="shop.toml")
    assert caught.value.code == "bad-setting"
    assert key in caught.value.what
    assert caught.value.where == "shop.toml"


def test_bad_variable_is_named() -> None:
    with pytest.raises(InputError, match="WORTH_TIMEZONE"):
        read_settings({}, environ={"WORTH_TIMEZONE": "Mars"})


def test_unknown_setting_lists_those_there_are() -> None:
    with pytest.raises(InputError, match="timezone") as caught:
        read_settings({"time_zone": "UTC"}, environ={})
    assert caught.value.code == "bad-setting"


def test_zone_is_the_shops_time_zone() -> None:
    assert read_settings({"timezone": "Asia/Shanghai"}, environ={}).zone == ZoneInfo("Asia/Shanghai")


def test_every_setting_says_what_it_is_for() -> None:
    for setting in SETTINGS.values():
        assert setting.doc.endswith(".")
        assert setting.env.startswith("WORTH_")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("threads", "abc", "it must be a whole number from 0 to 1024"),
        ("seed", 1.5, "it must be a whole number"),
        ("value.margin", "much", "it must be a number between 0 and 1"),
        ("data_until", "31/12/2024", "it must be a day, such as 2024-12-31"),
        ("content.text_encoder", " ", "it must name an encoder, such as static"),
    ],
)
def test_what_a_setting_may_be_is_said_in_our_own_words(key, value, said):
    with pytest.raises(InputError, match=said):
        parse_setting(key, value, where="shop.toml")


@pytest.mark.parametrize(("written", "meant"), [("RMB", "CNY"), ("rmb", "CNY"), ("€", "EUR"), ("USDT", "USD")])
def test_currency_that_is_written_otherwise_is_answered_with_its_code(written: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"ISO 4217 code of three letters: is it .*{meant}"):
        read_settings({"currency": written}, environ={})
