"""The command line `worth`: a thin face over the Python functions. One file a command."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """The entry point of `worth`; ends the process with a stable exit code."""
    from worthwhile.cli.entry import run

    raise SystemExit(run(argv))
