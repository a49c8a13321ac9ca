"""Columns that identify persons are told from those that only look so, by name and by value, in two languages."""

from __future__ import annotations

import pytest

from worthwhile.ingestion.identifiers import kind_of

WORDS = ("Red scarf", "Tea mug", "Large bag", "Blue lamp")
PEOPLE = ("Jane Doe", "Ola Nordmann", "José García", "Max Weber")
PEOPLE_ZH = ("王小明", "李雷", "欧阳娜娜", "张三")
EMAILS = ("jane@example.com", "Ola.N@shop.no", "x+y@a.co.uk")
MOBILES = ("13812345678", "15987654321", "18611112222", "17733334444", "19955556666", "13344445555")
PLACES = ("12 High Street", "1 Station Road", "7 Mill Lane")
PLACES_ZH = ("浙江省杭州市西湖区文三路18号", "北京市朝阳区建国路88号")
IDENTITY = ("11010519491231002X", "440524188001010014")
ADDRESSES = ("192.168.1.7", "10.0.0.1", "2001:db8::1")
COUNTS = ("1", "2", "15")
YES_NO = ("yes", "no", "yes")
COUNTING_UP = tuple(str(13800000000 + 37 * n) for n in range(40))


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("Email", EMAILS, "email"),
        ("Customer E-mail", EMAILS, "email"),
        ("billing_email", EMAILS, "email"),
        ("电子邮件", EMAILS, "email"),
        ("客户邮箱", EMAILS, "email"),
        ("contact", EMAILS, "email"),
        ("column_4", EMAILS, "email"),
        ("Phone", ("+44 7911 123456", "020 7946 0958"), "phone"),
        ("Shipping Phone", ("(212) 555-0199", "212-555-0101"), "phone"),
        ("mobile_number", MOBILES, "phone"),
        ("tel", ("0571-88886666", "010-12345678"), "phone"),
        ("手机号", MOBILES, "phone"),
        ("收货人手机", ("138****5678", "159****4321"), "phone"),
        ("联系电话", ("0571-88886666", "13812345678"), "phone"),
        ("联系方式", MOBILES, "phone"),
        ("备用", MOBILES, "phone"),
        ("column_3", ("+86 138 1234 5678", "+44 7911 123456"), "phone"),
        ("身份证号", IDENTITY, "id-number"),
        ("证件号码", IDENTITY, "id-number"),
        ("remark", IDENTITY, "id-number"),
        ("Passport No", ("P1234567", "X9876543"), "id-number"),
        ("银行卡号", ("6222 0212 3456 7890", "6217001234567890"), "id-number"),
        ("IP", ADDRESSES, "ip"),
        ("Client IP address", ADDRESSES, "ip"),
        ("登录IP", ADDRESSES, "ip"),
        ("browser_ip", ADDRESSES, "ip"),
        ("seen from", ADDRESSES, "ip"),
        ("Shipping Address1", PLACES, "address"),
        ("Billing Street", PLACES, "address"),
        ("Shipping Zip", ("SW1A 1AA", "M1 1AE"), "address"),
        ("postcode", ("90210", "10001"), "address"),
        ("收货地址", PLACES_ZH, "address"),
        ("详细地址", PLACES_ZH, "address"),
        ("邮编", ("310012", "100020"), "address"),
        ("deliver to", PLACES, "address"),
        ("备注二", PLACES_ZH, "address"),
        ("Customer Name", PEOPLE, "name"),
        ("Billing Name", PEOPLE, "name"),
        ("Recipient", PEOPLE, "name"),
        ("first_name", ("Jane", "Ola"), "name"),
        ("Last name", ("Doe", "Nordmann"), "name"),
        ("reviewerName", PEOPLE, "name"),
        ("billing_address.first_name", ("Jane", "Ola"), "name"),
        ("shipping_address.name", PEOPLE, "name"),
        ("addresses.name", PEOPLE, "name"),
        ("Default Address Last Name", ("Doe", "Nordmann"), "name"),
        ("ShipName", PEOPLE, "name"),
        ("details.vendor.surname", ("Doe", "Nordmann"), "name"),
        ("order.details.tel", ("0571-88886666", "010-12345678"), "phone"),
        ("收货人姓名", PEOPLE_ZH, "name"),
        ("姓名", PEOPLE_ZH, "name"),
        ("收货人", ("王**", "李**"), "name"),
        ("客户名称", PEOPLE_ZH, "name"),
        ("买家会员名", ("tb_12a", "happy2020"), "account"),
        ("昵称", ("小猫", "大树"), "account"),
        ("username", ("jane_d", "ola"), "account"),
        ("微信号", ("wx_abc", "wx_def"), "account"),
        ("下单帐号", ("jd_1", "jd_x"), "account"),
    ],
)
def test_column_that_identifies_persons_is_found(name: str, values: tuple[str, ...], kind: str) -> None:
    assert kind_of(name, values) == kind


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("Item name", WORDS, "title"),
        ("Product Name", WORDS, "title"),
        ("title", PEOPLE, "title"),  # records and books are called like people
        ("商品名称", ("连衣裙", "白酒", "黄油"), "title"),
        ("宝贝标题", ("王老吉凉茶", "李子园牛奶"), "title"),
        ("Company name", ("Acme Ltd", "Globex"), None),
        ("Billing Company", ("Acme Ltd", "Globex"), None),
        ("公司名称", ("杭州某某有限公司", "北京某某科技公司"), None),
        ("店铺名称", ("小店", "大店"), None),
        ("Vendor", WORDS, None),
        ("brand name", ("Nike", "Max Mara"), None),
        ("campaign name", WORDS, "text"),
        ("category name", WORDS, "category"),
        ("line_items.name", WORDS, None),
        ("store_address.name", ("High Street", "Mill Lane"), None),
        ("country", ("France", "Norway"), "country"),
        ("Shipping Country", ("FR", "NO"), "country"),
        ("Shipping City", ("Paris", "Oslo"), None),
        ("收货城市", ("杭州市", "北京市"), None),
        ("省份", ("浙江省", "广东省"), None),
        ("Name", ("#1001", "#1002"), "order_id"),  # what Shopify calls its order numbers
        ("Name", WORDS, None),
        ("order id", COUNTING_UP, "order_id"),
        ("order id", MOBILES, "order_id"),
        ("订单编号", COUNTING_UP, "order_id"),
        ("parent order no", MOBILES, None),
        ("column_1", COUNTING_UP, None),
        ("customer id", COUNTING_UP, "customer_id"),
        ("customer id", ("17850", "13047"), "customer_id"),
        ("客户编号", ("10001", "10002"), "customer_id"),
        ("快递单号", ("773012345678901", "773012345678902"), None),
        ("barcode", ("4006381333931", "5012345678900"), "item_id"),
        ("sku", ("13812345678", "15987654321"), "item_id"),
        ("created", ("1309521600", "1309521999"), "ts"),
        ("phone", ("iPhone 15", "Galaxy S24"), None),
        ("phone model", ("iPhone 15", "Galaxy S24"), None),
        ("mobile", YES_NO, None),
        ("mobile orders", COUNTS, None),
        ("email opened", YES_NO, None),
        ("email", YES_NO, None),
        ("email campaign", WORDS, None),
        ("accepts email", YES_NO, None),
        ("IP", ("Hello Kitty", "Star Wars"), None),
        ("shipping", ("4.95", "0.00"), None),
        ("membership", ("gold", "silver"), None),
        ("version", ("1.2.3", "1.2.4"), None),
        ("tip", ("1.50", "2.00"), None),
        ("zip compressed", YES_NO, None),
        ("street price", ("12.99", "8.50"), None),
        ("address type", ("home", "work"), None),
        ("address verified", YES_NO, None),
        ("gift card number", ("1234567890", "2234567890"), None),
        ("会员卡号", ("80001234", "80001235"), "customer_id"),
        ("description", ("Street lamp 12 W", "Mug for the road"), "title"),
        ("title", ("2 Way Stretch Belt", "3 Lane Slot Track"), "title"),
        ("quantity", COUNTS, "quantity"),
        ("amount", ("13812345678", "15987654321"), "amount"),
        ("收货人数", COUNTS, None),
        ("客服", ("客服一", "客服二"), None),
        ("销量", COUNTS, None),
        ("passport cover", YES_NO, None),
        ("user", ("u1", "u2"), "customer_id"),
        ("客户", ("A01", "A02"), "customer_id"),
        ("", COUNTS, None),
    ],
)
def test_column_that_only_looks_so_is_no_alarm(name: str, values: tuple[str, ...], field: str | None) -> None:
    assert kind_of(name, values, field=field) is None


def test_column_called_name_holds_persons_only_where_the_item_has_a_column_of_its_own() -> None:
    assert kind_of("Name", PEOPLE, has_title=True) == "name"
    assert kind_of("Name", PEOPLE) is None


def test_phone_numbers_as_ids_of_customers_are_told_from_numbers_that_count_up() -> None:
    assert kind_of("customer id", MOBILES, field="customer_id") == "phone"
    assert kind_of("customer id", COUNTING_UP, field="customer_id") is None


def test_name_without_values_is_believed() -> None:
    assert kind_of("Email", ()) == "email"


def test_identity_number_with_a_wrong_check_digit_is_some_other_number() -> None:
    assert kind_of("remark", tuple(text[:-1] + "7" for text in IDENTITY)) is None
