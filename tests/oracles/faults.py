"""Writing on a disk that fails at one call after the other, and whether the shop is as it was.

    LD_PRELOAD=failing_disk.so python tests/oracles/faults.py failing_disk.so

For each kind of call (writing, naming, making files and folders) a batch is written while the n-th such call
below the shop's folder fails, and all after it, as they do on a disk that is full; for every n there is (the test
suite takes every fifth of the writing calls). Ingesting a
file makes the same calls and many more on its way there, of which every `STEP`-th is tried. Prints as JSON what each
came to: the error's code and words, and whether the shop was as before; and for each kind whether the shop held
in the end, when the disk was well again, what one holds that had no faults.
"""

from __future__ import annotations

import ctypes
import errno
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from oracles.kills import put_in, same
from worthwhile.errors import InputError
from worthwhile.shop import Shop, create_shop, open_shop
from worthwhile.store.tables import read_table

KINDS = {"write": 1, "name": 2, "make": 4}
FAULTS = {"write": errno.ENOSPC, "name": errno.EACCES, "make": errno.EACCES}
FIRST = "customer_id,order_id,date,sku,title,amount\na,1,2020-01-01,s1,Mug,3\nb,2,2020-01-02,s2,Cup,4\nb,9,soon,,,1\n"
SECOND = "customer_id,order_id,date,sku,title,amount\na,3,2020-02-01,s1,Mug,5\nc,4,2020-02-02,s3,Hat,6\nc,9,soon,,,1\n"


STEP = 11  # of an ingest; of a batch each call is tried, or every so many-th as the second argument says


def held(shop: Shop) -> list[Any]:
    """What readers see, cheaply."""
    names = ("events", "quarantine", "batches")
    return [sorted(map(str, read_table(shop, name)["batch_id"].to_pylist())) for name in names]


def attempt(disk: Any, folder: Path, file: Path, kind: str, n: int) -> dict[str, Any]:
    """Put a file in on the failing disk: how many calls there were, and what was raised."""
    shop = open_shop(folder)
    before = held(shop)
    disk.arm(str(folder).encode(), KINDS[kind], FAULTS[kind], n)
    try:
        put_in(shop, file)
        code, text = "", ""
    except InputError as error:
        code, text = error.code, str(error)
    except BaseException as error:
        code, text = type(error).__name__, str(error)
    calls = disk.disarm()
    return {
        "kind": f"{kind} {file.suffix}",
        "n": n,
        "code": code,
        "text": text,
        "calls": calls,
        "kept": held(shop) == before,
    }


def rounds(disk: Any, kind: str, suffix: str, step: int) -> dict[str, Any]:
    """Every n of one kind until all goes well, since there are fewer calls; then whether the shop is whole."""
    results, n = [], 1
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        first, second = place / f"first{suffix}", place / f"second{suffix}"
        first.write_text(FIRST)
        second.write_text(SECOND)
        for folder in ("shop", "peace"):
            put_in(create_shop(place / folder, threads=1), first)
        while (told := attempt(disk, place / "shop", second, kind, n))["calls"] >= n:
            results.append(told)
            n += step if suffix == ".batch" else STEP
        return {"kind": kind, "suffix": suffix, "results": results, "whole": same(place, [first, second])}


def main() -> None:
    disk = ctypes.CDLL(sys.argv[1])
    step = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    done = [
        rounds(disk, kind, suffix, step if kind == "write" else 1) for suffix in (".batch", ".csv") for kind in KINDS
    ]
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
