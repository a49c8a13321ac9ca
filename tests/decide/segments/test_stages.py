from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.made_customers import DAYS, made_customers, slow_stage
from worthwhile.decide.segments.stages import RULES, STAGES, stages_of
from worthwhile.decide.segments.thresholds import Thresholds
from worthwhile.errors import InputError
from worthwhile.settings import read_settings

AT = replace(Thresholds(), new_days=90)


def settings(**values):
    return read_settings({f"segments.{key}": value for key, value in values.items()}, environ={})


def crowd(p_active, orders=5, span=400, recency=10, size=60):
    """Customers in rhythm who buy every 80 days or so, so that the level is theirs, and one more in front of them."""
    columns = [[orders, *[6] * size], [span, *[400] * size], [recency, *[10] * size]]
    usual = 1 - np.exp(-DAYS / 80)
    return made_customers(*columns, p_active=[p_active, *[usual] * size])


def test_every_rule_is_a_stage_and_every_stage_has_one():
    assert sorted(rule.name for rule in RULES) == sorted(STAGES)


@pytest.mark.parametrize(
    ("share", "stage"), [(0.1, "lost"), (0.3, "at_risk"), (0.7, "cooling"), (1.0, "loyal"), (1.35, "growing")]
)
def test_the_chance_to_buy_against_that_at_the_own_pace_decides(share, stage):
    usual = crowd(0.5).rhythm
    chance = share * -np.expm1(-usual.usual_orders[0])
    assert stages_of(crowd(min(chance, 0.999)), AT)[0] == stage


def test_a_first_order_not_long_ago_is_new_whatever_is_forecast():
    assert stages_of(crowd(0.01, orders=1, span=0, recency=30), AT)[0] == "new"
    assert stages_of(crowd(0.01, orders=1, span=0, recency=91), AT)[0] == "lost"


def test_a_single_order_that_has_not_gone_cold_stays_new():
    assert stages_of(crowd(0.6, orders=1, span=0, recency=120), AT)[0] == "new"


def test_without_an_order_that_counts_somebody_is_a_prospect():
    assert stages_of(crowd(0.9, orders=0), AT)[0] == "prospect"


def test_a_season_that_halves_all_orders_is_not_taken_for_customers_leaving():
    summer = crowd(0.42)
    winter_orders = summer.orders_mean / 2
    winter = made_customers(
        summer.orders, np.nan_to_num(summer.tenure - summer.recency), np.nan_to_num(summer.recency),
        orders_mean=winter_orders, p_active=-np.expm1(-winter_orders),
    )  # fmt: skip
    assert winter.rhythm.level == pytest.approx(summer.rhythm.level / 2)
    assert list(stages_of(winter, AT)) == list(stages_of(summer, AT)) == ["cooling", *["loyal"] * 60]


def test_one_short_gap_is_not_taken_for_a_habit():
    rhythm = crowd(0.5, orders=2, span=2).rhythm
    assert rhythm.usual_gap[0] == pytest.approx((2 + rhythm.typical_gap) / 2)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(1, 700), st.integers(0, 700), st.floats(0.001, 0.999)),
        min_size=1, max_size=60,
    )
)  # fmt: skip
def test_everyone_has_the_stage_of_the_first_rule_that_holds(drawn):
    orders, span, recency, chance = (np.array(column) for column in zip(*drawn, strict=True))
    customers = made_customers(orders, np.where(orders > 1, span, 0), recency, p_active=chance)
    assert list(stages_of(customers, AT)) == [slow_stage(k, customers, AT) for k in range(len(drawn))]


def test_thresholds_that_do_not_rise_are_refused():
    with pytest.raises(InputError, match="do not rise") as error:
        Thresholds.of(settings(lost=0.6))
    assert error.value.code == "bad-setting" and "segments.at_risk" in error.value.remedy


@pytest.mark.parametrize("tiers", [[0.5, 0.4, 0.9], [0.5, 0.8], "much", [0.5, 0.8, 1.5], 3])
def test_shares_of_tiers_that_cannot_be_are_refused(tiers):
    with pytest.raises(InputError, match="rising shares"):
        settings(tiers=tiers)


def test_shares_of_tiers_come_from_the_environment_too():
    read = read_settings({}, environ={"WORTH_SEGMENTS_TIERS": "0.4, 0.7, 0.9"})
    assert Thresholds.of(read).tiers == (0.4, 0.7, 0.9)
