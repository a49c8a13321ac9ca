import lightgbm as lgb
import numpy as np
import pytest

from worthwhile.models.boosting import Boosting, Rows, bin_columns, boost, boost_rounds, unseen

GROWTH = Boosting(learning_rate=0.2, min_rows=10)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(3000, 6)).astype(np.float32)
    matrix[:, 3] = np.round(np.maximum(matrix[:, 3], 0))  # mostly zeros
    matrix[:, 4] = np.where(rng.random(3000) < 0.9, 0, matrix[:, 4])
    matrix[rng.random((3000, 6)) < 0.1] = np.nan
    target = np.nan_to_num(matrix[:, 0]) ** 2 + np.nan_to_num(matrix[:, 4]) + 0.3 * rng.normal(size=3000)
    columns = bin_columns(matrix, seed=0, threads=1)
    return Rows(columns, np.arange(3000), target, rng.uniform(0.5, 2, 3000), 0.1 * np.nan_to_num(matrix[:, 1]))


def test_trees_from_shared_bins_are_those_grown_on_the_rows_by_themselves(rows):
    """Binned alike, a part of the shared columns must teach what its own rows do, to the last digit."""
    part = rows[np.random.default_rng(1).random(3000) < 0.4]
    grown = boost_rounds(part, GROWTH, "regression", rounds=30, seed=0)
    params = GROWTH.params("regression", 0)
    alone = lgb.Dataset(
        part.matrix,
        part.target,
        weight=part.weight,
        init_score=part.start,
        reference=part.columns.binned,
        params=params,
        feature_name=[f"f{i}" for i in range(6)],
    )
    assert trees(grown.text) == trees(lgb.train(params, alone, 30).model_to_string())


def trees(text):
    return text.split("\nTree=0")[1].split("parameters:")[0]


def test_the_same_rows_teach_the_same_after_others_have_learned_from_the_columns(rows):
    first = boost_rounds(rows, GROWTH, "regression", rounds=10, seed=0)
    positive = Rows(rows.columns, rows.place, (rows.target > 0).astype(float), rows.weight, rows.start + 1)
    boost_rounds(positive[::2], GROWTH, "binary", rounds=10, seed=0)
    assert boost_rounds(rows, GROWTH, "regression", rounds=10, seed=0).text == first.text


def test_boosting_stops_where_the_later_rows_gain_no_more(rows):
    later = np.arange(3000) >= 2000
    noise = Rows(rows.columns, rows.place, np.random.default_rng(2).normal(size=3000), rows.weight, rows.start)
    rounds = [boost(r, GROWTH, "regression", split=(~later, later), seed=0).rounds for r in (noise, rows)]
    assert rounds[0] < 5 < rounds[1]


def test_a_correction_is_read_from_trees_that_had_not_seen_the_row(rows):
    noise = Rows(rows.columns, rows.place, np.random.default_rng(2).normal(size=3000), rows.weight, 0 * rows.start)
    folds = np.arange(3000) % 2
    said = unseen(noise, folds, lambda r: boost_rounds(r, GROWTH, "regression", rounds=30, seed=0))
    seen = boost_rounds(noise, GROWTH, "regression", rounds=30, seed=0).reader()(noise.matrix)
    assert abs(np.corrcoef(said, noise.target)[0, 1]) < 0.1 < 0.3 < np.corrcoef(seen, noise.target)[0, 1]


def test_nothing_is_grown_where_there_is_nothing_to_learn(rows):
    flat = Rows(rows.columns, rows.place, np.ones(3000), rows.weight, rows.start)
    none = Rows(bin_columns(rows.columns.matrix[:0], seed=0, threads=1), *[np.empty(0)] * 4)
    for nothing in (flat, rows[:15], none):
        booster = boost(nothing, GROWTH, "regression", split=(np.ones(len(nothing), bool),) * 2, seed=0)
        assert booster.text == "" and not booster.reader()(rows.columns.matrix[:3]).any()
