"""Texts as people and shop systems write them become texts that encoders read well."""

from __future__ import annotations

import html
import re
import unicodedata

LONGEST = 10_000  # characters that are read of a text; encoders read a few hundred words of it
_RAW = 3 * LONGEST  # of a text as it comes, so that a file pasted into a review costs no more than a long one
_PASSES = 4  # an entity may be written within an entity, a tag within a tag; more is an attack

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Spans are bounded, or thousands of openings without an end would take minutes.
_UNSEEN_ELEMENT = re.compile(r"<(script|style)\b[^<>]*>.{0,5000}?</\1\s*>", re.DOTALL | re.IGNORECASE)
# A tag has a name right behind its bracket: `a < b` and `<3` are none.
_TAG = re.compile(r"<(?:/?[A-Za-z][^<>]*|!--.{0,1000}?--|!DOCTYPE[^<>]*)>", re.DOTALL | re.IGNORECASE)
_SPACE = re.compile(r"\s+")
# Joiners make one emoji of several and shape letters of some scripts; other signs that are not seen go.
_JOINERS = "\u200c\u200d"


def clean(text: str | None) -> str:
    """The text without markup, control characters and needless space, in composed, half-width characters.

    Emoji and every language stay. An absent text is an empty one; what is longer than `LONGEST` is cut.
    What is clean already stays as it is.
    """
    text = (text or "")[:_RAW]
    if not (text.isascii() and text.isprintable() and "<" not in text and "&" not in text):
        text = _without_markup(_plain(text))
    text = _SPACE.sub(" ", text).strip(" " + _JOINERS)
    return text[:LONGEST].strip(" " + _JOINERS)


def _plain(text: str) -> str:
    """Entities and compatibility forms (full width, ligatures) as the characters that they stand for (Unicode NFKC)."""
    for _ in range(_PASSES):
        before = text
        text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
        text = unicodedata.normalize("NFKC", "".join(map(_seen, text)))
        if text == before:
            break
    return text


def _without_markup(text: str) -> str:
    if "<" not in text:
        return text
    text = _UNSEEN_ELEMENT.sub(" ", text)
    for _ in range(_PASSES):
        before = text
        text = _TAG.sub(" ", text)
        if text == before:
            return text
    return text.replace("<", " ").replace(">", " ")


def _seen(sign: str) -> str:
    """A character that is seen, as it is; others as a space or not at all."""
    if sign.isprintable() and sign != "\ufffd":
        return sign
    if sign.isspace():
        return " "
    # Emoji that are newer than this Python count as unassigned, and stay.
    return sign if sign in _JOINERS or unicodedata.category(sign) in ("Cn", "Co") else ""
