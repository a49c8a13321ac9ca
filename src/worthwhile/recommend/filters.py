"""Which items may be recommended: what can be sold, what a customer does not own yet, a category."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from worthwhile.errors import InputError
from worthwhile.schema import to_us
from worthwhile.store.log import Log

Array = np.ndarray[Any, Any]

_CATEGORIES = """
    SELECT item_id, arg_max(category, (coalesce(since_us, -1), category)) AS category
    FROM item_categories WHERE since_us IS NULL OR since_us < $cutoff GROUP BY item_id
"""


@dataclass(frozen=True)
class Filters:
    """What may be recommended; without any, everything."""

    stock: Collection[str] | None = None  # ids of the items that can be sold
    new_only: bool = False  # only what the customer has not bought
    categories: Sequence[str] = ()  # only items of these

    def allowed(self, items: Array, log: Log, cutoff: datetime) -> Array:
        """Which of the items (I,) pass stock and category: bool. Raises InputError `bad-argument` where none does."""
        allowed = np.ones(len(items), bool)
        if self.stock is not None:
            allowed &= np.isin(items.astype(str), np.array(sorted(self.stock), dtype=str))
            if not allowed.any():
                raise InputError(
                    "bad-argument",
                    f"none of the {len(self.stock):,} items in stock is known to the shop",
                    where="--stock",
                    remedy=f"list ids as the log has them, such as {items[0]}",
                )
        if self.categories:
            category = dict(log.con.execute(_CATEGORIES, {"cutoff": to_us(cutoff)}).fetchall())
            of_category = np.array([category.get(item) in set(self.categories) for item in items.tolist()])
            if not of_category.any():
                raise _no_category(self.categories, category)
            allowed &= of_category
        if not allowed.any():
            raise InputError(
                "bad-argument",
                "no item of the category is in stock",
                where="--stock, --category",
                remedy="leave one of them out",
            )
        return allowed


def _no_category(asked: Sequence[str], category: dict[str, str]) -> InputError:
    names = sorted(set(category.values()))
    known = ", ".join(f"`{name}`" for name in names[:10]) + (" and more" if len(names) > 10 else "")
    return InputError(
        "bad-argument",
        f"no item is of the category {' or '.join(f'`{name}`' for name in asked)}",
        where="--category",
        remedy=f"the shop's are {known}" if names else "no item of this shop has a category: ingest a list of items",
    )


def read_stock(path: Path | str) -> frozenset[str]:
    """Ids of items from a file: a column `item_id` of a .csv or .parquet, or else one id a line.

    Raises InputError: `bad-file` where there is no such file or it cannot be read, `bad-columns`, `bad-argument`.
    """
    path = Path(path)
    if not path.is_file():
        raise _unreadable(path, "this is a folder, not a file" if path.is_dir() else "there is no such file")
    try:
        if path.suffix.lower() == ".parquet":
            return _ids(_column(pq.read_table(path), path), path)
        if path.suffix.lower() == ".csv":
            # As texts: 00123 is not 123.
            options = pacsv.ConvertOptions(column_types={"item_id": "string"})
            return _ids(_column(pacsv.read_csv(path, convert_options=options), path), path)
        return _ids(path.read_text(encoding="utf-8-sig").splitlines(), path)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        what = "it is empty" if path.stat().st_size == 0 else "it is damaged, or not what its name says"
        raise _unreadable(path, f"this cannot be read as a list of items: {what}") from error


def _unreadable(path: Path, what: str) -> InputError:
    remedy = "give a .csv or .parquet with a column item_id, or a text file with one id a line"
    return InputError("bad-file", what, where=f"--stock {path}", remedy=remedy)


def _column(table: pa.Table, path: Path) -> list[str]:
    if "item_id" not in table.column_names:
        raise InputError(
            "bad-columns",
            "there is no column `item_id`",
            where=f"--stock {path}",
            remedy=f"name it so; the columns are {', '.join(table.column_names[:20])}",
        )
    return [str(item) for item in table["item_id"].to_pylist() if item is not None]


def _ids(texts: Sequence[str], path: Path) -> frozenset[str]:
    ids = frozenset(text.strip() for text in texts if text.strip())
    if not ids:
        raise InputError("bad-argument", f"`{path.name}` lists no item", where="--stock", remedy="give one id a line")
    return ids
