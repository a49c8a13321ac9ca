"""The query given: one statement that reads, and what `:since` in it is compared with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from worthwhile.errors import InputError
from worthwhile.ingestion.query import read_query

BOTH = pytest.mark.parametrize("kind", ["postgresql", "mysql"])


@BOTH
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("select id, updated_at from orders where updated_at > :since", 1),
        ("select o.updated_at as changed, o.id from orders o where o.updated_at >= :since;", 0),
        ("select updated_at from orders o where :since < o.updated_at", 0),
        ("select id, updated_at from orders where updated_at between :since and now()", 1),
        ("select id, updated_at from orders where updated_at > cast(:since as datetime)", 1),
        ("select id from (select 1 as id) x", ""),
        ("select * from orders where updated_at > :since", "updated_at"),
        ("select o.*, l.sku from orders o join lines l using (id) where o.updated_at > :since", "updated_at"),
        ("select x.* from (select id, updated_at as u from orders where updated_at > :since) x", "u"),
        ("with x as (select * from orders where updated_at > :since) select id, updated_at from x", "updated_at"),
        ("select greatest(a, b) as c, id from t where greatest(a, b) > :since", 0),
        ("select id, a from t where a > :since union all select id, b from u where b > :since", 1),
        ("select id, a from t where a > :since or (status = 'open' and a > :since)", 1),
        ("select id -- not here: :since\n, a from t where a > :since and b <> ':since'", 1),
    ],
)
def test_column_is_found_that_since_is_compared_with(kind: str, text: str, place: object) -> None:
    assert read_query(text, kind).place == place


def test_since_is_parted_from_the_text_and_the_text_is_left_as_it_is() -> None:
    query = read_query("select '商品:since', a  FROM t /* :since */ where a>=:since and b like '%x'", "postgresql")
    assert query.pieces == ("select '商品:since', a  FROM t /* :since */ where a>=", " and b like '%x'")
    assert not query.strict


def test_index_is_found_among_the_names_that_the_database_gives() -> None:
    query = read_query("select * from orders where updated_at > :since", "postgresql")
    assert query.index_of_since(["id", "Updated_At"]) == 1
    for names in (["id"], ["updated_at", "id", "updated_at"]):
        with pytest.raises(InputError, match="not in the result"):
            query.index_of_since(names)


def test_digest_is_that_of_the_query_however_its_lines_are_broken() -> None:
    one = read_query("select a\nfrom   t;", "postgresql").digest
    assert one == read_query("select a from t", "postgresql").digest
    assert one != read_query("select b from t", "postgresql").digest


@BOTH
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "0 statements"),
        ("select 1; select 2", "2 statements"),
        ("select 1; drop table orders", "2 statements"),
        ("drop table orders", "no statement that reads"),
        ("update orders set a = 1", "no statement that reads"),
        ("call something()", "no statement that reads"),
        ("copy orders to '/tmp/x'", "no statement that reads"),
        ("explain select 1", "no statement that reads"),
        ("with x as (delete from orders returning *) select * from x", "write or lock"),
        ("select * into copy from orders", "write or lock"),
        ("select * from orders for update", "write or lock"),
        ("select 1 /*! into outfile '/tmp/x' */", "comment that would be executed"),
        ("selec a from t", "no statement that reads"),
        ("select a from t where", "cannot be understood"),
        ("select 'a from t", "cannot be understood"),
        ("select a from t where a > :until", "`:until`"),
        ("select a from t where a = :since", "no lower bound"),
        ("select a from t where a < :since", "no lower bound"),
        ("select a from t where a not in (:since)", "no lower bound"),
        ("select :since as a from t", "no lower bound"),
        ("select b from t where a > :since", "`a`, which is not in the result"),
        ("select t.a from t join u using (b) where u.a > :since", "not in the result"),
        ("select a, b from t where a > :since or b > :since", "several columns: a, b"),
        ("select x.* from (select id from t where greatest(a, b) > :since) x", "not in the result"),
    ],
)
def test_what_does_not_only_read_or_tells_not_how_far_is_refused(kind: str, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_query(text, kind)
    assert caught.value.code == "bad-query"
    assert caught.value.remedy


def test_queries_of_the_docs_are_taken() -> None:
    page = (Path(__file__).parents[2] / "docs" / "databases.md").read_text(encoding="utf-8")
    queries = re.findall(r"^```sql\n((?:SELECT|WITH).*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(queries) == 2
    for kind in ("postgresql", "mysql"):
        assert [read_query(query, kind).place for query in queries] == [9, 7]


def test_what_is_missing_is_said_in_words_of_the_query() -> None:
    with pytest.raises(InputError, match="something is missing after WHERE, line 1"):
        read_query("select * from orders where", "postgresql")
