"""The quality report: what is found, how grave it is, in which words."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest

import worthwhile as ww
from worthwhile.content.picture import VisionEncoder, picture_vectors_of
from worthwhile.errors import InputError
from worthwhile.ingestion.findings import FINDINGS, SEVERITIES, Finding
from worthwhile.shop import change_settings

HEADER = "customer_id,order_date,order_id,sku,quantity,amount\n"


def healthy(customers: int = 30, days: int = 60) -> list[str]:
    """Every customer buys something different every third day, so that nothing is odd."""
    start = date(2020, 1, 1)
    return [
        f"c{c},{start + timedelta(days=d)},o{c}-{d},s{(c + d) % 7},{1 + c % 3},{5 + (c * d) % 11}.5"
        for d in range(days)
        for c in range(customers)
        if (c + d) % 3 == 0
    ]


@pytest.fixture
def found(shop: Any, write: Any) -> Callable[..., dict[str, Finding]]:
    def look(lines: list[str], header: str = HEADER, **options: Any) -> dict[str, Finding]:
        ww.ingest(shop, write(header + "\n".join(lines) + "\n"), **options)
        return {finding.code: finding for finding in ww.check(shop)}

    return look


def test_healthy_shop_has_no_findings(found: Any) -> None:
    assert found(healthy()) == {}


def test_empty_shop_cannot_be_checked(shop: Any) -> None:
    with pytest.raises(InputError) as caught:
        ww.check(shop)
    assert caught.value.code == "empty-shop"


def test_rows_without_customer_and_other_refused_rows_are_told_apart(found: Any) -> None:
    some = found([*healthy(), ",2020-01-05,o,s,1,1", "c1,soon,o,s,1,1", "c1,2020-01-05,o,s,1,x"])
    assert some["no-customer"].count == 1
    assert some["refused-rows"].count == 2
    assert "(bad-date) 1" in some["refused-rows"].detail
    assert "(bad-number) 1" in some["refused-rows"].detail
    assert "orders.csv:602" in some["refused-rows"].shown_examples()[0]
    assert some["refused-rows"].shown_examples("zh")[0] == "orders.csv:602 日期为 soon"
    assert "日期无法识别（bad-date）1 行" in some["refused-rows"].words("detail", "zh")


def test_finding_is_serious_where_it_concerns_half_of_the_rows(found: Any) -> None:
    some = found(["c1,2020-01-01,o,s,1,1", *[f",2020-01-01,o{n},s,1,1" for n in range(9)]])
    assert some["no-customer"].severity == "serious"
    assert FINDINGS["no-customer"].severity == "warning"


def three_lines(amount: Callable[[int, int], float]) -> list[str]:
    """Forty orders of three items each."""
    return [f"c{n},2020-01-{1 + n % 28:02d},o{n},s{i},1,{amount(n, i)}" for n in range(40) for i in range(3)]


def test_order_totals_that_stand_on_every_line_are_noticed(found: Any) -> None:
    some = found(three_lines(lambda order, item: 20 + order), mapping={"amount": "amount"})
    assert (some["repeated-totals"].count, some["repeated-totals"].share) == (40, 1.0)
    assert some["repeated-totals"].examples[0] == "o39, 59.00 GBP"


def test_shop_with_one_price_for_all_is_not_said_to_repeat_totals(found: Any) -> None:
    assert "repeated-totals" not in found(three_lines(lambda order, item: 9.99))


def test_one_wrong_amount_stands_out(found: Any) -> None:
    some = found([*healthy(), "c1,2020-01-05,big,s1,1,1000000"])
    assert some["outlying-amounts"].count == 1
    assert some["outlying-amounts"].shown_examples() == ("2020-01-05, c1, 1 × s1, 1,000,000.00 GBP",)
    assert "outlying-quantities" not in some


def test_one_wrong_quantity_stands_out(found: Any) -> None:
    some = found([*healthy(), "c1,2020-01-05,big,s1,99999,10"])
    assert some["outlying-quantities"].count == 1
    assert "outlying-amounts" not in some


def test_one_customer_with_most_of_the_sales_is_named(found: Any) -> None:
    lines = [f"guest,2020-01-{1 + n % 28:02d},g{n},s{n},1,9" for n in range(300)]
    some = found([*healthy(), *lines])
    assert some["big-customer"].facts["customer"] == "guest"
    assert some["big-customer"].share == pytest.approx(2700 / (2700 + sum(float(t.split(",")[5]) for t in healthy())))


def test_missing_month_is_a_gap_and_closed_sundays_are_none(found: Any) -> None:
    lines = [line for line in healthy(days=120) if date.fromisoformat(line.split(",")[1]).weekday() != 6]
    lines = [line for line in lines if not "2020-02-03" <= line.split(",")[1] < "2020-03-02"]
    gap = found(lines)["gaps"]
    assert gap.facts == {"spans": 1, "longest": 29, "start": date(2020, 2, 2)}
    assert gap.count == 29


def test_days_without_events_that_chance_explains_are_no_gaps(found: Any) -> None:
    """A small shop: 150 orders in a year, at random."""
    days = sorted(Random(7).choices(range(365), k=150))
    lines = [
        f"c{n % 40},{date(2020, 1, 1) + timedelta(days=day)},o{n},s{n % 9},1,{5 + n % 7}" for n, day in enumerate(days)
    ]
    assert max(after - before for before, after in pairwise(days)) > 7
    assert "gaps" not in found(lines)


def test_missing_month_of_a_small_shop_is_a_gap(found: Any) -> None:
    days = [day for day in sorted(Random(7).choices(range(365), k=250)) if not 200 <= day < 230]
    lines = [
        f"c{n % 40},{date(2020, 1, 1) + timedelta(days=day)},o{n},s{n % 9},1,{5 + n % 7}" for n, day in enumerate(days)
    ]
    assert found(lines)["gaps"].facts["spans"] == 1


def test_chinese_text_writes_days_as_chinese_does(found: Any) -> None:
    some = found([*healthy(90, 90), "c1,1970-01-01,p,s1,1,5", "c1,2020-01-05,big,s1,1,1000000"])
    assert "最早为 1970年1月1日" in some["ancient-dates"].words("detail", "zh")
    assert some["outlying-amounts"].shown_examples("zh")[0].startswith("2020年1月5日, c1")


def test_dates_of_the_future_and_long_ago_are_found(found: Any) -> None:
    some = found([*healthy(90, 90), "c1,2099-01-01,f,s1,1,5", "c1,1970-01-01,p,s1,1,5"])
    assert some["future-dates"].count == 1
    assert some["future-dates"].severity == "serious"
    assert some["ancient-dates"].count == 1
    assert "gaps" not in some


def test_equal_lines_free_lines_and_lines_that_are_no_goods(found: Any) -> None:
    line = "c1,2020-01-05,x,s1,1,5.5"
    some = found([*healthy(), line, line, "c1,2020-01-05,y,s1,1,0", "c1,2020-01-05,z,Shipping,1,4"])
    assert some["duplicate-lines"].count == 1
    assert some["zero-amounts"].count == 1
    assert some["not-goods"].count == 1
    assert some["not-goods"].facts["amount"] == 4.0


def test_purchases_alike_are_no_duplicates_where_there_is_neither_order_nor_item(found: Any) -> None:
    assert "duplicate-lines" not in found(["a,2020-01-01,5", "a,2020-01-01,5"], "customer,date,amount\n")


def test_refunds_with_and_without_order(found: Any) -> None:
    lines = ["c1,2020-01-05,x,s9,2,8", "c1,2020-01-05,rx,s9,-2,-8", "c2,2020-01-05,ry,s8,-1,-3.33"]
    some = found([*healthy(), *lines])
    assert (some["cancelled-soon"].count, some["cancelled-soon"].facts["amount"]) == (1, -8.0)
    assert (some["refunds-without-order"].count, some["refunds-without-order"].facts["refunds"]) == (1, 2)


def test_order_numbers_of_several_customers_are_counted(found: Any) -> None:
    some = found([*healthy(), "c1,2020-01-05,same,s1,1,5", "c2,2020-01-06,same,s1,1,5"])
    assert some["shared-orders"].count == 1


def test_order_number_that_is_used_again_months_later_is_named(found: Any) -> None:
    some = found([*healthy(days=90), "c1,2020-01-05,again,s1,1,5", "c1,2020-03-15,again,s1,1,5"])
    assert some["reused-orders"].count == 1
    assert some["reused-orders"].shown_examples() == ("again, c1: 70 days",)
    assert some["reused-orders"].shown_examples("zh") == ("again，c1：70 天",)


def test_lines_without_a_number_are_found_where_the_others_have_one(found: Any) -> None:
    some = found([*healthy(), "c1,2020-01-05,,s1,1,5", "c1,2020-01-06,o,,1,5", "c1,2020-01-07,,,1,5"])
    assert some["missing-ids"].count == 3
    assert some["missing-ids"].facts == {"orders": 2, "items": 2}


def test_shop_that_has_no_order_numbers_at_all_is_not_said_to_lack_them(found: Any) -> None:
    lines = [f"c{n % 9},2020-01-{1 + n % 28:02d},{5 + n % 7}.5" for n in range(200)]
    assert "missing-ids" not in found(lines, "customer_id,order_date,amount\n")


def test_file_of_which_most_rows_were_refused_is_named(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(HEADER + "\n".join(healthy()) + "\n"))
    rows = ["c1,2020-01-05,o,s1,1,5", *[f",2020-01-05,o{n},s1,1,5" for n in range(9)]]
    ww.ingest(shop, write(HEADER + "\n".join(rows) + "\n", "till.csv"))
    finding = next(f for f in ww.check(shop) if f.code == "refused-files")
    assert (finding.count, finding.facts["files"], finding.examples) == (9, 1, ("till.csv: 9 / 10",))


def test_file_without_amounts_is_the_first_thing_said(shop: Any, write: Any) -> None:
    ww.ingest(shop, write("cust,date\na,2020-01-01\nb,2020-01-02\n"))
    first = ww.check(shop)[0]
    assert (first.code, first.severity, first.count) == ("no-amounts", "serious", 2)
    assert first.examples == ("orders.csv",)


def test_findings_come_worst_first(found: Any) -> None:
    some = found([*healthy(), "c1,2099-01-01,f,s1,1,5", "c1,2020-01-05,y,s1,1,0", ",2020-01-05,y,s1,1,1"])
    ranks = [SEVERITIES.index(finding.severity) for finding in some.values()]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3


def test_finding_as_dict_speaks_both_languages(found: Any) -> None:
    told = found([*healthy(), ",2020-01-05,o,s,1,1"])["no-customer"].to_dict()
    assert told["title"] == {"en": "Rows without a customer", "zh": "缺少客户的行"}
    assert told["detail"]["en"].startswith("1 row does not say who bought (0.2% of all)")
    assert told["detail"]["zh"].startswith("0.2% 的行（1 行）")
    assert set(told["done"]) == {"en", "zh"}


def test_every_finding_has_words_in_both_languages_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for code, kind in FINDINGS.items():
        assert kind.severity in SEVERITIES
        assert kind.meaning
        for words in (kind.title, kind.detail, kind.done, kind.advice):
            assert set(words) == {"en", "zh"}
            assert places(words["en"]) == places(words["zh"]), code


def test_statuses_that_are_not_known_are_named_with_the_file_that_has_them(shop: Any, write: Any) -> None:
    text = "customer,date,amount,status\na,2020-01-01,5,paid\nb,2020-01-02,5,on the way\nc,2020-01-03,5,on the way\n"
    ww.ingest(shop, write(text + "d,2020-01-04,5,held\ne,2020-01-05,5,AB-1234\n"))
    ww.ingest(shop, write(text + "f,2020-01-06,5,paid\n", "overlapping.csv"))
    finding = next(finding for finding in ww.check(shop) if finding.code == "unknown-statuses")
    assert (finding.severity, finding.count) == ("warning", 2)  # an id may have slipped into the column
    assert finding.detail.startswith("2 statuses are not known: `on the way`, `held`. If they mean that")
    assert finding.examples[1] == {"en": "orders.csv: 1 row with `held`", "zh": "orders.csv：1 行为“held”"}


def test_magento_order_under_suspicion_of_fraud_is_no_sale(shop: Any, write: Any, refused: Any) -> None:
    head = "ID,Purchase Point,Purchase Date,Grand Total (Purchased),Status,Customer Email\n"
    rows = [f"{n},Web,2024-01-0{n} 10:00:00,10,{s},c{n}@x.example\n" for n, s in ((1, "complete"), (2, "fraud"))]
    ww.ingest(shop, write(head + "".join(rows)))
    assert refused(shop) == [(2, "never-paid")]


def test_taobao_status_in_its_full_words_is_known(shop: Any, write: Any) -> None:
    head = "订单编号,买家会员名,买家实际支付金额,订单状态,订单付款时间\n"
    (report,) = ww.ingest(shop, write(head + "1,甲,5,卖家已发货，等待买家确认,2024-01-01 10:00:00\n")).files
    assert not any("not known" in note for note in report.notes)


def test_refunds_of_what_was_given_back_so_far_have_no_time_and_undo_no_order(shop: Any, write: Any) -> None:
    head = "ID,Purchase Point,Purchase Date,Grand Total (Purchased),Total Refunded,Status,Customer Email\n"
    rows = "".join(f"{n},Web,2024-01-0{n} 10:00:00,10.5,{n}.25,complete,c{n}@x.example\n" for n in range(1, 4))
    ww.ingest(shop, write(head + rows))
    found = {finding.code: finding for finding in ww.check(shop)}
    assert (found["undated-refunds"].count, found["undated-refunds"].facts["amount"]) == (3, -6.75)
    assert "cancelled-soon" not in found


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row does not say"), (2, "2 rows do not say")])
def test_words_fit_the_number(found: Any, rows: int, words: str) -> None:
    lines = [*healthy(), *(f",2020-01-0{n},o{n},s,1,1" for n in range(1, 1 + rows))]
    assert found(lines)["no-customer"].detail.startswith(words)


def test_few_foreign_rows_are_a_warning_and_many_are_serious(shop: Any, write: Any) -> None:
    head = "customer,date,order no,amount,currency\n"
    rows = [f"c{n},2020-01-{1 + n % 28:02d},o{n},5,GBP\n" for n in range(299)]
    ww.ingest(shop, write(head + "".join(rows) + "x,2020-01-01,x,5,USD\n"))
    assert {f.code: f.severity for f in ww.check(shop)}["mixed-currencies"] == "warning"
    ww.ingest(shop, write(head + rows[0] + "".join(f"{n},2020-01-01,u{n},5,USD\n" for n in range(9)), "more.csv"))
    assert {f.code: f.severity for f in ww.check(shop)}["mixed-currencies"] == "serious"


STATUS = "customer_id,order_date,order_id,sku,quantity,amount,status\n"


def test_unpaid_orders_are_left_aside_and_nothing_to_correct(found: Any) -> None:
    lines = [*(f"{line},paid" for line in healthy()), *(f"c1,2020-01-0{n},u{n},s1,1,5,pending" for n in range(1, 4))]
    some = found(lines, header=STATUS)
    assert set(some) == {"never-paid"}
    assert (some["never-paid"].count, some["never-paid"].severity) == (3, "info")
    assert "`pending` 3" in some["never-paid"].detail


def test_file_of_mostly_unpaid_orders_is_not_mostly_refused(found: Any) -> None:
    lines = ["c1,2020-01-01,o1,s1,1,5,paid", *(f"c1,2020-01-0{n},u{n},s1,1,5,pending" for n in range(1, 9))]
    assert found(lines, header=STATUS)["never-paid"].severity == "info"
    assert "refused-files" not in found([*lines, "c1,2020-02-01,o2,s1,1,6,paid"], header=STATUS)


def test_file_whose_events_are_fewer_than_its_refused_rows_is_told_whatever_it_leaves_aside(found: Any) -> None:
    head = "user_id,event,ts,sku\n"
    rows = ["u1,view,2020-01-01,s", ",view,2020-01-02,s", ",view,2020-01-03,s"]
    some = found([*rows, *(f"u1,login,2020-01-0{n},s" for n in range(1, 9))], header=head)
    assert (some["refused-files"].count, some["refused-files"].facts["files"]) == (2, 1)
    assert "more rows were refused than could be used" in some["refused-files"].detail
    assert "--map visitor_id=" in some["refused-files"].advice


def test_rows_of_forgotten_customers_need_no_correction(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(HEADER + "\n".join(healthy()) + "\n"))
    ww.forget(shop, "c3")
    ww.ingest(shop, write(HEADER + "\n".join([*healthy(), "c1,2020-03-01,o,s1,1,6"]) + "\n", "again.csv"))
    found = {finding.code: finding for finding in ww.check(shop)}
    of_c3 = sum(line.startswith("c3,") for line in healthy())
    assert (found["forgotten"].count, found["forgotten"].severity) == (of_c3, "info")
    assert "refused-rows" not in found


def repeated(items: int, amount: Callable[[int, int], float], quantity: Callable[[int], int]) -> list[str]:
    return [
        f"c{n},2020-01-{1 + n % 28:02d},o{n},s{i},{quantity(i)},{amount(n, i)}" for n in range(40) for i in range(items)
    ]


def test_totals_on_both_lines_of_orders_of_two_are_noticed_and_the_way_out_is_told(found: Any) -> None:
    lines = repeated(2, lambda order, item: 20.5 + order, lambda item: 1)
    finding = found(lines, mapping={"amount": "amount"})["repeated-totals"]
    assert finding.count == 40
    assert "--map 'order_total=amount'" in finding.advice


def test_totals_that_are_all_alike_are_noticed_by_quantities(found: Any) -> None:
    assert "repeated-totals" in found(repeated(3, lambda order, item: 30.0, lambda item: 1 + item % 2))


def test_two_lines_of_one_price_now_and_then_are_no_totals(found: Any) -> None:
    lines = repeated(2, lambda order, item: 20.5 + order + (order % 5 == 0) * item, lambda item: 1)
    assert "repeated-totals" not in found(lines)


def test_totals_that_were_shared_out_are_not_said_to_be_repeated(found: Any) -> None:
    head = HEADER.replace("amount", "order_total")
    assert "repeated-totals" not in found(repeated(3, lambda order, item: 30.5 + order, lambda item: 1), header=head)


def test_pictures_that_could_not_be_read_are_told_with_their_reasons(shop: Any, write: Any) -> None:
    ww.ingest(shop, write(HEADER + "\n".join(healthy()) + "\n"))
    encoder = VisionEncoder("picture-none", 2, shop.folder / "pictures", network=None, prepare=None)
    picture_vectors_of(shop.vectors, encoder, ["gone.jpg", "https://shop.example/a.jpg", "lost.jpg"])
    assert ww.check(shop) == []  # no encoder is named, so nobody reads pictures
    shop = change_settings(shop, {"content.picture_encoder": "vit"})
    [finding] = ww.check(shop)
    assert (finding.code, finding.count) == ("refused-pictures", 3)
    assert "there is no such file below the folder of pictures (2), it is an address" in finding.detail
    assert "lost.jpg：图片文件夹中没有该文件" in finding.shown_examples("zh") and "no-file" not in finding.detail
    picture_vectors_of(shop.vectors, encoder, [])
    assert ww.check(shop) == []
