"""Time and the tables' columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from worthwhile.schema import MICROSECONDS_PER_DAY, TABLES, local_midnight, to_us

ZONES = st.sampled_from(["UTC", "Europe/London", "Asia/Shanghai", "America/New_York", "Pacific/Apia"]).map(ZoneInfo)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), ZONES)
def test_microseconds_are_exact(moment: datetime, zone: ZoneInfo) -> None:
    aware = moment.replace(tzinfo=zone)
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=to_us(aware)) == aware


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)))
def test_midnights_in_utc_are_whole_days(day: date) -> None:
    assert to_us(local_midnight(day, ZoneInfo("UTC"))) == (day - date(1970, 1, 1)).days * MICROSECONDS_PER_DAY


def test_local_midnight_moves_with_summer_time() -> None:
    london = ZoneInfo("Europe/London")
    assert local_midnight(date(2011, 1, 1), london) == datetime(2011, 1, 1, tzinfo=UTC)
    assert local_midnight(date(2011, 7, 1), london) == datetime(2011, 6, 30, 23, tzinfo=UTC)


def test_every_table_names_the_batch_of_each_row() -> None:
    for schema in TABLES.values():
        assert not schema.field("batch_id").nullable
        assert len(set(schema.names)) == len(schema.names)
