"""What of a training's faults is laid to its logs: what writing them met, and nothing else."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from worthwhile.errors import InputError
from worthwhile.models.sequence.monitor import Monitor

FULL = OSError(errno.ENOSPC, "No space left on device")


class Writer:
    """TensorBoard's writer, as far as it is used."""

    refuses: str = ""

    def __init__(self, folder: str, *, purge_step: int) -> None:
        self._meets("open")

    def add_scalar(self, name: str, value: float, epoch: int) -> None:
        self._meets("add")

    def flush(self) -> None:
        self._meets("flush")

    def close(self) -> None:
        self._meets("close")

    def _meets(self, what: str) -> None:
        if what == self.refuses:
            raise FULL


@pytest.fixture
def monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    monkeypatch.setattr("worthwhile.models.sequence.monitor._summary_writer", lambda: Writer)
    return Monitor(logs=tmp_path)


def test_a_fault_of_the_training_is_not_told_as_one_of_its_logs(monitor: Monitor) -> None:
    with pytest.raises(OSError, match="of the training"), monitor.told("digest", "search", 0):
        raise OSError(errno.EIO, "of the training")


@pytest.mark.parametrize("what", ["open", "add", "flush", "close"])
def test_logs_that_cannot_be_written_are_told(monitor: Monitor, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(Writer, "refuses", what)
    with pytest.raises(InputError) as caught, monitor.told("digest", "search", 0) as tell:
        tell({"loss": 1.0}, 1)
    assert caught.value.code == "cannot-write" and "events.logs" in caught.value.remedy
