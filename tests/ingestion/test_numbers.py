"""Numbers written by people."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.ingestion.numbers import Style, looks_like_number, number, style_of


def read(texts: Sequence[str | None], others: Sequence[str] = ()) -> list[float | None]:
    """What a column of texts holds, in a file that has a second column of numbers too."""
    con = duckdb.connect()
    con.execute("CREATE TABLE raw (row INTEGER, c0 VARCHAR, c1 VARCHAR)")
    for row, text in enumerate(texts):
        con.execute("INSERT INTO raw VALUES (?, ?, ?)", [row, text, others[row] if row < len(others) else None])
    style = style_of(con, ["c0", "c1"])
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


def test_minus_zero_is_zero() -> None:
    assert str(read(["-0.0"])[0]) == "0.0"


def test_plain_numbers_are_cast_as_they_stand() -> None:
    assert read(["1", " 2.5 ", "-3e2", None]) == [1.0, 2.5, -300.0, None]
    assert style_of(duckdb.connect(), []) == Style()


def test_numbers_are_told_from_words() -> None:
    assert all(looks_like_number(text) for text in ("1", "£1,234.50", "12,5 €", "-3"))
    assert not any(looks_like_number(text) for text in ("abc", "", "2011-01-01", "C12345"))
