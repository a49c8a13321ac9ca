"""Arrays read and written a slice of customers at a time, against the whole of them."""

from __future__ import annotations

import errno
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.errors import InputError
from worthwhile.features.slices import Growing, counted, ranges, slices

COUNTS = st.lists(st.integers(0, 12), min_size=1, max_size=30)


@given(COUNTS, st.integers(1, 20))
def test_slices_are_all_customers_in_order_and_bounded(counts: list[int], rows: int) -> None:
    offsets = np.concatenate([[0], np.cumsum(counts)])
    made = list(slices(offsets, rows))
    assert [place for some in made for place in range(some.start, some.stop)] == list(range(len(counts)))
    for some in made:
        assert offsets[some.stop] - offsets[some.start] <= rows or some.stop - some.start == 1


def test_without_customers_there_is_one_empty_slice() -> None:
    assert list(slices(np.zeros(1, dtype=np.int64))) == [slice(0, 0)]


@given(COUNTS)
def test_rows_are_counted_for_each_customer(counts: list[int]) -> None:
    offsets = np.concatenate([[0], np.cumsum(counts)])
    odd = np.arange(offsets[-1]) % 3 == 1
    told = counted(offsets, lambda here: odd[here])
    assert list(told) == [odd[a:b].sum() for a, b in pairwise(offsets)]


def test_ranges_follow_one_another() -> None:
    places, begins = ranges(np.array([5, 0, 7]), np.array([2, 0, 3]))
    assert list(places) == [5, 6, 7, 8, 9] and list(begins) == [0, 2, 2]


def test_what_grows_is_read_as_if_joined_and_leaves_no_file(tmp_path: Path) -> None:
    parts = [np.arange(6, dtype=np.float32).reshape(-1, 2), np.zeros((0, 2)), np.ones((1, 2))]
    growing = Growing(tmp_path)
    for part in parts:
        growing.add({"pairs": part, "none": np.zeros(0, dtype=np.int8)})
    made = growing.arrays()
    assert np.array_equal(made["pairs"], np.concatenate(parts)) and made["pairs"].dtype == np.float32
    assert made["none"].shape == (0,) and made["none"].dtype == np.int8
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("worthwhile.features.slices.TemporaryFile", full)
    with pytest.raises(InputError) as caught:
        Growing(tmp_path).add({"ones": np.ones(3)})
    assert (caught.value.code, caught.value.where) == ("cannot-write", str(tmp_path))
