"""Text files: what they are encoded in, what parts their fields, whether they begin with a header."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

from worthwhile.errors import InputError
from worthwhile.ingestion import limits
from worthwhile.ingestion.words import counted

MIXED = "mixed"  # UTF-8, but for some lines that are in an older encoding or have bytes that are no text
DAMAGED = "damaged"  # GB 18030, but for some lines that have bytes that are no text
UNREADABLE = "\ufffd"  # stands for such bytes
CHUNK = 1 << 20
SAMPLE = 1 << 18  # bytes looked at to tell encoding and layout
DELIMITERS = (",", "\t", ";", "|")
MOST_TITLES = 20  # lines above a header
_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t,;]*(?:\r\n|\n|\r)', re.I)  # what Excel is told on the first line
_VALUE = re.compile(r"[\d.,:/+\-\s$€£¥￥]*\d[\d.,:/+\-\s$€£¥￥]*(?:[T ]\d[\d:.]*Z?)?")
_BOMS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),  # before UTF-16, whose mark begins alike
    *((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
# First bytes of files that people rename to .csv, and what they are. Two letters could begin a header: not here.
_FOREIGN = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x7fELF": "a program",
    b"SQLite format 3\x00": "an SQLite database",
    b"ARROW1": "an Arrow file",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\xfd7zXZ\x00": "an XZ archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"BZh": "a bzip2 archive",
    b"{\\rtf": "a text document (RTF)",
}
_PAGE = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|table)\b", re.I | re.S)
_PAGE_REMEDY = (
    "log in and export again if it is the shop's login page; if it shows the orders, open it in a spreadsheet program"
    " and save it as CSV or XLSX"
)


class _Bytes(Protocol):
    """What is read from: a file, or what is unpacked from one."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out. Without a header the columns are called column_1, column_2, ..."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    by_blanks: bool = False
    titles: int = 0  # lines above the header
    begin: int = 0  # byte at which the header begins; above it titles, or what tells Excel the delimiter


def as_utf8(path: Path, head: bytes, scratch: Path) -> tuple[Path, tuple[str, ...]]:
    """The file itself where it is UTF-8, else a copy of it in `scratch` that is: unpacked, transcoded, without a mark.

    And notes on what of it is no text. Raises InputError `bad-file` for what is no text at all, unpacks to more than a
    file of its size should, or has a line beyond all measure.
    """
    packed = head.startswith(b"\x1f\x8b")
    with _open(path, packed) as source:
        _check_kind(path, source.read(SAMPLE))
    encoding = _encoding(path, packed)
    if encoding == "utf-8" and not packed:
        return path, ()
    copy = scratch / "text.csv"
    if encoding in (MIXED, DAMAGED):
        return copy, _mend_lines(path, packed, copy, _decoded if encoding == MIXED else _decoded_chinese)
    with _open(path, packed) as source, copy.open("wb") as target:
        decoder = codecs.getincrementaldecoder(encoding)()
        lines = _Lines(path)
        try:
            while chunk := source.read(CHUNK):
                target.write(lines.measured(decoder.decode(chunk).encode()))
            target.write(decoder.decode(b"", final=True).encode())
        except UnicodeError as error:
            raise _bad_file(
                path, f"it is not written in one encoding: it begins as {encoding} and breaks off"
            ) from error
    return copy, ()


def _check_kind(path: Path, sample: bytes) -> None:
    """Raises InputError `bad-file` where the first bytes are those of another kind of file."""
    for mark, kind in _FOREIGN.items():
        if sample.startswith(mark):
            raise _bad_file(path, f"this is {kind}, whatever its name says")
    if sample.startswith(b"MZ") and b"\x00" in sample:
        raise _bad_file(path, "this is a program, whatever its name says")
    if _PAGE.match(sample[:4096].removeprefix(codecs.BOM_UTF8).decode("latin-1")):
        raise _bad_file(path, "this is a web page, whatever its name says", _PAGE_REMEDY)


@dataclass
class _Lines:
    """Measures the lines of a text that goes by in chunks."""

    path: Path
    seen: int = 0  # line ends
    open: int = 0  # bytes since the last one

    def measured(self, chunk: bytes) -> bytes:
        """The chunk itself. Raises InputError `bad-file` for a line beyond what can be read."""
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self.open = len(chunk) - end - 1 if end >= 0 else self.open + len(chunk)
        if self.open > limits.MOST_LINE:
            raise _bad_file(
                self.path,
                f"its line {self.seen + 1:,} is longer than {limits.MOST_LINE // 10**6} MB: this is no table,"
                " or its line ends are missing",
            )
        self.seen += chunk.count(b"\n")
        return chunk


@dataclass
class _Unpacked:
    """What is unpacked from a gzip file, up to what a file of its size should hold."""

    path: Path
    packed: gzip.GzipFile
    left: int

    def read(self, size: int, /) -> bytes:
        chunk = self.packed.read(size)
        self.left -= len(chunk)
        if self.left < 0:
            raise _bad_file(
                self.path,
                "it unpacks to far more than a file of its size should hold",
                "unpack it yourself, look at it, and name the unpacked file",
            )
        return chunk


@contextmanager
def _open(path: Path, packed: bool) -> Iterator[_Bytes]:
    if not packed:
        with path.open("rb") as plain:
            yield plain
        return
    with gzip.open(path, "rb") as file:
        yield _Unpacked(path, file, limits.most_unpacked(path.stat().st_size, limits.MOST_UNPACKED_TEXT))


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
            return _unmarked_utf16(path, sample)
        decoder, lines, chunk = codecs.getincrementaldecoder("utf-8")(), _Lines(path), sample
        try:
            while chunk:
                decoder.decode(lines.measured(chunk))
                chunk = source.read(CHUNK)
            decoder.decode(b"", final=True)
            return "utf-8"
        except UnicodeDecodeError:
            return _legacy_encoding(path, packed)


def _unmarked_utf16(path: Path, sample: bytes) -> str:
    """UTF-16 without its mark: the zero bytes of its digits and commas stand at even or at odd places only."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) > len(sample) // 8:
        encoding = "utf-16-be" if even else "utf-16-le"
        try:
            text = sample[: len(sample) // 2 * 2].decode(
                encoding, errors="strict" if len(sample) < SAMPLE else "ignore"
            )
        except UnicodeDecodeError:
            text = ""
        if any(sign in text for sign in DELIMITERS) and "\n" in text.replace("\r", "\n"):
            return encoding
    raise _bad_file(path, "this is a binary file, not a table of text")


def _legacy_encoding(path: Path, packed: bool) -> str:
    """Chinese (GB 18030), Western (Windows-1252) or mixed: which one the bytes above 127 speak for.

    In common Chinese text they come in pairs with both bytes above 0xA0; in Western text mostly one at a time. A sign
    that was cut in half makes no Western text of it.
    """
    singles = pairs = 0
    if _is_mostly(path, packed, "utf-8"):
        return MIXED
    with _open(path, packed) as source:
        while chunk := source.read(CHUNK):
            for run in re.findall(rb"[\x80-\xff]+", chunk):
                singles += len(run) % 2
                pairs += len(run) // 2 if min(run) >= 0xA1 else 0
    if pairs > singles and _decodes(path, packed, "gb18030"):
        return "gb18030"
    if pairs > singles and _is_mostly(path, packed, "gb18030"):
        return DAMAGED
    return "cp1252" if _decodes(path, packed, "cp1252") else "latin-1"


def _is_mostly(path: Path, packed: bool, encoding: str) -> bool:
    """Whether most lines with letters beyond ASCII are of one encoding."""
    good = bad = 0
    for line in _byte_lines(path, packed):
        if line.isascii():
            continue
        try:
            line.decode(encoding)
            good += 1
        except UnicodeDecodeError:
            bad += 1
    return good > bad


def _byte_lines(path: Path, packed: bool) -> Iterator[bytes]:
    """The lines of a file, with their ends."""
    with _open(path, packed) as source:
        lines, rest = _Lines(path), b""
        while chunk := source.read(CHUNK):
            *whole, rest = (rest + lines.measured(chunk)).split(b"\n")
            yield from (line + b"\n" for line in whole)
        yield rest


def _mend_lines(path: Path, packed: bool, copy: Path, decoded: Callable[[bytes], str]) -> tuple[str, ...]:
    """A copy in UTF-8 of a file whose lines are not all of one encoding, and a note where bytes of it are no text."""
    unreadable, first = 0, 0
    with copy.open("wb") as target:
        for number, line in enumerate(_byte_lines(path, packed), start=1):
            text = decoded(line)
            target.write(text.encode())
            if UNREADABLE in text:
                unreadable, first = unreadable + 1, first or number
    if not unreadable:
        return ()
    lines = counted(unreadable, "line has", "lines have")
    return (f"{lines} bytes that are no text, such as line {first:,}: {UNREADABLE} stands for them",)


def _decoded_chinese(line: bytes) -> str:
    return line.decode("gb18030", errors="replace")


def _decoded(line: bytes) -> str:
    """The text of one line: UTF-8, else Chinese where its bytes above 127 come in pairs, else Western.

    It is still UTF-8 where more of its letters are than are not.
    """
    mended = line.decode(errors="replace")
    bad = mended.count(UNREADABLE)
    if sum(not sign.isascii() for sign in mended) > 2 * bad:
        return mended
    runs = re.findall(rb"[\x80-\xff]+", line)
    in_pairs = all(len(run) % 2 == 0 and min(run) >= 0xA1 for run in runs)
    for encoding in ("gb18030", "cp1252") if in_pairs else ("cp1252",):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


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
        head = file.read(SAMPLE)
        _check_width(path, head, file)
    sample = head.decode(errors="ignore").removeprefix("\ufeff")
    told = _SEPARATOR.match(sample)
    signs = (told[1],) if told else DELIMITERS
    lines = [line for line in sample[told.end() if told else 0 :].splitlines() if line.strip()]
    if len(lines) > 1 and len(sample) >= SAMPLE // 4:
        lines = lines[:-1]  # the sample may have cut the last one
    if not lines:
        raise _bad_file(path, "the file is empty", "export it again")
    try:
        titles = _titles(lines, signs)
        best = max(signs, key=lambda sign: _agreement(lines[titles:], sign))
        agreed, first = _agreement(lines[titles:], best), next(csv.reader(lines[titles:], delimiter=best))
    except csv.Error as error:  # a field longer than csv takes, which is MOST_CELL and a little more
        raise _bad_file(path, "one of its first fields is endless: a quote is opened and never closed") from error
    if agreed > 0:
        if len(first) > limits.MOST_COLUMNS:
            raise too_wide(path, len(first))
        begin = head.index(lines[titles].encode()) if told or titles else 0
        return replace(_named(first, best), titles=titles, begin=begin)
    fields = lines[0].split()
    if len(fields) > 1 and sum(len(line.split()) == len(fields) for line in lines) >= 0.9 * len(lines):
        return _named(fields, " ", by_blanks=True)
    raise _bad_file(path, "it holds no table: its lines have no fields in common")


def _titles(lines: list[str], signs: Sequence[str]) -> int:
    """How many lines stand above the header, none of which has its fields; 0 where the first is the header."""
    first = max(signs, key=lambda sign: _agreement(lines, sign))
    if _agreement(lines, first) > 0 and _is_filled(lines[0], first):
        return 0
    for above in range(1, min(MOST_TITLES, len(lines) - 2) + 1):
        below = lines[above:]
        sign = max(signs, key=lambda sign: _agreement(below, sign))
        fields = next(csv.reader(below[:1], delimiter=sign))
        agrees = _agreement(below, sign) >= 0.9 * min(len(fields), 20)
        if agrees and _is_filled(below[0], sign) and _named(fields, sign).has_header:
            return above
    return 0


def _is_filled(line: str, sign: str) -> bool:
    """Whether a line has two fields that are not empty: a spreadsheet's title is padded with empty ones."""
    return sum(cell.strip() != "" for cell in next(csv.reader([line], delimiter=sign))) >= 2


def from_header(readable: Path, begin: int, scratch: Path) -> Path:
    """A copy of a UTF-8 file from its header on, without what stands above it."""
    copy = scratch / "table.csv"
    with readable.open("rb") as source, copy.open("wb") as target:
        source.seek(begin)
        shutil.copyfileobj(source, target)
    return copy


def _check_width(path: Path, head: bytes, file: IO[bytes]) -> None:
    """Raises InputError `bad-file` where the first line has more columns than any export."""
    line = next((text for text in re.split(rb"[\r\n]+", head) if text.strip()), b"")
    if len(line) == len(head):  # the first line goes on
        line += re.split(rb"[\r\n]", file.read(limits.MOST_LINE), maxsplit=1)[0]
    columns = 1 + max(line.count(sign.encode()) for sign in DELIMITERS)
    if columns > limits.MOST_COLUMNS and columns > 10 * line.count(b'"'):
        raise too_wide(path, columns)


def too_wide(path: Path, columns: int) -> InputError:
    return _bad_file(
        path,
        f"it has {columns:,} columns, and at most {limits.MOST_COLUMNS:,} can be read",
        "export one row an order line, with the columns needed only",
    )


def _agreement(lines: list[str], sign: str) -> float:
    """How well a delimiter splits: number of fields of the first line times the share of lines that have as many."""
    sizes = [len(fields) for fields in csv.reader(lines[:500], delimiter=sign) if fields]
    if not sizes or sizes[0] < 2:
        return 0.0
    share = sum(size == sizes[0] for size in sizes) / len(sizes)
    return share * min(sizes[0], 20) if share >= 0.5 else 0.0


def _named(first: list[str], delimiter: str, *, by_blanks: bool = False) -> Layout:
    """A header has no cell that is a number or a date."""
    cells = [cell.strip().strip("\ufeff\x00").strip() for cell in first]
    has_header = not any(_VALUE.fullmatch(cell) for cell in cells)
    names = tuple(cell if has_header and cell else f"column_{index + 1}" for index, cell in enumerate(cells))
    return Layout(delimiter, names, has_header, by_blanks)


def _bad_file(path: Path, what: str, remedy: str = "export it again as CSV, TSV, JSON, Parquet or XLSX") -> InputError:
    return InputError("bad-file", what, where=str(path), remedy=remedy)
