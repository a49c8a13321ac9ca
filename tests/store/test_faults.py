"""Writing on a disk that fails: the shop is as before, the error says what to do, and afterwards all is well."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import worthwhile as ww
from oracles.contents import contents
from worthwhile.errors import InputError
from worthwhile.store.faults import REMEDIES, refused

TESTS = Path(__file__).parent.parent
COMPILER = shutil.which("gcc") or shutil.which("cc")
PYTHONPATH = os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])
GOOD = "customer_id,order_id,date,amount\na,1,2020-01-01,3\n"


@pytest.mark.skipif(COMPILER is None or sys.platform != "linux", reason="needs a C compiler on Linux")
def test_disk_that_fails_at_any_call_leaves_the_shop_as_it_was_with_a_clear_error(tmp_path: Path) -> None:
    library = tmp_path / "failing_disk.so"
    source = TESTS / "oracles" / "failing_disk.c"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)  # type: ignore[list-item]
    done = subprocess.run(
        [sys.executable, str(TESTS / "oracles" / "faults.py"), str(library), "5"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": PYTHONPATH, "LD_PRELOAD": str(library)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    results = [result for kind in found for result in kind["results"]]
    assert {kind["kind"] for kind in found if kind["results"]} == {"write", "name", "make"}
    assert [result for result in results if result["code"] != "cannot-write" or not result["kept"]] == []
    assert all(kind["whole"] for kind in found)
    assert "panicked" not in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that a user without rights can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def ingest_without_rights(folder: Path, file: Path) -> Any:
    """Ingest as a user who owns nothing there; by one who is not root, as oneself.

    Another shop comes first, with its rights, so that all is imported: Python itself may lie where nobody may read.
    """
    code = (
        "import os, sys\n"
        "from worthwhile.cli.entry import run\n"
        f"run(['init', {str(file.with_name('warm'))!r}])\n"
        f"run(['ingest', {str(file.with_name('warm'))!r}, {str(file)!r}, '--json'])\n"
        f"run(['ingest', {str(file.with_name('warm'))!r}, 'nothing.csv', '--json'])\n"
        "print('----')\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        f"sys.exit(run(['ingest', {str(folder)!r}, {str(file)!r}, '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert "----" in done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.split("----")[1])


@pytest.mark.parametrize("place", ["", "tables/events", "tables/batches/_delta_log"])
def test_folder_that_may_not_be_written_is_told_and_left(reachable: Path, place: str) -> None:
    shop, file = ww.create_shop(reachable / "shop", threads=1), reachable / "a.csv"
    file.write_text(GOOD)
    ww.ingest(shop, file)
    before = contents(shop)
    more = reachable / "b.csv"
    more.write_text(GOOD.replace("2020", "2021"))
    folders = [shop.folder, *(path for path in shop.folder.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o777)
    (shop.folder / place).chmod(0o555)
    code, told = ingest_without_rights(shop.folder, more)
    (shop.folder / place).chmod(0o777)
    assert (code, told["error"]["code"]) == (9, "cannot-write")
    assert "permission denied" in told["error"]["what"] and "right to write" in told["error"]["remedy"]
    assert contents(shop) == before
    assert ww.ingest(shop, more).events == 1


def test_file_that_grows_beyond_the_limit_is_told(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    file = tmp_path / "a.csv"
    file.write_text(GOOD + "".join(f"c{n},{n},2020-01-02,{n}.25\n" for n in range(3000)))
    code = (
        "import resource, sys\n"
        "from worthwhile.cli.entry import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        f"sys.exit(run(['ingest', {str(shop.folder)!r}, {str(file)!r}, '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert done.returncode == 9, done.stdout + done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "cannot-write"
    assert ww.ingest(shop, file).events == 3001


def test_errors_that_are_no_refusal_to_write_are_left_alone() -> None:
    assert refused(ValueError("No space left on device")) is None
    assert refused(FileNotFoundError(2, "No such file")) is None
    assert refused(duckdb.IOException("Could not write file: No space left on device")) in REMEDIES
    assert refused(OSError("Generic LocalFileSystem error (os error 30)")) in REMEDIES


def test_faults_of_the_user_pass_through(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop")
    with pytest.raises(InputError) as caught:
        ww.ingest(shop, tmp_path / "none.csv")
    assert caught.value.code == "bad-file"
