"""Where a database is: a URL given where a file could be, and what of it may be shown and remembered.

The password is never part of what is shown. What libpq and drivers say of a URL that they cannot read repeats pieces
of it, so a URL is read here first, and one that cannot be read is not repeated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from worthwhile.errors import InputError

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_PORTS = {"postgresql": "5432", "mysql": "3306"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_URL = re.compile(
    r"[^:]+://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^@/?#]*))?@)?(?P<hosts>[^@/?#]*)"
    r"(?:/(?P<database>[^@/?#]*))?(?:\?(?P<options>[^@#]*))?"
)
_HOST = re.compile(r"(?P<host>\[[^\]]+\]|[^:,\[\]]*)(?::(?P<port>\d+))?")


@dataclass(frozen=True)
class Address:
    """A database's address. `text` is what is said and kept: without user, password and options."""

    url: str = field(repr=False)
    kind: str  # postgresql or mysql
    text: str
    user: str
    password: str = field(repr=False)
    host: str
    port: str
    database: str
    options: Mapping[str, str] = field(repr=False)

    def without_password(self, message: str) -> str:
        """What a database or driver said, in one line, without the password should it stand in there."""
        secrets = {self.password, quote(self.password, safe=""), *(os.environ.get(name) for name in PASSWORD_VARIABLES)}
        line = " ".join(message.split())
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            line = line.replace(secret, "***")
        return line


PASSWORD_VARIABLES = ("PGPASSWORD", "MYSQL_PWD")


def scheme_of(text: str) -> str | None:
    """The scheme of what may be a URL, in small letters; None where it is none and so a file."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def read_address(url: str, environ: Mapping[str, str] = os.environ) -> Address:
    """The address that a URL stands for. Raises InputError `bad-argument`, which repeats no more than the scheme."""
    scheme = scheme_of(url)
    if scheme not in SCHEMES:
        raise InputError(
            "bad-argument",
            f"`{scheme}://` is nothing that can be read",
            remedy="name a file, or a database with postgresql:// or mysql://",
        )
    kind = SCHEMES[scheme]
    match = _URL.fullmatch(url)
    hosts = [_HOST.fullmatch(one) for one in match["hosts"].split(",")] if match else [None]
    if match is None or None in hosts:
        raise InputError(
            "bad-argument",
            "the address cannot be understood",
            where=f"{scheme}://...",
            remedy="write postgresql://user@host:port/database, and in a user or password %40 for @, %3A for :, "
            "%2F for /, %3F for ?, %23 for #",
        )
    options = dict(parse_qsl(match["options"] or "", keep_blank_values=True))
    found = {name: unquote(match[name] or "") for name in ("user", "password", "database")}
    host = ",".join(unquote(one["host"]) for one in hosts if one)
    port = ",".join(one["port"] or "" for one in hosts if one).strip(",")
    where = _postgresql_place if kind == "postgresql" else _mysql_place
    text = where(host, port, found["database"], options, environ)
    password = found["password"] or options.get("password", "")
    return Address(url, kind, text, found["user"], password, host, port, found["database"], options)


def _postgresql_place(
    host: str, port: str, database: str, options: Mapping[str, str], environ: Mapping[str, str]
) -> str:
    """What libpq will take for host, port and database, from the URL, its options, the environment."""
    host = host or options.get("host") or environ.get("PGHOST", "")
    port = port or options.get("port") or environ.get("PGPORT", "")
    database = database or options.get("dbname") or environ.get("PGDATABASE", "")
    service = options.get("service") or environ.get("PGSERVICE", "")
    extra = [f"host={host}"] * host.startswith("/") + [f"service={service}"] * bool(service)
    return _text("postgresql", "" if host.startswith("/") else host, port, database, extra)


def _mysql_place(host: str, port: str, database: str, options: Mapping[str, str], environ: Mapping[str, str]) -> str:
    socket = options.get("unix_socket", "")
    extra = [f"unix_socket={socket}"] * bool(socket)
    return _text("mysql", "" if socket else host or "localhost", port, database, extra)


def _text(kind: str, host: str, port: str, database: str, extra: list[str]) -> str:
    port = "" if port == _PORTS[kind] else port
    place = f"{kind}://{host.lower()}{':' * bool(port)}{port}/{database}"
    return place + ("?" + "&".join(extra) if extra else "")
