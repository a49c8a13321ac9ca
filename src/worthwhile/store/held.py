"""Files held open, so that a reader goes on reading what it opened though the files are replaced or removed meanwhile.

`worth forget` replaces files of older versions under their own names, and `worth compact` removes some. A path in
`/dev/fd` leads to the file that was opened, whatever its name leads to now. Without that folder (Windows), or where too
many files are open already, the names are read as they are.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

try:
    import resource
except ImportError:  # pragma: no cover - Windows
    resource = None  # type: ignore[assignment]

_OPEN = Path("/dev/fd")
_SHARE = 0.5  # of the files that the process may have open: queries open each of them again


class Held:
    """Files of tables, held open until `close`, or until nobody has this any more."""

    def __init__(self, files: Mapping[str, Sequence[str]]) -> None:
        """Raises FileNotFoundError where one is not there."""
        self.files = {table: list(paths) for table, paths in files.items()}  # table -> paths to read it by
        handles: list[int] = []
        self.close = weakref.finalize(self, _close, handles)
        if not _is_room_for(sum(map(len, files.values()))):
            return
        for paths in self.files.values():
            for place, path in enumerate(paths):
                handles.append(os.open(path, os.O_RDONLY))
                paths[place] = str(_OPEN / str(handles[-1]))


def _close(handles: list[int]) -> None:
    for handle in handles:
        os.close(handle)


def _is_room_for(count: int) -> bool:
    if resource is None or not _OPEN.is_dir():  # pragma: no cover - Windows
        return False
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most == resource.RLIM_INFINITY or sum(1 for _ in _OPEN.iterdir()) + count <= most * _SHARE
