"""A training can be broken off anywhere and goes on as if it had not been; it tells how far it is, and how fast."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.checkpoints import Checkpoints
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.sequence.monitor import Monitor

BRIEF = {"members": 2, "warm_epochs": 1, "epochs": 2, "width": 16}
Small = tuple[Matured, Snapshot]


class Broken(Exception):
    """What the tests break a training off with."""


class Watch:
    """Hears of epochs, and breaks off before the one of this number."""

    def __init__(self, stops_at: int = -1) -> None:
        self.said: list[tuple[str, float]] = []
        self.stops_at = stops_at

    def __call__(self, text: str, share: float) -> None:
        if len(self.said) == self.stops_at:
            raise Broken
        self.said.append((text, share))


def weights(small: Small, monitor: Monitor, *, seed: int = 3) -> dict[str, np.ndarray]:
    model = EventModel(**BRIEF, monitor=monitor)
    model.fit(*small, seed=seed)
    return {f"{i}.{k}": v.numpy() for i, net in enumerate(model._networks) for k, v in net.state_dict().items()}


def assert_same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not np.array_equal(one[name], other[name])] == []


@pytest.fixture(scope="module")
def whole(small: Small) -> tuple[dict[str, np.ndarray], list[tuple[str, float]]]:
    """The weights of a training that nothing breaks off, and what it said."""
    watch = Watch()
    return weights(small, Monitor(watch)), watch.said


def break_off(small: Small, checkpoints: Checkpoints, before: int) -> None:
    with pytest.raises(Broken):
        weights(small, Monitor(Watch(before), checkpoints))


def test_a_training_broken_off_in_any_stage_gives_the_same_networks_bit_for_bit(
    small: Small, whole: tuple[dict[str, np.ndarray], list[tuple[str, float]]], tmp_path: Path
) -> None:
    expected, said = whole
    stages = [text.split(",")[0] for text, _ in said]
    assert len(set(stages)) == 3  # the search and both networks
    checkpoints = Checkpoints(tmp_path / "c")
    for before in (2, 1, len(said) - 5):  # again and again: each time fewer epochs are left
        break_off(small, checkpoints, before)
    rest = Watch()
    assert_same(weights(small, Monitor(rest, checkpoints)), expected)
    assert 0 < len(rest.said) < len(said) - 2
    none = Watch()
    assert_same(weights(small, Monitor(none, checkpoints)), expected)
    assert none.said == []  # what is over is not trained again
    checkpoints.drop()
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("torn", ["arrays", "json"])
def test_a_torn_checkpoint_is_as_none(
    small: Small, whole: tuple[dict[str, np.ndarray], list[tuple[str, float]]], tmp_path: Path, torn: str
) -> None:
    break_off(small, Checkpoints(tmp_path), 2)
    (file,) = tmp_path.rglob("*.safetensors" if torn == "arrays" else "checkpoint.json")
    file.write_bytes(file.read_bytes()[:-9])
    watch = Watch()
    assert_same(weights(small, Monitor(watch, Checkpoints(tmp_path))), whole[0])
    assert len(watch.said) == len(whole[1])


def test_a_checkpoint_fits_no_other_seed(small: Small, tmp_path: Path) -> None:
    break_off(small, Checkpoints(tmp_path), 2)
    with pytest.raises(Broken):
        weights(small, Monitor(Watch(1), Checkpoints(tmp_path)), seed=4)
    assert len(list(tmp_path.iterdir())) == 2


def test_the_share_done_rises_to_the_end(whole: tuple[dict[str, np.ndarray], list[tuple[str, float]]]) -> None:
    shares = [share for _, share in whole[1]]
    assert shares == sorted(shares) and shares[0] == 0 and 0.5 < shares[-1] < 1


def test_tensorboard_reads_what_the_training_tells(small: Small, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    checkpoints, logs = Checkpoints(tmp_path / "c"), tmp_path / "logs"
    with pytest.raises(Broken):
        weights(small, Monitor(Watch(2), checkpoints, logs))
    weights(small, Monitor(Watch(), checkpoints, logs))
    (training,) = logs.iterdir()
    assert {folder.name for folder in training.iterdir()} == {"search", "network 1", "network 2"}
    read = EventAccumulator(str(training / "search"))
    read.Reload()
    parts = {f"loss/{name}" for name in ("task", "gap", "kind", "amount", "items", "ahead", "validation")}
    assert {*read.Tags()["scalars"]} == parts | {"learning_rate", "speed/events_a_second"}
    assert [event.step for event in read.Scalars("loss/gap")] == [1, 2, 3]  # in both halves, each once
    assert all(event.value > 0 for event in read.Scalars("speed/events_a_second"))


def test_logs_without_tensorboard_say_what_to_install(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError) as caught:
        weights(small, Monitor(logs=tmp_path))
    assert caught.value.code == "missing-extra" and "worthwhile[logs]" in caught.value.remedy
