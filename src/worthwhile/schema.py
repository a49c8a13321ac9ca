"""The event log: its columns and their types, the kinds of event, and how time and money are held.

Times are UTC microseconds; the shop's wall clock stands beside them, so that a local day is integer arithmetic
on every engine. Money is a float in the shop's currency: amounts are sums of a few thousand lines at most, where
a double is exact to far below a cent.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pyarrow as pa

MICROSECONDS_PER_DAY = 86_400_000_000

# Kind of event -> what it stands for. Amounts of `order_line` are >= 0, of `refund` <= 0, of all others absent.
EVENT_KINDS: dict[str, str] = {
    "order_line": "one line of a purchase: so many of an item at a price",
    "refund": "money given back: a cancellation, a return, a credit; its amount is negative",
    "view": "an item or page was looked at",
    "search": "something was searched for; `text` holds the query",
    "cart": "an item was put into the cart, or onto a list of wishes",
    "review": "an item was rated or written about; `rating` and `text`",
    "campaign": "the customer was contacted; `channel` says how, `text` which campaign",
}

EVENTS = pa.schema(
    [
        pa.field(
            "event_id", pa.string(), nullable=False
        ),  # content digest and occurrence: the same line twice has one id
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("local_ts", pa.timestamp("us"), nullable=False),  # the shop's wall clock at ts, without a zone
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("order_id", pa.string()),  # absent: all lines of a customer on one local day are one order
        pa.field("item_id", pa.string()),
        pa.field("quantity", pa.float64()),
        pa.field("price", pa.float64()),  # of one unit
        pa.field("amount", pa.float64()),  # of the line, net of discount; the shop's currency
        pa.field("discount", pa.float64()),  # >= 0, already taken off the amount
        pa.field("category", pa.string()),  # as known when the event happened; else joined from item_categories
        pa.field("channel", pa.string()),
        pa.field("country", pa.string()),
        pa.field("rating", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("refund_of", pa.string()),  # the order_id that a refund belongs to, where it could be matched
        pa.field("is_goods", pa.bool_(), nullable=False),  # false for postage, fees, manual adjustments
        # When the source last changed the order, where it says so: a later version takes an earlier one's place.
        pa.field("order_version", pa.timestamp("us", tz="UTC")),
        # The shop's wall clock when the order was placed, where files hold whole orders: it does not change, and tells
        # orders of one number apart.
        pa.field("order_placed", pa.timestamp("us")),
        # True of a refund that does not say how much: its amount is what is left of its order, worked out anew whenever
        # more is known of that.
        pa.field("is_open", pa.bool_()),
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)

ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("category", pa.string()),  # the latest told, to be shown: features read item_categories
        pa.field("price", pa.float64()),  # the latest told
        pa.field("title", pa.string()),  # of the latest list; else the one that most lines bear
        pa.field("description", pa.string()),
        pa.field("picture", pa.string()),
        pa.field("is_goods", pa.bool_(), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)

# What was known when: an item's category at a cutoff is the one that it came into last before it.
ITEM_CATEGORIES = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("since", pa.timestamp("us", tz="UTC")),  # the first event that says so; absent: known all along
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)

CUSTOMERS = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("country", pa.string()),
        pa.field("registered_at", pa.timestamp("us", tz="UTC")),
        pa.field("attributes", pa.string()),  # JSON object of whatever else the source held
        pa.field("batch_id", pa.string(), nullable=False),
    ]
)

QUARANTINE = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),  # 1 is the first row after the header
        pa.field("reason", pa.string(), nullable=False),  # a key of ingest.REASONS
        pa.field("detail", pa.string()),
        pa.field("content", pa.string()),  # the row as JSON, so that nothing is lost
        # Of an order that came to nothing as of some version: earlier versions of it that come later are not taken.
        pa.field("order_id", pa.string()),
        pa.field("customer_id", pa.string()),
        pa.field("order_placed", pa.timestamp("us")),
        pa.field("order_version", pa.timestamp("us", tz="UTC")),
    ]
)

BATCHES = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),  # sha256 of the source's bytes
        pa.field("source", pa.string(), nullable=False),  # the file's name; of a database its address and query
        pa.field("read_until", pa.string()),  # how far a database was read: what `--since last` goes on from
        pa.field("format", pa.string(), nullable=False),
        pa.field("ingested_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),  # new ones
        pa.field("known", pa.int64(), nullable=False),  # already in the log
        pa.field("refused", pa.int64(), nullable=False),
        pa.field("mapping", pa.string(), nullable=False),  # JSON: event column -> column of the file
        pa.field("pseudonymise", pa.string()),  # which ids of customers were replaced: auto, always, never
        pa.field("unknown_statuses", pa.string()),  # JSON: status of orders that no table of words has -> rows
        pa.field("versions", pa.string(), nullable=False),  # JSON: table -> its Delta version once this batch was in
    ]
)

TABLES: dict[str, pa.Schema] = {
    "events": EVENTS,
    "items": ITEMS,
    "item_categories": ITEM_CATEGORIES,
    "customers": CUSTOMERS,
    "quarantine": QUARANTINE,
    "batches": BATCHES,
}

# Items, their categories and customers are stored as what each batch told of them (`store/merged.py`), with what
# merging needs.
# Events of orders that another version may replace keep their title, so that its lines can be taken back.
_AS_OF = pa.field("as_of", pa.timestamp("us", tz="UTC"))  # the last event, or the list, that told the row's values
_LINES = pa.field("lines", pa.int64())  # that bear the row's title, < 0 of those that went; absent in a list's rows
_TOLD: dict[str, list[pa.Field]] = {
    "events": [pa.field("title", pa.string())],
    "items": [_AS_OF, _LINES],
    "item_categories": [_AS_OF],
    "customers": [_AS_OF, _LINES],
}

# The columns in which tables lie in their files; readers get those of TABLES.
STORED: dict[str, pa.Schema] = {name: pa.schema([*schema, *_TOLD.get(name, [])]) for name, schema in TABLES.items()}


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC of an aware datetime, exactly."""
    assert moment.tzinfo is not None
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The UTC moment at which a local day begins."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
