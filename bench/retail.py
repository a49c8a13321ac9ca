"""Online Retail II as a log: lines with a customer, net of refunds."""

from __future__ import annotations

from pathlib import Path

import duckdb

from worthwhile.store.log import Log, log_of

_LINES = """
    SELECT CAST(CustomerID AS VARCHAR) AS customer_id, InvoiceDate AS local_ts, Invoice AS order_id,
        CASE WHEN Quantity < 0 THEN 'refund' ELSE 'order_line' END AS kind, upper(StockCode) AS item_id,
        CAST(Quantity AS DOUBLE) AS quantity, Price AS price, Quantity * Price AS amount, Country AS country,
        regexp_matches(StockCode, '^[0-9]{5}') AS is_goods
    FROM read_parquet(?) WHERE CustomerID IS NOT NULL
"""


def open_retail(data: Path) -> Log:
    """The log of the file in the folder of public data sets. Without it, the benchmark ends here."""
    path = data / "online_retail_ii.parquet"
    if not path.is_file():
        raise SystemExit(f"there is no file {path}: name the folder of the public data with --data")
    with duckdb.connect() as con:
        lines = con.sql(_LINES, params=[str(path)]).to_arrow_table()
    return log_of(lines, zone="Europe/London")
