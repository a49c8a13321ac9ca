"""Real database servers for tests: started in a folder of their own, reached by a Unix socket, gone afterwards.

Where a server is not installed its tests are skipped; with WORTH_NEED_DATABASES set, they fail instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "zx-secret-81f3"  # such that finding it in a file cannot be chance
SECONDS_TO_START = 60


@dataclass(frozen=True)
class Running:
    """A server with an empty database `shop` and a user `shop` who has PASSWORD."""

    socket: Path
    url: str
    admin: dict[str, Any]  # what the driver's connect takes for the user who may do all

    @property
    def address(self) -> str:
        """What is said and kept of it."""
        return self.url.replace(f"shop:{PASSWORD}@", "")


def _program(name: str, *folders: str) -> str:
    places = [str(place) for pattern in folders for place in sorted(Path("/").glob(pattern.strip("/")), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))
    if found is None:
        text = f"the server program {name} is not installed"
        if os.environ.get("WORTH_NEED_DATABASES"):
            pytest.fail(text)
        pytest.skip(text)
    return found


def _user(name: str) -> dict[str, Any]:
    """Servers do not run as root: then they run as the user that their package made."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def _folder(user: dict[str, Any]) -> Iterator[Path]:
    """Not below pytest's own folders, which only their owner may enter; short, since a socket's path is."""
    folder = Path(tempfile.mkdtemp(prefix="worth-db-", dir="/tmp"))
    if user:
        os.chown(folder, user["user"], user["group"])
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(command: Sequence[str], log: Path, user: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **user)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(process: subprocess.Popen[bytes], log: Path, words: str) -> None:
    """Until the server's log says that it takes connections."""
    end = time.monotonic() + SECONDS_TO_START
    while words not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text(errors="replace")[-2000:])
        time.sleep(0.05)


@contextmanager
def postgresql() -> Iterator[Running]:
    import psycopg

    places = ("/usr/lib/postgresql/*/bin", "/usr/local/bin")
    initdb, postgres = _program("initdb", *places), _program("postgres", *places)
    user = _user("postgres")
    with _folder(user) as folder:
        data, word = folder / "data", folder / "word"
        word.write_text(PASSWORD + "-admin")
        made = [initdb, "-D", data, "-U", "admin", "-A", "scram-sha-256", f"--pwfile={word}", "-E", "UTF8"]
        subprocess.run([*map(str, made), "--no-sync", "--locale=C"], check=True, capture_output=True, **user)
        admin = {"host": str(folder), "user": "admin", "password": PASSWORD + "-admin", "dbname": "shop"}
        log = folder / "log"
        options = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=20")
        command = [postgres, "-D", str(data), *(word for option in options for word in ("-c", option))]
        with _started(command, log, user) as process:
            first = {**admin, "dbname": "postgres"}
            _until_ready(process, log, "ready to accept connections")
            with psycopg.connect(**first, autocommit=True) as connection:
                connection.execute(f"CREATE USER shop PASSWORD '{PASSWORD}'")
                connection.execute("CREATE DATABASE shop OWNER shop")
            yield Running(folder, f"postgresql://shop:{PASSWORD}@/shop?host={folder}", admin)


@contextmanager
def mariadb() -> Iterator[Running]:
    import pymysql

    places = ("/usr/sbin", "/usr/bin")
    install, server = _program("mariadb-install-db", *places), _program("mariadbd", *places)
    user = _user("mysql")
    with _folder(user) as folder:
        data, socket, log = folder / "data", folder / "socket", folder / "log"
        made = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"]
        subprocess.run([*made, "--skip-test-db"], check=True, capture_output=True, **user)
        command = [server, "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking"]
        small = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", f"--pid-file={folder}/pid"]
        with _started([*command, *small], log, user) as process:
            admin = {"unix_socket": str(socket), "user": "root"}
            _until_ready(process, log, "ready for connections")
            with pymysql.connect(**admin) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
                cursor.execute(f"CREATE USER shop IDENTIFIED BY '{PASSWORD}'")
                cursor.execute("GRANT ALL ON shop.* TO shop")
            yield Running(folder, f"mysql://shop:{PASSWORD}@/shop?unix_socket={socket}", {**admin, "database": "shop"})
