"""What is known of customers: a list of members, one row a customer, with the day on which they registered."""

from __future__ import annotations

from worthwhile.ingestion.formats.format import Format
from worthwhile.ingestion.formats.orders import CHANGED, NAMES

REGISTERED = (
    *("registeredat", "registrationdate", "registrationtime", "registered", "signupdate", "signupat", "signedupat"),
    *("joindate", "joinedat", "joined", "membersince", "customersince", "accountcreated", "accountcreatedat"),
    *("注册时间", "注册日期", "入会时间", "入会日期", "加入时间", "开卡时间", "开卡日期"),
)

CUSTOMERS = Format(
    name="customers",
    description="a list of customers: a table with a customer, the day of registration and whatever else is known",
    holds="customers",
    columns={
        "customer_id": (*NAMES["customer_id"], "id"),
        "ts": (*REGISTERED, "createdat", "datecreated", "创建时间"),
        "country": NAMES["country"],
        "updated_at": CHANGED,
    },
)
