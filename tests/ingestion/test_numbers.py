"""Numbers written by people."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.errors import InputError
from worthwhile.ingestion.numbers import Numbers, Style, looks_like_number, number, style_of


def read(
    texts: Sequence[str | None], others: Sequence[str] = (), *, is_typed: bool = False, decimal: str = ""
) -> list[float | None]:
    """What a column of money holds, in a file that has a second column of numbers too."""
    con = duckdb.connect()
    con.execute("CREATE TABLE raw (row INTEGER, c0 VARCHAR, c1 VARCHAR)")
    for row, text in enumerate(texts):
        con.execute("INSERT INTO raw VALUES (?, ?, ?)", [row, text, others[row] if row < len(others) else None])
    style = style_of(con, Numbers(["c0", "c1"], ["c0"], is_typed=is_typed, decimal=decimal))
    return [value for (value,) in con.execute(f"SELECT {number('c0', style)} FROM raw ORDER BY row").fetchall()]


CENTS = st.integers(-10_000_000, 10_000_000)


@settings(max_examples=25, deadline=None)
@given(st.lists(CENTS, min_size=1, max_size=5), st.sampled_from(["", "£", "$", "USD ", "¥"]))
def test_english_numbers_are_read_back(cents: list[int], sign: str) -> None:
    assert read([f"{sign}{c / 100:,.2f}" for c in cents]) == [c / 100 + 0.0 for c in cents]


@settings(max_examples=25, deadline=None)
@given(st.lists(CENTS, min_size=1, max_size=5), st.sampled_from(["", " €", "EUR"]))
def test_numbers_with_a_decimal_comma_are_read_back(cents: list[int], sign: str) -> None:
    texts = [f"{c / 100:,.2f}".translate(str.maketrans(",.", ".,")) + sign for c in cents]
    assert read(texts) == [c / 100 + 0.0 for c in cents]


def test_blanks_and_apostrophes_part_thousands() -> None:
    assert read(["1 234,50", "1'234,50", "1\u202f234,50", "1\u00a0234,50"]) == [1234.5] * 4


def test_brackets_and_trailing_minus_are_negative() -> None:
    assert read(["(12.50)", "12.50-", "−12.50", "-12.50", "£(12.50)"]) == [-12.5] * 5


def test_style_of_a_column_of_whole_thousands_is_its_neighbours() -> None:
    assert read(["1.234", "2.000"], others=["1,50", "2,75"]) == [1234.0, 2000.0]
    assert read(["1,234", "2,000"], others=["1.50", "2.75"]) == [1234.0, 2000.0]


@pytest.mark.parametrize("text", ["abc", "1.2.3", "12 pieces", "1,5", "", "nan", "inf", "1e999", "--5", None])
def test_what_is_no_number_is_nothing(text: str | None) -> None:
    assert read([text, "1,000.50"])[0] is None


@pytest.mark.parametrize("texts", [["1.299 €", "2.500 €", None, "999 €"], ["1.299", "2.500"], ["￥１.299", "¥2.500"]])
def test_amounts_that_may_be_thousands_are_not_guessed(texts: list[str | None]) -> None:
    with pytest.raises(InputError, match="--decimal") as caught:
        read(texts, others=["1"])
    assert caught.value.code == "ambiguous-numbers"
    assert read(texts, decimal=",")[:2] == [1299.0, 2500.0]
    assert read(texts, decimal=".")[:2] == [1.299, 2.5]


@pytest.mark.parametrize(
    ("tells", "first"),
    [("2.50", 1.299), ("0.500", 1.299), ("1500", 1.299), ("2,50", 1299.0), ("1.299.000", 1299.0), ("5,-", 1299.0)],
)
def test_one_number_that_tells_is_enough(tells: str, first: float) -> None:
    assert read(["1.299 €", f"{tells} €"])[0] == first
    assert read(["1.299 €", "2.500 €"], others=[tells])[0] == first
    assert read(["1.299 €", f"{tells} €"], decimal="," if first < 2 else ".")[0] == first


def test_typed_numbers_and_quantities_have_a_decimal_point() -> None:
    assert read(["1.299", "2.500"], is_typed=True) == [1.299, 2.5]
    assert read(["5", "7"], others=["1.250", "0.750"]) == [5.0, 7.0]
    with pytest.raises(InputError, match="--decimal"):
        read(["1.299 €", "2.500 €"], is_typed=True)


def test_whole_amounts_with_a_dash_for_cents_are_not_negative() -> None:
    assert read(["1.299,-", "5,- €", "12,50"]) == [1299.0, 5.0, 12.5]


def test_words_signs_and_digits_of_chinese_keyboards_are_read() -> None:
    assert read(["人民币12.50", "CN¥12.50", "１２．５０元", "＄１２.５０", "12.50 美元", "（12.50）"]) == [12.5] * 5 + [
        -12.5
    ]


def test_minus_zero_is_zero() -> None:
    assert str(read(["-0.0"])[0]) == "0.0"


def test_plain_numbers_are_cast_as_they_stand() -> None:
    assert read(["1", " 2.5 ", "-3e2", None]) == [1.0, 2.5, -300.0, None]
    assert style_of(duckdb.connect(), Numbers([])) == Style()


def test_numbers_are_told_from_words() -> None:
    assert all(looks_like_number(text) for text in ("1", "£1,234.50", "12,5 €", "-3"))
    assert not any(looks_like_number(text) for text in ("abc", "", "2011-01-01", "C12345"))
