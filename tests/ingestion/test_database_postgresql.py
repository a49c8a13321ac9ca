"""PostgreSQL as a source: a real server, its types, faults, and reading on from where it ended."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

import worthwhile as ww
from oracles.database_servers import PASSWORD, Running, postgresql
from oracles.documented_queries import check_edited_orders, documented
from worthwhile.cli.entry import run
from worthwhile.errors import InputError
from worthwhile.ingestion import servers
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table, writing

QUERY = "select customer_id, created_at, order_id, sku, quantity, price, status, updated_at from lines"
SINCE = QUERY + " where updated_at > :since order by updated_at, id"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with postgresql() as running:
        yield running


@pytest.fixture
def db(server: Running) -> Iterator[Any]:
    """The administrator's connection, over an empty table of order lines."""
    with psycopg.connect(**server.admin, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO shop")
        connection.execute("SET ROLE shop")
        connection.execute(
            "CREATE TABLE lines (id serial PRIMARY KEY, customer_id text, created_at timestamptz, order_id text,"
            " sku text, quantity int, price numeric(10, 2), status text, updated_at timestamptz)"
        )
        yield connection


@pytest.fixture(autouse=True)
def no_password_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


def add(db: Any, order: str, updated: str, *, customer: str | None = "a", price: float = 5) -> None:
    db.execute(
        "INSERT INTO lines (customer_id, created_at, order_id, sku, quantity, price, status, updated_at)"
        " VALUES (%s, '2024-03-01 10:00+00', %s, 's1', 2, %s, 'paid', %s)",
        [customer, order, price, updated],
    )


def orders(shop: Shop) -> list[str]:
    return sorted(read_table(shop, "events")["order_id"].to_pylist())


def ledger(shop: Shop) -> list[tuple[int, int, int, int, str | None]]:
    rows = sorted(read_table(shop, "batches").to_pylist(), key=lambda batch: batch["ingested_at"])
    return [tuple(row[k] for k in ("rows", "events", "known", "refused", "read_until")) for row in rows]


def caught(shop: Shop, *named: Any, **options: Any) -> InputError:
    with pytest.raises(InputError) as error:
        ww.ingest(shop, *named, **options)
    return error.value


def test_hours_with_few_rows_know_customers_by_the_ids_of_the_first(shop: Shop, server: Running, db: Any) -> None:
    for n in range(60):
        add(db, f"o{n}", "2024-03-01 10:00+00", customer=str(13000000000 + 7 * n))
    ww.ingest(shop, server.url, query=SINCE, since="last")
    add(db, "60", "2024-03-02 10:00+00", customer="13000000007")
    ww.ingest(shop, server.url, query=SINCE, since="last", overlap="1min")
    assert len(orders(shop)) == 61
    assert len(set(read_table(shop, "events")["customer_id"].to_pylist())) == 60


# ---- values -------------------------------------------------------------------------------------------------------


def test_values_of_all_types_arrive_as_they_are(shop: Shop, server: Running, db: Any, events: Any) -> None:
    query = """
        select 'a' as customer_id, timestamptz '2024-07-01 12:00:00.25+05:30' as created_at, 17 as order_id,
            123456789012345.25::numeric as price, true as "is gift", null as channel, '{"x": [1, 2]}'::jsonb as extra,
            '\\xff00'::bytea as raw, array[1, 2] as many, interval '1 day' as span, date '2024-07-01' as day,
            0.1::float8 as odd
        union all select 'b', '2024-01-01 12:00+00', null, null, false, null, null, null, null, null, null, null
    """
    [report] = ww.ingest(shop, server.url, query=query).files
    assert (report.rows, report.events, report.refused) == (2, 1, {"no-amount": 1})
    assert report.file == server.address
    assert report.mapping["order_id"] == "order_id"
    assert events(shop, "customer_id", "ts", "local_ts", "order_id", "price") == [
        ("a", "2024-07-01 06:30:00.25+00", "2024-07-01 07:30:00.25", "17", 123456789012345.25)
    ]
    [row] = read_table(shop, "quarantine").to_pylist()
    assert '"is gift":"false"' in row["content"] and '"extra":null' in row["content"]


def test_texts_are_those_that_the_server_writes(shop: Shop, server: Running, db: Any) -> None:
    query = """
        select null as customer_id, timestamptz '2024-07-01 12:00:00+05:30' as created_at, true as yes,
            '{"x": [1]}'::jsonb as js, '\\xff00'::bytea as raw, array['a', 'b'] as many, date '2024-07-01' as day,
            timestamp '2024-07-01 12:00' as wall, 1e-7::float8 as small, 10.50::numeric as money, '商品 "x"' as words
        union all select 'a', now(), false, null, null, null, null, null, null, 1, null
    """
    with psycopg.connect(**server.admin, autocommit=True) as admin:
        admin.execute("ALTER DATABASE shop SET timezone = 'Asia/Kolkata'")
        admin.execute("ALTER DATABASE shop SET datestyle = 'German'")
        try:
            ww.ingest(shop, server.url, query=query, mapping={"amount": "money"})
        finally:
            admin.execute("ALTER DATABASE shop RESET ALL")
    [row] = read_table(shop, "quarantine").to_pylist()
    assert json.loads(row["content"]) == {
        "customer_id": None,
        "created_at": "2024-07-01 12:00:00+05:30",
        "yes": "true",
        "js": '{"x": [1]}',
        "raw": "\\xff00",
        "many": "{a,b}",
        "day": "2024-07-01",
        "wall": "2024-07-01 12:00:00",
        "small": "1e-07",
        "money": "10.50",
        "words": '商品 "x"',
    }


def test_the_hour_that_comes_twice_when_summer_ends_is_two_hours(
    shop: Shop, server: Running, db: Any, events: Any
) -> None:
    query = "select 'a' as customer_id, t as ts, 1 as amount from generate_series(timestamptz '2024-10-27 00:30+00',"
    query += " '2024-10-27 01:30+00', '1 hour') t"
    ww.ingest(shop, server.url, query=query)
    assert events(shop, "ts", "local_ts") == [
        ("2024-10-27 00:30:00+00", "2024-10-27 01:30:00"),
        ("2024-10-27 01:30:00+00", "2024-10-27 01:30:00"),
    ]


def test_times_without_zone_are_the_shops(shop: Shop, server: Running, db: Any, events: Any) -> None:
    ww.ingest(shop, server.url, query="select 'a' as customer_id, timestamp '2024-07-01 12:00' as ts, 1 as amount")
    assert events(shop, "ts") == [("2024-07-01 11:00:00+00",)]


def test_ten_thousand_rows_are_streamed_a_few_at_a_time(
    shop: Shop, server: Running, db: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ROWS", 999)
    query = "select 'c' || n % 700 as customer_id, timestamptz '2024-01-01 10:00+00' + n * interval '1 hour' as ts,"
    query += " n as order_id, n / 100.0 as amount from generate_series(1, 10000) n"
    told: list[str] = []
    report = ww.ingest(shop, server.url, query=query, progress=lambda text, _: told.append(text))
    seen = [int(text.split(": ")[1].split()[0].replace(",", "")) for text in told if " rows" in text]
    assert seen == [*range(999, 10_000, 999), 10_000]
    assert (report.rows, report.events, report.refused) == (10_000, 10_000, 0)
    rows = events(shop, "customer_id", "order_id", "amount")
    assert sorted(rows, key=lambda row: int(row[1])) == [(f"c{n % 700}", str(n), n / 100) for n in range(1, 10_001)]


def test_rows_that_a_file_brought_are_known(shop: Shop, server: Running, db: Any, write: Any) -> None:
    ww.ingest(shop, write("customer_id,created_at,order_id,sku,quantity,price\na,2024-03-01T10:00Z,o1,s1,2,5\n"))
    add(db, "o1", "2024-03-01 10:00+00")
    assert ww.ingest(shop, server.url, query=QUERY).known == 1


def test_files_and_a_database_are_read_in_one_command_or_not_at_all(
    shop: Shop, server: Running, db: Any, write: Any, state: Any
) -> None:
    add(db, "o2", "2024-03-01 10:00+00")
    file = write("customer_id,created_at,order_id,amount\na,2024-03-01T10:00Z,o1,5\n")
    bad = write("no orders here", name="bad.csv")
    before = state(shop)
    caught(shop, file, server.url, bad, query=QUERY)
    assert state(shop) == before
    report = ww.ingest(shop, file, server.url, query=QUERY)
    assert [one.file for one in report.files] == ["orders.csv", server.address]
    assert orders(shop) == ["o1", "o2"]


# ---- reading on ---------------------------------------------------------------------------------------------------


def test_reading_on_takes_new_late_and_changed_rows(shop: Shop, server: Running, db: Any) -> None:
    def read() -> tuple[int, int]:
        report = ww.ingest(shop, server.url, query=SINCE, since="last")
        return report.rows, report.events

    for day, order in enumerate(("o1", "o2", "o3"), 1):
        add(db, order, f"2024-03-0{day} 10:00+00")
    assert read() == (3, 3)
    add(db, "late", "2024-03-03 09:55+00")  # committed after the first reading, with a time before its last
    add(db, "same", "2024-03-03 10:00+00")  # with the very last time
    add(db, "new", "2024-03-04 10:00+00")
    add(db, "too late", "2024-03-03 09:49+00")  # further back than ten minutes
    assert read() == (4, 3)
    db.execute("UPDATE lines SET status = 'refunded', updated_at = '2024-03-05 10:00+00' WHERE order_id = 'o1'")
    assert read() == (2, 1)
    assert orders(shop) == ["late", "new", "o1", "o1", "o2", "o3", "same"]
    assert [row[-1] for row in ledger(shop)] == [f"2024-03-0{day}T10:00:00+00:00" for day in (3, 4, 5)]
    report = ww.ingest(shop, server.url, query=SINCE, since="last", overlap="3d")
    assert report.events == 1
    assert "too late" in orders(shop)


def test_nothing_new_is_success_and_changes_no_byte(shop: Shop, server: Running, db: Any, state: Any) -> None:
    add(db, "o0", "2024-02-01 10:00+00")
    add(db, "o1", "2024-03-01 10:00+00")
    add(db, "guest", "2024-03-01 10:00+00", customer=None)
    ww.ingest(shop, server.url, query=SINCE, since="last")
    before = state(shop)
    for overlap in (None, "1h", "400d"):
        [report] = ww.ingest(shop, server.url, query=SINCE, since="last", overlap=overlap).files
        assert report.notes == ("nothing new since 2024-03-01T10:00:00+00:00",)
        assert (report.events, report.read_until) == (0, "2024-03-01T10:00:00+00:00")
    db.execute("DELETE FROM lines")
    [report] = ww.ingest(shop, server.url, query=SINCE, since="last").files
    assert report.notes == ("nothing new since 2024-03-01T10:00:00+00:00",)
    assert state(shop) == before
    assert read_table(shop, "quarantine").num_rows == 1
    add(db, "o2", "2024-03-01 10:01+00")
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 1


def test_query_that_never_gave_a_row_is_success(shop: Shop, server: Running, db: Any, state: Any) -> None:
    before = state(shop)
    [report] = ww.ingest(shop, server.url, query=SINCE, since="last").files
    assert (report.rows, report.notes) == (0, ("the query's answer has no row",))
    [report] = ww.ingest(shop, server.url, query=SINCE, since="2024-01-01").files
    assert report.notes == ("nothing new since 2024-01-01T00:00:00+00:00",)
    assert state(shop) == before


def test_row_of_a_forgotten_customer_in_the_overlap_is_refused_once(shop: Shop, server: Running, db: Any) -> None:
    add(db, "o1", "2024-03-01 10:00+00", customer="jane")
    add(db, "o2", "2024-03-01 10:00+00", customer="ola")
    ww.ingest(shop, server.url, query=SINCE, since="last")
    ww.forget(shop, "jane")
    for number in (1, 2):
        add(db, f"n{number}", f"2024-03-01 10:0{number}+00", customer="ola")
        [report] = ww.ingest(shop, server.url, query=SINCE, since="last").files
        assert report.events == 1
    assert read_table(shop, "quarantine")["reason"].to_pylist() == ["forgotten"]


def test_batch_of_nothing_but_refused_rows_is_kept_and_not_kept_twice(shop: Shop, server: Running, db: Any) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    ww.ingest(shop, server.url, query=SINCE, since="last")
    add(db, "guest", "2024-03-02 10:00+00", customer=None)
    [report] = ww.ingest(shop, server.url, query=SINCE, since="last").files
    assert (report.rows, report.events, report.known, report.refused) == (2, 0, 1, {"no-customer": 1})
    add(db, "guest", "2024-03-02 10:01+00", customer=None)
    [report] = ww.ingest(shop, server.url, query=SINCE, since="last").files
    assert (report.rows, report.events, report.known, report.refused) == (2, 0, 1, {"no-customer": 1})
    assert read_table(shop, "quarantine").num_rows == 2
    assert ledger(shop)[-1] == (2, 0, 1, 1, "2024-03-02T10:01:00+00:00")


def test_columns_stay_those_of_the_first_batch(shop: Shop, server: Running, db: Any) -> None:
    query = "select buyer, paid, who, total, updated_at from odd where updated_at > :since"
    db.execute("CREATE TABLE odd (buyer text, paid timestamptz, who text, total text, updated_at timestamptz)")
    insert = "INSERT INTO odd VALUES (%s, '2024-03-01 10:00+00', %s, %s, %s)"
    db.execute(insert, ["a", "x", "5", "2024-03-01"])
    mapping = {"customer_id": "who", "ts": "paid", "amount": "total"}
    [first] = ww.ingest(shop, server.url, query=query, since="last", mapping=mapping).files
    ww.shop.change_settings(shop, {"ingest.columns": {}})
    db.execute(insert, ["b", "y", "not known yet", "2024-03-02"])
    db.execute(insert, ["b", "y", "7", "2024-03-02"])
    for again in (None, {"amount": "total"}):  # a cron line repeats its --map
        [second] = ww.ingest(shop, server.url, query=query, since="last", mapping=again).files
        assert second.mapping == first.mapping
    error = caught(shop, server.url, query=query, since="last", mapping={**mapping, "customer_id": "buyer"})
    assert "read with other columns" in error.what


def test_value_given_is_where_it_begins_and_last_goes_on_from_there(shop: Shop, server: Running, db: Any) -> None:
    for day in (1, 2, 3):
        add(db, f"o{day}", f"2024-03-0{day} 10:00+00")
    assert ww.ingest(shop, server.url, query=SINCE, since="2024-03-02T10:00:00+00:00").events == 1
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 0
    moment = datetime(2024, 3, 1, 10, tzinfo=UTC)
    assert ww.ingest(shop, server.url, query=SINCE, since=moment).events == 1
    assert orders(shop) == ["o2", "o3"]
    # A value of the future finds nothing and moves nothing.
    assert ww.ingest(shop, server.url, query=SINCE, since="2030-01-01").rows == 0
    add(db, "o4", "2024-03-04 10:00+00")
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 1


def test_row_of_the_future_does_not_end_all_reading(shop: Shop, server: Running, db: Any) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    add(db, "odd", "2099-01-01 10:00+00")
    add(db, "never", "infinity")
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 3
    add(db, "o2", "2024-03-02 10:00+00")
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 1
    assert ledger(shop)[-1][-1] == "2024-03-02T10:00:00+00:00"


@pytest.mark.parametrize(
    ("type_", "values", "until"),
    [
        ("timestamp", ["2024-03-01 10:00", "2024-03-01 10:00", "2024-03-02 10:00"], "2024-03-02T10:00:00"),
        ("date", ["2024-03-01", "2024-03-01", "2024-03-02"], "2024-03-02"),
        ("smallint", ["-32767", "-32767", "7"], "7"),
        ("int", ["1", "1", "2147483647"], "2147483647"),
        ("bigint", ["9007199254740992", "9007199254740992", "9007199254740993"], "9007199254740993"),
        ("numeric", ["1700000000.5", "1700000000.5", "1700000001"], "1700000001"),
        ("float8", ["1.5", "1.5", "2.5"], "2.5"),
    ],
)
def test_reading_goes_on_by_days_and_numbers_too(
    shop: Shop, server: Running, db: Any, type_: str, values: list[str], until: str
) -> None:
    db.execute(f"CREATE TABLE odd (order_id text, mark {type_})")
    query = "select 'a' as customer_id, '2024-01-01' as ts, 1 as amount, order_id, mark from odd where mark > :since"
    for order, value in enumerate(values):
        db.execute("INSERT INTO odd VALUES (%s, %s)", [order, value])
        if order != 1:  # the second row bears the same value as the first, and comes after it was read
            report = ww.ingest(shop, server.url, query=query, since="last")
    assert report.events == 2
    assert ledger(shop)[-1][-1] == until


def test_other_query_or_other_database_begins_anew(shop: Shop, server: Running, db: Any) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    ww.ingest(shop, server.url, query=SINCE, since="last")
    again = ww.ingest(shop, server.url, query=SINCE.replace(" order by", "\n  ORDER BY"), since="last")
    assert (again.rows, again.known) == (1, 1)
    sources = read_table(shop, "batches")["source"].to_pylist()
    assert [source.split()[0] for source in sources] == [server.address] * len(sources)


def test_runs_of_every_hour_end_up_with_what_one_run_at_the_end_sees(
    shop: Shop, server: Running, db: Any, tmp_path: Path, events: Any
) -> None:
    command = ["ingest", str(shop.folder), server.url, "--query", SINCE, "--since", "last"]
    for hour in range(5):
        if hour % 3:  # every third hour brings nothing
            for n in range(hour):
                moment = f"2024-03-01 {hour:02d}:{7 * n:02d}+00"
                add(db, f"o{hour}-{n}", moment, customer=f"c{n}" if n != 2 else None, price=hour + n)
        assert run(command) == 0
    whole = ww.create_shop(tmp_path / "whole", currency="GBP", timezone="Europe/London", threads=1)
    ww.ingest(whole, server.url, query=QUERY)
    assert events(shop, "event_id", "amount") == events(whole, "event_id", "amount")
    held = [sorted(read_table(one, "quarantine")["content"].to_pylist()) for one in (shop, whole)]
    assert held[0] == held[1] and len(held[0]) == 1


# ---- two at once --------------------------------------------------------------------------------------------------


def test_second_of_two_runs_waits_for_the_first_and_finds_nothing_new(shop: Shop, server: Running, db: Any) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    slow = SINCE.replace(" where", ", pg_sleep(0.7) where")
    reports: list[Any] = []
    threads = [
        threading.Thread(target=lambda: reports.append(ww.ingest(shop, server.url, query=slow, since="last")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.events for report in reports) == [0, 1]
    assert orders(shop) == ["o1"]


def test_run_that_waited_in_vain_says_that_the_shop_is_busy(shop: Shop, server: Running, db: Any) -> None:
    with writing(shop):
        begun = time.monotonic()
        error = caught(shop, server.url, query=QUERY, wait=0.3)
        assert time.monotonic() - begun >= 0.3
    assert error.code == "shop-busy"
    assert "0.3 seconds" in error.what


# ---- faults -------------------------------------------------------------------------------------------------------


def test_wrong_password_is_said_without_it(shop: Shop, server: Running, state: Any) -> None:
    before = state(shop)
    error = caught(shop, server.url.replace(PASSWORD, "wrong-word"), query=QUERY)
    assert (error.code, error.where) == ("no-database", server.address)
    assert "password authentication failed" in error.what
    assert "PGPASSWORD" in error.remedy
    assert "wrong-word" not in str(error)
    assert state(shop) == before


def test_password_of_the_environment_and_of_pgpass_is_taken(
    shop: Shop, server: Running, db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = f"postgresql://shop@/shop?host={server.socket}"
    assert "password" in caught(shop, bare, query=QUERY).what
    own = tmp_path / "pgpass"
    own.write_text(f"*:*:shop:shop:{PASSWORD}\n")
    own.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(own))
    assert ww.ingest(shop, bare, query=QUERY).rows == 0
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert ww.ingest(shop, bare, query=QUERY).rows == 0


def test_nobody_at_the_address_is_said(shop: Shop) -> None:
    error = caught(shop, "postgresql://shop:hush@127.0.0.1:1/shop", query=QUERY)
    assert (error.code, error.where) == ("no-database", "postgresql://127.0.0.1:1/shop")
    assert "refused" in error.what and "hush" not in str(error)


def test_unknown_option_of_the_address_is_said(shop: Shop) -> None:
    error = caught(shop, "postgresql://shop:hush@127.0.0.1:1/shop?sslmod=require", query=QUERY)
    assert error.code == "bad-argument" and "sslmod" in error.what and "hush" not in str(error)


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("select * from no_such_table", 'relation "no_such_table" does not exist'),
        ("select no_such_column from lines", "no_such_column"),
        ("select 1 / (id - id) from lines", "division by zero"),
        ("select customer_id + 1 from lines", "operator does not exist"),
        ("select nextval('lines_id_seq')", "read-only transaction"),
        ("select", "no column"),
    ],
)
def test_what_the_database_says_of_a_query_is_passed_on(
    shop: Shop, server: Running, db: Any, state: Any, query: str, match: str
) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    before = state(shop)
    error = caught(shop, server.url, query=query)
    assert error.code == "bad-query"
    assert match in error.what
    assert state(shop) == before


@pytest.mark.parametrize(
    "since", ["'; drop table lines; --", "2024-01-01' or '1'='1", "now()", "$1", "%s", "last'", "-infinity", "\x00"]
)
def test_since_is_a_value_and_never_sql(shop: Shop, server: Running, db: Any, state: Any, since: str) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    before = state(shop)
    error = caught(shop, server.url, query=SINCE, since=since)
    assert (error.code, error.where) == ("bad-argument", "--since")
    assert state(shop) == before
    assert db.execute("SELECT count(*) FROM lines").fetchone() == (1,)


def test_column_that_is_no_time_and_no_number_is_refused(shop: Shop, server: Running, db: Any) -> None:
    query = "select customer_id, created_at, price as amount, sku from lines where sku > :since"
    assert "as text" in caught(shop, server.url, query=query, since="last").what
    query = "select customer_id, created_at, price as amount, updated_at::text from lines where updated_at > :since"
    assert "not in the result" in caught(shop, server.url, query=query, since="last").what
    query = "select * from (select *, updated_at::text as u from lines where updated_at::text > :since) x"
    assert caught(shop, server.url, query=query, since="last").code == "bad-query"


def test_connection_that_is_cut_in_the_middle_leaves_the_shop_as_it_was(
    shop: Shop, server: Running, db: Any, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ROWS", 100)
    add(db, "o1", "2024-03-01 10:00+00")
    ww.ingest(shop, server.url, query=SINCE, since="last")
    before = state(shop)
    query = "select 'c' || n as customer_id, timestamptz '2024-01-01' as ts, n as amount, pg_sleep(0.0001) as s"
    query += " from generate_series(1, 100000) n"
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'worthwhile'"
    db.execute("RESET ROLE")
    cut = []

    def cut_it(text: str, _: float) -> None:
        if ": 300 rows" in text:
            cut.append(db.execute(kill).fetchone())

    with pytest.raises(InputError) as error:
        ww.ingest(shop, server.url, query=query, progress=cut_it)
    assert cut == [(1,)]
    assert error.value.code == "no-database"
    assert "broke off" in error.value.what
    assert state(shop) == before
    assert ww.ingest(shop, server.url, query=SINCE, since="last").events == 0


def test_password_is_nowhere_in_the_shop_nor_in_what_is_printed(
    shop: Shop, server: Running, db: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    add(db, "o1", "2024-03-01 10:00+00")
    add(db, "guest", "2024-03-01 10:00+00", customer=None)
    folder = str(shop.folder)
    common = ["ingest", folder, server.url]
    assert run([*common, "--query", SINCE, "--since", "last"]) == 0
    assert run([*common, "--query", SINCE, "--since", "last", "--json"]) == 0
    assert run([*common, "--query", "select nothing", "--debug"]) == 3
    assert run([*common, "--query", "select", "--json"]) == 3
    assert run([*common]) == 2
    assert run(["ingest", folder, server.url.replace("shop?", "elsewhere?"), "--query", QUERY, "--debug"]) == 9
    assert run(["check", folder]) == 0
    said = capsys.readouterr()
    assert PASSWORD not in said.out + said.err
    assert "shop?host" in said.out
    for file in shop.folder.rglob("*"):
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes(), file
    for table in ("batches", "quarantine", "events"):
        assert PASSWORD not in str(read_table(shop, table).to_pylist())


@pytest.mark.parametrize("query", documented())
def test_documented_query_takes_edited_orders_once_and_whole(shop: Shop, server: Running, db: Any, query: str) -> None:
    check_edited_orders(shop, server.url, query, db.execute)
