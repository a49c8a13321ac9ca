import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oracles.small_baskets import line, moment
from worthwhile.errors import InputError
from worthwhile.recommend.filters import Filters, read_stock

ITEMS = np.array(["007", "mug", "pot"], object)


@pytest.fixture
def log(make_log):
    known = [
        {"item_id": "mug", "category": "kitchen", "since": None},
        {"item_id": "pot", "category": "garden", "since": moment(9)},
    ]
    return make_log([line("ann", "mug", 1), line("ann", "pot", 1)], item_categories=known)


def test_stock_and_category_say_what_is_allowed(log):
    assert Filters().allowed(ITEMS, log, moment(5)).tolist() == [True, True, True]
    assert Filters(stock={"007", "pot", "unknown"}).allowed(ITEMS, log, moment(5)).tolist() == [True, False, True]
    assert Filters(categories=["kitchen"]).allowed(ITEMS, log, moment(5)).tolist() == [False, True, False]


def test_a_category_that_was_told_later_is_not_known(log):
    with pytest.raises(InputError, match="garden"):
        Filters(categories=["garden"]).allowed(ITEMS, log, moment(5))
    assert Filters(categories=["garden"]).allowed(ITEMS, log, moment(10)).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        (Filters(stock={"nothing"}), "--stock"),
        (Filters(categories=["toys"]), "--category"),
        (Filters(stock={"pot"}, categories=["kitchen"]), "--stock, --category"),
    ],
)
def test_filters_that_leave_nothing_are_refused(log, filters, where):
    with pytest.raises(InputError) as caught:
        filters.allowed(ITEMS, log, moment(5))
    assert (caught.value.code, caught.value.where) == ("bad-argument", where)


def test_stock_is_read_from_text_csv_and_parquet(tmp_path):
    (tmp_path / "a.txt").write_text("007\n\nmug \n")
    (tmp_path / "a.csv").write_text("count,item_id\n3,007\n4,mug\n")
    pq.write_table(pa.table({"item_id": ["007", "mug", None]}), tmp_path / "a.parquet")
    assert [read_stock(tmp_path / f"a.{kind}") for kind in ("txt", "csv", "parquet")] == [{"007", "mug"}] * 3


@pytest.mark.parametrize(
    ("name", "content", "code", "what"),
    [
        ("none.csv", None, "bad-file", "there is no such file"),
        ("none.parquet", None, "bad-file", "there is no such file"),
        ("", None, "bad-file", "this is a folder, not a file"),
        ("empty.txt", b"\n", "bad-argument", "`empty.txt` lists no item"),
        ("odd.csv", b"sku\n1\n", "bad-columns", "there is no column `item_id`"),
        ("none.csv", b"", "bad-file", "this cannot be read as a list of items: it is empty"),
        ("odd.parquet", b"no", "bad-file", "this cannot be read as a list of items: it is damaged, or not what"),
        ("odd.txt", b"\xff\xfe\xfa", "bad-file", "this cannot be read as a list of items: it is damaged, or not what"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_in_our_own_words(tmp_path, name, content, code, what):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_stock(tmp_path / name)
    assert (caught.value.code, caught.value.what[: len(what)]) == (code, what)
    assert caught.value.where.startswith("--stock") and caught.value.remedy
