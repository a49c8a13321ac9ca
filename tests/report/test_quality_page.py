"""The quality page: what came in, what is wrong with it, in both languages."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

import worthwhile as ww
from worthwhile.errors import InputError
from worthwhile.ingestion.quarantine_file import write_quarantine
from worthwhile.ingestion.reasons import REASONS, REASONS_ZH, detail_in
from worthwhile.languages import LANGUAGES
from worthwhile.report import quality_page
from worthwhile.report.charts_quality import _labels, _place
from worthwhile.report.quality_content import Stretch, quality_content
from worthwhile.report.quality_page import quality_html, quality_voice, write_quality_page
from worthwhile.report.svg import Frame, text_width
from worthwhile.report.texts import read_texts
from worthwhile.shop import Shop

HEADER = "customer_id,order_date,order_id,sku,quantity,amount,event_type"


def dirty_lines(days: int) -> list[str]:
    """A shop that sells every day but for three weeks, with visits, refunds, and rows that are wrong."""
    start = date(2022, 1, 1)
    made = []
    for day in range(days):
        if 40 <= day < 61:
            continue
        when = start + timedelta(days=day)
        made += [f"c{k},{when},o{day}-{k},s{k},1,{9 + k}.50,purchase" for k in range(3)]
        made += [f"c{day % 9},{when} 10:00,,s1,,,view"]
    odd = (
        *("c1,2022-01-05,r1,s1,-1,-9.50,purchase", ",2022-01-05,o,s1,1,5,purchase", "c1,soon,o,s1,1,5,purchase"),
        *("c1,2022-01-05,o,s1,1,12 kg,purchase", "c1,2022-01-05,o", "c1,2022-01-05,o,s1,1,5,teleported"),
        *("c1,2022-01-05,o,s1,1,5,login", "=cmd,2099-01-01,o,s1,1,5,purchase", "<b>x,never,o,s1,1,5,purchase"),
        "\u202ec,2022-01-05,o,s1,1,5,unpaid",
    )
    return [*made, *odd]


def test_labels_of_the_timeline_end_within_the_chart() -> None:
    days = [Stretch(date(2024, 1, 1) + timedelta(days=7 * k), {}, 0) for k in range(22)]
    for width in range(300, 1200, 50):
        plot = Frame(width=width).plot((0, len(days)), (0, 1))
        for label in _labels(days, "week", plot, quality_voice("en", "EUR")):
            middle, words = re.search(r'x="([\d.]+)".*>([^<]+)</text>', label).groups()
            assert float(middle) + text_width(words) / 2 <= width


def make_shop(folder: Path, rows: list[str]) -> Shop:
    folder.mkdir(exist_ok=True)
    shop = ww.create_shop(folder / "shop", currency="CNY", timezone="Asia/Shanghai", name="小店 <One>", threads=1)
    path = folder / "orders.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    ww.ingest(shop, path)
    return shop


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("dirty"), dirty_lines(90))


class Words(HTMLParser):
    """The words of a page that a reader sees, and the tags that are open at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)


def seen(page: str) -> str:
    parser = Words()
    parser.feed(page)
    assert parser.open == []
    return " ".join(" ".join(parser.words).split())


def bare(text: str) -> str:
    """Without what sets words of files apart: backticks, or the blanks around an element."""
    return re.sub(r"[`\s]", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_shows_every_finding_with_what_to_do_every_reason_and_every_file(dirty: Shop, language: str) -> None:
    content = quality_content(dirty)
    text = seen(quality_html(content, language))
    assert len(content.findings) > 5
    for finding in content.findings:
        told = [finding.words(part, language) for part in ("title", "detail", "done", "advice")]
        told += [example[:60] for example in finding.shown_examples(language)]
        assert all(bare(words) in bare(text) for words in told)
    assert {refused.reason for refused in content.quarantine} >= {"bad-date", "bad-number", "torn-line", "never-paid"}
    assert all((REASONS_ZH if language == "zh" else REASONS)[r.reason] in text for r in content.quarantine)
    assert "orders.csv" in text and "小店 <One>" in text


def test_chinese_page_speaks_no_english_but_the_shop_s_own_words(dirty: Shop) -> None:
    text = seen(quality_html(quality_content(dirty), "zh"))
    words = (*HEADER.split(","), *REASONS, "purchase", "teleported", "login", "unpaid", "soon", "never", "orders")
    commands = r"--quarantine rows\.csv|--[\w-]+( type)?=?|worth check SHOP|shop\.toml|data_until|Worthwhile"
    others = r"`[^`]*`|\b(cmd|csv|One|kg|line|u202ec)\b|Asia/Shanghai|CNY|\b\w{1,2}\b"
    rest = re.sub(rf"\b({'|'.join(words)})\b|{commands}|{others}", "", text)
    footer = rest.index("数据版本")
    assert re.findall(r"[A-Za-z]{3,}", rest[:footer]) == []


def test_numbers_of_the_page_are_those_of_the_log(dirty: Shop) -> None:
    content = quality_content(dirty)
    assert content.rows == content.events + content.refused == sum(file.rows for file in content.files)
    assert sum(refused.rows for refused in content.quarantine) == content.missing == content.refused
    shown = sum(sum(stretch.events.values()) for stretch in content.timeline)
    assert (shown + content.outside, content.outside) == (content.events, 1)
    assert content.gaps == [(date(2022, 2, 10), 21)]
    assert content.holders[0].customer == "c2"
    assert content.holders[0].share == pytest.approx(content.holders[0].amount / content.sales, abs=0.01)


def test_ledger_adds_up_in_every_line_and_to_the_events_of_the_log(tmp_path: Path) -> None:
    """A file of orders with refunds and postage, the same orders changed, and a list of items."""
    shop = ww.create_shop(tmp_path / "shop", currency="GBP", threads=1)
    head = "Order ID,Customer,Date,SKU,Price,Order Total,Refunded Amount,Status\n"
    first = (
        "".join(f"o{n},c{n},2024-01-0{n},s,10,12.5,{n % 2},paid\n" for n in range(1, 8)) + "o9,,2024-01-09,s,1,1,,\n"
    )
    files = {"one.csv": head + first, "two.csv": head + first.replace("12.5,0,", "12.5,4,").replace("o1,", "p1,")}
    mapping = {"order_total": "Order Total", "refunded_amount": "Refunded Amount"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        ww.ingest(shop, tmp_path / name, mapping=mapping)
    (tmp_path / "items.csv").write_text("sku,title,category,price\ns,Mug,kitchen,10\nt,Tea,food,4\n")
    ww.ingest(shop, tmp_path / "items.csv")
    content = quality_content(shop)
    for file in content.files:
        assert file.rows + file.paired == file.events + file.known + file.refused
    assert content.rows + sum(f.paired for f in content.files) == content.new + content.known + content.refused
    assert (content.listed, content.missing, content.refused) == (2, 1, 2)
    gone = content.new - content.listed - content.events
    assert gone > 0
    text = seen(quality_html(content))
    assert "2 rows are of lists of items or customers" in text
    assert f"{gone} events gave way" in text and f"That leaves {content.events} events in the log." in text
    assert "accepted since, or told twice: 1 row" in text


def test_customers_with_refunds_only_are_told_apart(tmp_path: Path) -> None:
    rows = ["c1,2022-01-01,o1,s,1,5.25,purchase", "c2,2022-01-02,r1,s,-1,-5,purchase"]
    content = quality_content(make_shop(tmp_path, rows))
    assert (content.customers, content.refunded_only) == (1, 1)
    assert "¥0.25 of 1 customer; with refunds only: 1" in seen(quality_html(content))


def test_refused_row_shows_what_is_read_of_it_first_and_why_only_where_it_says_more(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", currency="GBP", threads=1)
    wide = ",".join(f"extra{n}" for n in range(60))
    row, path = "x" * 20, tmp_path / "a_file_with_a_name_far_too_long_for_a_column_2024.csv"
    extra = ",".join([row] * 60)
    path.write_text(f"{wide},customer,date,amount\n{extra},a,2024-01-01,5\n{extra},,2024-01-02,7.25\n")
    ww.ingest(shop, path)
    text = seen(quality_html(quality_content(shop)))
    assert "Content a_file_with_a_name_far_t…column_2024.csv 2 date: 2024-01-02, amount: 7.25, extra0: xxx" in text
    assert "Row Why" not in text
    assert "Row Why" in seen(quality_html(quality_content(make_shop(tmp_path / "why", dirty_lines(9)))))


@pytest.mark.parametrize(("days", "step"), [(90, "day"), (300, "week"), (1300, "month")])
def test_timeline_is_by_day_week_or_month_and_has_no_holes(tmp_path: Path, days: int, step: str) -> None:
    content = quality_content(make_shop(tmp_path, dirty_lines(days)))
    starts = [stretch.start for stretch in content.timeline]
    assert content.step == step
    assert starts == sorted(set(starts)) and len(starts) < 130
    assert sum(stretch.silent for stretch in content.timeline) == 21
    assert "</html>" in quality_html(content, "zh")


def test_day_lies_on_the_axis_between_its_stretch_and_the_next() -> None:
    timeline = [Stretch(date(2022, 1, 3), {}, 0), Stretch(date(2022, 1, 10), {}, 0)]
    assert _place(timeline, date(2022, 1, 3)) == 0
    assert _place(timeline, date(2022, 1, 10)) == 1
    assert _place(timeline, date(2022, 1, 17)) == 2
    assert 0 < _place(timeline, date(2022, 1, 5)) < 1


def test_page_runs_no_script_but_its_own_and_escapes_what_files_hold(dirty: Shop) -> None:
    page = quality_html(quality_content(dirty))
    assert "default-src 'none'" in page and page.count("<script>") == 1
    assert "<b>x" not in page and "&lt;b&gt;x" in page and "<One>" not in page
    assert "\u202e" not in page
    assert not re.search(r"(?:src|href)=\"http", page)


def test_healthy_shop_has_a_page_too(tmp_path: Path) -> None:
    rows = [f"c{k % 9},2022-01-{1 + k % 28:02d},o{k},s{k % 5},1,{5 + k % 7}.50,purchase" for k in range(200)]
    text = seen(quality_html(quality_content(make_shop(tmp_path, rows))))
    assert "Every row became an event" in text


def test_page_is_written_where_asked_and_nowhere_else(dirty: Shop, tmp_path: Path) -> None:
    path = write_quality_page(dirty, tmp_path / "quality.html", "zh")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["quality.html"]
    for wrong, lang in ((tmp_path, "en"), (tmp_path / "no" / "q.html", "en"), (tmp_path / "q.html", "fr")):
        with pytest.raises(InputError) as caught:
            write_quality_page(dirty, wrong, lang)
        assert caught.value.code == "bad-argument" and caught.value.remedy


def test_empty_shop_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing has been ingested"):
        quality_content(ww.create_shop(tmp_path / "shop"))


# ---- words --------------------------------------------------------------------------------------------------------


def test_both_languages_have_the_same_texts_and_places() -> None:
    english, chinese = (read_texts(language, "quality-") for language in LANGUAGES)
    assert english.keys() == chinese.keys()
    assert not english.keys() & read_texts("en").keys()
    for key, text in english.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", chinese[key])), key
        assert re.search("[\u3400-\u9fff]", chinese[key]) or key in (
            "timeline.when_day",
            "timeline.when_month",
            "tiles.between",
            "timeline.tip",
        )


def test_every_reason_and_every_detail_is_told_in_chinese(dirty: Shop) -> None:
    assert REASONS.keys() == REASONS_ZH.keys()
    details = [example[2] for refused in quality_content(dirty).quarantine for example in refused.examples]
    told = [detail_in(detail, "zh") for detail in details if detail]
    assert len(told) > 4 and all(re.search("[\u3400-\u9fff]", text) for text in told)
    assert detail_in("a field has 200000 characters", "zh") == "某个字段的字符数：200000"
    assert detail_in("something new", "zh") == "something new"


@pytest.mark.parametrize("severity", ["serious", "warning", "info", "none"])
def test_sentence_to_take_away_names_the_worst(severity: str) -> None:
    voice = quality_voice("en", "EUR")
    assert voice(f"lead.{severity}", count=voice.count_of(f"quality_{severity}", 1), first="x")
    assert quality_page.SEVERITIES == ("serious", "warning", "info")


# ---- the quarantine as a file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_quarantine_file_holds_every_refused_row_and_no_formula(dirty: Shop, tmp_path: Path, language: str) -> None:
    path = tmp_path / "rows.csv"
    count = write_quarantine(dirty, path, language)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert len(header) == 6
    assert count == len(rows) == quality_content(dirty).refused
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)
    assert {row[2] for row in rows} == {refused.reason for refused in quality_content(dirty).quarantine}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert any("12 kg" in row[5] for row in rows)


def test_shop_without_refused_rows_has_a_file_with_its_header_only(tmp_path: Path) -> None:
    rows = [f"c{k},2022-01-{1 + k:02d},o{k},s,1,5,purchase" for k in range(9)]
    assert write_quarantine(make_shop(tmp_path, rows), tmp_path / "rows.csv") == 0
    assert len((tmp_path / "rows.csv").read_text(encoding="utf-8-sig").splitlines()) == 1


def test_words_of_files_are_set_as_code_and_not_between_backticks(dirty: Shop) -> None:
    page = quality_html(quality_content(dirty))
    assert "<code>teleported</code> 1" in page
    assert "`" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)
