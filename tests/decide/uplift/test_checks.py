"""Balance, chance, overlap and placebos say what is so."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from worthwhile.decide.uplift import checks
from worthwhile.decide.uplift.checks import balance, overlap, placebos, predictability


def test_a_randomised_log_is_balanced_and_chance_and_another_is_neither(campaigns: ModuleType) -> None:
    drawn = campaigns.simulate("constant", customers=3_000, seed=1).trial
    leaning = campaigns.simulate("constant", customers=3_000, seed=1, observational=True).trial
    assert max(abs(each.errors) for each in balance(drawn)) < 4
    assert predictability(drawn, seed=0) < 3
    worst = max(balance(leaning), key=lambda each: abs(each.errors))
    assert worst.covariate == "history" and worst.errors > 4 and worst.difference > 0.2
    assert predictability(leaning, seed=0) > 3


def test_overlap_counts_what_weighted_customers_are_worth(campaigns: ModuleType) -> None:
    trial = campaigns.simulate("constant", customers=3_000, seed=1).trial
    even = np.full((3_000, 3), 1 / 3)
    assert [each.effective for each in overlap(trial, even)] == pytest.approx(np.bincount(trial.action).tolist())
    skewed = even.copy()
    skewed[:30, 1] = 0.01
    one = overlap(trial, skewed)[1]
    assert one.poor == pytest.approx(0.01) and one.effective < 0.8 * one.customers


def test_placebos_find_nothing_and_say_so_where_they_do(learned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = learned[0].trial
    found = placebos(trial[np.arange(0, len(trial), 2)], seed=0)
    assert {each.outcome for each in found} == {"visit", "spend"}
    assert {each.check for each in found} == {"shuffled", "A/A"}
    assert not any(each.is_seen for each in found)
    monkeypatch.setattr(checks, "SEEN", -10.0)
    assert all(each.is_seen for each in found)
