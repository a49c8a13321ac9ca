"""How models are kept: JSON for words and numbers, safetensors for arrays. Never pickle: loading must not run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from worthwhile.errors import InputError

Array = np.ndarray[Any, Any]


def _damaged(path: Path, why: object) -> InputError:
    return InputError(
        "damaged", f"this part of a model cannot be read: {why}", where=str(path), remedy="run the forecast anew"
    )


def write_json(path: Path, content: Any) -> None:
    """Write numbers, texts, lists and tables as JSON; folders are made. Floats come back exactly as they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote. Raises InputError `damaged`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write named arrays of numbers or booleans as safetensors; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, str(path))


def read_arrays(path: Path) -> dict[str, Array]:
    """What `write_arrays` wrote. Raises InputError `damaged`."""
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise _damaged(path, error) from error


def read_text(path: Path) -> str:
    """A text that belongs to a model. Raises InputError `damaged`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
