"""What is known of items: a shop's catalogue, one row an item."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format
from worthwhile.ingestion.formats.orders import CHANGED, NAMES

ITEMS = Format(
    name="items",
    description="a catalogue: a table with an item's number, and its title, category, price, description or picture",
    holds="items",
    columns={
        "item_id": (*NAMES["item_id"], "handle", "id"),
        "title": NAMES["title"],
        "category": (*NAMES["category"], "type", "articletype"),
        "price": (*NAMES["price"], "variantprice", "regularprice"),
        "description": (
            "description",
            "body",
            "bodyhtml",
            "longdescription",
            "details",
            "描述",
            "商品描述",
            "商品详情",
        ),
        "picture": (
            "picture",
            "image",
            "imagesrc",
            "imageurl",
            "photo",
            "file",
            "图片",
            "商品图片",
            "主图",
            "图片地址",
        ),
        "updated_at": CHANGED,
    },
)
