"""HiGHS, as scipy carries it: binary programs, without what its C++ prints."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from worthwhile.decide.budget.problem import Array


@dataclass(frozen=True)
class Solved:
    """The best choice found, None where there is none, and the value that no choice exceeds."""

    chosen: Array | None  # (n,) of bool
    bound: float


def best_binary(value: Array, matrix: csr_array, most: Array, *, gap: float, nodes: int) -> Solved:
    """Maximise value . x with matrix x <= most, x of zeros and ones, to `gap` of the best value or in `nodes` nodes.

    A count of nodes and not of seconds: the same question gets the same answer on every machine.
    """
    size = float(value.sum())
    options = {"mip_rel_gap": float(np.clip(gap / size, 1e-9, 1.0)), "node_limit": nodes}
    with _quiet():
        found = milp(
            -value,
            integrality=np.ones(len(value)),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(matrix, -np.inf, most),
            options=options,
        )
    bound = np.inf if found.mip_dual_bound is None else -float(found.mip_dual_bound)
    return Solved(None if found.x is None else found.x > 0.5, bound)


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard output goes nowhere: some releases of HiGHS print from C++ whatever they are told, into JSON too."""
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
