"""The course of a training: how many epochs serve later windows best is found first, then the networks that are used
are trained for so many on all windows. It can be broken off after any epoch and goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from worthwhile import __version__
from worthwhile.models.network_fit import alone, chosen_device
from worthwhile.models.sequence.checkpoints import Checkpoint, digest_of
from worthwhile.models.sequence.coming import AHEAD_LAW, GAPS, HORIZONS
from worthwhile.models.sequence.learning import Learning, Material, Start, Trainer
from worthwhile.models.sequence.monitor import Monitor
from worthwhile.models.sequence.network import EventNetwork, Shape

Array = np.ndarray[Any, Any]

JUDGES = 20  # questions that validation needs at least
BLIND_EPOCHS = 8  # where there are fewer
SEARCH = "search"  # the stage that finds the number of epochs; those of the networks are `network 1`, ...


@dataclass(frozen=True)
class Starts:
    """What networks begin with that another shop's model has learned: `digest` tells one from another."""

    digest: str = ""
    each: Sequence[Start] = ()

    def of(self, place: int) -> Start | None:
        return self.each[place % len(self.each)] if self.each else None


def train(
    material: Material,
    shape: Shape,
    learning: Learning,
    *,
    split: tuple[Array, Array],
    days: tuple[float, float],
    seed: int,
    starts: Starts | None = None,
    monitor: Monitor | None = None,
) -> tuple[list[EventNetwork], int]:
    """The trained networks, and for how many epochs: as many as serve the questions `split[1]` best where those of
    `split[0]` are learned from. `days` are the local days at which the past of the former and of all ends.

    Raises InputError as `Monitor.told` does.
    """
    earlier, later = (np.flatnonzero(part) for part in split)
    shape, starts, monitor = (
        replace(shape, gaps=len(GAPS), ahead=AHEAD_LAW * len(HORIZONS)),
        starts or Starts(),
        monitor or Monitor(),
    )
    if starts.each:  # they know what comes next
        learning = replace(learning, warm_epochs=0)
    device = chosen_device(learning.device)
    versions = [__version__, torch.__version__, str(device)]
    digest = digest_of(material.steps, material.questions, shape, learning, earlier, later, days, seed, starts.digest)
    digest = digest_of(digest, versions)
    with alone(seed, device):
        course = _Course(material, shape, learning, seed, starts, monitor, digest, monitor.checkpoint_of(digest))
        course.resume()
        if len(earlier) and len(later) >= JUDGES:
            course.search(earlier, later, days[0])
        else:
            course.best = min(BLIND_EPOCHS, learning.epochs)
        networks = [course.network(place, days[1]) for place in range(learning.members)]
    return networks, course.best


@dataclass
class _Course:
    material: Material
    shape: Shape
    learning: Learning
    seed: int
    starts: Starts
    monitor: Monitor
    digest: str
    checkpoint: Checkpoint | None
    best: int = 0  # epochs of the task, as far as is known
    least: float = np.inf  # the loss that they reached
    shares: Array = field(default_factory=lambda: np.ones(1))  # of the networks' corrections that serve: (O,) or (1,)
    share: float = 0.0  # of the work done, as told last
    kept: tuple[str, int, dict[str, Array]] | None = None  # stage, epochs and state of what was broken off
    done: list[dict[str, Array]] = field(default_factory=list)  # averaged weights of networks that are ready

    # ---- the stages

    def search(self, earlier: Array, later: Array, until_day: float) -> None:
        """Find after how many epochs of the task the loss of the questions `later` is least; 0 where the lines alone
        are best."""
        if self.done or (self.kept and self.kept[0] != SEARCH):
            return  # that was over when the training was broken off
        trainer, warm = self._trainer(SEARCH, 0), self.learning.warm_epochs
        with self.monitor.told(self.digest, SEARCH, trainer.epochs) as tell:
            while trainer.epochs < warm:
                tell(self._epoch(SEARCH, trainer, earlier, until_day), trainer.epochs)
                self._keep(SEARCH, trainer)
            if trainer.epochs == warm:
                self.best, (self.least, self.shares) = 0, trainer.judged(later)
            while self._may_gain(trainer.epochs - warm):
                values = self._epoch(SEARCH, trainer, earlier, until_day)
                reached, shares = trainer.judged(later)
                if reached < self.least:
                    self.best, self.least, self.shares = trainer.epochs - warm, reached, shares
                tell(values | {"loss/validation": reached}, trainer.epochs)
                self._keep(SEARCH, trainer)

    def _may_gain(self, epoch: int) -> bool:
        return epoch < self.learning.epochs and epoch - self.best < self.learning.patience

    def network(self, place: int, until_day: float) -> EventNetwork:
        """The averaged network of this place, trained on all questions."""
        stage = f"network {place + 1}"
        trainer = self._trainer(stage, place)
        if place < len(self.done):
            trainer.averaged.load_state_dict(
                {name: torch.from_numpy(array) for name, array in self.done[place].items()}
            )
            return trainer.averaged.cpu()
        everything = np.arange(len(self.material.questions))
        with self.monitor.told(self.digest, stage, trainer.epochs) as tell:
            while trainer.epochs < self.learning.warm_epochs + self.best:
                tell(self._epoch(stage, trainer, everything, until_day), trainer.epochs)
                self._keep(stage, trainer)
        network = trainer.finished(self.shares)
        self.done.append({name: tensor.numpy() for name, tensor in network.state_dict().items()})
        return network

    def _trainer(self, stage: str, place: int) -> Trainer:
        """A new trainer, or that of the stage as it was broken off."""
        trainer = Trainer(self.material, self.shape, self.learning, self.seed + place, start=self.starts.of(place))
        if self.kept and self.kept[0] == stage:
            trainer.restore(self.kept[2], self.kept[1])
            self.kept = None
        return trainer

    def _epoch(self, stage: str, trainer: Trainer, rows: Array, until_day: float) -> dict[str, float]:
        self._say(stage, trainer.epochs)
        values = trainer.epoch(rows, until_day, task=trainer.epochs >= self.learning.warm_epochs)
        return values | {"learning_rate": trainer.optimizer.param_groups[0]["lr"]}

    # ---- telling how far it is

    def _say(self, stage: str, epochs: int) -> None:
        """Tell the share of all epochs that are done, as if the search found no better one than it has."""
        warm, members = self.learning.warm_epochs, self.learning.members
        most = min(self.best + self.learning.patience, self.learning.epochs)  # of the search
        if stage == SEARCH:
            likely = max(self.best, min(BLIND_EPOCHS, self.learning.epochs))
            done, total = epochs, warm + max(most, likely) + members * (warm + likely)
            said = f"events: {SEARCH}, epoch {epochs + 1} of at most {warm + self.learning.epochs}"
        else:
            each = warm + self.best
            done, total = warm + most + len(self.done) * each + epochs, warm + most + members * each
            said = f"events: {stage} of {members}, epoch {epochs + 1} of {each}"
        self.share = max(self.share, done / total)
        self.monitor.progress(said, self.share)

    # ---- breaking off and going on

    def resume(self) -> None:
        """Take up what a checkpoint of this very training holds."""
        found = self.checkpoint.read() if self.checkpoint else None
        if found is None:
            return
        told, arrays = found
        self.best, self.least = told["best"], np.inf if told["least"] is None else told["least"]
        self.shares = np.array(told["shares"])
        self.done = [_under(arrays, f"done.{place}.") for place in range(told["networks"])]
        self.kept = (told["stage"], told["epochs"], arrays)

    def _keep(self, stage: str, trainer: Trainer) -> None:
        if self.checkpoint is None:
            return
        told = {
            "stage": stage,
            "epochs": trainer.epochs,
            "best": self.best,
            "least": self.least if np.isfinite(self.least) else None,
            "shares": self.shares.tolist(),
            "networks": len(self.done),
        }
        done = {f"done.{place}.{name}": array for place, net in enumerate(self.done) for name, array in net.items()}
        self.checkpoint.write(told, trainer.state() | done)


def _under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
