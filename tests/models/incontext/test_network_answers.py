"""The network: what a query may see and what it may not."""

from dataclasses import replace

import pytest
import torch

from worthwhile.distribution import Histogram, amount_grid
from worthwhile.models.incontext.losses import answer_to
from worthwhile.models.incontext.network import SIZES, Context, Network, Seen
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.tasks import draw_tasks

CLOSE = {"atol": 2e-4, "rtol": 1e-3}


@pytest.fixture(scope="module")
def tasks():
    return draw_tasks(Dice(5), simulate(8, 31, customers=200), context=400, queries=20)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = Network(SIZES["tiny"]).eval()
    with torch.no_grad():
        for p in network.parameters():  # layers begin as the identity: shake them, or nothing could be seen
            p.add_(0.1 * torch.randn_like(p))
    return network.requires_grad_(False)


def shuffled(tasks, order):
    names = ("context", "context_relation", "context_amount", "context_orders", "context_whole", "known")
    return replace(tasks, **{name: getattr(tasks, name)[:, order] for name in names})


def assert_same(a, b):
    for name in ("none", "amount", "orders", "tail"):
        assert torch.allclose(getattr(a, name), getattr(b, name), **CLOSE), name


def test_the_order_of_the_context_does_not_matter(network, tasks):
    order = torch.randperm(tasks.known.shape[1], generator=torch.Generator().manual_seed(1))
    assert_same(answer_to(network, tasks), answer_to(network, shuffled(tasks, order)))


def test_the_context_is_read(network, tasks):
    other = replace(tasks, context_amount=tasks.context_amount + 5, context_orders=tasks.context_orders + 3)
    assert not torch.allclose(answer_to(network, tasks).amount, answer_to(network, other).amount, **CLOSE)


def test_what_came_of_whole_windows_is_read(network, tasks):
    other = replace(tasks, context_whole=tasks.context_whole + 1)
    assert not torch.allclose(answer_to(network, tasks).amount, answer_to(network, other).amount, **CLOSE)


def test_queries_do_not_see_each_other(network, tasks):
    query = tasks.query.clone()
    query[:, 1:] = query[:, 1:] * 3 + 1
    here, there = answer_to(network, tasks), answer_to(network, replace(tasks, query=query))
    assert torch.allclose(here.amount[:, 0], there.amount[:, 0], **CLOSE)
    assert not torch.allclose(here.amount[:, 1:], there.amount[:, 1:], **CLOSE)


def test_a_context_kept_answers_as_one_read_anew(network, tasks):
    seen = Seen(tasks.context_amount, tasks.context_orders, tasks.context_whole)
    context = network.encode_context(tasks.context, tasks.context_relation, seen, tasks.known)
    kept = Context(**{name: value.clone() for name, value in vars(context).items()})
    one = network.answer(kept, tasks.query[:, 3:4], tasks.query_relation[:, 3:4])
    assert torch.allclose(one.amount[:, 0], answer_to(network, tasks).amount[:, 3], **CLOSE)


def test_padding_is_not_seen(network, tasks):
    padded = ~tasks.known
    assert bool(padded.any())
    other = replace(
        tasks,
        context=torch.where(padded[..., None], 7.0, tasks.context),
        context_amount=torch.where(padded, 99.0, tasks.context_amount),
        context_whole=torch.where(padded[..., None], 5.0, tasks.context_whole),
    )
    assert_same(answer_to(network, tasks), answer_to(network, other))


def test_without_context_the_prior_speaks(network, tasks):
    answer = answer_to(network, tasks.shortened(0))
    assert bool(torch.isfinite(answer.amount).all() and torch.isfinite(answer.none).all())


def test_answers_are_distributions_that_agree_on_no_order(network, tasks):
    answer = answer_to(network, tasks)
    amount, orders = answer.amount_prob(), answer.orders_prob()
    for prob in (amount, orders):
        assert torch.allclose(prob.sum(-1), torch.ones_like(answer.none), atol=1e-5) and float(prob.min()) >= 0
    assert torch.equal(amount[..., 0], orders[..., 0])


def test_the_mean_is_that_of_the_histogram(network, tasks):
    answer = answer_to(network, tasks)
    histogram = Histogram(amount_grid(1.0), answer.amount_prob()[0].numpy(), answer.tail[0].double().numpy())
    assert torch.allclose(answer.amount_mean()[0].double(), torch.from_numpy(histogram.mean()), rtol=1e-3)
