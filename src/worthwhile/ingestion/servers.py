"""The two kinds of database that are read, alike: connect, say what a query's result is, stream its rows as texts.

Every value is the text that the server itself writes for it, so that nothing is rounded on the way. Sessions are
read-only and see one state of the database from first row to last.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from worthwhile.errors import InputError
from worthwhile.ingestion.address import Address
from worthwhile.ingestion.query import Query, bad_query
from worthwhile.ingestion.since import Value

ROWS = 10_000  # fetched at a time
CONNECT_SECONDS = 15
Row = Sequence[Any]


@dataclass(frozen=True)
class Field:
    """A column of the result: its name, and of which kind of `since.KINDS` it is, if any."""

    name: str
    kind: str | None = None


class Server(Protocol):
    """An open connection. Its methods raise InputError `bad-query` or `no-database`."""

    now: datetime  # when the state of the database that is read was taken

    def fields(self, query: Query) -> list[Field]:
        """The columns of the result, before anything is read."""

    def rows(self, query: Query, since: Value | None) -> Iterator[list[Row]]:
        """The rows, some at a time; without `since` a query that has `:since` gives all."""


@contextmanager
def connected(address: Address) -> Iterator[Server]:
    """A session that can only read. Raises InputError `no-database`, `bad-argument`, `missing-extra`."""
    connect = _postgresql if address.kind == "postgresql" else _mysql
    with connect(address) as server:
        yield server


def _missing_driver(address: Address, driver: str) -> InputError:
    return InputError(
        "missing-extra",
        f"{driver} is needed to read from a database of this kind, and is not installed",
        where=address.text,
        remedy="pip install 'worthwhile[databases]'",
    )


def _no_database(address: Address, error: Exception, what: str, remedy: str) -> InputError:
    said = address.without_password(_words(error))
    return InputError("no-database", f"{what}: {said}", where=address.text, remedy=remedy)


def _words(error: Exception) -> str:
    """What a database said, without the lines that repeat the query and point at a place in it."""
    diagnosis = getattr(error, "diag", None)
    if diagnosis is not None and diagnosis.message_primary:
        parts = (diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint)
        return ". ".join(part for part in parts if part)
    if len(error.args) == 2 and isinstance(error.args[0], int):
        return str(error.args[1])
    return str(error)


def _cannot_connect(address: Address, error: Exception) -> InputError:
    return _no_database(
        address, error, "it cannot be connected to",
        "check host, port, database and user; the password is taken from the environment "
        + ("(PGPASSWORD) or from ~/.pgpass" if address.kind == "postgresql" else "(MYSQL_PWD) or from ~/.my.cnf"),
    )  # fmt: skip


def _broken_off(address: Address, error: Exception) -> InputError:
    return _no_database(address, error, "it broke off while it was read", "run the command again: nothing was written")


def _refused(address: Address, error: Exception) -> InputError:
    return bad_query(f"the database says: {address.without_password(_words(error))}", "mend the query")


# ---- PostgreSQL ---------------------------------------------------------------------------------------------------

_BOOL = 16
_POSTGRESQL_KINDS = {1184: "moment", 1114: "wall", 1082: "day"} | dict.fromkeys(
    (20, 21, 23, 26, 700, 701, 1700), "number"
)
# Type that the server takes `:since` for -> a value before all others of it.
_TIMES = ("timestamp with time zone", "timestamp without time zone", "date")
_LEAST = dict.fromkeys(_TIMES, "-infinity") | {
    "smallint": -(2**15), "integer": -(2**31), "bigint": -(2**63), "oid": 0,
    "numeric": -(10**40), "real": "-infinity", "double precision": "-infinity",
}  # fmt: skip


@contextmanager
def _postgresql(address: Address) -> Iterator[Server]:
    try:
        import psycopg
    except ImportError as error:
        raise _missing_driver(address, "psycopg") from error
    has_limit = "connect_timeout" in address.options or "PGCONNECT_TIMEOUT" in os.environ
    limit: dict[str, Any] = {} if has_limit else {"connect_timeout": CONNECT_SECONDS}
    try:
        connection = psycopg.connect(address.url, client_encoding="UTF8", application_name="worthwhile", **limit)
    except psycopg.ProgrammingError as error:  # libpq's word on an option of the URL
        raise InputError(
            "bad-argument", address.without_password(str(error)), where=address.text, remedy="mend the address"
        ) from None
    except (psycopg.Error, UnicodeError) as error:
        raise _cannot_connect(address, error) from None
    try:
        yield _Postgresql(address, connection)
    finally:
        connection.close()


class _Postgresql:
    def __init__(self, address: Address, connection: Any) -> None:
        import psycopg
        from psycopg.types.string import TextLoader

        self._address, self._connection, self._parameter = address, connection, ""
        self._booleans: list[int] = []
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with self._faults():
            # How values are written; and that all rows are wanted, not the first few soon.
            connection.execute("SET LOCAL DateStyle = 'ISO, YMD'")
            connection.execute("SET LOCAL bytea_output = 'hex'")
            connection.execute("SET LOCAL cursor_tuple_fraction = 1")
            self.now: datetime = connection.execute("SELECT now()").fetchone()[0].astimezone(UTC)
        for known in connection.adapters.types:
            for oid in filter(None, (known.oid, known.array_oid)):
                connection.adapters.register_loader(oid, TextLoader)

    def fields(self, query: Query) -> list[Field]:
        import psycopg

        with self._faults():
            self._parameter = self._type_of_since(query) if query.has_since else ""
            with psycopg.RawServerCursor(self._connection, "worth_look") as cursor:
                cursor.execute(self._text(query), [None] if query.has_since else None)
                described = list(cursor.description or ())
        fields = [Field(column.name, _POSTGRESQL_KINDS.get(column.type_code)) for column in described]
        self._booleans = [index for index, column in enumerate(described) if column.type_code == _BOOL]
        if query.has_since:
            self._check_comparison(fields[query.index_of_since([field.name for field in fields])], query)
        return fields

    def rows(self, query: Query, since: Value | None) -> Iterator[list[Row]]:
        import psycopg

        with self._faults(), psycopg.RawServerCursor(self._connection, "worth_rows") as cursor:
            cursor.execute(self._text(query), [self._bound(since)] if query.has_since else None)
            while rows := cursor.fetchmany(ROWS):
                yield self._with_words(rows) if self._booleans else rows

    def _with_words(self, rows: list[Row]) -> list[Row]:
        """Booleans as true and false; the server writes t and f."""
        words = {"t": "true", "f": "false", None: None}
        return [[words[value] if index in self._booleans else value for index, value in enumerate(row)] for row in rows]

    def _text(self, query: Query) -> str:
        return "$1".join(query.pieces)

    def _type_of_since(self, query: Query) -> str:
        """What the server takes the parameter for."""
        self._connection.execute(f"PREPARE worth_query AS {self._text(query)}")
        asked = "SELECT parameter_types[1]::text FROM pg_prepared_statements WHERE name = 'worth_query'"
        [(name,)] = self._connection.execute(asked).fetchall()
        self._connection.execute("DEALLOCATE worth_query")
        return str(name)

    def _check_comparison(self, field: Field, query: Query) -> None:
        is_time = self._parameter in _TIMES
        if self._parameter not in _LEAST or (field.kind is not None and is_time != (field.kind != "number")):
            raise bad_query(
                f"`:since` is compared with `{query.compared}` as {self._parameter}",
                "compare it with a time, a day or a number, and select that as it is",
            )

    def _bound(self, since: Value | None) -> str:
        """Always a text: the server reads it as what it compares it with."""
        least = _LEAST[self._parameter]
        if since is None:
            return str(least)
        if isinstance(since, Decimal):
            return format(max(since, Decimal(least)) if isinstance(least, int) else since, "f")
        return since.isoformat()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if self._connection.closed or error.sqlstate is None:
                raise _broken_off(self._address, error) from None
            raise _refused(self._address, error) from None
        except psycopg.Error as error:
            raise _refused(self._address, error) from None
        except UnicodeDecodeError as error:
            raise _not_utf8() from error


def _not_utf8() -> InputError:
    return bad_query("a text in the result is not UTF-8", "convert it in the query, or leave that column out")


# ---- MySQL and MariaDB --------------------------------------------------------------------------------------------

_MYSQL_KINDS = {7: "moment", 12: "wall", 10: "day", 14: "day"} | dict.fromkeys((0, 1, 2, 3, 4, 5, 8, 9, 246), "number")
_BIT = 16
_FIRST_DAYS = datetime(1000, 1, 1)  # of MySQL's DATETIME
_LOST = (
    1053,
    1317,
    1927,
    *range(2000, 3000),
)  # the server shuts down, the query or connection was killed, the client's
_MYSQL_OPTIONS = ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "connect_timeout")
_OFFSET = "+00:00"


@contextmanager
def _mysql(address: Address) -> Iterator[Server]:
    try:
        import pymysql
    except ImportError as error:
        raise _missing_driver(address, "PyMySQL") from error
    arguments = _mysql_arguments(address)
    try:
        connection = pymysql.connect(**arguments)
    except (pymysql.Error, OSError, RuntimeError, UnicodeError) as error:  # RuntimeError: a login needs cryptography
        raise _cannot_connect(address, error) from None
    try:
        yield _Mysql(address, connection)
    finally:
        if connection.open:
            connection.close()


def _mysql_arguments(address: Address) -> dict[str, Any]:
    from pymysql.converters import encoders

    for name, value in address.options.items():
        if name not in (*_MYSQL_OPTIONS, "password") or (name == "connect_timeout" and not value.isdigit()):
            raise InputError(
                "bad-argument",
                f"`{name}` in the address cannot be used",
                where=address.text,
                remedy=f"options are {', '.join(_MYSQL_OPTIONS)}",
            )
    options: dict[str, Any] = {name: value for name, value in address.options.items() if name in _MYSQL_OPTIONS}
    options["connect_timeout"] = int(options.get("connect_timeout", CONNECT_SECONDS))
    given = {
        "host": address.host,
        "port": int(address.port or 0),
        "user": address.user,
        "password": address.password or os.environ.get("MYSQL_PWD", ""),
        "database": address.database,
    }
    own = Path("~/.my.cnf").expanduser()
    if own.is_file():  # what is not given may stand in the file of MySQL's own clients
        options["read_default_file"] = str(own)
    # No decoders: every value stays the text that the server sent.
    return {key: value for key, value in given.items() if value} | options | {"charset": "utf8mb4", "conv": encoders}


class _Mysql:
    def __init__(self, address: Address, connection: Any) -> None:
        self._address, self._connection = address, connection
        self._fields: list[Field] = []
        self._bits: list[int] = []
        with self._faults():
            # TIMESTAMP is written in the session's zone; in one with summer time an hour would be written twice.
            self._do("SET SESSION time_zone = '+00:00'")
            self._do("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._do("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            self.now = datetime.fromisoformat(self._do("SELECT UTC_TIMESTAMP(6)")).replace(tzinfo=UTC)

    def _do(self, statement: str) -> str:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        return str(row[0]) if row else ""

    def fields(self, query: Query) -> list[Field]:
        """Asked for no row, the server gives the columns alone."""
        with self._faults():
            self._do("SET SESSION sql_select_limit = 0")
            with self._cursor() as cursor:
                cursor.execute(*self._call(query, None))
                described = list(cursor.description or ())
            self._do("SET SESSION sql_select_limit = DEFAULT")
        self._fields = [Field(column[0], _MYSQL_KINDS.get(column[1])) for column in described]
        self._bits = [index for index, column in enumerate(described) if column[1] == _BIT]
        return self._fields

    def rows(self, query: Query, since: Value | None) -> Iterator[list[Row]]:
        value: Any = since
        if query.has_since:
            kind = self._fields[query.index_of_since([field.name for field in self._fields])].kind
            value = _first_of(kind) if since is None else since
            value = value.astimezone(UTC).replace(tzinfo=None) if kind == "moment" and since is not None else value
        with self._faults(), self._cursor() as cursor:
            cursor.execute(*self._call(query, value))
            while rows := cursor.fetchmany(ROWS):
                yield [self._texts(row) for row in rows]

    def _call(self, query: Query, value: Any) -> tuple[str, list[Any] | None]:
        if not query.has_since:
            return query.text, None
        return "%s".join(piece.replace("%", "%%") for piece in query.pieces), [value] * (len(query.pieces) - 1)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor that streams. Closed, it would read what is left of the result: after a fault the line is cut."""
        from pymysql.cursors import SSCursor

        cursor = SSCursor(self._connection)
        try:
            yield cursor
            cursor.close()
        except BaseException:
            self._connection._force_close()
            if cursor._result is not None:
                cursor._result.unbuffered_active = False  # else it is read on when it is let go
            cursor.connection = None
            raise

    def _texts(self, row: Row) -> list[str | None]:
        return [self._text(index, value) for index, value in enumerate(row)]

    def _text(self, index: int, value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, bytes):
            return str(int.from_bytes(value)) if index in self._bits else "\\x" + value.hex()
        return value + _OFFSET if self._fields[index].kind == "moment" else str(value)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        import pymysql

        try:
            yield
        except pymysql.Error as error:
            number = error.args[0] if error.args else 0
            if number in _LOST or not number or isinstance(error, pymysql.InterfaceError):
                raise _broken_off(self._address, error) from None
            raise _refused(self._address, error) from None
        except OSError as error:
            raise _broken_off(self._address, error) from None
        except UnicodeDecodeError as error:
            raise _not_utf8() from error


def _first_of(kind: str | None) -> Any:
    """A value before all others of its kind."""
    return {"day": _FIRST_DAYS.date(), "number": Decimal(-(2**63))}.get(kind or "", _FIRST_DAYS)
