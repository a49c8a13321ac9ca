"""Training tasks: the context closes before the question, and rows are drawn as they are in use."""

import pytest
import torch

from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.rows import RELATIONS
from worthwhile.models.incontext.tasks import CUTOFFS, LONGEST, SHORTEST, draw_context, draw_question, draw_tasks


@pytest.fixture(scope="module")
def shops():
    return simulate(64, 41, customers=60)


def test_questions_fit_into_their_logs(shops):
    for seed in range(5):
        asked = draw_question(Dice(seed), shops)
        assert bool((asked.cutoff >= 14).all() and (asked.cutoff + asked.horizon <= shops.days).all())
        assert float(asked.horizon.min()) >= SHORTEST and float(asked.horizon.max()) <= LONGEST


def test_windows_of_the_context_close_by_the_question(shops):
    for seed in range(5):
        dice = Dice(seed)
        question = draw_question(dice, shops)
        used = 0
        for k in range(CUTOFFS):
            past = draw_context(dice, question, k)
            there = past.cutoff > 0
            used += int(there.sum())
            assert bool((past.cutoff + past.horizon <= question.cutoff)[there].all())
            assert bool((past.horizon <= question.horizon)[there].all())
        assert used > shops.count


def test_rows_of_the_context_are_of_the_past_and_queries_of_the_present(shops):
    tasks = draw_tasks(Dice(1), shops, context=40, queries=16)
    age = tasks.context_relation[..., RELATIONS.index("age")]
    assert bool((age[tasks.known] > 0).all())
    assert float(tasks.query_relation[..., RELATIONS.index("age")].abs().max()) == 0
    assert tasks.context.shape[:2] == tasks.known.shape and tasks.query.shape[:2] == tasks.asked.shape


def test_a_shorter_context_is_the_beginning_of_the_longer_one(shops):
    tasks = draw_tasks(Dice(2), shops, context=40, queries=16)
    short = tasks.shortened(8)
    assert torch.equal(short.context_orders, tasks.context_orders[:, :8]) and short.query is tasks.query


def test_no_customer_is_drawn_twice_into_the_queries(shops):
    tasks = draw_tasks(Dice(3), shops, context=8, queries=60)
    for rows, asked in zip(tasks.query, tasks.asked, strict=True):
        ranks = rows[asked].nan_to_num()
        assert len(torch.unique(ranks, dim=0)) > 0.5 * len(ranks)  # customers of one order can be alike
