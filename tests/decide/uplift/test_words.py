"""What an uplift run says, in English and Chinese."""

from __future__ import annotations

import re

import pytest

from oracles.made_uplift import group, made_document, trait
from worthwhile.decide.uplift.wording import policies_shown, sentences, warnings_of
from worthwhile.decide.uplift.words import words_of
from worthwhile.errors import InputError
from worthwhile.evaluation.numbers import LANGUAGES
from worthwhile.evaluation.texts import texts_of


def said(lang: str = "en", **changed: object) -> str:
    document = made_document(**changed)
    return "\n".join(sentences(document, words_of(document, lang)))


def warned(lang: str = "en", **changed: object) -> str:
    document = made_document(**changed)
    return "\n".join(warnings_of(document, words_of(document, lang)))


def test_both_languages_have_the_same_texts_and_parts() -> None:
    english, chinese = (texts_of("worthwhile.decide.uplift", lang) for lang in LANGUAGES)
    parts = [{key: sorted(re.findall(r"{(\w+)}", text)) for key, text in t.items()} for t in (english, chinese)]
    assert parts[0] == parts[1]


def test_who_responds_is_said_with_shares_means_and_the_effect_seen_there() -> None:
    assert (
        "visit: customers expected to respond most to `mail a` (the first tenth): `mens` 71% (of all 55%), `recency` "
        "2.1 on average (of all 5.8). It added 12.0 percentage points there (10.0 to 14.0; 10.8 expected)."
    ) in said()
    assert "It took 5.0 percentage points there (3.0 to 7.0; 4.5 expected): better left alone." in said()
    assert "respond differently to `mail b`. Nobody can be told apart" in said()


def test_groups_whose_difference_may_be_chance_are_called_so() -> None:
    assert "lies within chance" not in said()
    near = [group("first", "visit", "mail a", 0.05), group("last", "visit", "mail a", 0.04)]
    found = said(responders=[{"outcome": "visit", "action": "mail a", "told_apart": True, "groups": near}])
    assert "least to `mail a` the difference seen lies within chance (−1.8 to 3.8)" in found


def test_amounts_have_the_currency_and_harm_is_told_without_a_minus() -> None:
    assert "spend: `mail a` added £1.00 a customer (£0.80 to £1.20; £4.00 without)." in said()
    assert "spend: `mail b` took £0.50 a customer (£0.30 to £0.70; £4.00 without)." in said()


def test_a_choice_that_gained_nothing_where_it_could_be_checked_is_called_so() -> None:
    assert "telling customers apart is expected to pay" in said()
    document = made_document()
    for row in document["policies"]:
        if (row["outcome"], row["policy"], row["share"]) == ("visit", "chosen", 1.0):
            row["value"] = 0.24
    [line] = [text for text in sentences(document, words_of(document, "en")) if "everybody" in text and "visit" in text]
    assert "it gained nothing over one action for all" in line and "`mail a` to all 25.0%" in line


def test_who_gets_what_is_said_where_customers_are_told_apart() -> None:
    assert "visit: of all, 70% would get `mail a`: `mens` 71%" in said()
    assert "visit: of all, 30% would be left alone: `mens` 71%" in said()


def test_a_shops_features_have_their_readable_names_and_units() -> None:
    english, chinese = (words_of(made_document(), lang) for lang in LANGUAGES)
    spent = trait("spend_90d", 120.0, 45.5)
    assert english.trait(spent) == "spend in the last 90 days, net of refunds £120 (of all £45.50)"
    assert chinese.trait(spent) == "近90天净消费金额 £120（全体 £45.50）"
    goods = trait("category_1_share", 0.5, 0.2)
    assert english.trait(goods) == "share of order lines in Teapots 50% (of all 20%)"
    text = trait("channel", 0.52, 0.44, value="Web", is_share=True)
    assert english.trait(text) == "`channel` is `Web` for 52% (of all 44%)"


def test_few_policies_are_shown_and_each_in_words() -> None:
    document = made_document()
    shown = policies_shown(document, "visit", words_of(document, "en"))
    assert [(row.share, row.name) for row in shown] == [
        (1.0, "chosen: each customer's best action"),
        (1.0, "`mail a` to all"),
        (1.0, "by a T-learner, the usual method"),
        (0.3, "chosen: `mail a` to those who are expected to gain most by it"),
        (0.3, "`mail a` to customers picked at random"),
        (0.3, "by a T-learner, the usual method"),
        (0.0, "nobody contacted"),
    ]
    assert shown[-1].value == 0.2


def test_warnings_are_said_in_both_languages() -> None:
    wrong = {
        "left_out": ["clicks"],
        "numbered": True,
        "unknown_customers": 7,
        "unbalanced": ["days_since_order"],
        "placebos": [{"check": "A/A", "outcome": "visit", "action": "x", "average": 5.0, "differences": 0.0}],
    }
    english, chinese = warned("en", **wrong), warned("zh", **wrong)
    assert len(english.splitlines()) == len(chinese.splitlines()) == 5
    assert "`clicks`" in english and "`days since the last order`" in english and "+5.0 standard errors" in english
    assert "“距最近一单天数”" in chinese and "customer_id" in chinese
    assert warned() == ""


def test_that_customers_are_not_the_shops_is_warned_of():
    assert "None of these 9,000 customers is this shop's" in warned(of_shop=0)
    assert "20 of these 9,000 customers are not this shop's" in warned(of_shop=8_980)
    assert "都不是本店客户" in warned("zh", of_shop=0) and "20" in warned("zh", of_shop=8_980)
    assert warned(of_shop=None) == "" == warned()  # no shop, or its own customers


def test_an_observational_log_is_warned_of_first() -> None:
    found = warned(observational=True, randomisation_z=8.0)
    assert found.startswith("The groups were not drawn by chance (covariates tell who got what, by 8 standard errors)")


def test_another_language_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        words_of(made_document(), "fr")
    assert caught.value.where == "--lang"


def test_a_policy_worth_less_than_leaving_all_alone_says_so() -> None:
    assert "Contacting nobody was worth more" not in said()
    document = made_document()
    for row in document["policies"]:
        if (row["outcome"], row["policy"]) == ("visit", "chosen"):
            row["value"] = 0.0001
    told = [text for text in sentences(document, words_of(document, "en")) if "contacted" in text and "visit" in text]
    assert told and all(text.endswith("Nothing speaks for sending it.") for text in told if "On average" in text)
