"""What is known of the shop's items at a moment, and the texts that encoders may be fitted to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from worthwhile.content.cache import vectors_of
from worthwhile.content.encoder import Array, Encoder, PictureEncoder, unit_length
from worthwhile.content.picture import REFUSED, picture_vectors_of
from worthwhile.progress import Progress, part, silent
from worthwhile.schema import to_us
from worthwhile.store.log import Log

_FETCHED = 10_000

# An item is known by an event that names it, or from a list, which tells no day: then it is all along, as its category
# is. Rows of lists have no `lines`. A log in memory has its items from a list.
_KNOWN = """
    SELECT item_id FROM events WHERE ts_us < $cutoff AND item_id IS NOT NULL
    UNION SELECT item_id FROM item_categories WHERE since_us IS NULL
"""
_LISTED = "SELECT item_id FROM told_items WHERE lines IS NULL AND title IS NOT NULL"
# The category that an item came into last before the cutoff; of several known all along the first by name.
_CATEGORIES = """
    SELECT item_id, arg_min(category, (-coalesce(since_us, -9e18), category)) AS category
    FROM item_categories WHERE since_us IS NULL OR since_us < $cutoff GROUP BY item_id
"""


@dataclass(frozen=True)
class ItemVectors:
    """Items and their vectors, in the order of ids."""

    item_id: list[str]
    vectors: Array  # (I, text size + picture size) float32, of unit length; zeros where nothing is known
    refused: pa.Table  # `path` and `reason` of pictures that could not be read


def item_contents(log: Log, cutoff: datetime) -> pa.Table:
    """Goods known before the cutoff, ordered by `item_id`, with `text` (title, category, description) and `picture`.

    The category is that of the cutoff. Titles, descriptions and pictures carry no time: they are those of today, and
    what a list names is known all along, since its `updated_at` tells when a row was last changed and not since when
    it is known.
    """
    views = {name for (name,) in log.con.execute("SELECT view_name FROM duckdb_views()").fetchall()}
    listed = _LISTED if "told_items" in views else "SELECT item_id FROM items"
    query = f"""
        WITH known AS ({_KNOWN} UNION {listed}), placed AS ({_CATEGORIES})
        SELECT item_id, concat_ws('. ', title, placed.category, description) AS text, picture
        FROM items JOIN known USING (item_id) LEFT JOIN placed USING (item_id) WHERE is_goods ORDER BY item_id
    """
    return log.con.sql(query, params={"cutoff": to_us(cutoff)}).to_arrow_table()


def texts_before(log: Log, cutoff: datetime) -> Iterator[str]:
    """All texts that were known before the cutoff: of items, then of events (reviews, searches), each as it is.

    Read it to its end before the log is asked anything else.
    """
    yield from item_contents(log, cutoff)["text"].to_pylist()
    query = "SELECT text FROM events WHERE ts_us < $cutoff AND text IS NOT NULL"
    found = log.con.execute(query, {"cutoff": to_us(cutoff)})
    while rows := found.fetchmany(_FETCHED):
        yield from (text for (text,) in rows)


def item_vectors(
    log: Log,
    cutoff: datetime,
    text: Encoder,
    *,
    kept: Path,
    pictures: PictureEncoder | None = None,
    progress: Progress = silent,
) -> ItemVectors:
    """The vectors of all goods known before the cutoff: that of the text beside that of the picture.

    Each part has unit length or is zeros, and so has the whole: the inner product of two items is the mean of the
    likeness of texts and of pictures where both have both. `kept` is the folder of all encoders' vectors
    (`Shop.vectors`). Raises InputError `cannot-write`.
    """
    contents = item_contents(log, cutoff)
    ids = contents["item_id"].to_pylist()
    vectors = vectors_of(kept, text, contents["text"].to_pylist(), part(progress, 0.0, 0.5 if pictures else 1.0))
    if pictures is None:
        return ItemVectors(ids, vectors, REFUSED.empty_table())
    seen, refused = picture_vectors_of(kept, pictures, contents["picture"].to_pylist(), part(progress, 0.5, 1.0))
    return ItemVectors(ids, unit_length(np.hstack([vectors, seen])), refused)
