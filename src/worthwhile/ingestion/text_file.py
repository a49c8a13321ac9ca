"""Text files: what they are encoded in, what parts their fields, whether they begin with a header."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from worthwhile.errors import InputError

CHUNK = 1 << 20
SAMPLE = 1 << 18  # bytes looked at to tell encoding and layout
DELIMITERS = (",", "\t", ";", "|")
_VALUE = re.compile(r"[\d.,:/+\-\s$€£¥￥]*\d[\d.,:/+\-\s$€£¥￥]*(?:[T ]\d[\d:.]*Z?)?")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# First bytes of files that people rename to .csv, and what they are.
_FOREIGN = {b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture"}


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out. Without a header the columns are called column_1, column_2, ..."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    by_blanks: bool = False


def as_utf8(path: Path, head: bytes, scratch: Path) -> Path:
    """The file itself where it is UTF-8, else a copy of it in `scratch` that is: unpacked, transcoded, without a mark.

    Raises InputError `bad-file` for what is no text.
    """
    for mark, kind in _FOREIGN.items():
        if head.startswith(mark):
            raise _bad_file(path, f"this is {kind}, whatever its name says")
    packed = head.startswith(b"\x1f\x8b")
    encoding = _encoding(path, packed)
    if encoding == "utf-8" and not packed:
        return path
    copy = scratch / "text.csv"
    with _open(path, packed) as source, copy.open("wb") as target:
        decoder = codecs.getincrementaldecoder(encoding)()
        while chunk := source.read(CHUNK):
            target.write(decoder.decode(chunk).encode())
        target.write(decoder.decode(b"", final=True).encode())
    return copy


def _open(path: Path, packed: bool) -> IO[bytes]:
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _encoding(path: Path, packed: bool) -> str:
    """The encoding, from the mark at the beginning, else from the bytes of the whole file."""
    with _open(path, packed) as source:
        sample = source.read(SAMPLE)
        if not sample.strip():
            raise _bad_file(path, "the file is empty", "export it again")
        for mark, name in _BOMS:
            if sample.startswith(mark):
                return name
        if b"\x00" in sample:
            raise _bad_file(path, "this is a binary file, not a table of text")
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(sample)
            while chunk := source.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError:
            return _legacy_encoding(path, packed)


def _legacy_encoding(path: Path, packed: bool) -> str:
    """Chinese (GB 18030) or Western (Windows-1252): which one the bytes above 127 speak for.

    In common Chinese text they come in pairs with both bytes above 0xA0; in Western text mostly one at a time.
    """
    singles = pairs = 0
    with _open(path, packed) as source:
        while chunk := source.read(CHUNK):
            for run in re.findall(rb"[\x80-\xff]+", chunk):
                singles += len(run) % 2
                pairs += len(run) // 2 if min(run) >= 0xA1 else 0
    if pairs > singles and _decodes(path, packed, "gb18030"):
        return "gb18030"
    return "cp1252" if _decodes(path, packed, "cp1252") else "latin-1"


def _decodes(path: Path, packed: bool, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _open(path, packed) as source:
            while chunk := source.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def layout_of(readable: Path, path: Path) -> Layout:
    """Delimiter and header of a UTF-8 file; `path` is what errors name. Raises InputError `bad-file`."""
    with readable.open("rb") as file:
        sample = file.read(SAMPLE).decode(errors="ignore").removeprefix("\ufeff")
    lines = [line for line in sample.splitlines() if line.strip()]
    if len(lines) > 1 and len(sample) >= SAMPLE // 4:
        lines = lines[:-1]  # the sample may have cut the last one
    if not lines:
        raise _bad_file(path, "the file is empty", "export it again")
    best = max(DELIMITERS, key=lambda sign: _agreement(lines, sign))
    if _agreement(lines, best) > 0:
        first = next(csv.reader(lines, delimiter=best))
        return _named(first, best)
    fields = lines[0].split()
    if len(fields) > 1 and sum(len(line.split()) == len(fields) for line in lines) >= 0.9 * len(lines):
        return _named(fields, " ", by_blanks=True)
    raise _bad_file(path, "it holds no table: its lines have no fields in common")


def _agreement(lines: list[str], sign: str) -> float:
    """How well a delimiter splits: number of fields of the first line times the share of lines that have as many."""
    sizes = [len(fields) for fields in csv.reader(lines[:500], delimiter=sign) if fields]
    if not sizes or sizes[0] < 2:
        return 0.0
    share = sum(size == sizes[0] for size in sizes) / len(sizes)
    return share * min(sizes[0], 20) if share >= 0.5 else 0.0


def _named(first: list[str], delimiter: str, *, by_blanks: bool = False) -> Layout:
    """A header has no cell that is a number or a date."""
    cells = [cell.strip().removeprefix("\ufeff") for cell in first]
    has_header = not any(_VALUE.fullmatch(cell) for cell in cells)
    names = tuple(cell if has_header and cell else f"column_{index + 1}" for index, cell in enumerate(cells))
    return Layout(delimiter, names, has_header, by_blanks)


def _bad_file(path: Path, what: str, remedy: str = "export it again as CSV, TSV, Parquet or XLSX") -> InputError:
    return InputError("bad-file", what, where=str(path), remedy=remedy)
