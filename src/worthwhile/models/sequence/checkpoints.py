"""Checkpoints: what a training that was broken off goes on from. JSON and safetensors, as models are kept.

A checkpoint belongs to a digest of all that the training learns from and how: another log, seed or setting has another
one, so a checkpoint never fits what it was not made for. It is a help, not a result: one that is torn is as if it were
not there, and a disk that takes none does not end the training.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from worthwhile.errors import InputError
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json

Array = np.ndarray[Any, Any]

MOST = 32  # trainings whose checkpoints are kept: a backtest has several, and some are never gone on with


@dataclass(frozen=True)
class Checkpoint:
    """The latest checkpoint of one training, in a folder of its own."""

    folder: Path

    def write(self, told: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
        """Put it in the place of the one before. The JSON comes last and names the arrays with their digest."""
        with suppress(OSError, SafetensorError):
            self.folder.mkdir(parents=True, exist_ok=True)
            before = list(self.folder.glob("*.safetensors"))
            name = f"{1 + max((int(file.stem) for file in before), default=0)}.safetensors"
            write_arrays(self.folder / name, arrays)
            new = self.folder / "checkpoint.json.new"
            write_json(new, {"told": dict(told), "arrays": name, "sha256": digest_of_file(self.folder / name)})
            new.replace(self.folder / "checkpoint.json")
            for file in before:
                file.unlink()

    def read(self) -> tuple[dict[str, Any], dict[str, Array]] | None:
        """What was written last; None where nothing was, or what is there is torn."""
        with suppress(InputError, OSError, ValueError, KeyError, TypeError):
            kept = read_json(self.folder / "checkpoint.json")
            if digest_of_file(self.folder / kept["arrays"]) == kept["sha256"]:
                return kept["told"], read_arrays(self.folder / kept["arrays"])
        return None


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of trainings in one folder."""

    folder: Path
    _used: set[Path] = field(default_factory=set)

    def of(self, digest: str) -> Checkpoint:
        """That of the training with this digest. The oldest of others are dropped beyond MOST."""
        place = self.folder / digest
        self._used.add(place)
        with suppress(OSError):
            others = sorted(set(self.folder.glob("*")) - self._used, key=lambda path: path.stat().st_mtime)
            for old in others[: max(len(others) + len(self._used) - MOST, 0)]:
                shutil.rmtree(old, ignore_errors=True)
        return Checkpoint(place)

    def drop(self) -> None:
        """Drop those that were asked for here: the work that they were for is done."""
        for place in self._used:
            shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):  # not there, or another process has its own in it
            self.folder.rmdir()


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(*parts: Any) -> str:
    """Of numbers, texts, arrays of numbers, and mappings, sequences and dataclasses of them, by their content; where
    files lie does not count."""
    total = hashlib.sha256()
    for piece in _pieces(parts):
        total.update(piece)
    return total.hexdigest()[:32]


def _pieces(part: Any) -> Iterator[Any]:
    if isinstance(part, np.ndarray):
        yield f"{part.dtype} {part.shape} ".encode()
        yield np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
    elif isinstance(part, Path):
        return
    elif is_dataclass(part):
        for one in fields(part):
            yield from _pieces((one.name, getattr(part, one.name)))
    elif isinstance(part, Mapping):
        for key, value in sorted(part.items()):
            yield from _pieces((key, value))
    elif isinstance(part, Sequence) and not isinstance(part, str):
        yield f"({len(part)} ".encode()
        for value in part:
            yield from _pieces(value)
    else:
        yield f"{part!r} ".encode()
