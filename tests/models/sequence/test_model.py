"""The event model on a shop whose law is planted: what customers look at, and what items are, tells who buys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oracles.model_checks import assert_equal, assert_sound
from oracles.planted_shop import PlantedShop, planted_shop
from worthwhile.errors import InputError
from worthwhile.evaluation.metrics import area_under_roc
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import Content, build_sequences
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.model import EventModel
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

CUTOFF = "2024-07-01"
BRIEF = {"members": 1, "warm_epochs": 1, "epochs": 2, "width": 16}
Prepared = tuple[Matured, Snapshot]


def prepared(shop: PlantedShop, folder: Path, *, vectors: bool = False, until: str | None = None) -> Prepared:
    """The matured snapshots and the current one, of all events or of those before `until`."""
    events = shop.events()
    if until:
        events = events.filter(np.array(events["local_ts"]) < np.datetime64(until))
    with log_of(events) as log:
        sequences = build_sequences(log, folder)
        if vectors:
            known = shop.vectors[[int(item[1:]) for item in sequences.vocabularies["item"]]]
            sequences = replace(sequences, contents={"item": Content(known, "item", "planted")})
        return Snapshots(log, Task.of("30d"), sequences=sequences).before(cutoff_from(CUTOFF, log.zone), silent)


@pytest.fixture(scope="module")
def shop() -> PlantedShop:
    return planted_shop(customers=500, items=300)


@pytest.fixture(scope="module")
def made(shop: PlantedShop, tmp_path_factory: pytest.TempPathFactory) -> tuple[EventModel, Prepared]:
    matured, current = prepared(shop, tmp_path_factory.mktemp("shop") / "s")
    model = EventModel(**BRIEF)
    model.fit(matured, current.unseen())
    return model, (matured, current)


def test_answers_are_sound_distributions(made: tuple[EventModel, Prepared]) -> None:
    model, (_, current) = made
    forecast = model.forecast(current.unseen())
    assert_sound(forecast, current)
    assert area_under_roc(forecast.p_active, current.outcome.active) > 0.65


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_the_saved_model_says_the_same_and_learning_is_repeatable(
    made: tuple[EventModel, Prepared], tmp_path: Path, encoder: str
) -> None:
    _, (matured, current) = made
    said = []
    for place in range(2):
        model = EventModel(**BRIEF, encoder=encoder, device="auto" if encoder == "gru" and place else "cpu")
        model.fit(matured, current.unseen(), seed=5)
        model.save(tmp_path / str(place))
        said += [model.forecast(current), EventModel.load(tmp_path / str(place)).forecast(current)]
    for other in said[1:]:
        assert_equal(said[0], other)


def test_a_slice_of_customers_is_answered_as_among_all(made: tuple[EventModel, Prepared]) -> None:
    model, (_, current) = made
    rows = np.arange(0, len(current), 7)
    whole, part = model.forecast(current), model.forecast(current[rows])
    assert np.allclose(whole.amount.prob[rows], part.amount.prob, atol=1e-5)


def test_nothing_after_the_cutoff_is_looked_at(
    shop: PlantedShop, made: tuple[EventModel, Prepared], tmp_path: Path
) -> None:
    model, (_, current) = made
    matured, cut = prepared(shop, tmp_path / "s", until=CUTOFF)
    blind = EventModel(**BRIEF)
    blind.fit(matured, cut)
    assert_equal(model.forecast(current.unseen()), blind.forecast(cut))


def test_without_sequences_it_says_what_it_lacks(made: tuple[EventModel, Prepared]) -> None:
    _, (matured, current) = made
    with pytest.raises(InputError) as caught:
        EventModel(**BRIEF).fit(matured, replace(current, sequences=None))
    assert caught.value.code == "no-history" and "event" in caught.value.what


def test_the_saved_model_reads_vectors_of_the_encoder_that_it_learned_with_and_no_others(
    shop: PlantedShop, tmp_path: Path
) -> None:
    matured, current = prepared(shop, tmp_path / "s", vectors=True)
    model = EventModel(**BRIEF)
    model.fit(matured, current.unseen())
    model.save(tmp_path / "model")
    loaded, said = EventModel.load(tmp_path / "model"), model.forecast(current)
    assert_equal(said, loaded.forecast(current))
    contents = current.sequences.contents
    turned = Content(-contents["item"].vectors, "item", "planted")
    more = replace(current.sequences, contents={"item": turned, "text": turned})
    assert not np.array_equal(said.p_active, loaded.forecast(replace(current, sequences=more)).p_active)
    for other in ({}, {"item": replace(contents["item"], encoder="other")}):
        with pytest.raises(InputError) as caught:
            loaded.forecast(replace(current, sequences=replace(current.sequences, contents=other)))
        assert caught.value.code == "bad-argument" and "planted" in caught.value.what


def test_what_customers_look_at_tells_who_buys_and_what_others_look_at_does_not(
    shop: PlantedShop, made: tuple[EventModel, Prepared], tmp_path: Path
) -> None:
    model, (_, current) = made
    found = {"own": area_under_roc(model.forecast(current.unseen()).p_active, current.outcome.active)}
    for name, other in (("none", shop.without_views()), ("of others", shop.with_views_of_others())):
        matured, blind = prepared(other, tmp_path / name)
        assert np.array_equal(blind.outcome.active, current.outcome.active)
        model = EventModel(**BRIEF)
        model.fit(matured, blind.unseen())
        found[name] = area_under_roc(model.forecast(blind.unseen()).p_active, blind.outcome.active)
    assert found["own"] > max(found["none"], found["of others"]) + 0.01, found


def test_vectors_are_of_each_customer_alone_and_tell_who_buys(made: tuple[EventModel, Prepared]) -> None:
    model, (_, current) = made
    vectors = model.vectors(current.unseen())
    assert vectors.dtype == np.float32 and np.isfinite(vectors).all()
    assert area_under_roc(vectors[:, 0], current.outcome.active) > 0.65
    rows = np.array([3, 40])
    assert np.allclose(model.vectors(current[rows]), vectors[rows], atol=1e-4)
