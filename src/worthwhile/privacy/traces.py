"""Is anything left? Every file of the shop's folder is searched for what should be gone."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.privacy.history import rows_of
from worthwhile.store import sql

CHUNK = 1 << 22
MOST_UNPACKED = 1 << 36  # bytes of one file: beyond that it was made to unpack without end
MOST_DEPTH = 4  # of what is packed in what is packed
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")

# How files begin that are packed one way or another -> how they are read.
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06")  # ZIP, and with it workbooks (XLSX)
# Of these the bytes say nothing: Zstandard, 7-Zip, RAR, PDF, Arrow, and old workbooks with a password.
_CLOSED = (b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"%PDF", b"ARROW1")
_PASSWORD = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True)
class Traces:
    """Files, as paths below the shop's folder, that hold what should be gone, and those that could not be searched."""

    left: list[str]
    unsearched: list[str]


class _ClosedError(Exception):
    """The file cannot be searched."""


def traces(con: duckdb.DuckDBPyConnection, folder: Path, texts: Sequence[str], *, apart: Sequence[Path]) -> Traces:
    """What files hold one of these texts, addresses in any case of letters; `apart` are not read.

    Parquet is searched column by column; ZIP, workbooks, gzip, bzip2 and xz unpacked, one within another too; all else
    byte by byte, as texts of `ENCODINGS`, JSON or XML.
    """
    found = Traces([], [])
    needles = _Needles(texts)
    for file in sorted(_files(folder)) if texts else ():
        if file in apart:
            continue
        name = str(file.relative_to(folder))
        try:
            if needles.are_in(name.encode()) or _holds(con, file, texts, needles):
                found.left.append(name)
        except (_ClosedError, duckdb.Error, pa.ArrowException, OSError):
            found.unsearched.append(name)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder, and below the folders that links in it lead to, each folder once."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = Path(place).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (file for name in names if (file := Path(place) / name).is_file())


def _holds(con: duckdb.DuckDBPyConnection, file: Path, texts: Sequence[str], needles: _Needles) -> bool:
    with file.open("rb") as opened:
        if _Search(needles).finds_in(opened):
            return True
        opened.seek(0)
        return opened.read(4) == b"PAR1" and _in_columns(con, file, texts)


class _Needles:
    """The bytes that texts are written in."""

    def __init__(self, texts: Sequence[str]) -> None:
        written = {form for text in texts for form in (text, escape(text), json.dumps(text)[1:-1])}
        encoded = {(text.encode(name), "@" in text) for text in written for name in ENCODINGS}
        self.exact = [needle for needle, is_address in encoded if not is_address]
        self.in_any_case = [needle.lower() for needle, is_address in encoded if is_address]
        self.longest = max((len(needle) for needle, _ in encoded), default=0)

    def are_in(self, chunk: bytes) -> bool:
        lower = chunk.lower() if self.in_any_case else b""
        return any(needle in chunk for needle in self.exact) or any(needle in lower for needle in self.in_any_case)


@dataclass
class _Search:
    """Searches a file and what is packed in it."""

    needles: _Needles
    left: int = MOST_UNPACKED

    def finds_in(self, file: IO[bytes], depth: int = 0) -> bool:
        """Raises _ClosedError where it finds nothing, and not all of it can be read."""
        head = file.read(8)
        file.seek(0)
        if self._in_bytes(file):
            return True
        try:
            file.seek(0)
            for packed, unpack in _PACKED.items():
                if head.startswith(packed):
                    with unpack(file) as unpacked:
                        return self._goes_on_in(unpacked, depth)
            return head.startswith(_ARCHIVES) and self._in_archive(file, depth)
        except (OSError, EOFError, RuntimeError, NotImplementedError) as error:  # torn, with a password, an odd method
            raise _ClosedError from error
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
            raise _ClosedError from error

    def _goes_on_in(self, unpacked: IO[bytes], depth: int) -> bool:
        if depth == MOST_DEPTH:
            raise _ClosedError
        return self.finds_in(unpacked, depth + 1)

    def _in_archive(self, file: IO[bytes], depth: int) -> bool:
        closed = None
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                try:
                    with archive.open(member) as unpacked:
                        if self.needles.are_in(member.filename.encode()) or self._goes_on_in(unpacked, depth):
                            return True
                except (_ClosedError, RuntimeError, NotImplementedError) as error:  # the id may lie in the next one
                    closed = error
        if closed is not None:
            raise _ClosedError from closed
        return False

    def _in_bytes(self, file: IO[bytes]) -> bool:
        before, is_closed = b"", False
        while chunk := file.read(CHUNK):
            self.left -= len(chunk)
            is_closed |= (not before and chunk.startswith(_CLOSED)) or _PASSWORD in chunk or self.left < 0
            if self.needles.are_in(before + chunk):
                return True
            if self.left < 0:
                break
            before = chunk[-self.needles.longest :]
        if is_closed:
            raise _ClosedError
        return False


def _in_columns(con: duckdb.DuckDBPyConnection, file: Path, texts: Sequence[str]) -> bool:
    tests = [test for field in pq.read_schema(file) for text in texts if (test := _test(field, text))]
    if not tests:
        return False
    return bool(con.execute(f"SELECT 1 FROM {rows_of(file)} WHERE {' OR '.join(tests)} LIMIT 1").fetchall())


def _test(field: pa.Field, text: str) -> str:
    """SQL: whether a column holds a text; empty where it cannot, as moments do."""
    if pa.types.is_temporal(field.type) or pa.types.is_boolean(field.type):
        return ""
    if pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type):
        return f"{sql.name(field.name)} = CAST({text} AS DOUBLE)" if text.isascii() and text.isdigit() else ""
    value, needle = f"CAST({sql.name(field.name)} AS VARCHAR)", sql.text(text)
    return f"contains(lower({value}), lower({needle}))" if "@" in text else f"contains({value}, {needle})"
