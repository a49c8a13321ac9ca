"""MySQL and MariaDB as a source: a real MariaDB, its types, faults, and reading on from where it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

import worthwhile as ww
from oracles.database_servers import PASSWORD, Running, mariadb
from oracles.documented_queries import check_edited_orders, documented
from worthwhile.errors import InputError
from worthwhile.ingestion import servers
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table

SINCE = (
    "select customer_id, created_at, order_id, price as amount, updated_at from lines"
    " where updated_at > :since and order_id not like '100%' and order_id <> ':since' order by updated_at, id"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with mariadb() as running:
        yield running


@pytest.fixture
def db(server: Running) -> Iterator[Any]:
    """A function that runs a statement as the administrator, over an empty table of order lines."""
    with pymysql.connect(**server.admin, autocommit=True) as connection, connection.cursor() as cursor:

        def run(statement: str, *values: Any) -> Any:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

        run("SET time_zone = '+00:00'")
        run("DROP TABLE IF EXISTS odd, `lines`")
        run(
            "CREATE TABLE `lines` (id int AUTO_INCREMENT PRIMARY KEY, customer_id varchar(20), created_at datetime,"
            " order_id varchar(20), price decimal(10, 2), updated_at timestamp(3) NULL)"
        )
        yield run


@pytest.fixture(autouse=True)
def no_password_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("MYSQL_PWD", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # where .my.cnf would be


def query_of(text: str) -> str:
    return text.replace(" lines", " `lines`")


def read(shop: Shop, server: Running, query: str = SINCE, **options: Any) -> Any:
    [report] = ww.ingest(shop, server.url, query=query_of(query), **options).files
    return report


def caught(shop: Shop, *named: Any, **options: Any) -> InputError:
    with pytest.raises(InputError) as error:
        ww.ingest(shop, *named, **options)
    return error.value


def add(db: Any, order: str, updated: str, customer: str | None = "a") -> None:
    insert = "INSERT INTO `lines` (customer_id, created_at, order_id, price, updated_at)"
    db(f"{insert} VALUES (%s, '2024-03-01 10:00', %s, 5, %s)", customer, order, updated)


def test_texts_are_those_that_the_server_writes(shop: Shop, server: Running, db: Any) -> None:
    db(
        "CREATE TABLE odd (customer_id text, created_at timestamp(3) NULL, wall datetime, day date, zero date,"
        " yes tinyint(1), bits bit(9), raw varbinary(9), js json, money decimal(20, 2), big bigint unsigned,"
        " words text, small double, took time)"
    )
    db("SET sql_mode = ''")
    db(
        "INSERT INTO odd VALUES (NULL, '2024-10-27 01:30:00.250', '2024-07-01 12:00', '2024-07-01', '0000-00-00',"
        " true, b'100000001', x'ff00', '{\"x\": [1]}', 1234567890123456.50, 18446744073709551615,"
        " '商品 😀', 0.5, '10:30')"
    )
    db("INSERT INTO odd (customer_id, created_at, money) VALUES ('a', now(), 1)")
    read(shop, server, "select * from odd", mapping={"amount": "money"})
    [row] = read_table(shop, "quarantine").to_pylist()
    assert json.loads(row["content"]) == {
        "customer_id": None,
        "created_at": "2024-10-27 01:30:00.250+00:00",
        "wall": "2024-07-01 12:00:00",
        "day": "2024-07-01",
        "zero": "0000-00-00",
        "yes": "1",
        "bits": "257",
        "raw": "\\xff00",
        "js": '{"x": [1]}',
        "money": "1234567890123456.50",
        "big": "18446744073709551615",
        "words": "商品 😀",
        "small": "0.5",
        "took": "10:30:00",
    }


def test_ten_thousand_rows_are_streamed_a_few_at_a_time(
    shop: Shop, server: Running, db: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ROWS", 999)
    query = "select concat('c', seq % 700) as customer_id, timestamp('2024-01-01') + interval seq hour as ts,"
    query += " seq as order_id, seq / 100 as amount from seq_1_to_10000"
    told: list[str] = []
    report = read(shop, server, query, progress=lambda text, _: told.append(text))
    counts = [int(text.split(": ")[1].split()[0].replace(",", "")) for text in told if " rows" in text]
    assert counts == [*range(999, 10_000, 999), 10_000]
    assert (report.rows, report.events) == (10_000, 10_000)
    rows = events(shop, "customer_id", "order_id", "amount")
    assert sorted(rows, key=lambda row: int(row[1])) == [(f"c{n % 700}", str(n), n / 100) for n in range(1, 10_001)]


def test_reading_on_takes_new_late_and_changed_rows(shop: Shop, server: Running, db: Any, state: Any) -> None:
    for day, order in enumerate(("o1", "o2", "o3"), 1):
        add(db, order, f"2024-03-0{day} 10:00")
    first = read(shop, server, since="last")
    assert (first.rows, first.events, first.read_until) == (3, 3, "2024-03-03T10:00:00+00:00")
    add(db, "late", "2024-03-03 09:55")
    add(db, "same", "2024-03-03 10:00")
    add(db, "new", "2024-03-04 10:00:00.125")
    add(db, "guest", "2024-03-04 10:00", customer=None)
    second = read(shop, server, since="last")
    assert (second.rows, second.events, second.known, second.refused) == (5, 3, 1, {"no-customer": 1})
    before = state(shop)
    third = read(shop, server, since="last")
    assert (third.rows, third.events, third.known) == (2, 0, 2)
    assert third.notes == ("nothing new since 2024-03-04T10:00:00.125000+00:00",)
    assert state(shop) == before
    assert read(shop, server, since="2024-03-03T18:00:00+08:00").events == 0
    db("UPDATE `lines` SET price = 7, updated_at = '2024-03-05 10:00' WHERE order_id = 'o1'")
    assert read(shop, server, since="last").events == 1


@pytest.mark.parametrize(
    ("type_", "values", "until"),
    [
        ("datetime(6)", ["2024-03-01 10:00", "2024-03-01 10:00", "2024-03-02 10:00"], "2024-03-02T10:00:00"),
        ("date", ["2024-03-01", "2024-03-01", "2024-03-02"], "2024-03-02"),
        ("int", ["-5", "-5", "2147483647"], "2147483647"),
        ("bigint unsigned", ["9007199254740992", "9007199254740992", "9007199254740993"], "9007199254740993"),
        ("decimal(20, 1)", ["1700000000.5", "1700000000.5", "1700000001"], "1700000001"),
    ],
)
def test_reading_goes_on_by_days_and_numbers_too(
    shop: Shop, server: Running, db: Any, type_: str, values: list[str], until: str
) -> None:
    db(f"CREATE TABLE odd (order_id varchar(9), mark {type_})")
    query = "select 'a' as customer_id, '2024-01-01' as ts, 1 as amount, order_id, mark from odd where mark > :since"
    for order, value in enumerate(values):
        db("INSERT INTO odd VALUES (%s, %s)", order, value)
        if order != 1:  # the second row bears the same value as the first, and comes after it was read
            report = read(shop, server, query, since="last")
    assert (report.events, report.read_until) == (2, until)


def test_wrong_password_is_said_without_it_and_that_of_the_environment_is_taken(
    shop: Shop, server: Running, db: Any, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(shop)
    error = caught(shop, server.url.replace(PASSWORD, "wrong-word"), query="select 1")
    assert (error.code, error.where) == ("no-database", server.address)
    assert "Access denied" in error.what and "MYSQL_PWD" in error.remedy
    assert "wrong-word" not in str(error)
    assert state(shop) == before
    monkeypatch.setenv("MYSQL_PWD", PASSWORD)
    assert (
        ww.ingest(shop, server.url.replace(f":{PASSWORD}", ""), query="select 1 as a from dual where 1 = 0").rows == 0
    )


def test_password_of_the_clients_own_file_is_taken(shop: Shop, server: Running, db: Any, tmp_path: Any) -> None:
    (tmp_path / ".my.cnf").write_text(f"[client]\nuser=shop\npassword={PASSWORD}\n")
    bare = server.url.replace(f"shop:{PASSWORD}@", "")
    assert ww.ingest(shop, bare, query="select 1 as a from dual where 1 = 0").rows == 0


def test_nobody_at_the_address_is_said(shop: Shop) -> None:
    error = caught(shop, "mysql://shop:hush@127.0.0.1:1/shop", query="select 1")
    assert (error.code, error.where) == ("no-database", "mysql://127.0.0.1:1/shop")
    assert "hush" not in str(error)
    error = caught(shop, "mysql://shop:hush@127.0.0.1:1/shop?compress=1", query="select 1")
    assert error.code == "bad-argument" and "compress" in error.what and "hush" not in str(error)


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("select * from no_such_table", "no_such_table"),
        ("select no_such_column from `lines`", "no_such_column"),
        ("select 1::int as a", "SQL syntax"),
        ("select nextval(numbers)", "READ ONLY|Unknown|doesn't exist"),
    ],
)
def test_what_the_database_says_of_a_query_is_passed_on(
    shop: Shop, server: Running, db: Any, state: Any, query: str, match: str
) -> None:
    before = state(shop)
    with pytest.raises(InputError, match=match) as error:
        ww.ingest(shop, server.url, query=query)
    assert error.value.code == "bad-query"
    assert state(shop) == before


def test_function_that_writes_is_stopped_by_the_session(shop: Shop, server: Running, db: Any) -> None:
    db("DROP FUNCTION IF EXISTS sneaky")
    db(
        "CREATE FUNCTION sneaky() RETURNS int MODIFIES SQL DATA"
        " BEGIN INSERT INTO `lines` (customer_id) VALUES ('x'); RETURN 1; END"
    )
    error = caught(shop, server.url, query="select sneaky() as a")
    assert "READ ONLY" in error.what
    assert db("SELECT count(*) FROM `lines`") == ((0,),)


@pytest.mark.parametrize("since", ["'; drop table lines; --", "2024-01-01' or '1'='1", "now()", "%s", "\\'"])
def test_since_is_a_value_and_never_sql(shop: Shop, server: Running, db: Any, state: Any, since: str) -> None:
    add(db, "o1", "2024-03-01 10:00")
    before = state(shop)
    error = caught(shop, server.url, query=query_of(SINCE), since=since)
    assert (error.code, error.where) == ("bad-argument", "--since")
    assert state(shop) == before
    assert db("SELECT count(*) FROM `lines`") == ((1,),)


def test_connection_that_is_cut_in_the_middle_leaves_the_shop_as_it_was(
    shop: Shop, server: Running, db: Any, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ROWS", 100)
    add(db, "o1", "2024-03-01 10:00")
    read(shop, server, since="last")
    before = state(shop)
    query = "select concat('c', seq) as customer_id, '2024-01-01' as ts, seq as amount, repeat('x', 9999) as words"
    cut = []

    def cut_it(text: str, _: float) -> None:
        if ": 300 rows" in text:
            cut.extend(db("SELECT id FROM information_schema.processlist WHERE user = 'shop'"))
            db(f"KILL {cut[0][0]}")

    with pytest.raises(InputError) as error:
        ww.ingest(shop, server.url, query=query + " from seq_1_to_10000000", progress=cut_it)
    assert len(cut) == 1
    assert error.value.code == "no-database"
    assert "broke off" in error.value.what
    assert state(shop) == before
    assert read(shop, server, since="last").events == 0


def test_fault_of_ours_in_the_middle_does_not_read_the_result_to_its_end(
    shop: Shop, server: Running, db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "ROWS", 100)

    def stop(text: str, _: float) -> None:
        if " rows" in text:
            raise KeyboardInterrupt

    endless = "select concat('c', seq) as customer_id, '2024-01-01' as ts, seq as amount from seq_1_to_1000000000000"
    with pytest.raises(KeyboardInterrupt):
        ww.ingest(shop, server.url, query=endless, progress=stop)


@pytest.mark.parametrize("query", documented())
def test_documented_query_takes_edited_orders_once_and_whole(shop: Shop, server: Running, db: Any, query: str) -> None:
    check_edited_orders(shop, server.url, query, db)
