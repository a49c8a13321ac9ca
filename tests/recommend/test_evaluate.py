import numpy as np
import pytest
from scipy import sparse

from worthwhile.recommend.evaluate import evaluate, hits_of, ndcg_at, recall_at

# Two customers, five items: the first bought items 0 and 3, the second item 1; the third nothing that counts.
BOUGHT = sparse.csr_matrix(np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], float))
RECOMMENDED = np.array([[3, 2, 0], [4, 1, -1], [0, 1, 2]])


def test_hits_are_what_was_bought():
    assert hits_of(RECOMMENDED, BOUGHT).tolist() == [[True, False, True], [False, True, False], [False] * 3]


def test_recall_divides_by_what_was_bought_or_by_k_where_that_is_less():
    hits, size = hits_of(RECOMMENDED, BOUGHT)[:2], np.array([2, 1])
    assert recall_at(1, hits, size).tolist() == [1.0, 0.0]
    assert recall_at(3, hits, size).tolist() == [1.0, 1.0]


def test_ndcg_by_hand():
    hits, size = hits_of(RECOMMENDED, BOUGHT)[:2], np.array([2, 1])
    best = 1 + 1 / np.log2(3)
    assert ndcg_at(3, hits, size) == pytest.approx([(1 + 1 / 2) / best, 1 / np.log2(3)])


def test_quality_against_a_slow_oracle():
    rng = np.random.default_rng(1)
    bought = (rng.random((30, 50)) < 0.2).astype(float)
    bought[7] = 0
    recommended = np.array([rng.permutation(50)[:20] for _ in range(30)])
    popularity = rng.random(50)
    found = evaluate(recommended, sparse.csr_matrix(bought), popularity)
    recall, ndcg = [], []
    for row, own in zip(recommended, bought, strict=True):
        truth = {int(i) for i in np.flatnonzero(own)}
        if truth:
            recall.append(len(truth & set(row.tolist())) / min(len(truth), 20))
            gain = sum(1 / np.log2(place + 2) for place, item in enumerate(row[:10].tolist()) if item in truth)
            ndcg.append(gain / sum(1 / np.log2(place + 2) for place in range(min(len(truth), 10))))
    assert found.customers == 29
    assert found.recall_20 == pytest.approx(np.mean(recall))
    assert found.ndcg_10 == pytest.approx(np.mean(ndcg))
    assert found.novelty == pytest.approx(-np.log2(popularity[recommended]).mean())


def test_coverage_counts_items_that_were_sold():
    popularity = np.array([0.5, 0.25, 0.0, 0.25, 0.0])
    found = evaluate(np.array([[0, 2]]), BOUGHT[:1], popularity)
    assert found.coverage == pytest.approx(1 / 3)  # items 0, 1 and 3 were sold, and 0 is shown
    assert found.novelty == pytest.approx(1.0)
