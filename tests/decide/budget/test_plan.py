"""Plans keep every limit, are as good as they say, and are told what they cannot use."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.plans import best_value, broken
from worthwhile.decide.budget import Fairness, How, Limits, multipliers, plan_candidates
from worthwhile.decide.budget.candidates import candidates_of
from worthwhile.decide.budget.limits import asked_of
from worthwhile.decide.budget.planning import next_of
from worthwhile.decide.tables import read_table
from worthwhile.errors import InputError

CHANNELS = ("email", "email", "sms", "post")
REGIONS = ("north", "south", "")


def table(customers: int, *, seed: int = 0, whole: bool = False) -> pa.Table:
    """Candidates of up to four actions a customer, in no order, some of which bring less than nothing."""
    rng = np.random.default_rng(seed)
    rows = []
    for c in range(customers):
        region = REGIONS[rng.integers(3)]
        for a in range(4):
            if rng.random() < 0.8:
                cost, margin = rng.choice([0.0, 0.5, 1.0, 2.5]) if whole else rng.gamma(2.0), rng.gamma(1.0, 8.0) - 2
                rows.append((f"C{c:03d}", f"a{a}", CHANNELS[a], region, cost, margin, rng.uniform(0, 2)))
    names = ("customer_id", "action", "channel", "region", "cost", "expected_margin", "expected_margin_se")
    order = rng.permutation(len(rows))
    return pa.table({name: [rows[k][i] for k in order] for i, name in enumerate(names)})


QUICK = How(curve=False)
amounts = st.floats(0, 60, allow_nan=False)
counts = st.integers(0, 12)
shares = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.4])


@st.composite
def all_limits(draw: st.DrawFn) -> Limits:
    """Limits of every kind, each there or not."""

    def some(strategy: st.SearchStrategy, names: tuple[str, ...]) -> dict:
        return {name: draw(strategy) for name in names if draw(st.booleans())}

    fair = [
        Fairness(
            column,
            least=draw(st.one_of(shares, st.just({"north": 0.3}))) if column == "region" else 0.0,
            most=draw(st.sampled_from([1.0, 0.75, 0.5, 1 / 3])),
            parity=draw(shares) * 2,
        )
        for column in ("region", "tier")
        if column == "region" and draw(st.booleans())
    ]
    return Limits(
        budget=draw(st.one_of(st.none(), amounts)),
        channel_budgets=some(amounts, ("email", "sms")),
        capacities=some(counts, ("email", "sms", "post")),
        action_capacities=some(counts, ("a0", "a2")),
        per_customer=draw(st.integers(1, 3)),
        contacted=some(st.integers(1, 3), ("C001", "C004", "nobody")),
        least_return=draw(st.sampled_from([0.0, 1.0, 5.0])),
        plan_return=draw(st.sampled_from([0.0, 4.0, 20.0])),
        fairness=fair,
        excluded=draw(st.sets(st.sampled_from(["C000", "C003", "stranger"]))),
    )


def contradict(candidates: pa.Table, limits: Limits) -> bool:
    """Whether a group is to have more than it may."""
    try:
        plan_candidates(candidates, limits=limits, how=QUICK)
    except InputError as error:
        return error.where == "fairness of region"
    return False


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 40), st.integers(0, 10_000), st.booleans(), all_limits(), st.sampled_from([0.0, 0.2, 2]))
def test_no_limit_is_ever_broken_and_the_bound_holds(customers, seed, whole, limits, holdout):
    candidates = table(customers, seed=seed, whole=whole)
    assume(not contradict(candidates, limits))
    made = plan_candidates(
        candidates, limits=limits, how=How(curve=False, holdout=holdout and _fits(candidates, limits, holdout))
    )
    held = set(made.holdout["customer_id"].to_pylist())
    assert broken(candidates.to_pylist(), made.table.to_pylist(), limits, held) == []
    assert made.facts["expected_margin"] <= made.facts["bound"] * (1 + 1e-9)


def _fits(candidates: pa.Table, limits: Limits, holdout: float) -> float:
    """The holdout, where so many customers can be held out."""
    try:
        plan_candidates(candidates, limits=limits, how=How(curve=False, holdout=holdout))
    except InputError:
        return 0.0
    return holdout


@settings(max_examples=20, deadline=None)
@given(st.integers(10, 60), st.integers(0, 10_000), all_limits())
def test_plan_is_within_a_thousandth_of_the_best(customers, seed, limits):
    candidates = candidates_of(table(customers, seed=seed))
    assume(not contradict(candidates.table, limits))
    asked = asked_of(candidates, candidates.margin, limits, "margin", np.zeros(candidates.customers, bool))
    made = plan_candidates(candidates.table, limits=limits, how=QUICK)
    best = best_value(asked.problem) if asked.problem.rows else 0.0
    assert made.facts["expected_margin"] >= best * 0.999
    assert made.facts["bound"] >= best * (1 - 1e-7)


@pytest.mark.parametrize("seed", range(2))
def test_prices_that_begin_with_a_sample_lead_to_the_same_plan(monkeypatch, seed):
    """Of many customers prices are looked for in a sample, then polished on the rows in doubt."""
    limits = Limits(
        300, capacities={"sms": 40, "email": 150}, per_customer=2, fairness=[Fairness("region", parity=0.9, most=0.38)]
    )
    candidates = table(600, seed=seed)
    whole = plan_candidates(candidates, limits=limits, how=QUICK)
    monkeypatch.setattr(multipliers, "SAMPLE", 100)
    monkeypatch.setattr(multipliers, "POLISHED", 150)
    made = plan_candidates(candidates, limits=limits, how=QUICK)
    assert broken(candidates.to_pylist(), made.table.to_pylist(), limits) == []
    assert made.facts["expected_margin"] == pytest.approx(whole.facts["expected_margin"], rel=1e-3)
    assert made.facts["bound"] >= whole.facts["expected_margin"]


def test_the_dearest_row_that_fits_is_taken_whole():
    """Two rows of which the budget allows one: by return for the money the small one, by value the large one."""
    candidates = pa.table(
        {"customer_id": ["a", "b"], "action": ["x", "x"], "cost": [1.0, 10.0], "expected_margin": [5.0, 20.0]}
    )
    made = plan_candidates(candidates, 10)
    assert made.table["customer_id"].to_pylist() == ["b"]
    assert (made.facts["method"], made.facts["gap"]) == ("exact", 0.0)


def test_costs_that_fill_the_budget_to_the_last_penny_fit():
    candidates = pa.table(
        {"customer_id": ["a", "b"], "action": ["x"] * 2, "cost": [0.1, 0.2], "expected_margin": [1.0, 1.0]}
    )
    assert len(plan_candidates(candidates, 0.3).table) == 2


def test_what_is_planned_hangs_neither_on_the_order_of_rows_nor_on_the_call():
    candidates = table(60, seed=3)
    shuffled = candidates.take(pa.array(np.random.default_rng(1).permutation(len(candidates))))
    plans = [plan_candidates(t, 40, how=How(holdout=0.2)) for t in (candidates, shuffled, candidates)]
    assert plans[0].table.equals(plans[1].table) and plans[0].table.equals(plans[2].table)
    assert plans[0].holdout.equals(plans[1].holdout)
    assert plans[0].to_dict() == plans[1].to_dict()


def test_rows_come_back_as_they_were_in_order_of_customer_and_action():
    candidates = table(30, seed=5)
    made = plan_candidates(candidates, 30, limits=Limits(per_customer=2), how=QUICK)
    assert made.table.schema == candidates.schema
    keys = [(row["customer_id"], row["action"]) for row in made.table.to_pylist()]
    assert keys == sorted(keys)
    assert all(row in candidates.to_pylist() for row in made.table.to_pylist())


def test_profit_takes_no_dearer_action_for_a_margin_that_it_eats_up():
    candidates = pa.table(
        {"customer_id": ["a", "a"], "action": ["card", "gift"], "cost": [1.0, 5.0], "expected_margin": [10.0, 10.5]}
    )
    by = {name: plan_candidates(candidates, 100, how=How(objective=name)) for name in ("margin", "profit")}
    assert {name: made.table["action"].to_pylist() for name, made in by.items()} == {
        "margin": ["gift"],
        "profit": ["card"],
    }
    assert next_of(by["profit"].facts) is None


def test_curve_rises_goes_through_the_plan_and_its_slope_is_the_price():
    made = plan_candidates(table(400, seed=2), 200)
    curve = made.facts["curve"]
    margins = [point["margin"] for point in curve]
    assert margins == sorted(margins)
    own = next(point for point in curve if point["budget"] == 200)
    assert own["margin"] == pytest.approx(made.facts["expected_margin"], rel=2e-3)
    beyond = next(point for point in curve if point["budget"] == pytest.approx(220))
    assert next_of(made.facts) == pytest.approx((20, beyond["margin"] - own["margin"]))
    price = next(one["price"] for one in made.facts["limits"] if one["limit"] == "budget")
    assert 20 * price == pytest.approx(beyond["margin"] - own["margin"], rel=0.15)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("budget", [0.05, 0.3, 1.0])
def test_a_budget_that_single_contacts_exceed_has_the_curve_of_the_best_plans(seed, budget):
    """Contacts that cost more than the budget are no part of the plan, but they are what a larger one buys."""
    candidates = table(30, seed=seed)
    made = plan_candidates(candidates, budget)
    assert made.facts["too_dear"] and made.facts["too_dear_from"] > budget
    for point in made.facts["curve"]:
        best = plan_candidates(candidates, point["budget"], how=How(method="exact", curve=False))
        assert point["margin"] == pytest.approx(best.facts["expected_margin"], rel=1e-3)
    following = next_of(made.facts)
    if following:
        more = plan_candidates(candidates, budget + following[0] * (1 + 1e-9), how=QUICK)
        gained = more.facts["expected_margin"] - made.facts["expected_margin"]
        assert following[1] == pytest.approx(gained, rel=1e-3)
        assert next(one["price"] for one in made.facts["limits"] if one["limit"] == "budget") > 0


def test_who_is_left_alone_hangs_on_no_budget_however_small():
    candidates = table(60, seed=4)
    left = [plan_candidates(candidates, budget, how=How(holdout=0.2, curve=False)).holdout for budget in (0.3, 1, 1e6)]
    assert left[0]["customer_id"].equals(left[1]["customer_id"]) and left[0]["customer_id"].equals(
        left[2]["customer_id"]
    )
    assert left[0]["stratum"].equals(left[2]["stratum"])


def test_what_the_next_money_returns_is_what_a_plan_with_it_brings():
    candidates = table(60, seed=2)
    made = plan_candidates(candidates, 20)
    step, more = next_of(made.facts)
    assert step == pytest.approx(2)
    bigger = plan_candidates(candidates, 20 + step).facts["expected_margin"]
    assert more == pytest.approx(bigger - made.facts["expected_margin"], rel=0.05)


def test_planning_on_a_lower_quantile_shuns_what_is_uncertain():
    candidates = pa.table(
        {
            "customer_id": ["a", "b"], "action": ["x", "x"], "cost": [1.0, 1.0], "expected_margin": [10.0, 9.0],
            "expected_margin_se": [6.0, 0.5],
        }
    )  # fmt: skip
    assert plan_candidates(candidates, 1).table["customer_id"].to_pylist() == ["a"]
    assert plan_candidates(candidates, 1, how=How(risk=0.1)).table["customer_id"].to_pylist() == ["b"]
    given_one = candidates.append_column("expected_margin_q10", pa.array([9.0, 1.0]))
    assert plan_candidates(given_one, 1, how=How(risk=0.1)).table["customer_id"].to_pylist() == ["a"]


def test_an_error_that_all_contacts_share_does_not_average_out():
    n = 400
    base = {
        "customer_id": [f"C{k}" for k in range(n)],
        "action": ["x"] * n,
        "cost": [1.0] * n,
        "expected_margin": [3.0] * n,
    }
    own = plan_candidates(pa.table(base | {"expected_margin_se": [1.0] * n}), n, how=QUICK).facts
    shared = plan_candidates(pa.table(base | {"effect_se_shared": [1.0] * n}), n, how=QUICK).facts
    reach = [f["expected_margin_high"] - f["expected_margin"] for f in (own, shared)]
    assert reach == pytest.approx([1.645 * n**0.5, 1.645 * n], rel=1e-3)


def test_where_nobody_can_be_contacted_nobody_is_held_out_and_there_is_no_interval():
    table = pa.table(
        {"customer_id": ["a", "b"], "action": ["card"] * 2, "cost": [1.0, 1.0], "expected_margin": [3.0, 4.0],
         "expected_margin_se": [0.0, 0.0]}
    )  # fmt: skip
    nobody = plan_candidates(table, 0.0, how=How(holdout=0.5))
    assert len(nobody.table) == 0 and nobody.facts["held_out"] == 0
    some = plan_candidates(table, 1.0)
    assert len(some.table) == 1 and some.facts["expected_margin_low"] is None


def test_those_held_out_are_left_alone_by_lot_in_every_stratum():
    candidates = table(300, seed=9)
    made = plan_candidates(candidates, 100, how=How(holdout=0.2, curve=False))
    held = set(made.holdout["customer_id"].to_pylist())
    assert not held & set(made.table["customer_id"].to_pylist())
    sizes = np.bincount(made.holdout["stratum"].to_numpy(), minlength=5)
    assert sizes.max() - sizes.min() <= 1 and len(held) == made.facts["held_out"]
    planned = made.holdout["action"].drop_null()
    share, reached = len(planned) / len(held), made.facts["customers_contacted"] / (made.facts["customers"] - len(held))
    assert share == pytest.approx(reached, abs=0.15)
    assert plan_candidates(candidates, 100, how=How(holdout=0.2, curve=False, seed=1)).holdout != made.holdout


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"cost": [1.0, -1.0]}, "bad-values", "row 2: `cost` is below zero: -1.0"),
        ({"expected_margin": [1.0, None]}, "bad-values", "row 2: `expected_margin` is no number"),
        ({"expected_margin": [float("inf"), 1.0]}, "bad-values", "row 1: `expected_margin` is no number: inf"),
        ({"customer_id": ["a", None]}, "bad-values", "row 2: `customer_id` is missing"),
        ({"customer_id": ["a", "a"]}, "bad-values", "row 2: the action `x` stands twice for the customer `a`"),
        ({"cost": ["1", "2,5"]}, "bad-values", "row 2: `cost` is '2,5', which is no number; write 2.5"),
        ({"customer_id": ["a", ""]}, "bad-values", "row 2: `customer_id` is missing"),
        ({"cost": [True, False]}, "bad-values", "`cost` is of bool, not of numbers"),
        ({"cost": [[1.0], [2.0]]}, "bad-values", "`cost` is of list<item: double>, not of numbers"),
        ({"customer_id": [["a"], ["b"]]}, "bad-values", "not of texts"),
        ({"expected_margin_se": [1.0, -1.0]}, "bad-values", "row 2: `expected_margin_se` is below zero: -1.0"),
        ({"consent": ["yes", "so so"]}, "bad-values", "consent row 2: `so so` says neither yes nor no"),
        ({"action": None}, "bad-columns", "there is no column `action`"),
    ],
)
def test_candidates_that_cannot_be_used_are_named(change, code, text):
    columns = {"customer_id": ["a", "b"], "action": ["x", "x"], "cost": [1.0, 1.0], "expected_margin": [1.0, 1.0]}
    columns = {name: column for name, column in {**columns, **change}.items() if column is not None}
    with pytest.raises(InputError) as caught:
        plan_candidates(pa.table(columns), 1)
    assert caught.value.code == code and text in str(caught.value)


def test_a_customer_alone_is_not_parted_and_is_planned_for_without_a_holdout():
    alone = pa.table({"customer_id": ["a"], "action": ["x"], "cost": [1.0], "expected_margin": [9.0]})
    with pytest.raises(InputError, match=r"0\.1 of 1 customer cannot be held out; one alone.*--holdout 0 leaves"):
        plan_candidates(alone, 10, how=How(holdout=0.1))
    assert len(plan_candidates(alone, 10, how=How(holdout=0)).table) == 1


@pytest.mark.parametrize("name", ["consent_sms", "是否同意短信"])
def test_rows_are_chosen_by_the_consent_to_their_own_channel(name):
    rows = pa.table(
        {
            "customer_id": ["a", "b", "c", "d", "e", "f"],
            "action": ["x"] * 6,
            "channel": ["sms", "短信", "email", "email", None, None],
            name: ["yes", "no", "no", "yes", "yes", "yes"],
            "consent": ["no", "yes", "yes", "no", "no", "yes"],
            "cost": [1.0] * 6,
            "expected_margin": [9.0] * 6,
        }
    )
    assert plan_candidates(rows, 100).table["customer_id"].to_pylist() == ["a", "c", "f"]
    only = plan_candidates(rows.drop_columns(["consent"]), 100).table
    assert only["customer_id"].to_pylist() == ["a", "e", "f"]  # a yes to text messages is none to e-mail
    with pytest.raises(InputError, match=f"candidates, {name} row 2: `so so` says neither yes nor no"):
        wrong = pa.array(["yes", "so so", "yes", "yes", "yes", "yes"])
        plan_candidates(rows.set_column(rows.column_names.index(name), name, wrong), 100)


@pytest.mark.parametrize(
    ("limits", "how", "where"),
    [
        (Limits(budget=-1), How(), "--budget"),
        (Limits(budget=float("nan")), How(), "--budget"),
        (Limits(capacities={"pigeon": 1}), How(), "--capacity"),
        (Limits(per_customer=0), How(), "--per-customer"),
        (Limits(per_customer=1.5), How(), "--per-customer"),
        (Limits(contacted={"C001": -1}), How(), "--contacted"),
        (Limits(fairness=[Fairness("region", least="x")]), How(), "fairness of region"),
        (Limits(fairness=[Fairness("region", parity=1.2)]), How(), "fairness of region"),
        (Limits(fairness=[Fairness("region", most={"north": 0.1}, least=0.2)]), How(), "fairness of region"),
        (Limits(fairness=[Fairness("channel", least=0.1)]), How(), "fairness of channel"),
        (Limits(), How(objective="joy"), "--objective"),
        (Limits(), How(method="guess"), "--method"),
        (Limits(), How(risk=0.9), "--risk"),
        (Limits(), How(holdout=1000), "--holdout"),
    ],
)
def test_limits_that_mean_nothing_are_refused(limits, how, where):
    with pytest.raises(InputError) as caught:
        plan_candidates(table(10), limits=limits, how=how)
    assert caught.value.where == where


def test_ids_of_a_csv_are_texts_and_empty_candidates_give_an_empty_plan(tmp_path):
    file = tmp_path / "c.csv"
    file.write_text("customer_id,action,cost,expected_margin\n007,x,1,2\n")
    made = plan_candidates(read_table(file, where="--candidates"), 5)
    assert made.table["customer_id"].to_pylist() == ["007"]
    empty = plan_candidates(made.table.slice(0, 0), 5)
    assert (len(empty.table), empty.facts["cost"]) == (0, 0.0)
    pacsv.write_csv(empty.table, tmp_path / "out.csv")
