import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.evaluation.numbers import MISSING, Numbers

POUNDS = Numbers("en", "GBP")
YUAN = Numbers("zh", "CNY")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "£0"), (9.5, "£9.50"), (99.999, "£100"), (1234.56, "£1,235"), (-12.3, "−£12.30"), (-0.001, "£0.00")],
)
def test_money_shows_cents_only_where_they_matter(value, text):
    assert POUNDS.money(value) == text


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (950, "£950", "¥950"),
        (4712, "£4,710", "¥4,710"),
        (12_345, "£12.3k", "¥1.23\u00a0万"),
        (1_234_567, "£1.23m", "¥123\u00a0万"),
        (999_999, "£1m", "¥100\u00a0万"),
        (123_456_789, "£123m", "¥1.23\u00a0亿"),
        (-55_000, "−£55k", "−¥5.5\u00a0万"),
    ],
)
def test_large_amounts_are_shortened_as_each_language_counts(value, english, chinese):
    assert POUNDS.money_short(value) == english
    assert YUAN.money_short(value) == chinese


def test_symbols_tell_dollars_and_yen_apart_from_yuan_in_chinese():
    assert Numbers("zh", "USD").money(5) == "US$5.00"
    assert Numbers("zh", "JPY").money(1500) == "JP¥1,500"
    assert Numbers("en", "JPY").money(15.4) == "¥15"


def test_foreign_amounts_are_shortened_with_their_name_in_chinese():
    dollars = Numbers("zh", "USD")
    assert dollars.money_short(184_000) == "18.4\u00a0万美元"
    assert dollars.money_short(-950) == dollars.money(-950) == "−US$950"
    assert Numbers("zh", "PLN").money_short(184_000) == "PLN\u00a018.4\u00a0万"


@pytest.mark.parametrize(
    ("value", "text"), [(3143.38, "£3,143.38"), (-5.5, "−£5.50"), (99_999.99, "£99,999.99"), (174_804.31, "£174,804")]
)
def test_facts_are_told_to_the_cent_while_they_are_small(value, text):
    assert POUNDS.money_told(value) == text


def test_an_unknown_currency_is_written_as_its_code():
    assert Numbers("en", "PLN").money(12) == "PLN\u00a012.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0%"), (0.0004, "<0.1%"), (0.034, "3.4%"), (0.5, "50%"), (0.9996, ">99.9%"), (0.995, "99.5%"), (1, "100%")],
)
def test_shares_never_round_to_a_false_nothing_or_everything(value, text):
    assert POUNDS.share(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.123, "+12%"), (-0.034, "−3.4%"), (0.00001, "0%"), (1.5, "+150%")])
def test_changes_carry_their_sign(value, text):
    assert POUNDS.change(value) == text


def test_what_rounds_to_zero_has_no_minus_and_everything_else_the_typographic_one():
    n = POUNDS
    assert [n.decimal(-0.001), n.decimal(-0.06, 1), n.count(-0.4), n.count(-20)] == ["0.00", "−0.1", "0", "−20"]
    assert n.decimal(-1234.5, 1) == "−1,234.5"


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_what_is_not_a_number_shows_as_a_dash(value):
    n = POUNDS
    assert {f(value) for f in (n.money, n.money_short, n.count, n.decimal, n.share, n.change)} == {MISSING}


def test_dates_are_written_as_each_language_writes_them():
    day = date(2011, 9, 1)
    assert (POUNDS.day(day), YUAN.day(day)) == ("1\u00a0Sep 2011", "2011年9月1日")
    assert (POUNDS.month(day), YUAN.month(day)) == ("Sep 2011", "2011年9月")


@given(st.floats(0.01, 1e12))
def test_a_short_amount_is_right_to_three_figures(value):
    text = POUNDS.money_short(value).removeprefix("£").replace(",", "")
    factor = {"k": 1e3, "m": 1e6, "n": 1e9}.get(text[-1], 1.0)
    read = float(text.rstrip("kmbn")) * factor
    assert read == pytest.approx(value, rel=0.00501, abs=0.00501)
