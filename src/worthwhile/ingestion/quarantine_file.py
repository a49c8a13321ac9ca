"""All rows in quarantine as one CSV file that spreadsheet programs open."""

from __future__ import annotations

import csv
from pathlib import Path

from worthwhile.ingestion.reasons import detail_in, meaning
from worthwhile.schema import QUARANTINE
from worthwhile.shop import Shop
from worthwhile.store.log import add_view, connect
from worthwhile.store.tables import held_files

HEADER = {
    "en": ("file", "row", "reason", "meaning", "detail", "content"),
    "zh": ("文件", "行号", "原因代码", "原因", "说明", "内容"),
}
ROWS_AT_ONCE = 10_000


def write_quarantine(shop: Shop, path: Path, lang: str = "en") -> int:
    """Write them in the order of file and row; returns how many there are.

    UTF-8 with its mark, without which Excel takes Chinese for something else. A cell that a spreadsheet would take for
    a formula gets an apostrophe before it. Raises InputError `damaged`.
    """
    held, _ = held_files(shop, ["quarantine"])
    con = connect(shop.settings, spill=str(shop.scratch))
    temporary = path.with_name(path.name + ".new")
    count = 0
    try:
        add_view(con, "quarantine", QUARANTINE, held.files["quarantine"])
        found = con.execute(
            "SELECT file, row, reason, detail, content FROM quarantine ORDER BY file, row, reason, batch_id"
        )
        with temporary.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER[lang])
            while rows := found.fetchmany(ROWS_AT_ONCE):
                writer.writerows(
                    (
                        _cell(name),
                        row,
                        reason,
                        meaning(reason, lang),
                        _cell(detail_in(detail, lang)),
                        _cell(content or ""),
                    )
                    for name, row, reason, detail, content in rows
                )
                count += len(rows)
        temporary.replace(path)
    finally:
        con.close()
        held.close()
        temporary.unlink(missing_ok=True)
    return count


def _cell(text: str) -> str:
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
