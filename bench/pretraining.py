"""How fast shops are simulated, networks learn from them, and customers are answered.

    python bench/pretraining.py --device cuda --sizes nano base --batch 64

Needs torch, numpy and safetensors alone. Prints Markdown tables: shops and tasks made per second, shops learned from
per second at several lengths of the context, and customers answered per second with a context that was read before.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from worthwhile.models.incontext.network import Seen
from worthwhile.models.incontext.pretrain import Plan, Run, begin, take_step
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.tasks import Tasks, draw_tasks


def seconds(device: str, work: Callable[[], object], repeats: int) -> float:
    """The least time of some calls, after one that warms up."""
    found = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found[1:])


def print_row(*cells: object) -> None:
    print(
        "| " + " | ".join(f"{cell:,.1f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def data(plan: Plan, shops: int, repeats: int) -> Tasks:
    made = seconds(plan.device, lambda: simulate(shops, 1, device=plan.device), repeats)
    some = simulate(shops, 2, device=plan.device)

    def draw() -> Tasks:
        return draw_tasks(Dice(3, plan.device), some, context=plan.most_context, queries=plan.queries)

    asked = seconds(plan.device, draw, repeats)
    print_row(shops, len(some.shop), len(some.day), shops / made, shops / asked)
    return draw()


def learning(plan: Plan, run: Run, tasks: Tasks, context: int, repeats: int) -> float:
    batch = tasks[slice(0, plan.batch)].shortened(context).apart()
    return len(batch.asked) / seconds(plan.device, lambda: take_step(plan, run, batch), repeats)


@torch.inference_mode()
def answering(plan: Plan, run: Run, tasks: Tasks, repeats: int) -> float:
    one = tasks[slice(0, 1)]
    seen = Seen(one.context_amount, one.context_orders, one.context_whole)
    query, relation = (part.repeat(1, 64, 1) for part in (one.query, one.query_relation))
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=plan.device != "cpu"):
        context = run.network.encode_context(one.context, one.context_relation, seen, one.known)
        took = seconds(plan.device, lambda: run.network.answer(context, query, relation).amount_mean(), repeats)
    return query.shape[1] / took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--sizes", nargs="+", default=["nano"])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--queries", type=int, default=128)
    parser.add_argument("--most-context", type=int, default=1024)
    parser.add_argument("--shops", type=int, nargs="+", default=[16])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    plan = Plan(
        sizes=tuple(given.sizes), device=given.device, batch=given.batch, shops=given.batch, queries=given.queries,
        most_context=given.most_context,
    )  # fmt: skip
    print("| shops at once | customers | orders | shops simulated/s | tasks drawn/s |\n|---:|---:|---:|---:|---:|")
    tasks = [data(plan, shops, given.repeats) for shops in given.shops][-1]
    lengths = sorted({64, 256, given.most_context})
    print(f"\n| size | {' | '.join(f'shops/s, {n} rows' for n in lengths)} | customers answered/s |")
    print("|---|" + "---:|" * (len(lengths) + 1))
    for run in begin(plan):
        learned = [learning(plan, run, tasks, n, given.repeats) for n in lengths]
        print_row(run.size, *learned, answering(plan, run, tasks, given.repeats))


if __name__ == "__main__":
    main()
