"""How answers are printed: JSON that any parser reads, tables that steer no terminal, a bar that stays quiet."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.cli import progress as progress_module
from worthwhile.cli.answer import Answer, as_json, money, percent, print_answer, printable, table
from worthwhile.cli.progress import progress
from worthwhile.cli.texts import heads, said
from worthwhile.evaluation.texts import texts_of
from worthwhile.languages import LANGUAGES


@dataclass(frozen=True)
class _Thing:
    day: date
    share: float


def test_json_holds_what_commands_answer_with() -> None:
    document = {
        "moment": datetime(2011, 9, 1, tzinfo=UTC),
        "thing": _Thing(date(2011, 9, 1), 0.5),
        "path": Path("a/b"),
        "array": np.array([1.0, float("nan")]),
        "number": np.int64(3),
        "infinite": float("inf"),
        "pair": (1, 2),
        5: "text key",
    }
    assert json.loads(as_json(document)) == {
        "moment": "2011-09-01T00:00:00+00:00",
        "thing": {"day": "2011-09-01", "share": 0.5},
        "path": "a/b",
        "array": [1.0, None],
        "number": 3,
        "infinite": None,
        "pair": [1, 2],
        "5": "text key",
    }


@given(st.text())
def test_printable_text_holds_no_control_character(text: str) -> None:
    assert all(c == "\n" or c.isprintable() for c in printable(text))


def test_customer_id_cannot_colour_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("\x1b[31mred", "[bold]loud"), ("小明", "1")]
    print_answer(
        Answer({}, (table("t\x1b[0m", ("customer", "note"), rows), "\x1b[2Jdone [red]x[/red]")), wants_json=False
    )
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "[bold]loud" in said and "小明" in said and "done [red]x[/red]" in said.replace("\\x1b[2J", "")


def test_numbers_stand_to_the_right_and_texts_to_the_left() -> None:
    shown = table("", ("name", "amount"), [("a", "1,234.50 %"), ("b", "-")])
    assert [column.justify for column in shown.columns] == ["left", "right"]
    numbers = ["+£18.00", "−£4.20", "<0.1%", "–", "HK$5.00", "PLN 12.00", "£1.23m", "¥1.5 万", "-1,234.5"]
    shown = table("", ("number", "text"), [(number, text) for number, text in zip(numbers, ["C0001"] * 9, strict=True)])
    assert [column.justify for column in shown.columns] == ["right", "left"]


def test_money_and_shares_are_short() -> None:
    assert [money(1234.56, "GBP"), money(9.876), money(float("nan"))] == ["£1,235", "9.88", "–"]
    assert [percent(0.1234), percent(0.0834), percent(float("nan"))] == ["12%", "8.3%", "–"]
    assert printable(money(-12, "PLN")) == "−PLN 12.00"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bar_shows_work_over_the_wait_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "WAIT_SECONDS", 0.05)
    monkeypatch.setenv("WORTH_PROGRESS", "1")
    slow, fast = _Terminal(), _Terminal()
    monkeypatch.setattr("sys.stderr", slow)
    with progress() as watch:
        watch("fitting [models]", 0.3)
        time.sleep(0.4)
    assert "fitting [models]" in slow.getvalue()
    monkeypatch.setattr("sys.stderr", fast)
    monkeypatch.setattr(progress_module, "WAIT_SECONDS", 60)
    with progress() as watch:
        watch("quick", 1.0)
    assert fast.getvalue() == ""


@pytest.mark.parametrize("wish", ["", "0"])
def test_bar_is_silent_without_a_terminal(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setattr(progress_module, "WAIT_SECONDS", 0.0)
    monkeypatch.setenv("WORTH_PROGRESS", wish)
    heard = io.StringIO() if wish == "" else _Terminal()
    monkeypatch.setattr("sys.stderr", heard)
    with progress() as watch:
        watch("working", 0.5)
        time.sleep(0.05)
    assert heard.getvalue() == ""


def test_the_commands_own_words_are_there_in_both_languages() -> None:
    english, chinese = (texts_of("worthwhile.cli", lang) for lang in LANGUAGES)
    assert english.keys() == chinese.keys() and not set(english.values()) & set(chinese.values())
    assert said("check.title", "zh", shop="s", findings="", n=2) == "s：2 项发现"
    assert heads("explain.own_head", ("amount", "reason"), "en", name="spend") == ["spend", "reason"]
