"""Is a workbook safe to read? A sheet is read whole, so what would burst the memory must be found before.

The sizes that a zip file states are only what its maker says. So every part is unpacked here once, as a stream, and
counted: bytes, the rectangle that a sheet's cells span, the characters of all its texts.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from worthwhile.errors import InputError
from worthwhile.ingestion import limits

CHUNK = 1 << 20
TAIL = 400  # bytes kept from one chunk to the next, so that no tag is cut through

_PLACE = re.compile(rb'r="([A-Z]{0,3})(\d{1,8})"')  # of a row or a cell; a cell's has letters
_SHARED = re.compile(rb't="s"[^>]*>\s*<(?:\w+:)?v>(\d{1,9})<')
_STRINGS_SAID = re.compile(rb'(?:uniqueCount|count)="(\d+)"')
_STRING_ENDS = re.compile(rb"</(?:\w+:)?si>|<(?:\w+:)?si\s*/>")
# Parts of packed files that are no workbooks of the kind that can be read, and what they are.
_FOREIGN_PARTS = {
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a presentation",
    "content.xml": "an OpenDocument file",
    "xl/workbook.bin": "a binary workbook (XLSB)",
}
_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, ValueError),
    *(OverflowError, RuntimeError, KeyError, IndexError),
)


@dataclass
class _Seen:
    """What has been counted so far, over all parts of a workbook."""

    limit: int
    unpacked: int = 0
    string_sizes: list[int] = field(default_factory=list)
    text: int = 0


@dataclass
class _Sheet:
    """What has been counted of one sheet."""

    cells: int = 0
    rows: int = 0
    columns: int = 0


def check_workbook(path: Path) -> None:
    """Raises InputError `bad-file` for a zip file that is no XLSX workbook, is broken, or would burst the memory."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            parts = archive.infolist()
            _check_kind(path, {part.filename for part in parts})
            seen = _Seen(limits.most_unpacked(path.stat().st_size, limits.MOST_UNPACKED_WORKBOOK))
            # Shared strings first: sheets name them by their number.
            for part in sorted(parts, key=lambda part: not part.filename.endswith("sharedStrings.xml")):
                _count_part(path, file, part, seen)
    except _ZIP_ERRORS as error:
        if isinstance(error, InputError):
            raise
        if isinstance(error, zipfile.BadZipFile) and not zipfile.is_zipfile(path):  # what all parts are listed in
            raise bad_workbook(path, "it is cut off: its end is missing", "copy or export it again") from error
        raise bad_workbook(path, f"it cannot be unpacked: {_first_line(error)}") from error


def _check_kind(path: Path, names: set[str]) -> None:
    if "xl/workbook.xml" in names:
        sheets = sum(name.startswith("xl/worksheets/sheet") for name in names)
        if sheets > limits.MOST_SHEETS:
            raise bad_workbook(path, f"it has {sheets:,} sheets", "put the orders into one sheet")
        return
    for part, kind in _FOREIGN_PARTS.items():
        if part in names:
            raise bad_workbook(path, f"this is {kind}, whatever its name says", "save it as XLSX or CSV")
    raise bad_workbook(path, "this is a zip archive, not a table", "unpack it and name the files in it")


def _count_part(path: Path, file: IO[bytes], part: zipfile.ZipInfo, seen: _Seen) -> None:
    """Unpack one part as a stream and count what it holds."""
    is_strings = part.filename.endswith("sharedStrings.xml")
    is_sheet = part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")
    sheet, tail, since_end = _Sheet(), b"", 0
    for chunk in _unpacked(file, part):
        seen.unpacked += len(chunk)
        if seen.unpacked > seen.limit:
            raise bad_workbook(
                path,
                f"it unpacks to more than {seen.limit >> 20:,} MB, far more than a table of its size holds",
                "open it in a spreadsheet program and save the orders as CSV",
            )
        if is_strings:
            since_end = _count_strings(path, chunk, since_end, seen)
        if is_sheet:
            _count_cells(tail, chunk, sheet, seen)
            tail = (tail + chunk)[-TAIL:]
            _check_sheet(path, part.filename, sheet, seen)


def _unpacked(file: IO[bytes], part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of a part in chunks, whatever the directory says of their number."""
    if part.flag_bits & 0x1:
        raise zipfile.BadZipFile("it is protected by a password")
    file.seek(part.header_offset)
    header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"part {part.filename!r} is not where the directory says")
    name, extra = struct.unpack("<HH", header[26:30])
    file.seek(name + extra, 1)
    left = part.compress_size
    inflate = zlib.decompressobj(-15) if part.compress_type == zipfile.ZIP_DEFLATED else None
    if inflate is None and part.compress_type != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile("it is packed in a way that no spreadsheet program uses")
    while left > 0 and (packed := file.read(min(CHUNK >> 4, left))):
        left -= len(packed)
        if inflate is None:
            yield packed
            continue
        while packed and not inflate.eof:
            yield inflate.decompress(packed, CHUNK)
            packed = inflate.unconsumed_tail
    if left > 0:
        raise EOFError(f"part {part.filename!r} is cut off")


def _count_strings(path: Path, chunk: bytes, since_end: int, seen: _Seen) -> int:
    """Note the size of each shared string, markup included. Returns the bytes since the last one's end."""
    if not seen.string_sizes and not since_end:
        said = max(map(int, _STRINGS_SAID.findall(chunk[:1000])), default=0)
        if said > limits.MOST_STRINGS:  # the reader makes room for as many as are said
            raise bad_workbook(path, f"it speaks of {said:,} texts, more than a workbook can hold")
    begin = 0
    for match in _STRING_ENDS.finditer(chunk):
        seen.string_sizes.append(since_end + match.start() - begin)
        since_end, begin = 0, match.end()
    since_end += len(chunk) - begin
    if since_end > 10 * limits.MOST_CELL:
        raise bad_workbook(path, "one of its cells holds more text than a cell can hold", "save the orders as CSV")
    return since_end


def _count_cells(tail: bytes, chunk: bytes, sheet: _Sheet, seen: _Seen) -> None:
    both = tail + chunk
    places = _PLACE.findall(both)
    if places:
        letters = [letters for letters, _ in places]
        sheet.cells += len(letters) - letters.count(b"")  # few are counted twice, those of the tail
        rows = {row for _, row in places}
        sheet.rows = max(sheet.rows, max(map(int, rows)))
        sheet.columns = max(sheet.columns, max(map(_column_number, set(letters))))
    shared = _SHARED.findall(both)  # those in the tail are counted twice, which is one in two thousand
    if shared and seen.string_sizes:
        sizes = np.asarray(seen.string_sizes, dtype=np.int64)
        numbers = np.asarray(shared).astype(np.int64)
        seen.text += int(sizes[numbers[numbers < len(sizes)]].sum())


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_sheet(path: Path, name: str, sheet: _Sheet, seen: _Seen) -> None:
    area = sheet.rows * sheet.columns
    if area > max(limits.FREE_AREA, limits.MOST_AREA_TIMES * sheet.cells):
        raise bad_workbook(
            path,
            f"the cells of {name} lie far apart, over {sheet.rows:,} rows and {sheet.columns:,} columns",
            "delete the cells beside and below the table, or save it as CSV",
        )
    if seen.text > limits.MOST_SHEET_TEXT:
        raise bad_workbook(path, "its cells hold more text than fits into memory", "save the orders as CSV")


def bad_workbook(
    path: Path, what: str, remedy: str = "export it again as CSV, TSV, JSON, Parquet or XLSX"
) -> InputError:
    return InputError("bad-file", what, where=str(path), remedy=remedy)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
