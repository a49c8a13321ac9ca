import math
import re
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from oracles.made_report import PAST, made_content
from worthwhile.evaluation import LEADING_METRIC
from worthwhile.evaluation.metrics import METRICS
from worthwhile.languages import LANGUAGES
from worthwhile.models.catalogue import MODELS
from worthwhile.report import texts as texts_module
from worthwhile.report.build import report_html
from worthwhile.report.chosen import Made
from worthwhile.report.content import BacktestFacts
from worthwhile.report.tables import shown_metrics
from worthwhile.report.texts import read_texts, voice_of

ALWAYS_KNOWN = {"span", "spend"}


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text)) - ALWAYS_KNOWN


def test_both_languages_have_the_same_texts():
    assert read_texts("en").keys() == read_texts("zh").keys()


def test_both_languages_have_the_same_places_for_numbers():
    english, chinese = read_texts("en"), read_texts("zh")
    assert {k: places(v) for k, v in english.items()} == {k: places(v) for k, v in chinese.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language):
    assert [key for key, text in read_texts(language).items() if not text.strip() and key != "page.space"] == []


def test_chinese_texts_are_chinese():
    unsaid = [key for key, text in read_texts("zh").items() if text.strip() and not re.search("[\u3400-\u9fff]", text)]
    assert unsaid == ["customers.range"] or unsaid == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_model_of_the_catalogue_is_explained(language):
    texts = read_texts(language)
    assert {key.removeprefix("models.what.") for key in texts if key.startswith("models.what.")} == set(MODELS)


def test_every_metric_shown_is_a_metric_and_explained():
    texts = read_texts("en")
    shown = {name for leading in LEADING_METRIC.values() for name in shown_metrics(leading)}
    assert shown <= set(METRICS)
    assert all(f"metrics.{name}.{part}" in texts for name in shown for part in ("name", "text"))


def test_a_horizon_of_one_is_singular():
    assert voice_of("en", "GBP", "1y").span == "1 year"
    assert voice_of("en", "GBP", "12w").span == "12 weeks"
    assert voice_of("zh", "CNY", "6mo").span == "6 个月"


def test_value_is_called_value():
    assert "value" in voice_of("en", "GBP", "90d", "value")("headline.total")
    assert "spend" in voice_of("en", "GBP", "90d")("headline.total")


class Heard(dict):
    """The texts, which note what was said."""

    def __init__(self, texts, said):
        super().__init__(texts)
        self.said = said

    def __getitem__(self, key):
        self.said.add(key)
        return super().__getitem__(key)


def various_contents(full):
    """Contents that between them reach every text: with and without past tests, matured, of value, tiny, empty."""
    table, forecast, backtest = full.forecast.table, full.forecast, full.backtest
    yield full
    yield made_content(400, PAST[:2])
    yield made_content(1, PAST[:1])
    yield replace(full, backtest=None, findings=None)
    yield replace(
        full, backtest=None, findings=[], forecast=replace(forecast, actual=4000.0, variance_of_total=math.nan)
    )
    yield replace(full, forecast=replace(forecast, model="trees-tweedie"))
    none = table
    for name in [n for n in table.column_names if n.startswith("spend_")] + ["p_active", "orders_mean"]:
        none = none.set_column(none.column_names.index(name), name, pa.array([0.0] * len(none)))
    yield replace(full, forecast=replace(forecast, table=none))
    sure = table.set_column(table.column_names.index("p_active"), "p_active", pa.array([1.0] * len(table)))
    yield replace(full, forecast=replace(forecast, table=sure, horizon="1y"))
    renamed = table.rename_columns([n.replace("spend_", "value_") for n in table.column_names])
    yield replace(full, forecast=replace(forecast, table=renamed, amount_name="value", horizon="6mo"))
    refunded = replace(full.data, months=tuple(replace(m, amount=-5.0) for m in full.data.months))
    yield replace(full, data=refunded, forecast=replace(forecast, cutoff=full.data.months[5].start, horizon="2w"))
    yield replace(full, forecast=replace(forecast, target="orders"))
    yield replace(full, forecast=replace(forecast, target="churn"))
    skipped = {"2023-07-04": {"logistic": {"en": "too few", "zh": "太少"}}}
    only_rules = backtest.scores.filter(pc.is_in(backtest.scores["model"], value_set=pa.array(["past-rate"])))
    other_rule = pa.array(["last-period"] * len(only_rules))
    rules = pa.concat_tables([only_rules, only_rules.set_column(2, "model", other_rule).cast(only_rules.schema)])
    yield replace(full, backtest=replace(backtest, scores=rules, skipped=skipped, warned=skipped))
    models = backtest.scores.filter(pc.not_equal(backtest.scores["model"], "past-rate"))
    unlikely = backtest.curves.filter(
        pc.or_(pc.not_equal(backtest.curves["curve"], "reliability"), pc.less(backtest.curves["x"], 0.5))
    )
    yield replace(full, backtest=BacktestFacts(models, unlikely))
    for shape in ([2] * 10 + [0] * 10, [0] * 10 + [2] * 10, [2] * 5 + [0] * 10 + [2] * 5, [0] * 5 + [2] * 10 + [0] * 5):
        pit = pa.table(
            {
                "cutoff": [PAST[0]] * 20,
                "model": ["ensemble"] * 20,
                "curve": ["pit"] * 20,
                "k": list(range(20)),
                "x": [k / 20 for k in range(20)],
                "y": [float(v) for v in shape],
                "n": [v * 10 for v in shape],
            }
        )
        yield replace(full, backtest=BacktestFacts(backtest.scores, pit))
    perfect = backtest.curves.filter(pc.equal(backtest.curves["curve"], "gain"))
    perfect = perfect.set_column(2, "curve", pa.array(["gain_perfect"] * len(perfect))).cast(perfect.schema)
    yield replace(full, backtest=BacktestFacts(backtest.scores, pa.concat_tables([backtest.curves, perfect])))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said_and_is_said_somewhere(language, content, monkeypatch):
    said: set[str] = set()
    monkeypatch.setattr(texts_module, "read_texts", lambda lang: Heard(read_texts(lang), said))
    for various in various_contents(content):
        report_html(various, language)
    voice = texts_module.voice_of(language, content.currency, "90d")
    for at in (None, datetime(2024, 7, 1, 9, 5, tzinfo=UTC)):  # of sections that this content has not
        assert "plan-1" in Made("plan-1", at).said(voice)
    unsaid = {key for key in read_texts(language) if key not in said and not key.startswith("models.what.")}
    unsaid = {key for key in unsaid if not key.startswith(("nouns.", "provenance."))}
    assert unsaid == set()
