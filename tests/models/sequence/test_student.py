"""A student says nearly what its teachers say, with one smaller network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oracles.model_checks import assert_equal
from worthwhile.features.sequences import Content
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.model import EventModel

BRIEF = {"members": 2, "warm_epochs": 1, "epochs": 3, "width": 48}


@pytest.fixture(scope="module")
def teacher(small: tuple[Matured, Snapshot]) -> EventModel:
    model = EventModel(**BRIEF)
    model.fit(*small)
    return model


def test_a_student_is_smaller_says_nearly_the_same_and_is_saved_like_any_model(
    small: tuple[Matured, Snapshot], teacher: EventModel, tmp_path: Path
) -> None:
    student = teacher.distilled(*small)
    full, taught = teacher.forecast(small[1]), student.forecast(small[1])
    assert np.corrcoef(full.p_active, taught.p_active)[0, 1] > 0.98
    assert taught.amount.mean().sum() == pytest.approx(full.amount.mean().sum(), rel=0.05)
    teacher.save(tmp_path / "full")
    student.save(tmp_path / "full" / "student")
    assert_equal(EventModel.load(tmp_path / "full" / "student").forecast(small[1]), taught)
    size = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "full/student")]
    assert size[1] < 0.6 * size[0]


def test_a_model_with_a_student_answers_with_it(small: tuple[Matured, Snapshot], teacher: EventModel) -> None:
    model = EventModel(**BRIEF, student=True)
    model.fit(*small)
    assert_equal(model.forecast(small[1]), teacher.distilled(*small).forecast(small[1]))


def test_a_student_reads_the_vectors_of_content_that_its_teachers_read(
    small: tuple[Matured, Snapshot], tmp_path: Path
) -> None:
    matured, current = small
    sequences = current.sequences
    assert sequences is not None
    words = len(sequences.vocabularies["item"])
    vectors = np.random.default_rng(0).normal(size=(words, 6)).astype(np.float32)
    current = replace(current, sequences=replace(sequences, contents={"item": Content(vectors, "item", "drawn")}))
    model = EventModel(members=1, warm_epochs=1, epochs=1, width=16)
    model.fit(matured, current)
    student = model.distilled(matured, current)
    said = student.forecast(current)
    student.save(tmp_path)
    assert_equal(EventModel.load(tmp_path).forecast(current), said)
