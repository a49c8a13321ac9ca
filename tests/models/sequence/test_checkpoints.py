"""A digest tells contents apart; checkpoints of trainings that nobody goes on with do not pile up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from worthwhile.models.sequence import checkpoints
from worthwhile.models.sequence.checkpoints import Checkpoints, digest_of


@dataclass(frozen=True)
class Learned:
    values: np.ndarray
    folder: Path


def test_a_digest_hangs_on_content_types_and_order_but_not_on_where_files_lie(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32)
    values.tofile(tmp_path / "v")
    mapped = np.memmap(tmp_path / "v", dtype=np.float32, mode="r")
    same = digest_of(Learned(values, Path("a")), 1, {"x": 2.5})
    assert digest_of(Learned(mapped, Path("b")), 1, {"x": 2.5}) == same
    others = [values.astype(np.float64), values.reshape(2, 3), values[::-1], values[:0]]
    assert same not in [digest_of(Learned(other, Path("a")), 1, {"x": 2.5}) for other in others]
    assert digest_of("ab", "c") != digest_of("a", "bc") and digest_of([1, [2]]) != digest_of([[1], 2])


def test_the_oldest_checkpoints_go_beyond_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST", 3)
    for place in range(5):
        Checkpoints(tmp_path).of(f"d{place}").write({"epochs": place}, {"w": np.ones(2)})
        os.utime(tmp_path / f"d{place}", (place, place))
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["d2", "d3", "d4"]


def test_a_newer_checkpoint_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    checkpoint = Checkpoints(tmp_path).of("d")
    for epochs in (1, 2):
        checkpoint.write({"epochs": epochs}, {"w": np.full(2, epochs)})
    told, arrays = checkpoint.read() or ({}, {})
    assert told == {"epochs": 2} and arrays["w"].tolist() == [2, 2]
    assert sorted(file.name for file in (tmp_path / "d").iterdir()) == ["2.safetensors", "checkpoint.json"]


def test_a_disk_that_takes_no_checkpoint_does_not_end_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    checkpoint = Checkpoints(tmp_path / "file").of("d")
    checkpoint.write({"epochs": 1}, {"w": np.ones(2)})
    assert checkpoint.read() is None
