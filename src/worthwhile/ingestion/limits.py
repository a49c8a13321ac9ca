"""How much a file may hold of one thing: what lies beyond is no export of a shop, or made to choke its reader."""

from __future__ import annotations

MOST_COLUMNS = 1_000  # as many take two gigabytes to read
MOST_LINE = 16_000_000  # bytes of one line of text; DuckDB reads lines whole
MOST_CELL = 100_000  # characters of one field: three times what a spreadsheet's cell can hold
KEPT_OF_LONG_CELL = 1_000  # characters of each field of a row that is refused for such a field

# Exports of orders shrink to a fifth or a thirtieth, bombs to a thousandth. What is small does no harm.
MOST_UNPACKED_TIMES = 100
FREE_UNPACKED = 64 << 20
MOST_UNPACKED_TEXT = 64 << 30  # bytes; a text is unpacked to disk
MOST_UNPACKED_WORKBOOK = 2 << 30  # bytes; a sheet is held in memory

# A sheet is held as a full rectangle, so that two cells in opposite corners take as much as all between them.
FREE_AREA = 16 << 20  # cells
MOST_AREA_TIMES = 4  # the rectangle's cells for each cell that is there
MOST_SHEET_TEXT = 1 << 30  # characters of all cells of a workbook, each string counted as often as it is shown
MOST_SHEETS = 1_000
MOST_STRINGS = 10_000_000  # different texts of a workbook

MOST_ROWS_A_BYTE = 2  # of a Parquet file, beyond the first million rows; orders take some bytes each
FREE_ROWS = 1_000_000


def most_unpacked(packed: int, at_most: int) -> int:
    """How many bytes may come out of a packed file of this size."""
    return min(max(FREE_UNPACKED, MOST_UNPACKED_TIMES * packed), at_most)
