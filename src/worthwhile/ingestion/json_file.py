"""JSON becomes a table: nested objects by dotted names, an order's lines one row each.

A document is a line of JSON lines, a member of a list, or of the one list of an object. What lies in objects is a
column with a dotted name (`billing.email`). The list of an order's lines (`LINES`) makes a row of each line, which
repeats all else of its document; of any other list the first member counts, but for sums of money, which are added
up. Lists of key and value, as Google Analytics writes its parameters, are columns by their keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from worthwhile.errors import InputError
from worthwhile.store import sql

# The lists that hold an order's lines or the products of an event, by the last part of their names.
LINES = (
    *("line_items", "lineitems", "order_items", "orderitems", "order_lines", "products", "items", "lines"),
    "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1",
)
ADDED = ("total", "amount")  # of the members of other lists, such as refunds
MOST_COLUMNS = 2_000
MOST_DEPTH = 12
LARGEST_DOCUMENT = 256 << 20  # bytes: a whole export may be one object


@dataclass(frozen=True)
class _Leaf:
    """One column: its dotted name and the SQL that takes it from `doc` or from `line`."""

    name: str
    value: str


def first_sign(readable: Path) -> str:
    """`{` or `[` where a UTF-8 file begins as JSON does; else empty."""
    with readable.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").split()
    begins = b"".join(head[:3])[:2]
    return begins[:1].decode() if begins in (b'{"', b"[{", b"{}", b"[]") else ""


def is_whole(readable: Path, first: str) -> bool:
    """Whether a file that begins as a list ends as one; DuckDB takes one that is cut after a comma for whole."""
    with readable.open("rb") as file:
        file.seek(max(0, readable.stat().st_size - 4096))
        return first != "[" or not (end := file.read().rstrip()) or end.endswith(b"]")


def documents(con: duckdb.DuckDBPyConnection, file: str, first: str, staged: Path, where: str) -> None:
    """Write the documents of a UTF-8 file to `staged` (row, doc); lines that are no JSON go to `torn`.

    `file` is its path as an SQL literal, `first` its first sign that is no blank, `where` what errors name.
    Raises InputError `bad-file` for objects that lie too deep in each other.
    """
    options = f"maximum_object_size = {LARGEST_DOCUMENT}"
    if first == "[":
        members = f"read_json_objects({file}, format = 'array', {options})"
        rows = f"SELECT row_number() OVER () AS row, json AS doc FROM {members}"
    elif _is_lines(con, file, where):
        lines = (
            f"SELECT row_number() OVER () AS row, line FROM read_csv({file}, delim = '\x01', quote = '', escape = '',"
            " header = false, columns = {'line': 'VARCHAR'}, auto_detect = false, max_line_size = 16000000)"
        )
        con.execute(f"CREATE OR REPLACE TEMP VIEW json_lines AS {lines}")
        con.execute(
            "INSERT INTO torn SELECT 0, row, 'the line is no JSON object', line FROM json_lines WHERE trim(line) <> ''"
            " AND NOT (json_valid(line) AND coalesce(json_type(try_cast(line AS JSON)) = 'OBJECT', false))"
        )
        rows = (
            "SELECT row, CAST(line AS JSON) AS doc FROM json_lines WHERE row NOT IN (SELECT row FROM torn)"
            " AND trim(line) <> ''"
        )
    else:
        one = f"read_json_objects({file}, format = 'unstructured', {options})"
        rows = _within(con, one, where)
    con.execute(f"COPY ({rows}) TO {sql.text(str(staged))} (FORMAT parquet)")


def _is_lines(con: duckdb.DuckDBPyConnection, file: str, where: str) -> bool:
    """Whether the first line is a whole object."""
    head = con.execute(
        f"SELECT line FROM read_csv({file}, delim = '\x01', quote = '', escape = '', header = false,"
        " columns = {'line': 'VARCHAR'}, auto_detect = false, max_line_size = 268435456) WHERE trim(line) <> '' LIMIT 1"
    ).fetchall()
    try:
        document = _parsed(head[0][0], where) if head else None
    except json.JSONDecodeError:
        return False
    return isinstance(document, dict) and not _sole_list(document)


def _parsed(text: str, where: str) -> Any:
    """JSON with its whole numbers as texts, of which some have more digits than Python takes.

    Raises InputError `bad-file` where it lies too deep, JSONDecodeError where it is no JSON.
    """
    try:
        return json.loads(text, parse_int=str)
    except RecursionError as error:
        raise _too_deep(where) from error


def _too_deep(where: str) -> InputError:
    return InputError(
        "bad-file", "its objects lie too deep in each other", where=where, remedy="export orders or events alone"
    )


def _sole_list(document: dict[str, Any]) -> str:
    """The name of the one list of objects that a wrapper such as {"orders": [...]} holds; else empty."""
    lists = [
        name for name, value in document.items() if isinstance(value, list) and value and isinstance(value[0], dict)
    ]
    plain_rest = all(not isinstance(value, dict | list) for name, value in document.items() if name not in lists)
    is_wrapper = len(lists) == 1 and plain_rest and len(document) <= 4 and lists[0].lower() not in LINES
    return lists[0] if is_wrapper else ""


def _within(con: duckdb.DuckDBPyConnection, one: str, where: str) -> str:
    """The rows of objects written one after the other over several lines, or of the list that a sole one holds."""
    found = con.execute(f"SELECT json FROM {one} LIMIT 2").fetchall()
    name = _sole_list(_parsed(found[0][0], where)) if len(found) == 1 else ""
    if not name:
        return f"SELECT row_number() OVER () AS row, json AS doc FROM {one}"
    path = sql.text("/" + _pointer(name))
    members = f"SELECT unnest(json_extract(json, {path})::JSON[]) AS doc FROM {one}"
    return f"SELECT row_number() OVER () AS row, doc FROM ({members})"


def flattened(con: duckdb.DuckDBPyConnection, documents: str, where: str) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and a query for row and c0, c1, ... as texts, of the documents of a Parquet file.

    `documents` is its path as an SQL literal. Raises InputError `bad-file` where there are too many columns,
    or objects that lie too deep in each other.
    """
    docs = f"read_parquet([{documents}])"
    try:
        [(text,)] = con.execute(f"SELECT json_group_structure(doc) FROM {docs}").fetchall()
    except duckdb.Error as error:
        if "recursion depth" in str(error):
            raise _too_deep(where) from error
        raise
    structure = json.loads(text) if text else {}
    if not isinstance(structure, dict) or not structure:
        raise InputError("bad-file", "it holds no objects with fields", where=where, remedy="export it again")
    lines = _lines_path(structure)
    leaves = list(_leaves(con, docs, structure, (), lines, "doc"))
    if lines:
        members = _at(structure, lines)[0]
        leaves += [
            _Leaf(".".join((*lines, name.name)), name.value) for name in _leaves(con, docs, members, (), None, "line")
        ]
    if len(leaves) > MOST_COLUMNS:
        raise InputError(
            "bad-file",
            f"it has {len(leaves):,} different fields, more than {MOST_COLUMNS:,}",
            where=where,
            remedy="export orders or events alone, or turn keys that are values into values",
        )
    columns = ", ".join(f"{leaf.value} AS c{index}" for index, leaf in enumerate(leaves))
    names = tuple(leaf.name or f"column_{place}" for place, leaf in enumerate(leaves, start=1))
    if not lines:
        return names, f"SELECT row, {columns} FROM {docs}"
    path = sql.text(_path(lines))
    parted = (
        f"SELECT row, doc, unnest(CASE WHEN json_array_length(doc, {path}) > 0"
        f" THEN json_extract(doc, {path})::JSON[] ELSE [NULL::JSON] END) AS line FROM {docs}"
    )
    return names, f"SELECT row_number() OVER (ORDER BY row) AS row, {columns} FROM ({parted})"


def _lines_path(structure: Any, path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """Where the list of lines lies, the outermost first; in the order of `LINES` where there are several."""
    if not isinstance(structure, dict) or len(path) > 2:
        return None
    lists = {name.lower(): name for name, value in structure.items() if _is_objects(value)}
    for known in LINES:
        if known in lists:
            return (*path, lists[known])
    for name, value in structure.items():
        if isinstance(value, dict) and (found := _lines_path(value, (*path, name))):
            return found
    return None


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict)


def _at(structure: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        structure = structure[name]
    return structure


def _leaves(
    con: duckdb.DuckDBPyConnection,
    docs: str,
    structure: dict[str, Any],
    path: tuple[str, ...],
    lines: tuple[str, ...] | None,
    of: str,
) -> Iterator[_Leaf]:
    """The columns below one object of the structure that DuckDB tells of all documents."""
    for name, value in structure.items():
        here = (*path, name)
        if here == lines:
            continue
        if isinstance(value, dict) and value and len(here) < MOST_DEPTH:
            yield from _leaves(con, docs, value, here, lines, of)
        elif _is_objects(value) and _is_pairs(value[0]):
            yield from _pairs(con, docs, here, of)
        elif _is_objects(value):
            for inner, kind in value[0].items():
                yield _of_list(here, inner, kind, of)
        else:
            yield _Leaf(".".join(here), f"json_extract_string({of}, {sql.text(_path(here))})")


def _of_list(path: tuple[str, ...], inner: str, kind: Any, of: str) -> _Leaf:
    """A field of the members of a list that is not the order's lines."""
    whole = sql.text(_path(path))
    member = sql.text("/" + _pointer(inner))
    if inner in ADDED:
        number = f"lambda x: try_cast(json_extract_string(x, {member}) AS DOUBLE)"
        numbers = f"list_transform(json_extract({of}, {whole})::JSON[], {number})"
        return _Leaf(".".join((*path, inner)), f"CAST(list_sum({numbers}) AS VARCHAR)")
    first = sql.text(f"{_path(path)}/0/{_pointer(inner)}")
    return _Leaf(".".join((*path, inner)), f"json_extract_string({of}, {first})")


def _is_pairs(member: dict[str, Any]) -> bool:
    return "key" in member and isinstance(member.get("value"), dict)


def _pairs(con: duckdb.DuckDBPyConnection, docs: str, path: tuple[str, ...], of: str) -> Iterator[_Leaf]:
    """A list of {key, value: {string_value, int_value, ...}}: one column for each key that occurs."""
    if of != "doc":
        return
    where = sql.text(_path(path))
    members = f"json_extract(doc, {where})::JSON[]"
    keys = con.execute(
        f"SELECT DISTINCT json_extract_string(m, '/key') AS key FROM (SELECT unnest({members}) AS m FROM {docs}"
        f" WHERE json_type(doc, {where}) = 'ARRAY') WHERE key IS NOT NULL ORDER BY key LIMIT {MOST_COLUMNS + 1}"
    ).fetchall()
    for (key,) in keys:
        found = f"list_filter({members}, lambda m: json_extract_string(m, '/key') = {sql.text(key)})[1]"
        values = ", ".join(
            f"json_extract_string({found}, '/value/{kind}_value')" for kind in ("string", "int", "float", "double")
        )
        yield _Leaf(".".join((*path, key)), f"coalesce({values})")


def _path(parts: tuple[str, ...]) -> str:
    """A JSON pointer (RFC 6901), which any name can stand in."""
    return "".join("/" + _pointer(part) for part in parts)


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
