import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.report import svg


@given(st.floats(-1e9, 0), st.floats(1e-6, 1e9))
def test_ticks_hold_the_range_evenly_and_are_few(low, high):
    ticks = svg.nice_ticks(high, low=low)
    steps = {round((b - a) / (ticks[1] - ticks[0]), 6) for a, b in pairwise(ticks)}
    rounding = 1e-6 * (high - low)
    assert ticks[0] <= low + rounding and ticks[-1] >= high - rounding
    assert steps == {1.0} and 2 <= len(ticks) <= 9


@pytest.mark.parametrize("high", [0.0, math.nan, math.inf])
def test_ticks_of_nothing_are_still_an_axis(high):
    assert svg.nice_ticks(high) == [0.0, 1.0]


def test_texts_and_tips_cannot_leave_their_element():
    evil = '"><script>alert(1)</script>'
    mark = svg.tag("text", evil, data_tip=evil)
    parsed = ElementTree.fromstring(str(mark))
    assert (parsed.text, parsed.get("data-tip"), list(parsed)) == (evil, evil, [])


def test_a_value_beyond_the_scale_is_drawn_at_its_edge():
    scale = svg.Scale(0, 10, 100, 200)
    assert (scale(-5), scale(5), scale(50)) == (100, 150, 200)


def test_a_small_value_can_still_be_seen_and_none_is_not():
    assert 'height="0.5"' in svg.bar(0, 10, 100, 99.99, kind="first")
    assert 'height="0"' in svg.bar(0, 10, 100, 100, kind="first")


def test_labels_that_would_touch_are_thinned_and_the_last_is_kept():
    plot = svg.Frame(width=200, left=0, right=0).plot((0, 4), (0, 1))
    few = [ElementTree.fromstring(str(m)).text for m in svg.band_labels(plot, ["a", "b", "c", "d"])]
    long = [ElementTree.fromstring(str(m)).text for m in svg.band_labels(plot, [f"2011/12/{d}" for d in range(4)])]
    assert few == ["a", "b", "c", "d"] and long == ["2011/12/1", "2011/12/3"]
