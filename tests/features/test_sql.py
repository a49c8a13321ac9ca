"""The statement keeps to what DuckDB and Spark SQL share, and its text is a function of the question alone."""

import pytest
from sqlglot import exp, parse_one

from worthwhile.features import sql
from worthwhile.features.declared import ITEM_WINDOWS, NAMES, WINDOWS
from worthwhile.features.terms import ValueTerms
from worthwhile.tasks import Task

MOMENTS = {f"d{window}": 19_000 - window for window in (*WINDOWS, *ITEM_WINDOWS)} | {
    "horizon": 18_910,
    "half_horizon": 18_955,
    "two_horizons": 18_820,
    "four_horizons": 18_640,
    "year_before": 18_635,
    "year_before_end": 18_725,
    "today": 19_000.0,
}
TASKS = [Task.of("90d"), Task.of("90d", category="Men's"), Task.of("90d", "value", channel=["web", "shop"])]


def statement(task):
    asked = sql.Asked.of(task, ValueTerms(0.5, {"it's": 0.25}))
    return sql.feature_matrix(sql.Question(19_000 * 86_400_000_000, MOMENTS, asked, ("tea", "Men's \\ wear")))


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_the_statement_parses_again_as_spark_sql_with_all_features(task):
    tree = parse_one(statement(task).sql("spark"), dialect="spark")
    assert tuple(tree.named_selects) == ("customer_id", *NAMES)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_the_statement_uses_only_functions_that_both_engines_have(task):
    shared = {
        "Avg", "Cast", "Coalesce", "Cos", "Count", "Greatest", "Lag", "Lead", "Least", "Ln", "Max", "Min",
        "Nullif", "Pow", "Round", "RowNumber", "Sin", "Sqrt", "Sum", "Case", "If", "And", "Or",
    }  # fmt: skip
    used = {type(node).__name__ for node in statement(task).find_all(exp.Func)}
    assert used <= shared
    for dialect in ("duckdb", "spark"):
        text = statement(task).sql(dialect)
        assert "::" not in text and "$" not in text and ":d" not in text


def test_spark_text_escapes_backslashes_in_literals_its_own_way():
    assert "Men\\'s \\\\ wear" in statement(TASKS[0]).sql("spark") or "Men''s \\\\ wear" in statement(TASKS[0]).sql(
        "spark"
    )
    assert "'Men''s \\ wear'" in statement(TASKS[0]).sql("duckdb")


def test_no_literal_product_could_overflow_an_integer_of_four_bytes():
    for product in statement(TASKS[2]).find_all(exp.Mul):
        both = [side for side in (product.left, product.right) if isinstance(side, exp.Literal)]
        assert len(both) < 2, product.sql()


def test_the_same_question_gives_the_same_text():
    assert statement(TASKS[1]).sql("duckdb") == statement(TASKS[1]).sql("duckdb")
