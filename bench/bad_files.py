"""Over 400 files that no reader should meet, each ingested by itself: what comes of them, the slowest, peak memory.

    python bench/bad_files.py            # every file
    python bench/bad_files.py sizes      # one family of them

Each file is ingested in a process of its own, forked from one that has everything imported; its peak is its own plus
what the imports take. Prints Markdown tables, and what was wrong. With a fault the exit code is 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from tables import markdown

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles.bad_file_runs import Outcome, run_all
from oracles.bad_files import FAMILIES, BadFile, bad_files

SLOWEST = 10


def run_one(family: str, file: BadFile, folder: Path) -> tuple[Outcome, float]:
    """What came of a file, and the peak memory of its process in GB."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_in_child, args=(family, file, folder, sender))
    process.start()
    sender.close()
    try:
        told: tuple[Outcome, float] = receiver.recv()
    except EOFError:
        process.join()
        told = Outcome(family, file.name, "death", "", 0.0, f"its process died with code {process.exitcode}"), 0.0
    process.join()
    return told


def _in_child(family: str, file: BadFile, folder: Path, sender: Connection) -> None:
    [outcome] = run_all([(family, file)], folder)
    sender.send((outcome, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", choices=[[], "damaged", *FAMILIES])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    told = []
    for number, (family, file) in enumerate(bad_files(options.seed)):
        if options.families and family not in options.families:
            continue
        with tempfile.TemporaryDirectory(prefix=f"bad-{number}-") as folder:
            told.append(run_one(family, file, Path(folder)))
    _print(told)
    sys.exit(any(outcome.fault for outcome, _ in told))


def _print(told: list[tuple[Outcome, float]]) -> None:
    came = Counter((outcome.family, outcome.came) for outcome, _ in told)
    kinds = sorted({outcome.came for outcome, _ in told})
    families = dict.fromkeys(outcome.family for outcome, _ in told)
    rows = [[family, *(came[family, kind] or "" for kind in kinds)] for family in families]
    rows.append(["all", *(sum(came[family, kind] for family in families) for kind in kinds)])
    print(markdown(["family", *kinds], rows), end="\n\n")
    slowest = sorted(told, key=lambda pair: -pair[0].seconds)[:SLOWEST]
    rows = [[o.name, f"{o.family}: {o.came}", f"{o.seconds:.1f}", f"{peak:.2f}"] for o, peak in slowest]
    print(markdown(["slowest", "what came", "seconds", "peak GB"], rows), end="\n\n")
    most = sorted(told, key=lambda pair: -pair[1])[:SLOWEST]
    rows = [[o.name, f"{o.family}: {o.came}", f"{o.seconds:.1f}", f"{peak:.2f}"] for o, peak in most]
    print(markdown(["most memory", "what came", "seconds", "peak GB"], rows), end="\n\n")
    faults = [outcome for outcome, _ in told if outcome.fault]
    print(f"{len(told)} files, {len(faults)} faults")
    for outcome in faults:
        print(f"- {outcome.family}, {outcome.name}: {outcome.fault}")


if __name__ == "__main__":
    main()
