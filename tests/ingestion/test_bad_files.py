"""Files that no reader should meet: one clear error, or every row an event or in quarantine; never a crash.

`bench/bad_files.py` runs each of them by itself and tells how long it takes and how much memory.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import worthwhile as ww
from oracles import bad_file_runs
from oracles.bad_file_runs import PACKAGES, TEXTS, faults, judged, lost_rows, unclear
from oracles.bad_files import FAMILIES, BadFile, bad_files, csv_text, lines, of_text
from worthwhile.errors import InputError
from worthwhile.ingestion.broken_quotes import records
from worthwhile.shop import Shop
from worthwhile.store.tables import read_table

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes, sockets and signals of POSIX")


def test_there_are_over_300_different_bad_files_and_the_same_every_time() -> None:
    names = [(family, file.name) for family, file in bad_files(seed=7)]
    assert len(set(names)) == len(names) > 400
    assert names == [(family, file.name) for family, file in bad_files(seed=7)]


@pytest.mark.parametrize("family", ["damaged", *TEXTS])
def test_no_bad_text_crashes_hangs_loses_a_row_or_changes_the_shop(family: str, tmp_path: Path) -> None:
    chosen, wrong = faults(family, tmp_path)
    assert chosen > 0 and wrong == []


def test_every_family_is_tested_here_or_in_test_bad_packages() -> None:
    assert set(TEXTS) | set(PACKAGES) == set(FAMILIES)


def test_quote_that_is_never_closed_costs_one_row_and_not_all_after_it(shop: Shop, tmp_path: Path) -> None:
    rows = [*lines(1000), '"c1,2020-01-05,5', *lines(20_000)]
    path = of_text(csv_text(rows))(tmp_path)
    report = ww.ingest(shop, path).files[0]
    assert (report.rows, report.refused) == (21_001, {"torn-line": 1})
    [torn] = read_table(shop, "quarantine").to_pylist()
    assert (torn["row"], torn["detail"]) == (1001, "a quote is opened and never closed")
    assert any("never closed" in note for note in report.notes)


def test_rows_that_a_quote_swallows_between_two_of_them_are_read(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text('a,b,c\n1,2,3\n"4,5,6\n7,8,9\n10,11,12\n13,14,15",x,y\n16,"1\n7",18\n')
    found = list(records(path, ",", 3, has_header=True))
    good = [record.fields for record in found if record.fields]
    assert good == [["1", "2", "3"], ["7", "8", "9"], ["10", "11", "12"], ["16", "1\n7", "18"]]
    assert [record.content for record in found if not record.fields] == ['"4,5,6', '13,14,15",x,y']


def test_lines_in_an_older_encoding_among_utf8_are_read_as_what_they_are(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    text = csv_text([*lines(), "José,2020-01-05,5", "王小明,2020-01-05,5", "Zoë,2020-01-05,5"]).encode()
    path.write_bytes(text + "Müller,2020-01-05,5\n".encode("cp1252") + "张三,2020-01-05,5\n".encode("gb18030"))
    ww.ingest(shop, path)
    found = set(read_table(shop, "events")["customer_id"].to_pylist())
    assert {"José", "王小明", "Zoë", "Müller", "张三"} <= found


def test_field_beyond_all_measure_is_refused_with_its_beginning(shop: Shop, tmp_path: Path) -> None:
    path = of_text(csv_text([*lines(), f"{'x' * 200_000},2020-01-05,5"]))(tmp_path)
    assert ww.ingest(shop, path).files[0].refused == {"torn-line": 1}
    [torn] = read_table(shop, "quarantine").to_pylist()
    assert torn["detail"] == "a field has 200000 characters"
    assert "2020-01-05" in torn["content"] and len(torn["content"]) < 2000


def test_time_that_is_none_is_not_taken_for_midnight(shop: Shop, tmp_path: Path) -> None:
    path = of_text(csv_text(["c1,13/01/2020 10:30,5", "c1,13/01/2020 25:61,5", "c1,13/01/2020,5"]))(tmp_path)
    assert ww.ingest(shop, path).files[0].refused == {"bad-date": 1}


def test_too_little_memory_is_the_users_to_mend(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1, memory_limit_gb=0.1)
    header = csv_text([], ",".join(["customer_id,order_date,amount", *(f"x{k}" for k in range(900))]))
    path = of_text(header + "c1,2020-01-05,5" + "," * 900 + "\n")(tmp_path)
    with pytest.raises(InputError, match="memory_limit_gb") as caught:
        ww.ingest(shop, path)
    assert caught.value.code == "bad-setting"


# ---- the judge itself ---------------------------------------------------------------------------------------------


def test_judge_sees_a_crash_a_wrong_outcome_and_an_error_without_remedy(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = BadFile("healthy", of_text(csv_text()), "error")
    path = healthy.write(tmp_path)
    assert "should have been error" in judged("x", healthy, path, shop).fault
    assert "does not say where and remedy" in unclear(InputError("bad-file", "it is bad"))
    monkeypatch.setattr(ww, "ingest", lambda *_, **__: 1 / 0)
    assert judged("x", healthy, path, shop).came == "crash"


def test_judge_sees_lost_rows_and_a_shop_that_changed(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    report = ww.ingest(shop, of_text(csv_text())(tmp_path)).files[0]
    assert lost_rows(shop, report) == ""
    assert "rows are lost" in lost_rows(shop, replace(report, events=report.events - 1))

    def write_and_fail(*_: object, **__: object) -> None:
        (shop.folder / "left").write_text("x")
        raise InputError("bad-file", "it is bad", where="here", remedy="mend it")

    monkeypatch.setattr(bad_file_runs.ww, "ingest", write_and_fail)
    assert judged("x", BadFile("x", of_text("")), tmp_path, shop).fault == "the shop has changed"
