"""Plans, campaigns and hand-over on a simulated shop of 200,000 customers: processor seconds and memory of each step.

    python bench/campaigns_at_size.py FOLDER      # about five minutes, most of it the shop itself

The shop is that of `bench/shops.py`. Each step runs in a process of its own, as it does on the command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LINES, SEED = 2_000_000, 7
ACTIONS = """
[actions.email]
cost = 0.05
lift_spend = 0.03

[actions.card]
channel = "post"
cost = 1.2
points_active = 0.04
"""
CODE = "from worthwhile.cli import main; main()"


def step(*arguments: object) -> tuple[float, float]:
    """Processor seconds and peak memory in GB of one command."""
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(map(str, arguments))} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shop, actions, contacts = folder / "shop", folder / "actions.toml", folder / "contacts.csv"
    actions.write_text(ACTIONS)
    if not shop.exists():
        from shops import write_csv

        write_csv(folder / "orders.csv", LINES, SEED)
        step("init", shop, "--currency", "GBP")
        step("ingest", shop, folder / "orders.csv")
        step("forecast", shop, "--horizon", "30d", "--model", "past-rate", "--cutoff", "2023-10-01")
    steps = {
        "`worth plan --actions` (2 actions, budget, 10 % left alone)": (
            "plan", shop, "--actions", actions, "--budget", 20_000, "--out", folder / "plan.parquet"),
        "`worth campaign design --plan`": ("campaign", "design", shop, "--campaign", "planned", "--plan", "latest"),
        "`worth campaign design --arm` (2 arms)": (
            "campaign", "design", shop, "--campaign", "arms", "--arm", "email", "--arm", "card",
            "--contacts", contacts),
        "`worth campaign measure`": ("campaign", "measure", shop, "--campaign", "arms"),
        "`worth ingest contacts.csv`": ("ingest", shop, contacts),
        "`worth campaign measure`, contacts in the log": ("campaign", "measure", shop, "--campaign", "arms"),
        "`worth export campaign:arms`, CSV": ("export", shop, "--what", "campaign:arms", "--out", folder / "who.csv"),
        "`worth export campaign:arms`, JSON lines": (
            "export", shop, "--what", "campaign:arms", "--out", folder / "who.jsonl"),
    }  # fmt: skip
    print("| step | processor seconds | peak memory |\n|---|---|---|")
    for name, arguments in steps.items():
        seconds, memory = step(*arguments)
        print(f"| {name} | {seconds:.1f} | {memory:.1f} GB |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
