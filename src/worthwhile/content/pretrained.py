"""Pretrained transformers by name or folder: where their files lie, what they are known by, what to say of faults.

Weights are read from safetensors only: reading other formats could run code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worthwhile.errors import InputError

CONNECT_SECONDS = 10.0
# What a model consists of; weights of other formats and other programs' copies are not fetched.
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
_SEEN = {".json", ".safetensors", ".txt", ".model"}


def model_folder(name: str, *, setting: str, below: Path | None = None) -> Path:
    """The folder with a model's files: `name` itself (a relative one below `below`), else fetched from the hub by name.

    What was fetched once is read from the disk; otherwise the hub is asked, where it can be reached.
    Raises InputError `no-such-model`, `missing-extra`.
    """
    for folder in (Path(name).expanduser(), (below or Path()) / Path(name).expanduser()):
        if folder.is_dir():
            return folder.resolve()
    if name.startswith((".", "~", "/", "\\")) or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII):
        raise InputError(
            "no-such-model",
            f"there is no folder `{name}`",
            where=setting,
            remedy="give the folder that holds the model's config.json and model.safetensors",
        )
    with needs("huggingface_hub", setting=setting, extra="pictures" if "picture" in setting else "text"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=True))
    except (OSError, ValueError):
        pass  # not on this disk
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES, etag_timeout=CONNECT_SECONDS))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise InputError(
            "no-such-model",
            f"the model `{name}` is not on this machine and cannot be fetched: {_line(error)}",
            where=setting,
            remedy="check the name; without a network, copy the model's folder to this machine and give its path",
        ) from error


@contextmanager
def needs(module: str, *, setting: str, extra: str = "text") -> Iterator[None]:
    """Say what to install where an import fails. Raises InputError `missing-extra`."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            "missing-extra",
            f"{error.name or module} is not installed",
            where=setting,
            remedy=f"install it with `pip install 'worthwhile[{extra}]'`",
        ) from error


@contextmanager
def readable(folder: Path, *, setting: str) -> Iterator[None]:
    """Raise InputError `bad-file` where a model's files cannot be read as such."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each architecture has its own words for a broken folder
        raise InputError(
            "bad-file",
            f"the model cannot be read: {_line(error)}",
            where=f"{setting}: {folder}",
            remedy="give a folder with config.json and model.safetensors of a model that the installed version of"
            " transformers knows",
        ) from error


def digest_of_model(folder: Path) -> str:
    """12 hexadecimal digits of the SHA-256 of all files that a model is read from, with their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SEEN and path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def id_of(kind: str, name: str, folder: Path, *, version: int) -> str:
    """An encoder's id, fit to be a folder's name."""
    called = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).name).strip("-").lower()[:40] or "model"
    return f"{kind}-{called}-{digest_of_model(folder)}-v{version}"


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' own progress bars, which would be drawn over ours."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()


def _line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
