"""The key of a shop, and the pseudonyms that are made with it."""

from __future__ import annotations

import hashlib
import hmac
import stat
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.pseudonyms import Keyring, define_pseudonyms, masked
from worthwhile.shop import Shop, open_shop

KEY = bytes(range(32))
TEXT = "Email,Date,Amount\njane@example.com,2023-01-01,1\n"


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    define_pseudonyms(con, KEY)
    return con


def pseudonym(con: duckdb.DuckDBPyConnection, text: str, name: str = "pseudonym") -> str:
    return str(con.execute(f"SELECT {name}($1)", [text]).fetchall()[0][0])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@+0123456789\0"), max_size=200))
def test_pseudonym_is_the_start_of_an_hmac_of_the_trimmed_text(con: duckdb.DuckDBPyConnection, text: str) -> None:
    text = f"x{text}x"
    said = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    assert pseudonym(con, f" {text} ") == "c_" + said[:32]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jane.Doe@Example.COM ", "jane.doe@example.com"),
        ("+86 138 1234 5678", "13812345678"),
        ("138-1234-5678", "13812345678"),
        ("008613812345678", "13812345678"),
        ("+44 (7911) 123-456", "0044 7911 123456"),
        ("(212) 555-0199", "212.555.0199"),
    ],
)
def test_one_person_written_in_two_ways_has_one_pseudonym(con: duckdb.DuckDBPyConnection, one: str, other: str) -> None:
    assert pseudonym(con, one) == pseudonym(con, other)


@pytest.mark.parametrize(("one", "other"), [("00123456", "123456"), ("12-345", "1-2345"), ("Ab", "ab"), ("7", "7.")])
def test_ids_that_differ_stay_apart(con: duckdb.DuckDBPyConnection, one: str, other: str) -> None:
    assert pseudonym(con, one) != pseudonym(con, other)


def test_numbers_of_a_column_of_phones_are_read_as_digits_in_any_spelling(con: duckdb.DuckDBPyConnection) -> None:
    spelled = {
        pseudonym(con, text, "phone_pseudonym") for text in ("0571-8888 6666", "(0571) 88886666", "057188886666")
    }
    assert len(spelled) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to jane.doe+x@mail.example.co.uk, please", "write to [email], please"),
        ("电话13812345678，谢谢", "电话[phone]，谢谢"),
        ("call 138 1234 5678 or 13912345678", "call [phone] or [phone]"),
        ("call +44 7911 123456!", "call [phone]!"),
        ("ring 020 7946 0958 or (212) 555-0199", "ring [phone] or [phone]"),
        ("杭州0571-88886666", "杭州[phone]"),
        ("PACK OF 12 TISSUES 2010-12-01", "PACK OF 12 TISSUES 2010-12-01"),
        ("EAN 4006381333931, 3 x 250 ml", "EAN 4006381333931, 3 x 250 ml"),
        ("SKU13812345678A at 50 % @home", "SKU13812345678A at 50 % @home"),
        ("iPhone 15 128 GB 2023", "iPhone 15 128 GB 2023"),
    ],
)
def test_addresses_and_numbers_within_words_are_masked(con: duckdb.DuckDBPyConnection, text: str, left: str) -> None:
    assert con.execute(f"SELECT {masked('t')} FROM (SELECT $1 AS t)", [text]).fetchall() == [(left,)]


# ---- the key ------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text(TEXT)
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return ww.create_shop(tmp_path / "shop", threads=1)


def test_key_is_made_at_the_first_need_for_its_owner_alone(shop: Shop, file: Path) -> None:
    assert not (shop.folder / "key").exists()
    ww.ingest(shop, file)
    assert stat.S_IMODE((shop.folder / "key").stat().st_mode) == 0o600
    assert len(bytes.fromhex((shop.folder / "key").read_text())) == 32


def test_two_shops_give_one_person_two_pseudonyms(shop: Shop, file: Path, tmp_path: Path) -> None:
    other = ww.create_shop(tmp_path / "other", threads=1)
    assert ww.ingest(shop, file).events == ww.ingest(other, file).events == 1
    with duckdb.connect() as con:
        for own in (shop, other):
            define_pseudonyms(con, Keyring(own).key())
            con.execute("CREATE TABLE IF NOT EXISTS made (p VARCHAR)")
            con.execute("INSERT INTO made VALUES (pseudonym('jane@example.com'))")
        assert con.execute("SELECT count(DISTINCT p) FROM made").fetchall() == [(2,)]


def test_file_that_fails_leaves_no_key(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("Email,Date,Amount\njane@example.com,soon,1\n")
    with pytest.raises(InputError):
        ww.ingest(shop, tmp_path / "bad.csv")
    assert not (shop.folder / "key").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Path.unlink, "missing"),
        (lambda path: path.write_text("ab" * 32), "not the key"),
        (lambda path: path.write_text("abc"), "cannot be read"),
        (lambda path: path.write_text("abcd"), "64 hexadecimal"),
    ],
)
def test_lost_key_is_an_error_and_not_a_new_key(shop: Shop, file: Path, change: object, said: str) -> None:
    ww.ingest(shop, file)
    change(shop.folder / "key")  # type: ignore[operator]
    file.write_text(TEXT + "ola@example.com,2023-01-02,1\n")
    with pytest.raises(InputError, match=said) as caught:
        ww.ingest(shop, file)
    assert caught.value.code == "no-key"


def test_key_may_lie_elsewhere(tmp_path: Path, file: Path, shop: Shop) -> None:
    place = tmp_path / "safe" / "shop.key"
    ww.ingest(open_shop(shop.folder, environ={"WORTH_PRIVACY_KEY": str(place)}), file)
    assert place.is_file() and not (shop.folder / "key").exists()
    with pytest.raises(InputError, match="missing"):
        Keyring(shop).key()
