"""How many threads the numerical libraries take while models are fitted and asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Matrix products stay on the thread that asks for them.

    Those here are small: BLAS on two threads takes half as much processor time again, spent in waiting, and where
    another program is on one of the cores a fit takes twice as long by the clock. It also keeps results the same on
    any number of cores. Cores are used by fitting several models side by side (`ensemble.py`).
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
