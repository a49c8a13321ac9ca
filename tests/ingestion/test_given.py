"""What is named to be read: files, patterns, databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.given import expand

HEADER = "customer_id,order_date,order_id,amount\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for day in ("02", "01", "03"):
        place = tmp_path / "months" / day
        place.mkdir(parents=True)
        (place / "orders.csv").write_text(f"{HEADER}a,2011-01-{day},o{day},5\n")
    return tmp_path / "months"


def test_pattern_is_its_files_in_the_order_of_their_names(shop: Any, folder: Path) -> None:
    report = ww.ingest(shop, f"{folder}/0[1-2]/*.csv", folder / "03" / "orders.csv")
    assert [file.events for file in report.files] == [1, 1, 1]
    assert expand([folder / "**" / "*.csv"]) == [folder / day / "orders.csv" for day in ("01", "02", "03")]


def test_pattern_that_matches_no_file_is_an_error(shop: Any, folder: Path, state: Any) -> None:
    before = state(shop)
    for pattern in (f"{folder}/*.parquet", f"{folder}/*"):  # the second matches folders only
        with pytest.raises(InputError, match="no file matches this pattern") as caught:
            ww.ingest(shop, pattern)
        assert (caught.value.code, caught.value.where) == ("bad-file", pattern)
    assert state(shop) == before


def test_file_that_is_called_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    for name in ("orders[1].csv", "orders1.csv"):
        (tmp_path / name).touch()
    assert expand([tmp_path / "orders[1].csv"]) == [tmp_path / "orders[1].csv"]


@pytest.mark.parametrize(
    ("named", "options", "match"),
    [
        (("orders.csv",), {"query": "select 1"}, "--query is for a database"),
        (("orders.csv",), {"since": "last"}, "--since is for a database"),
        (("orders.csv",), {"overlap": "1h"}, "--overlap is for a database"),
        (("orders.csv",), {"wait": -1}, "no time to wait"),
        (("sqlite:///x.db",), {"query": "select 1"}, "`sqlite://` is nothing"),
        (("postgresql://a/x", "mysql://b/x"), {"query": "select 1"}, "2 databases"),
        (("mysql://b/x",), {}, "without a query"),
        (("mysql://b/x",), {"query": "  "}, "without a query"),
        (("mysql://b/x",), {"query": "select a from t where a > :since"}, "nothing is said of it"),
        (("mysql://b/x",), {"query": "select a from t", "since": "last"}, "no `:since` in the query"),
        (("mysql://b/x",), {"query": "select a from t where a > :since", "since": "1", "overlap": "5"}, "last` only"),
        (("mysql://b/x",), {"query": "select a from t where a > :since", "since": "last", "overlap": "0"}, "a >= :s"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_opened(
    shop: Any, state: Any, named: Any, options: Any, match: str
) -> None:
    before = state(shop)
    with pytest.raises(InputError, match=match):
        ww.ingest(shop, *named, **options)
    assert state(shop) == before
