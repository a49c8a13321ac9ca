"""A shop's folder: where its settings, tables, runs and reports lie. A small resource that functions take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from worthwhile.errors import InputError
from worthwhile.settings import Settings, parse_setting, read_settings

SETTINGS_FILE = "shop.toml"
# Local times and amounts lie in the log as they were read: in another zone, an overlapping file is other events.
OF_EVENTS = ("currency", "timezone")


@dataclass(frozen=True)
class Shop:
    """An open shop. Everything that belongs to it lies below `folder`."""

    folder: Path
    settings: Settings
    environ: Mapping[str, str] | None = field(default=None, repr=False, compare=False)  # None: that of the process

    @property
    def name(self) -> str:
        return self.settings["name"] or self.folder.name

    def table_path(self, table: str) -> Path:
        return self.folder / "tables" / table

    def read_again(self) -> Shop:
        """The shop with its settings as they now are. Raises InputError as `open_shop` does."""
        return open_shop(self.folder, environ=self.environ)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def campaigns(self) -> Path:
        """Campaigns designed and measured, a folder each."""
        return self.folder / "campaigns"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    @property
    def privacy(self) -> Path:
        """Who was forgotten, and the certificates of that."""
        return self.folder / "privacy"

    @property
    def vectors(self) -> Path:
        """Vectors of contents, a folder for each encoder; may be removed whenever nothing runs."""
        return self.folder / "cache" / "content"

    @property
    def scratch(self) -> Path:
        """Where queries spill; may be emptied whenever nothing runs."""
        return self.folder / "scratch"


def _nest(document: tomlkit.TOMLDocument, key: str, value: Any) -> None:
    table: Any = document
    *parents, last = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, tomlkit.table())
    table[last] = value


def create_shop(folder: Path | str, **settings: Any) -> Shop:
    """A new shop in `folder`, which is made where missing. Settings by key, dots written as `__`.

    Raises InputError `shop-exists`, `bad-setting` or `bad-argument`; nothing is written then.
    """
    folder = Path(folder)
    if (folder / SETTINGS_FILE).exists():
        raise InputError(
            "shop-exists", "there is already a shop here", where=str(folder), remedy="open it, or name another folder"
        )
    for place in (folder, *folder.absolute().parents):
        if place.exists() and not place.is_dir():
            raise InputError(
                "bad-argument", "this is a file, not a folder", where=str(place), remedy="name another folder"
            )
    odd = sorted({sign for part in folder.absolute().parts[1:] for sign in part if sign in "[]%\\"})
    if odd:  # delta-rs 1.6 takes paths for URLs: it aborts on brackets and decodes %20
        raise InputError(
            "bad-argument",
            f"the tables cannot lie below a folder with {' or '.join(odd)} in its name",
            where=str(folder),
            remedy="name another folder",
        )
    document = tomlkit.document()
    document.add(tomlkit.comment("A shop of Worthwhile. All settings: docs/settings.md"))
    for name, value in settings.items():
        key = name.replace("__", ".")
        _nest(document, key, parse_setting(key, value, where=f"setting {key}"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SETTINGS_FILE).write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise InputError(
            "bad-argument",
            f"the folder cannot be made: {error.strerror}",
            where=str(folder),
            remedy="name another folder",
        ) from error
    return open_shop(folder)


def open_shop(folder: Path | str, *, environ: Mapping[str, str] | None = None) -> Shop:
    """The shop in `folder`. Raises InputError `no-shop` or `bad-setting`."""
    folder = Path(folder)
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise InputError(
            "no-shop",
            f"there is no {SETTINGS_FILE} here",
            where=str(folder),
            remedy=f"make a shop with `worth init {folder}`",
        )
    try:
        table = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InputError(
            "bad-setting", f"this is not TOML: {error}", where=str(path), remedy="mend the line named"
        ) from error
    return Shop(folder, read_settings(table, where=str(path), environ=environ), environ)


def change_settings(shop: Shop, changes: Mapping[str, Any]) -> Shop:
    """The shop with some settings changed in shop.toml, comments and order kept.

    Raises InputError `bad-setting`, also for what holds of the events that the shop has (`OF_EVENTS`), `cannot-write`.
    """
    path = shop.folder / SETTINGS_FILE
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    now = read_settings(document.unwrap(), where=str(path), environ={})
    for key, value in changes.items():
        parsed = parse_setting(key, value, where=f"setting {key}")
        if key in OF_EVENTS and parsed != now[key] and (shop.table_path("batches") / "_delta_log").exists():
            raise InputError(
                "bad-setting",
                f"`{key}` cannot be changed from {now[key]} to {parsed}: the shop's events are under it",
                where=str(path),
                remedy=f"make a new shop with {key}={parsed} and ingest the files into it",
            )
        _nest(document, key, parsed)
    write_settings_file(shop, tomlkit.dumps(document))
    return shop.read_again()


def write_settings_file(shop: Shop, text: str) -> None:
    """Put a text in the place of shop.toml, whole or not at all. Raises InputError `cannot-write`."""
    path = shop.folder / SETTINGS_FILE
    temporary = path.with_suffix(".toml.new")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            "cannot-write",
            f"the settings cannot be written, and are as they were: {(error.strerror or str(error)).lower()}",
            where=str(path),
            remedy="free some space, or give yourself the right to write there, and try again",
        ) from error
