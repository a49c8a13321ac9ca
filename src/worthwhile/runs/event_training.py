"""How the event model is trained in a shop: what its settings say, and where what a broken training left is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worthwhile.errors import InputError
from worthwhile.models.catalogue import MODELS, any_reads_events, models_behind
from worthwhile.models.sequence.checkpoints import Checkpoints, digest_of_file
from worthwhile.models.sequence.monitor import Monitor
from worthwhile.progress import Progress
from worthwhile.settings import SETTINGS
from worthwhile.shop import Shop

MODEL_FILES = ("model.json", "model.safetensors")  # of a saved event model: its words, its weights
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

    def params(self, name: str, progress: Progress, *, in_ensemble: bool = False) -> dict[str, Any]:
        """Arguments of the constructor of a model; none where it does not read events.

        A member of an ensemble starts from no other model, which would know what came after the past windows that
        members are weighed on.
        """
        if not MODELS[name].reads_events:
            return {}
        return {
            "start": None if in_ensemble else self.start,
            "student": self.student,
            "encoder": self.encoder,
            "device": self.device,
            "monitor": Monitor(progress, self.checkpoints, self.logs),
        }

    def facts_for(self, names: Sequence[str], made: Sequence[str]) -> dict[str, Any]:
        """What the numbers of a run hang on, for its id; empty where all is as by default. `names` were asked for, and
        `made` was what is behind them (`models_made`)."""
        if not any_reads_events(made):
            return {}
        found: dict[str, Any] = {"student": True} if self.student and "events" in made else {}
        if self.start is not None and any_reads_events(set(names) & set(made)):
            found["start"] = [digest_of_file(self.start / name) for name in MODEL_FILES]
        if self.encoder != SETTINGS["events.encoder"].default:
            found["encoder"] = self.encoder
        if self.device != "cpu":  # a GPU computes with fewer digits
            found["device"] = self.device
        return {"events": found} if found else {}


def event_training(shop: Shop, names: Sequence[str], members: Sequence[str] = ()) -> EventTraining:
    """For a run of these models, and these members of the ensemble. Where one of them reads events, raises InputError
    `bad-setting` if there is no device such as `events.device`, or no model in the folder `events.start`, from which
    members do not start."""
    said = shop.settings
    start = shop.folder / said["events.start"] if said["events.start"] else None
    device = said["events.device"]
    if any_reads_events(names):
        _check_start(start)
    if any_reads_events(models_behind(names, members)):
        device = _device_there(device)
    logs = shop.folder / said["events.logs"] if said["events.logs"] else None
    return EventTraining(
        start=start,
        student=said["events.student"],
        logs=logs,
        checkpoints=Checkpoints(shop.scratch / CHECKPOINTS),
        encoder=said["events.encoder"],
        device=device,
    )


def _check_start(start: Path | None) -> None:
    if start is not None and not all((start / name).is_file() for name in MODEL_FILES):
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
