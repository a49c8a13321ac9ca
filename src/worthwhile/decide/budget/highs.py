"""HiGHS, as scipy carries it: binary programs.

It is told to be silent (scipy's `disp`, which is off), and all but one line of it is: where a solution of the reduced
problem has to be repaired, the release that scipy 1.17 carries prints a line from C++ that no option turns off. A
library does not take standard output away from the other threads of its process, so the line is kept out of the answer
where the process is ours alone: `cli/solver_output.py`.
"""

from __future__ import annotations

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
    found = milp(
        -value,
        integrality=np.ones(len(value)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, -np.inf, most),
        options=options,
    )
    bound = np.inf if found.mip_dual_bound is None else -float(found.mip_dual_bound)
    return Solved(None if found.x is None else found.x > 0.5, bound)
