"""Pretraining on simulated shops: python -m worthwhile.models.incontext.pretrain --sizes nano --minutes 90 --out folder

One plain loop. A chunk simulates shops, asks each of them several questions, and takes steps on batches of these.
Shops and questions follow from the seed and the number of the chunk, so that a run that is taken up again (`--resume`)
sees those that it would have seen. How often it steps, and with it the rate of learning, follows the clock, so that
two runs of one plan on machines of unlike speed are not the same to the last digit. The same code runs on CPU and GPU
(bf16 there). Networks of several sizes may learn side by side from the same shops; on a GPU, other processes simulate
(`--workers`), so that it never waits for shops.

The folder of each size holds `state.safetensors` and `state.json` (to go on), `weights.safetensors` (the averaged
weights, the ones to use) and `curve.jsonl` (one line each time the validation shops were scored).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import count, product
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.multiprocessing import get_context

from worthwhile.models.incontext.losses import answer_to, judge, training_loss
from worthwhile.models.incontext.muon import Muon
from worthwhile.models.incontext.network import SIZES, Network, Size, count_parameters
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.tasks import Tasks, draw_tasks

VALIDATION_SEED = 10**9  # of shops that training never sees: its own seeds stay far below
CONTEXT_CURVE = (0, 64, 256, 1024)
GRADIENT = 1.0  # largest norm of a gradient
PRIME = 1_000_003  # spreads seeds of runs apart


@dataclass(frozen=True)
class Plan:
    """How a run trains. Times in minutes; all else in shops, rows and steps."""

    sizes: tuple[str, ...] = ("nano",)
    minutes: float = 100.0
    seed: int = 0
    device: str = "cpu"
    optimizer: str = "muon"
    rate: float = 0.02  # Muon's; vectors and the ends of the network learn with AdamW at `adam_rate`
    adam_rate: float = 2e-3
    warmup: float = 0.01  # of the whole time
    cooldown: float = 0.45  # of the whole time, at the end: the rate falls to zero
    average: float = 0.995  # of the running average of the weights is kept at each step
    shops: int = 16  # simulated at once
    rounds: int = 3  # questions to each simulated shop
    uses: int = 1  # of each question, with other customers as queries
    batch: int = 8  # shops a step
    workers: int = 0  # processes that simulate beside the loop; 0: the loop itself does
    queries: int = 128
    most_context: int = 1024
    validation_shops: int = 96
    every: float = 5.0  # minutes between validations

    def __post_init__(self) -> None:
        assert set(self.sizes) <= set(SIZES) and self.shops % self.batch == 0, self


# ---- data ----------------------------------------------------------------------------------------------------------


def chunk_of_tasks(plan: Plan, chunk: int) -> Iterator[Tasks]:
    """The batches of one chunk: `rounds` questions to each of its shops."""
    seed = (plan.seed + 1) * PRIME + chunk
    shops = simulate(plan.shops, seed, device=plan.device)
    dice = Dice(seed + VALIDATION_SEED // 2, plan.device)
    for _ in range(plan.rounds):
        tasks = draw_tasks(dice, shops, context=plan.most_context, queries=plan.uses * plan.queries)
        starts = range(0, len(tasks.asked), plan.batch)
        for start, use in product(starts, range(plan.uses)):
            start = max(0, min(start, len(tasks.asked) - plan.batch))  # the last overlaps, so that all are of one size
            batch = tasks[slice(start, start + plan.batch)].part(use, plan.uses)
            yield batch.shortened(context_size(dice, plan.most_context))


def _simulate_beside(plan: Plan, first: int, queue: Any) -> None:
    """What a worker does for ever, on one thread: every so many-th chunk from the first on, into its queue."""
    torch.set_num_threads(1)
    for chunk in count(first, plan.workers):
        queue.put([batch.apart() for batch in chunk_of_tasks(plan, chunk)])


@contextmanager
def chunks_from(plan: Plan, first: int) -> Iterator[Iterator[Iterator[Tasks] | list[Tasks]]]:
    """The chunks from `first` on, in order, whoever makes them."""
    if not plan.workers:
        yield (chunk_of_tasks(plan, chunk) for chunk in count(first))
        return
    context = get_context("spawn")
    queues = [context.Queue(maxsize=2) for _ in range(plan.workers)]
    workers = [
        context.Process(target=_simulate_beside, args=(plan, first + i, queue), daemon=True)
        for i, queue in enumerate(queues)
    ]
    for worker in workers:
        worker.start()
    try:
        yield (queues[i % plan.workers].get(timeout=300) for i in count())
    finally:
        for worker in workers:
            worker.terminate()


def context_size(dice: Dice, most: int) -> int:
    """How many rows of context a step sees: sometimes none, else any number on a log scale."""
    if float(dice.uniform(1)) < 0.06:
        return 0
    rows = float(dice.log_uniform(1, low=16.0, high=float(most)))
    return min(most, 16 * round(rows / 16))  # whole sixteens: a kernel of attention is fast on these


def validation_tasks(plan: Plan) -> list[Tasks]:
    """A fixed set of questions to shops of their own, the same for every run."""
    found = []
    for part in range(plan.validation_shops // 16):
        seed = VALIDATION_SEED + part
        shops = simulate(16, seed, device="cpu")
        tasks = draw_tasks(Dice(seed + 7, "cpu"), shops, context=max(CONTEXT_CURVE), queries=256)
        found.append(tasks.to(plan.device))
    return found


def measure_rows(plan: Plan) -> tuple[Tensor, Tensor]:
    """Center and spread of each number over the prior, (F,) each, which the network standardises by."""
    shops = simulate(64, VALIDATION_SEED - 1, device="cpu")
    dice = Dice(VALIDATION_SEED - 1, "cpu")
    rows = torch.cat([draw_tasks(dice, shops, context=0, queries=128).query.flatten(0, 1) for _ in range(4)])
    center = rows.nanmean(dim=0)
    spread = (rows - center).pow(2).nanmean(dim=0).sqrt()
    return torch.nan_to_num(center, nan=0.0), torch.nan_to_num(spread, nan=1.0).clamp(min=0.05)


# ---- the network's run ---------------------------------------------------------------------------------------------


def new_network(plan: Plan, size: str, measured: tuple[Tensor, Tensor]) -> Network:
    torch.manual_seed(plan.seed)
    network = Network(SIZES[size])
    network.center, network.spread = (each.clone() for each in measured)
    return network.to(plan.device)


def make_optimizers(plan: Plan, network: Network) -> list[torch.optim.Optimizer]:
    """Muon for the matrices within the layers, AdamW for all else; or AdamW for everything."""
    inner = [p for name, p in network.named_parameters() if name.startswith("layers.") and p.ndim == 2]
    inside = {id(p) for p in inner}
    rest = [p for p in network.parameters() if id(p) not in inside]
    adam = {"lr": plan.adam_rate, "betas": (0.9, 0.98), "weight_decay": 0.01}
    if plan.optimizer == "adamw":
        return [torch.optim.AdamW([*inner, *rest], **adam)]  # type: ignore[arg-type]
    return [Muon(inner, lr=plan.rate), torch.optim.AdamW(rest, **adam)]  # type: ignore[arg-type]


def rate_at(plan: Plan, part: float) -> float:
    """The learning rate's factor at a part of the whole time: warmup, steady, and down to zero."""
    if part < plan.warmup:
        return max(part / plan.warmup, 0.02)
    return min(1.0, max(0.0, (1 - part) / plan.cooldown))


@dataclass
class Run:
    """All that the run of one network needs to go on."""

    size: str
    network: Network
    averaged: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    chunk: int = 0
    seconds: float = 0.0


def begin(plan: Plan, start: Path | None = None) -> list[Run]:
    """A run for each size, from new weights or from those in the folder `start`, `nano.safetensors` and so on."""
    measured = measure_rows(plan)
    runs = []
    for size in plan.sizes:
        network = new_network(plan, size, measured)
        if start is not None:
            network.load_state_dict(load_file(start / f"{size}.safetensors"))
        averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
        runs.append(Run(size, network, averaged, make_optimizers(plan, network)))
    return runs


def take_step(plan: Plan, run: Run, tasks: Tasks) -> Tensor:
    """One step on a batch; gives its loss, which may not have been computed yet on a GPU."""
    part = run.seconds / (60 * plan.minutes)
    base = [plan.rate, plan.adam_rate] if len(run.optimizers) == 2 else [plan.adam_rate]
    for optimizer, rate in zip(run.optimizers, base, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * rate_at(plan, part)
    with torch.autocast("cuda", dtype=torch.bfloat16) if plan.device.startswith("cuda") else nullcontext():
        loss = training_loss(answer_to(run.network, tasks), tasks)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), GRADIENT)
    for optimizer in run.optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    keep = min(plan.average, (1 + run.step) / (10 + run.step))
    current = run.network.state_dict()
    torch._foreach_lerp_(list(run.averaged.values()), [current[name] for name in run.averaged], 1 - keep)
    run.step += 1
    return loss.detach()


@torch.no_grad()
def validate(plan: Plan, run: Run, tasks: list[Tasks], context: int) -> dict[str, float]:
    """Mean scores over the validation shops with so many rows of context; `bias` is the mean size of log totals."""
    network = Network(SIZES[run.size]).to(plan.device)
    network.load_state_dict(run.averaged)
    gathered: dict[str, list[float]] = {}
    for part in tasks:
        few_at_once = 4 if plan.device == "cpu" else 64
        for start in range(0, len(part.asked), few_at_once):
            few = part[slice(start, start + few_at_once)].shortened(context)
            for name, scores in judge(answer_to(network, few), few).items():
                gathered.setdefault(name, []).extend(scores)
    means = {name: sum(scores) / len(scores) for name, scores in gathered.items()}
    for name in ("total", "total_orders"):
        means[f"bias_{name}"] = sum(abs(score) for score in gathered[name]) / len(gathered[name])
    return means


# ---- files ---------------------------------------------------------------------------------------------------------


def save(plan: Plan, runs: list[Run], out: Path) -> None:
    """Everything to go on with, and the averaged weights; each file is replaced whole."""
    for run in runs:
        folder = out / run.size
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
        tensors |= {f"averaged.{name}": value for name, value in run.averaged.items()}
        for i, optimizer in enumerate(run.optimizers):
            for place, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensors[f"optimizer.{i}.{place}.{name}"] = torch.as_tensor(value)
        _replace(folder / "state.safetensors", tensors)
        _replace(folder / "weights.safetensors", run.averaged, {"size": run.size, **_texts(SIZES[run.size])})
        state = {"plan": asdict(plan), "step": run.step, "chunk": run.chunk, "seconds": run.seconds}
        temporary = folder / "state.json.new"
        temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")
        temporary.replace(folder / "state.json")


def _texts(size: Size) -> dict[str, str]:
    return {name: str(value) for name, value in size.to_dict().items()}


def _replace(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    temporary = path.with_suffix(".new")
    save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, metadata)
    temporary.replace(path)


def resume(plan: Plan, out: Path) -> tuple[Plan, list[Run]]:
    """The plan and the runs that `save` wrote; of the plan given only the minutes and the device are taken.

    Raises SystemExit where a size of the plan was not begun there.
    """
    states = {size: out / size / "state.json" for size in plan.sizes}
    if missing := [size for size, state in states.items() if not state.is_file()]:
        raise SystemExit(f"there is no run of {', '.join(missing)} in {out} to go on with: leave out --resume")
    kept = json.loads(states[plan.sizes[0]].read_text(encoding="utf-8"))["plan"]
    plan = Plan(**{**kept, "sizes": tuple(kept["sizes"]), "minutes": plan.minutes, "device": plan.device})
    runs = begin(plan)
    for run in runs:
        state = json.loads((out / run.size / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(out / run.size / "state.safetensors", device=plan.device)
        run.network.load_state_dict(_part(tensors, "network."))
        run.averaged = _part(tensors, "averaged.")
        for i, optimizer in enumerate(run.optimizers):
            _take_up(optimizer, _part(tensors, f"optimizer.{i}."))
        run.step, run.chunk, run.seconds = state["step"], state["chunk"], state["seconds"]
    return plan, runs


def _take_up(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    states: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        place, field = name.split(".")
        states.setdefault(int(place), {})[field] = value.cpu() if field == "step" else value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": states})


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


# ---- the loop ------------------------------------------------------------------------------------------------------


def train(plan: Plan, out: Path, *, runs: list[Run] | None = None, chunks: int | None = None) -> list[Run]:
    """Train until the plan's minutes are over, or for so many chunks; `runs` go on where they were."""
    runs = begin(plan) if runs is None else runs
    save(plan, runs, out)
    tasks = validation_tasks(plan) if plan.validation_shops else []
    clock = _Clock(runs[0].seconds)
    recorded = clock.seconds
    losses: list[list[Tensor]] = [[] for _ in runs]
    last_chunk = math.inf if chunks is None else runs[0].chunk + chunks
    with chunks_from(plan, runs[0].chunk) as source:
        while clock.seconds < 60 * plan.minutes and runs[0].chunk < last_chunk:
            clock.start()
            for batch in next(source):
                clock.lap("data")
                for run, seen in zip(runs, losses, strict=True):
                    run.seconds = clock.seconds
                    seen.append(take_step(plan, run, batch))
                clock.lap("step")
            for run in runs:
                run.chunk, run.seconds = run.chunk + 1, clock.seconds
            over = clock.seconds >= 60 * plan.minutes
            if over or clock.seconds - recorded >= 60 * plan.every:
                recorded = clock.seconds
                save(plan, runs, out)
                for run, seen in zip(runs, losses, strict=True):
                    line = {"loss": float(torch.stack(seen).mean()) if seen else math.nan, **clock.spent}
                    if tasks:
                        _record(plan, run, out / run.size, line, tasks)
                    seen.clear()
                clock.spent.clear()
    save(plan, runs, out)
    return runs


class _Clock:
    """Seconds of training, and what they were spent on since last cleared; scoring between chunks does not count."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.spent, self.since = seconds, {}, 0.0  # type: float, dict[str, float], float

    def start(self) -> None:
        self.since = time.perf_counter()

    def lap(self, what: str) -> None:
        now = time.perf_counter()
        self.spent[what] = self.spent.get(what, 0.0) + now - self.since
        self.seconds += now - self.since
        self.since = now


def _record(plan: Plan, run: Run, folder: Path, line: dict[str, Any], tasks: list[Tasks]) -> None:
    """One line of the curve: all scores at 256 rows of context, the likelihood at the others."""
    scores = {context: validate(plan, run, tasks, context) for context in CONTEXT_CURVE}
    line |= {"minutes": run.seconds / 60, "step": run.step, "chunk": run.chunk, **scores[256]}
    line["nll_by_context"] = {str(context): scores[context]["nll"] for context in CONTEXT_CURVE}
    line["bias_by_context"] = {str(context): scores[context]["bias_total"] for context in CONTEXT_CURVE}
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}
    for name in ("nll_by_context", "bias_by_context"):
        rounded[name] = {k: round(v, 4) for k, v in line[name].items()}
    with (folder / "curve.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded) + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pretrain", description="Pretrain the in-context model on simulated shops.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="go on where the run in --out was stopped")
    parser.add_argument("--start", type=Path, help="folder with weights to begin from, instead of new ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sizes", nargs="+", default=["nano"], choices=list(SIZES))
    for name, default in asdict(Plan()).items():
        if name != "sizes":
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    given = vars(parser.parse_args(arguments))
    out, again, threads, start = (given.pop(name) for name in ("out", "resume", "threads", "start"))
    torch.set_num_threads(threads)
    plan = Plan(**{**given, "sizes": tuple(given["sizes"])})
    if again:
        plan, runs = resume(plan, out)
    elif begun := [size for size in plan.sizes if (out / size / "state.json").is_file()]:
        raise SystemExit(
            f"{out} holds a run of {', '.join(begun)}: --resume goes on with it, another --out begins anew"
        )
    else:
        runs = begin(plan, start)
    for run in train(plan, out, runs=runs):
        sys.stderr.write(f"{run.size}: {run.step} steps, {count_parameters(run.network):,} parameters\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
