import re
from datetime import UTC, datetime

import pytest

from worthwhile.evaluation.numbers import Numbers
from worthwhile.explain import explain_forecast
from worthwhile.explain.reasons import REASONS
from worthwhile.explain.sentences import KINDS, TEXTS, Facts, Teller, facts_of
from worthwhile.schema import EVENT_KINDS

EN, ZH = Teller(Numbers("en", "GBP")), Teller(Numbers("zh", "CNY"))


def facts(**own):
    usual = {"days_since_order": 174.0, "orders_all": 3.0, "orders_90d": 0.0, "spend_365d": 450.0, "spend_90d": 0.0}
    return Facts(usual | own, usual, datetime(2011, 9, 1, tzinfo=UTC))


def test_both_languages_name_the_same_parts():
    for key, (english, chinese) in TEXTS.items():
        assert sorted(re.findall(r"{(\w+)}", english)) == sorted(re.findall(r"{(\w+)}", chinese)), key


def test_a_reason_cites_the_last_order_and_the_usual_gap():
    told = facts(days_since_order=12.0, gap_mean=31.0, order_value_last=48.2)
    assert EN.reason("recency", told) == "last order 12 days ago (£48.20 on 20 Aug 2011), usual gap 31 days"
    assert ZH.reason("recency", told) == "上次下单在 12 天前（2011年8月20日，¥48.20），通常间隔 31 天"
    late = facts(days_since_order=60.0, gap_mean=31.0, order_value_last=48.2)
    assert "longer than the usual gap of 31 days" in EN.reason("recency", late)
    once = facts(days_since_order=1.0, gap_mean=float("nan"), order_value_last=48.2)
    assert EN.reason("recency", once).startswith("only order 1 day ago")


def test_effects_bear_their_sign_and_currency():
    assert EN.effect("last order 12 days ago", 18.0) == "last order 12 days ago: +£18.00"
    en, zh = EN.numbers, ZH.numbers
    assert en.money_change(-4.2) == "−£4.20" and en.money_change(0.0) == "£0" and zh.money_change(1234.0) == "+¥1,234"
    assert en.money_change(27_619.0, short=True) == "+£27.6k" and en.money_change(-0.001) == "£0.00"
    assert en.points(0.042) == "+4.2" and en.points(-0.003) == "−0.3" and en.points(-0.0001) == "0"


def test_every_kind_of_event_has_a_name_that_people_use():
    assert KINDS.keys() == EVENT_KINDS.keys()
    assert [EN.step("order_line", n) for n in (1, 1200)] == ["order of 1 line", "order of 1,200 lines"]
    assert [EN.step("view", n) for n in (1, 3)] == ["visit", "visit, 3 times"]
    assert ZH.step("order_line", 3) == "下单（3 个商品行）" and ZH.step("view", 3) == "浏览 3 次"


def test_a_trend_tells_both_spans():
    up = facts(spend_trend_90d=0.5, spend_90d=300.0)
    assert EN.reason("trend", up) == "buys more than before: £300 in the last 90 days, £100 in the 90 before"
    gone = facts(spend_trend_90d=-1.0, spend_90d=0.0, spend_180d=80.0)
    assert EN.reason("trend", gone) == "buys less than before: £0 in the last 90 days, £80.00 in the 90 before"
    none = facts(spend_trend_90d=float("nan"), spend_trend_365d=float("nan"))
    assert EN.reason("trend", none) == "no order in the last 365 days to see a trend by"


def test_items_are_not_counted_where_the_log_names_none():
    usual = {"items_all": 0.0, "units_per_order": 2.0, "lines_per_order": 1.0}
    told = Facts(usual | {"units_per_order": 3.25}, usual, datetime(2011, 9, 1, tzinfo=UTC))
    assert EN.reason("basket", told) == "3.2 pieces an order on average (typical: 2.0)"


@pytest.mark.parametrize("teller", [EN, ZH])
def test_every_reason_can_be_told_of_every_customer(shop, teller):
    made = explain_forecast(shop)
    for row in range(0, len(made), 7):
        told = facts_of(made.snapshot, row, made.typical)
        said = [teller.reason(reason, told) for reason in REASONS]
        assert all(said) and not any("nan" in text for text in said) and len(set(said)) == len(REASONS)
