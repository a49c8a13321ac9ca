"""What solvers print from C++ stays out of the answer: for the command line alone, whose process has one thread that
writes to standard output. The library leaves standard output to whoever runs it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def standard_output_to_nowhere() -> Iterator[None]:
    """HiGHS prints a line of its own whatever it is told (`decide/budget/highs.py`), which would stand in JSON too."""
    sys.stdout.flush()
    try:
        libc, out = ctypes.CDLL(None), os.dup(1)
    except (OSError, TypeError):  # no such library by that name, or no standard output
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        libc.fflush(None)
        os.dup2(nowhere, 1)
        yield
    finally:
        libc.fflush(None)
        os.dup2(out, 1)
        os.close(out)
        os.close(nowhere)
