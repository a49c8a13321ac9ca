"""A student: one small network that was taught to answer as the trained ones do, for half of the time or less.

Nearly all of the time that an answer takes is the encoder's, once for each network. So the student is one network in
place of several, and a narrower one. It learns to give the mean of the teachers' outputs, least squares of log-odds
(Ba & Caruana 2014, Do deep nets really need to be deep?, eq. 2), at past cutoffs and at the present one, whose
outcome it needs not know. Items, categories and contents it has from the first teacher.

Letters: Q questions, O outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from worthwhile.models.network_fit import alone, chosen_device
from worthwhile.models.sequence.coming import coming_of
from worthwhile.models.sequence.learning import Learning, Material, Questions, Trainer, answers
from worthwhile.models.sequence.network import EventNetwork
from worthwhile.models.sequence.steps import Steps

Array = np.ndarray[Any, Any]

WIDTH = 32
HALVINGS = 4  # of the learning rate, towards the end


@dataclass(frozen=True)
class Lesson:
    """Questions (Q,) whose answers are the teachers' and not the outcomes."""

    row: Array  # customer in Steps
    end: Array  # the last step before the cutoff
    columns: Array  # (Q, X)


def learning_of(learning: Learning) -> Learning:
    """How a student learns where its teachers learned so: the answers have no chance in them, so nothing is dropped."""
    return replace(
        learning, width=WIDTH, layers=1, members=1, dropout=0.0, drop=0.0, jitter=0.0, coming=0.0, warm_epochs=0,
        epochs=12, learning_rate=3e-3, weight_decay=0.0,
    )  # fmt: skip


def taught(
    teachers: Sequence[EventNetwork], steps: Steps, lesson: Lesson, learning: Learning, *, until_day: float, seed: int
) -> EventNetwork:
    """The student. `learning` is its own (`learning_of`); `until_day` is the local day at which the past ends."""
    said = np.mean([answers(net, steps, lesson.end, lesson.columns) for net in teachers], axis=0).astype(np.float32)
    shape = replace(teachers[0].shape, width=learning.width, layers=learning.layers, dropout=learning.dropout)
    questions = Questions(
        row=lesson.row,
        end=lesson.end,
        columns=lesson.columns,
        windows=np.zeros((len(said), shape.windows), dtype=np.float32),
        start=np.zeros_like(said),
        target=said,
        weight=np.ones(len(said), dtype=np.float32),
    )
    material = Material(steps, coming_of(steps), questions, _square)
    everything = np.arange(len(questions))
    with alone(seed, chosen_device(learning.device)):
        trainer = Trainer(material, shape, learning, seed, start=lambda net: _take_over(net, teachers[0]))
        for epoch in range(learning.epochs):
            if epoch >= learning.epochs - HALVINGS:
                for group in trainer.optimizer.param_groups:
                    group["lr"] /= 2
            trainer.epoch(everything, until_day, task=True)
        return trainer.averaged.cpu()


def _square(raw: Tensor, target: Tensor) -> Tensor:  # (Q, O), (Q, O) -> (Q, 1)
    return ((raw - target) ** 2).mean(dim=1, keepdim=True)


def _take_over(net: EventNetwork, teacher: EventNetwork) -> None:
    """Weights that are of the same shape: embeddings and the line, but not what hangs on the width."""
    with torch.no_grad():
        told = teacher.state_dict()
        for name, mine in net.state_dict().items():
            if mine.shape == told[name].shape:
                mine.copy_(told[name])
