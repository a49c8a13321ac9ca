"""What the event network's vectors add to boosted trees: Online Retail II, 90 days, at cutoffs for choosing.

    python bench/event_trees.py [--data ../shared/data] [--cutoffs 2010-08-15 2010-10-01 2010-11-15]

Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from retail import open_retail
from tables import by_metric, markdown
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import build_sequences
from worthwhile.models.catalogue import maker
from worthwhile.progress import silent
from worthwhile.runs.prepare import Snapshots
from worthwhile.tasks import Task

METRICS = ("crps", "gini", "auc", "bias")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the public data sets")
    parser.add_argument("--cutoffs", nargs="+", default=["2010-08-15", "2010-10-01", "2010-11-15"])
    parser.add_argument("--models", nargs="+", default=["trees-histogram", "trees-events"])
    given = parser.parse_args()
    rows = []
    with open_retail(given.data) as log, tempfile.TemporaryDirectory() as folder:
        sequences = build_sequences(log, Path(folder) / "sequences")
        snapshots = Snapshots(log, Task.of("90d"), sequences=sequences)
        for cutoff in given.cutoffs:
            matured, known = snapshots.before(cutoff_from(cutoff, log.zone), silent)
            assert known.outcome is not None
            for name in given.models:
                began, model = time.perf_counter(), maker(name)()
                model.fit(matured, known.unseen(), seed=0)
                said = by_metric(model.forecast(known.unseen()), known.outcome)
                numbers = [f"{said[metric]:.4g}" for metric in METRICS]
                rows.append([name, cutoff, *numbers, f"{time.perf_counter() - began:.0f}"])
    print(markdown(["model", "cutoff", *METRICS, "seconds"], sorted(rows)))


if __name__ == "__main__":
    main()
