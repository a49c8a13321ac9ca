"""The folder that a run lays the events out in: its own while it lasts, and cleared away once nobody uses it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from worthwhile.errors import InputError
from worthwhile.store.scratch import sequences_folder, sequences_folders


def test_what_a_killed_run_left_goes_and_what_another_run_uses_stays(tmp_path: Path) -> None:
    left = tmp_path / "sequences-killed"
    left.mkdir()
    (left / "customers.parquet").touch()
    with sequences_folder(tmp_path) as first, sequences_folder(tmp_path) as second:
        assert sequences_folders(tmp_path) == sorted([first, second])
    assert sequences_folders(tmp_path) == []


def test_a_run_whose_folder_was_erased_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught, sequences_folder(tmp_path / "scratch") as folder:
        shutil.rmtree(folder)
        (folder / "more").write_text("")
    assert caught.value.code == "shop-busy" and caught.value.where == str(tmp_path)


def test_another_file_that_is_missing_is_not_taken_for_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), sequences_folder(tmp_path):
        (tmp_path / "nowhere").read_text()


def test_a_disk_that_takes_no_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("worthwhile.store.scratch.mkdtemp", full)
    with pytest.raises(InputError) as caught, sequences_folder(tmp_path):
        pass
    assert caught.value.code == "cannot-write"
