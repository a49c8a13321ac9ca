"""Tasks: target, horizon, filter."""

import pytest

from worthwhile.errors import InputError
from worthwhile.tasks import TARGETS, Horizon, Task


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_makes_a_task(target):
    task = Task.of("90d", target)
    assert task.horizon == Horizon(90, "d") and task.where == ()
    assert task.amount_name == ("value" if target == "value" else "spend")


def test_filters_take_one_text_or_several_and_stand_in_a_fixed_order():
    task = Task.of("90d", item_id="i1", category=["tea", "pots"], channel=None)
    assert task.where == (("category", ("pots", "tea")), ("item_id", ("i1",)))
    assert task == Task.of("90d", category=["tea", "pots"], item_id=["i1"])
    assert str(task) == "spend over 90d, category pots/tea, item_id i1"


def test_a_task_can_be_a_key():
    assert len({Task.of("90d"), Task.of("90d"), Task.of("12w")}) == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("90d", "profit"), "profit"), (("soon",), "soon")],
)
def test_what_is_no_target_or_horizon_is_refused(arguments, named):
    with pytest.raises(InputError) as caught:
        Task.of(*arguments)
    assert caught.value.code == "bad-argument" and f"`{named}`" in str(caught.value)


def test_a_filter_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(InputError) as caught:
        Task.of("90d", colour="red")
    assert caught.value.code == "bad-argument" and "category, channel, item_id" in str(caught.value)
