"""Text in which a quote is opened and never closed: read line by line, so that it costs one row and not all after it.

A reader that goes by the rules takes everything up to the next quote, or to the end of the file, for one field.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from worthwhile.ingestion import limits

MOST_LINES = 1_000  # that a quoted field may go over
NEVER_CLOSED = "a quote is opened and never closed"  # detail of a refused line


class Record(NamedTuple):
    """One row of the file: its fields, or the reason why it has none, with the line as it stands."""

    fields: Sequence[str] | None
    detail: str = ""
    content: str = ""


def records(path: Path, delimiter: str, width: int, *, has_header: bool) -> Iterator[Record]:
    """The rows of a UTF-8 file, the header left out.

    A record whose quotes are not closed within `MOST_LINES` lines, or that would swallow a line which is a whole
    record by itself, is torn: its first line alone is refused, and reading goes on with the next one.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Ahead(file)
        while (line := lines.take()) is not None:
            if not line.strip("\r\n"):
                continue
            record = _record(line, lines, delimiter, width)
            if has_header:
                has_header = False
                continue
            yield record


class _Ahead:
    """Lines of a file, of which some may be looked at and given back."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.given_back: list[str] = []

    def take(self) -> str | None:
        if self.given_back:
            return self.given_back.pop()
        return self.file.readline(limits.MOST_LINE) or None

    def give_back(self, lines: Sequence[str]) -> None:
        self.given_back.extend(reversed(lines))


def _record(line: str, lines: _Ahead, delimiter: str, width: int) -> Record:
    """The record that begins with a line, over more lines where a quote is open at its end."""
    if '"' not in line:  # the common case, ten times as fast
        return _as_wide(line.rstrip("\r\n").split(delimiter), width, line)
    more: list[str] = []
    size, quotes = len(line), line.count('"')
    while quotes % 2 and len(more) < MOST_LINES and size <= limits.MOST_CELL:
        following = lines.take()
        if following is None:
            break
        more.append(following)
        size, quotes = size + len(following), quotes + following.count('"')
    if more and (quotes % 2 or swallows(more, delimiter, width)):
        lines.give_back(more)
        return Record(None, NEVER_CLOSED, line.rstrip("\r\n"))
    text = (line + "".join(more)).rstrip("\r\n")
    fields = _split(text, delimiter)
    if fields is None:
        if more:  # the lines that were gathered may be records of their own
            lines.give_back(more)
            text = line.rstrip("\r\n")
        return Record(None, "unquoted value", text)
    return _as_wide(fields, width, text)


def _as_wide(fields: Sequence[str], width: int, text: str) -> Record:
    if len(fields) == width:
        return Record(fields)
    detail = "missing columns" if len(fields) < width else "too many columns"
    return Record(None, detail, text.rstrip("\r\n"))


def swallows(more: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a line within a quoted field, or the one that closes it, looks like a record of its own."""
    return width > 2 and any(line.count(delimiter) == width - 1 and '"' not in line for line in more)


def _split(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
