"""The event model on a GPU and on the processor beside it, on which it trains on one thread.

    python bench/gpu.py --peak-tflops 989
    python bench/gpu.py --parts speed --device cpu
    python bench/gpu.py --parts shop --data ../shared/data

Parts: `speed` is events a second in training of networks of several sizes on a simulated shop (tests/oracles/
planted_shop.py), the share of the device's peak that the multiplications come to, and the most memory held there;
`agreement` is how far the GPU's numbers lie from the processor's where nothing is left to chance, and whether the GPU
gives the same twice; `shop` is the default model at a cutoff of Online Retail II that nothing is claimed for.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from events import OPEN, PLANTED_CUTOFF, SHOWN, Asked, Heard, event_model, planted_shop, read_asked, shown
from tables import markdown
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import build_sequences
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.sequence.network import CATEGORY_WIDTH, CHANNEL_WIDTH, KIND_WIDTH, Shape
from worthwhile.models.sequence.steps import steps_of
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

Array = np.ndarray[Any, Any]

PARTS = ("speed", "agreement", "shop")
SIZES = (("gru", 64, 1), ("gru", 256, 2), ("transformer", 256, 4))  # encoder, width, layers
CUSTOMERS = {
    "cpu": 1_000,
    "cuda": 40_000,
}  # of the simulated shop: on the CPU the widest is slow
NO_CHANCE = {"dropout": 0.0, "drop": 0.0, "jitter": 0.0}


def planted(customers: int, folder: Path) -> Asked:
    with log_of(planted_shop(customers).events()) as log:
        sequences = build_sequences(log, folder / f"planted-{customers}")
        snapshots = Snapshots(log, Task.of("30d"), sequences=sequences)
        return Asked(f"{customers:,} customers", *snapshots.before(cutoff_from(PLANTED_CUTOFF, log.zone), silent))


# ---- speed ----------------------------------------------------------------------------------------------------------


def speed(one: Asked, device: str, peak_tflops: float) -> None:
    lines = []
    for encoder, width, layers in SIZES:
        sizes = {"encoder": encoder, "width": width, "layers": layers, "batch": 2048, "members": 1}
        model, heard = event_model(device=device, warm_epochs=2, epochs=1, **sizes)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        one.fitted(model)
        reached = heard.speed * flops_of_event(model._networks[0].shape, one) / 1e12
        share = f"{reached / peak_tflops:.2%}" if device == "cuda" else ""
        held = f"{torch.cuda.max_memory_allocated() / 1e6:,.0f}" if device == "cuda" else ""
        lines.append([f"{encoder} {width} x {layers}", f"{heard.speed:,.0f}", f"{reached:.3f}", share, held])
    header = ["events/s", "TFLOP/s", f"share of {peak_tflops:g} TFLOP/s", "peak on the device, MB"]
    print(markdown([f"{_named(device)}, {one.cutoff}", *header], lines))


def flops_of_event(shape: Shape, one: Asked) -> float:
    """Multiplications and additions of matrices for an event in training: three times those of reading. Attention
    between steps is not counted: steps of a customer are fewer than the width."""
    assert one.current.sequences is not None
    steps = steps_of(one.current.sequences, one.current.cutoff, one.current.scale)
    d = shape.width
    told = shape.numbers + shape.item_width + CATEGORY_WIDTH + KIND_WIDTH + CHANNEL_WIDTH
    layer = 6 * d * d if shape.encoder == "gru" else 12 * d * d
    foretold = d * (shape.kinds + shape.gaps + shape.ahead + 2 + shape.item_width)
    return 3 * 2 * (told * d + shape.layers * layer + foretold) * len(steps) / len(steps.item)


def _named(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "one thread of the processor"


# ---- agreement ------------------------------------------------------------------------------------------------------


@dataclass
class Losses(Heard):
    """A monitor that keeps the losses of each epoch too."""

    each: list[dict[str, float]] = field(default_factory=list)

    @contextmanager
    def told(self, digest: str, stage: str, epochs: int) -> Iterator[Callable[[Mapping[str, float], int], None]]:
        def tell(values: Mapping[str, float], epoch: int) -> None:
            self.each.append({name: value for name, value in values.items() if name.startswith("loss/")})

        yield tell


def agreement(one: Asked, encoder: str) -> list[list[str]]:
    current = one.current.unseen()
    kept = []
    for device in ("cpu", "cuda", "cuda"):
        heard = Losses()
        model = EventModel(
            monitor=heard,  # type: ignore[arg-type]
            encoder=encoder,  # type: ignore[arg-type]
            device=device,
            members=1,
            warm_epochs=2,
            epochs=3,
            patience=3,
            **NO_CHANCE,
        )
        one.fitted(model)
        kept.append((model, heard.each, model.forecast(current)))
    (cpu, losses, by_cpu), (gpu, others, by_gpu), (again, *_) = kept
    first, last = (_farthest(losses[at], others[at]) for at in (0, -1))
    total = by_gpu.amount.mean().sum() / by_cpu.amount.mean().sum() - 1
    p = np.abs(by_gpu.p_active.astype(np.float64) - by_cpu.p_active).max()
    for network in cpu._networks:
        network.cuda()
    read_there = np.abs(cpu.forecast(current).p_active.astype(np.float64) - by_cpu.p_active).max()
    same = all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(gpu._networks[0].parameters(), again._networks[0].parameters(), strict=True)
    )
    return [
        ["losses of the first epoch, at most", f"{first:.2e}"],
        [f"losses of epoch {len(losses)} of the course, at most", f"{last:.2e}"],
        ["total forecast, trained there", f"{total:+.2e}"],
        ["chance of buying, trained there, at most", f"{p:.2e}"],
        ["chance of buying, same weights read there, at most", f"{read_there:.2e}"],
        ["trained there twice, weights the same to the bit", "yes" if same else "no"],
    ]


def _farthest(mine: Mapping[str, float], theirs: Mapping[str, float]) -> float:
    return max(abs(theirs[name] / value - 1) for name, value in mine.items())


# ---- a shop ---------------------------------------------------------------------------------------------------------


def shop(one: Asked) -> None:
    lines = []
    for device in ("cpu", "cuda"):
        model, heard = event_model(device=device)
        model, seconds = one.fitted(model)
        began = time.perf_counter()
        model.forecast(one.current.unseen())
        answered = time.perf_counter() - began
        epochs = str(model.epochs)  # type: ignore[attr-defined]
        scores = shown(one.scores(model))
        lines.append([_named(device), *scores, f"{seconds:.1f}", f"{heard.speed:,.0f}", epochs, f"{answered:.2f}"])
    print(markdown([f"default model, {one.cutoff}", *SHOWN, "fit, s", "events/s", "epochs", "answer, s"], lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="of `shop`")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=("speed", "agreement"))
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"), help="of `speed`")
    parser.add_argument("--customers", type=int, help="of the simulated shop of `speed`")
    parser.add_argument("--peak-tflops", type=float, default=989.0, help="the device's peak in bf16, without sparsity")
    options = parser.parse_args()
    if not torch.cuda.is_available() and (options.device == "cuda" or options.parts != ["speed"]):
        raise SystemExit("there is no GPU here that PyTorch can use; the processor's speed: --parts speed --device cpu")
    with tempfile.TemporaryDirectory() as folder, one_thread_each():
        for part in options.parts:
            print(f"\n{part}\n", flush=True)
            if part == "speed":
                customers = options.customers or CUSTOMERS[options.device]
                speed(planted(customers, Path(folder)), options.device, options.peak_tflops)
            elif part == "agreement":
                one = planted(600, Path(folder))
                told = [agreement(one, encoder) for encoder in ("gru", "transformer")]
                rows = [[what, gru, other] for (what, gru), (_, other) in zip(*told, strict=True)]
                print(markdown([f"GPU beside CPU, {one.cutoff}", "gru", "transformer"], rows))
            else:
                (asked,) = read_asked(options.data, (OPEN,), Path(folder))
                shop(asked)


if __name__ == "__main__":
    main()
