import numpy as np
import pytest

from oracles.small_baskets import line, moment
from worthwhile.recommend.history import known_on, read_lines
from worthwhile.recommend.popular import SHRINK, popular, read_segments


def made(make_log, events, day=40, **more):
    log = make_log(events, **more)
    lines, segments = read_lines(log, moment(day)), read_segments(log, moment(day))
    return lines, segments, popular(known_on(lines, lines.end), segments)


def test_popularity_is_the_share_of_customers_of_the_last_days(make_log):
    lines, _, found = made(make_log, [("ann", "mug", 1), ("bob", "mug", 2), ("bob", "pot", 3), ("bob", "mug", 9)])
    assert lines.items.tolist() == ["mug", "pot"]
    assert found.share == pytest.approx([1.0, 0.5], rel=0.11)
    assert found.share[0] == pytest.approx(2 * found.share[1])


def test_segments_are_the_latest_country_and_channel_and_the_first_category(make_log):
    events = [
        line("ann", "mug", 1, country="France", channel="web", category="kitchen"),
        line("ann", "pot", 5, country="Japan", category="garden"),
        line("ann", "pot", 6, channel="e-mail") | {"kind": "campaign", "item_id": None},
        line("ann", "cup", 50, country="Chile", channel="app"),
        line("bob", "pot", 2),
    ]
    _, segments, _ = made(make_log, events)
    ann, bob = segments.of(np.array(["ann", "bob"], object)).T
    assert [values[code] for code, values in zip(ann, segments.values, strict=True)] == ["Japan", "web", "kitchen"]
    assert bob.tolist() == [-1, -1, -1]
    assert segments.of(np.array(["eve"], object)).ravel().tolist() == [-1, -1, -1]


def test_lift_is_the_shrunk_share_in_the_segment_over_that_of_all(make_log):
    events = [line(f"f{i}", "mug", 2, country="France") for i in range(6)]
    events += [line(f"j{i}", "pot", 2, country="Japan") for i in range(4)]
    _, segments, found = made(make_log, events)
    french = segments.values[0].index("France")
    share = (6 + 1) / (10 + 1)
    assert found.lift[0][french, 0] == pytest.approx((6 + SHRINK * share) / (6 + SHRINK) / share)
    assert found.buyers[0][french].tolist() == [6, 0]
    codes = segments.of(np.array(["f0"], object))[:, 0]
    scores = found.scores(codes)
    assert scores[0] / found.share[0] > 1 > scores[1] / found.share[1]


def test_who_only_looked_belongs_to_a_segment_too(make_log):
    look = line("eve", "mug", 3, country="France") | {"kind": "view"}
    _, segments, _ = made(make_log, [line("ann", "mug", 1, country="France"), ("bob", "pot", 1), look])
    assert segments.of(np.array(["eve"], object))[0, 0] == segments.of(np.array(["ann"], object))[0, 0] >= 0
