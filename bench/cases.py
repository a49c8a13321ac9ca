"""The cases that forecasts are compared on: real shops, each cut at a day and asked about so many days after it.

A case `data|T|H` asks all customers with an order up to and including day T what they spend in the H days after it.
`cdnow`, `online_retail_ii` and `grocery` count sales only: lines with a customer and a positive amount, summed by
customer and day (grocery has no amounts: each purchase counts 1). `online_retail_ii_net` is the file as the package
ingests it, cancellations matched to their orders, spend net of refunds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from worthwhile.store.log import Log, log_of, open_log

Array = np.ndarray[Any, Any]
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Case:
    data: str
    last_day: date  # T, the last day that is known
    days: int  # H

    @property
    def name(self) -> str:
        return f"{self.data}|{self.last_day}|{self.days}"

    @property
    def cutoff(self) -> date:
        return self.last_day + timedelta(days=1)


CASES = [
    *(
        Case("cdnow", date.fromisoformat(t), h)
        for t, h in (("1997-09-30", 270), ("1997-12-31", 90), ("1997-12-31", 180))
    ),
    *(
        Case("online_retail_ii", date.fromisoformat(t), h)
        for t, h in (
            ("2010-12-01", 90),
            ("2011-03-01", 90),
            ("2011-06-01", 90),
            ("2011-09-01", 90),
            ("2011-06-01", 180),
            ("2010-12-09", 365),
        )
    ),
    Case("grocery", date(2006, 12, 31), 364),
    *(
        Case("online_retail_ii_net", date.fromisoformat(t), 90)
        for t in ("2010-12-01", "2011-03-01", "2011-06-01", "2011-09-01")
    ),
]


@dataclass(frozen=True)
class Days:
    """Order days, by customer and day: what a peer is given. Days count from 1970-01-01."""

    customers: Array  # (N,) str, ascending
    row: Array  # (M,) int: index into customers
    day: Array  # (M,) int
    value: Array  # (M,) float > 0

    def known_at(self, cutoff: int) -> Days:
        """The days before `cutoff` and the customers who have one."""
        kept = self.day < cutoff
        rows, row = np.unique(self.row[kept], return_inverse=True)
        return Days(self.customers[rows], row, self.day[kept], self.value[kept])


def _file(folder: Path, name: str) -> pa.Table:
    path = folder / name
    if not path.is_file():
        raise SystemExit(f"{path} is missing: name the folder of the public data sets with --data")
    return pq.read_table(path)


def _sales(data: str, folder: Path) -> tuple[pa.Table, date]:
    """Lines with a customer and a positive amount, as events of the log; and the first day not covered."""
    if data == "cdnow":
        t = _file(folder, "cdnow_master.parquet")
        columns = {
            "customer_id": t["customer_id"],
            "local_ts": t["date"],
            "quantity": t["n_cds"],
            "amount": t["amount"],
        }
        end = date(1998, 7, 1)
    elif data == "grocery":
        t = _file(folder, "grocery_elog.parquet")
        columns = {"customer_id": t["cust"], "local_ts": t["date"], "amount": pa.array(np.ones(len(t)))}
        end = date(2007, 12, 31)
    else:
        t = _file(folder, "online_retail_ii.parquet")
        columns = {
            "customer_id": t["CustomerID"],
            "local_ts": t["InvoiceDate"],
            "order_id": t["Invoice"],
            "item_id": t["StockCode"],
            "quantity": t["Quantity"],
            "price": t["Price"],
            "country": t["Country"],
            "amount": pc.multiply(pc.cast(t["Quantity"], pa.float64()), t["Price"]),
        }
        end = date(2011, 12, 10)
    columns["customer_id"] = pc.cast(columns["customer_id"], pa.string())
    columns["local_ts"] = pc.cast(columns["local_ts"], pa.timestamp("us"))
    table = pa.table(columns)
    return table.filter(pc.and_(pc.greater(table["amount"], 0), pc.is_valid(table["customer_id"]))), end


@contextmanager
def opened(data: str, folder: Path) -> Iterator[Log]:
    """The event log of a data set."""
    if data != "online_retail_ii_net":
        events, end = _sales(data, folder)
        with log_of(events, until=end) as log:
            yield log
        return
    from worthwhile.ingestion import ingest
    from worthwhile.shop import create_shop

    _file(folder, "online_retail_ii.parquet")
    with tempfile.TemporaryDirectory() as place:
        shop = create_shop(Path(place) / "shop", currency="GBP", timezone="Europe/London")
        ingest(shop, folder / "online_retail_ii.parquet")
        with open_log(shop) as log:
            yield log


def order_days(log: Log) -> Days:
    """Amounts by customer and day. Refunds lie on the day they were made; days that net to nothing are no orders."""
    rows = log.con.execute(
        "SELECT customer_id, day, sum(amount) AS value FROM events WHERE kind IN ('order_line', 'refund')"
        " GROUP BY ALL HAVING sum(amount) > 0 ORDER BY customer_id, day"
    ).fetchnumpy()
    customers, row = np.unique(np.asarray(rows["customer_id"], dtype=object).astype(str), return_inverse=True)
    return Days(customers, row, np.asarray(rows["day"], dtype=np.int64), np.asarray(rows["value"], dtype=np.float64))
