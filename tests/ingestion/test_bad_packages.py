"""Bad files that are no text, and bad paths: one clear error, or every row an event or in quarantine; never a crash.

A file of its own beside `test_bad_files.py`, so that both run side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oracles.bad_file_runs import PACKAGES, faults

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes, sockets and signals of POSIX")
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("family", PACKAGES)
def test_no_bad_package_or_path_crashes_hangs_loses_a_row_or_changes_the_shop(family: str, tmp_path: Path) -> None:
    chosen, wrong = faults(family, tmp_path)
    assert chosen > 0 and wrong == []


def test_bombs_and_endless_lines_stay_within_a_gigabyte() -> None:
    """In a process of its own, whose peak is its own; only those that are made in a moment."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "oracles.bad_file_runs", "quick"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f"{outcome['name']}: {outcome['fault']}" for outcome in outcomes if outcome["fault"]] == []
    assert len(outcomes) > 10
    assert max(outcome["peak_gb"] for outcome in outcomes) < 1.0
