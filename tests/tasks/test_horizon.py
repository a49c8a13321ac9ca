"""Horizons: calendar spans by the shop's wall clock."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.errors import InputError
from worthwhile.schema import local_midnight
from worthwhile.tasks import Horizon

LONDON, SHANGHAI = ZoneInfo("Europe/London"), ZoneInfo("Asia/Shanghai")


def local(year, month, day, hour=0, zone=LONDON):
    return datetime(year, month, day, hour, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("text", ["90d", "12w", "6mo", "1y", " 90D ", "12 w"])
def test_a_horizon_is_read_and_written_alike(text):
    assert str(Horizon.parse(text)) == text.strip().lower().replace(" ", "")
    assert Horizon.parse(Horizon.parse(text)) == Horizon.parse(text)


@pytest.mark.parametrize(
    "text", ["", "90", "d", "0d", "-3d", "1.5y", "3m", "90 days", "11y", "4000d", "9999w", "９d x"]
)
def test_what_is_no_horizon_is_refused_with_the_forms_that_are(text):
    with pytest.raises(InputError) as caught:
        Horizon.parse(text)
    assert caught.value.code == "bad-argument" and "90d, 12w, 6mo, 1y" in str(caught.value)


def test_ten_years_is_the_longest():
    assert Horizon.parse("10y").nominal_days == 3652.5
    assert Horizon.parse("3660d").count == 3660


def test_days_keep_the_wall_clock_when_the_clocks_change():
    start, end = local(2024, 3, 30), Horizon.parse("2d").after(local(2024, 3, 30), LONDON)
    assert end == local(2024, 4, 1) and (end - start).total_seconds() == 47 * 3600
    autumn = Horizon.parse("1w").after(local(2024, 10, 24), LONDON)
    assert autumn == local(2024, 10, 31) and (autumn - local(2024, 10, 24)).total_seconds() == 169 * 3600


def test_a_month_is_a_calendar_month_and_its_end_the_last_day():
    month = Horizon.parse("1mo")
    assert month.after(local(2024, 1, 15), LONDON) == local(2024, 2, 15)
    assert month.after(local(2024, 1, 31), LONDON) == local(2024, 2, 29)
    assert month.after(local(2023, 1, 31), LONDON) == local(2023, 2, 28)
    assert month.before(local(2024, 3, 31), LONDON) == local(2024, 2, 29)
    assert Horizon.parse("3mo").after(local(2024, 11, 30), LONDON) == local(2025, 2, 28)


def test_a_year_after_leap_day_is_the_last_of_february():
    assert Horizon.parse("1y").after(local(2024, 2, 29), LONDON) == local(2025, 2, 28)
    assert Horizon.parse("4y").after(local(2024, 2, 29), LONDON) == local(2028, 2, 29)
    assert Horizon.parse("1y").before(local(2024, 1, 1), LONDON) == local(2023, 1, 1)


def test_a_local_day_is_the_shops_not_utcs():
    start = local(2024, 1, 31, zone=SHANGHAI)  # still 30 January in UTC
    assert Horizon.parse("1mo").after(start, SHANGHAI) == local(2024, 2, 29, zone=SHANGHAI)


def test_a_midnight_that_the_clocks_skip_is_the_first_moment_of_its_day():
    havana = ZoneInfo("America/Havana")  # clocks go from 24:00 to 1:00 on 10 March 2024
    end = Horizon.parse("1d").after(datetime(2024, 3, 9, tzinfo=havana).astimezone(UTC), havana)
    assert end == local_midnight(datetime(2024, 3, 10).date(), havana)
    assert end.astimezone(havana).date() == datetime(2024, 3, 10).date()


moments = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))
zones = st.sampled_from(["UTC", "Europe/London", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]).map(
    ZoneInfo
)


@given(moment=moments, zone=zones, count=st.integers(1, 120), unit=st.sampled_from(["d", "w", "mo", "y"]))
def test_after_lies_after_before_lies_before_and_neither_overshoots(moment, zone, count, unit):
    horizon = Horizon(min(count, 10) if unit == "y" else count, unit)
    end, start = horizon.after(moment, zone), horizon.before(moment, zone)
    assert start < moment < end
    assert abs((end - moment).total_seconds() / 86_400 - horizon.nominal_days) <= 3.1
    # A month back and a month on again never lies beyond where it began, save by a shift of the clocks.
    assert (horizon.after(start, zone) - moment).total_seconds() <= 2 * 3600


@given(moment=moments, zone=zones, days=st.integers(1, 400))
def test_longer_horizons_end_no_earlier(moment, zone, days):
    assert Horizon(days, "d").after(moment, zone) < Horizon(days + 1, "d").after(moment, zone)
    assert Horizon(7 * days, "d").after(moment, zone) == Horizon(days, "w").after(moment, zone)
