"""Tables go to files: Parquet, CSV that no spreadsheet takes for formulas, JSON lines; whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.plain import plain

# What a spreadsheet may take for the beginning of a formula; those of full width where its language is Chinese.
FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
FORMULA_MARKED = re.compile(f"^'({FORMULA})")  # an apostrophe that was put before such a beginning
AT_ONCE = 65_536  # rows of JSON lines written at a time


def check_out(out: Path | str, *, suffixes: Sequence[str] = (".parquet", ".csv")) -> Path:
    """The path that a table can be written to. Raises InputError `bad-argument` before any work is done."""
    path = Path(out)
    if path.suffix.lower() not in suffixes:
        names = f"neither {' nor '.join(suffixes)}"
        raise InputError(
            "bad-argument",
            f"`{path.name}` is {names}",
            where="--out",
            remedy=f"end the name in {' or '.join(suffixes)}",
        )
    if path.is_dir():
        raise InputError("bad-argument", f"`{path}` is a folder", where="--out", remedy="name a file")
    if not path.absolute().parent.is_dir():
        raise InputError(
            "bad-argument",
            f"the folder `{path.parent}` does not exist",
            where="--out",
            remedy="make it, or name another",
        )
    return path


def write_table(table: pa.Table, path: Path) -> None:
    """Write by the suffix; a file of that name is replaced only once the new one is whole."""
    temporary = path.with_name(path.name + ".new")
    if path.suffix.lower() == ".parquet":
        pq.write_table(table, temporary, compression="zstd")
    elif path.suffix.lower() == ".jsonl":
        _write_json_lines(table, temporary)
    else:
        pacsv.write_csv(safe_for_spreadsheets(table), temporary)
    temporary.replace(path)


def safe_for_spreadsheets(table: pa.Table) -> pa.Table:
    """Texts that a spreadsheet would take for a formula get a leading apostrophe, names of columns too."""
    for i, field in enumerate(table.schema):
        column = table.column(i)
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            texts = pc.cast(column, pa.large_string() if pa.types.is_large_string(kind) else pa.string())
            risky = pc.match_substring_regex(texts, f"^{FORMULA}")
            marked = pc.binary_join_element_wise(pa.scalar("'", texts.type), texts, pa.scalar("", texts.type))
            table = table.set_column(i, pa.field(field.name, texts.type), pc.if_else(risky, marked, texts))
    return table.rename_columns(
        [f"'{name}" if name[:1] in "=+-@\t\r\n＝＋－＠" and name else name for name in table.column_names]
    )


def without_marks(table: pa.Table) -> pa.Table:
    """What `safe_for_spreadsheets` was given, from what it gave: for files that are read again."""
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            plainly = pc.replace_substring_regex(table.column(i), FORMULA_MARKED.pattern, r"\1")
            table = table.set_column(i, field.name, plainly)
    return table.rename_columns([FORMULA_MARKED.sub(r"\1", name) for name in table.column_names])


def _write_json_lines(table: pa.Table, path: Path) -> None:
    """One JSON object a line; moments as ISO 8601, what JSON cannot say (NaN, infinity) as null."""
    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(max_chunksize=AT_ONCE):
            for row in batch.to_pylist():
                file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")
