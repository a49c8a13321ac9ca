"""Training tasks: the context closes before the question, and rows are drawn as they are in use."""

from dataclasses import replace

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
    for name in ("context_orders", "context_whole", "known"):
        assert torch.equal(getattr(short, name), getattr(tasks, name)[:, :8]), name
    assert short.query is tasks.query


def test_parts_of_the_queries_hold_each_of_them_once(shops):
    tasks = draw_tasks(Dice(2), shops, context=8, queries=14)
    numbered = replace(tasks, amount=torch.arange(14.0).expand_as(tasks.amount))
    parts = [numbered.part(which, 3) for which in range(3)]
    assert torch.cat([part.amount[0] for part in parts]).sort().values.tolist() == list(range(14))
    for part in parts:
        place = part.amount[0].long()
        for name in ("query", "query_relation", "orders", "asked"):
            here, there = getattr(part, name), getattr(tasks, name)[:, place]
            assert torch.equal(here.nan_to_num(), there.nan_to_num()), name
        assert part.context is tasks.context and part.known is tasks.known


def test_rows_of_one_cutoff_know_the_same_of_their_whole_window(shops):
    tasks = draw_tasks(Dice(4), shops, context=60, queries=4)
    cutoffs = 0
    for relation, whole, known in zip(tasks.context_relation, tasks.context_whole, tasks.known, strict=True):
        for cutoff in torch.unique(relation[known], dim=0):  # age and horizon tell cutoffs of one shop apart
            mine = whole[known & (relation == cutoff).all(dim=1)]
            assert len(torch.unique(mine, dim=0)) == 1
            cutoffs += 1
    assert cutoffs > len(tasks.asked)


def test_no_customer_is_drawn_twice_into_the_queries(shops):
    tasks = draw_tasks(Dice(3), shops, context=8, queries=60)
    for rows, asked in zip(tasks.query, tasks.asked, strict=True):
        ranks = rows[asked].nan_to_num()
        assert len(torch.unique(ranks, dim=0)) > 0.5 * len(ranks)  # customers of one order can be alike
