"""Vectors are made once of every content and kept: one folder for each encoder, Parquet parts of digests and vectors.

A part is written under another name and renamed, and never changed afterwards, so that any number of processes can
read and write at once; what two of them make of one content at the same time is kept twice, and alike. A part that
cannot be read is removed, and what it held made anew. The folder may be removed whenever nothing runs.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.content.encoder import Array, Encoder
from worthwhile.content.hygiene import clean
from worthwhile.progress import Progress, silent
from worthwhile.store.faults import told

CHUNK = 8_192  # contents that are encoded, and kept, at a time: what a killed process loses at most
KEY = pa.binary(16)  # the first half of a SHA-256
FITTED = "static-"  # ids of encoders that were fitted to the shop's own texts begin so
_TEMPORARY = ".writing-"

# Rows of the contents asked for -> their vectors, and which of them there are none of.
Make = Callable[[Array], tuple[Array, Array]]


def text_key(text: str) -> bytes | None:
    """What a cleaned text is known by; None of an empty one, whose vector is zeros."""
    return hashlib.sha256(text.encode()).digest()[: KEY.byte_width] if text else None


def vectors_of(folder: Path, encoder: Encoder, contents: Sequence[str | None], progress: Progress = silent) -> Array:
    """(N, size) float32: the vectors of N texts, each of which is cleaned and encoded once in the folder's life.

    `folder` is that of all encoders' vectors. A vector is kept in half precision and given so, whether it was kept
    already or not. Beside the answer and the contents it takes the memory of one chunk.
    Raises InputError `cannot-write`.
    """
    keys = pa.array((text_key(clean(content)) for content in contents), KEY)

    def make(rows: Array) -> tuple[Array, Array]:
        vectors = encoder.encode([clean(contents[row]) for row in rows])
        return vectors, np.zeros(len(rows), bool)

    return kept_vectors(folder / encoder.id, encoder.size, keys, make, progress)


def kept_vectors(place: Path, size: int, keys: pa.Array, make: Make, progress: Progress = silent) -> Array:
    """(N, size) float32: the vectors of contents by their keys, from the parts in `place`; what is missing is made.

    Contents without a key, and those that `make` says there is none of, are zeros.
    """
    distinct = keys.dictionary_encode()
    code = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)  # (N,): place among the U distinct keys
    first = np.full(len(distinct.dictionary), -1)  # (U,): the first row of each
    rows = np.flatnonzero(code >= 0)[::-1]
    first[code[rows]] = rows
    vectors = np.zeros((len(keys), size), np.float32)
    missing = np.ones(len(first), bool)
    for path, found in _found(place, distinct.dictionary):
        here = np.flatnonzero(found >= 0)
        here = here[missing[found[here]]]
        if len(here) and (part := _vectors(path, size)) is not None:
            vectors[first[found[here]]] = part[here]
            missing[found[here]] = False
    _make_missing(place, distinct.dictionary, first, missing, vectors, make, progress)
    again = np.flatnonzero(code >= 0)
    again = again[first[code[again]] != again]
    for some in np.array_split(again, len(again) // CHUNK + 1):
        vectors[some] = vectors[first[code[some]]]
    return vectors


def _make_missing(
    place: Path, keys: pa.Array, first: Array, missing: Array, vectors: Array, make: Make, progress: Progress
) -> None:
    """Encode what no part has, fill it in at its first row, and keep it."""
    wanted = np.flatnonzero(missing)
    for start in range(0, len(wanted), CHUNK):
        progress("encoding content", start / len(wanted))
        some = wanted[start : start + CHUNK]
        made, refused = make(first[some])
        half = made.astype(np.float16)
        assert np.isfinite(half).all(), "an encoder gives finite numbers"
        half[refused] = 0
        vectors[first[some]] = half
        _write(place, keys.take(pa.array(some[~refused])), half[~refused])
    if len(wanted):
        progress("encoding content", 1.0)


# ---- parts --------------------------------------------------------------------------------------------------------


def _write(place: Path, keys: pa.Array, vectors: Array) -> None:
    """A new part, whole or not at all."""
    if not len(keys):
        return
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float16()), vectors.shape[1])
    temporary = place / f"{_TEMPORARY}{uuid.uuid4()}"
    with told(place):
        place.mkdir(parents=True, exist_ok=True)
        # Digests and numbers of half precision do not compress.
        pq.write_table(
            pa.table({"hash": keys, "vector": column}),
            temporary,
            compression="none",
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        )
        try:
            temporary.replace(place / f"part-{uuid.uuid4()}.parquet")
        except FileNotFoundError:
            return  # the cache was emptied meanwhile, on purpose


def _found(place: Path, wanted: pa.Array) -> Iterator[tuple[Path, Array]]:
    """Each part, and where its rows' keys lie among those wanted (-1: nowhere). Unreadable parts are removed."""
    held = {path: keys for path in _parts(place) if (keys := _column(path, "hash", KEY)) is not None}
    # All parts at once: a table of the keys wanted is made with every call.
    every = pa.chunked_array(held.values(), KEY).combine_chunks()
    found = pc.index_in(every, value_set=wanted).fill_null(-1).to_numpy(zero_copy_only=False)
    start = 0
    for path, keys in held.items():
        yield path, found[start : start + len(keys)]
        start += len(keys)


def _parts(place: Path) -> list[Path]:
    return sorted(place.glob("part-*.parquet"))


def _vectors(path: Path, size: int | None = None) -> Array | None:
    """(rows of the part, size) float16; of whatever size the part has where none is given."""
    column = _column(path, "vector", size and pa.list_(pa.float16(), size))
    if column is None:
        return None
    return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


def _column(path: Path, name: str, kind: pa.DataType | None) -> pa.Array | None:
    """A column without absent values; None, and the part is gone, where it cannot be read as that."""
    try:
        column = pq.ParquetFile(path, page_checksum_verification=True).read([name])[name].combine_chunks()
        column = column.cast(kind) if kind else column
        column.validate(full=True)
        if column.null_count == 0:
            return column
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError, KeyError):
        pass
    path.unlink(missing_ok=True)
    return None


# ---- forgetting ---------------------------------------------------------------------------------------------------


def erase_vectors(folder: Path, texts: Iterable[str]) -> None:
    """Take the vectors of these texts, and their digests, out of the folder of all encoders' vectors.

    Encoders that were fitted to the shop's texts go with all their vectors, should there be any text: each is a
    function of everything that was written. What another process has not finished writing is lost to it.
    """
    gone = {key for text in texts if (key := text_key(clean(text)))}
    if not gone:
        return
    keys = pa.array(sorted(gone), KEY)
    for place in sorted(path for path in folder.glob("*") if path.is_dir()):
        if place.name.startswith(FITTED):
            shutil.rmtree(place)
            continue
        for left in place.glob(f"{_TEMPORARY}*"):
            left.unlink(missing_ok=True)
        for path in _parts(place):
            _erase_from(path, keys)


def _erase_from(path: Path, keys: pa.Array) -> None:
    """The part is replaced by one without these keys, which is there before it goes."""
    held = _column(path, "hash", KEY)
    if held is None:
        return
    stay = pc.invert(pc.is_in(held, value_set=keys))
    if pc.all(stay).as_py():
        return
    vectors = _vectors(path)
    if vectors is not None:
        _write(path.parent, held.filter(stay), vectors[stay.to_numpy(zero_copy_only=False)])
    path.unlink(missing_ok=True)
