"""`worth models`: the models that can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worthwhile.cli.answer import Answer, table

if TYPE_CHECKING:
    from worthwhile.models.catalogue import ModelKind


def _membership(kind: ModelKind) -> str:
    if not kind.is_member:
        return ""
    return "with more than orders" if kind.reads_events else "yes"


def models() -> Answer:
    """List all models.

    Each with its family, what it is, and the least history that it needs.

    Example:

        worth models
    """
    from worthwhile.models.catalogue import MODELS

    listed = [
        {
            "name": name,
            "family": kind.family,
            "sentence": kind.sentence,
            "needs": kind.needs,
            "in_ensemble": kind.is_member,
        }
        for name, kind in MODELS.items()
    ]
    rows = [
        (name, kind.family, _membership(kind), kind.needs.customers or "", kind.sentence)
        for name, kind in MODELS.items()
    ]
    columns = ("model", "family", "in ensemble", "customers needed", "what it is")
    return Answer({"models": listed}, (table("Models", columns, rows),))
