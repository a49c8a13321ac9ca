"""Fine-tuning on one shop: the network learns a little from the shop's own past windows, where that helps there.

Each matured window is a question whose context are the windows that had closed by its cutoff. The latest is held out
and the network is tuned on the earlier ones; only if it then forecasts the latest surely better than before, its total
included, is a network kept that was tuned on all. Learning in so few windows soon turns into learning them by heart,
so steps are few and small.

Letters: N customers of a window, F numbers of a row, R numbers of a relation.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.incontext.context import Labelled, drawn, labelled
from worthwhile.models.incontext.losses import ORDERS_WEIGHT, answer_to, negative_log_likelihood, training_loss
from worthwhile.models.incontext.network import Network
from worthwhile.models.incontext.snapshots import outcome_of_snapshot, relation_of_snapshot, rows_of_snapshot
from worthwhile.models.incontext.tasks import Tasks

STEPS = 60
RATE = 1e-4
CONTEXT, QUERIES = 512, 512  # rows of a step
JUDGED = 8_192  # customers of the held-out window that are looked at, at most


SURELY = 2.0  # standard errors that the gain must come to
TOTAL_SLACK = 0.01  # that the total may be further off, as a log


@dataclass(frozen=True)
class FineTuning:
    """What tuning came to on the held-out window: nats a customer, lower is better, and the log of forecast to actual
    spend."""

    before: float
    after: float
    error: float  # standard error of the mean gain, over customers
    total_before: float
    total_after: float

    @property
    def is_kept(self) -> bool:
        is_better = self.before - self.after > SURELY * self.error
        return is_better and abs(self.total_after) <= abs(self.total_before) + TOTAL_SLACK


@dataclass(frozen=True)
class _Question:
    past: Labelled
    rows: Tensor  # (N, F)
    relation: Tensor  # (R,)
    amount: Tensor  # (N,)
    orders: Tensor  # (N,)

    def tasks(self, generator: torch.Generator, context: int, queries: int) -> Tasks:
        """A batch of one, of customers drawn at random."""
        past = drawn(self.past, int(torch.randint(2**31, (1,), generator=generator)), context)
        picked = torch.randperm(len(self.rows), generator=generator)[:queries]
        return Tasks(
            context=past.rows[None],
            context_relation=past.relation[None],
            context_amount=past.amount[None],
            context_orders=past.orders[None],
            context_whole=past.whole[None],
            known=torch.ones(1, len(past), dtype=torch.bool),
            query=self.rows[picked][None],
            query_relation=self.relation.expand(1, len(picked), -1),
            amount=self.amount[picked][None],
            orders=self.orders[picked][None],
            asked=torch.ones(1, len(picked), dtype=torch.bool),
        )


def _question_of(window: Snapshot, matured: Sequence[Snapshot]) -> _Question | None:
    past = labelled([earlier for earlier in matured if earlier.end <= window.cutoff], window)
    if past is None:
        return None
    amount, orders = outcome_of_snapshot(window)
    return _Question(past, rows_of_snapshot(window), relation_of_snapshot(window, window), amount, orders)


def fine_tuned(network: Network, matured: Sequence[Snapshot], *, seed: int) -> tuple[Network, FineTuning | None]:
    """The network to use, and what tuning came to; None where the log has no two windows apart to tune and judge on.

    `matured` are the shop's matured windows, oldest first. The network given is left as it is.
    """
    asked = {window.cutoff: _question_of(window, matured) for window in matured}
    latest = matured[-1] if matured else None
    earlier = [
        question for window in matured if latest and window.end <= latest.cutoff and (question := asked[window.cutoff])
    ]
    held = latest and asked[latest.cutoff]
    if not held or not earlier:
        return network, None
    found = _compared(network, _tuned(network, earlier, seed), held, seed)
    everything = [question for question in asked.values() if question]
    return (_tuned(network, everything, seed) if found.is_kept else network), found


def _tuned(network: Network, questions: Sequence[_Question], seed: int) -> Network:
    """A copy that took a few small steps on these questions in turn."""
    generator = torch.Generator().manual_seed(seed)
    copied = copy.deepcopy(network).train().requires_grad_(True)
    optimizer = torch.optim.AdamW(copied.parameters(), lr=RATE, weight_decay=0.0)
    for step in range(STEPS):
        tasks = questions[step % len(questions)].tasks(generator, CONTEXT, QUERIES)
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        training_loss(answer_to(copied, tasks), tasks).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(copied.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return copied.eval().requires_grad_(False)


@torch.no_grad()
def _compared(network: Network, tuned: Network, question: _Question, seed: int) -> FineTuning:
    """Both on the customers of a window: of each the likelihood of spend, with half its weight that of orders."""
    tasks = question.tasks(torch.Generator().manual_seed(seed), 2 * CONTEXT, JUDGED)
    losses, totals = [], []
    for each in (network, tuned):
        answer = answer_to(each, tasks)
        amount, orders = negative_log_likelihood(answer, tasks)
        losses.append((amount + ORDERS_WEIGHT * orders)[0])  # (N,)
        totals.append(float(torch.log((answer.amount_mean().sum() + 1) / (tasks.amount.sum() + 1))))
    gain = losses[0] - losses[1]
    error = float(gain.std(correction=0) / len(gain) ** 0.5)
    return FineTuning(float(losses[0].mean()), float(losses[1].mean()), error, *totals)
