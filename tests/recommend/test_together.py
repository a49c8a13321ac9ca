import numpy as np
import pytest
from scipy import sparse

from worthwhile.recommend.together import together, top_places


def oracle(holders, shrink, by_size):
    """Every pair of items, one by one."""
    count = holders.sum(axis=0) + shrink
    found = np.zeros((holders.shape[1], holders.shape[1]))
    for row in holders:
        items = np.flatnonzero(row)
        if len(items) > 1:
            for i in items:
                for j in items[items != i]:
                    found[i, j] += 1 / len(items) if by_size else 1
    return found / np.sqrt(np.outer(count, count))


@pytest.mark.parametrize("by_size", [False, True])
def test_similarity_is_the_shrunk_cosine(by_size):
    holders = (np.random.default_rng(0).random((40, 12)) < 0.3).astype(np.float32)
    found = together(sparse.csr_matrix(holders), shrink=3.0, by_size=by_size)
    assert found.similarity.toarray() == pytest.approx(oracle(holders, 3.0, by_size), abs=1e-6)


def test_only_the_nearest_are_kept():
    holders = (np.random.default_rng(0).random((60, 12)) < 0.5).astype(np.float32)
    found = together(sparse.csr_matrix(holders), shrink=3.0, nearest=4).similarity.toarray()
    whole = oracle(holders, 3.0, False)
    assert (found > 0).sum(axis=1).tolist() == [4] * 12
    assert np.all(found.max(axis=1) == pytest.approx(whole.max(axis=1)))


def test_both_is_the_number_of_those_who_hold_both():
    holders = (np.random.default_rng(2).random((50, 6)) < 0.5).astype(np.float32)
    found = together(sparse.csr_matrix(holders), shrink=10.0)
    i, j = np.nonzero(~np.eye(6, dtype=bool))
    assert found.both(i, j).tolist() == [int((holders[:, a] * holders[:, b]).sum()) for a, b in zip(i, j, strict=True)]


def test_top_places_are_the_greatest_positive_ones_of_each_row():
    data, pointer = np.array([1.0, 5.0, 3.0, 3.0, 0.0, 2.0]), np.array([0, 4, 4, 6])
    assert top_places(data, pointer, 2).tolist() == [1, 2, 5]
