"""A shop in which one person is to be forgotten: two files, refused rows, forecasts, a report."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest

import worthwhile as ww
from worthwhile.shop import Shop

EMAIL, NAME, REVIEW = "Jane.Roe@example.com", "Jane Roe-Quill", "my cousin Ottilie loves this teapot"
HEADER = ("Email", "Customer Name", "Date", "Order ID", "SKU", "Amount", "Event type", "Review")


@dataclass(frozen=True)
class Person:
    """What must be nowhere once the person is forgotten."""

    email: str
    pseudonym: str
    review: str = REVIEW

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.email, self.email.lower(), self.pseudonym, NAME, REVIEW, "Ottilie")


def rows(first: date, *, customers: int = 14, orders: int = 4) -> list[tuple[str, ...]]:
    """Orders and reviews of some people, among them Jane, who writes her address in more than one way."""
    made = []
    for k in range(orders):
        for c in range(customers):
            who = (f"c{c}@example.org", f"Person {c}") if c else ((EMAIL, EMAIL.lower())[k % 2], NAME)
            day = first + timedelta(days=29 * k + c)
            made.append((*who, f"{day} 10:00", f"{first:%y%m}-{k}-{c}", f"s{c % 3}", f"{10 + c}.50", "order", ""))
    made.append((EMAIL, NAME, f"{first} 11:00", "", "s1", "", "review", REVIEW))
    made.append((EMAIL.upper(), NAME, "soon", "x", "s1", "3", "order", REVIEW))  # refused
    made.append((EMAIL, NAME, f"{first}", "y", "s1", "much", "order", "call Jane.Roe@example.com"))  # refused
    return made


def write_files(folder: Path) -> tuple[Path, Path]:
    """The CSV, with a line that cannot be split, and the workbook."""
    csv = folder / "spring.csv"
    lines = [",".join(row) for row in (HEADER, *rows(date(2023, 1, 2)))]
    csv.write_text("\n".join([*lines, f"{EMAIL},{NAME},2023-01-05"]) + "\n", encoding="utf-8")
    book = openpyxl.Workbook()
    for row in (HEADER, *rows(date(2023, 6, 1))):
        book.worksheets[0].append(row)
    book.save(folder / "summer.xlsx")
    return csv, folder / "summer.xlsx"


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Person]:
    folder = tmp_path_factory.mktemp("privacy")
    shop = ww.create_shop(folder / "shop", currency="GBP", timezone="Europe/London", threads=1)
    csv, book = write_files(folder)
    ww.ingest(shop, csv)
    ww.ingest(shop, book)
    ww.forecast(shop, horizon="30d", model="past-rate")
    ww.write_report(shop)
    probe = ww.forget(shop, EMAIL, dry_run=True)
    assert probe.rows
    from worthwhile.ingestion.pseudonyms import Keyring, keyed_digest

    pseudonym = "c_" + keyed_digest(Keyring(shop).key(), EMAIL.lower())[:32]
    return folder, Person(EMAIL, pseudonym)


@pytest.fixture
def person(_made: tuple[Path, Person]) -> Person:
    return _made[1]


@pytest.fixture
def files(_made: tuple[Path, Person]) -> tuple[Path, Path]:
    return _made[0] / "spring.csv", _made[0] / "summer.xlsx"


@pytest.fixture
def shop(_made: tuple[Path, Person], tmp_path: Path) -> Shop:
    return ww.open_shop(shutil.copytree(_made[0] / "shop", tmp_path / "shop"))
