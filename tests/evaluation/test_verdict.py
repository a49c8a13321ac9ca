import json
import math
import string
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from worthwhile.errors import InputError
from worthwhile.evaluation import verdict
from worthwhile.evaluation.scores import SCORES, join_scores
from worthwhile.evaluation.verdict import verdict_about
from worthwhile.evaluation.wording import TEXTS

HONEST = {"coverage_50_buyers": [0.51] * 4, "coverage_90_buyers": [0.89] * 4, "top_decile_share": [0.6] * 4}


def table(values, horizon="90d", customers=500):
    """values: model -> metric -> a value for each cutoff."""
    rows = [
        {
            "cutoff": datetime(2011, 1 + 2 * i, 1, tzinfo=UTC),
            "horizon": horizon,
            "model": model,
            "metric": metric,
            "value": float(value),
            "customers": customers,
        }
        for model, metrics in values.items()
        for metric, found in metrics.items()
        for i, value in enumerate(found)
    ]
    return pa.Table.from_pylist(rows, schema=SCORES)


def test_a_steady_lead_over_four_cutoffs_is_clear():
    said = verdict(
        table(
            {
                "past-rate": {"crps": [110, 112, 140, 120]},
                "trees-histogram": {"crps": [94, 99, 104, 101.5]},
                "ensemble": {"crps": [90, 95, 100, 97], "bias": [0.1, -0.05, -0.3, 0.02], **HONEST},
            }
        )
    )
    assert said.leader == "ensemble"
    assert said.facts.runner_up.model == "trees-histogram"
    assert said.facts.runner_up.clear is True
    assert said.facts.runner_up.wins == 4
    assert said.facts.rule.model == "past-rate"
    assert said.facts.rule.clear is True
    assert said.facts.beat_the_rules == ("ensemble", "trees-histogram")
    assert "“ensemble” leads the 3 models: its error was 4.1% smaller" in said.text
    assert "On average 2 of 2 models beat that rule" in said.text


def test_a_lead_within_the_spread_over_cutoffs_is_not_called_a_lead():
    said = verdict(table({"a": {"crps": [90, 95, 110, 97]}, "b": {"crps": [94, 93, 104, 106]}}))
    assert said.leader == "a"
    assert said.facts.runner_up.clear is False
    assert said.facts.runner_up.wins == 2
    assert "chance may have decided it" in said.sentences["leader"]
    assert "leads" not in said.text


@pytest.mark.parametrize("cutoffs", [1, 2])
def test_one_or_two_cutoffs_cannot_tell(cutoffs):
    said = verdict(table({"a": {"crps": [10.0] * cutoffs}, "past-rate": {"crps": [90.0] * cutoffs}}))
    assert said.facts.runner_up.clear is None
    assert said.facts.rule.clear is None
    assert "cannot tell" in said.sentences["leader"]
    assert "leads" not in said.text
    assert "an indication, not a proof" in said.sentences["conclusion"]


def test_one_model_alone_is_not_praised():
    said = verdict(table({"bg-nbd": {"crps": [1.0, 2.0, 3.0]}}))
    assert said.facts.runner_up is None
    assert "Only “bg-nbd” was tested" in said.text
    assert "No simple rule was tested" in said.text


def test_a_simple_rule_that_leads_is_said_to_be_unbeaten():
    said = verdict(table({"past-rate": {"crps": [9.0, 9.1, 9.2]}, "net-mse": {"crps": [11.0, 11.2, 11.1]}}))
    assert said.leader == "past-rate"
    assert said.facts.rule is None
    assert said.facts.beat_the_rules == ()
    assert "No model did better" in said.sentences["rule"]


def test_only_simple_rules_say_nothing_about_models():
    said = verdict(table({"past-rate": {"crps": [9.0]}, "last-period": {"crps": [10.0]}}))
    assert "Only simple rules were tested" in said.sentences["rule"]


def test_equal_errors_are_decided_by_gini_and_then_by_order():
    crps = [100.0, 100.0, 100.0]
    by_gini = verdict(table({"a": {"crps": crps, "gini": [0.7] * 3}, "b": {"crps": [100.01] * 3, "gini": [0.8] * 3}}))
    assert by_gini.leader == "b"
    by_order = verdict(table({"b": {"crps": crps, "gini": [0.7] * 3}, "a": {"crps": crps, "gini": [0.7] * 3}}))
    assert by_order.leader == "b"
    assert "practically level" in by_order.sentences["leader"]


def test_models_that_lack_a_cutoff_are_set_aside_and_named():
    said = verdict(table({"late": {"crps": [math.nan, 1.0, 1.0]}, "a": {"crps": [9.0, 9.0, 9.0]}}))
    assert said.leader == "a"
    assert said.facts.set_aside == ("late",)
    assert "“late”" in said.sentences["aside"]


def test_the_total_is_told_as_a_tolerance_that_held_at_three_of_four():
    scores = table({"a": {"crps": [1.0] * 4, "bias": [0.1, -0.115, -0.3, 0.02]}})
    said = verdict(scores)
    assert (said.facts.total.tolerance, said.facts.total.within) == (0.12, 3)
    assert "total was within 12% of the actual one at 3 of 4 dates" in said.sentences["total"]
    assert "for 2011-05-01, it was 30% too low" in said.sentences["total"]
    assert "every time" not in said.sentences["total"]


def test_a_total_that_always_errs_on_one_side_is_said_so():
    said = verdict(table({"a": {"crps": [1.0] * 3, "bias": [-0.2, -0.1, -0.3]}}))
    assert "too low every time" in said.sentences["total"]


def test_a_total_many_times_too_high_is_no_ground_for_a_budget():
    said = verdict(table({"a": {"crps": [1.0] * 3, "bias": [0.2, 3.0, 2.0]}}))
    assert "4.0 times the actual one" in said.sentences["total"]
    assert "Do not build a budget" in said.sentences["conclusion"]


def test_a_margin_for_budgets_covers_the_worst_past_cutoff():
    said = verdict(table({"a": {"crps": [1.0] * 4, "bias": [0.01, -0.02, -0.083, 0.02]}}))
    assert "margin of at least 9% either way" in said.sentences["conclusion"]


@pytest.mark.parametrize(
    ("at_50", "at_90", "customers", "state"),
    [
        (0.5, 0.9, 500, "honest"),
        (0.47, 0.87, 500, "honest"),
        (0.5, 0.7, 500, "narrow"),
        (0.7, 0.99, 500, "wide"),
        (0.7, 0.8, 500, "uneven"),
        (0.5, 0.82, 12, "honest"),  # 48 buyers: twice the standard error is 9 points
        (0.5, 0.7, 5, "unknown"),
    ],
)
def test_error_bars_are_judged_by_the_coverage_given_purchase(at_50, at_90, customers, state):
    values = {"a": {"crps": [1.0] * 4, "coverage_50_buyers": [at_50] * 4, "coverage_90_buyers": [at_90] * 4}}
    said = verdict(table(values, customers=customers))
    assert said.facts.intervals.state == state
    assert said.sentences["intervals"]


def test_scores_that_are_all_nan_or_missing_give_a_verdict_without_a_leader():
    for scores in (table({"a": {"crps": [math.nan]}}), join_scores([])):
        said = verdict(scores)
        assert said.leader is None
        assert "No forecast could be scored" in said.text


def test_cutoffs_are_told_as_days_of_the_shop():
    scores = table({"a": {"crps": [1.0]}})
    midnight = pa.array([datetime(2011, 2, 28, 16, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    scores = scores.set_column(0, scores.schema.field("cutoff"), midnight)
    said = verdict(scores, zone=ZoneInfo("Asia/Shanghai"))
    assert said.facts.cutoffs == (date(2011, 3, 1),)
    assert "2011-03-01" in said.text


def test_a_verdict_on_several_horizons_asks_for_one():
    scores = join_scores([table({"a": {"crps": [1.0]}}), table({"a": {"crps": [2.0]}}, horizon="6mo")])
    with pytest.raises(InputError) as raised:
        verdict(scores)
    assert raised.value.code == "bad-argument"
    assert "90d, 6mo" in str(raised.value)
    assert "in the 6 months after" in verdict(scores, horizon="6mo").text


def test_a_verdict_can_be_about_orders_or_buying():
    values = {
        "a": {"orders_crps": [1.0] * 3, "brier": [0.3] * 3, "orders_bias": [0.1] * 3, "buyers_bias": [0.04] * 3},
        "b": {"orders_crps": [2.0] * 3, "brier": [0.2] * 3, "orders_bias": [0.2] * 3, "buyers_bias": [0.02] * 3},
    }
    assert verdict(table(values), metric="orders_crps").leader == "a"
    about_buying = verdict(table(values), metric="brier")
    assert about_buying.leader == "b"
    assert "which customers buy" in about_buying.text
    assert about_buying.facts.total.worst == 0.02
    assert "number of buyers was within 2%" in about_buying.text
    assert "budget" not in about_buying.text


@pytest.mark.parametrize("wrong", [{"lang": "fr"}, {"metric": "auc"}])
def test_another_language_or_metric_is_refused_with_those_that_are_known(wrong):
    with pytest.raises(InputError) as raised:
        verdict(table({"a": {"crps": [1.0]}}), **wrong)
    assert raised.value.code == "bad-argument"
    assert "use one of" in str(raised.value)


def test_to_dict_is_plain_json_without_nan():
    said = verdict(table({"a": {"crps": [1.0], "bias": [0.1]}, "past-rate": {"crps": [2.0]}}))
    text = json.dumps(said.to_dict(), allow_nan=False)
    again = json.loads(text)
    assert again["leader"] == "a"
    assert again["facts"]["cutoffs"] == ["2011-01-01"]
    assert again["facts"]["runner_up"]["spread"] is None


def test_every_sentence_has_the_same_blanks_in_both_languages():
    def blanks(sentence):
        return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}

    for key, (english, chinese) in TEXTS.items():
        assert blanks(english) == blanks(chinese), key


def test_chinese_verdict_has_the_same_facts_and_no_english_sentence():
    scores = table(
        {"a": {"crps": [9.0] * 4, "bias": [0.1] * 4, **HONEST}, "past-rate": {"crps": [10.0, 11.0, 10, 9.5]}}
    )
    zh, en = verdict(scores, lang="zh"), verdict(scores)
    assert zh.facts == en.facts
    assert zh.sentences.keys() == en.sentences.keys()
    words = set(zh.text.replace("“a”", "").replace("past-rate", "").split())
    assert not [word for word in words if word.isascii() and word.isalpha()]
    assert "过去的 4 个日期" in zh.text


@pytest.mark.parametrize(
    ("metric", "total", "said"),
    [
        ("crps", "bias", "Nothing was spent"),
        ("orders_crps", "orders_bias", "Nobody"),
        ("brier", "buyers_bias", "Nobody"),
    ],
)
def test_where_nothing_came_no_model_leads(metric, total, said):
    never = {"past-rate": {metric: [0.01] * 3, total: [math.nan] * 3}, "last-period": {metric: [0.0] * 3}}
    found = verdict(table(never), metric=metric)
    assert found.leader is None and said in found.sentences["nothing"]
    assert list(found.sentences) == ["tested", "nothing"]
    assert json.dumps(found.to_dict())


def test_where_something_came_at_one_date_models_are_compared():
    once = {"a": {"crps": [0.1, 5.0], "bias": [math.nan, 0.1]}, "b": {"crps": [0.2, 6.0], "bias": [math.nan, 0.2]}}
    assert verdict(table(once)).leader == "a"


def test_what_to_conclude_is_said_of_the_model_that_is_asked_though_another_leads():
    scores = table(
        {
            "a": {"crps": [90, 95, 100, 97], "bias": [0.01, 0.02, 0.01, 0.02], **HONEST},
            "ensemble": {"crps": [95, 99, 104, 101], "bias": [0.9, 0.8, 0.95, 0.9], **HONEST},
            "past-rate": {"crps": [110, 112, 114, 113], "bias": [0.5] * 4, **HONEST},
        }
    )
    whole, own = verdict(scores), verdict_about(scores, "ensemble")
    assert own.leader == whole.leader == "a" and own.sentences["leader"] == whole.sentences["leader"]
    assert "95%" in own.sentences["total"] and "95%" not in whole.sentences["total"]
    assert verdict_about(scores, "a").sentences["total"] == whole.sentences["total"]


def ranked_by(share, rule_share, buyers=200):
    covered = {"coverage_50_buyers": [0.5] * 3, "coverage_90_buyers": [0.9] * 3}
    scores = table(
        {
            "a": {"crps": [90, 95, 100], "bias": [0.1] * 3, "top_decile_share": [share] * 3, **covered},
            "last-period": {
                "crps": [110, 112, 114],
                "bias": [0.1] * 3,
                "top_decile_share": [rule_share] * 3,
                **covered,
            },
        },
        customers=buyers,
    )
    return verdict(scores).sentences["conclusion"]


def test_customers_are_not_to_be_chosen_by_a_forecast_that_a_simple_rule_ranks_better():
    assert "can be used to choose which customers" in ranked_by(0.5, 0.5)
    assert "A simple rule ranks customers better: the tenth that it put first brought 58%" in ranked_by(0.5, 0.58)


def test_with_a_handful_of_buyers_nothing_is_said_of_the_ranking():
    assert "Too few customers bought (9)" in ranked_by(0.5, 0.1, buyers=3)
