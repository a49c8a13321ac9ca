"""The folder that a run lays the events out in, below the shop's scratch. It tells of every customer by name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp

from worthwhile.errors import InputError
from worthwhile.store.faults import told
from worthwhile.store.locks import in_use, one_at_a_time

PREFIX = "sequences-"


@contextmanager
def sequences_folder(scratch: Path) -> Iterator[Path]:
    """A folder of one's own, gone afterwards; those that killed processes left are removed first.

    Raises InputError `cannot-write`, and `shop-busy` where a customer was forgotten meanwhile, which removes it.
    """
    with ExitStack() as held:
        with told(scratch), one_at_a_time(scratch):  # between making a folder and holding it nobody may clear it away
            for left in sequences_folders(scratch):
                _remove_unless_used(left)
            folder = Path(mkdtemp(prefix=PREFIX, dir=scratch))
            held.enter_context(in_use(folder))
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            yield folder
        except FileNotFoundError as error:
            if folder.is_dir():
                raise
            raise InputError(
                "shop-busy",
                "a customer was forgotten while the events were read",
                where=str(scratch.parent),
                remedy="run it again",
            ) from error


def sequences_folders(scratch: Path) -> list[Path]:
    """Those that are there, in use or left behind."""
    return sorted(scratch.glob(PREFIX + "*"))


def _remove_unless_used(folder: Path) -> None:
    try:
        with in_use(folder) as is_anothers:
            if not is_anothers:
                shutil.rmtree(folder, ignore_errors=True)
    except FileNotFoundError:  # its process has just ended
        return
