"""Locks on folders. They are the operating system's and end with the process, so that a crash leaves none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows, where nobody is held off
    fcntl = None  # type: ignore[assignment]


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait for whoever else is at work in this folder; it is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None:  # pragma: no cover
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def in_use(folder: Path) -> Iterator[bool]:
    """Hold the folder as one's own, without waiting: whether another holds it already."""
    if fcntl is None:  # pragma: no cover - it may be in use
        yield True
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_anothers = False
        except BlockingIOError:
            is_anothers = True
        yield is_anothers
    finally:
        os.close(handle)
