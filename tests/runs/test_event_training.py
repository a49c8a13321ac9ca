"""What the settings of the event model do in runs: a broken run goes on, another shop's model is begun with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.models.sequence.model import EventModel
from worthwhile.progress import silent
from worthwhile.runs import backtest, forecast
from worthwhile.runs.event_training import CHECKPOINTS, event_training
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


def test_the_encoder_of_the_settings_is_taken_and_makes_another_run(shop):
    run, _ = epochs_of(change_settings(shop, {"events.encoder": "transformer"}))
    kept = EventModel.load(run.folder / "models" / "60d" / "events")
    assert run.facts["events"] == {"encoder": "transformer"} and kept.learning.encoder == "transformer"


def test_a_device_that_is_not_there_is_refused_where_a_model_would_train_on_it(shop, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    on_gpu = change_settings(shop, {"events.device": "cuda"})
    with pytest.raises(InputError) as caught:
        event_training(on_gpu, ["past-rate", "trees-events"])
    assert caught.value.code == "bad-setting" and caught.value.where == "events.device"
    assert event_training(on_gpu, ["past-rate"]).facts_for(["past-rate"], ["past-rate"]) == {}
    by_default = event_training(shop, ["events"])
    assert by_default.device == "cpu" and by_default.facts_for(["events"], ["events"]) == {}


def test_a_run_on_a_gpu_is_another_run(shop, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert event_training(shop, ["events"]).facts_for(["events"], ["events"]) == {"events": {"device": "cuda"}}
    params = event_training(shop, ["events"]).params("events", silent)
    assert (params["device"], params["encoder"]) == ("cuda", "gru")
