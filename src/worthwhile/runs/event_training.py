"""How the event model is trained in a shop: what its settings say, and where what a broken training left is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worthwhile.errors import InputError
from worthwhile.models.catalogue import MODELS, any_reads_events
from worthwhile.models.sequence.checkpoints import Checkpoints, digest_of_file
from worthwhile.models.sequence.monitor import Monitor
from worthwhile.progress import Progress
from worthwhile.settings import SETTINGS
from worthwhile.shop import Shop

CHECKPOINTS = "training"  # in the shop's scratch


@dataclass(frozen=True)
class EventTraining:
    """What `events` is made with beside its defaults."""

    start: Path | None
    student: bool
    logs: Path | None
    checkpoints: Checkpoints
    encoder: str
    device: str  # `cpu` or `cuda`

    def params(self, name: str, progress: Progress) -> dict[str, Any]:
        """Arguments of the constructor of a model; none where it does not read events."""
        if not MODELS[name].reads_events:
            return {}
        return {
            "start": self.start,
            "student": self.student,
            "encoder": self.encoder,
            "device": self.device,
            "monitor": Monitor(progress, self.checkpoints, self.logs),
        }

    def facts_for(self, names: Sequence[str]) -> dict[str, Any]:
        """What the numbers of a run of these models hang on, for its id; empty where all is as by default."""
        if not any_reads_events(names):
            return {}
        found: dict[str, Any] = {"student": True} if self.student else {}
        if self.start is not None:
            found["start"] = digest_of_file(self.start / "model.safetensors")
        if self.encoder != SETTINGS["events.encoder"].default:
            found["encoder"] = self.encoder
        if self.device != "cpu":  # a GPU computes with fewer digits
            found["device"] = self.device
        return {"events": found} if found else {}


def event_training(shop: Shop, names: Sequence[str]) -> EventTraining:
    """For a run of these models. Where one of them reads events, raises InputError `bad-setting` if there is no model
    in the folder `events.start`, or no device such as `events.device`."""
    said = shop.settings
    start = shop.folder / said["events.start"] if said["events.start"] else None
    device = said["events.device"]
    if any_reads_events(names):
        _check_start(start)
        device = _device_there(device)
    logs = shop.folder / said["events.logs"] if said["events.logs"] else None
    return EventTraining(
        start, said["events.student"], logs, Checkpoints(shop.scratch / CHECKPOINTS), said["events.encoder"], device
    )


def _check_start(start: Path | None) -> None:
    if start is not None and not all((start / name).is_file() for name in ("model.json", "model.safetensors")):
        raise InputError(
            "bad-setting",
            "there is no event model to start from here",
            where=f"events.start, {start}",
            remedy="name the folder of one that a run kept: runs/<run>/models/<horizon>/events",
        )


def _device_there(named: str) -> str:
    """`cpu` or `cuda`."""
    from worthwhile.models.network_fit import chosen_device  # torch is loaded only where a network is asked

    try:
        return chosen_device(named).type
    except InputError as error:
        raise InputError("bad-setting", error.what, where="events.device", remedy="take auto or cpu") from error
