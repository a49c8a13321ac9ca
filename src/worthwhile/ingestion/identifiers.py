"""Which columns of a file identify a person: by what they are called, and by what they hold.

Such columns are never taken into the log. Names are looked at first and must mostly agree with the values, so that
`phone model` of a shop for phones or a column `mobile` with yes and no is no alarm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address

from worthwhile.ingestion.columns import NUMBERS, Columns, Table, plain
from worthwhile.ingestion.ids import EMAIL, MAINLAND_MOBILE

# Kind -> what a column of it holds; reports and docs speak of them so.
KINDS: dict[str, str] = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "id-number": "numbers of identity, passport or bank cards",
    "ip": "IP addresses",
    "address": "postal addresses",
    "name": "names of persons",
    "account": "nicknames or account names",
}
# A column of these kinds that says who bought may have anything of a person in lines that cannot be split.
TELLING = ("email", "phone", "id-number", "ip", "address")

NUMBERS_AND_TIMES = ("ts", "time", "refunded_at", "updated_at", *NUMBERS, "rating")

HALF, NEARLY_ALL = 0.5, 0.9  # shares of a column's values
FEW_PREFIXES = 5  # mobile numbers begin in many ways, order numbers that look like them in one or two

_PERSON = (
    "(?:customer|client|buyer|member|shopper|recipient|receiver|consignee|contact|billing|shipping|billto|shipto|ship|"
    "delivery|cardholder|guest|payer|sender|person|subscriber|reviewer|passenger|employee|student)s?"
)
_PERSON_ZH = "(?:收货人|收件人|签收人|联系人|发件人|寄件人|付款人|持卡人|提货人|购买人|订货人|下单人|购货人)"
_SHOPPER_ZH = "(?:客户|顾客|买家|会员|用户|消费者)"
_NOT_PEOPLE = re.compile(
    "店铺|商家|卖家|公司|企业|商品|产品|宝贝|品牌|company|store|shop(?!per)|vendor|seller|brand|product|item"
)
_NUMBER_ENDINGS = ("id", "no", "num", "number", "code", "编号", "号", "编码", "单号")

# Kind -> what plain names (`columns.plain`) of its columns look like, in the order in which they are tried.
_NAMES: dict[str, re.Pattern[str]] = {
    "email": re.compile(r".*e?mail(?:address|addr|id)?\d?|.*(?:邮箱|电子邮件|邮件地址|邮箱地址)"),
    "ip": re.compile(
        r"(?:client|remote|user|customer|visitor|login|order|buyer|browser|register|registration|last|source)?"
        r"ip(?:v4|v6)?(?:addr|address)?|.*ip(?:地址)|(?:登录|下单|注册|访问|客户|用户|买家|支付)ip"
    ),
    "phone": re.compile(
        r".*(?:phone|mobile|telephone|cellphone|whatsapp|msisdn|fax)(?:no|num|number|nr)?\d?|(?:.*contact)(?:no|number)"
        r"|tel(?:no|number)?\d?|.*(?:手机|电话|传真|联系方式|手机号码?|电话号码?|联系号码|手机尾号)"
    ),
    "id-number": re.compile(
        r"(?:.*national|.*citizen)id(?:no|number)?|.*passport(?:no|number)?|ssn|socialsecurity(?:no|number)?"
        r"|(?:id|identity|identification|credit|debit|bank|payment)(?:card|document)?(?:no|num|number)"
        r"|(?:idcard|identitycard|creditcard|debitcard|bankcard|bankaccount|iban)|.*driver?s?licen[cs]e(?:no|number)?"
        r"|.*(?:身份证|身份证号码?|证件号码?|护照|护照号码?|银行卡|银行卡号|银行账号|驾驶证号?)"
    ),
    "address": re.compile(
        r".*(?:address|addr)(?:line)?\d?|(?:.*(?:billing|shipping|delivery|home|customer))?street(?:name|line)?\d?"
        r"|.*(?:zip|zipcode|postcode|postalcode|postal|housenumber|plz)|.*(?:地址|街道|邮编|邮政编码|门牌号?|住址)"
    ),
    "account": re.compile(
        r"(?:login|screen|nick|weibo|alipay|skype)name|.*(?:nickname|username|wechat|wechatid|weixin|alipayaccount|skype)|qq(?:号|no|number)?"
        r"|.*(?:昵称|旺旺|会员名|用户名|会员账号|买家账号|下单[帐账]号|支付宝账号|微信号?|qq号码?|账户名|登录名)"
    ),
    "name": re.compile(
        rf"(?:(?:{_PERSON}|user)+|.*address(?:es)?)(?:first|last|full|given|family|middle|sur|real)?names?\d?"
        r"|(?:first|last|full|given|family|middle|maiden|sur|fore|real|legal)names?|surname|forename"
        rf"|recipient|consignee|addressee|cardholder|contactperson|.*姓名|{_PERSON_ZH}(?:名称?|名字)?"
        rf"|{_SHOPPER_ZH}(?:名称|名字|真名)"
    ),
}

_PHONE_SIGNS = re.compile(r"[+\d\s().*/,;xe\-–t]{6,40}")
_FOREIGN_PHONE = re.compile(r"(?:\+|00)[1-9][\d\s().\-]{6,17}\d")
_DIGITS = re.compile(r"[\d*]")
_STREET = re.compile(
    r"\d+[a-z]?,? .*\b(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|close|court|ct|square|way)\b.*"
    r"|.*(?:straße|strasse|str\.) ?\d+.*",
    re.IGNORECASE,
)
_STREET_ZH = re.compile(r".*[省市区县镇乡].*(?:路|街|道|巷|号|村|弄|小区|大厦|栋|幢|室).*")
_YES_NO = ("true", "false", "yes", "no", "y", "n", "0", "1", "是", "否", "有", "无")


@dataclass(frozen=True)
class Identifiers:
    """What of a file identifies persons: the index of each such column -> its kind."""

    kinds: Mapping[int, str]
    names: tuple[str, ...]

    def named(self, *, without: Sequence[int] = ()) -> dict[str, str]:
        """The same by the columns' names."""
        return {self.names[index]: kind for index, kind in self.kinds.items() if index not in without}


def identifiers(table: Table, columns: Columns) -> Identifiers:
    """The columns of a file that identify persons, its customer's id among them where it does."""
    field_of = {index: field for field, index in columns.index.items()}
    found = {}
    for index, name in enumerate(table.names):
        if field_of.get(index) in NUMBERS_AND_TIMES:  # what is no number there, such as a shifted address, is refused
            continue
        kind = kind_of(
            name if table.has_header else "",
            table.values[index],
            field=field_of.get(index),
            has_title="title" in columns,
        )
        if kind is not None:
            found[index] = kind
    return Identifiers(found, table.names)


def kind_of(name: str, values: Sequence[str], *, field: str | None = None, has_title: bool = False) -> str | None:
    """The kind of identifier that a column holds, by its name and a sample of its values; None where it holds none.

    `field` is the event column that it is read as. Numbers that merely look like phone numbers are phone numbers in a
    column that no name speaks for, or that says who bought; never in one that was recognised as something else.
    """
    short = plain(name)
    for kind, called in _speak_for(name):
        if kind in ("name", "account") and _NOT_PEOPLE.search(called):
            continue
        if not values or _share(values, _AGREES[kind]) >= HALF:
            return kind
    if short in ("name", "名字") and has_title and field is None and _share(values, _is_full_name) >= NEARLY_ALL:
        return "name"
    for kind, holds in _BY_VALUE.items():
        if values and _share(values, holds) >= (HALF if field is None else NEARLY_ALL):
            return kind
    is_free = field == "customer_id" or (field is None and not short.endswith(_NUMBER_ENDINGS))
    if is_free and _are_phones(values):
        return "phone"
    if field is None and _share(values, _is_street) >= HALF:
        return "address"
    return None


def kinds_of_name(name: str) -> tuple[str, ...]:
    """The kinds that a column's name speaks for, whatever it holds."""
    return tuple(dict.fromkeys(kind for kind, _ in _speak_for(name)))


def _speak_for(name: str) -> list[tuple[str, str]]:
    """The kinds that a name speaks for, each with the plain name that says so.

    That is the whole name, or the last part of one with dots: in JSON, whatever `buyer.details.first_name` lies in,
    it is a first name.
    """
    called = dict.fromkeys((plain(name), plain(name.rpartition(".")[2])))
    return [(kind, short) for kind, pattern in _NAMES.items() for short in called if pattern.fullmatch(short)]


def _share(values: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(holds(value.strip()) for value in values) / len(values) if values else 0.0


# ---- what values look like ----------------------------------------------------------------------------------------


def _has_words(value: str) -> bool:
    return value.lower() not in _YES_NO and any(sign.isalpha() or sign == "*" for sign in value)


def _is_phone_text(value: str) -> bool:
    return _PHONE_SIGNS.fullmatch(value) is not None and len(_DIGITS.findall(value)) >= 6


def _is_number_of_a_card(value: str) -> bool:
    signs = value.replace(" ", "").replace("-", "")
    return (
        len(signs) >= 6 and signs.replace("*", "0").isalnum() and any(sign.isdigit() or sign == "*" for sign in signs)
    )


def _is_place(value: str) -> bool:
    return value.lower() not in _YES_NO and len(value) >= 4 and re.fullmatch(r"[\d.,]{1,3}|\d+[.,]\d+", value) is None


def _is_full_name(value: str) -> bool:
    words = re.split(r"[ \-]", value)
    return 2 <= len(words) <= 4 and all(re.fullmatch(r"[^\W\d_]['’.\w]*", word) and word.istitle() for word in words)


def _is_email(value: str) -> bool:
    return re.fullmatch(EMAIL, value) is not None


def _is_ip(value: str) -> bool:
    if value.count(".") != 3 and value.count(":") < 2:
        return False
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _is_identity_number(value: str) -> bool:
    """A Chinese identity number: 17 digits, among them a date of birth, and a check digit (GB 11643)."""
    if re.fullmatch(r"[1-9]\d{16}[\dXx]", value) is None:
        return False
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    check = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(value[:17])) % 11
    return date(1900, 1, 1) <= born and "10X98765432"[check] == value[17].upper()


def _is_street(value: str) -> bool:
    return len(value) >= 8 and bool(_STREET.fullmatch(value) or _STREET_ZH.fullmatch(value))


def _are_phones(values: Sequence[str]) -> bool:
    """Whether they are phone numbers: with the sign of a country before them, or mobile numbers of mainland China.

    The latter are bare numbers of eleven digits. Numbers of orders or customers can look like them; but these count
    up, while phone numbers of many people begin in many ways.
    """
    if _share(values, lambda value: _FOREIGN_PHONE.fullmatch(value) is not None) >= HALF:
        return True
    bare = [re.sub(r"[\s\-]", "", value.strip()).removeprefix("+").removeprefix("86") for value in values]
    if _share(bare, lambda value: re.fullmatch(MAINLAND_MOBILE, value) is not None) < NEARLY_ALL:
        return False
    different = set(bare)
    return len({value[:3] for value in different}) >= min(FEW_PREFIXES, (len(different) + 1) // 2)


# Kinds that values alone speak for.
_BY_VALUE: dict[str, Callable[[str], bool]] = {"email": _is_email, "id-number": _is_identity_number, "ip": _is_ip}

# What the values must be like in half of the rows where the name speaks for a kind.
_AGREES: dict[str, Callable[[str], bool]] = {
    "email": lambda value: "@" in value,
    "ip": _is_ip,
    "phone": _is_phone_text,
    "id-number": _is_number_of_a_card,
    "address": _is_place,
    "account": _has_words,
    "name": _has_words,
}
