"""Consent: what columns say of it, however it is written, and which of them counts for a channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from worthwhile.errors import InputError

# Anything else is refused, and what is missing is no consent.
YES = ("true", "yes", "y", "1", "1.0", "opt-in", "optin", "subscribed", "是", "同意", "已订阅")
NO = ("false", "no", "n", "0", "0.0", "", "opt-out", "optout", "unsubscribed", "否", "不同意", "未订阅")


def consented(column: pa.ChunkedArray, *, where: str) -> np.ndarray[Any, Any]:  # (R,) of bool
    """Whether each row of a column says yes. Raises InputError `bad-values` for a word that is neither yes nor no."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(pc.cast(pc.fill_null(pc.cast(column, pa.string()), ""), pa.string())))
    odd = [word for word in pc.unique(texts).to_pylist() if word not in YES and word not in NO]
    if odd:
        raise InputError(
            "bad-values",
            f"`{odd[0]}` says neither yes nor no",
            where=where,
            remedy="write true or false, yes or no, 1 or 0; what is missing is no consent",
        )
    found = pc.is_in(texts, value_set=pa.array(YES))
    return np.asarray(found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), bool)


def consents(table: pa.Table, *, where: str) -> dict[str, np.ndarray[Any, Any]]:  # -> (R,) of bool
    """The columns `consent` and `consent_<channel>` of a table, as far as there are such: whether each row says yes.

    Raises InputError `bad-values`.
    """
    columns = [name for name in table.column_names if name == "consent" or name.startswith("consent_")]
    return {name: consented(table[name], where=f"{where}, {name}") for name in columns}


def consent_for(channel: str, said: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:  # (R,) of bool
    """Who may be contacted through a channel, of what `consents` found (at least one column): `consent_<channel>`
    counts; where nothing is said of the channel, `consent`; without that nobody, since a yes to text messages is none
    to letters. Where the channel is not known (empty), only those who said yes to every one."""
    for name in (f"consent_{channel}", "consent"):
        if name in said:
            return said[name]
    every = np.asarray(np.logical_and.reduce(list(said.values())))
    return np.zeros_like(every) if channel else every
