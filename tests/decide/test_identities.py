"""Lists by e-mail address or phone number mean the pseudonyms that the shop has in their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import worthwhile as ww
from worthwhile.decide.identities import as_the_shop_knows, known_counts
from worthwhile.errors import InputError
from worthwhile.shop import Shop

ADDRESSES = [f"p{i:02d}@example.com" for i in range(20)]
PHONES = [f"138{i:08d}" for i in range(20)]
PEOPLE = ADDRESSES + PHONES
ACTIONS = {"actions": {"email": {"cost": 0.01, "lift_spend": 0.3}}}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """40 customers who are known by pseudonyms, 20 of addresses and 20 of phone numbers, with a forecast."""
    days = [f"2023-{1 + k:02d}-{1 + i % 28:02d}" for i in range(40) for k in range(6)]
    rows = [f"{PEOPLE[n // 6]},{day},{10 + n % 7}" for n, day in enumerate(days)]
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n" + "\n".join(rows) + "\n")
    made = ww.create_shop(tmp_path / "shop", threads=1, value__margin=0.5)
    ww.ingest(made, tmp_path / "orders.csv")
    ww.forecast(made, horizon="30d", model="past-rate", cutoff="2023-05-15")
    return made


def pseudonyms(shop: Shop, people: list[str]) -> set[str]:
    return set(as_the_shop_knows(shop, np.array(people, object)).tolist())


def spelled(people: list[str]) -> list[str]:
    """The same people as another system writes them."""
    return [name.upper() if "@" in name else f"+86 {name}" for name in people]


def test_a_plan_excludes_counts_and_asks_consent_of_those_whom_addresses_mean(shop: Shop) -> None:
    excluded, contacted, no = PEOPLE[:3], PEOPLE[20:23], PEOPLE[30:33]
    consent = pa.table({"customer_id": spelled(PEOPLE), "consent": ["no" if name in no else "yes" for name in PEOPLE]})
    limits = ww.Limits(excluded=frozenset(spelled(excluded)), contacted=dict.fromkeys(spelled(contacted), 1))
    made = ww.plan(shop, ACTIONS, 1e6, limits=limits, customers=consent, how=ww.How())
    others = pseudonyms(shop, [name for name in PEOPLE if name not in (*excluded, *contacted, *no)])
    assert set(made.table()["customer_id"].to_pylist()) == others
    text = (made.folder / "manifest.json").read_text()
    assert not any(name in text for name in PEOPLE)


def test_a_test_is_designed_among_and_measured_on_those_whom_addresses_mean(shop: Shop) -> None:
    made = ww.design_campaign(shop, "some", [ww.Arm("email")], only=frozenset(spelled(PEOPLE[10:30])))
    assert set(made.assignment()["customer_id"].to_pylist()) == pseudonyms(shop, PEOPLE[10:30])
    outcomes = pa.table({"customer_id": spelled(PEOPLE[10:30]), "spend": [1.0] * 20})
    assert len(ww.measure_campaign(shop, "some", outcomes=outcomes).log) == 20


def test_what_is_handed_over_is_held_to_lists_of_addresses(shop: Shop, tmp_path: Path) -> None:
    consent = pa.table({"customer_id": spelled(PEOPLE[:30]), "consent": ["yes"] * 30})
    audience = ww.Audience(consent=consent, excluded=frozenset(spelled(PEOPLE[:5])))
    done = ww.export(shop, "forecast", tmp_path / "f.csv", audience=audience).manifest
    assert (done["rows"], done["left_out"]["excluded"], done["left_out"]["no_consent"]) == (25, 5, 10)
    assert done["warnings"] == []


def test_a_file_by_addresses_keeps_them_and_leaves_out_whom_the_shop_forgot(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("customer_id\n" + "\n".join(spelled(PEOPLE)) + "\n")
    for name in PEOPLE[:2]:
        ww.forget(shop, name)
    audience = ww.Audience(excluded=pseudonyms(shop, PEOPLE[2:4]))
    done = ww.export(shop, str(file), tmp_path / "f.csv", audience=audience).manifest
    assert (done["left_out"]["forgotten"], done["left_out"]["excluded"], done["rows"]) == (2, 2, 36)
    assert "P04@EXAMPLE.COM" in (tmp_path / "f.csv").read_text()


def test_two_spellings_of_one_address_are_one_customer(shop: Shop) -> None:
    assert set(known_counts(shop, {"p01@example.com": 1, "P01@example.com": 2}).values()) == {3}
    twice = pa.table({"customer_id": ["p01@example.com", "P01@example.com"], "consent": ["yes", "no"]})
    with pytest.raises(InputError, match="stands twice"):
        ww.plan(shop, ACTIONS, 10, customers=twice)
