"""Dates written by people."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.dates import ISO, SPLIT, looks_like_date, read_days

DAYS = st.dates(date(1970, 1, 1), date(2068, 12, 31))
FORMS = {
    "%Y-%m-%d": "ymd",
    "%Y/%m/%d": "ymd",
    "%Y.%m.%d": "ymd",
    "%Y%m%d": "ymd",
    "%Y年%m月%d日": "ymd",
    "%d %b %Y": "words",
    "%d-%b-%y": "words",
    "%B %d, %Y": "words",
    "%a, %d %b %Y": "words",
    "%d.%m.%Y": "points",
}


@settings(max_examples=50, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=20), st.sampled_from(sorted(FORMS)))
def test_days_are_read_back_from_every_form_that_is_clear(days: list[date], form: str) -> None:
    texts = {day.strftime(form): day for day in days}
    assert read_days(texts).day_of == texts
    assert all(looks_like_date(text) for text in texts if form != "%Y%m%d")


@settings(max_examples=50, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=20), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y", "%m-%d-%y"]))
def test_one_day_above_twelve_tells_the_order(days: list[date], form: str) -> None:
    days += [date(2011, 5, day) for day in (1, 31)]  # the spread tells years of two digits from days
    texts = {day.strftime(form): day for day in days if day.year == 2011 or "%y" not in form}
    assert read_days(texts).day_of == texts


@pytest.mark.parametrize("form", ["%y/%m/%d", "%y-%m-%d", "%d/%m/%y", "%d.%m.%y", "%y.%m.%d"])
def test_days_that_spread_over_the_month_tell_years_of_two_digits(form: str) -> None:
    days = [date(year, month, day) for year in (2023, 2024) for month in (3, 11) for day in (1, 9, 14, 28)]
    texts = {day.strftime(form): day for day in days}
    assert read_days(texts).day_of == texts


@pytest.mark.parametrize("texts", [["99/03/15", "98/12/01"], ["15/03/99", "01/12/98"], ["03/15/24", "12/01/24"]])
def test_numbers_that_no_day_or_month_has_tell_years_of_two_digits(texts: list[str]) -> None:
    assert {(day.month, day.day) for day in read_days(texts).day_of.values()} == {(3, 15), (12, 1)}


@pytest.mark.parametrize("texts", [["24/03/15", "24/11/02"], ["24-03-15"], ["24.03.15", "24.03.16"]])
def test_years_of_two_digits_that_could_be_days_are_an_error_that_names_the_way_out(texts: list[str]) -> None:
    with pytest.raises(InputError, match="--date-format %y/%m/%d") as caught:
        read_days(texts)
    assert caught.value.code == "ambiguous-dates"
    assert read_days(["24/03/15"], date_format="%y/%m/%d").day_of == {"24/03/15": date(2024, 3, 15)}


def test_order_that_cannot_be_told_is_an_error_that_names_the_way_out() -> None:
    with pytest.raises(InputError, match="--date-format") as caught:
        read_days(["01/02/2011", "03/04/2011"], where="orders.csv, column `date`")
    assert caught.value.code == "ambiguous-dates"
    assert "01/02/2011" in str(caught.value)
    assert str(caught.value).startswith("orders.csv, column `date`")


def test_dates_that_speak_against_each_other_are_an_error() -> None:
    with pytest.raises(InputError, match="some the month") as caught:
        read_days(["31/01/2011", "01/31/2011"])
    assert caught.value.code == "ambiguous-dates"


def test_one_slip_among_many_dates_is_left_out() -> None:
    texts = [f"{day}/01/2011" for day in range(13, 32)] + [f"{day}/03/2011" for day in range(13, 32)] + ["01/31/2011"]
    found = read_days(texts)
    assert found.order == "dmy"
    assert set(texts) - set(found.day_of) == {"01/31/2011"}


def test_same_day_and_month_needs_no_order() -> None:
    assert read_days(["5/5/2011"]).day_of == {"5/5/2011": date(2011, 5, 5)}


def test_format_given_settles_the_order() -> None:
    assert read_days(["01/02/2011"], date_format="%m/%d/%Y").day_of == {"01/02/2011": date(2011, 1, 2)}
    assert read_days(["01/02/2011"], date_format="%d/%m/%Y").day_of == {"01/02/2011": date(2011, 2, 1)}


@pytest.mark.parametrize("text", ["", "2011-02-30", "31/31/2011", "tomorrow", "Foo 3, 2011", "2011", "12345678"])
def test_what_is_no_date_is_left_out(text: str) -> None:
    assert read_days([text, "31/12/2011"]).day_of.keys() == {"31/12/2011"}


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_date_or_not_and_never_a_crash(text: str) -> None:
    looks_like_date(text)
    read_days([text, "31/12/2011", "30/12/2011"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2011-12-01T08:26:00Z", ("2011-12-01", None, "08:26:00", None, "Z")),
        ("1/2/2011 8:26 pm", ("1/2/2011", None, "8:26", "pm", None)),
        ("2011-12-01 08:26:00.123456+05:30", ("2011-12-01", None, "08:26:00.123456", None, "+05:30")),
        ("2024/1/5 下午 3:20", ("2024/1/5", "下午", "3:20", None, None)),
        ("2024-01-05 10:00 GMT+8", ("2024-01-05", None, "10:00", None, "GMT+8")),
        ("2024-01-05 10:00:00 EST", ("2024-01-05", None, "10:00:00", None, "EST")),
        ("Dec 1, 2011, 08:26", ("Dec 1, 2011", None, "08:26", None, None)),
    ],
)
def test_day_time_and_offset_are_parted(text: str, parts: tuple[str | None, ...]) -> None:
    match = re.match(SPLIT, text)
    assert match is not None
    assert match.groups() == parts


@pytest.mark.parametrize("text", ["2011-12-01", "2011-12-01 08:26", "2011-12-01T08:26:00.5"])
def test_iso_texts_go_the_fast_way(text: str) -> None:
    assert re.match(ISO, text)


@pytest.mark.parametrize("text", ["2011-12-01 08:26:00Z", "2011-12-01 08:26:00+00", "20111201", "2011/12/01"])
def test_texts_with_an_offset_or_in_another_form_do_not(text: str) -> None:
    assert not re.match(ISO, text)


@pytest.mark.parametrize(
    ("written", "remedy"), [("dd.mm.yyyy", "%d.%m.%Y"), ("YYYY年MM月DD日", "%Y年%m月%d日"), ("%Q", "such as %d.%m.%Y")]
)
def test_format_of_dates_that_is_none_is_answered_with_one(shop: Any, write: Any, written: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write("customer,date,amount\na,01.02.2024,1\n"), date_format=written)
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--date-format")
    assert remedy in caught.value.remedy


def test_error_on_dates_names_the_format_that_does_not_read_them(shop: Any, write: Any) -> None:
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, write("customer,date,amount\na,2024/01/02,1\n"), date_format="%d.%m.%Y")
    assert "another --date-format than %d.%m.%Y" in caught.value.remedy
