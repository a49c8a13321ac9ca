"""Quoting."""

from __future__ import annotations

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from worthwhile.store import sql

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_quoted_text_means_itself(text: str) -> None:
    assert duckdb.execute(f"SELECT {sql.text(text)}").fetchall() == [(text,)]


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_quoted_name_is_the_name_of_the_column(name: str) -> None:
    assert duckdb.execute(f"SELECT 1 AS {sql.name(name)}").description[0][0] == name


def test_lists_of_texts_are_parted_by_commas() -> None:
    assert sql.texts(["a", "b'c"]) == "'a', 'b''c'"
