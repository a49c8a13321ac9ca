"""Recorded runs: a folder each, with a manifest that says from what the results were made."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from worthwhile.errors import InputError
from worthwhile.models.files import read_json, write_json
from worthwhile.shop import Shop
from worthwhile.store.locks import one_at_a_time

MANIFEST = "manifest.json"
# What may change a number; optuna is optional.
PACKAGES = ("worthwhile", "numpy", "scipy", "scikit-learn", "lightgbm", "torch", "duckdb", "deltalake", "optuna")


def run_id_of(kind: str, asked: Mapping[str, Any], packages: Mapping[str, str]) -> str:
    """An id made of all that the numbers hang on: what was asked, of which data, under which settings, with which
    versions. Asking the same again gives the same run; what may give other numbers is another run.
    """
    said = json.dumps({"asked": asked, "packages": packages}, sort_keys=True, default=str)
    return f"{kind}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def package_versions() -> dict[str, str]:
    """The versions of the packages that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record(
    shop: Shop, kind: str, asked: Mapping[str, Any], results: Mapping[str, Any], fill: Callable[[Path, str], None]
) -> Path:
    """Write a run's folder: `fill(folder, run_id)` puts its files in, the manifest comes last; the folder appears at
    once or not.

    `asked` fixes the run's id, with the versions of the packages; `results` are further facts for the manifest.
    """
    packages = package_versions()
    run_id = run_id_of(kind, asked, packages)
    folder, growing = shop.runs / run_id, shop.runs / f".{run_id}"
    with one_at_a_time(shop.runs):
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir()
        fill(growing, run_id)
        files = {str(p.relative_to(growing)): digest_of(p) for p in sorted(growing.rglob("*")) if p.is_file()}
        number = 1 + max((int(run["number"]) for run in list_runs(shop)), default=0)
        manifest = {
            "run_id": run_id,
            "kind": kind,
            "number": number,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),  # no number hangs on it
            "asked": dict(asked),
            **results,
            "packages": packages,
            "sha256": files,
        }
        write_json(growing / MANIFEST, json.loads(json.dumps(manifest, default=str)))
        shutil.rmtree(folder, ignore_errors=True)
        growing.replace(folder)
    return folder


def note(shop: Shop, run_id: str, facts: Mapping[str, Any]) -> None:
    """Add facts to the manifest of a recorded run; the manifest is replaced at once."""
    path = shop.runs / run_id / MANIFEST
    with one_at_a_time(shop.runs):
        temporary = path.with_name(f".{MANIFEST}.new")
        write_json(temporary, {**read_json(path), **facts})
        temporary.replace(path)


def list_runs(shop: Shop, kind: str | None = None) -> list[dict[str, Any]]:
    """The manifests of the shop's runs, newest first."""
    found = [read_json(path) for path in sorted(shop.runs.glob(f"[!.]*/{MANIFEST}"))]
    return sorted((m for m in found if kind in (None, m["kind"])), key=lambda m: -int(m["number"]))


def run_folder(shop: Shop, run_id: str) -> Path:
    """The folder of a run. Raises InputError `no-such-run`."""
    known = {m["run_id"] for m in list_runs(shop)}
    if run_id not in known:
        raise InputError(
            "no-such-run", f"there is no run `{run_id}`", where=str(shop.folder), remedy="see `worth runs`"
        )
    return shop.runs / run_id


def check_digests(folder: Path) -> dict[str, Any]:
    """The manifest of a run whose files are as they were written. Raises InputError `damaged`."""
    manifest = read_json(folder / MANIFEST)
    for name, digest in manifest["sha256"].items():
        if not (folder / name).is_file() or digest_of(folder / name) != digest:
            raise InputError(
                "damaged",
                "this file of a run is missing or was changed",
                where=str(folder / name),
                remedy="run it anew",
            )
    return manifest
