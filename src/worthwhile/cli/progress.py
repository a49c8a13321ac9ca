"""A progress bar on stderr for work that takes over a second, on a terminal only."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from worthwhile.cli.answer import printable
from worthwhile.progress import Progress as Report
from worthwhile.progress import silent

WAIT_SECONDS = 1.0
PACE_SECONDS = 300.0  # over which the pace is taken that the time left is told by: epochs may last a minute


@contextmanager
def progress() -> Iterator[Report]:
    """A callable `(text, share done)` that functions report to; silent where nobody watches.

    stderr must be a terminal, or WORTH_PROGRESS=1 forces the bar; WORTH_PROGRESS=0 never shows it.
    """
    wish = os.environ.get("WORTH_PROGRESS", "")
    console = Console(file=sys.stderr, force_terminal=True if wish == "1" else None)
    if wish == "0" or not console.is_terminal:
        yield silent
        return
    said = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    left = (TextColumn("left"), TimeRemainingColumn())
    bar = Progress(*said, *left, console=console, transient=True, speed_estimate_period=PACE_SECONDS)
    task = bar.add_task("", total=1.0)
    # A long step may follow the first report, so a timer shows the bar, not the next report.
    timer = threading.Timer(WAIT_SECONDS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda text, share: bar.update(task, description=printable(text), completed=share)
    finally:
        timer.cancel()
        timer.join()
        if bar.live.is_started:
            bar.stop()
