"""A command line in this process, and a small shop that it works on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oracles.small_orders import write_orders
from worthwhile.cli.entry import run


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Worth = Callable[..., Done]


@pytest.fixture
def worth(capsys: pytest.CaptureFixture[str]) -> Worth:
    """`worth("check", folder)` runs the command and gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        exit_code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(exit_code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def orders_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_orders(tmp_path_factory.mktemp("files") / "orders.csv")


@pytest.fixture(scope="session")
def _loaded_shop(tmp_path_factory: pytest.TempPathFactory, orders_csv: Path) -> Path:
    folder = tmp_path_factory.mktemp("shops") / "small"
    assert run(["init", str(folder), "--currency", "GBP", "--timezone", "Europe/London"]) == 0
    assert run(["ingest", str(folder), str(orders_csv)]) == 0
    return folder


@pytest.fixture
def shop_folder(tmp_path: Path, _loaded_shop: Path) -> Path:
    """A copy of a shop with the small file's orders, to do with as one likes."""
    return Path(shutil.copytree(_loaded_shop, tmp_path / "myshop"))
