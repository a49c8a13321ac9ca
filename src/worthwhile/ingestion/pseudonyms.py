"""Ids of customers that identify them are replaced by keyed digests, and the key that this takes.

A pseudonym is `c_` and the first 32 hexadecimal digits (128 bits) of HMAC-SHA-256 (RFC 2104) under the shop's key of
the id as it is known (`ids.known_as`): an e-mail address alone and in lower case, a phone number as its digits. The
same person has the same pseudonym in every file; without the key nobody can tell which address belongs to which
pseudonym, not even by trying all phone numbers. The key lies outside of the tables.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from worthwhile.errors import InputError
from worthwhile.ingestion.ids import MAINLAND_MOBILE, PHONE, PHONE_SIGNS, known_as
from worthwhile.shop import Shop
from worthwhile.store import sql

KEY_BYTES, BLOCK_BYTES = 32, 64  # of the key; of a block of SHA-256
DIGITS = 32  # of a pseudonym: 128 bits, so that no shop has two customers of one
PREFIX = "c_"
PSEUDONYM = PREFIX + "[0-9a-f]{32}"
NUMBER_PREFIX = "x_"  # of what stands in place of numbers of orders and items that hold an e-mail address
KEY_FILE, CHECK_FILE = "key", "key-check"

# Within words: e-mail addresses; phone numbers with a country's sign, mobiles, and area codes set apart.
_EMAIL_WITHIN = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,}"
_PHONE_WITHIN = (
    r"\+\d[\d \-().]{6,16}\d\b"
    rf"|\b(?:(?:00)?86[ \-]?)?{MAINLAND_MOBILE}\b"
    r"|\b1[3-9]\d[ \-]\d{4}[ \-]\d{4}\b"
    r"|\(\d{3}\) ?\d{3}[\-. ]\d{4}\b|\b\d{3}[\-. ]\d{3}[\-. ]\d{4}\b"
    r"|\b0\d{2,4}[ \-]\d{6,8}\b|\b0\d{2,4} \d{3,4} \d{3,4}\b"
)


@dataclass
class Keyring:
    """The key of a shop: read or made when it is first needed, written by `keep`, which comes before a commit."""

    shop: Shop
    _key: bytes = field(default=b"", repr=False)
    _is_new: bool = False

    @property
    def path(self) -> Path:
        named = self.shop.settings["privacy.key"]
        return self.shop.folder / (named or KEY_FILE)

    @property
    def _check(self) -> Path:
        return self.shop.privacy / CHECK_FILE

    def key(self) -> bytes:
        """The key. Raises InputError `no-key` where the shop's pseudonyms were made with one that is not there."""
        if self._key:
            return self._key
        check = self._check.read_text(encoding="ascii").strip() if self._check.is_file() else ""
        if self.path.is_file():
            self._key = self._read()
        elif check:
            raise self._lost("the key that this shop's pseudonyms are made with is missing")
        else:
            self._key, self._is_new = secrets.token_bytes(KEY_BYTES), True
        if check and check != self._fingerprint():
            raise self._lost("this is not the key that this shop's pseudonyms are made with")
        return self._key

    def keep(self) -> None:
        """Write what is new of key and fingerprint; nothing where no key was needed."""
        if not self._key:
            return
        if self._is_new:
            write_private(self.path, self._key.hex() + "\n")
            self._is_new = False
        if not self._check.is_file():
            write_private(self._check, self._fingerprint() + "\n")

    def _read(self) -> bytes:
        try:
            key = bytes.fromhex(self.path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise self._lost("the key cannot be read") from error
        if len(key) != KEY_BYTES:
            raise self._lost(f"a key has {2 * KEY_BYTES} hexadecimal digits, and this has not")
        return key

    def _fingerprint(self) -> str:
        return keyed_digest(self._key, "the key of this shop")[:16]

    def _lost(self, what: str) -> InputError:
        return InputError(
            "no-key",
            what,
            where=str(self.path),
            remedy="restore it from a copy, name its place in the setting privacy.key, or make the shop anew from its"
            " files",
        )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it is there whole or not at all, and nothing of it elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def keyed_digest(key: bytes, text: str) -> str:
    """HMAC-SHA-256 in hexadecimal digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def define_pseudonyms(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """The macros `keyed_digest`, `pseudonym`, `phone_pseudonym` and `number_of` of a connection, each of a text.

    The key stands in them alone, so that no statement that might be shown in an error holds it.
    """
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(BLOCK_BYTES, b"\0")).hex() for pad in (0x36, 0x5C))
    con.execute(
        "CREATE OR REPLACE TEMP MACRO keyed_digest(value) AS"
        f" sha256(unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(value))))"
    )
    for name, form in (("pseudonym", PHONE), ("phone_pseudonym", PHONE_SIGNS)):
        con.execute(
            f"CREATE OR REPLACE TEMP MACRO {name}(value) AS"
            f" '{PREFIX}' || left(keyed_digest({known_as('trim(value)', form)}), {DIGITS})"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP MACRO number_of(value) AS CASE WHEN contains(value, '@')"
        f" AND regexp_matches(value, {sql.text(_EMAIL_WITHIN)})"
        f" THEN '{NUMBER_PREFIX}' || left(keyed_digest('number: ' || value), {DIGITS}) ELSE value END"
    )


def masked_emails(text: str) -> str:
    """SQL for a text with `[email]` in place of e-mail addresses."""
    replaced = f"regexp_replace({text}, {sql.text(_EMAIL_WITHIN)}, '[email]', 'g')"
    return f"CASE WHEN contains({text}, '@') THEN {replaced} ELSE {text} END"


def masked(text: str) -> str:
    """SQL for a text with `[email]` and `[phone]` in place of e-mail addresses and phone numbers."""
    phones = sql.text(_PHONE_WITHIN)
    return (
        f"CASE WHEN regexp_matches({text}, '[0-9][0-9 ().-]{{6}}') THEN"
        f" regexp_replace({masked_emails(text)}, {phones}, '[phone]', 'g') ELSE {masked_emails(text)} END"
    )
