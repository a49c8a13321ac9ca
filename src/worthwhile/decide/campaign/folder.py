"""A campaign's folder in the shop: who was to get what, when, and what came of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.decide.campaign.wording import design_sentences, design_warnings
from worthwhile.decide.words import words_of
from worthwhile.errors import InputError
from worthwhile.models.files import write_json
from worthwhile.runs.record import MANIFEST, check_digests, digest_of
from worthwhile.shop import Shop
from worthwhile.store.locks import one_at_a_time

ASSIGNMENT, LOG = "assignment.parquet", "log.parquet"
NONE = "none"  # the treatment of those who are held out


@dataclass(frozen=True)
class Campaign:
    """A recorded campaign whose files are as they were written."""

    name: str
    folder: Path
    manifest: Mapping[str, Any]

    @property
    def start(self) -> datetime:  # UTC
        return datetime.fromisoformat(self.manifest["start"])

    @property
    def arms(self) -> list[str]:
        return [str(arm["name"]) for arm in self.manifest["arms"]]

    def assignment(self) -> pa.Table:
        """`customer_id` ascending, `treatment`, `stratum`, propensities, and the forecast of each customer."""
        return pq.read_table(self.folder / ASSIGNMENT)

    def sentences(self, lang: str = "en") -> list[str]:
        """What its test can find, in plain words, `en` or `zh`. Raises InputError `bad-argument` for another."""
        return design_sentences(self.manifest, words_of(lang, self.manifest["currency"]))

    def warning_sentences(self, lang: str = "en") -> list[str]:
        """What a reader has to know before. Raises InputError `bad-argument`."""
        return design_warnings(self.manifest, words_of(lang, self.manifest["currency"]))

    def to_dict(self, lang: str = "en") -> dict[str, Any]:
        """The manifest, with sentences in one language. Raises InputError `bad-argument`."""
        told = {"answer": self.sentences(lang), "warnings": self.warning_sentences(lang)}
        return {**self.manifest, **told, "folder": str(self.folder)}


def check_name(name: str) -> None:
    """Raises InputError `bad-argument` for a name that is no file name."""
    if not re.fullmatch(r"[\w][\w-]{0,63}", name):
        raise InputError(
            "bad-argument",
            f"`{name}` cannot be the name of a campaign",
            where="--campaign",
            remedy="take letters, digits, - and _: spring-2024",
        )


def read_campaign(shop: Shop, name: str) -> Campaign:
    """A campaign of the shop. Raises InputError `bad-argument`, `no-such-run`, `damaged`."""
    check_name(name)
    folder = shop.campaigns / name
    if not (folder / MANIFEST).is_file():
        known = sorted(path.parent.name for path in shop.campaigns.glob(f"[!.]*/{MANIFEST}"))
        raise InputError(
            "no-such-run",
            f"there is no campaign `{name}`",
            where=str(shop.folder),
            remedy=f"there are {', '.join(known)}"
            if known
            else "design one: worth campaign design SHOP --campaign NAME",
        )
    return Campaign(name, folder, check_digests(folder))


def campaigns_of(shop: Shop) -> list[Campaign]:
    """All campaigns of the shop, by name. Raises InputError `damaged`."""
    names = sorted(path.parent.name for path in shop.campaigns.glob(f"[!.]*/{MANIFEST}"))
    return [read_campaign(shop, name) for name in names]


def write_campaign(shop: Shop, name: str, facts: Mapping[str, Any], fill: Callable[[Path], None]) -> Campaign:
    """Write a new campaign's folder, whole or not at all. Raises InputError `bad-argument` where it is there already:
    who was held out must not change once it is known.
    """
    folder, growing = shop.campaigns / name, shop.campaigns / f".{name}"
    with one_at_a_time(shop.campaigns):
        if folder.exists():
            raise InputError(
                "bad-argument",
                f"there is already a campaign `{name}`",
                where=str(folder),
                remedy="take another name, or remove its folder while nobody has been contacted",
            )
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir()
        fill(growing)
        _write_manifest(growing, facts)
        growing.replace(folder)
    return read_campaign(shop, name)


def add_files(shop: Shop, campaign: Campaign, facts: Mapping[str, Any], fill: Callable[[Path], None]) -> None:
    """Put further files into a campaign's folder, and facts into its manifest."""
    with one_at_a_time(shop.campaigns):
        fill(campaign.folder)
        kept = {key: value for key, value in campaign.manifest.items() if key != "sha256"}
        _write_manifest(campaign.folder, {**kept, **facts})


def _write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    files = {p.name: digest_of(p) for p in sorted(folder.iterdir()) if p.is_file() and p.suffix == ".parquet"}
    temporary = folder / f".{MANIFEST}"
    write_json(temporary, {**facts, "sha256": files})
    temporary.replace(folder / MANIFEST)


def write_whole(table: pa.Table, path: Path) -> None:
    """Parquet, replaced only once it is whole."""
    temporary = path.with_name(f".{path.name}.new")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)
