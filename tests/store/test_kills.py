"""A writer that is killed at any moment leaves the old state or the new."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROUNDS = 50


def test_writers_killed_at_random_moments_lose_nothing_and_leave_no_half() -> None:
    """In a process of its own: it forks, which one that has started threads must not."""
    command = [sys.executable, str(TESTS / "oracles" / "kills.py"), "--rounds", str(ROUNDS), "--whole", "8"]
    path = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: found[name] for name in ("lost", "halves", "duplicates", "wrong")} == {
        "lost": 0,
        "halves": 0,
        "duplicates": 0,
        "wrong": 0,
    }
    assert found["rounds"] == ROUNDS
    assert found["killed"] > 0 and found["acknowledged"] > 0
