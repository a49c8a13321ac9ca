"""Consent: what columns say of it, however they are called and written, and which of them counts for a channel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.decide.columns import KNOWN
from worthwhile.decide.tables import FALSE, TRUE
from worthwhile.errors import InputError
from worthwhile.ingestion.columns import plain

# Anything else is refused, and what is missing is no consent.
YES = (*TRUE, "1", "1.0", "opt-in", "optin", "subscribed", "同意", "已同意", "已订阅")
NO = (*FALSE, "0", "0.0", "", "opt-out", "optout", "unsubscribed", "不同意", "未同意", "未订阅")
# Channel -> what it is called in Chinese: `consent_sms` and 短信同意 speak of the same, as do rows of `sms` and 短信.
CHANNELS = {
    "sms": ("短信", "手机短信"),
    "email": ("邮件", "电子邮件", "邮箱"),
    "phone": ("电话",),
    "wechat": ("微信",),
    "post": ("邮寄", "信件", "直邮"),
    "push": ("推送", "app推送"),
}
BARE = (
    "短信",
    "邮件",
)  # names that are a channel alone, in tables of consent; 电话 and 微信 may be a number and a name
# What stands behind `consent_` and is no channel: when and how a consent was given, or taken back.
ABOUT = ("date", "day", "time", "timestamp", "at", "source", "text", "version", "ip", "id")
_BEFORE = r"(?:是否)?(?:同意)?(?:接收|授权)?"
_AFTER = r"(?:营销)?(?:是否)?(?:同意|授权|许可)?"
_ALL = re.compile(f"{_BEFORE}({'|'.join(word for words in CHANNELS.values() for word in words)}){_AFTER}")


def consented(column: pa.ChunkedArray, *, where: str) -> np.ndarray[Any, Any]:  # (R,) of bool
    """Whether each row of a column says yes. Raises InputError `bad-values` for a word that is neither yes nor no."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(pc.fill_null(pc.cast(column, pa.string()), ""), pa.string())))
    odd = pc.invert(pc.is_in(texts, value_set=pa.array((*YES, *NO))))
    row = pc.index(odd, True).as_py()
    if row >= 0:
        raise InputError(
            "bad-values",
            f"`{texts[row].as_py()}` says neither yes nor no",
            where=f"{where} row {row + 1}",
            remedy="write true or false, yes or no, 1 or 0, 是 or 否; what is missing is no consent",
        )
    found = pc.is_in(texts, value_set=pa.array(YES))
    return np.asarray(found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), bool)


def channel_of(name: str) -> str:
    """A channel by its usual name: `sms` of 短信; any other as it is."""
    return next((channel for channel, words in CHANNELS.items() if plain(name) in words), name)


def consent_columns(table: pa.Table, *, where: str = "", bare: bool = False) -> dict[str, str]:
    """`consent` and `consent_<channel>` -> the table's columns that say so, as far as there are such. With `bare` a
    channel's name alone is one too. Raises InputError `bad-columns` where two say the same."""
    found: dict[str, str] = {}
    for name in table.column_names:
        said = _said(name, bare=bare)
        if said in found:
            raise InputError(
                "bad-columns",
                f"`{found[said]}` and `{name}` both speak of {said.removeprefix('consent_')}",
                where=where,
                remedy="leave one of them out",
            )
        if said:
            found[said] = name
    return found


def _said(name: str, *, bare: bool) -> str:
    """What a column of this name is: `consent`, `consent_<channel>`, or nothing."""
    if name == "consent" or plain(name) in KNOWN["consent"]:
        return "consent"
    if name.startswith("consent_"):
        of = name.removeprefix("consent_")
        return "" if plain(of) in ABOUT else f"consent_{channel_of(of)}"
    way = plain(name)
    match = _ALL.fullmatch(way)
    if match and (way != match[1] or (bare and way in BARE)):
        return f"consent_{channel_of(match[1])}"
    return ""


def consents(table: pa.Table, *, where: str, bare: bool = False) -> dict[str, np.ndarray[Any, Any]]:  # -> (R,) of bool
    """What `consent_columns` finds in a table: whether each row says yes.

    Raises InputError `bad-columns`, `bad-values`.
    """
    return {
        said: consented(table[name], where=f"{where}, {name}")
        for said, name in consent_columns(table, where=where, bare=bare).items()
    }


def consent_for(channel: str, said: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:  # (R,) of bool
    """Who may be contacted through a channel, of what `consents` found (at least one column): `consent_<channel>`
    counts; where nothing is said of the channel, `consent`; without that nobody, since a yes to text messages is none
    to letters. Where the channel is not known (empty), only those who said yes to every one."""
    for name in (f"consent_{channel_of(channel)}", "consent"):
        if name in said:
            return said[name]
    every = np.asarray(np.logical_and.reduce(list(said.values())))
    return np.zeros_like(every) if channel else every


def channels_of(table: pa.Table, channel: str = "") -> pa.ChunkedArray:  # (R,) of texts
    """Each row's channel: its own, and `channel` where it has none; empty where none is known."""
    if "channel" not in table.column_names:
        return pa.chunked_array([pa.repeat(channel, len(table))])
    own = pc.utf8_trim_whitespace(pc.cast(table["channel"], pa.string()))
    return pc.if_else(pc.fill_null(pc.not_equal(own, ""), False), own, channel)


def consent_by_row(
    channels: pa.ChunkedArray, said: Mapping[str, np.ndarray[Any, Any]], at: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, Any]:  # (R,) of bool
    """`consent_for` each row's own channel. Where something is said of customers, `at` (R,) are the rows' places in it;
    else it is said of the rows."""
    found = np.zeros(len(channels), bool)
    for name in pc.unique(channels).to_pylist():
        yes = consent_for(name, said)
        found = np.where(pc.equal(channels, name).to_numpy(), yes if at is None else yes[at], found)
    return found
