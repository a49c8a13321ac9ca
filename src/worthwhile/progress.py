"""How long work tells how far it is: a callable that the faces (command line, service) turn into a bar."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]  # (what is being done, share done from 0 to 1)


def silent(text: str, share: float) -> None:
    """The progress that nobody watches."""


def told(progress: Progress, what: str) -> Progress:
    """The progress of work within other work, each step of which is told with what it is for."""
    return lambda text, share: progress(f"{what}: {text}", share)


def part(progress: Progress, low: float, high: float) -> Progress:
    """The progress of a part of the work, which fills the bar from `low` to `high`."""
    return lambda text, share: progress(text, low + (high - low) * share)
