"""Texts are read as they were meant, however they were written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worthwhile.content.hygiene import LONGEST, clean

ODD = "<>&;#x/!-abcltgtamp 0123\x00\n\t\u3000\u200b\ufeff\uff1c\uff06好é\u0301👍"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        (" \n\t\u3000", ""),
        ("\u200b\ufeff\u200d", ""),
        ("a plain title", "a plain title"),
        ("two\r\n lines\tand  more", "two lines and more"),
        ("bell\x07 and nul\x00s", "bell and nuls"),
        ("<p>Good<br/>mug</p>", "Good mug"),
        ("<!-- hidden --><b class='x'>seen</b>", "seen"),
        ("<style>p {color: red}</style>x<script>alert('hi')</script>", "x"),
        ("salt &amp; pepper&nbsp;&#8364;5 &#x4F60;", "salt & pepper €5 你"),
        ("twice &amp;amp; over", "twice & over"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("I <3 it, a < b and c > d, R&D", "I <3 it, a < b and c > d, R&D"),
        ("Ｆｕｌｌ－ｗｉｄｔｈ（１２３）！", "Full-width(123)!"),
        ("ﬁne 好评，质量不错。", "fine 好评,质量不错。"),
        ("great 👍🏽 非常好 👨‍👩‍👧 très bien", "great 👍🏽 非常好 👨‍👩‍👧 très bien"),
        ("e\u0301", "é"),
        ("half a pair \ud83d stays out, \ufffd too", "half a pair stays out, too"),
    ],
)
def test_text_becomes(text: str | None, expected: str) -> None:
    assert clean(text) == expected


@given(st.text() | st.text(ODD, max_size=40))
def test_what_is_clean_stays_and_holds_no_control_character(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= LONGEST and "  " not in cleaned and cleaned == cleaned.strip()
    assert not [sign for sign in cleaned if unicodedata.category(sign) in ("Cc", "Cs")]
    cleaned.encode("utf-8")


@pytest.mark.parametrize("part", ["<", "<a ", "<!--", "<script>", "&amp;", "&", "<a>" * 3 + "<", "好", "x "])
def test_over_long_text_is_cut_and_none_takes_for_ever(part: str) -> None:
    assert len(clean(part * 100_000)) <= LONGEST
    assert len(clean("<" * 50_000 + "a" + ">" * 50_000)) <= LONGEST
