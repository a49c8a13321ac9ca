"""Small logs in memory that recommendations are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from oracles.small_baskets import line
from worthwhile.schema import ITEM_CATEGORIES, ITEMS
from worthwhile.store.log import Log, log_of

MakeLog = Callable[..., Log]


@pytest.fixture
def make_log() -> Iterator[MakeLog]:
    """`make_log([("ann", "mug", 3), ...])`: order lines (customer, item, day) at 2.0 each; a dict is a whole event."""
    opened: list[Log] = []

    def make(events: list[Any], **more: Any) -> Log:
        rows = [event if isinstance(event, dict) else line(*event) for event in events]
        names = sorted({name for row in rows for name in row})
        table = pa.table({name: [row.get(name) for row in rows] for name in names})
        for name, schema in (("items", ITEMS), ("item_categories", ITEM_CATEGORIES)):
            if name in more:
                columns = {f.name: [row.get(f.name) for row in more[name]] for f in schema if f.name in more[name][0]}
                more[name] = pa.table(columns)
        opened.append(log_of(table, **more))
        return opened[-1]

    yield make
    for log in opened:
        log.close()
