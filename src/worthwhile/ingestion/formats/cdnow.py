"""CDNOW: purchases of music by the new customers of early 1997 (Fader and Hardie)."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format

CDNOW = Format(
    name="cdnow",
    description="CDNOW_master.txt and CDNOW_sample.txt: customer, date as yyyymmdd, number of CDs, dollars",
    columns={
        "customer_id": ("customerid",),
        "ts": ("date",),
        "quantity": ("ncds", "numberofcds"),
        "amount": ("amount", "dollarvalue"),
    },
    fingerprint=(
        frozenset({"customerid", "date", "ncds", "amount"}),
        frozenset({"customerid", "date", "numberofcds", "dollarvalue"}),
    ),
    # The 1/10 sample numbers its customers anew in the second field; the first is the id of the full file.
    shapes={4: ("customer_id", "ts", "quantity", "amount"), 5: ("customer_id", None, "ts", "quantity", "amount")},
)
