"""Which pictures could not be read when vectors were last made, beside the vectors: for the quality report."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from worthwhile.store.faults import told

_FILE = "refused-pictures.json"


def keep_refused(vectors: Path, refused: Sequence[dict[str, str]]) -> None:
    """In the place of what was kept before: `path` and `reason` of each. `vectors` is the folder of all encoders'
    vectors. Raises InputError `cannot-write`."""
    temporary = vectors / f"{_FILE}.{uuid.uuid4()}"
    with told(vectors):
        vectors.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(list(refused), ensure_ascii=False), encoding="utf-8")
        temporary.replace(vectors / _FILE)


def last_refused(vectors: Path) -> dict[str, str]:
    """Path -> reason; empty where nothing is kept, or it cannot be read: the next run with pictures keeps it anew."""
    try:
        return {row["path"]: row["reason"] for row in json.loads((vectors / _FILE).read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
