"""Tables go to files by their suffix, and are read again as they were."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.runs.tables import PAGE_SUFFIXES, SUFFIXES, check_out, read_written, write_table, write_tables

TABLE = pa.table({"customer_id": ["=cmd()", "00123"], "score": [1.5, 0.25], "rank": pa.array([1, 2], pa.int32())})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_that_is_read_again_is_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    write_table(TABLE, path)
    assert read_written(path, TABLE.schema).equals(TABLE)
    write_tables((TABLE.slice(k, 1) for k in range(2)), tmp_path / f"parts{suffix}", TABLE.schema)
    assert read_written(tmp_path / f"parts{suffix}", TABLE.schema).equals(TABLE)
    assert [p.suffix for p in tmp_path.iterdir()] == [suffix] * 2


def test_only_csv_marks_what_a_spreadsheet_takes_for_a_formula(tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl"):
        write_table(TABLE, tmp_path / f"t{suffix}")
    assert (tmp_path / "t.csv").read_text().splitlines()[1].startswith('"\'=cmd()"')
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])["customer_id"] == "=cmd()"


@pytest.mark.parametrize(
    ("name", "suffixes", "what"),
    [
        ("r.pdf", PAGE_SUFFIXES, "`r.pdf` is neither .html nor .htm; end the name in .html or .htm"),
        ("t.xlsx", SUFFIXES, "neither .parquet nor .csv nor .jsonl"),
        ("rows.txt", (".csv", ""), "`rows.txt` is not .csv"),
        ("none/t.csv", SUFFIXES, "the folder `.*none` does not exist"),
        (".", SUFFIXES, "is a folder; name a file, such as"),
    ],
)
def test_where_no_such_file_can_be_written_is_said_by_the_option(
    tmp_path: Path, name: str, suffixes: tuple[str, ...], what: str
) -> None:
    with pytest.raises(InputError, match=what) as caught:
        check_out(tmp_path / name, suffixes=suffixes, where="--holdout-out")
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--holdout-out")


def test_a_page_may_have_no_ending_and_a_table_may_not(tmp_path: Path) -> None:
    for name in ("page", "page.HTM", "page.html"):
        assert check_out(tmp_path / name, suffixes=PAGE_SUFFIXES) == tmp_path / name
    with pytest.raises(InputError):
        check_out(tmp_path / "table")
