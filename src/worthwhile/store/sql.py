"""Quoting for SQL: the one place where names and texts are pasted into a statement."""

from __future__ import annotations

from collections.abc import Iterable


def name(identifier: str) -> str:
    """An identifier in double quotes: a column or table name from outside cannot break out of it."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text literal. Use bound values where the statement takes them; DDL such as CREATE VIEW does not."""
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """A list of text literals, for IN (...) and for lists of files."""
    return ", ".join(text(value) for value in values)
