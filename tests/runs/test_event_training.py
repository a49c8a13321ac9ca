"""What the settings of the event model do in runs: a broken run goes on, another shop's model is begun with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.models.sequence.model import EventModel
from worthwhile.runs import backtest, forecast
from worthwhile.runs.event_training import CHECKPOINTS
from worthwhile.shop import change_settings, open_shop


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Trainings of a few epochs."""
    made = EventModel.__init__
    short = {"members": 1, "warm_epochs": 1, "epochs": 1, "width": 16}
    monkeypatch.setattr(EventModel, "__init__", lambda self, **given: made(self, **{**short, **given}))


class KilledError(Exception):
    """What ends a run in the middle of its training."""


def broken_off(shop, **asked):
    """A run that ends before its third epoch."""
    heard = []

    def watch(text, share):
        if text.startswith("events: "):
            heard.append(text)
            if len(heard) == 3:
                raise KilledError

    with pytest.raises(KilledError):
        forecast(shop, "60d", model="events", progress=watch, **asked)


def epochs_of(shop, **asked):
    """The run, and how many epochs it trained for."""
    heard = []
    run = forecast(shop, "60d", model="events", progress=lambda text, share: heard.append((text, share)), **asked)
    assert [share for _, share in heard] == sorted(share for _, share in heard)
    return run, sum(text.startswith("events: ") for text, _ in heard)


def test_a_run_that_was_killed_goes_on_and_gives_what_it_would_have(shop, tmp_path):
    other = open_shop(shutil.copytree(shop.folder, tmp_path / "other"))
    whole, epochs = epochs_of(other)
    broken_off(shop)
    assert len(list((shop.scratch / CHECKPOINTS).iterdir())) == 1
    again, left = epochs_of(shop)
    assert again.table().equals(whole.table()) and left == epochs - 2
    assert not list(shop.scratch.iterdir())


def test_another_seed_begins_anew_and_forgetting_takes_what_was_left(shop):
    broken_off(shop)
    _, epochs = epochs_of(shop, seed=1)
    kept = list((shop.scratch / CHECKPOINTS).iterdir())
    assert len(kept) == 1  # that of the run that was killed waits for its seed
    ww.forget(shop, ww.forecast(shop, "60d", model="past-rate").table()["customer_id"][0].as_py())
    assert not (shop.scratch / CHECKPOINTS).exists()
    assert epochs > 2


def test_a_shop_can_start_with_the_model_of_a_run(shop):
    first, _ = epochs_of(shop)
    begun = change_settings(shop, {"events.start": f"runs/{first.run_id}/models/60d/events"})
    second, _ = epochs_of(begun)
    assert second.run_id != first.run_id and "start" in second.facts["events"]
    assert not np.array_equal(second.table()["p_active"].to_numpy(), first.table()["p_active"].to_numpy())


def test_a_start_that_is_gone_holds_up_those_models_only_that_would_begin_with_it(shop):
    gone = change_settings(shop, {"events.start": "nowhere"})
    with pytest.raises(InputError) as caught:
        forecast(gone, "60d", model="events")
    assert caught.value.code == "bad-setting" and "nowhere" in caught.value.where
    assert "events" not in forecast(gone, "60d", model="past-rate").facts
    backtest(gone, "60d", models=["past-rate"], cutoffs=1)


def test_a_student_answers_where_the_setting_says_so(shop):
    run, _ = epochs_of(change_settings(shop, {"events.student": True}))
    kept = EventModel.load(run.folder / "models" / "60d" / "events")
    assert run.facts["events"] == {"student": True} and len(kept._networks) == 1 and kept.is_student
