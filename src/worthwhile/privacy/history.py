"""Rows leave a Delta table: from its newest version at once, then from every older one.

Older versions stay, less these rows: recorded runs name the version that they read, and go on to find it. A Delta
table's log tells of each file its size and the least and greatest value of each column; what is said of a file that
changed is said anew, without values.

For readers, the change is one: files without the rows are written beside the old ones, a commit puts them in their
place, and the ledger then names that version. Only after that are the old files replaced under their own names, by
links to the new ones where there are such: the old versions then take no room of their own. No file that a version
names is ever missing. Each step can be done again after a crash, and ends alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from worthwhile.runs.record import digest_of
from worthwhile.store import sql
from worthwhile.store.tables import Writing

LOG = "_delta_log"
OPERATION = "ERASE"
TEMPORARY = ".erasing-"


@dataclass(frozen=True)
class Rule:
    """What leaves a table: rows for which `where` is true; and columns that get another text in the rows that stay."""

    where: str = "false"
    texts: Mapping[str, str] = field(default_factory=dict)  # column -> SQL of its text

    def concerns(self) -> str:
        """SQL: whether a row leaves or changes."""
        changed = [f"{sql.name(name)} IS DISTINCT FROM {text}" for name, text in self.texts.items()]
        return " OR ".join(f"coalesce({condition}, false)" for condition in (self.where, *changed))

    def kept(self, file: Path) -> str:
        """The query of what stays of a file."""
        replaced = ", ".join(f"{text} AS {sql.name(name)}" for name, text in self.texts.items())
        star = f"* REPLACE ({replaced})" if replaced else "*"
        return f"SELECT {star} FROM {rows_of(file)} WHERE NOT coalesce({self.where}, false)"


def rows_of(file: Path) -> str:
    """A Parquet file for a FROM clause."""
    return f"read_parquet([{sql.text(str(file.absolute()))}], hive_partitioning = false) AS stored"


def named_files(folder: Path) -> list[Path]:
    """The data files that any version of a table names, as far as they are there."""
    named = set()
    for path in (folder / LOG).glob("*.json"):
        named |= {unquote(a["add"]["path"]) for a in _read_lines(path) if "add" in a}
    for path in (folder / LOG).glob("*.parquet"):
        named |= {unquote(add["path"]) for add in pq.read_table(path, columns=["add"])["add"].to_pylist() if add}
    return sorted(folder / name for name in named if (folder / name).is_file())


def concerned(con: duckdb.DuckDBPyConnection, files: Iterable[Path], rule: Rule) -> dict[Path, int]:
    """The files that a rule changes, and how many of their rows."""
    found = {}
    for file in files:
        (count,) = con.execute(f"SELECT count(*) FROM {rows_of(file)} WHERE {rule.concerns()}").fetchall()[0]
        if count:
            found[file] = int(count)
    return found


def table_digest(files: Iterable[str | Path]) -> str:
    """One digest for the files of a table's version."""
    digests = sorted(digest_of(Path(file)) for file in files)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def erase_newest(con: duckdb.DuckDBPyConnection, change: Writing, table: str, rule: Rule, *, at: datetime) -> None:
    """A new version of the table without the rows; readers see it once the ledger names it."""
    folder = change.shop.table_path(table).absolute()
    files = concerned(con, [Path(file) for file in change.files(table)], rule)
    if not files:
        return
    moment = int(at.timestamp() * 1000)
    actions: list[dict[str, Any]] = [
        {"commitInfo": {"timestamp": moment, "operation": OPERATION, "operationParameters": {}}}
    ]
    for file in files:
        beside = file.with_name(f"part-00000-{uuid.uuid4()}-c000.snappy.parquet")
        _write_kept(con, file, rule, beside)
        for kind, path in (("remove", file), ("add", beside)):
            action = {"path": quote(str(path.relative_to(folder))), "partitionValues": {}, "dataChange": True}
            action |= {"deletionTimestamp": moment} if kind == "remove" else _said_of(path, moment)
            actions.append({kind: action})
    version = DeltaTable(folder).version() + 1
    _write_lines(folder / LOG / f"{version:020}.json", actions)
    change.versions[table] = version


def erase_history(con: duckdb.DuckDBPyConnection, folder: Path, rule: Rule) -> None:
    """Take the rows out of every file of a table, and out of what its log tells of them."""
    _remove_unnamed(folder)
    successors = _successors(folder)
    left = set(concerned(con, named_files(folder), rule))
    while left:
        file = last = min(left)
        while last in left and last in successors:
            last = successors[last]
        if last in left or not last.is_file():  # nothing was put in its place, or `compact` took that
            last = last if last in left else file
            _write_kept(con, last, rule, last)
        else:
            _link(last, file)
            last = file
        left.remove(last)
    for path in sorted((folder / LOG).glob("*.json")):
        _correct_commit(folder, path)
    for path in sorted((folder / LOG).glob("*.parquet")):
        _correct_checkpoint(folder, path)
    _remove_unnamed(folder)


def _successors(folder: Path) -> dict[Path, Path]:
    """Of each file that an erasure put aside, the one that it put in its place."""
    found: dict[Path, Path] = {}
    for path in sorted((folder / LOG).glob("*.json")):
        actions = _read_lines(path)
        if any(action.get("commitInfo", {}).get("operation") == OPERATION for action in actions):
            removed = [folder / unquote(action["remove"]["path"]) for action in actions if "remove" in action]
            added = [folder / unquote(action["add"]["path"]) for action in actions if "add" in action]
            found |= dict(zip(removed, added, strict=True))
    return found


def _link(file: Path, name: Path) -> None:
    """Give a file another name, in the place of the one that has it."""
    temporary = name.with_name(TEMPORARY + name.name)
    temporary.unlink(missing_ok=True)
    os.link(file, temporary)
    temporary.replace(name)


def _write_kept(con: duckdb.DuckDBPyConnection, file: Path, rule: Rule, target: Path) -> None:
    """Write what stays of a file to another, or in its own place: whole or not at all."""
    temporary = target.with_name(TEMPORARY + target.name)
    con.execute(f"COPY ({rule.kept(file)}) TO {sql.text(str(temporary))} (FORMAT parquet, COMPRESSION snappy)")
    temporary.replace(target)


def _said_of(file: Path, moment: int) -> dict[str, Any]:
    rows = pq.read_metadata(file).num_rows
    return {"size": file.stat().st_size, "modificationTime": moment, "stats": json.dumps({"numRecords": rows})}


def _write_lines(path: Path, actions: Iterable[Mapping[str, Any]]) -> None:
    temporary = path.with_name(TEMPORARY + path.name)
    temporary.write_text("".join(json.dumps(a, ensure_ascii=False) + "\n" for a in actions), encoding="utf-8")
    temporary.replace(path)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


# ---- what a log tells of its files --------------------------------------------------------------------------------


def _corrected(folder: Path, add: dict[str, Any]) -> dict[str, Any]:
    """What is told of a file, as it is now; of one that is gone, nothing but its rows.

    A file that was written again can have as many rows and bytes as before.
    """
    file = folder / unquote(add["path"])
    told = json.loads(add.get("stats") or "{}")
    rows = told.get("numRecords")
    if not file.is_file():
        return {**add, "stats": json.dumps({"numRecords": rows or 0})}
    now = pq.read_metadata(file).num_rows
    state = file.stat()
    is_older = state.st_mtime_ns // 1_000_000 <= add["modificationTime"]
    if is_older and add["size"] == state.st_size and rows in (None, now):
        return add
    return {**add, "size": state.st_size, "stats": json.dumps({"numRecords": now})}


def _correct_commit(folder: Path, path: Path) -> None:
    actions = _read_lines(path)
    corrected = [{"add": _corrected(folder, a["add"])} if "add" in a else a for a in actions]
    if corrected != actions:
        _write_lines(path, corrected)


def _correct_checkpoint(folder: Path, path: Path) -> None:
    table = pq.read_table(path)
    adds = table["add"].to_pylist()
    corrected = [add and {**add, **_corrected(folder, add)} for add in adds]
    if corrected == adds:
        return
    place = table.schema.get_field_index("add")
    column = pa.array(corrected, table.schema.field(place).type)
    temporary = path.with_name(TEMPORARY + path.name)
    pq.write_table(table.set_column(place, table.schema.field(place), column), temporary)
    temporary.replace(path)


def _remove_unnamed(folder: Path) -> None:
    """Files that no version names: put aside just now, or left by a writer that died, be they whole or torn."""
    named = set(named_files(folder))
    for file in sorted(folder.rglob("*")):
        is_data = file.is_file() and file.parent != folder / LOG
        if (is_data and file not in named) or file.name.startswith(TEMPORARY):
            file.unlink()
