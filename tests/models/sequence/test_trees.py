"""Trees that read the event networks' words: kept as fitted, and never about customers that a network learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oracles.model_checks import assert_equal, assert_sound
from oracles.planted_shop import planted_shop
from worthwhile.errors import InputError
from worthwhile.evaluation.metrics import area_under_roc
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import Sequences, build_sequences
from worthwhile.features.snapshot import Outcome, Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.trees import EventTrees, half_of
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

BRIEF = {"warm_epochs": 1, "epochs": 1, "width": 8}
Made = tuple[EventTrees, Matured, Snapshot]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    with log_of(planted_shop(customers=300, items=50).events()) as log:
        sequences = build_sequences(log, tmp_path_factory.mktemp("shop") / "s")
        snapshots = Snapshots(log, Task.of("30d"), sequences=sequences)
        matured, current = snapshots.before(cutoff_from("2024-07-01", log.zone), silent)
    model = EventTrees(**BRIEF)
    model.fit(matured, current.unseen())
    return model, matured, current


def test_answers_are_sound_and_the_saved_model_says_the_same(made: Made, tmp_path: Path) -> None:
    model, _, current = made
    forecast = model.forecast(current.unseen())
    assert_sound(forecast, current)
    assert forecast.model == "trees-events"
    assert area_under_roc(forecast.p_active, current.outcome.active) > 0.65
    model.save(tmp_path)
    assert_equal(forecast, EventTrees.load(tmp_path).forecast(current.unseen()))


def test_the_word_on_a_customer_is_of_a_network_that_never_saw_them(made: Made) -> None:
    """Other outcomes and events of one half change no word on that half."""
    model, matured, current = made
    other, sequences = EventTrees(**BRIEF), _with_other_events(current)
    turned = [replace(_turned(snapshot), sequences=sequences) for snapshot in matured]
    other.fit(turned, replace(current.unseen(), sequences=sequences))
    said, changed = (m._with_vectors(current, current).vectors for m in (model, other))
    mine = half_of(current.customer_ids)
    assert np.array_equal(said[mine == 0], changed[mine == 0])
    assert not np.array_equal(said[mine == 1], changed[mine == 1])


def _turned(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the outcomes of half 0 given to others of it."""
    outcome, here = snapshot.outcome, np.flatnonzero(half_of(snapshot.customer_ids) == 0)
    amount, orders = outcome.amount.copy(), outcome.orders.copy()
    amount[here], orders[here] = amount[here[::-1]], orders[here[::-1]]
    return replace(snapshot, outcome=Outcome(amount, orders))


def _with_other_events(snapshot: Snapshot) -> Sequences:
    """The sequences with other items and amounts in the events of half 0."""
    told = snapshot.sequences
    assert told is not None
    here = np.repeat(half_of(told.customer_ids) == 0, np.diff(told.offsets))
    item, amount = (np.array(told.columns[name]) for name in ("item", "amount"))
    item[here], amount[here] = item[here][::-1], 3 * amount[here]
    return replace(told, columns={**told.columns, "item": item, "amount": amount})


def test_a_half_without_buyers_is_told_of(made: Made) -> None:
    _, matured, current = made
    for kept in (0, 1):
        some = [snapshot[half_of(snapshot.customer_ids) == kept] for snapshot in (*matured, current)]
        with pytest.raises(InputError, match="of one nobody") as caught:
            EventTrees(**BRIEF).fit(some[:-1], some[-1].unseen())
        assert caught.value.code == "no-history"


def test_no_student_speaks_to_the_trees() -> None:
    """What it says of what comes next is as it was drawn: it learns the answers alone."""
    assert not any(network.is_student for network in EventTrees(**BRIEF, student=True)._networks)


def test_without_sequences_it_says_what_it_lacks(made: Made) -> None:
    _, matured, current = made
    with pytest.raises(InputError) as caught:
        EventTrees(**BRIEF).fit(matured, replace(current, sequences=None))
    assert caught.value.code == "no-history"
