"""What the disk or the system refuses, told as a fault that the user can mend."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from worthwhile.errors import InputError

# What writing may meet: errno -> what to do. All else is a bug of ours or a fault of the file that is read.
REMEDIES: dict[int, str] = {
    errno.ENOSPC: "free some space on that disk and try again",
    errno.EDQUOT: "free some space, or have the quota raised, and try again",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f) and try again",
    errno.EACCES: "give yourself the right to write there (chmod, chown) and try again",
    errno.EPERM: "give yourself the right to write there (chmod, chown) and try again",
    errno.EROFS: "the disk is mounted read-only: mount it for writing, or move the shop",
    errno.EIO: "the disk has a fault: move the shop to another one",
    errno.EMFILE: "raise the limit on open files (ulimit -n) and try again",
}
# Programs that are not written in Python give the system's words in the place of its number.
_WORDS = {os.strerror(number).lower(): number for number in REMEDIES}
_RUST = re.compile(r"\(os error (\d+)\)")


def refused(error: BaseException) -> int | None:
    """The errno of an error that says that writing was refused; None of any other."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.errno in REMEDIES else None
    if not isinstance(error, OSError | duckdb.Error | DeltaError | pa.ArrowException):
        return None
    text = str(error)
    if (numbered := _RUST.search(text)) and int(numbered[1]) in REMEDIES:
        return int(numbered[1])
    return next((number for words, number in _WORDS.items() if words in text.lower()), None)


@contextmanager
def told(folder: Path, state: str = "the shop cannot be written, and is as it was") -> Iterator[None]:
    """Raise InputError `cannot-write` in the place of an error by which the system refuses to write the shop.

    `state` says how the shop is then.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        number = refused(error)
        if number is None:
            raise
        raise InputError(
            "cannot-write",
            f"{state}: {os.strerror(number).lower()}",
            where=str(getattr(error, "filename", None) or folder),
            remedy=REMEDIES[number],
        ) from error
