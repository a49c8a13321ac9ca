"""Addresses of databases: what is understood of them, and that what is shown holds no password."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.address import read_address, scheme_of


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://shop:s3cret@db.example.com/orders", "postgresql://db.example.com/orders"),
        ("postgres://shop@DB:5432/orders?sslmode=require", "postgresql://db/orders"),
        ("postgresql://shop@db:5433/orders", "postgresql://db:5433/orders"),
        ("postgresql://a:1,b:2/orders", "postgresql://a,b:1,2/orders"),
        ("postgresql://shop@[::1]:5433/orders", "postgresql://[::1]:5433/orders"),
        ("postgresql:///orders?host=/run/pg&password=s3cret", "postgresql:///orders?host=/run/pg"),
        ("postgresql://?service=main", "postgresql:///?service=main"),
        ("mysql://shop:s3cret@db:3306/orders", "mysql://db/orders"),
        ("mariadb://shop@/orders?unix_socket=/run/my", "mysql:///orders?unix_socket=/run/my"),
        ("mysql://db", "mysql://db/"),
    ],
)
def test_address_is_shown_without_user_password_and_options(url: str, text: str) -> None:
    assert read_address(url, {}).text == text


def test_environment_says_what_the_url_leaves_out() -> None:
    environ = {"PGHOST": "db", "PGPORT": "5433", "PGDATABASE": "orders"}
    assert read_address("postgresql://", environ).text == "postgresql://db:5433/orders"


def test_signs_in_a_password_are_decoded() -> None:
    address = read_address("mysql://sh%40p:p%2F%3A%40x@db/orders", {})
    assert (address.user, address.password) == ("sh@p", "p/:@x")


@pytest.mark.parametrize("sign", ["@", "/", "?", "#", "/1@", ":/", "@/?"])
def test_password_with_a_sign_of_urls_is_refused_and_not_repeated(sign: str) -> None:
    with pytest.raises(InputError, match="%40") as caught:
        read_address(f"postgresql://shop:sec{sign}ret@db/orders", {})
    assert "sec" not in str(caught.value) and "ret" not in str(caught.value)
    assert caught.value.code == "bad-argument"


def test_url_of_anything_else_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="`https://` is nothing") as caught:
        read_address("https://shop:secret@example.com/orders.csv", {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["orders.csv", "C:/orders.csv", "a:b", "/tmp/x", "postgresql:/x"])
def test_file_names_are_no_addresses(name: str) -> None:
    assert scheme_of(name) is None


def test_password_is_taken_out_of_what_others_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "from the environment")
    address = read_address("mysql://shop:p%2Fw@db/orders", {})
    said = "no\n  user with p/w, p%2Fw or from the environment"
    assert address.without_password(said) == "no user with ***, *** or ***"
    assert "p/w" not in repr(address) and "p%2Fw" not in repr(address)


@pytest.mark.parametrize(("scheme", "driver"), [("postgresql", "psycopg"), ("mysql", "pymysql")])
def test_missing_driver_names_the_extra(shop: Any, monkeypatch: pytest.MonkeyPatch, scheme: str, driver: str) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(InputError, match=r"worthwhile\[databases\]") as caught:
        ww.ingest(shop, f"{scheme}://shop:hush@db/orders", query="select 1 as a")
    assert (caught.value.code, caught.value.where) == ("missing-extra", f"{scheme}://db/orders")
