import re

import numpy as np
import pytest

from oracles.small_baskets import habits, line, moment
from worthwhile.errors import InputError
from worthwhile.languages import check_language
from worthwhile.recommend.history import read_lines
from worthwhile.recommend.popular import read_segments
from worthwhile.recommend.reasons import TEXTS, Reasons
from worthwhile.recommend.signals import sources_on


def reasons_of(log, day, language="en", titles=None):
    lines, segments = read_lines(log, moment(day)), read_segments(log, moment(day))
    return lines, Reasons(sources_on(lines, lines.end, segments), segments, titles or {}, language)


def reason(log, day, customer, item, **more):
    lines, reasons = reasons_of(log, day, **more)
    place, column = (
        np.flatnonzero(names == name) for names, name in ((lines.customers, customer), (lines.items, item))
    )
    [text] = reasons.of(place, np.array([0]), column)
    return text


EVENTS = [
    ("ann", "mug", 0),
    ("ann", "mug", 35),
    ("ann", "mug", 70),
    ("ann", "pot", 70),
    ("bob", "mug", 3),
    ("bob", "pot", 3),
]
EVENTS += [("eve", "mug", 60), ("eve", "cup", 60), ("dan", "cup", 61), ("dan", "mug", 61)]


@pytest.mark.parametrize(
    ("day", "customer", "item", "text"),
    [
        (105, "ann", "mug", "due again after about 5 weeks; bought 3 times, last 5 weeks ago"),
        (80, "ann", "mug", "bought 3 times, about every 5 weeks, last 10 days ago"),
        (200, "ann", "mug", "bought 3 times, about every 5 weeks, last 19 weeks ago"),
        (71, "ann", "pot", "bought before, 1 day ago"),
        (80, "ann", "cup", "bought with mug: 2 customers bought both"),
    ],
)  # fmt: skip
def test_reasons_by_hand(make_log, day, customer, item, text):
    assert reason(make_log(EVENTS), day, customer, item) == text


def test_reasons_in_chinese(make_log):
    log = make_log(EVENTS)
    assert reason(log, 105, "ann", "mug", language="zh") == "约 5 周购买一次，现已到期；买过 3 次，上次在 5 周前"
    assert (
        reason(log, 80, "ann", "cup", language="zh", titles={"mug": "马克杯"})
        == "常与“马克杯”一起购买：2 位客户两样都买过"
    )


def test_titles_are_one_short_line(make_log):
    text = reason(make_log(EVENTS), 80, "ann", "cup", titles={"mug": "a\n mug " + "x" * 100})
    assert text.startswith("bought with a mug xxx") and "…" in text and len(text) < 110


def test_the_popular_is_said_to_be_popular_where_it_is(make_log):
    events = [line(f"f{i}", "tea", 50, country="France") for i in range(30)]
    events += [line(f"j{i}", "rice", 50, country="Japan") for i in range(30)] + [
        line("ann", "mug", 50, country="France")
    ]
    log = make_log([*events, line("eve", "tea", 51, country="France") | {"kind": "view"}])
    assert reason(log, 60, "ann", "tea") == "popular with customers in France"
    assert reason(log, 60, "ann", "rice") == "popular: 30 customers bought it in the last 60 days"
    assert reason(log, 200, "ann", "rice") == "bought by 30 customers so far"
    lines, reasons = reasons_of(log, 60)
    codes = reasons.segments.of(np.array(["eve"], object))[:, 0]
    assert reasons.of_newcomer(codes, np.flatnonzero(lines.items == "tea")) == ["popular with customers in France"]


def test_what_reasons_say_is_true(make_log):
    """Every number and name in the reasons of a larger log, against the events themselves."""
    events = habits(50, days=200)
    lines, reasons = reasons_of(make_log(events), 200)
    holders: dict[str, set[str]] = {}
    days: dict[tuple[str, str], set] = {}
    for event in events:
        holders.setdefault(event["item_id"], set()).add(event["customer_id"])
        days.setdefault((event["customer_id"], event["item_id"]), set()).add(event["ts"].date())
    row, item = (a.ravel() for a in np.meshgrid(np.arange(5), np.arange(len(lines.items)), indexing="ij"))
    seen = set()
    for text, r, i in zip(reasons.of(np.arange(5), row, item), row, item, strict=True):
        customer, name = lines.customers[r], lines.items[i]
        own = days.get((customer, name), set())
        if both := re.fullmatch(r"bought with (\w+): (\d+) customers bought both", text):
            assert not own and (customer, both[1]) in days
            assert len(holders[both[1]] & holders[name]) == int(both[2])
        elif times := re.search(r"bought (\d+) times", text):
            assert len(own) == int(times[1])
        elif text.startswith("bought before"):
            assert len(own) == 1
        else:
            assert not own and text.startswith("popular")
        seen.add(re.sub(r"\W.*", "", text))
    assert seen == {"due", "bought", "popular"}


def test_both_languages_have_the_same_texts():
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    for key, text in TEXTS["en"].items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", TEXTS["zh"][key])), key
    with pytest.raises(InputError, match="fr"):
        check_language("fr")
