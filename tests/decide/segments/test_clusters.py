import numpy as np
import pytest

from oracles.made_customers import made_customers
from worthwhile.decide.segments import clusters
from worthwhile.decide.segments.clusters import LEAST_CUSTOMERS, STABLE, cluster_customers, nearest_jaccard
from worthwhile.decide.segments.sentences import cluster_text


def three_kinds(size=60, seed=0):
    """Customers of three plain kinds: often and small, seldom and large, and long gone after one order."""
    rng = np.random.default_rng(seed)
    orders = np.repeat([20, 3, 1], size)
    span = np.repeat([400.0, 400.0, 0.0], size) * rng.uniform(0.9, 1.1, 3 * size)
    recency = np.repeat([10.0, 60.0, 600.0], size) * rng.uniform(0.8, 1.2, 3 * size)
    value = np.repeat([20.0, 400.0, 60.0], size) * rng.lognormal(0, 0.1, 3 * size)
    chance = np.repeat([0.95, 0.4, 0.03], size) * rng.uniform(0.95, 1.05, 3 * size)
    spend = chance * value
    return made_customers(orders, span, recency, p_active=chance, order_value=value, spend_mean=spend)


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    """So few that the tests are quick; plain cases stay plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "DRAWS", 5)
        yield


@pytest.fixture(scope="module")
def found(few_draws):
    return cluster_customers(three_kinds())


def test_three_plain_kinds_are_found_as_they_are(found):
    assert len(found.clusters) == 3 and found.is_stable
    for start in (0, 60, 120):
        assert len(set(found.label[start : start + 60])) == 1
    assert found.label[60] == 1  # seldom and large expects most
    assert [one.spend for one in found.clusters] == sorted((one.spend for one in found.clusters), reverse=True)
    assert sum(one.customers for one in found.clusters) == 180


def test_the_same_customers_give_the_same_clusters_in_any_order(found):
    assert np.array_equal(cluster_customers(three_kinds()).label, found.label)


def test_descriptions_name_what_stands_out_with_its_number(found):
    often = next(one for one in found.clusters if one.number == found.label[0])
    facts = {**vars(often), "traits": often.traits}
    said = cluster_text(facts, "en", lambda amount: f"£{amount:,.0f}")
    assert "buys often (every" in said and "small baskets (£20)" in said
    assert said.endswith(f": 60 customers, £{often.spend:,.0f} expected")
    assert "购买频繁" in cluster_text(facts, "zh", lambda amount: f"£{amount:,.0f}")


def test_customers_who_are_all_alike_form_no_groups_that_come_again():
    rng = np.random.default_rng(1)
    size = 400
    crowd = made_customers(
        [4] * size, rng.uniform(250, 350, size), rng.uniform(30, 60, size),
        p_active=rng.uniform(0.3, 0.6, size), order_value=rng.uniform(20, 40, size),
    )  # fmt: skip
    found = cluster_customers(crowd)
    assert not found.is_stable and max(one.stability for one in found.tried.values()) < STABLE


def test_too_few_customers_are_not_clustered():
    size = LEAST_CUSTOMERS - 1
    found = cluster_customers(made_customers([2] * size, [30] * size, np.arange(size)))
    assert found.clusters == () and not found.label.any()


def test_without_an_order_nobody_is_in_a_cluster():
    size = 130
    customers = made_customers([0] * 10 + [2] * size, [0] * 10 + [30] * size, np.arange(size + 10))
    label = cluster_customers(customers).label
    assert not label[:10].any() and label[10:].all()


def test_similarity_of_clusters_is_jaccards():
    own, other = np.array([0, 0, 0, 1, 1]), np.array([1, 1, 0, 0, 0])
    assert nearest_jaccard(own, other, 2) == pytest.approx([2 / 3, 2 / 3])
    assert nearest_jaccard(own, own, 3) == pytest.approx([1, 1, 0])
