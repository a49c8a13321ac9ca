"""The event model on Online Retail II, 90 days, against boosted trees on the same snapshots.

    python bench/events.py --data ../shared/data

Lines with a customer, net of refunds. Parts: `quality` is CRPS, normalized Gini, AUC and bias at four cutoffs and their
mean, with what training took and what is kept; `ensemble` the ensemble with the event model and without, there and, as
`browsing`, on simulated shops whose visits foretell who buys (tests/oracles/planted_shop.py, 30 days); `encoders` GRU
against transformer, and `student` a student against its teachers, both at a cutoff of 2010 that nothing is claimed for.
Nothing of the model is chosen at the cutoffs of `quality`. What a GPU makes of it: bench/gpu.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from retail import open_retail
from tables import by_metric, markdown
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import build_sequences
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.catalogue import maker
from worthwhile.models.ensemble import Ensemble, default_members
from worthwhile.models.matured import Matured
from worthwhile.models.protocol import Model
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles.planted_shop import planted_shop

CUTOFFS = ("2010-12-01", "2011-03-01", "2011-06-01", "2011-09-01")
OPEN = "2010-10-01"  # nothing is claimed for it
SHOWN = ("crps", "gini", "auc", "bias")
PARTS = ("quality", "ensemble", "browsing", "encoders", "student")
PLANTED_CUTOFF = "2024-07-01"
CUSTOMERS = 4_000  # of a planted shop


@dataclass(frozen=True)
class Asked:
    cutoff: str
    matured: Matured
    current: Snapshot  # with its outcome

    def fitted(self, model: Model) -> tuple[Model, float]:
        """The model, and the seconds that fitting took."""
        began = time.perf_counter()
        model.fit(self.matured, self.current.unseen())
        return model, time.perf_counter() - began

    def scores(self, model: Model) -> dict[str, float]:
        assert self.current.outcome is not None
        return by_metric(model.forecast(self.current.unseen()), self.current.outcome)


def read_asked(data: Path, cutoffs: tuple[str, ...], folder: Path) -> Iterator[Asked]:
    with open_retail(data) as log:
        snapshots = Snapshots(log, Task.of("90d"), sequences=build_sequences(log, folder / "sequences"))
        for cutoff in cutoffs:
            yield Asked(cutoff, *snapshots.before(cutoff_from(cutoff, log.zone), silent))


def read_planted(seeds: int, folder: Path) -> Iterator[Asked]:
    for seed in range(seeds):
        with log_of(planted_shop(CUSTOMERS, seed=seed).events()) as log:
            sequences = build_sequences(log, folder / f"planted-{seed}")
            snapshots = Snapshots(log, Task.of("30d"), sequences=sequences)
            yield Asked(f"shop {seed + 1}", *snapshots.before(cutoff_from(PLANTED_CUTOFF, log.zone), silent))


# ---- what is measured -----------------------------------------------------------------------------------------------


@contextmanager
def peak_of_memory() -> Iterator[Callable[[], float]]:
    """A function that tells the most MB that the process held since; Linux only, NaN elsewhere."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    yield lambda: _held_at_most() if reset.exists() else float("nan")


def _held_at_most() -> float:
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) / 1024


def size_of(model: Model) -> float:
    """MB on disk."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6


@dataclass
class Heard:
    """A monitor that keeps the events a second of each epoch."""

    speeds: list[float] = field(default_factory=list)
    progress: Progress = silent

    def checkpoint_of(self, digest: str) -> None:
        return None

    @contextmanager
    def told(self, digest: str, stage: str, epochs: int) -> Iterator[Callable[[Mapping[str, float], int], None]]:
        yield lambda values, epoch: self.speeds.append(values["speed/events_a_second"])

    @property
    def speed(self) -> float:
        return float(np.median(self.speeds))


def event_model(**learning: Any) -> tuple[EventModel, Heard]:
    heard = Heard()
    return EventModel(monitor=heard, **learning), heard  # type: ignore[arg-type]


def shown(scores: Mapping[str, float]) -> list[str]:
    return [f"{scores[name]:.2f}" if name == "crps" else f"{scores[name]:.4f}" for name in SHOWN]


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean over cutoffs; of the bias, that of its size."""
    return {name: float(np.mean([abs(r[name]) if name == "bias" else r[name] for r in rows])) for name in SHOWN}


# ---- the parts ------------------------------------------------------------------------------------------------------


def quality(asked: list[Asked], device: str) -> None:
    by_model: dict[str, list[dict[str, float]]] = {"trees-histogram": [], "events": []}
    lines, cost = [], []
    for one in asked:
        for name, scores in by_model.items():
            model, heard = event_model(device=device) if name == "events" else (maker(name)(), Heard())
            with peak_of_memory() as peak:
                model, seconds = one.fitted(model)
                held = peak()
            scores.append(one.scores(model))
            lines.append([one.cutoff, name, *shown(scores[-1]), f"{seconds:.0f}"])
            if heard.speeds:
                cost.append(
                    [one.cutoff, f"{seconds:.0f}", f"{held:,.0f}", f"{size_of(model):.1f}", f"{heard.speed:,.0f}"]
                )
    lines += [["mean", name, *shown(mean_of(scores)), ""] for name, scores in by_model.items()]
    print(markdown(["cutoff", "model", *SHOWN, "fit, s"], lines))
    print()
    print(markdown(["cutoff", "fit, s", "peak of the process, MB", "kept, MB", "events/s"], cost))


def ensemble(asked: list[Asked]) -> None:
    members = default_members()
    pools = {"without events": {n: make for n, make in members.items() if n != "events"}, "with events": members}
    by_pool: dict[str, list[dict[str, float]]] = {name: [] for name in pools}
    lines = []
    for one in asked:
        for name, makers in pools.items():
            model, seconds = one.fitted(Ensemble(makers))
            by_pool[name].append(one.scores(model))
            weight = f"{model.weights.get('events', 0):.2f}"  # type: ignore[attr-defined]
            lines.append([one.cutoff, name, *shown(by_pool[name][-1]), weight, f"{seconds:.0f}"])
        print(f"{one.cutoff} done", file=sys.stderr)
    lines += [["mean", name, *shown(mean_of(scores)), "", ""] for name, scores in by_pool.items()]
    print(markdown(["asked at", "ensemble", *SHOWN, "weight of events", "fit, s"], lines))


def encoders(one: Asked, device: str) -> None:
    lines = []
    for encoder in ("gru", "transformer"):
        model, heard = event_model(encoder=encoder, device=device)
        _, seconds = one.fitted(model)
        lines.append([encoder, *shown(one.scores(model)), f"{seconds:.0f}", f"{heard.speed:,.0f}", str(model.epochs)])
    print(markdown([f"encoder, {one.cutoff}", *SHOWN, "fit, s", "events/s", "epochs"], lines))


def student(one: Asked) -> None:
    full, seconds = one.fitted(EventModel())
    assert isinstance(full, EventModel)
    began = time.perf_counter()
    taught = full.distilled(one.matured, one.current.unseen())
    fits = (seconds, time.perf_counter() - began)
    models = {"full": full, "student": taught}
    spent = seconds_to_answer(models, one.current.unseen())
    lines = []
    for (name, model), fit in zip(models.items(), fits, strict=True):
        lines.append([name, *shown(one.scores(model)), f"{fit:.0f}", f"{spent[name]:.3f}", f"{size_of(model):.2f}"])
    print(markdown([f"{one.cutoff}", *SHOWN, "fit, s", "answer, s", "kept, MB"], lines))
    print(f"\nThe student answers {spent['full'] / spent['student']:.1f} times as fast.")


def seconds_to_answer(models: Mapping[str, Model], current: Snapshot, rounds: int = 7) -> dict[str, float]:
    """Of the processor, on one thread, the least of some rounds in which the models take turns."""
    best = dict.fromkeys(models, float("inf"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(rounds):
        for name, model in models.items():
            began = time.process_time()
            model.forecast(current)
            best[name] = min(best[name], time.process_time() - began)
    torch.set_num_threads(before)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cutoffs", nargs="+", default=CUTOFFS, help="of `quality` and `ensemble`")
    parser.add_argument("--shops", type=int, default=3, help="of `browsing`")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda", "auto"))
    options = parser.parse_args()
    wide = [part for part in options.parts if part in ("quality", "ensemble")]
    with tempfile.TemporaryDirectory() as folder, one_thread_each():
        cutoffs = (*options.cutoffs,) if wide else ()
        *asked, free = read_asked(options.data, (*cutoffs, OPEN), Path(folder))
        for part in options.parts:
            print(f"\n{part}\n", flush=True)
            if part == "quality":
                quality(asked, options.device)
            elif part == "ensemble":
                ensemble(asked)
            elif part == "browsing":
                ensemble(list(read_planted(options.shops, Path(folder))))
            elif part == "encoders":
                encoders(free, options.device)
            else:
                student(free)


if __name__ == "__main__":
    main()
