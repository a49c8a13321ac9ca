from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.explain.counterfactual import _steps, _without, if_ordered, if_quiet_for, timeline
from worthwhile.explain.forecaster import forecaster_of
from worthwhile.runs import Asked, forecast
from worthwhile.runs.recall import recorded_forecast
from worthwhile.schema import EVENTS
from worthwhile.store.log import log_of


@pytest.fixture
def forecaster(shop):
    with forecaster_of(recorded_forecast(shop)) as opened:
        yield opened


def events_of(rows):
    log = log_of(pa.Table.from_pylist(rows), zone="Europe/London")
    return log.con.sql(f"SELECT {', '.join(EVENTS.names)} FROM events").to_arrow_table().cast(EVENTS)


def test_a_step_is_a_day_and_kind_and_an_order_goes_with_its_refunds():
    rows = [
        {"local_ts": "2011-01-05 10:00:00", "kind": "order_line", "order_id": "A", "amount": 20.0},
        {"local_ts": "2011-01-05 18:00:00", "kind": "order_line", "order_id": "B", "amount": 5.0},
        {"local_ts": "2011-01-09 09:00:00", "kind": "refund", "order_id": "R", "refund_of": "A", "amount": -20.0},
        {"local_ts": "2011-01-09 09:00:00", "kind": "view", "order_id": None, "amount": None},
        {"local_ts": "2011-02-01 09:00:00", "kind": "refund", "order_id": "S", "refund_of": None, "amount": -3.0},
    ]
    events = events_of([{"customer_id": "c", "refund_of": None, **row} for row in rows])
    steps = _steps(events)
    assert steps == [(date(2011, 1, 5), "order_line"), (date(2011, 1, 9), "view"), (date(2011, 2, 1), "refund")]
    left = _without(events, *steps[0])
    assert left["kind"].to_pylist() == ["view", "refund"] and left["order_id"].to_pylist() == [None, "S"]


def test_a_timeline_tells_each_step_and_what_the_forecast_would_lose(forecaster):
    told = timeline(forecaster, "C0001")
    steps = list(told.steps)
    assert told.in_all == len(steps)
    assert steps == sorted(steps, key=lambda step: (step.day, step.kind))
    assert all(step.day < date(2011, 7, 1) and step.amount > 0 for step in steps)
    assert np.abs([step.amount_effect for step in steps]).max() > 0
    some = timeline(forecaster, "C0001", last=2)
    latest = some.steps
    assert some.in_all == told.in_all
    assert [step.day for step in latest] == [step.day for step in steps[-2:]]
    assert latest[1].amount_effect == pytest.approx(steps[-1].amount_effect)


def test_without_their_only_order_a_customer_would_not_be_forecast(forecaster):
    with forecaster.everybody() as everybody:
        once = everybody.customer_ids[everybody.column("orders_all") == 1][0]
        whole = forecaster.answer(everybody[everybody.customer_ids == once]).amount.mean()[0]
    [step] = timeline(forecaster, once).steps
    assert step.amount_effect == pytest.approx(whole, rel=1e-6)


def test_an_order_today_makes_a_silent_customer_likelier_to_buy(forecaster):
    with forecaster.everybody() as everybody:
        since = everybody.column("days_since_order")
        silent = str(everybody.customer_ids[np.argmax(since)])
    changed = if_ordered(forecaster, silent, 40.0)
    said = changed.to_dict()
    assert said["p_active_after"] > said["p_active"] + 0.05
    recorded = forecaster.recorded.table()
    place = recorded["customer_id"].to_pylist().index(silent)
    assert said["p_active"] == pytest.approx(recorded["p_active"][place].as_py(), rel=1e-6)


@pytest.mark.parametrize("cutoff", ["2011-07-01T09:00", "2011-07-01T15:00"])
def test_an_order_today_counts_whatever_the_hour_of_the_cutoff(shop, cutoff):
    forecast(shop, "90d", cutoff=cutoff, model="logistic")
    with forecaster_of(recorded_forecast(shop)) as opened:
        with opened.everybody() as everybody:
            silent = str(everybody.customer_ids[np.argmax(everybody.column("days_since_order"))])
        said = if_ordered(opened, silent, 40.0).to_dict()
    assert said["p_active_after"] > said["p_active"] + 0.05


def test_silence_makes_a_customer_who_just_bought_less_likely_to_buy(forecaster):
    with forecaster.everybody() as everybody:
        latest = str(everybody.customer_ids[np.argmin(everybody.column("days_since_order"))])
    said = if_quiet_for(forecaster, latest, 120).to_dict()
    assert said["p_active_after"] < said["p_active"]


def test_every_what_if_starts_from_the_recorded_forecast(forecaster):
    recorded = forecaster.recorded.table()
    late = str(recorded["customer_id"][len(recorded) - 1])
    with forecaster.everybody() as everybody:
        newest = str(everybody.customer_ids[np.nanargmin(everybody.column("T"))])
    for customer in (newest, late):
        told = if_quiet_for(forecaster, customer, 1).to_dict()
        place = recorded["customer_id"].to_pylist().index(customer)
        assert told["spend_mean"] == pytest.approx(recorded["spend_mean"][place].as_py(), rel=1e-6)
        assert told["orders_mean"] == pytest.approx(recorded["orders_mean"][place].as_py(), rel=1e-6)


def test_of_a_forecast_of_one_category_anybody_can_be_asked_about(shop):
    forecast(shop, "90d", cutoff="2011-07-01", model="past-rate", asked=Asked(category=["tea"]))
    with forecaster_of(recorded_forecast(shop)) as opened:
        with opened.everybody() as everybody:
            never = np.nan_to_num(everybody.column("orders_all")) == 0
            some = np.nan_to_num(everybody.column("orders_all")) > 0
            customers = [str(everybody.customer_ids[where][0]) for where in (never, some) if where.any()]
        for customer in customers:
            timeline(opened, customer)
            said = if_ordered(opened, customer, 500.0).to_dict()
            assert said["spend_mean_after"] > said["spend_mean"]
