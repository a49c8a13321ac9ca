"""Is anything left? Every file of the shop's folder is searched for what should be gone."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.privacy.history import rows_of
from worthwhile.store import sql

CHUNK = 1 << 22


def traces(con: duckdb.DuckDBPyConnection, folder: Path, texts: Sequence[str], *, apart: Sequence[Path]) -> list[str]:
    """The files, as paths below `folder`, that hold one of these texts in any case of letters; `apart` are not read.

    Parquet is searched column by column, gzip unpacked, all else byte by byte.
    """
    files = [file for file in sorted(_files(folder)) if file not in apart]
    return [str(file.relative_to(folder)) for file in files if texts and _holds(con, file, texts)]


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


def _holds(con: duckdb.DuckDBPyConnection, file: Path, texts: Sequence[str]) -> bool:
    needles = [text.lower().encode() for text in texts] + [text.encode() for text in texts]
    if any(needle in str(file).lower().encode() for needle in needles) or _in_bytes(file, needles, packed=False):
        return True
    with file.open("rb") as opened:
        head = opened.read(4)
    if head == b"PAR1":
        return _in_columns(con, file, texts)
    return head[:2] == b"\x1f\x8b" and _in_bytes(file, needles, packed=True)


def _in_bytes(file: Path, needles: Sequence[bytes], *, packed: bool) -> bool:
    longest = max(len(needle) for needle in needles)
    before = b""
    with gzip.open(file, "rb") if packed else file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            text = before + chunk
            lower = text.lower()
            if any(needle in lower or needle in text for needle in needles):
                return True
            before = text[-longest:]
    return False


def _in_columns(con: duckdb.DuckDBPyConnection, file: Path, texts: Sequence[str]) -> bool:
    names = [field.name for field in pq.read_schema(file) if pa.types.is_string(field.type)]
    tests = [f"contains(lower({sql.name(name)}), lower({sql.text(text)}))" for name in names for text in texts]
    if not tests:
        return False
    return bool(con.execute(f"SELECT 1 FROM {rows_of(file)} WHERE {' OR '.join(tests)} LIMIT 1").fetchall())
