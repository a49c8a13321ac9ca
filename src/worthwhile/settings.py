"""The one table of settings. `shop.toml`, environment variables, flags and docs/settings.md all come from it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from worthwhile.errors import InputError


@dataclass(frozen=True)
class Setting:
    """One setting: its dotted key in shop.toml, its default, how a value is read, and what it is for."""

    key: str
    default: Any
    parse: Callable[[Any], Any]
    doc: str

    @property
    def env(self) -> str:
        return "WORTH_" + self.key.replace(".", "_").upper()


# Codes of ISO 4217 that money is counted in: no metals, funds, or codes for tests.
_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF"
    " CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG"
    " HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA"
    " MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD"
    " RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX"
    " USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(_CODES.split())
# What is written for some of them, in upper case.
_MEANT = {
    **dict.fromkeys(("RMB", "YUAN", "CNH", "人民币", "元", "¥", "￥"), "CNY"),
    **{"NTD": "TWD", "NT$": "TWD", "HK$": "HKD", "US$": "USD", "$": "USD", "DOLLAR": "USD", "EURO": "EUR", "€": "EUR"},
    **{"£": "GBP", "UKP": "GBP", "STG": "GBP", "YEN": "JPY", "RUR": "RUB", "SFR": "CHF"},
}

# What people write for parts of a date -> how strptime is told of them.
_DIRECTIVES = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "m": "%m", "dd": "%d", "d": "%d", "mmm": "%b", "mmmm": "%B"}


def _currency(value: Any) -> str:
    text = str(value).strip().upper()
    if text in CURRENCIES:
        return text
    near = [_MEANT[text]] if text in _MEANT else get_close_matches(text, sorted(CURRENCIES), n=3, cutoff=0.6)
    meant = f": is it {' or '.join(near)}?" if near else ", such as GBP, CNY or USD"
    raise ValueError(f"a currency is an ISO 4217 code of three letters{meant}")


def read_date_format(value: Any) -> str:
    """A strptime format, or empty. Raises ValueError that says how it is written."""
    text = str(value)
    try:
        datetime.strptime("", text)
    except ValueError as error:
        if "%" in text and "does not match" in str(error):  # it is one, and an empty text no date
            return text
    if not text:
        return text
    letters = re.sub(r"y+|m+|d+|年|月|日", lambda found: _DIRECTIVES.get(found[0], found[0]), text.lower())
    meant = f", {letters}" if "%" in letters and "%" not in text else ", such as %d.%m.%Y or %m/%d/%Y"
    raise ValueError(f"dates are described as strptime does{meant}")


def _timezone(value: Any) -> str:
    text = str(value)
    if text not in available_timezones():
        raise ValueError("a time zone is an IANA name such as Europe/London or Asia/Shanghai")
    return text


def _as_float(value: Any) -> float | None:
    """The number that a value or a text is; None where it is none."""
    try:
        return float(value)
    except (ValueError, TypeError):
        return None


def _number(low: float, high: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        number = _as_float(value)
        if number is None or not low <= number <= high:
            raise ValueError(f"it must be a number between {low:g} and {high:g}")
        return number

    return parse


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = _as_float(value)
        if isinstance(value, bool) or number is None or not number.is_integer() or not low <= number <= high:
            raise ValueError(f"it must be a whole number from {low} to {high}")
        return int(number)

    return parse


def _margins(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ValueError("it must be a table of category = margin, such as { toys = 0.35 }")
    return {str(category): _number(0, 1)(margin) for category, margin in value.items()}


def _rising_shares(count: int) -> Callable[[Any], list[float]]:
    """So many shares between 0 and 1, each larger than the one before; in the environment parted by commas."""

    def parse(value: Any) -> list[float]:
        given = value.split(",") if isinstance(value, str) else value
        numbers = [_as_float(part) for part in given] if isinstance(given, list | tuple) else []
        shares = [number for number in numbers if number is not None and 0 < number < 1]
        if len(numbers) != count or len(shares) != count or shares != sorted(set(shares)):
            raise ValueError(f"it must be {count} rising shares between 0 and 1")
        return shares

    return parse


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("it must be a table of texts")
    return {str(key): str(text) for key, text in value.items()}


def _one_of(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        text = str(value).strip().lower()
        if text not in words:
            raise ValueError(f"it must be one of {', '.join(words)}")
        return text

    return parse


def _encoder(value: Any) -> str:
    text = str(value).strip()
    if not text:
        raise ValueError("it must name an encoder, such as static")
    return text.lower() if text.lower() == "static" else text


def _yes_or_no(value: Any) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    text = str(value).strip().lower()
    if text not in known:
        raise ValueError("it must be true or false")
    return known[text]


def _optional_span(value: Any) -> str:
    text = str(value).strip().lower()
    if text and not re.fullmatch(r"[1-9]\d{0,3}(d|w|mo|y)", text):
        raise ValueError("it must be a span of whole days, weeks, months or years, such as 2y, or empty")
    return text


def _optional_date(value: Any) -> str:
    try:
        return "" if value == "" else date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise ValueError("it must be a day, such as 2024-12-31, or empty") from error


SETTINGS: dict[str, Setting] = {
    s.key: s
    for s in [
        Setting("name", "", str, "What the shop is called in reports; the folder's name where empty."),
        Setting("currency", "EUR", _currency, "ISO 4217 code of the currency that all amounts of the shop are in."),
        Setting("timezone", "UTC", _timezone, "IANA time zone of the shop: its days, and times without an offset."),
        Setting("value.margin", 1.0, _number(0, 1), "Share of an amount that is margin, for the target `value`."),
        Setting("value.margins", {}, _margins, "Margins of single categories; others have `value.margin`."),
        Setting("value.discount_rate", 0.10, _number(0, 10), "Yearly rate that discounts future value."),
        Setting("ingest.columns", {}, _texts, "Column mapping kept from `--map`: event column = column of the file."),
        Setting(
            "ingest.date_format", "", read_date_format, "strptime format of dates that cannot be told from the data."
        ),
        Setting(
            "ingest.decimal",
            "",
            _one_of("", ",", "."),
            "Sign that parts decimals, comma or point, where amounts such as 1.299 do not tell.",
        ),
        Setting(
            "privacy.pseudonymise",
            "auto",
            _one_of("auto", "always", "never"),
            "Whether ids of customers are replaced by pseudonyms: auto (e-mails, phones and the like), always, never.",
        ),
        Setting("privacy.key", "", str, "File of the key of the pseudonyms; `key` in the shop's folder where empty."),
        Setting("privacy.keep", "", _optional_span, "How long events are kept: what `worth forget SHOP` drops beyond."),
        Setting(
            "privacy.keep_browsing",
            "",
            _optional_span,
            "The same of views, searches, carts and campaign contacts, where shorter.",
        ),
        Setting(
            "content.text_encoder",
            "static",
            _encoder,
            "What makes vectors of texts: static, all-MiniLM-L6-v2, another model's name or its folder.",
        ),
        Setting(
            "content.picture_encoder",
            "",
            str,
            "What makes vectors of pictures: a model's name or its folder; pictures are not read where empty.",
        ),
        Setting(
            "content.pictures",
            "",
            str,
            "Folder that pictures of items are read from; `pictures` in the shop's folder where empty.",
        ),
        Setting(
            "events.start",
            "",
            str,
            "Folder of a saved event model, of another shop perhaps, that the training of `events` begins with; a path"
            " is taken from the shop's folder.",
        ),
        Setting(
            "events.student",
            False,
            _yes_or_no,
            "Whether a smaller network, taught by those that were trained, answers for `events` in their place.",
        ),
        Setting(
            "events.in_ensemble",
            "auto",
            _one_of("auto", "yes", "no"),
            "Whether `events` is a member of the ensemble: auto, where the log holds at least 1,000 events that are no"
            " orders, yes, or no. It takes minutes to train where the others take seconds.",
        ),
        Setting(
            "events.encoder",
            "gru",
            _one_of("gru", "transformer"),
            "What reads the steps in `events` and `trees-events`: gru, a recurrent layer, or a causal transformer.",
        ),
        Setting(
            "events.device",
            "auto",
            _one_of("auto", "cpu", "cuda"),
            "What `events` and `trees-events` are trained on: cpu, cuda (an NVIDIA GPU), or auto, the GPU where there"
            " is one.",
        ),
        Setting(
            "events.logs",
            "",
            str,
            "Folder for logs of the training of `events`, which TensorBoard reads; a path is taken from the shop's"
            " folder. None are written where empty.",
        ),
        Setting(
            "segments.tiers",
            [0.5, 0.8, 0.95],
            _rising_shares(3),
            "Shares of the expected spend that the tiers top, high and middle reach down to; the rest is low.",
        ),
        Setting(
            "segments.new_days",
            0,
            _integer(0, 3650),
            "Days from the first order on in which a customer is new; 0: within which 3 of 4 second orders of this shop"
            " came, 30 to 180.",
        ),
        Setting(
            "segments.growing",
            1.25,
            _number(1, 100),
            "Expected orders against those at the customer's own pace, from which on they are growing.",
        ),
        Setting(
            "segments.cooling",
            0.8,
            _number(0, 1),
            "Chance to buy against that at the customer's own pace, below which they are cooling.",
        ),
        Setting("segments.at_risk", 0.5, _number(0, 1), "The same, below which they are at risk."),
        Setting("segments.lost", 0.2, _number(0, 1), "The same, below which they are lost."),
        Setting(
            "segments.aipl_days",
            30,
            _integer(1, 365),
            "Days before the cutoff in which views, searches and carts count for awareness and interest.",
        ),
        Setting(
            "data_until",
            "",
            _optional_date,
            "First day not covered by the data; the day after the last event where empty.",
        ),
        Setting("seed", 0, _integer(0, 2**31 - 1), "Seed of everything that draws random numbers."),
        Setting(
            "memory_limit_gb", 4.0, _number(0.1, 10_000), "Memory that queries may take before they spill to disk."
        ),
        Setting("threads", 0, _integer(0, 1024), "Threads that queries and training may use; 0 takes all cores."),
    ]
}


@dataclass(frozen=True)
class Settings:
    """All settings of a shop, checked. Read one with `settings["currency"]`."""

    values: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.values["timezone"])


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, Mapping) and name not in SETTINGS:
            flat |= _flatten(value, name + ".")
        else:
            flat[name] = value
    return flat


def parse_setting(key: str, value: Any, *, where: str) -> Any:
    """The checked value of one setting; raises InputError `bad-setting`."""
    if key not in SETTINGS:
        raise InputError(
            "bad-setting", f"there is no setting `{key}`", where=where, remedy=f"settings are {', '.join(SETTINGS)}"
        )
    try:
        return SETTINGS[key].parse(value)
    except (ValueError, TypeError) as error:
        raise InputError("bad-setting", f"`{key}` cannot be {value!r}: {error}", where=where) from error


def read_settings(
    table: Mapping[str, Any], *, where: str = "shop.toml", environ: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a TOML table, overridden by environment variables such as WORTH_CURRENCY.

    Raises InputError `bad-setting` that names the file or variable, the key and the value.
    """
    environ = os.environ if environ is None else environ
    values = {key: setting.default for key, setting in SETTINGS.items()}
    for key, value in _flatten(table).items():
        values[key] = parse_setting(key, value, where=where)
    for key, setting in SETTINGS.items():
        if setting.env in environ and not isinstance(setting.default, dict):
            values[key] = parse_setting(key, environ[setting.env], where=f"environment variable {setting.env}")
    return Settings(values)
