"""Which pictures could not be read when vectors were last made, beside the vectors: for the quality report."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from worthwhile.languages import LANGUAGES
from worthwhile.store.faults import told

_FILE = "refused-pictures.json"

# Why a picture is refused: the key stands in tables; in English and Chinese what people read.
REASONS: dict[str, tuple[str, str]] = {
    "no-file": ("there is no such file below the folder of pictures", "图片文件夹中没有该文件"),
    "address": (
        "it is an address on the network, not a file; pictures are not fetched",
        "是网络地址而非文件，图片不会被下载",
    ),
    "outside": (
        "the path, or a link on it, leads out of the folder of pictures",
        "路径或其中的链接指向图片文件夹之外",
    ),
    "special": ("it is a folder, a device or the like, not a file", "是文件夹或设备等，而非文件"),
    "unreadable": ("the system does not let it be read", "系统不允许读取"),
    "empty": ("the file is empty", "文件为空"),
    "too-large": ("the file has more than 20 MB", "文件超过 20 MB"),
    "no-picture": (
        "the content is none of JPEG, PNG, WebP, GIF, BMP, TIFF, whatever the name says",
        "无论文件名如何，内容都不是 JPEG、PNG、WebP、GIF、BMP 或 TIFF",
    ),
    "too-many-pixels": ("it has more than 50 million pixels", "超过 5000 万像素"),
    "too-small": ("it is smaller than 8 pixels in width or height", "宽或高不足 8 像素"),
    "too-narrow": (
        "it is more than 20 times as long as wide, or the other way round",
        "长宽相差 20 倍以上",
    ),
    "broken": ("it is truncated or damaged", "文件不完整或已损坏"),
}


def said_of(reason: str, lang: str) -> str:
    """A reason in words of a language; one that is not known (of a newer version) as it is."""
    return REASONS[reason][LANGUAGES.index(lang)] if reason in REASONS else reason


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
