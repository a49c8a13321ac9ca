"""How a network learns, an epoch at a time."""

from __future__ import annotations

import numpy as np
import torch

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.coming import AHEAD_LAW, GAPS, HORIZONS, coming_of
from worthwhile.models.sequence.learning import NO_ROWS, Learning, Material, Questions, Trainer
from worthwhile.models.sequence.model import vocabulary_of
from worthwhile.models.sequence.network import Shape
from worthwhile.models.sequence.steps import NUMBERS, steps_of


def test_batches_whose_steps_are_all_left_out_teach_and_tell_nothing(small: tuple[Matured, Snapshot]) -> None:
    _, current = small
    sequences = current.sequences
    assert sequences is not None
    plain = steps_of(sequences, current.cutoff, current.scale)
    words = vocabulary_of(plain, sequences)
    steps = words.coded(plain, sequences)
    shape = Shape(
        items=len(words.items), categories=len(words.categories), channels=len(words.channels), numbers=len(NUMBERS),
        width=8, gaps=len(GAPS), ahead=AHEAD_LAW * len(HORIZONS), columns=1, windows=1, outputs=1,
    )  # fmt: skip
    nothing = np.zeros((0, 1), np.float32)
    asked = Questions(NO_ROWS, NO_ROWS, nothing, nothing, nothing, nothing, nothing[:, 0])
    trainer = Trainer(Material(steps, coming_of(steps), asked, lambda raw, _: raw), shape, Learning(drop=1.0), seed=0)
    before = {name: weights.clone() for name, weights in trainer.net.state_dict().items()}
    told = trainer.epoch(NO_ROWS, 1e6, task=False)
    assert np.isfinite(list(told.values())).all()
    assert all(torch.equal(before[name], weights) for name, weights in trainer.net.state_dict().items())
