"""Old workbooks (XLS) made byte by byte: a compound file with one stream or more, and a sheet of texts in it.

Layouts: [MS-CFB] 2.2, 2.6; [MS-XLS] 2.4.21 BOF, 2.4.28 BoundSheet8, 2.4.148 Label. Just enough for small files.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """A compound file. Streams are filled up to 4,096 bytes, from which on they lie in sectors of their own."""
    filled = {name: content.ljust(4096, b"\x00") for name, content in streams.items()}
    counts = {name: -(-len(content) // SECTOR) for name, content in filled.items()}
    directory_sectors = -(-(len(filled) + 1) // 4)
    chain = [FAT, *_run(1, directory_sectors)]
    starts, body = {}, b""
    for name, content in filled.items():
        starts[name] = len(chain)
        chain += _run(len(chain), counts[name])
        body += content.ljust(counts[name] * SECTOR, b"\x00")
    assert len(chain) <= SECTOR // 4
    table = struct.pack(f"<{SECTOR // 4}I", *chain, *[FREE] * (SECTOR // 4 - len(chain)))
    entries = [_entry("Root Entry", 5, 1, END, 0)]
    for number, (name, content) in enumerate(filled.items(), start=1):
        right = number + 1 if number < len(filled) else FREE
        entries.append(_entry(name, 2, FREE, starts[name], len(content), right))
    directory = b"".join(entries).ljust(directory_sectors * SECTOR, b"\x00")
    return _header() + table + directory + body


def _run(start: int, count: int) -> list[int]:
    """The chain of sectors that follow each other."""
    return [*range(start + 1, start + count), END]


def _header() -> bytes:
    fixed = struct.pack("<8s16s5H6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6)
    counts = struct.pack("<9I", 0, 1, 1, 0, 4096, END, 0, END, 0)
    return fixed + counts + struct.pack("<109I", 0, *[FREE] * 108)


def _entry(name: str, kind: int, child: int, start: int, size: int, right: int = FREE) -> bytes:
    text = name.encode("utf-16-le") + b"\x00\x00"
    links = struct.pack("<3I16sI16xIQ", FREE, right, child, b"", 0, start, size)
    return text.ljust(64, b"\x00") + struct.pack("<HBB", len(text), kind, 1) + links


def small_xls(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet of texts."""
    begin = _record(0x0809, struct.pack("<4H2I", 0x0600, 5, 0x0DBB, 0x07CC, 0, 6))
    end = _record(0x000A, b"")
    name = b"orders"
    size = len(begin) + 4 + 8 + len(name) + len(end)
    bound = _record(0x0085, struct.pack("<IHBB", size, 0, len(name), 0) + name)
    sheet = _record(0x0809, struct.pack("<4H2I", 0x0600, 0x10, 0x0DBB, 0x07CC, 0, 6))
    labels = b"".join(_label(r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))
    return compound_file({"Workbook": begin + bound + end + sheet + labels + end})


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _label(row: int, column: int, text: str) -> bytes:
    return _record(0x0204, struct.pack("<4HB", row, column, 0, len(text), 0) + text.encode("latin-1"))
