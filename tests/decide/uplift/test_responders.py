"""Who responds: what sets groups of customers apart, and which groups there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from worthwhile.decide.uplift.covariates import Coding
from worthwhile.decide.uplift.crossfit import CrossFit
from worthwhile.decide.uplift.curves import deciles
from worthwhile.decide.uplift.policies import Judge, Policy, assigned
from worthwhile.decide.uplift.responders import Describer, given, responders

CUSTOMERS = 3_000


def describer_of(**columns: np.ndarray[Any, Any]) -> Describer:
    codings = [Coding(name, None) for name in columns]
    return Describer.of(np.column_stack(list(columns.values())).astype(np.float32), list(columns), codings)


@pytest.fixture
def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_covariates_that_differ_most_are_named_with_their_means(numbers: np.random.Generator) -> None:
    age, mens = numbers.normal(40, 10, CUSTOMERS), numbers.integers(0, 2, CUSTOMERS)
    rows = np.flatnonzero((age > 45) & ((mens == 1) | (numbers.random(CUSTOMERS) < 0.4)))
    first, second = describer_of(noise=numbers.normal(size=CUSTOMERS), age=age, mens=mens).traits(rows)
    assert (first.column, second.column) == ("age", "mens")
    assert first.mean == pytest.approx(age[rows].mean(), rel=1e-6) and not first.is_share
    assert second.mean == pytest.approx(mens[rows].mean()) and second.is_share
    assert second.mean_all == pytest.approx(mens.mean())
    # the standardised mean difference of a 0/1 column, which has no tails to cut
    assert second.difference == pytest.approx((mens[rows].mean() - mens.mean()) / mens.std(), rel=1e-6)


def test_what_says_the_same_is_named_once(numbers: np.random.Generator) -> None:
    spend = numbers.gamma(2, 50, CUSTOMERS)
    matrix = np.column_stack([spend, 2 * spend + numbers.normal(size=CUSTOMERS), spend < 60, spend >= 60, -spend])
    codings = [Coding(name, None) for name in ("spend", "twice")]
    codings += [Coding("band", ("low", "high")), Coding("minus", None)]
    names = [name for coding in codings for name in coding.names]
    found = Describer.of(matrix.astype(np.float32), names, codings).traits(np.flatnonzero(spend > 150))
    assert len(found) == 1


def test_noise_names_nothing(numbers: np.random.Generator) -> None:
    columns = {f"noise {i}": numbers.normal(size=CUSTOMERS) for i in range(60)}
    assert describer_of(**columns).traits(numbers.permutation(CUSTOMERS)[:300]) == ()


def test_one_far_customer_sets_no_group_apart(numbers: np.random.Generator) -> None:
    spend = numbers.normal(100, 10, CUSTOMERS)
    spend[7] = 1e6
    assert describer_of(spend=spend).traits(np.arange(300)) == ()


def test_customers_of_whom_it_is_not_known_are_left_out_of_a_mean(numbers: np.random.Generator) -> None:
    gap = numbers.normal(30, 5, CUSTOMERS)
    gap[::2] = np.nan
    rows = np.flatnonzero((gap > 33) | (np.isnan(gap) & (numbers.random(CUSTOMERS) < 0.1)))
    [found] = describer_of(gap=gap, empty=np.full(CUSTOMERS, np.nan)).traits(rows)
    assert found.mean == pytest.approx(np.nanmean(gap[rows]), rel=1e-6)


def test_a_shops_features_that_nobody_can_read_are_not_named(numbers: np.random.Generator) -> None:
    recent = numbers.normal(100, 30, CUSTOMERS)
    names = ("order_value_log_mean", "recency_ratio", "orders_trend_90d", "days_since_order")
    matrix = np.column_stack([recent, recent, recent, recent]).astype(np.float32)
    [found] = Describer.of(matrix, names, []).traits(np.flatnonzero(recent < 60))
    assert found.column == "days_since_order"


@pytest.fixture(scope="module")
def opposed(learned: Any) -> Any:
    """The fits on a campaign whose mails move those who like their goods."""
    _, cross = learned
    level = cross.level()
    trial = cross.trial
    codings = [Coding(name, None) for name in trial.names]
    return trial, level, [Judge.of(level, j) for j in range(2)], Describer.of(trial.covariates, trial.names, codings)


def test_those_expected_to_gain_most_gained_more_than_those_expected_to_gain_least(opposed: Any) -> None:
    trial, *_ = opposed
    found = responders(*opposed)
    assert [(one.outcome, one.action) for one in found] == [(o, a) for o in trial.outcomes for a in trial.treatments]
    apart = [one for one in found if one.told_apart]
    assert any(one.outcome == "visit" for one in apart)
    for one in apart:
        first, last = one.groups
        assert (first.who, last.who) == ("first", "last") and first.said > last.said
        assert first.customers == pytest.approx(len(trial) / 3, abs=1)  # so few that tenths would tell nothing
        if one.outcome == "visit":
            assert first.seen > last.seen and first.traits


def test_groups_are_the_ends_of_the_deciles_where_customers_are_many(opposed: Any, monkeypatch: Any) -> None:
    trial, level, judges, describer = opposed
    monkeypatch.setattr("worthwhile.decide.uplift.responders.THIRDS_BELOW", 100)
    found = responders(trial, level, judges, describer)
    for i, one in enumerate(found):
        if one.told_apart:
            j, k = divmod(i, len(trial.treatments))
            gain = level.scores[:, j, k + 1] - level.scores[:, j, 0]
            tenths = deciles(judges[j].held.personal[:, k], gain)
            for group, tenth in zip(one.groups, (tenths[0], tenths[-1]), strict=True):
                assert (group.seen, group.low, group.high) == (tenth.seen, tenth.low, tenth.high)


def test_nobody_is_told_apart_where_all_respond_alike(campaigns: Any) -> None:
    trial = campaigns.simulate("nothing", customers=900, seed=3).trial
    cross = CrossFit.of(trial, folds=3, seed=0)
    level = cross.level()
    describer = Describer.of(trial.covariates, trial.names, [Coding(name, None) for name in trial.names])
    found = responders(trial, level, [Judge.of(level, j) for j in range(len(trial.outcomes))], describer)
    assert not any(one.told_apart or one.groups for one in found)


def test_who_gets_what_holds_every_customer_once(opposed: Any) -> None:
    trial, level, judges, describer = opposed
    chosen = {(0, 1.0): Policy("personal"), (1, 1.0): Policy("one", 1), (0, 0.5): Policy("personal")}
    found = given(trial, level, judges, chosen, describer)
    assert {group.outcome for group in found} == {trial.outcomes[0]}
    assert sum(group.customers for group in found) == len(trial)
    action = assigned(Policy("personal"), judges[0].held)
    for group in found:
        rows = action == trial.actions.index(group.action)
        gain = level.scores[rows, 0, trial.actions.index(group.action)] - level.scores[rows, 0, 0]
        assert group.seen == pytest.approx(gain.mean())
        assert group.who == ("alone" if group.action == trial.actions[0] else "given")
