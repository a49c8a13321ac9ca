"""What a training tells while it goes on, and where it keeps what it can go on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from worthwhile.errors import InputError
from worthwhile.models.sequence.checkpoints import Checkpoint, Checkpoints
from worthwhile.progress import Progress, silent


class Tell(Protocol):
    """Hears of numbers by name after each epoch."""

    def __call__(self, values: Mapping[str, float], epoch: int) -> None: ...


@dataclass(frozen=True)
class Monitor:
    """`progress` hears of epochs, `checkpoints` keeps the state after each, and `logs` is the folder of TensorBoard."""

    progress: Progress = silent
    checkpoints: Checkpoints | None = None
    logs: Path | None = None

    def checkpoint_of(self, digest: str) -> Checkpoint | None:
        return self.checkpoints.of(digest) if self.checkpoints else None

    @contextmanager
    def told(self, digest: str, stage: str, epochs: int) -> Iterator[Tell]:
        """Writes numbers into the folder of one stage of one training; epochs after `epochs` that stand there were
        broken off and are no longer shown.

        Raises InputError `missing-extra`, `cannot-write`.
        """
        if self.logs is None:
            yield lambda values, epoch: None
            return
        folder = self.logs / f"events-{digest[:12]}" / stage
        with _refusals_told(folder):
            writer = _summary_writer()(str(folder), purge_step=epochs + 1)

        def tell(values: Mapping[str, float], epoch: int) -> None:
            with _refusals_told(folder):
                for name, value in values.items():
                    writer.add_scalar(name, value, epoch)
                writer.flush()

        try:
            yield tell
        finally:
            with _refusals_told(folder):
                writer.close()


@contextmanager
def _refusals_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            "cannot-write",
            f"the logs of training cannot be written: {(error.strerror or str(error)).lower()}",
            where=str(folder),
            remedy="name another folder in the setting events.logs, or leave it empty",
        ) from error


def _summary_writer():  # type: ignore[no-untyped-def]  # a class of an optional package
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "missing-extra",
            "logs of training need tensorboard, which is not installed",
            where="events.logs",
            remedy='install it with: pip install "worthwhile[logs]"',
        ) from error
    return SummaryWriter
