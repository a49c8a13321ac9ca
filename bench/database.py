"""How fast and in how much memory a database is read: python bench/database.py postgresql://user@host/database

Reads order lines that the server makes up (PostgreSQL: generate_series), so that no table is needed and none is made.
Prints a row for each size: seconds and rows a second until they are laid open as texts, and this process's peak
memory so far. Sizes are given with --rows.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from worthwhile.ingestion.address import read_address
from worthwhile.ingestion.database import lay_open_answer, read_request
from worthwhile.progress import silent

QUERY = """
    select 'c' || n % 500000 as customer_id, timestamptz '2020-01-01 10:00+00' + n * interval '7 seconds' as created_at,
        n / 3 as order_id, 'sku-' || n % 20000 as sku, 'Item number ' || n % 20000 as title, 1 + n % 4 as quantity,
        (100 + n % 9000)::numeric / 100 as price, 'paid' as status,
        timestamptz '2020-01-01 10:05+00' + n * interval '7 seconds' as updated_at
    from generate_series(1, {rows}) n
"""


def measured(url: str, rows: int) -> tuple[float, int]:
    """Seconds, and peak memory of the process in MB."""
    request = read_request(read_address(url), query=QUERY.format(rows=rows))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        begun = time.perf_counter()
        answer = lay_open_answer(
            con, request, read_until=None, zone=ZoneInfo("UTC"), scratch=Path(folder), progress=silent
        )
        seconds = time.perf_counter() - begun
        assert answer.count == rows
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000])
    given = parser.parse_args()
    print(f"{'rows':>12} {'seconds':>9} {'rows/s':>10} {'peak MB':>8}")
    for rows in sorted(given.rows):
        seconds, peak = measured(given.url, rows)
        print(f"{rows:>12,} {seconds:>9.1f} {rows / seconds:>10,.0f} {peak:>8,}", flush=True)


if __name__ == "__main__":
    main()
