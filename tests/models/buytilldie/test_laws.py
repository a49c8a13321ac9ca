"""BG/NBD, MBG/NBD and Pareto/NBD: likelihood, chance of being alive, future orders, fit."""

from __future__ import annotations

import os
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import buytilldie as oracle
from oracles import cdnow
from worthwhile.models.buytilldie import bgnbd, mbgnbd, paretonbd
from worthwhile.models.buytilldie.histories import collapse
from worthwhile.models.buytilldie.law import fit_law, most_orders

LAWS = [bgnbd.LAW, mbgnbd.LAW, paretonbd.LAW]
LIKELIHOODS = {
    "bg-nbd": partial(oracle.beta_geometric_likelihood, first=0),
    "mbg-nbd": partial(oracle.beta_geometric_likelihood, first=1),
    "pareto-nbd": oracle.pareto_likelihood,
}
EXPECTED = {
    "bg-nbd": partial(oracle.beta_geometric_orders_alive, first=0),
    "mbg-nbd": partial(oracle.beta_geometric_orders_alive, first=1),
    "pareto-nbd": oracle.pareto_orders_alive,
}
PLAY = {
    "bg-nbd": partial(oracle.play_beta_geometric, first=0),
    "mbg-nbd": partial(oracle.play_beta_geometric, first=1),
    "pareto-nbd": oracle.play_pareto,
}
each_law = pytest.mark.parametrize("law", LAWS, ids=[law.name for law in LAWS])

positive = st.floats(0.05, 20.0)
parameters_ = st.tuples(positive, positive, positive, positive).map(np.array)
histories_ = st.tuples(st.integers(0, 60), st.floats(0, 1), st.floats(0, 150)).map(
    lambda h: (float(h[0]), h[1] * h[2] if h[0] else 0.0, h[2])
)


def one(x, t_x, T):
    return collapse(np.array([x], dtype=float), np.array([t_x], dtype=float), np.array([T], dtype=float))


@pytest.fixture(scope="module")
def sample():
    x, t_x, T = (cdnow.sample().column(name) for name in ("x", "t_x", "T"))
    return collapse(x, t_x / 7, (T - 1) / 7)


def test_bg_nbd_has_the_published_parameters_on_cdnow(sample):
    parameters, log_likelihood = fit_law(bgnbd.LAW, sample)
    assert parameters.round(4).tolist() == [0.2426, 4.4136, 0.7929, 2.4259]
    assert log_likelihood == pytest.approx(-9582.429, abs=0.001)


def test_mbg_nbd_has_the_known_parameters_on_cdnow(sample):
    parameters, log_likelihood = fit_law(mbgnbd.LAW, sample)
    assert parameters.round(3).tolist() == [0.525, 6.183, 0.891, 1.614]
    assert log_likelihood == pytest.approx(-9582.136, abs=0.001)


def test_pareto_nbd_has_the_published_parameters_on_cdnow(sample):
    # The printed values stop short of the maximum on a flat ridge, in their fourth digit: ours is the higher.
    published = np.array([0.5532, 10.5763, 0.6063, 11.6715])
    parameters, log_likelihood = fit_law(paretonbd.LAW, sample)
    assert log_likelihood == pytest.approx(-9594.976, abs=0.001)
    assert parameters == pytest.approx(published, rel=4e-4)
    assert log_likelihood >= sample.count @ paretonbd.log_likelihood(published, sample)[0]


@pytest.mark.real_data
def test_pareto_nbd_has_the_known_parameters_on_the_grocery_log():
    folder = Path(os.environ.get("WORTH_DATA", Path(__file__).parents[3] / "../shared/data"))
    file = folder / "grocery_elog.parquet"
    if not file.is_file():
        pytest.skip(f"no grocery_elog.parquet in {folder}; set WORTH_DATA to the folder of the public data sets")
    import pandas as pd

    log = pd.read_parquet(file)
    orders = [(str(customer), day.date(), 1.0) for customer, day in zip(log["cust"], log["date"], strict=True)]
    snapshot = cdnow.snapshot_of(orders, date(2006, 12, 31), 364)
    assert len(snapshot) == 1525
    x, t_x, T = (snapshot.column(name) for name in ("x", "t_x", "T"))
    parameters, log_likelihood = fit_law(paretonbd.LAW, collapse(x, t_x / 7, (T - 1) / 7))
    assert parameters.round(3).tolist() == [0.786, 5.679, 0.386, 5.718]
    assert log_likelihood == pytest.approx(-15782.39, abs=0.005)


def test_bg_nbd_likelihood_stays_finite_for_two_hundred_orders():
    h = collapse(np.array([0.0, 200.0]), np.array([0.0, 38.0]), np.array([40.0, 40.0]))
    value, _ = bgnbd.LAW.log_likelihood(np.array([0.25, 4.0, 0.8, 2.5]), h)
    assert value == pytest.approx([-0.59947382, 100.7957], abs=5e-5)


def test_pareto_nbd_chance_of_being_alive_stays_finite_for_two_hundred_orders():
    x, T = np.array([221.0, 254, 161, 204]), np.array([103.57143, 97.28571, 98.0, 99.42857])
    h = collapse(x, np.array([103.42857, 97.14286, 94.71429, 98.57143]), T)
    p = paretonbd.LAW.p_alive(np.array([0.5143, 2.8845, 0.2856, 14.1087]), h)[h.history_row]
    assert np.all((p > 0.5) & (p < 1))
    assert np.all(p[[0, 1, 3]] > 0.99)  # they bought days ago; the third has been away for three weeks


@each_law
@pytest.mark.parametrize("history", [(0, 0, 30), (1, 12, 30), (5, 29, 30), (12, 3, 50)])
def test_likelihood_is_the_integral_over_what_is_hidden(law, history):
    parameters = np.array([0.7, 4.0, 1.3, 2.5])
    value, _ = law.log_likelihood(parameters, one(*history))
    assert value[0] == pytest.approx(np.log(LIKELIHOODS[law.name](parameters, *history)), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(parameters=parameters_, history=histories_)
def test_pareto_likelihood_is_the_integral_for_all_parameters(parameters, history):
    x, t_x, T = history
    if x > 30:  # the oracle's powers underflow
        x = 30.0
    value, _ = paretonbd.LAW.log_likelihood(parameters, one(x, t_x, T))
    assert value[0] == pytest.approx(np.log(oracle.pareto_likelihood(parameters, x, t_x, T)), abs=1e-6)


@each_law
@settings(max_examples=60, deadline=None)
@given(parameters=parameters_, history=histories_)
def test_gradient_is_that_of_the_likelihood(law, parameters, history):
    h = one(*history)
    value, slope = law.log_likelihood(parameters, h)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * parameters[i]
        up, down = (law.log_likelihood(parameters + sign * step, h)[0][0] for sign in (1, -1))
        numeric = (up - down) / (2 * step[i])
        assert slope[i, 0] == pytest.approx(numeric, rel=1e-4, abs=1e-6 + 1e-9 * abs(value[0]) / step[i])


@each_law
@settings(max_examples=40, deadline=None)
@given(parameters=parameters_, histories=st.lists(histories_, min_size=1, max_size=6))
def test_collapsing_equal_customers_does_not_change_the_likelihood(law, parameters, histories):
    together = collapse(*np.array(histories * 3).T)
    assert len(together) <= len(histories)
    apart = sum(law.log_likelihood(parameters, one(*h))[0][0] for h in histories)
    total = together.count @ law.log_likelihood(parameters, together)[0]
    assert total == pytest.approx(3 * apart, rel=1e-10, abs=1e-10)
    assert np.array_equal(together.x[together.history_row], [h[0] for h in histories * 3])
    assert np.array_equal(together.t_x[together.history_row], [h[1] for h in histories * 3])
    assert np.array_equal(together.T[together.history_row], [h[2] for h in histories * 3])


@each_law
@settings(max_examples=60, deadline=None)
@given(parameters=parameters_, x=st.integers(0, 40), T=st.floats(0, 150), weeks=st.floats(0.15, 104))
def test_future_orders_have_the_published_expectation(law, parameters, x, T, weeks):
    parameters = np.where(np.abs(parameters - 1) < 0.02, 1.05, parameters)  # the formulas divide by a - 1 and s - 1
    most = most_orders(parameters, x, np.array([T]), weeks)
    pmf = law.orders_alive(parameters, float(x), np.array([T]), weeks, most)
    assert pmf.min() >= 0
    assert pmf.sum() == pytest.approx(1, abs=1e-9)
    if most < 4096:
        assert pmf[0] @ np.arange(most + 1) == pytest.approx(
            EXPECTED[law.name](parameters, x, T, weeks), rel=1e-5, abs=1e-7
        )


@each_law
def test_future_orders_have_the_law_of_customers_played_out(law):
    parameters, x, T, weeks, size = np.array([0.5, 5.0, 0.8, 2.5]), 4, 30.0, 26.0, 20_000
    counts = np.bincount(PLAY[law.name](parameters, x, T, weeks, size=size, seed=1), minlength=60)[:60]
    pmf = law.orders_alive(parameters, float(x), np.array([T]), weeks, 59)[0]
    error = np.sqrt(size * pmf * (1 - pmf)) + 0.5
    assert np.all(np.abs(counts - size * pmf) <= 4.5 * error)


def test_one_time_buyers_are_alive_for_certain_under_bg_nbd_only():
    parameters, h = np.array([0.5, 5.0, 0.8, 2.5]), one(0, 0, 80)
    assert bgnbd.LAW.p_alive(parameters, h)[0] == 1
    assert mbgnbd.LAW.p_alive(parameters, h)[0] < 0.9
    assert paretonbd.LAW.p_alive(parameters, h)[0] < 0.9


@each_law
def test_a_customer_who_stopped_buying_is_less_likely_alive(law):
    h = collapse(np.full(3, 10.0), np.array([10.0, 30.0, 50.0]), np.full(3, 52.0))
    p = law.p_alive(np.array([0.5, 5.0, 0.8, 2.5]), h)[h.history_row]
    assert p[0] < p[1] < p[2]


RUNAWAYS = {
    "all buy every week": (np.arange(10, 40), np.arange(10, 40), np.arange(10, 40)),
    "one repeat buyer": ([0, 0, 0, 1, 0], [0, 0, 0, 3, 0], [9, 8, 7, 6, 5]),
    "one cohort, each bought twice": ([1] * 40, [5] * 40, [10] * 40),
    "all bought on their first days only": ([6] * 30, [1] * 30, np.arange(50, 80)),
    "a repeat order on the last day": ([1, 2, 0, 3], [5, 6, 0, 7], [5, 6, 0, 7]),
    "one customer in a thousand buys daily": ([0] * 999 + [700], [0] * 999 + [100], [100] * 1000),
}


@each_law
@pytest.mark.parametrize("case", RUNAWAYS)
def test_a_fit_that_would_run_away_ends_with_sound_numbers(law, case):
    h = collapse(*(np.array(column, dtype=float) for column in RUNAWAYS[case]))
    parameters, log_likelihood = fit_law(law, h)
    assert np.isfinite(log_likelihood)
    walls = np.array(law.walls)
    assert np.all((parameters > walls[:, 0] / 30) & (parameters < walls[:, 1] * 30))
    alive = law.p_alive(parameters, h)
    assert np.all((alive >= 0) & (alive <= 1))
    x, T = float(h.x[-1]), h.T[-1:]
    pmf = law.orders_alive(parameters, x, T, 13.0, most_orders(parameters, x, T, 13.0))
    assert np.isfinite(pmf).all()
    assert pmf.sum() == pytest.approx(1)


def test_weekly_buyers_are_expected_to_go_on_weekly():
    weeks = np.arange(10.0, 40.0)
    h = collapse(weeks, weeks, weeks)
    parameters, _ = fit_law(bgnbd.LAW, h)
    T = np.array([30.0])
    pmf = bgnbd.LAW.orders_alive(parameters, 30.0, T, 10.0, most_orders(parameters, 30.0, T, 10.0))[0]
    assert pmf @ np.arange(len(pmf)) == pytest.approx(10, rel=0.05)


def test_a_large_fit_that_starts_on_a_sample_ends_where_a_plain_one_does(sample, monkeypatch):
    plain, _ = fit_law(bgnbd.LAW, sample)
    monkeypatch.setattr("worthwhile.models.buytilldie.law.SAMPLE", 200)
    assert fit_law(bgnbd.LAW, sample, seed=3)[0] == pytest.approx(plain, rel=1e-4)
