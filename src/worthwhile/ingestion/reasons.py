"""Why a row of a file is refused."""

from __future__ import annotations

TYPE_IS = "the type is "  # how the detail of a row refused for its type begins

# Reason -> what it means. A refused row lies in the table `quarantine` with its content; docs are made from this.
REASONS: dict[str, str] = {
    "torn-line": "the line has more or fewer fields than the header, or a quote that is never closed",
    "empty-row": "no column of the row has a value",
    "no-customer": "the row does not say who bought",
    "no-item": "a row of a list of items does not say which item it is",
    "no-date": "the row does not say when",
    "bad-date": "the date cannot be read",
    "impossible-date": "the date lies before 1970 or after 2100",
    "bad-number": "quantity, price, amount or discount is there but is no number",
    "no-amount": "neither an amount nor quantity and price are given",
    "unknown-type": "the type of the row is not known: it may be no order at all",
    "no-event": "the type is known and stands for no event of the log: removed from the cart, logged in",
    "other-currency": "the amount is in another currency than the shop's, and sums of both would mean nothing",
    "forgotten": "of a forgotten customer, from before that, or older than what the shop keeps; without content",
    "never-paid": "the status says that this never became an order: unpaid, pending, draft, failed",
}
