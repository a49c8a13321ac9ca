import numpy as np
import pytest

from oracles.small_baskets import habits, moment
from worthwhile.recommend.build import Recommender
from worthwhile.recommend.content import Content, alike, stands_for
from worthwhile.recommend.filters import Filters
from worthwhile.recommend.history import read_lines
from worthwhile.recommend.reasons import Reasons

UNITS = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8], [0, 0]], np.float32)


def test_vectors_become_unit_vectors_in_the_order_of_the_items():
    content = Content(np.array(["b", "a"], object), np.array([[0, 2], [3, 4]], np.float32))
    assert content.of(np.array(["a", "c", "b"], object)).tolist() == pytest.approx(
        np.array([[0.6, 0.8], [0, 0], [0, 1]])
    )


def test_alike_is_the_cosine_of_the_nearest_ones():
    found = alike(UNITS, np.ones(5, bool), nearest=2).toarray()
    assert found[0].tolist() == pytest.approx([0, 0.8, 0, 0.6, 0])
    assert found[2].tolist() == pytest.approx([0, 0.6, 0, 0.8, 0])
    assert found[4].tolist() == [0] * 5  # nothing is known of it
    among = alike(UNITS, np.array([True, True, False, False, False]), nearest=2).toarray()
    assert among[:, 2:].sum() == 0


def test_an_item_that_was_never_sold_stands_where_those_most_like_it_do():
    found = stands_for(UNITS, sold=3).toarray()
    assert found[:3].sum() == 0
    assert found[3] == pytest.approx(np.array([0.6, 0.96, 0.8, 0, 0]) / 2.36, abs=1e-6)
    assert found[4].sum() == 0


@pytest.fixture
def made(make_log):
    """`new-a` is in no order, and like the items that the even customers buy; `new-z` is like nothing."""
    events = habits(60, days=200)
    items = [f"i{i:02d}" for i in range(40)] + ["new-a", "new-z"]
    log = make_log(events, items=[{"item_id": item, "title": item.upper()} for item in items])
    vectors = np.zeros((42, 3), np.float32)
    vectors[:20, 0] = vectors[20:40, 1] = vectors[40, 0] = 1
    return Recommender.of(log, moment(200), content=Content(np.array(items, object), vectors))


def test_a_new_item_is_recommended_to_those_who_bought_what_is_like_it(made):
    ranked = made.rank(np.array(["c000", "c001"], object), 42, Filters(new_only=True))
    even, odd = ([made.items[i] for i in row if i >= 0] for row in ranked.item)
    assert "new-a" in even[:21]
    assert "new-a" not in odd[:21]
    assert "new-z" not in even + odd


def test_the_reason_for_a_new_item_names_an_own_purchase_like_it(made):
    new = np.flatnonzero(made.items == "new-a")
    [text] = Reasons(made.sources, made.question.segments, {}).of(made.places(np.array(["c000"])), np.array([0]), new)
    history = made.sources.history
    own = history.pair_item[: history.pair_start[1]]
    assert text in {f"like {made.items[i]} that you bought" for i in own if i < 20}


def test_an_item_of_the_list_that_is_first_sold_after_the_cutoff_is_not_known(make_log):
    items = [{"item_id": item} for item in ("mug", "pot", "never", "later")]
    log = make_log([("ann", "mug", 1), ("ann", "pot", 2), ("ann", "later", 9)], items=items)
    assert read_lines(log, moment(5)).items.tolist() == ["mug", "pot", "never"]
    assert read_lines(log, moment(10)).items.tolist() == ["later", "mug", "pot", "never"]
