"""How far a database was read: values, their kinds, what is read again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.errors import InputError
from worthwhile.ingestion.address import read_address
from worthwhile.ingestion.database import last_of, read_request
from worthwhile.ingestion.since import KINDS, SinceColumn, read_overlap, write

SHANGHAI = ZoneInfo("Asia/Shanghai")


def column(kind: str) -> SinceColumn:
    return SinceColumn(kind, SHANGHAI)


def test_times_without_offset_are_the_shops() -> None:
    assert column("moment").read("2024-01-01 08:00") == datetime(2024, 1, 1, tzinfo=UTC)
    assert column("moment").read("2024-01-01T08:00+02:00") == datetime(2024, 1, 1, 6, tzinfo=UTC)
    assert column("wall").read("2024-01-01T08:00:00.5") == datetime(2024, 1, 1, 8, 0, 0, 500_000)
    assert column("day").read("2024-01-01") == date(2024, 1, 1)
    assert column("number").read("17") == Decimal(17)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("moment", "yesterday"),
        ("moment", "1'; drop table orders; --"),
        ("wall", "2024-01-01T08:00+08:00"),
        ("day", "31/12/2024"),
        ("number", "2024-01-01"),
        ("number", "nan"),
        ("number", ""),
    ],
)
def test_value_of_another_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        column(kind).read(text)
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--since")


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)), st.decimals(-(10**20), 10**20))
def test_what_the_ledger_keeps_is_read_back(moment: datetime, number: Decimal) -> None:
    values = {"moment": moment.replace(tzinfo=UTC), "wall": moment, "day": moment.date(), "number": number}
    for kind in KINDS:
        assert column(kind).read(write(values[kind])) == values[kind]


def test_reading_goes_on_ten_minutes_or_a_thousand_numbers_before() -> None:
    assert column("wall").before(datetime(2024, 1, 1, 0, 5), None) == datetime(2023, 12, 31, 23, 55)
    assert column("day").before(date(2024, 1, 1), None) == date(2023, 12, 31)
    assert column("number").before(Decimal(5000), None) == Decimal(4000)
    assert column("wall").before(datetime(1, 1, 1), None) == datetime(1, 1, 1)


def test_overlap_is_a_span_or_a_number() -> None:
    assert read_overlap("90s") == timedelta(seconds=90)
    assert read_overlap("10min") == timedelta(minutes=10)
    assert read_overlap("2 h") == timedelta(hours=2)
    assert read_overlap("1d") == timedelta(days=1)
    assert read_overlap("250") == Decimal(250)
    for text in ("10m", "-1h", "1.5h", "", "soon"):
        with pytest.raises(InputError, match="no overlap"):
            read_overlap(text)


def test_overlap_of_another_kind_than_the_column_is_refused() -> None:
    with pytest.raises(InputError, match="is a number"):
        column("number").before(Decimal(1), timedelta(minutes=1))
    with pytest.raises(InputError, match="a time with its zone"):
        column("moment").before(datetime(2024, 1, 1, tzinfo=UTC), Decimal(5))
    assert column("wall").before(datetime(2024, 1, 1), Decimal(0)) == datetime(2024, 1, 1)


def test_nothing_is_later_than_now_in_whichever_zone_is_behind() -> None:
    now = datetime(2024, 1, 1, 20, tzinfo=UTC)
    assert column("moment").latest(now) == now
    assert column("wall").latest(now) == datetime(2024, 1, 1, 20)
    assert SinceColumn("wall", ZoneInfo("America/New_York")).latest(now) == datetime(2024, 1, 1, 15)
    assert column("day").latest(now) == date(2024, 1, 1)
    assert column("number").latest(now) is None


def test_last_batch_is_the_last_of_the_ledger_even_where_the_clock_was_set_back() -> None:
    request = read_request(
        read_address("postgresql://u@db/shop", {}), query="select a from t where a > :since", since="last"
    )
    ledger = [
        {"source": request.source, "ingested_at": 9 - k, "versions": f'{{"batches": {k}}}', "read_until": str(k)}
        for k in (1, 10, 2)
    ]
    last = last_of(request, [*ledger, {**ledger[1], "source": "another", "versions": '{"batches": 11}'}])
    assert last is not None and last["read_until"] == "10"
    assert last_of(request, []) is None
