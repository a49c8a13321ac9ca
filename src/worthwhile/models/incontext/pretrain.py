"""Pretraining on simulated shops: python -m worthwhile.models.incontext.pretrain --size nano --minutes 100 --out folder

One plain loop. A chunk simulates shops, asks each of them several questions, and takes steps on batches of these.
Everything random follows from the seed and the number of the chunk or step, so a run that is taken up again goes on
as if it had not stopped. The same code runs on CPU and GPU (bf16 there).

The folder holds `state.safetensors` and `state.json` (to go on), `weights.safetensors` (the averaged weights, the ones
to use) and `curve.jsonl` (one line each time the validation shops were scored).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from worthwhile.models.incontext.losses import judge, training_loss
from worthwhile.models.incontext.muon import Muon
from worthwhile.models.incontext.network import SIZES, Answer, Network, Size, count_parameters
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

    size: str = "nano"
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
    batch: int = 8  # shops a step
    queries: int = 128
    most_context: int = 1024
    validation_shops: int = 96
    every: float = 5.0  # minutes between validations

    def __post_init__(self) -> None:
        assert self.size in SIZES and self.shops % self.batch == 0, self


# ---- data ----------------------------------------------------------------------------------------------------------


def chunk_of_tasks(plan: Plan, chunk: int) -> Iterator[Tasks]:
    """The batches of one chunk: `rounds` questions to each of its shops."""
    seed = (plan.seed + 1) * PRIME + chunk
    shops = simulate(plan.shops, seed, device=plan.device)
    dice = Dice(seed + VALIDATION_SEED // 2, plan.device)
    for _ in range(plan.rounds):
        tasks = draw_tasks(dice, shops, context=plan.most_context, queries=plan.queries)
        for start in range(0, plan.shops, plan.batch):
            batch = tasks[slice(start, start + plan.batch)]
            if len(batch.asked):
                yield batch.shortened(context_size(dice, plan.most_context))


def context_size(dice: Dice, most: int) -> int:
    """How many rows of context a step sees: sometimes none, else any number on a log scale."""
    if float(dice.uniform(1)) < 0.06:
        return 0
    return min(most, round(float(dice.log_uniform(1, low=16.0, high=float(most)))))


def validation_tasks(plan: Plan) -> list[Tasks]:
    """A fixed set of questions to shops of their own, the same for every run."""
    found = []
    for part in range(plan.validation_shops // 16):
        seed = VALIDATION_SEED + part
        shops = simulate(16, seed, device="cpu")
        tasks = draw_tasks(Dice(seed + 7, "cpu"), shops, context=max(CONTEXT_CURVE), queries=256)
        found.append(to_device(tasks, plan.device))
    return found


def to_device(tasks: Tasks, device: str) -> Tasks:
    return Tasks(**{name: value.to(device) for name, value in vars(tasks).items()})


def measure_rows(plan: Plan) -> tuple[Tensor, Tensor]:
    """Center and spread of each number over the prior, (F,) each, which the network standardises by."""
    shops = simulate(64, VALIDATION_SEED - 1, device="cpu")
    dice = Dice(VALIDATION_SEED - 1, "cpu")
    rows = torch.cat([draw_tasks(dice, shops, context=0, queries=128).query.flatten(0, 1) for _ in range(4)])
    center = rows.nanmean(dim=0)
    spread = (rows - center).pow(2).nanmean(dim=0).sqrt()
    return torch.nan_to_num(center, nan=0.0), torch.nan_to_num(spread, nan=1.0).clamp(min=0.05)


# ---- the network's run ---------------------------------------------------------------------------------------------


def answer_to(network: Network, tasks: Tasks) -> Answer:
    outcome = (tasks.context_amount, tasks.context_orders)
    context = network.encode_context(tasks.context, tasks.context_relation, outcome, tasks.known)
    return network.answer(context, tasks.query, tasks.query_relation)


def new_network(plan: Plan) -> Network:
    torch.manual_seed(plan.seed)
    network = Network(SIZES[plan.size])
    network.center, network.spread = measure_rows(plan)
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
    """All that a run needs to go on."""

    network: Network
    averaged: dict[str, Tensor]
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    chunk: int = 0
    seconds: float = 0.0


def begin(plan: Plan) -> Run:
    network = new_network(plan)
    averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return Run(network, averaged, make_optimizers(plan, network))


def take_step(plan: Plan, run: Run, tasks: Tasks) -> float:
    """One step on a batch; gives its loss."""
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
    for name, value in run.network.state_dict().items():
        run.averaged[name].lerp_(value, 1 - keep)
    run.step += 1
    return float(loss.detach())


@torch.no_grad()
def validate(plan: Plan, weights: dict[str, Tensor], tasks: list[Tasks], context: int) -> dict[str, float]:
    """Mean scores over the validation shops with so many rows of context; `bias` is the mean size of log totals."""
    network = Network(SIZES[plan.size]).to(plan.device)
    network.load_state_dict(weights)
    gathered: dict[str, list[float]] = {}
    for part in tasks:
        for start in range(0, len(part.asked), 4):
            few = part[slice(start, start + 4)].shortened(context)
            for name, scores in judge(answer_to(network, few), few).items():
                gathered.setdefault(name, []).extend(scores)
    means = {name: sum(scores) / len(scores) for name, scores in gathered.items()}
    for name in ("total", "total_orders"):
        means[f"bias_{name}"] = sum(abs(score) for score in gathered[name]) / len(gathered[name])
    return means


# ---- files ---------------------------------------------------------------------------------------------------------


def save(plan: Plan, run: Run, out: Path) -> None:
    """Everything to go on with, and the averaged weights; each file is replaced whole."""
    tensors = {f"network.{name}": value for name, value in run.network.state_dict().items()}
    tensors |= {f"averaged.{name}": value for name, value in run.averaged.items()}
    for i, optimizer in enumerate(run.optimizers):
        for place, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimizer.{i}.{place}.{name}"] = torch.as_tensor(value)
    _replace(out / "state.safetensors", {name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    weights = {name: value.detach().cpu().contiguous() for name, value in run.averaged.items()}
    _replace(out / "weights.safetensors", weights, {"size": plan.size, **_texts(SIZES[plan.size])})
    state = {"plan": asdict(plan), "step": run.step, "chunk": run.chunk, "seconds": run.seconds}
    temporary = out / "state.json.new"
    temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")
    temporary.replace(out / "state.json")


def _texts(size: Size) -> dict[str, str]:
    return {name: str(value) for name, value in size.to_dict().items()}


def _replace(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    temporary = path.with_suffix(".new")
    save_file(tensors, temporary, metadata)
    temporary.replace(path)


def resume(plan: Plan, out: Path) -> Run:
    """The run that `save` wrote. The plan may differ in its minutes."""
    run = begin(plan)
    state = json.loads((out / "state.json").read_text(encoding="utf-8"))
    tensors = load_file(out / "state.safetensors", device=plan.device)
    run.network.load_state_dict(_part(tensors, "network."))
    run.averaged = _part(tensors, "averaged.")
    for i, optimizer in enumerate(run.optimizers):
        saved = optimizer.state_dict()
        states: dict[int, dict[str, Any]] = {}
        for name, value in _part(tensors, f"optimizer.{i}.").items():
            place, field = name.split(".")
            states.setdefault(int(place), {})[field] = value.cpu() if field == "step" else value
        optimizer.load_state_dict({**saved, "state": states})
    run.step, run.chunk, run.seconds = state["step"], state["chunk"], state["seconds"]
    return run


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


# ---- the loop ------------------------------------------------------------------------------------------------------


def train(plan: Plan, out: Path, *, run: Run | None = None, chunks: int | None = None) -> Run:
    """Train until the plan's minutes are over, or for so many chunks."""
    out.mkdir(parents=True, exist_ok=True)
    run = begin(plan) if run is None else run
    tasks = validation_tasks(plan) if plan.validation_shops else []
    last, losses = run.seconds, []
    last_chunk = math.inf if chunks is None else run.chunk + chunks
    spent = {"data": 0.0, "step": 0.0}
    while run.seconds < 60 * plan.minutes and run.chunk < last_chunk:
        clock = time.perf_counter()
        for batch in chunk_of_tasks(plan, run.chunk):
            clock = _lap(run, spent, "data", clock)
            losses.append(take_step(plan, run, batch))
            clock = _lap(run, spent, "step", clock)
        run.chunk += 1
        if tasks and (run.seconds - last >= 60 * plan.every or run.seconds >= 60 * plan.minutes):
            last = run.seconds
            save(plan, run, out)
            _record(plan, run, out, {"loss": sum(losses) / len(losses), **spent}, tasks)
            losses, spent = [], {"data": 0.0, "step": 0.0}
    save(plan, run, out)
    return run


def _lap(run: Run, spent: dict[str, float], what: str, since: float) -> float:
    now = time.perf_counter()
    spent[what] += now - since
    run.seconds += now - since
    return now


def _record(plan: Plan, run: Run, out: Path, line: dict[str, Any], tasks: list[Tasks]) -> None:
    """One line of the curve: all scores at 256 rows of context, the likelihood at the others."""
    scores = {context: validate(plan, run.averaged, tasks, context) for context in CONTEXT_CURVE}
    line |= {"minutes": run.seconds / 60, "step": run.step, "chunk": run.chunk, **scores[256]}
    line["nll_by_context"] = {str(context): scores[context]["nll"] for context in CONTEXT_CURVE}
    line["bias_by_context"] = {str(context): scores[context]["bias_total"] for context in CONTEXT_CURVE}
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}
    for name in ("nll_by_context", "bias_by_context"):
        rounded[name] = {k: round(v, 4) for k, v in line[name].items()}
    with (out / "curve.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(rounded) + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="pretrain", description="Pretrain the in-context model on simulated shops.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    for name, default in asdict(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    given = vars(parser.parse_args(arguments))
    out, again, threads = given.pop("out"), given.pop("resume"), given.pop("threads")
    torch.set_num_threads(threads)
    plan = Plan(**given)
    run = resume(plan, out) if again and (out / "state.json").is_file() else None
    run = train(plan, out, run=run)
    sys.stderr.write(f"{run.step} steps, {count_parameters(run.network):,} parameters\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
