"""The event log, opened for queries: DuckDB in process over the files of the shop's Delta tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from worthwhile.errors import InputError
from worthwhile.schema import EVENTS, ITEM_CATEGORIES, ITEMS, STORED, TABLES, local_midnight
from worthwhile.settings import Settings
from worthwhile.shop import Shop
from worthwhile.store import sql
from worthwhile.store.held import Held
from worthwhile.store.merged import MERGED, merged
from worthwhile.store.tables import damaged, held_files

# What the view `events` has beside the columns of the schema: time as integers, alike on every engine.
TIME_COLUMNS: dict[str, str] = {
    "ts_us": "epoch_us(ts)",  # microseconds from 1970-01-01 UTC
    "local_us": "epoch_us(local_ts)",  # the same of the shop's wall clock
    "day": "CAST(local_ts AS DATE) - DATE '1970-01-01'",  # local day counted from 1970-01-01
}


@dataclass
class Log:
    """An open event log: a DuckDB connection with the views `events`, `items`, `item_categories`, `customers`.

    Close it after use.
    """

    con: duckdb.DuckDBPyConnection
    zone: ZoneInfo
    first: datetime  # UTC: the first event
    until: datetime  # UTC: the end of coverage; nothing is known of what happened from here on
    version: dict[str, int] = field(default_factory=dict)  # table -> Delta version read; empty for a log in memory
    held: Held = field(default_factory=lambda: Held({}))  # the files of all tables, which it reads until it is closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.con.close()
        self.held.close()


def connect(settings: Settings, *, spill: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection within the shop's limits of memory and threads, which spills to the folder `spill`."""
    config: dict[str, Any] = {
        "memory_limit": f"{settings['memory_limit_gb']:g}GB",
        "temp_directory": spill,
        "autoinstall_known_extensions": False,  # nothing is fetched from the network behind the user's back
        "autoload_known_extensions": False,
    }
    if settings["threads"]:
        config["threads"] = settings["threads"]
    con = duckdb.connect(config=config)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")  # long work tells its own
    return con


def add_view(con: duckdb.DuckDBPyConnection, view: str, schema: pa.Schema, files: Sequence[str]) -> None:
    """A view over Parquet files in the columns of a schema; empty where there are no files."""
    columns = ", ".join(sql.name(column) for column in schema.names)
    if files:
        con.execute(
            f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS SELECT {columns} FROM read_parquet([{sql.texts(files)}])"
        )
        return
    nulls = ", ".join(f"CAST(NULL AS {_SQL_TYPES[f.type]}) AS {sql.name(f.name)}" for f in schema)
    con.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS SELECT {nulls} WHERE false")


def open_log(shop: Shop, *, versions: Mapping[str, int] | None = None) -> Log:
    """The shop's event log, as it is now or as it was at the Delta versions given (a former `Log.version`).

    Raises InputError `empty-shop` where nothing has been ingested, `damaged` where a table cannot be read.
    """
    held, found = held_files(shop, list(TABLES), versions)
    if not held.files["events"]:
        raise _empty(str(shop.folder))
    con = connect(shop.settings, spill=str(shop.scratch))
    try:
        for table in ("events", "items", "item_categories", "customers"):
            _add_table(con, table, held.files[table], shop)
        until = shop.settings["data_until"]
        log = _log(con, shop.settings.zone, until and date.fromisoformat(until), found, where=str(shop.folder))
        return replace(log, held=held)
    except BaseException:
        con.close()
        held.close()
        raise


def _add_table(con: duckdb.DuckDBPyConnection, table: str, files: Sequence[str], shop: Shop) -> None:
    """The view of a table, in which what batches told of a key is one row. Raises InputError `damaged`."""
    view = f"stored_{table}" if table in ("events", "item_categories") else table
    try:
        if table not in MERGED:
            add_view(con, view, TABLES[table], files)
            return
        add_view(con, f"told_{table}", STORED[table], files)
    except duckdb.Error as error:  # a file is missing or torn; old versions lose theirs to `compact`
        raise damaged(shop, table, str(error).splitlines()[0]) from error
    con.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS {merged(table, sql.name(f'told_{table}'))}")


def log_of(
    events: pa.Table,
    *,
    zone: str | ZoneInfo = "UTC",
    items: pa.Table | None = None,
    item_categories: pa.Table | None = None,
    until: date | datetime | None = None,
) -> Log:
    """The same log from tables in memory, for tests and benchmarks.

    `events` needs `customer_id` and `ts` or `local_ts`; other columns may be missing: a kind is then `order_line`,
    everything is goods, ids count up, the rest is null. `item_categories` are by default those of `items`, known all
    along. `until` is the first local day not covered, or a moment.
    """
    zone = ZoneInfo(zone) if isinstance(zone, str) else zone
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("given_events", events)
    con.execute(f"CREATE TEMP TABLE stored_events AS SELECT {_completed(con, zone)} FROM given_events")
    con.unregister("given_events")
    items = ITEMS.empty_table() if items is None else _with_nulls(items, ITEMS)
    con.register("items", items)
    if item_categories is None:
        item_categories = items.filter(items["category"].is_valid()).select(["item_id", "category"])
    con.register("stored_item_categories", _with_nulls(item_categories, ITEM_CATEGORIES))
    con.execute(
        "CREATE TEMP VIEW customers AS SELECT customer_id, max(country) AS country,"
        " CAST(NULL AS TIMESTAMPTZ) AS registered_at, CAST(NULL AS VARCHAR) AS attributes, 'memory' AS batch_id"
        " FROM stored_events GROUP BY customer_id"
    )
    return _log(con, zone, until, {}, where="the events given")


def log_of_customers(log: Log, customer_ids: Sequence[str]) -> Log:
    """The log as if only these customers were in it, in memory; its span of time stays as it is."""
    with_ids = {"ids": pa.array(customer_ids, pa.string())}
    log.con.register("wanted_customers", pa.table(with_ids))
    try:
        events = log.con.sql(
            f"SELECT {', '.join(EVENTS.names)} FROM events WHERE customer_id IN (SELECT ids FROM wanted_customers)"
        ).to_arrow_table()
        log.con.register("wanted_events", events)
        items, categories = (
            log.con.sql(
                f"SELECT {', '.join(schema.names)} FROM {view} WHERE item_id IN (SELECT item_id FROM wanted_events)"
            ).to_arrow_table()
            for view, schema in (("items", ITEMS), ("item_categories", ITEM_CATEGORIES))
        )
    finally:
        log.con.execute("DROP VIEW IF EXISTS wanted_events")
        log.con.unregister("wanted_customers")
    made = log_of(events, zone=log.zone, items=items, item_categories=categories, until=log.until)
    return replace(made, first=log.first, version=log.version)


_SQL_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def _completed(con: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> str:
    """The select list that makes whole events of a table that has some of the columns."""
    given = {row[0] for row in con.execute("DESCRIBE given_events").fetchall()}
    place = sql.text(str(zone))
    defaults = {
        "event_id": "'e' || row_number() OVER ()",
        "ts": f"timezone({place}, CAST(local_ts AS TIMESTAMP))",
        "local_ts": f"timezone({place}, CAST(ts AS TIMESTAMPTZ))",
        "kind": "'order_line'",
        "is_goods": "true",
        "batch_id": "'memory'",
    }
    columns = []
    for column in EVENTS:
        expression = sql.name(column.name) if column.name in given else defaults.get(column.name, "NULL")
        columns.append(f"CAST({expression} AS {_SQL_TYPES[column.type]}) AS {sql.name(column.name)}")
    return ", ".join(columns)


def _with_nulls(table: pa.Table, schema: pa.Schema) -> pa.Table:
    defaults: dict[str, Any] = {"is_goods": True, "batch_id": "memory"}
    columns = [
        table[column.name].cast(column.type)
        if column.name in table.column_names
        else pa.array([defaults.get(column.name)] * len(table), column.type)
        for column in schema
    ]
    return pa.table(columns, schema=schema)


def _log(
    con: duckdb.DuckDBPyConnection,
    zone: ZoneInfo,
    until: date | datetime | str | None,
    version: dict[str, int],
    *,
    where: str,
) -> Log:
    times = ", ".join(f"{expression} AS {column}" for column, expression in TIME_COLUMNS.items())
    con.execute(f"CREATE OR REPLACE TEMP VIEW events AS SELECT *, {times} FROM stored_events")
    con.execute(
        "CREATE OR REPLACE TEMP VIEW item_categories AS SELECT *, epoch_us(since) AS since_us"
        " FROM stored_item_categories"
    )
    # fetchall, not fetchone: a result that is not read to its end blocks the connection for `con.sql`.
    first_us, last_day = con.execute("SELECT min(ts_us), max(day) FROM events").fetchall()[0]
    if first_us is None:
        raise _empty(where)
    first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=first_us)
    if isinstance(until, datetime):
        end = until.astimezone(UTC)
    elif isinstance(until, date):
        end = local_midnight(until, zone)
    else:
        end = local_midnight(date(1970, 1, 1) + timedelta(days=last_day + 1), zone)
    return Log(con, zone, first, end, version)


def _empty(where: str) -> InputError:
    return InputError(
        "empty-shop",
        "nothing has been ingested yet",
        where=where,
        remedy="ingest a file of orders: worth ingest SHOP FILE",
    )


__all__ = ["TIME_COLUMNS", "Log", "add_view", "connect", "log_of", "log_of_customers", "open_log"]
