from datetime import timedelta

import numpy as np
import pytest

from oracles.small_baskets import habits, line, moment
from worthwhile.recommend.build import Recommender
from worthwhile.recommend.candidates import candidates
from worthwhile.recommend.evaluate import evaluate
from worthwhile.recommend.history import bought_within, read_lines
from worthwhile.recommend.mix import Fixed, Question
from worthwhile.recommend.popular import read_segments
from worthwhile.recommend.signals import NAMES, scores_of, signals, sources_on

CUTOFF = 300


@pytest.fixture(scope="module")
def events():
    return habits()


def test_signals_of_the_customers_own_purchases_by_hand(make_log):
    log = make_log([("ann", "mug", 0), ("ann", "mug", 20), ("ann", "pot", 20), ("ann", "pot", 30), ("bob", "mug", 40)])
    lines, segments = read_lines(log, moment(50)), read_segments(log, moment(50))
    sources = sources_on(lines, lines.end, segments)
    customers = np.array([0, 1])
    matrix = signals(sources, customers, scores_of(sources, customers), np.array([0, 0, 1]), np.array([0, 1, 1]))
    of = dict(zip(NAMES, matrix.T, strict=True))
    assert of["times"].tolist() == [2, 2, 0]
    assert of["since"].tolist()[:2] == [30, 20] and np.isnan(of["since"][2])
    assert of["gap"].tolist()[:2] == [20, 10]
    assert of["due"].tolist()[:2] == [1.5, 2.0]
    assert of["share"].tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    assert of["in_last"].tolist() == [0, 1, 0]
    assert of["orders"].tolist() == [3, 3, 1]
    assert of["since_order"].tolist() == [20, 20, 10]
    assert of["sold_30"].tolist() == [2, 1, 1]
    assert of["item_age"].tolist() == [50, 30, 30]
    assert np.isnan(of["year_ago"]).all()  # the log does not reach back so far


def test_signals_know_nothing_of_what_comes_later(make_log, events):
    later = [line("c000", "i03", 320, country="Chile"), line("c001", "brand-new", 310)]
    rows = []
    for log in (make_log([e for e in events if e["ts"] < moment(CUTOFF)]), make_log([*events, *later])):
        lines, segments = read_lines(log, moment(CUTOFF)), read_segments(log, moment(CUTOFF))
        sources = sources_on(lines, lines.end, segments)
        customers = np.arange(20)
        near = scores_of(sources, customers)
        row, item = candidates(sources, customers, near, np.ones(len(lines.items), bool))
        rows.append((row, item, signals(sources, customers, near, row, item)))
    for before, after in zip(*rows, strict=True):
        assert np.array_equal(before, after, equal_nan=True)


def test_signals_of_a_past_window_know_nothing_of_it(make_log, events):
    log = make_log(events)
    whole, then = read_lines(log, moment(CUTOFF)), read_lines(log, moment(CUTOFF - 60))
    segments = read_segments(log, moment(CUTOFF))
    customers = np.arange(20)
    found = []
    for lines in (whole, then):
        sources = sources_on(lines, then.end, segments)
        row, item = np.repeat(customers, 40), np.tile(np.arange(40), 20)
        found.append(signals(sources, customers, scores_of(sources, customers), row, item))
    assert np.array_equal(*found, equal_nan=True)


def month_after(log):
    lines = read_lines(log, moment(CUTOFF + 30))
    return lines, bought_within(lines, lines.end - 30, 30)


def test_the_learned_mixture_finds_out_what_the_fixed_one_cannot_know(make_log, events):
    """Everybody takes the month's three magazines with every order, and never an old one."""
    visits = {(e["customer_id"], (e["ts"] - moment(0)).days) for e in events}
    magazines = [line(c, f"m{day // 30:02d}{part}", day) for c, day in sorted(visits) for part in "abc"]
    log = make_log([*events, *magazines])
    made = Recommender.of(log, moment(CUTOFF))
    assert made.mixture.is_learned
    lines, bought = month_after(log)
    gains = []
    for one in (made, Recommender(log, made.cutoff, made.question, Fixed(), made.sources)):
        ranked = one.rank(lines.customers, 20)
        place = np.where(ranked.item >= 0, np.searchsorted(lines.items, made.items)[ranked.item], -1)
        gains.append(evaluate(place, bought, np.ones(len(lines.items))).recall_10)
    assert gains[0] > gains[1] + 0.05


def test_the_score_is_a_chance(make_log, events):
    """Summed over the customers who order, it is about what they buy of what came into question."""
    log = make_log(events)
    made = Recommender.of(log, moment(CUTOFF))
    lines, bought = month_after(log)
    buyers = np.flatnonzero(np.diff(bought.indptr))
    ranked = made.rank(lines.customers[buyers], 40)
    assert ranked.score.sum() == pytest.approx(bought.nnz, rel=0.1)


def test_a_further_score_is_learned_and_asked_only_about_what_was_before(make_log, events):
    """A made-up score that knows the future of each window: with it the mixture must find what is bought."""
    log = make_log(events)
    bought = {(e["customer_id"], e["item_id"], e["ts"]) for e in events}
    asked = set()

    def oracle(cutoff, customers, items):
        asked.add(cutoff)
        month = {(c, i) for c, i, ts in bought if cutoff <= ts < cutoff + timedelta(days=30)}
        return np.array([(c, i) in month for c, i in zip(customers, items, strict=True)], float)

    made = Recommender.of(log, moment(CUTOFF), scores={"oracle": oracle})
    lines, truth = month_after(log)
    ranked = made.rank(lines.customers, 1)
    right = [truth[c, item] for c, (item,) in enumerate(ranked.item.tolist()) if truth[c].nnz]
    assert np.mean(right) > 0.99
    assert asked == {moment(CUTOFF), *(moment(CUTOFF - 30 - 15 * k) for k in range(8))}
    assert made.question.names[-1] == "oracle"


def test_a_young_shop_has_the_fixed_mixture(make_log):
    log = make_log(habits(30, days=60))
    made = Recommender.of(log, moment(60))
    assert not made.mixture.is_learned
    ranked = made.rank(made.question.lines.customers[:3], 5)
    assert np.all(np.diff(ranked.score, axis=1) <= 0) and np.all((ranked.score >= 0) & (ranked.score <= 1))


def test_the_fixed_mixture_likes_what_is_bought_often_and_lately():
    matrix = np.full((3, len(NAMES)), np.nan, np.float32)
    for name, values in {
        "times": [5, 5, 1],
        "since": [5, 300, 5],
        "orders": [8, 8, 8],
        "popularity": [0, 0, 0],
    }.items():
        matrix[:, NAMES.index(name)] = values
    often, long_ago, once = Fixed().score(matrix)
    assert often > long_ago and often > once


def test_questions_name_their_signals_in_order(make_log):
    log = make_log([("ann", "mug", 0), ("bob", "pot", 1)])
    lines, segments = read_lines(log, moment(5)), read_segments(log, moment(5))
    assert Question(lines, segments, log.zone, None, {"b": print, "a": print}).names == (*NAMES, "a", "b")
