"""A shop's folder: made, opened, changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.shop import SETTINGS_FILE, change_settings, create_shop, open_shop


def test_created_shop_opens_with_its_settings(tmp_path: Path) -> None:
    create_shop(tmp_path / "myshop", currency="gbp", timezone="Europe/London", value__margin=0.4)
    shop = open_shop(tmp_path / "myshop", environ={})
    assert (shop.settings["currency"], shop.settings["value.margin"]) == ("GBP", 0.4)
    assert shop.name == "myshop"


def test_name_of_the_settings_comes_before_the_folders(tmp_path: Path) -> None:
    assert create_shop(tmp_path / "a", name="小店").name == "小店"


def test_second_shop_in_a_folder_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    create_shop(tmp_path, currency="GBP")
    before = (tmp_path / SETTINGS_FILE).read_bytes()
    with pytest.raises(InputError) as caught:
        create_shop(tmp_path, currency="USD")
    assert caught.value.code == "shop-exists"
    assert (tmp_path / SETTINGS_FILE).read_bytes() == before


def test_bad_setting_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="currency"):
        create_shop(tmp_path / "new", currency="pounds")
    assert not (tmp_path / "new").exists()


def test_shop_cannot_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError) as caught:
        create_shop(tmp_path / "file")
    assert caught.value.code == "bad-argument"


@pytest.mark.parametrize("name", ["a[b]", "100%"])
def test_folder_that_the_tables_cannot_lie_in_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        create_shop(tmp_path / name)
    assert caught.value.code == "bad-argument"
    assert not (tmp_path / name).exists()


def test_no_shop_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="worth init") as caught:
        open_shop(tmp_path)
    assert caught.value.code == "no-shop"


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('currency = "GBP"\ntimezone = \n', encoding="utf-8")
    with pytest.raises(InputError, match="line 2") as caught:
        open_shop(tmp_path)
    assert caught.value.code == "bad-setting"


def test_settings_file_that_is_no_text_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError) as caught:
        open_shop(tmp_path)
    assert caught.value.code == "bad-setting"


def test_change_keeps_comments_and_other_settings(tmp_path: Path) -> None:
    shop = create_shop(tmp_path, currency="GBP")
    path = tmp_path / SETTINGS_FILE
    path.write_text(path.read_text() + "# a note of mine\n", encoding="utf-8")
    changed = change_settings(shop, {"ingest.columns": {"customer_id": "Käufer"}, "value.margin": 0.3})
    assert changed.settings["ingest.columns"] == {"customer_id": "Käufer"}
    assert changed.settings["currency"] == "GBP"
    assert "# a note of mine" in path.read_text(encoding="utf-8")


def test_change_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    shop = create_shop(tmp_path, currency="GBP")
    before = (tmp_path / SETTINGS_FILE).read_bytes()
    with pytest.raises(InputError):
        change_settings(shop, {"currency": "USD", "value.margin": 7})
    assert (tmp_path / SETTINGS_FILE).read_bytes() == before


@pytest.mark.parametrize("change", [{"timezone": "Asia/Shanghai"}, {"currency": "USD"}])
def test_zone_and_currency_of_events_cannot_be_changed(tmp_path: Path, change: dict[str, str]) -> None:
    shop = create_shop(tmp_path / "shop", currency="EUR")
    shop = change_settings(shop, {"currency": "GBP", "timezone": "Europe/London"})
    file = tmp_path / "orders.csv"
    file.write_text("customer,date,amount\na,2024-01-01,5\n")
    ww.ingest(shop, file)
    before = (shop.folder / SETTINGS_FILE).read_bytes()
    with pytest.raises(InputError, match="new shop") as caught:
        change_settings(shop, {"seed": 7, **change})
    assert caught.value.code == "bad-setting"
    assert (shop.folder / SETTINGS_FILE).read_bytes() == before
    assert change_settings(shop, {"currency": "gbp", "seed": 7}).settings["seed"] == 7


def test_settings_in_environment_hold_for_the_open_shop_only(tmp_path: Path) -> None:
    create_shop(tmp_path, currency="GBP")
    assert open_shop(tmp_path, environ={"WORTH_CURRENCY": "USD"}).settings["currency"] == "USD"
    assert open_shop(tmp_path, environ={}).settings["currency"] == "GBP"


def test_settings_that_cannot_be_written_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = create_shop(tmp_path / "shop")
    before = (shop.folder / "shop.toml").read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="are as they were: no space left") as caught:
        change_settings(shop, {"name": "abc"})
    assert caught.value.code == "cannot-write"
    assert [(file.name, file.read_bytes()) for file in shop.folder.iterdir()] == [("shop.toml", before)]
