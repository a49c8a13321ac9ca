"""Snapshots on cases small enough to check by hand: orders, refunds, cutoffs, maturity, cutoffs to learn from."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.features.build import cutoff_from, main_categories, snapshot_at, training_cutoffs
from worthwhile.features.declared import FEATURES, GROUPS, NAMES
from worthwhile.features.terms import ValueTerms
from worthwhile.settings import read_settings
from worthwhile.store.log import log_of
from worthwhile.tasks import Task

UTC_ZONE = ZoneInfo("UTC")
TASK = Task.of("30d")


def log_with(*rows, zone="UTC", until="2025-01-01", items=None):
    """A log of rows (wall clock, amount, changes); a negative amount is a refund."""
    table = []
    for at, amount, *changes in rows:
        row = {"customer_id": "a", "local_ts": datetime.fromisoformat(at), "amount": amount, "order_id": None}
        row |= {"kind": "refund" if amount < 0 else "order_line", "refund_of": None, "quantity": 1.0, "category": None}
        row |= {"item_id": None, "channel": None}
        table.append(row | (changes[0] if changes else {}))
    schema = {"local_ts": pa.timestamp("us"), "amount": pa.float64(), "quantity": pa.float64()}
    events = pa.table({name: pa.array([r[name] for r in table], schema.get(name, pa.string())) for name in table[0]})
    return log_of(events, zone=zone, until=date.fromisoformat(until), items=items)


def at(cutoff, *rows, task=TASK, zone="UTC", **options):
    """The first customer's features by name, and the outcome (amount, orders)."""
    with log_with(*rows, zone=zone) as log:
        snapshot = snapshot_at(log, task, cutoff_from(cutoff, ZoneInfo(zone)), **options)
    outcome = snapshot.outcome and (snapshot.outcome.amount[0], snapshot.outcome.orders[0])
    return dict(zip(snapshot.names, snapshot.features[0].tolist(), strict=True)), outcome


JUNE = "2024-06-01"


def test_two_invoices_on_one_local_day_are_one_order():
    features, _ = at(JUNE, ("2024-05-01T09:00", 10, {"order_id": "A"}), ("2024-05-01T18:00", 5, {"order_id": "B"}))
    assert features["orders_all"] == 1 and features["x"] == 0 and features["order_value_mean"] == 15


def test_the_days_of_the_buying_models_are_counted_from_local_midnight():
    features, _ = at(JUNE, ("2024-05-01T23:59", 10), ("2024-05-11T00:01", 30), ("2024-05-21T12:00", 50))
    assert (features["x"], features["t_x"], features["T"]) == (2, 20, 31)
    assert features["repeat_value_mean"] == 40


def test_a_cutoff_within_a_day_gives_a_fraction():
    features, _ = at("2024-06-01T06:00", ("2024-05-01T23:59", 10))
    assert features["T"] == 31.25


def test_days_are_whole_across_a_change_of_the_clocks():
    features, _ = at("2024-04-07", ("2024-03-24T10:00", 10), zone="Europe/London")
    assert features["T"] == 14 and features["orders_14d"] == 1 and features["orders_7d"] == 0


def test_a_refund_known_before_the_cutoff_is_taken_off_its_order_on_the_orders_day():
    lines = ("2024-01-10", 100, {"order_id": "A"}), ("2024-05-20", 7, {"order_id": "B"})
    features, _ = at(JUNE, *lines, ("2024-05-25", -40, {"refund_of": "A"}))
    assert features["orders_all"] == 2 and features["order_value_max"] == 60
    assert features["spend_30d"] == 7 and features["amount_all"] == 67


def test_a_refund_after_the_cutoff_does_not_change_features_and_belongs_to_the_outcome():
    lines = ("2024-05-10", 100, {"order_id": "A"}), ("2024-06-05", 60, {"order_id": "B"})
    with_refund, outcome = at(JUNE, *lines, ("2024-06-10", -40, {"refund_of": "A"}))
    without, _ = at(JUNE, *lines)
    assert with_refund["amount_all"] == without["amount_all"] == 100
    assert outcome == (20, 1)


def test_an_order_refunded_in_full_no_longer_counts():
    lines = ("2024-05-10", 100, {"order_id": "A"}), ("2024-05-20", 30, {"order_id": "B"})
    features, _ = at(JUNE, *lines, ("2024-05-12", -100, {"refund_of": "A"}))
    assert features["orders_all"] == 1 and features["T"] == 12 and features["amount_all"] == 30


def test_a_customer_whose_only_order_was_refunded_stays_in_the_snapshot_without_x():
    features, outcome = at(JUNE, ("2024-05-10", 100, {"order_id": "A"}), ("2024-05-12", -100, {"refund_of": "A"}))
    assert np.isnan([features[name] for name in ("x", "t_x", "T", "days_since_order")]).all()
    assert features["orders_all"] == 0 and features["amount_all"] == 0 and outcome == (0, 0)


def test_a_refund_of_several_lines_in_parts_leaves_no_order_of_a_rounding_rest():
    thirds = [("2024-05-10", 20 / 3, {"order_id": "A"})] * 3
    features, _ = at(JUNE, *thirds, ("2024-05-12", -20, {"refund_of": "A"}))
    assert features["orders_all"] == 0


def test_a_refund_of_no_known_order_counts_against_spend_on_its_own_day():
    features, _ = at(JUNE, ("2024-01-10", 100, {"order_id": "A"}), ("2024-05-25", -40, {"refund_of": "Z"}))
    assert features["orders_all"] == 1 and features["order_value_mean"] == 100
    assert features["spend_30d"] == -40 and features["amount_all"] == 60


def test_a_free_order_counts():
    features, outcome = at(JUNE, ("2024-05-10", 0), ("2024-06-10", 0))
    assert features["orders_all"] == 1 and features["order_value_mean"] == 0 and outcome == (0, 1)


def test_an_event_exactly_at_the_cutoff_belongs_to_the_outcome_and_one_exactly_at_the_end_to_neither():
    rows = ("2024-05-31T23:59:59.999999", 1), ("2024-06-01T00:00", 10), ("2024-07-01T00:00", 100)
    features, outcome = at(JUNE, *rows)
    assert features["amount_all"] == 1 and outcome == (10, 1)


def test_an_order_in_the_horizon_that_is_refunded_within_it_is_no_order():
    rows = ("2024-05-10", 5), ("2024-06-10", 50, {"order_id": "A"}), ("2024-06-12", -50, {"refund_of": "A"})
    assert at(JUNE, *rows)[1] == (0, 0)


def test_an_order_in_the_horizon_that_is_refunded_after_it_counts():
    rows = ("2024-05-10", 5), ("2024-06-10", 50, {"order_id": "A"}), ("2024-07-12", -50, {"refund_of": "A"})
    assert at(JUNE, *rows)[1] == (50, 1)


def test_an_outcome_is_floored_at_zero():
    rows = ("2024-05-10", 500, {"order_id": "A"}), ("2024-06-10", 50), ("2024-06-12", -400, {"refund_of": "A"})
    assert at(JUNE, *rows)[1] == (0, 1)


def test_an_outcome_is_known_only_once_the_log_reaches_the_horizons_end():
    rows = ("2024-05-10", 5), ("2024-06-10", 50)
    with log_with(*rows, until="2024-07-01") as log:
        assert snapshot_at(log, TASK, cutoff_from(JUNE, log.zone)).outcome is not None
        assert snapshot_at(log, TASK, cutoff_from(JUNE, log.zone), outcome=False).outcome is None
    with log_with(*rows, until="2024-06-30") as log:
        assert snapshot_at(log, TASK, cutoff_from(JUNE, log.zone)).outcome is None


def test_a_filter_narrows_the_asked_orders_and_the_outcome_and_leaves_the_others():
    tea, pots = {"category": "tea"}, {"category": "pots"}
    rows = ("2024-05-10", 5, tea), ("2024-05-10", 70, pots), ("2024-05-20", 90, pots), ("2024-06-10", 8, tea)
    features, outcome = at(JUNE, *rows, ("2024-06-11", 80, pots), task=Task.of("30d", category="tea"))
    assert features["orders_all"] == 1 and features["amount_all"] == 5 and features["orders_30d"] == 2
    assert features["asked_orders_share"] == 0.5 and outcome == (8, 1)


def test_an_order_refunded_in_full_without_naming_items_is_no_order_of_its_category_either():
    order = {"category": "tea", "order_id": "A"}
    features, _ = at(
        JUNE, ("2024-05-10", 5, order), ("2024-05-11", -5, {"refund_of": "A"}), task=Task.of("30d", category="tea")
    )
    assert features["orders_all"] == 0 and features["amount_all"] == 0


def test_a_category_that_the_event_lacks_is_the_items():
    items = pa.table({"item_id": ["i"], "category": ["tea"]})
    with log_with(("2024-05-10", 5, {"item_id": "i"}), ("2024-05-11", 9, {"item_id": "j"}), items=items) as log:
        snapshot = snapshot_at(log, Task.of("30d", category="tea"), cutoff_from(JUNE, log.zone))
    assert snapshot.column("amount_all") == [5] and snapshot.column("categories_all") == [1]


def test_quotes_in_a_filter_are_text():
    name = 'Men\'s \\ "wear"; --'
    rows = ("2024-05-10", 5, {"category": name}), ("2024-05-20", 6, {"category": "x"})
    features, _ = at(JUNE, *rows, task=Task.of("30d", category=name))
    assert features["amount_all"] == 5 and features["category_1_share"] == 0.5


def test_value_weighs_with_margins_and_discounts_the_outcome_from_each_lines_day():
    terms = ValueTerms(margin=0.5, margins={"tea": 0.2}, discount_rate=0.1)
    rows = ("2024-05-10", 100, {"category": "tea"}), ("2024-06-01", 10), ("2024-06-11", 50, {"category": "tea"})
    features, outcome = at(JUNE, *rows, task=Task.of("30d", "value"), value=terms)
    assert features["amount_all"] == 20 and features["spend_30d"] == 100
    assert outcome == (pytest.approx(5 + 10 * 1.1 ** (-10 / 365.25), abs=1e-5), 2)


def test_value_terms_come_from_the_shops_settings():
    settings = read_settings({"value": {"margin": 0.4, "margins": {"tea": 0.2}, "discount_rate": 0.05}}, environ={})
    assert ValueTerms.of(settings) == ValueTerms(0.4, {"tea": 0.2}, 0.05)


def test_margins_do_not_weigh_on_spend():
    features, outcome = at(JUNE, ("2024-05-10", 100), ("2024-06-10", 10), value=ValueTerms(margin=0.5))
    assert features["amount_all"] == 100 and outcome == (10, 1)


def test_a_snapshot_given_scale_and_categories_keeps_them():
    rows = ("2024-05-10", 5, {"category": "tea"}), ("2024-05-20", 6, {"category": "pots"})
    with log_with(*rows) as log:
        snapshot = snapshot_at(log, TASK, cutoff_from(JUNE, log.zone), scale=3.0, categories=["none", "pots"])
        assert main_categories(log, cutoff_from(JUNE, log.zone)) == ("pots", "tea")
    assert snapshot.scale == 3 and snapshot.column("category_1_share") == [0]
    assert snapshot.column("category_2_share") == [0.5]


def test_the_scale_of_a_shop_without_amounts_is_one():
    with log_with(("2024-05-10", 0)) as log:
        assert snapshot_at(log, TASK, cutoff_from(JUNE, log.zone)).scale == 1


def test_customers_with_refunds_alone_are_in_no_snapshot_and_ids_ascend_by_code_point():
    rows = [("2024-05-10", 5, {"customer_id": c}) for c in ("b", "B", "é", "张", "a10", "a9")]
    with log_with(*rows, ("2024-05-10", -5, {"customer_id": "r"})) as log:
        snapshot = snapshot_at(log, TASK, cutoff_from(JUNE, log.zone))
    assert list(snapshot.customer_ids) == sorted(["b", "B", "é", "张", "a10", "a9"])
    assert snapshot.features.dtype == np.float32 and snapshot.features.shape == (6, len(NAMES))


def test_a_cutoff_before_the_first_order_is_no_history():
    with log_with(("2024-05-10", 5)) as log, pytest.raises(InputError) as caught:
        snapshot_at(log, TASK, cutoff_from("2024-05-10", log.zone))
    assert caught.value.code == "no-history" and "2024-05-10" in str(caught.value)


def test_a_cutoff_given_as_a_date_is_local_midnight():
    zone = ZoneInfo("Asia/Shanghai")
    assert cutoff_from("2024-06-01", zone) == datetime(2024, 5, 31, 16, tzinfo=UTC)
    assert cutoff_from(date(2024, 6, 1), zone) == datetime(2024, 5, 31, 16, tzinfo=UTC)
    assert cutoff_from("2024-06-01T12:00", zone) == datetime(2024, 6, 1, 4, tzinfo=UTC)
    assert cutoff_from("2024-06-01T12:00+00:00", zone) == datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2024-02-30", "01/02/2024", "2024-06-01T25:00"])
def test_what_is_no_date_is_refused_with_the_value_and_a_remedy(text):
    with pytest.raises(InputError) as caught:
        cutoff_from(text, UTC_ZONE)
    assert caught.value.code == "bad-argument" and f"`{text}`" in str(caught.value) and caught.value.remedy


def test_cutoffs_to_learn_from_have_closed_and_have_history():
    with log_with(("2020-01-01", 5), ("2024-05-10", 5)) as log:
        cutoffs = training_cutoffs(log, Task.of("90d"), cutoff_from(JUNE, log.zone))
    june = datetime(2024, 6, 1, tzinfo=UTC)
    assert cutoffs == [june - timedelta(days=d) for d in (360, 270, 225, 180, 135, 113, 90)]


def test_whole_horizons_before_go_by_the_calendar():
    with log_with(("2020-01-01", 5), ("2024-05-10", 5), zone="Europe/London") as log:
        cutoffs = training_cutoffs(log, Task.of("1mo"), cutoff_from("2024-05-31", log.zone))
    local = [c.astimezone(log.zone) for c in cutoffs]
    assert [c.date() for c in local if c.month in (1, 2, 4)][:1] == [date(2024, 1, 31)]
    assert date(2024, 4, 30) in {c.date() for c in local} and date(2024, 2, 29) in {c.date() for c in local}
    assert all(c.hour == c.minute == 0 for c in local)


def test_cutoffs_with_too_little_history_are_left_out():
    with log_with(("2024-03-01", 5), ("2024-05-10", 5)) as log:
        assert training_cutoffs(log, Task.of("30d"), cutoff_from(JUNE, log.zone))[0] == datetime(
            2024, 3, 18, tzinfo=UTC
        )
        assert training_cutoffs(log, Task.of("1y"), cutoff_from(JUNE, log.zone)) == []


def test_cutoffs_whose_horizon_the_log_does_not_reach_are_left_out():
    with log_with(("2023-03-01", 5), ("2024-05-10", 5), until="2024-05-11") as log:
        cutoffs = training_cutoffs(log, Task.of("30d"), cutoff_from("2024-07-01", log.zone))
    assert cutoffs and max(cutoffs) <= datetime(2024, 4, 11, tzinfo=UTC)


def test_every_feature_says_what_it_is_in_both_languages():
    assert len(set(NAMES)) == len(NAMES) and 75 <= len(NAMES) <= 105
    for feature in FEATURES:
        assert feature.group in GROUPS and feature.table in ("days", "categories", "touches")
        assert feature.meaning and any("一" <= letter <= "鿿" for letter in feature.label_zh)


def test_a_filter_that_no_order_meets_is_an_error_that_names_what_there_is():
    items = pa.table({"item_id": ["i"], "category": ["tea"]})
    rows = [("2024-05-10", 5, {"item_id": "i", "channel": "web"}), ("2024-05-11", 9, {"item_id": "j"})]
    wrong = {
        "category": ({"category": "nope"}, "tea"),
        "channel": ({"channel": "shop", "category": "tea"}, "web"),
        "item": ({"item_id": ["k", "l"]}, "`i`, `j`"),
    }
    with log_with(*rows, items=items) as log:
        for name, (where, known) in wrong.items():
            with pytest.raises(InputError) as caught:
                snapshot_at(log, Task.of("30d", **where), cutoff_from("2024-06-01", ZoneInfo("UTC")))
            assert caught.value.code == "bad-argument"
            assert f"--{name}" in caught.value.where
            assert known in caught.value.remedy
        assert snapshot_at(log, Task.of("30d", category=["nope", "tea"]), cutoff_from("2024-06-01", ZoneInfo("UTC")))


def test_a_filter_on_what_no_order_bears_says_that_there_is_none():
    with log_with(("2024-05-10", 5), ("2024-05-11", 9)) as log, pytest.raises(InputError, match="no order line"):
        snapshot_at(log, Task.of("30d", channel="web"), cutoff_from("2024-06-01", ZoneInfo("UTC")))


def test_orders_asked_about_that_come_after_the_cutoff_or_were_all_given_back_are_no_error():
    late = [("2024-05-10", 5), ("2024-07-01", 5, {"category": "tea"})]
    back = [
        ("2024-05-10", 5, {"category": "tea", "order_id": "o"}),
        ("2024-05-11", -5, {"kind": "refund", "refund_of": "o", "category": "tea"}),
    ]
    for rows in (late, back):
        with log_with(*rows) as log:
            made = snapshot_at(log, Task.of("30d", category="tea"), cutoff_from("2024-06-01", ZoneInfo("UTC")))
        assert made.column("orders_all").tolist() == [0.0]
