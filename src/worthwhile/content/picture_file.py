"""Picture files as shops have them: which are read, which are refused and why, and how they become upright RGB."""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from worthwhile.store.refused_pictures import REASONS

MOST_BYTES, MOST_PIXELS, LEAST_SIDE, MOST_RATIO = 20_000_000, 50_000_000, 8, 20
# Others are left to no decoder: some call programs (EPS), some are rarely tested.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


class Refused(Exception):
    """A picture that is not read; `reason` is a key of `store/refused_pictures.py: REASONS`."""

    def __init__(self, reason: str) -> None:
        assert reason in REASONS, reason
        self.reason = reason
        super().__init__(reason)


def read_content(folder: Path, path: str) -> bytes:
    """The bytes of a picture by its path below the folder. Raises Refused."""
    if "://" in path:
        raise Refused("address")
    try:
        place = (folder / path).resolve()
        if not place.is_relative_to(folder.resolve()):
            raise Refused("outside")
        found = place.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Refused("special")
        if found.st_size > MOST_BYTES:
            raise Refused("too-large")
        content = place.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a nought in the name
        raise Refused("no-file") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise Refused("unreadable") from error
    if not content:
        raise Refused("empty")
    return content


def decoded(content: bytes) -> Any:
    """The picture as upright RGB (PIL), of an animation the first, what is transparent on white. Raises Refused."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about oddities of files that are read all the same
        try:
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
            _check_size(*picture.size)  # known before a pixel is decoded
            picture.load()
            return _rgb(ImageOps.exif_transpose(picture))
        except Refused:
            raise
        except UnidentifiedImageError as error:
            raise Refused("no-picture") from error
        except Image.DecompressionBombError as error:
            raise Refused("too-many-pixels") from error
        except Exception as error:  # decoders raise what they will on broken files
            raise Refused("broken") from error


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Refused("too-many-pixels")
    if min(width, height) < LEAST_SIDE:
        raise Refused("too-small")
    if max(width, height) > MOST_RATIO * min(width, height):  # encoders enlarge the shorter side
        raise Refused("too-narrow")


def _rgb(picture: Any) -> Any:
    from PIL import Image

    if picture.mode.startswith("I"):  # sixteen bits, which PIL would cut off at 255
        picture = Image.fromarray((np.clip(np.asarray(picture, np.float64), 0, 65_535) / 257).astype(np.uint8))
    if picture.has_transparency_data:
        behind = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(behind, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
