"""What was named to be read: files, shell patterns, a database."""

from __future__ import annotations

from collections.abc import Sequence
from glob import glob
from pathlib import Path

from worthwhile.errors import InputError
from worthwhile.ingestion.address import Address, read_address, scheme_of

_PATTERN = ("*", "?", "[")


def expand(named: Sequence[Path | str]) -> list[Path | Address]:
    """Files and databases in the order given, patterns as the files that they match, in the order of their names.

    Raises InputError `bad-argument` for a URL that is no database's, `bad-file` for a pattern that matches nothing.
    """
    found: list[Path | Address] = []
    for one in named:
        if isinstance(one, str) and scheme_of(one):
            found.append(read_address(one))
        else:
            found += _files(Path(one))
    return found


def _files(path: Path) -> list[Path]:
    """A file that is called like a pattern is that file."""
    if not any(sign in str(path) for sign in _PATTERN) or path.exists() or path.is_symlink():
        return [path]
    matches = glob(str(path), recursive=True)  # noqa: PTH207 (as shells do, it leaves hidden files out)
    files = sorted(Path(name) for name in matches if not Path(name).is_dir())
    if not files:
        raise InputError("bad-file", "no file matches this pattern", where=str(path), remedy="check folder and pattern")
    return files
