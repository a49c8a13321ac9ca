from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from oracles.synthetic_snapshots import synthetic_shop
from worthwhile.models.catalogue import MODELS, USUAL_MEMBERS, Needs
from worthwhile.models.sequence.model import EventModel
from worthwhile.runs import backtest, forecast
from worthwhile.runs.choose import fitting_of, make_model
from worthwhile.runs.event_training import event_training
from worthwhile.runs.gate import gate
from worthwhile.runs.membership import LEAST_OTHER_EVENTS, Membership, membership_at
from worthwhile.shop import change_settings
from worthwhile.store.log import log_of

OTHERS = tuple(name for name in USUAL_MEMBERS if name != "events")


def log_with(views, customers=500):
    """Each customer's order and refund of 2024-01-01, and visits of a day later."""
    kinds = ["order_line"] * customers + ["refund"] * customers + ["view"] * views
    days = [datetime(2024, 1, 1)] * 2 * customers + [datetime(2024, 1, 2)] * views
    who = [f"c{n % customers}" for n in range(len(kinds))]
    columns = {"customer_id": who, "local_ts": days, "kind": kinds, "amount": [1.0] * len(kinds)}
    return log_of(pa.table(columns))


@pytest.fixture
def small(monkeypatch):
    """The event model needs next to nothing, and its trainings are brief."""
    made = EventModel.__init__
    short = {"warm_epochs": 1, "epochs": 1, "width": 16}
    monkeypatch.setattr(EventModel, "__init__", lambda self, **given: made(self, **{**short, **given}))
    monkeypatch.setitem(MODELS, "events", replace(MODELS["events"], needs=Needs()))


@pytest.mark.parametrize(
    ("views", "said", "members"),
    [
        (LEAST_OTHER_EVENTS, "auto", USUAL_MEMBERS),
        (LEAST_OTHER_EVENTS - 1, "auto", OTHERS),
        (0, "yes", USUAL_MEMBERS),
        (LEAST_OTHER_EVENTS, "no", OTHERS),
    ],
)
def test_the_event_model_is_a_member_where_customers_do_more_than_order_or_where_it_is_wished(views, said, members):
    with log_with(views) as log:
        assert membership_at(log, said).members == members


def test_of_few_customers_nothing_is_made_for_it_and_the_gate_says_so():
    with log_with(LEAST_OTHER_EVENTS, customers=499) as log:
        found = membership_at(log, "auto")
    assert found.members == OTHERS and not found.apart


def test_events_after_the_cutoff_do_not_count():
    with log_with(LEAST_OTHER_EVENTS) as log:
        found = membership_at(log, "auto", datetime(2024, 1, 2, tzinfo=UTC))
    assert found == Membership(OTHERS, ("events",), 0)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_gate_says_why_the_event_model_is_no_member_and_makes_it_where_it_is_asked_for_by_name(lang):
    shop = synthetic_shop(customers=2000, windows=3, seed=1)
    apart = Membership(OTHERS, ("events",), 7)
    unasked = gate(shop.matured, shop.current, membership=apart)
    assert unasked.leaves_out("events") and "events" not in unasked.members
    [said] = [s for s in unasked.sentences(lang) if "events.in_ensemble" in s]
    assert "7" in said and "1,000" in unasked.lack("events", lang)
    pooled = gate(shop.matured, shop.current, named=["ensemble"], membership=apart)
    assert said in pooled.sentences(lang)
    asked = gate(shop.matured, shop.current, named=["events"], membership=apart)
    assert not asked.leaves_out("events") and "events" not in asked.members
    assert not any("events.in_ensemble" in s for s in asked.sentences(lang))


def test_of_too_few_customers_it_is_said_rather_that_they_are_too_few():
    shop = synthetic_shop(customers=2000, windows=3, seed=1)
    found = gate([], shop.current[:30], membership=Membership(OTHERS, ("events",), 7))
    assert not any("in_ensemble" in s for s in found.sentences()) and "customers" in found.lack("events")


def test_as_a_member_it_is_one_network_and_starts_from_no_other_model(shop, tmp_path):
    for name in ("model.json", "model.safetensors"):
        (tmp_path / name).write_bytes(b"")
    shop = change_settings(shop, {"events.start": str(tmp_path)})
    fitting = fitting_of(shop.settings, seed=0, tune=0, fine_tune=False)
    fitting = replace(fitting, events=event_training(shop, ["events"]))
    found = replace(gate([], synthetic_shop(customers=50, windows=1, seed=1).current), allowed=("events",))
    [member] = make_model("ensemble", found, [], None, fitting)[0].makers.values()
    alone = make_model("events", found, [], None, fitting)[0]
    assert (member().learning.members, member().start) == (1, None)
    assert (alone.learning.members, alone.start) == (2, tmp_path)


def test_a_backtest_of_the_usual_models_has_the_event_model_where_it_is_a_member(shop):
    with_it = change_settings(shop, {"events.in_ensemble": "yes"})
    models = [backtest(s, "200d", cutoffs=1).facts["models"] for s in (shop, with_it)]
    assert [name for name in models[1] if name not in models[0]] == ["events"]


def test_as_a_member_it_has_a_weight_and_the_run_another_id_but_beside_the_ensemble_it_is_what_it_is_alone(shop, small):
    with_it = change_settings(shop, {"events.in_ensemble": "yes"})
    without = change_settings(shop, {"events.in_ensemble": "no"})
    pooled = [forecast(s, "60d") for s in (with_it, without)]
    assert [("events" in run.facts["members"][0]) for run in pooled] == [True, False]
    assert pooled[0].run_id != pooled[1].run_id
    both, alone = (backtest(with_it, "60d", cutoffs=1, models=names) for names in (["ensemble", "events"], ["events"]))
    apart = backtest(without, "60d", cutoffs=1, models=["ensemble", "events"])
    assert both.run_id != apart.run_id
    rows = [
        run.scores.filter(pc.equal(run.scores["model"], "events"))["value"].to_numpy() for run in (both, alone, apart)
    ]
    assert np.array_equal(rows[0], rows[1], equal_nan=True) and np.array_equal(rows[0], rows[2], equal_nan=True)


@pytest.mark.parametrize("settings", [{"events.student": True}, {"content.text_encoder": "nowhere"}])
def test_settings_of_a_model_that_is_not_made_change_no_id(shop, settings):
    assert forecast(change_settings(shop, settings), "200d").run_id == forecast(shop, "200d").run_id


def test_settings_that_nothing_hangs_on_stop_no_forecast(shop):
    lost = change_settings(shop, {"events.start": "nowhere", "events.device": "cuda"})
    assert forecast(lost, "200d").run_id == forecast(shop, "200d").run_id
