"""The in-context model as a model: on snapshots of a simulated shop, with the weights that are shipped."""

from dataclasses import replace
from datetime import UTC, timedelta

import numpy as np
import pytest

from oracles.model_checks import assert_equal, assert_sound
from oracles.simulated_events import START, events_of
from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from
from worthwhile.models.incontext import finetune
from worthwhile.models.incontext.model import InContext
from worthwhile.models.incontext.prior import simulate
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import log_of
from worthwhile.tasks import Task


def snapshots_of(shop, cutoff, horizon):
    moment = cutoff_from((START + timedelta(days=cutoff)).replace(tzinfo=UTC), UTC)
    with log_of(events_of(shop), until=(START + timedelta(days=int(shop.days[0]) + 1)).date()) as log:
        matured, current = Snapshots(log, Task.of(f"{horizon}d")).before(moment, silent)
    return list(matured), current


@pytest.fixture(scope="module")
def shop():
    """One simulated shop of some years with hundreds of customers."""
    shops = simulate(8, 3, customers=400)
    sizes = [int((shops.shop == i).sum()) if int(shops.days[i]) > 500 else 0 for i in range(8)]
    return shops.one(int(np.argmax(sizes)))


@pytest.fixture(scope="module")
def snapshots(shop):
    return snapshots_of(shop, int(shop.days[0]) - 90, 60)


def fitted(matured, current):
    model = InContext()
    model.fit(matured, current)
    return model


def test_every_customer_gets_a_sound_distribution(snapshots):
    matured, current = snapshots
    forecast = fitted(matured, current).forecast(current)
    assert_sound(forecast, current)
    assert forecast.amount.mean().sum() > 0


def test_one_customer_alone_is_answered_as_among_all(snapshots):
    matured, current = snapshots
    model = fitted(matured, current)
    together, alone = model.forecast(current), model.forecast(current[7:8])
    np.testing.assert_allclose(alone.amount.prob[0], together.amount.prob[7], atol=1e-5)
    np.testing.assert_allclose(alone.orders.prob[0], together.orders.prob[7], atol=1e-5)


def test_currency_changes_nothing_but_the_unit(shop, snapshots):
    matured, current = snapshots
    dear = replace(shop, value=shop.value * 200, refund=shop.refund * 200)
    matured_yen, yen = snapshots_of(dear, int(shop.days[0]) - 90, 60)
    in_yen, in_pounds = fitted(matured_yen, yen).forecast(yen), fitted(matured, current).forecast(current)
    np.testing.assert_allclose(in_yen.amount.mean() / 200, in_pounds.amount.mean(), rtol=1e-2)


def test_what_came_of_earlier_customers_moves_the_forecast(snapshots):
    matured, current = snapshots
    nobody = [
        replace(s, outcome=replace(s.outcome, amount=0 * s.outcome.amount, orders=0 * s.outcome.orders))
        for s in matured
    ]
    assert (
        fitted(nobody, current).forecast(current).p_active.mean()
        < fitted(matured, current).forecast(current).p_active.mean()
    )


def test_outcome_of_the_snapshot_asked_about_is_not_looked_at(snapshots):
    matured, current = snapshots
    unknown = replace(current, outcome=None)
    assert_equal(fitted(matured, unknown).forecast(unknown), fitted(matured, current).forecast(current))


def test_without_any_past_the_prior_answers(snapshots):
    _, current = snapshots
    assert_sound(fitted([], replace(current, shorter=())).forecast(current), current)


def test_where_no_window_has_passed_shorter_ones_are_read(shop):
    matured, current = snapshots_of(shop, 100, 90)
    assert not matured
    assert current.shorter
    assert all(s.end <= current.cutoff and s.outcome is not None for s in current.shorter)
    read, unread = fitted([], current), fitted([], replace(current, shorter=()))
    assert not np.allclose(read.forecast(current).p_active, unread.forecast(current).p_active)


def test_saved_model_forecasts_the_same(snapshots, tmp_path):
    matured, current = snapshots
    model = fitted(matured, current)
    model.save(tmp_path)
    loaded = InContext.load(tmp_path)
    assert_equal(loaded.forecast(current), model.forecast(current))
    assert loaded.unlike == model.unlike


def test_context_of_other_weights_is_refused(snapshots, tmp_path):
    fitted(*snapshots).save(tmp_path)
    file = tmp_path / "model.json"
    file.write_text(file.read_text().replace('"weights_sha256": "', '"weights_sha256": "0'))
    with pytest.raises(InputError) as caught:
        InContext.load(tmp_path)
    assert caught.value.code == "damaged"


def test_size_that_is_not_shipped_is_a_clear_error(snapshots):
    with pytest.raises(InputError, match="no weights of size `huge`"):
        InContext(size="huge").fit(*snapshots)


def test_snapshot_without_customers_cannot_be_forecast(snapshots):
    matured, current = snapshots
    with pytest.raises(InputError) as caught:
        InContext().fit(matured, current[:0])
    assert caught.value.code == "no-history"


@pytest.fixture
def quick_tuning(monkeypatch):
    monkeypatch.setattr(finetune, "STEPS", 8)
    monkeypatch.setattr(finetune, "RATE", 1e-3)


def never_again(matured):
    """Windows in which nobody ordered: what simulated shops do not do can be learned in few steps."""
    return [
        replace(s, outcome=replace(s.outcome, amount=0 * s.outcome.amount, orders=0 * s.outcome.orders))
        for s in matured
    ]


def test_fine_tuning_that_helps_on_the_latest_window_is_kept_and_saved(snapshots, tmp_path, quick_tuning):
    matured, current = snapshots
    plain, tuned = InContext(), InContext(fine_tune=True)
    for model in (plain, tuned):
        model.fit(never_again(matured), current)
    assert tuned.fine_tuning.is_kept and tuned.fine_tuning.after < tuned.fine_tuning.before
    assert tuned.forecast(current).p_active.mean() < plain.forecast(current).p_active.mean()
    tuned.save(tmp_path)
    loaded = InContext.load(tmp_path)
    assert loaded.fine_tuning == tuned.fine_tuning
    assert_equal(loaded.forecast(current), tuned.forecast(current))


def test_fine_tuning_that_does_not_help_changes_nothing(snapshots, quick_tuning):
    matured, current = snapshots
    misleading = [*never_again(matured[:-1]), matured[-1]]
    plain, tuned = InContext(), InContext(fine_tune=True)
    for model in (plain, tuned):
        model.fit(misleading, current)
    assert not tuned.fine_tuning.is_kept
    assert_equal(tuned.forecast(current), plain.forecast(current))


def test_fine_tuning_needs_two_windows_apart(snapshots):
    matured, current = snapshots
    tuned = InContext(fine_tune=True)
    tuned.fit(matured[-1:], current)
    assert tuned.fine_tuning is None
