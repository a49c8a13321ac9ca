from datetime import timedelta

import numpy as np
import pytest

from oracles.small_baskets import habits, line, moment
from worthwhile.errors import InputError
from worthwhile.recommend.history import bought_within, known_on, read_lines, value_at


def names(log, day, pairs_of=known_on):
    """The pairs that are known on a day, by name, with the days on which they were bought."""
    lines = read_lines(log, moment(day))
    history = known_on(lines, lines.end)
    customers, items = lines.customers[history.pair_customer], lines.items[history.pair_item]
    return {(c, i): int(n) for c, i, n in zip(customers, items, history.times, strict=True)}


def test_lines_are_the_goods_that_were_paid_for_before_the_cutoff(make_log):
    log = make_log(
        [
            ("ann", "mug", 1), ("ann", "mug", 1), ("ann", "mug", 5), ("bob", "pot", 5),
            line("bob", "postage", 5, is_goods=False), line("bob", "gift", 5, amount=0.0), ("bob", "mug", 9),
            line("bob", "lid", 6) | {"kind": "view"},
        ]
    )  # fmt: skip
    assert names(log, 9) == {("ann", "mug"): 2, ("bob", "pot"): 1}


def test_what_was_given_back_is_not_owned_once_that_is_known(make_log):
    refund = line("ann", "mug", 8) | {"kind": "refund", "amount": -2.0, "refund_of": "ann1", "order_id": "r1"}
    log = make_log([("ann", "mug", 1), ("ann", "pot", 1), ("bob", "mug", 2), refund])
    assert ("ann", "mug") in names(log, 8)
    assert ("ann", "mug") not in names(log, 9)
    assert ("ann", "pot") in names(log, 9)


def test_a_refund_in_part_takes_nothing_away(make_log):
    refund = line("ann", "mug", 3) | {"kind": "refund", "amount": -1.0, "refund_of": "ann1", "order_id": "r1"}
    log = make_log([("ann", "mug", 1), ("bob", "pot", 2), refund])
    assert ("ann", "mug") in names(log, 5)


def test_a_refund_of_the_whole_order_takes_all_of_its_items(make_log):
    refund = line("ann", "mug", 3) | {"kind": "refund", "amount": -4.0, "refund_of": "ann1", "item_id": None}
    log = make_log([("ann", "mug", 1), ("ann", "pot", 1), ("bob", "pot", 2), refund])
    assert set(names(log, 5)) == {("bob", "pot")}


def test_an_earlier_day_of_the_same_lines_is_what_was_read_then(make_log):
    log = make_log(habits(40))
    lines = read_lines(log, moment(300))
    earlier = read_lines(log, moment(200))
    now, then = known_on(lines, lines.end - 100), known_on(earlier, earlier.end)
    for name in ("times", "first", "last", "in_last", "in_last_three", "order_day", "order_size"):
        assert np.array_equal(getattr(now, name), getattr(then, name)), name
    assert lines.items[now.pair_item].tolist() == earlier.items[then.pair_item].tolist()


def test_pairs_against_a_slow_oracle(make_log):
    events = habits(20)
    lines = read_lines(make_log(events), moment(250))
    history = known_on(lines, lines.end)
    days: dict[tuple[str, str], set] = {}
    orders: dict[str, set] = {}
    for event in events:
        if event["ts"] < moment(250):
            days.setdefault((event["customer_id"], event["item_id"]), set()).add(event["ts"].date())
            orders.setdefault(event["customer_id"], set()).add(event["ts"].date())
    found = zip(lines.customers[history.pair_customer], lines.items[history.pair_item], strict=True)
    for p, pair in enumerate(found):
        bought, lately = days.pop(pair), sorted(orders[pair[0]])[-3:]
        assert history.times[p] == len(bought)
        assert history.last[p] - history.first[p] == (max(bought) - min(bought)).days
        assert history.in_last_three[p] == len(bought & set(lately))
        assert history.in_last[p] == (lately[-1] in bought)
    assert days == {}
    assert history.orders.tolist() == [len(orders[c]) for c in lines.customers]


def test_a_cutoff_within_a_day_knows_the_morning(make_log):
    log = make_log([("ann", "mug", 1), ("ann", "pot", 2)])
    lines = read_lines(log, moment(2) + timedelta(hours=12))
    assert len(lines) == 2 and lines.end - lines.day.min() == 2


def test_bought_within_a_window(make_log):
    lines = read_lines(
        make_log([("ann", "mug", 1), ("ann", "pot", 5), ("ann", "pot", 6), ("ann", "cup", 9)]), moment(20)
    )
    found = bought_within(lines, lines.end - 15, 4)  # days 5 to 8
    assert [lines.items[i] for i in found.indices] == ["pot"] and found.data.tolist() == [1.0]


def test_value_at_is_zero_where_there_is_none(make_log):
    lines = read_lines(make_log([("ann", "cup", 1), ("bob", "mug", 1)]), moment(5))
    history = known_on(lines, lines.end)
    matrix = history.matrix(np.array([3.0, 4.0]))
    assert value_at(matrix, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])).tolist() == [3, 0, 0, 4]
    assert history.places(np.array([1, 0]), np.array([0, 0, 1]), np.array([0, 1, 0])).tolist() == [-1, 1, 0]


def test_a_matrix_that_is_changed_changes_no_history(make_log):
    lines = read_lines(make_log([("ann", "cup", 1), ("bob", "mug", 1)]), moment(5))
    history = known_on(lines, lines.end)
    history.matrix(np.array([0.0, 4.0])).eliminate_zeros()
    assert lines.items[history.pair_item].tolist() == ["cup", "mug"]


@pytest.mark.parametrize(
    ("events", "day", "what"),
    [
        ([("ann", "mug", 1)], 1, "no customer had ordered"),
        ([("ann", "mug", 1), ("bob", "mug", 2)], 5, "only one item"),
        ([line("ann", "mug", 1, item_id=None)], 5, "no order before the cutoff names its items"),
    ],
)
def test_too_little_to_recommend_from_is_told(make_log, events, day, what):
    with pytest.raises(InputError, match=what) as caught:
        read_lines(make_log(events), moment(day))
    assert caught.value.code == "no-history"
