"""The encoders that a shop's settings name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worthwhile.content.encoder import Encoder, PictureEncoder
from worthwhile.content.items import texts_before
from worthwhile.content.picture import load_picture_encoder
from worthwhile.content.static import static_encoder
from worthwhile.content.text import load_text_encoder
from worthwhile.schema import to_us
from worthwhile.shop import Shop
from worthwhile.store.log import Log

STATIC = "static"
PICTURES = "pictures"

_TOLD = """
    SELECT EXISTS (FROM items WHERE title IS NOT NULL OR description IS NOT NULL OR picture IS NOT NULL)
        OR EXISTS (FROM events WHERE ts_us < $cutoff AND text IS NOT NULL)
"""


@dataclass(frozen=True)
class Encoders:
    """What makes vectors of a shop's texts and pictures; no pictures are read without `pictures`."""

    text: Encoder
    pictures: PictureEncoder | None = None


def encoders_of(shop: Shop, log: Log, cutoff: datetime) -> Encoders | None:
    """The encoders that the settings name; None where neither items nor events tell anything to encode.

    Raises InputError as `text_encoder` and `picture_encoder` do.
    """
    [(told,)] = log.con.execute(_TOLD, {"cutoff": to_us(cutoff)}).fetchall()
    return Encoders(text_encoder(shop, log, cutoff), picture_encoder(shop)) if told else None


def text_encoder(shop: Shop, log: Log, cutoff: datetime) -> Encoder:
    """The encoder of `content.text_encoder`; the static one knows the texts of before the cutoff and no others.

    Raises InputError as `load_text_encoder` does, `cannot-write`.
    """
    name = shop.settings["content.text_encoder"]
    if name == STATIC:
        return static_encoder(shop.vectors, texts_before(log, cutoff), seed=shop.settings["seed"])
    return load_text_encoder(name, below=shop.folder)


def picture_encoder(shop: Shop) -> PictureEncoder | None:
    """The encoder of `content.picture_encoder` over the shop's folder of pictures; None where the setting is empty.

    Raises InputError as `load_picture_encoder` does.
    """
    name = shop.settings["content.picture_encoder"]
    if not name:
        return None
    folder = shop.folder / (shop.settings["content.pictures"] or PICTURES)
    return load_picture_encoder(name, folder, below=shop.folder)
