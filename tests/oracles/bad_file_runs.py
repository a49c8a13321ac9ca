"""Ingests bad files one after the other and says of each what came of it, and what is wrong with that."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import worthwhile as ww
from oracles.bad_files import BadFile, bad_files, merged
from worthwhile.errors import InputError
from worthwhile.ingestion import FileReport
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table

PATIENCE = 60  # seconds after which a file counts as one that hangs
SHARED_BY = 20  # files that go into one shop: a shop of many batches gets slower
# Families of files, as two test modules share them.
TEXTS = ("encodings", "quotes", "columns", "values", "texts", "documents")
PACKAGES = ("sizes", "foreign", "paths", "workbooks", "parquet", "changing")


@dataclass(frozen=True)
class Outcome:
    """What came of a file. `fault` is empty where it is right."""

    family: str
    name: str
    came: str  # the error's code, or rows
    said: str
    seconds: float
    fault: str = ""


def run_all(chosen: Iterable[tuple[str, BadFile]], folder: Path) -> Iterator[Outcome]:
    """Ingest each file, into a shop that a few of them share."""
    shop = None
    for number, (family, file) in enumerate(chosen):
        if number % SHARED_BY == 0:
            shop = ww.create_shop(folder / f"shop-{number}", threads=1, memory_limit_gb=2)
        assert shop is not None
        place = folder / f"file-{number}"
        place.mkdir()
        yield judged(family, file, file.write(place), shop)
        shutil.rmtree(place, ignore_errors=True)


def faults(family: str, folder: Path) -> tuple[int, list[str]]:
    """How many files of a family were ingested, odd rows merged and heavy ones left out, and what was wrong."""
    chosen = [(of, file) for of, file in merged(bad_files()) if of == family and not file.heavy]
    return len(chosen), [f"{outcome.name}: {outcome.fault}" for outcome in run_all(chosen, folder) if outcome.fault]


def judged(family: str, file: BadFile, path: Path, shop: Shop) -> Outcome:
    """Ingest one file and hold what happened to what must be."""
    before = state(shop)
    began = time.perf_counter()
    came, said, fault = "rows", "", ""
    try:
        with patience():
            report = ww.ingest(shop, path, progress=meddling(file, path)).files[0]
        said = f"{report.events} events, {report.refused}"
        fault = lost_rows(shop, report)
    except InputError as error:
        came, said = error.code, str(error)
        fault = unclear(error) or ("the shop has changed" if state(shop) != before else "")
    except Exception as error:
        came, said = "crash", repr(error)
        fault = "".join(traceback.format_exception(error)[-3:])
    seconds = time.perf_counter() - began
    if not fault and file.expect != "either" and (came == "rows") != (file.expect == "rows"):
        fault = f"it should have been {file.expect}: {said}"
    return Outcome(family, file.name, came, said, seconds, fault)


def meddling(file: BadFile, path: Path) -> Callable[[str, float], None]:
    """A progress that touches the file at the moment at which its reading begins."""
    begun: list[bool] = []

    def progress(text: str, share: float) -> None:
        if file.meddle is not None and not begun and text.startswith("reading"):
            begun.append(True)
            file.meddle(path)

    return progress


def lost_rows(shop: Shop, report: FileReport) -> str:
    """What is wrong with the numbers of a file that was read."""
    refused = sum(report.refused.values())
    if report.rows + report.paired != report.events + report.known + refused:
        return f"rows are lost: {report}"
    kept = sum(batch == report.batch_id for batch in read_table(shop, "quarantine")["batch_id"].to_pylist())
    return "" if kept == refused else f"{refused} rows were refused and {kept} are in quarantine"


def unclear(error: InputError) -> str:
    """What an error leaves unsaid."""
    missing = [part for part in ("what", "where", "remedy") if not getattr(error, part).strip()]
    if len(error.what) > 2000:
        return f"the error goes on for {len(error.what)} characters"
    return f"the error does not say {' and '.join(missing)}: {error}" if missing else ""


def state(shop: Shop) -> str:
    """A digest of the shop's folder: names and contents."""
    digest = hashlib.sha256()
    for path in sorted(shop.folder.rglob("*")):
        digest.update(str(path.relative_to(shop.folder)).encode() + b"\x00")
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


@contextmanager
def patience() -> Iterator[None]:
    """Break off what hangs. The signal reaches the main thread only, as do tests and benchmarks."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"it hangs for more than {PATIENCE} seconds")

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def peak_gb() -> float:
    """The most memory that this process has held. Unlike what `getrusage` says, it begins anew with the program, and
    is not that of the parent which started it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 2**20


def main() -> None:
    """Run the heavy files and print each outcome as JSON, with the peak memory so far: for a process of its own.

    With the argument `quick` only those that are made in a moment and refused at once.
    """
    quick = sys.argv[1:] == ["quick"]
    files = bad_files(share=0.15 if quick else 1.0)
    chosen = [(family, file) for family, file in files if file.heavy and (file.expect == "error" or not quick)]
    with tempfile.TemporaryDirectory() as folder:
        for outcome in run_all(chosen, Path(folder)):
            sys.stdout.write(json.dumps({**asdict(outcome), "peak_gb": peak_gb()}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
