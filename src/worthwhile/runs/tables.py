"""Tables go to files: Parquet, CSV that no spreadsheet takes for formulas, JSON lines; whole or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.plain import plain

# What a spreadsheet may take for the beginning of a formula; those of full width where its language is Chinese.
FORMULA = "[=+\\-@\t\r\n＝＋－＠]"
FORMULA_MARKED = re.compile(f"^'({FORMULA})")  # an apostrophe that was put before such a beginning
SUFFIXES = (".parquet", ".csv", ".jsonl")  # how the name of a file with a table may end
PAGE_SUFFIXES = (".html", ".htm", "")  # and that of a page
AT_ONCE = 65_536  # rows of JSON lines written at a time


def check_out(out: Path | str, *, suffixes: Sequence[str] = SUFFIXES, where: str = "--out") -> Path:
    """The path that a file can be written to, a table where nothing else is said. `suffixes` are the endings that its
    name may have, with an empty one that it may have none; `where` is the option that it was given by.

    Raises InputError `bad-argument` before any work is done.
    """
    path, known = Path(out), [suffix for suffix in suffixes if suffix]
    if path.is_dir():
        remedy = f"name a file, such as {path / f'file{known[0]}'}"
        raise InputError("bad-argument", f"`{path}` is a folder", where=where, remedy=remedy)
    if path.suffix.lower() not in suffixes:
        neither = f"neither {' nor '.join(known)}" if len(known) > 1 else f"not {known[0]}"
        remedy = f"end the name in {' or '.join(known)}"
        raise InputError("bad-argument", f"`{path.name}` is {neither}", where=where, remedy=remedy)
    if not path.absolute().parent.is_dir():
        what, remedy = f"the folder `{path.parent}` does not exist", "make it, or name another"
        raise InputError("bad-argument", what, where=where, remedy=remedy)
    return path


def write_table(table: pa.Table, path: Path) -> None:
    """Write by the suffix; a file of that name is replaced only once the new one is whole."""
    write_tables([table], path, table.schema)


def write_tables(parts: Iterable[pa.Table], path: Path, schema: pa.Schema) -> None:
    """The same of a table that comes in parts, all of this schema."""
    temporary = path.with_name(path.name + ".new")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for table in parts:
                writer.write_table(table)
    elif suffix == ".jsonl":
        _write_json_lines(parts, temporary)
    else:
        with pacsv.CSVWriter(temporary, safe_for_spreadsheets(schema.empty_table()).schema) as writer:
            for table in parts:
                writer.write_table(safe_for_spreadsheets(table))
    temporary.replace(path)


def read_written(path: Path, schema: pa.Schema) -> pa.Table:
    """What `write_table` wrote, of a table of this schema."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return pq.read_table(path)
    if suffix == ".jsonl":
        return pajson.read_json(path, parse_options=pajson.ParseOptions(explicit_schema=schema))
    types = dict(zip(schema.names, schema.types, strict=True))
    return without_marks(pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(column_types=types)))


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


def _write_json_lines(parts: Iterable[pa.Table], path: Path) -> None:
    """One JSON object a line; moments as ISO 8601, what JSON cannot say (NaN, infinity) as null."""
    with path.open("w", encoding="utf-8") as file:
        for batch in (batch for table in parts for batch in table.to_batches(max_chunksize=AT_ONCE)):
            for row in batch.to_pylist():
                file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")
