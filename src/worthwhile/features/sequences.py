"""Event sequences: all events of a log as flat columns, customer after customer, each in the order of time.

DuckDB sorts, out of core; the columns are written as they come and read through memory maps, so that neither making
nor reading them needs the memory that they take. A cutoff is a prefix of each customer's events. The layout is plain
arrays and Parquet, so that other engines can write it too.

Letters: C customers, E events, T different texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.features.slices import UNWRITTEN, counted
from worthwhile.progress import Progress, silent
from worthwhile.schema import EVENT_KINDS, to_us
from worthwhile.store import sql
from worthwhile.store.faults import told
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]

KINDS = tuple(EVENT_KINDS)
NONE = -1  # the code of what an event does not have
# Column -> its type in the files. Codes count from 0 in the order of the vocabulary.
COLUMNS: dict[str, np.dtype[Any]] = {
    "ts_us": np.dtype("<i8"),  # microseconds from 1970-01-01 UTC
    "day": np.dtype("<i4"),  # local day counted from 1970-01-01
    "minute": np.dtype("<i2"),  # of the local day
    "kind": np.dtype("<i1"),  # a place in KINDS
    "is_goods": np.dtype("<i1"),
    "amount": np.dtype("<f4"),  # in the shop's currency; 0 where an event has none
    "quantity": np.dtype("<f4"),  # 0 where an event has none
    "rating": np.dtype("<f4"),  # NaN where an event has none
    "item": np.dtype("<i4"),
    "category": np.dtype("<i4"),  # of the event, else of its item as known then
    "channel": np.dtype("<i4"),
    "text": np.dtype("<i4"),  # a place in `texts`
}
VOCABULARIES = ("item", "category", "channel")
_ROWS = 250_000  # handed over at a time
_ALWAYS, _FOREVER = -(2**63) + 1, 2**63 - 1  # microseconds


@dataclass(frozen=True)
class Content:
    """Vectors of what items are or texts say."""

    vectors: Array  # (words, width) float32: a row for each word of `by`, zeros where nothing is known
    by: str  # `item` or `text`: the column whose codes are rows of `vectors`
    encoder: str = ""  # id of what made them: vectors of different encoders cannot be compared


@dataclass(frozen=True)
class Sequences:
    """The events of a log. Arrays are memory maps and read-only."""

    customer_ids: Array  # (C,) str objects, ascending
    offsets: Array  # (C + 1,) int64: the events of customer c are offsets[c] to offsets[c + 1]
    columns: Mapping[str, Array]  # (E,) each, by the names of COLUMNS
    vocabularies: Mapping[str, Array]  # of VOCABULARIES: str objects, ascending
    folder: Path
    contents: Mapping[str, Content] = field(default_factory=dict)  # by a name of what they tell, such as `picture`
    left_out: Array | None = None  # (C,) bool: customers of whom no event is told

    def __len__(self) -> int:
        return len(self.customer_ids)

    @property
    def events(self) -> int:
        return int(self.offsets[-1])

    def rows_of(self, customer_ids: Array) -> Array:
        """(N,) int64 places of customers; NONE for those without any event."""
        places = np.searchsorted(self.customer_ids, customer_ids)
        places = np.minimum(places, len(self) - 1)
        return np.where(self.customer_ids[places] == customer_ids, places, NONE)

    def without(self, customer_ids: Array) -> Sequences:
        """The same without the events of these customers (N,)."""
        rows, left_out = self.rows_of(customer_ids), np.zeros(len(self), dtype=bool)
        left_out[rows[rows != NONE]] = True
        return replace(self, left_out=left_out)

    def ends_at(self, cutoff: datetime) -> Array:
        """(C,) int64: where the events of each customer that lie before the cutoff (UTC) end."""
        until, ts = to_us(cutoff), self.columns["ts_us"]
        told = counted(self.offsets, lambda here: ts[here] < until)
        return self.offsets[:-1] + (told if self.left_out is None else np.where(self.left_out, 0, told))

    def texts(self) -> Array:
        """(T,) str objects: what searches and reviews say."""
        table = pq.read_table(self.folder / "texts.parquet")
        return table["word"].to_numpy(zero_copy_only=False)


def build_sequences(log: Log, folder: Path, *, progress: Progress = silent) -> Sequences:
    """Write the sequences of all events of `log` into the new folder `folder`, and open them.

    Events of one moment are ordered by what they are, so that the same log gives the same files.
    Raises InputError `cannot-write`.
    """
    with told(folder, UNWRITTEN):
        folder.mkdir(parents=True)
        _write(log, folder, progress)
    return open_sequences(folder)


def _write(log: Log, folder: Path, progress: Progress) -> None:
    con = log.con
    progress("sequences", 0.0)
    words = {name: _number(log, name) for name in ("customer", *VOCABULARIES, "text")}
    for name, table in words.items():
        pq.write_table(table, folder / f"{name}s.parquet")
    counts = np.zeros(len(words["customer"]), dtype=np.int64)
    [(total,)] = con.execute("SELECT count(*) FROM events").fetchall()
    files = {name: (folder / f"{name}.bin").open("wb") for name in COLUMNS}
    done = 0
    try:
        for batch in con.sql(_statement()).to_arrow_reader(_ROWS):
            counts += np.bincount(batch["customer"].to_numpy(), minlength=len(counts))
            for name, kind in COLUMNS.items():
                batch[name].to_numpy(zero_copy_only=False).astype(kind, copy=False).tofile(files[name])
            done += len(batch)
            progress("sequences", done / max(total, 1))
    finally:
        for file in files.values():
            file.close()
        for name in words:
            con.execute(f"DROP TABLE IF EXISTS sequence_{name}")
    np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(counts)]))
    (folder / "sequences.json").write_text(json.dumps({"events": done, "versions": log.version}))


def open_sequences(folder: Path) -> Sequences:
    """The sequences that `build_sequences` wrote. Raises InputError `damaged` where files are missing or torn."""
    try:
        told = json.loads((folder / "sequences.json").read_text())
        offsets = np.load(folder / "offsets.npy", allow_pickle=False)
        events = int(told["events"])
        columns = {name: _mapped(folder / f"{name}.bin", kind, events) for name, kind in COLUMNS.items()}
        words = {name: pq.read_table(folder / f"{name}s.parquet")["word"] for name in ("customer", *VOCABULARIES)}
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(
            "damaged", "the event sequences cannot be read", where=str(folder), remedy="delete the folder"
        ) from error
    ids = {name: word.to_numpy(zero_copy_only=False) for name, word in words.items()}
    return Sequences(ids.pop("customer"), offsets, columns, ids, folder)


def _mapped(path: Path, kind: np.dtype[Any], events: int) -> Array:
    if path.stat().st_size != events * kind.itemsize:
        raise ValueError(f"{path} is torn")
    return np.memmap(path, dtype=kind, mode="r", shape=(events,)) if events else np.empty(0, dtype=kind)


def _number(log: Log, name: str) -> pa.Table:
    """Make the table `sequence_<name>` (word, code) of all words of a column, ascending; the words."""
    column = {"text": "text"}.get(name, f"{name}_id" if name in ("customer", "item") else name)
    more = " UNION SELECT category FROM item_categories" if name == "category" else ""
    words = f"SELECT DISTINCT {sql.name(column)} AS word FROM events{more}"
    log.con.execute(
        f"CREATE OR REPLACE TEMP TABLE sequence_{name} AS SELECT word, CAST(row_number() OVER (ORDER BY word) - 1 AS"
        f" INTEGER) AS code FROM ({words}) WHERE word IS NOT NULL"
    )
    return log.con.sql(f"SELECT word FROM sequence_{name} ORDER BY code").to_arrow_table()


def _statement() -> str:
    """All events with codes for words, in the order of the files.

    What an item's category was at an event is found by an interval, not by ASOF, which sorts all events first: with
    it, ten million events took twice as long as all else here.
    """
    kinds = " ".join(f"WHEN {sql.text(kind)} THEN {code}" for code, kind in enumerate(KINDS))
    codes = [f"coalesce({name[0]}.code, {NONE}) AS {name}" for name in ("item", "text")]
    return f"""
        WITH since AS (
            SELECT item_id, code, coalesce(since_us, {_ALWAYS}) AS since_us
            FROM item_categories JOIN sequence_category ON category = word
        ), spans AS (
            SELECT *, lead(since_us, 1, {_FOREVER}) OVER (PARTITION BY item_id ORDER BY since_us, code) AS until_us
            FROM since
        )
        SELECT u.code AS customer, ts_us, CAST(day AS INTEGER) AS day,
            CAST((local_us - day * 86400000000) // 60000000 AS SMALLINT) AS minute,
            CAST(CASE kind {kinds} END AS TINYINT) AS kind, CAST(is_goods AS TINYINT) AS is_goods,
            CAST(coalesce(amount, 0) AS FLOAT) AS amount, CAST(coalesce(quantity, 0) AS FLOAT) AS quantity,
            CAST(coalesce(rating, 'nan') AS FLOAT) AS rating, {", ".join(codes)},
            coalesce(g.code, k.code, {NONE}) AS category, coalesce(c.code, {NONE}) AS channel
        FROM events e JOIN sequence_customer u ON e.customer_id = u.word
            LEFT JOIN sequence_item i ON e.item_id = i.word LEFT JOIN sequence_text t ON e.text = t.word
            LEFT JOIN sequence_category g ON e.category = g.word
            LEFT JOIN sequence_channel c ON e.channel = c.word
            LEFT JOIN spans k ON e.item_id = k.item_id AND e.ts_us >= k.since_us AND e.ts_us < k.until_us
        ORDER BY ALL
    """
