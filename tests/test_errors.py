"""Errors of the user: their codes, texts, exit codes."""

from __future__ import annotations

import re

import pytest

from worthwhile.errors import ERROR_KINDS, InputError


def test_text_names_where_what_and_remedy_in_this_order() -> None:
    error = InputError("bad-file", "the file is empty", where="a.csv", remedy="export it again")
    assert str(error) == "a.csv: the file is empty; export it again"
    assert str(InputError("bad-file", "the file is empty")) == "the file is empty"


def test_error_knows_its_exit_code_and_http_status() -> None:
    error = InputError("no-shop", "there is no shop")
    assert (error.exit_code, error.http_status) == (4, 404)


def test_error_as_dict_holds_all_it_says() -> None:
    error = InputError("bad-columns", "no column", where="a.csv", remedy="name it")
    assert error.to_dict() == {"code": "bad-columns", "what": "no column", "where": "a.csv", "remedy": "name it"}


def test_error_is_a_value_error_so_that_callers_can_catch_it_as_one() -> None:
    with pytest.raises(ValueError, match="empty"):
        raise InputError("bad-file", "the file is empty")


def test_unknown_code_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        InputError("no-such-code", "x")


def test_codes_are_lower_case_words_and_exit_codes_leave_those_of_the_shell_alone() -> None:
    for code, kind in ERROR_KINDS.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert 2 <= kind.exit_code < 64
        assert 400 <= kind.http_status < 600
        assert kind.meaning
