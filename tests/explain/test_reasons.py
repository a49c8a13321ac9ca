import numpy as np

from worthwhile.explain.reasons import EVENTS, REASONS, reason_of, reasons_of_features
from worthwhile.features.declared import FEATURES


def test_every_feature_belongs_to_a_reason_and_every_reason_but_events_has_features():
    names = tuple(feature.name for feature in FEATURES)
    found = {list(REASONS)[place] for place in reasons_of_features(names)}
    assert found == set(REASONS) - {EVENTS}


def test_features_that_tell_of_one_thing_stand_together():
    groups = {feature.name: feature.group for feature in FEATURES}
    told = {name: reason_of(name, groups[name]) for name in groups}
    assert {told[name] for name in ("x", "orders_all", "orders_90d", "gap_mean", "orders_last_horizon")} == {
        "frequency"
    }
    assert {told[name] for name in ("amount_all", "spend_365d", "asked_amount_90d")} == {"spend"}
    assert {told[name] for name in ("days_since_order", "t_x", "recency_ratio")} == {"recency"}
    assert told["discount_share"] == "refunds" and told["order_value_last"] == "order_value" and told["T"] == "tenure"


def test_names_are_in_both_languages():
    assert all(english and any("一" <= c <= "鿿" for c in chinese) for english, chinese in REASONS.values())
    assert len(np.unique([name for names in REASONS.values() for name in names])) == 2 * len(REASONS)
