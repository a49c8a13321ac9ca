"""The event log, opened for queries."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.schema import EVENTS, MICROSECONDS_PER_DAY
from worthwhile.store.log import TIME_COLUMNS, log_of, open_log


def lines(*moments: datetime, column: str = "local_ts") -> pa.Table:
    kind = pa.timestamp("us", tz="UTC" if column == "ts" else None)
    return pa.table(
        {
            "customer_id": [f"c{i}" for i in range(len(moments))],
            column: pa.array(moments, kind),
            "amount": [1.0] * len(moments),
        }
    )


def test_events_have_the_columns_of_the_schema_and_integer_times() -> None:
    with log_of(lines(datetime(2020, 1, 1))) as log:
        names = [row[0] for row in log.con.execute("DESCRIBE events").fetchall()]
    assert names == [*EVENTS.names, *TIME_COLUMNS]


def test_times_follow_the_shops_zone_over_summer_time() -> None:
    with log_of(lines(datetime(2020, 1, 1, 12), datetime(2020, 7, 1, 12)), zone="Europe/London") as log:
        rows = log.con.execute("SELECT local_us - ts_us FROM events ORDER BY ts_us").fetchall()
    assert rows == [(0,), (3_600_000_000,)]


def test_local_time_is_made_from_moments() -> None:
    with log_of(lines(datetime(2020, 1, 1, 20, tzinfo=UTC), column="ts"), zone="Asia/Shanghai") as log:
        assert log.con.execute("SELECT CAST(local_ts AS VARCHAR) FROM events").fetchall() == [("2020-01-02 04:00:00",)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=20))
def test_day_is_the_local_day_counted_from_1970(moments: list[datetime]) -> None:
    with log_of(lines(*moments), zone="Asia/Shanghai") as log:
        rows = log.con.execute("SELECT day, local_us FROM events ORDER BY customer_id, day").fetchall()
    assert sorted(day for day, _ in rows) == sorted((m.date() - date(1970, 1, 1)).days for m in moments)
    assert all(day == us // MICROSECONDS_PER_DAY for day, us in rows)


def test_coverage_ends_at_local_midnight_after_the_last_event() -> None:
    with log_of(lines(datetime(2020, 6, 1, 9), datetime(2020, 6, 3, 23, 59)), zone="Europe/London") as log:
        assert log.first == datetime(2020, 6, 1, 8, tzinfo=UTC)
        assert log.until == datetime(2020, 6, 3, 23, tzinfo=UTC)


def test_coverage_given_as_a_day_ends_at_its_beginning() -> None:
    with log_of(lines(datetime(2020, 6, 1)), zone="Europe/London", until=date(2020, 7, 1)) as log:
        assert log.until == datetime(2020, 6, 30, 23, tzinfo=UTC)


def test_sql_relations_can_follow_an_opened_log() -> None:
    with log_of(lines(datetime(2020, 1, 1))) as log:
        assert log.con.sql("SELECT count(*) AS n FROM events").to_arrow_table()["n"].to_pylist() == [1]


def test_no_events_is_an_empty_shop(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        log_of(EVENTS.empty_table())
    assert caught.value.code == "empty-shop"
    shop = ww.create_shop(tmp_path / "s")
    with pytest.raises(InputError, match="worth ingest") as caught:
        open_log(shop)
    assert caught.value.code == "empty-shop"
    assert sorted(path.name for path in shop.folder.iterdir()) == ["shop.toml"]


def test_shop_and_memory_give_the_same_events(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "s", timezone="Asia/Shanghai", data_until="2023-06-01")
    (tmp_path / "o.csv").write_text("customer_id,date,amount\na,2023-05-01,3\nb,2023-05-02,4\n")
    ww.ingest(shop, tmp_path / "o.csv")
    query = f"SELECT {', '.join(name for name in EVENTS.names if name != 'ts')}, ts_us, local_us, day FROM events"
    with open_log(shop) as log:
        stored = log.con.execute(query).fetchall()
        table = log.con.sql(f"SELECT {', '.join(EVENTS.names)} FROM events").to_arrow_table()
        assert log.until == datetime(2023, 5, 31, 16, tzinfo=UTC)
        assert log.version["events"] == 0
        assert str(log.zone) == "Asia/Shanghai"
    with log_of(table, zone="Asia/Shanghai") as again:
        assert again.con.execute(query).fetchall() == stored


def test_log_can_be_opened_as_it_was(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "s")
    versions = []
    for day in (1, 2):
        path = tmp_path / f"{day}.csv"
        path.write_text(f"customer_id,date,amount\na,2023-05-0{day},3\n")
        ww.ingest(shop, path)
        with open_log(shop) as log:
            versions.append(log.version)
    with open_log(shop, versions=versions[0]) as log:
        assert log.con.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
