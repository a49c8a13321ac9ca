"""Writers killed at random moments: what is lost, half there or there twice, and how long a shop takes to open then.

    python bench/kills.py --rounds 1000 --whole 2

Every `--whole`-th file is a CSV file that is ingested, the others are batches that are written as they are, since
nothing can break while a file is being read. Prints a Markdown table. The rounds are those of the test
`tests/store/test_kills.py`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from oracles.kills import run

NAMES = {
    "rounds": "rounds",
    "killed": "killed before they were done",
    "compactions_killed": "of these, compactions",
    "lost": "acknowledged batches lost",
    "halves": "half batches",
    "duplicates": "events twice",
    "wrong": "shops that differ in the end from one never disturbed",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--whole", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = run(given.rounds, given.seed, whole=given.whole, times=True).to_dict()
    print("| what | count |\n|---|---:|")
    for key, name in NAMES.items():
        print(f"| {name} | {found[key]:,} |")
    print(f"| seconds to open afterwards, median | {found['open_median']:.3f} |")
    print(f"| the same, worst | {found['open_worst']:.3f} |")


if __name__ == "__main__":
    main()
