"""A person who asks to be forgotten is nowhere in the shop's folder any more, and does not come back."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import worthwhile as ww
from oracles.letters import Letters
from worthwhile.content.cache import text_key, vectors_of
from worthwhile.errors import InputError
from worthwhile.features.sequences import build_sequences
from worthwhile.ingestion.pseudonyms import write_private
from worthwhile.models.files import write_json
from worthwhile.privacy.erase import UNFINISHED
from worthwhile.privacy.traces import traces
from worthwhile.runs.record import check_digests, record
from worthwhile.shop import Shop
from worthwhile.store.log import open_log
from worthwhile.store.tables import Writing, read_table, read_versions, table_files

LONG_AGO, SOON = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)


def found_in(folder: Path, texts: tuple[str, ...]) -> list[str]:
    """The slow, obvious search: bytes of every file, all columns of every Parquet file, gzip unpacked."""
    found = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content += gzip.decompress(content)
        if content.startswith(b"PAR1"):
            content += str(pq.ParquetFile(file).read().to_pydict()).encode()
        found += [f"{file.relative_to(folder)}: {text}" for text in texts if text.encode() in content]
    return found


def traces_of(shop: Shop, person: Any) -> list[str]:
    """What the search of a certificate finds."""
    with closing(duckdb.connect()) as con:
        return traces(con, shop.folder, [person.pseudonym], apart=[]).left


def customers(shop: Shop) -> list[str]:
    with open_log(shop) as log:
        return [name for (name,) in log.con.execute("SELECT DISTINCT customer_id FROM events ORDER BY 1").fetchall()]


def test_search_finds_the_person_before(shop: Shop, person: Any) -> None:
    found = found_in(shop.folder, person.texts)
    places = {line.split("/")[0] + "/" + line.split("/")[1] for line in found}
    assert {"tables/events", "tables/customers", "tables/quarantine"} <= places
    assert any(line.startswith("runs/") for line in found) and any(line.startswith("reports/") for line in found)
    assert not [line for line in found if person.email in line or "Jane Roe" in line]  # what is never taken


def test_forgotten_person_is_in_no_byte_of_the_shop(shop: Shop, person: Any) -> None:
    done = ww.forget(shop, person.email)
    assert found_in(shop.folder, person.texts) == []
    assert (done.tables["events"].rows, done.tables["customers"].rows, done.tables["quarantine"].rows) == (
        10,
        2,
        3,
    )  # one is refused in both files
    assert done.tables["customers"].older_copies == 0  # what is told of customers is only ever added to
    assert list(done.runs.values()) == [1]
    assert done.searched and not done.left


def test_sequences_that_a_killed_run_left_are_found_and_go(shop: Shop, person: Any) -> None:
    with open_log(shop) as log:
        left = build_sequences(log, shop.scratch / "sequences-killed" / "sequences").folder
    assert "scratch/sequences-killed/sequences/customers.parquet" in traces_of(shop, person)
    assert not ww.forget(shop, person.email).left
    assert not left.exists() and found_in(shop.folder, person.texts) == []


def test_a_guest_whose_order_came_to_nothing_is_forgotten_in_quarantine_too(tmp_path: Path) -> None:
    """What is kept there of an order that was never paid names its customer beside the row's own content."""
    shop = ww.create_shop(tmp_path / "woo", threads=1)

    def told(number: int, status: str, who: str) -> dict[str, Any]:
        moments = dict.fromkeys(("date_created_gmt", "date_paid_gmt", "date_modified_gmt"), "2024-01-05T10:00:00")
        lines = [{"product_id": 9, "name": "Pot", "quantity": 1, "total": "5.00"}]
        rest = {"total": "5.00", "currency": "EUR", "line_items": lines, "billing": {"email": who}}
        return {"id": number, "status": status, "customer_id": 0, **moments, **rest}

    path, who = tmp_path / "orders.json", "jane.roe@example.com"
    path.write_text(json.dumps([told(1, "failed", who), told(2, "completed", who), told(3, "completed", "b@x.uk")]))
    ww.ingest(shop, path)
    pseudonym = read_table(shop, "quarantine")["customer_id"].to_pylist()
    done = ww.forget(shop, who)
    assert done.tables["quarantine"].rows == 1
    assert found_in(shop.folder, pseudonym) == []


def test_all_others_stay_as_they_were(shop: Shop, person: Any) -> None:
    def others() -> list[tuple[Any, ...]]:
        with open_log(shop) as log:
            query = "SELECT event_id, ts_us, customer_id, kind, amount, text FROM events WHERE customer_id <> $1"
            return log.con.execute(query + " ORDER BY event_id", [person.pseudonym]).fetchall()

    before = others()
    ww.forget(shop, person.pseudonym)
    assert others() == before
    assert len(customers(shop)) == 13


def test_tables_are_whole_delta_tables_in_every_version(shop: Shop, person: Any) -> None:
    old = read_versions(shop, ledger_version=0)
    ww.forget(shop, person.email)
    for table in ("events", "customers", "quarantine", "items", "batches"):
        newest = DeltaTable(shop.table_path(table))
        for version in range(newest.version() + 1):
            opened = DeltaTable(shop.table_path(table), version=version)
            actions = opened.get_add_actions(flatten=True)
            for file, size, rows in zip(
                *(actions[name].to_pylist() for name in ("path", "size_bytes", "num_records")), strict=True
            ):
                path = shop.table_path(table) / file
                assert (path.stat().st_size, pq.read_metadata(path).num_rows) == (size, rows)
    assert read_table(shop, "events", versions=old).num_rows == 57 - 5
    with open_log(shop) as log:
        assert log.version == read_versions(shop)
        assert log.version["batches"] == DeltaTable(shop.table_path("batches")).version()


def test_delta_readers_other_than_ours_can_write_after_it(shop: Shop, person: Any) -> None:
    ww.forget(shop, person.email)
    table = DeltaTable(shop.table_path("events"))
    before = len(pq.read_table(table_files(shop, "events", read_versions(shop))[0]))
    table.optimize.compact()
    (file,) = DeltaTable(shop.table_path("events")).get_add_actions(flatten=True)["num_records"].to_pylist()
    assert file == 104 > before


def test_recorded_run_passes_its_check_and_its_report_can_be_written_anew(shop: Shop, person: Any) -> None:
    ww.forget(shop, person.email)
    (manifest,) = ww.list_runs(shop)
    noted = check_digests(shop.runs / manifest["run_id"])["erased"]
    assert [(n["certificate"], n["file"], n["rows"]) for n in noted] == [("erasure-0001", "forecasts.parquet", 1)]
    assert not (shop.reports / "report-en.html").exists()
    assert "c1" not in ww.write_report(shop).read_text(encoding="utf-8").split(person.pseudonym)[1:]
    assert found_in(shop.folder, person.texts) == []


def encoded_texts(shop: Shop) -> list[str]:
    """What the events say; the vectors of all of it are kept."""
    with open_log(shop) as log:
        texts = [text for (text,) in log.con.execute("SELECT text FROM events WHERE text IS NOT NULL").fetchall()]
    vectors_of(shop.vectors, Letters(), [*texts, "another's words"])
    return texts


def test_vectors_of_what_the_person_wrote_go_with_their_digests(shop: Shop, person: Any) -> None:
    texts = encoded_texts(shop)
    assert person.review in texts
    vectors_of(shop.vectors, Letters("static-1"), ["another's words"])  # fitted to all texts
    key, vector = text_key(person.review) or b"", Letters().encode([person.review]).astype(np.float16)
    gone = [key, key.hex().encode(), vector.tobytes()]

    def holding() -> list[bytes]:
        content = b"".join(file.read_bytes() for file in shop.folder.rglob("*") if file.is_file())
        return [trace for trace in gone if trace in content]

    assert holding() == [gone[0], gone[2]]
    ww.forget(shop, person.email)
    assert holding() == []
    left = Letters()
    vectors_of(shop.vectors, left, ["another's words"])
    assert left.asked == [] and not (shop.vectors / "static-1").exists()


def test_vectors_of_texts_that_are_too_old_go_too(shop: Shop, person: Any) -> None:
    encoded_texts(shop)
    ww.forget_before(shop, "2023-05-01", at=SOON)
    asked = Letters()
    vectors_of(shop.vectors, asked, [person.review, "another's words"])
    assert asked.asked == [person.review]


def test_models_that_keep_rows_of_customers_leave_a_run(shop: Shop, person: Any) -> None:
    (made,) = ww.list_runs(shop)

    def fill(folder: Path, run_id: str) -> None:
        for model in ("svm", "linear"):
            write_json(folder / "models" / "30d" / model / "model.json", {})
        shutil.copy(shop.runs / made["run_id"] / "forecasts.parquet", folder)

    run = record(shop, "forecast", {"seed": 1}, {"gate": {}}, fill)
    ww.forget(shop, person.email)
    assert [f.name for f in (run / "models" / "30d").iterdir()] == ["linear"]
    assert "models/30d/svm" in [note["file"] for note in check_digests(run)["erased"]]


def test_certificate_says_what_was_done_and_names_nobody(shop: Shop, person: Any) -> None:
    done = ww.forget(shop, person.email, at=SOON)
    document = json.loads((shop.privacy / "erasure-0001.json").read_text())
    assert document == done.to_dict()
    assert document["at"] == SOON.isoformat() and document["version"] == ww.__version__
    for table in document["tables"].values():
        assert len(table["digest_before"]) == len(table["digest_after"]) == 64
    assert document["tables"]["events"]["digest_before"] != document["tables"]["events"]["digest_after"]
    text = (shop.privacy / "erasure-0001.txt").read_text()
    assert text == done.text() and "Table events: 10 rows" in text
    assert not [t for t in person.texts if t in json.dumps(document) + text]


@pytest.mark.parametrize("write", [str.lower, str.upper, lambda text: f"  {text} "])
def test_address_may_be_written_in_any_way(shop: Shop, person: Any, write: Callable[[str], str]) -> None:
    assert ww.forget(shop, write(person.email), dry_run=True).tables["events"].rows == 10


def test_rehearsal_counts_and_changes_no_byte(shop: Shop, person: Any) -> None:
    before = {file: file.read_bytes() for file in shop.folder.rglob("*") if file.is_file()}
    rehearsed = ww.forget(shop, person.email, dry_run=True)
    assert {file: file.read_bytes() for file in shop.folder.rglob("*") if file.is_file()} == before
    done = ww.forget(shop, person.email)
    assert {t: e.rows for t, e in rehearsed.tables.items()} == {t: e.rows for t, e in done.tables.items()}
    assert rehearsed.runs == done.runs and rehearsed.reports == done.reports


@pytest.mark.parametrize("name", ["nobody@example.com", "c17", "c_" + "0" * 32])
def test_whoever_is_not_there_cannot_be_forgotten(shop: Shop, name: str) -> None:
    with pytest.raises(InputError, match="nothing of this customer") as caught:
        ww.forget(shop, name)
    assert caught.value.code == "no-such-customer"
    assert not (shop.privacy / "erasure-0001.json").exists()


def test_second_time_says_when_it_was(shop: Shop, person: Any) -> None:
    ww.forget(shop, person.email, at=SOON)
    with pytest.raises(InputError, match="forgotten on 2024-01-01"):
        ww.forget(shop, person.email)


def test_empty_shop_has_nobody_to_forget(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        ww.forget(ww.create_shop(tmp_path / "new"), "a@example.com")
    assert caught.value.code == "empty-shop"


def test_older_versions_share_their_files_with_the_newest(shop: Shop, person: Any) -> None:
    old = read_versions(shop)
    for customer, left in ((person.email, 104), ("c3@example.org", 96)):
        ww.forget(shop, customer)
        assert [read_table(shop, "events", versions=v).num_rows for v in (old, read_versions(shop))] == [left, left]
    files = list(shop.table_path("events").glob("*.parquet"))
    newest = table_files(shop, "events", read_versions(shop))
    assert len({file.stat().st_ino for file in files}) == len(newest) < len(files)


def test_folder_that_a_link_leads_to_is_searched_too(shop: Shop, person: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "notes.txt").write_text(f"call {person.email}")
    (shop.folder / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(shop.folder)
    assert list(ww.forget(shop, person.email).left) == ["linked/notes.txt"]


def test_visits_of_a_browser_known_to_be_the_customers_go_too(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)

    def event(number: int, who: str | None, visitor: str, name: str, **more: Any) -> str:
        said = {"type": "track", "event": name, "messageId": str(number), "userId": who, "anonymousId": visitor}
        return json.dumps({**said, "timestamp": f"2024-01-0{number}T10:00:00Z", "properties": more}) + "\n"

    order = {"order_id": "1", "total": 10, "products": [{"sku": "s", "price": 10, "quantity": 1}]}
    (tmp_path / "day.jsonl").write_text(
        event(1, "u7", "anon7", "Order Completed", **order)
        + event(2, "u7", "anon7", "Weird Thing", query="first wish")
        + event(3, None, "anon7", "Weird Thing", query="second wish")
        + event(4, "u8", "anon8", "Order Completed", **{**order, "order_id": "2"})
        + event(5, "u7", "kiosk", "Weird Thing", query="x")
        + event(6, "u8", "kiosk", "Weird Thing", query="y")
    )
    hour = tmp_path / "hour.jsonl"
    hour.write_text(
        event(7, None, "anon7", "Products Searched", query="third wish")
        + event(8, None, "kiosk", "Products Searched", query="socks")
    )
    ww.ingest(shop, tmp_path / "day.jsonl")
    ww.ingest(shop, hour)
    ww.forget(shop, "u7")
    assert found_in(shop.folder, ("anon7", "u7", "first wish", "second wish", "third wish")) == []
    assert customers(shop) == ["kiosk", "u8"]
    hour.write_text(hour.read_text() + event(9, None, "anon9", "Products Searched", query="hats"))
    assert dict(ww.ingest(shop, hour).files[0].refused) == {"forgotten": 1}


# ---- what comes back ----------------------------------------------------------------------------------------------


def test_old_file_brings_nobody_back_though_it_has_new_rows(
    shop: Shop, person: Any, files: tuple[Path, Path], tmp_path: Path
) -> None:
    ww.forget(shop, person.email)
    assert ww.ingest(shop, *files).events == 0
    longer = tmp_path / "longer.csv"
    longer.write_text(files[0].read_text() + "\nnew@example.org,New One,2023-05-05,n1,s1,5,order,\n")
    (report,) = ww.ingest(shop, longer).files
    assert report.events == 1
    assert report.refused["forgotten"] == 7
    assert found_in(shop.folder, person.texts) == []
    contents = [r["content"] for r in read_table(shop, "quarantine").to_pylist() if r["reason"] == "forgotten"]
    assert set(contents) == {None}


def test_whoever_buys_again_is_a_new_customer(shop: Shop, person: Any, tmp_path: Path) -> None:
    ww.forget(shop, person.email, at=SOON)
    again = tmp_path / "again.csv"
    header = "Email,Date,Order ID,Amount\n"
    again.write_text(header + f"{person.email},2023-12-31,old,5\n{person.email},2024-01-02,new,7\n")
    (report,) = ww.ingest(shop, again).files
    assert (report.events, dict(report.refused)) == (1, {"forgotten": 1})
    assert person.pseudonym in customers(shop)


def test_file_of_nobody_else_is_taken_without_complaint(shop: Shop, person: Any, tmp_path: Path) -> None:
    ww.forget(shop, person.email)
    alone = tmp_path / "alone.csv"
    alone.write_text(f"Email,Date,Amount\n{person.email},2023-03-03,5\n")
    assert ww.ingest(shop, alone).refused == 1


# ---- interrupted --------------------------------------------------------------------------------------------------


ROUNDS = 12  # points, evenly spread over all changes of files, at which the process ends


class Killed(BaseException):
    """The process ends here."""


class Steps:
    """Counts changes of files, and ends before the one asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.last = 0, -1
        for owner, name in (
            (Path, "replace"),
            (Path, "unlink"),
            (Writing, "put"),
            ("worthwhile.privacy.history", "_write_kept"),
            ("worthwhile.privacy.artifacts.shutil", "rmtree"),
        ):
            target = (owner, name) if isinstance(owner, type) else (f"{owner}.{name}",)
            original = getattr(owner, name) if isinstance(owner, type) else self._named(owner, name)
            monkeypatch.setattr(*target, self._counted(original))

    @staticmethod
    def _named(module: str, name: str) -> Any:
        from importlib import import_module

        if module.endswith(".shutil"):
            return getattr(shutil, name)
        return getattr(import_module(module), name)

    def _counted(self, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.count == self.last:
                raise Killed
            self.count += 1
            return original(*args, **kwargs)

        return call


def test_forgetting_that_is_interrupted_anywhere_is_done_or_can_be_done_again(
    shop: Shop, person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers meanwhile see all of the person or nothing."""

    encoded_texts(shop)

    def copy(name: str) -> Shop:
        return ww.open_shop(shutil.copytree(shop.folder, tmp_path / name))

    with monkeypatch.context() as patch:
        steps = Steps(patch)
        ww.forget(copy("whole"), person.email)
        total = steps.count
    assert total > 30
    for number in range(ROUNDS):
        one = copy(f"shop-{number}")
        with monkeypatch.context() as patch:
            steps = Steps(patch)
            steps.last = number * total // ROUNDS
            with pytest.raises(Killed):
                ww.forget(one, person.email)
        with open_log(one) as log:
            query = "SELECT (SELECT count(*) FROM events WHERE customer_id = $1), count(*) FROM customers"
            seen = log.con.execute(f"{query} WHERE customer_id = $1", [person.pseudonym]).fetchall()
        assert seen in ([(10, 1)], [(0, 0)])
        done = ww.forget(one, person.email)
        assert done.tables["events"].rows == 10
        assert found_in(one.folder, person.texts) == [], steps.last
        vectors_of(one.vectors, (left := Letters()), [person.review, "another's words"])
        assert left.asked == [person.review]
        assert not (one.privacy / UNFINISHED).exists()
        for run in ww.list_runs(one):
            check_digests(one.runs / run["run_id"])
        assert len(customers(one)) == 13
        shutil.rmtree(one.folder)


def test_file_that_a_dead_writer_left_half_written_is_no_hindrance(shop: Shop, person: Any) -> None:
    for name in ("part-00000-torn-c000.snappy.parquet", "part-00001-torn-c000.snappy.parquet#1"):
        (shop.table_path("events") / name).write_bytes(f"PAR1 {person.pseudonym}".encode())
    assert not ww.forget(shop, person.email).left
    assert found_in(shop.folder, person.texts) == []


def test_interrupted_forgetting_is_finished_by_the_next_one_whoever_it_is_of(
    shop: Shop, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        steps = Steps(patch)
        steps.last = 12
        with pytest.raises(Killed):
            ww.forget(shop, person.email)
    ww.forget(shop, "c3@example.org")
    assert found_in(shop.folder, person.texts) == []
    assert [p.name for p in sorted(shop.privacy.glob("*.json"))] == ["erasure-0001.json", "erasure-0002.json"]
    assert len(customers(shop)) == 12


# ---- ids in clear, and short ones ---------------------------------------------------------------------------------


@pytest.fixture
def plain(tmp_path: Path) -> Shop:
    """A shop whose customers are numbers, with refused rows."""
    shop = ww.create_shop(tmp_path / "plain", threads=1)
    text = "Customer ID,Date,Quantity,Price\n7,2023-01-01,1,2\n8,2023-01-02,7,2\n7,soon,1,2\n8,soon,7,2\n7,x\n8,x\n"
    (tmp_path / "orders-7.csv").write_text(text)
    ww.ingest(shop, tmp_path / "orders-7.csv")
    return shop


def test_short_id_takes_no_row_of_others_with_it(plain: Shop) -> None:
    done = ww.forget(plain, "7")
    assert done.tables["quarantine"].rows == 2
    left = read_table(plain, "quarantine").to_pylist()
    assert [(row["row"], row["file"]) for row in left] == [(4, "orders-7.csv"), (6, "orders-7.csv")]
    assert customers(plain) == ["8"]
    assert not done.searched  # a 7 may be anything


def test_id_is_known_in_refused_rows_however_an_export_writes_it(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    ids = ("7", "7.0", '="7"', " 7 ", "\u3000 7", "17", "7.5")
    rows = "".join(f"{who},soon,1\n" for who in ids)
    (tmp_path / "orders.csv").write_text(f"customer_id,date,amount\n7.0,2023-01-01,1\n8,2023-01-02,1\n{rows}")
    ww.ingest(shop, tmp_path / "orders.csv")
    ww.forget(shop, "7")
    left = [json.loads(row["content"])["customer_id"] for row in read_table(shop, "quarantine").to_pylist()]
    assert left == ["17", "7.5"]


def test_torn_line_of_a_forgotten_customer_is_not_kept_and_those_of_others_are(plain: Shop, tmp_path: Path) -> None:
    ww.forget(plain, "7", at=SOON)
    (tmp_path / "more.csv").write_text("Customer ID,Date,Quantity,Price\n9,2023-01-01,1,2\n 7 ,x\n17,x\n")
    (tmp_path / "more.jsonl").write_text(
        '{"customer":9,"date":"2023-01-01","amount":1}\n{"customer":7,"x\n{"customer":8,"x\n'
    )
    ww.ingest(plain, tmp_path / "more.csv", tmp_path / "more.jsonl")
    rows = [row for row in read_table(plain, "quarantine").to_pylist() if row["file"].startswith("more")]
    contents = {(row["file"], row["row"]): row["content"] for row in rows}
    assert contents == {
        ("more.csv", 2): None,
        ("more.csv", 3): '{"line":"17,x"}',
        ("more.jsonl", 2): None,
        ("more.jsonl", 3): '{"line":"{\\"customer\\":8,\\"x"}',
    }


def test_name_of_a_file_that_names_the_person_is_blanked(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    path = tmp_path / "export jane@example.com 2023.csv"
    path.write_text("Email,Date,Amount\njane@example.com,2023-01-01,1\nola@example.com,2023-01-02,2\n,2023-01-02,2\n")
    ww.ingest(shop, path)
    done = ww.forget(shop, "jane@example.com")
    assert not done.left
    for table in ("batches", "quarantine"):
        assert read_table(shop, table)["file"].to_pylist() == ["export [erased] 2023.csv"]


LONG, OTHER = "CUSTOMER0001", "CUSTOMER0002"


@pytest.fixture
def spoken_of(tmp_path: Path) -> Shop:
    """A shop in which rows of one customer speak of another."""
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    (tmp_path / "orders.csv").write_text(
        "customer_id,type,order_id,date,amount,sku,text,channel\n"
        f"{LONG},order,1,2024-01-02,5,a,,web\n"
        f"{OTHER},order,{LONG}-2,2024-01-02,5,a,,affiliate {LONG}\n"
        f"{OTHER},review,,2024-01-03,,a,{LONG} {LONG} {LONG.lower()} 1{LONG},web\n"
        f",order,{LONG}-3,2024-01-02,5,a,,web\n"
        f"{LONG.lower()},order,4,soon,5,a,,web\n"
    )
    (tmp_path / "customers.csv").write_text(
        f"customer_id,registered_at,tier,referred_by\n{LONG},2024-01-01,gold,\n{OTHER},2024-01-01,gold,{LONG}\n"
    )
    ww.ingest(shop, tmp_path / "orders.csv", mapping={"channel": "channel"})
    ww.ingest(shop, tmp_path / "customers.csv")
    return shop


def test_id_is_blanked_in_the_rows_of_others(spoken_of: Shop) -> None:
    done = ww.forget(spoken_of, LONG)
    events = read_table(spoken_of, "events").sort_by("ts").to_pylist()
    assert [(e["order_id"], e["text"], e["channel"]) for e in events] == [
        ("[erased]-2", None, "affiliate [erased]"),
        (None, f"[erased] [erased] {LONG.lower()} 1{LONG}", "web"),
    ]
    (customer,) = read_table(spoken_of, "customers").to_pylist()
    assert json.loads(customer["attributes"])["referred_by"] == "[erased]"
    assert done.tables["customers"].rows == 4  # one, and what three times was told of the customer


def test_ids_that_differ_in_case_are_two_customers(spoken_of: Shop) -> None:
    ww.forget(spoken_of, LONG)
    (row,) = read_table(spoken_of, "quarantine").to_pylist()
    assert json.loads(row["content"])["customer_id"] == LONG.lower()


def test_number_of_an_order_of_others_that_is_the_id_by_accident_stays(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    (tmp_path / "orders.csv").write_text(
        "customer_id,order_id,date,amount\n10000001,10000007,2024-01-02,5\n10000002,10000001,2024-01-02,5\n"
    )
    ww.ingest(shop, tmp_path / "orders.csv")
    done = ww.forget(shop, "10000001")
    assert read_table(shop, "events")["order_id"].to_pylist() == ["10000001"]
    assert done.left and "Found there, and not changed: tables/events/" in done.text()


def test_what_a_visitor_did_before_the_login_goes_from_older_versions_too(tmp_path: Path) -> None:
    """The log learns later whose it was; the older version has it as the visitor's."""
    shop = ww.create_shop(tmp_path / "shop", threads=1)

    def event(number: int, who: str | None, visitor: str, query: str) -> str:
        said = {"type": "track", "event": "Products Searched", "userId": who, "anonymousId": visitor}
        rest = {"messageId": str(number), "timestamp": f"2024-01-02T10:0{number}:00Z", "properties": {"query": query}}
        return json.dumps({**said, **rest}) + "\n"

    hour = event(1, None, "anon-77777777", "first wish") + event(2, None, "anon-77777777", "second wish")
    kiosk = event(3, None, "kiosk-8888888", "third wish") + event(4, None, "kiosk-8888888", "fourth wish")
    (tmp_path / "hour.jsonl").write_text(hour + kiosk)
    (tmp_path / "day.jsonl").write_text(
        event(1, "user-0001", "anon-77777777", "first wish")
        + event(3, "user-0001", "kiosk-8888888", "third wish")
        + event(4, "user-0002", "kiosk-8888888", "fourth wish")
    )
    ww.ingest(shop, tmp_path / "hour.jsonl")
    ww.ingest(shop, tmp_path / "day.jsonl")
    assert not ww.forget(shop, "user-0001").left
    assert found_in(shop.folder, ("user-0001", "anon-77777777", "first wish", "second wish", "third wish")) == []
    assert found_in(shop.folder, ("fourth wish",)) and customers(shop) == ["user-0002"]


def packed_copies(text: bytes) -> dict[str, bytes]:
    """A text as files of many kinds: name -> content."""
    zipped, within, book, locked = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("orders.csv", text * 50)
    with zipfile.ZipFile(within, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("orders.csv.gz", gzip.compress(text))
    made = openpyxl.Workbook()
    made.active.append([text.decode()])
    made.save(book)
    table = pa.table({"a": pa.array([text.decode()] * 9).dictionary_encode(), "b": [[text.decode()]] * 9})
    pq.write_table(table, locked, write_statistics=False, compression="zstd")
    return {
        "a.zip": zipped.getvalue(),
        "b.zip": within.getvalue(),
        "c.xlsx": book.getvalue(),
        "d.bz2": bz2.compress(text),
        "e.xz": lzma.compress(text),
        "f.csv": text.decode().encode("utf-16"),
        "g.parquet": locked.getvalue(),
        "h.json": json.dumps({"a": text.decode()}).encode(),
    }


@pytest.mark.parametrize("customer", [LONG, "买家会员名字很长的人"])
def test_packed_copies_in_the_folder_are_found(tmp_path: Path, customer: str) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1)
    (tmp_path / "a.csv").write_text(f"customer_id,date,amount\n{customer},2024-01-02,5\n{OTHER},2024-01-02,5\n")
    ww.ingest(shop, tmp_path / "a.csv")
    copies = packed_copies(customer.encode())
    for name, content in {**copies, **{f"other-{n}": c for n, c in packed_copies(OTHER.encode()).items()}}.items():
        (shop.folder / name).write_bytes(content)
    done = ww.forget(shop, customer)
    assert list(done.left) == sorted(copies) and not done.unsearched


def test_what_cannot_be_searched_is_named_in_the_certificate(shop: Shop, person: Any) -> None:
    zipped = packed_copies(b"nothing of interest")["a.zip"]
    locked = bytearray(zipped)
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of a member with a password
        locked[zipped.index(sign) + place] |= 1
    files = {"a.pdf": b"%PDF-1.7", "b.7z": b"7z\xbc\xaf\x27\x1c", "c.zip": bytes(locked), "d.gz": b"\x1f\x8b\x08torn"}
    for name, content in files.items():
        (shop.folder / name).write_bytes(content)
    done = ww.forget(shop, person.email)
    assert (list(done.left), list(done.unsearched)) == ([], list(files))
    assert "Could not be searched: a.pdf" in (shop.privacy / f"{done.name}.txt").read_text()
    assert json.loads((shop.privacy / f"{done.name}.json").read_text()) == done.to_dict()


def test_full_disk_says_that_the_erasure_goes_on_later(
    shop: Shop, person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(InputError, match="goes on when it is asked for again") as caught,
    ):
        patch.setattr("worthwhile.privacy.erase.erase_newest", fail)
        ww.forget(shop, person.email)
    assert caught.value.code == "cannot-write" and (shop.privacy / UNFINISHED).exists()
    ww.forget(shop, person.email)
    assert found_in(shop.folder, person.texts) == []


def test_full_disk_leaves_no_half_of_what_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("worthwhile.ingestion.pseudonyms.os.fsync", fail)
    with pytest.raises(OSError):
        write_private(tmp_path / "unfinished.json", "jane@example.com")
    assert not list(tmp_path.iterdir())


def test_what_lies_beside_and_is_not_ours_is_named_in_the_certificate(shop: Shop, person: Any) -> None:
    (shop.folder / "export.csv.gz").write_bytes(gzip.compress(person.email.encode()))
    assert list(ww.forget(shop, person.email).left) == ["export.csv.gz"]


# ---- age ----------------------------------------------------------------------------------------------------------


def test_events_older_than_the_span_are_dropped_in_whole_days(shop: Shop) -> None:
    now = datetime(2025, 3, 10, 15, 30, tzinfo=UTC)
    done = ww.forget_before(shop, "2y", at=now)
    assert done.before == {"events": "2023-03-10T00:00:00+00:00"}
    with open_log(shop) as log:
        assert str(log.first)[:10] == "2023-03-10"
        (rows,) = log.con.execute("SELECT count(*) FROM events").fetchall()[0]
    assert done.tables["events"].rows == 114 - rows > 0
    assert (shop.privacy / "erasure-0001.txt").read_text().count("Dropped by age: events before 2023-03-10") == 1


def test_dropped_events_are_in_no_older_version_and_do_not_come_back(
    shop: Shop, files: tuple[Path, Path], tmp_path: Path
) -> None:
    ww.forget_before(shop, "2023-06-01")
    for file in shop.table_path("events").glob("*.parquet"):
        assert all(str(ts)[:10] >= "2023-05-31" for ts in pq.read_table(file)["ts"].to_pylist())
    longer = tmp_path / "longer.csv"
    longer.write_text(files[0].read_text() + "\nnew@example.org,New One,2023-07-05,n1,s1,5,order,\n")
    (report,) = ww.ingest(shop, longer).files
    assert report.events == 1 and report.refused["forgotten"] == 57


def test_customers_of_whom_nothing_is_left_go_from_customers_and_runs(shop: Shop) -> None:
    with open_log(shop) as log:
        query = "SELECT customer_id, max(CAST(local_ts AS DATE)) FROM events GROUP BY 1 ORDER BY 2 DESC"
        last = log.con.execute(query).fetchall()
    day = last[2][1]
    done = ww.forget_before(shop, day)
    stay = sorted(name for name, bought in last if bought >= day)
    assert customers(shop) == stay
    assert sorted(read_table(shop, "customers")["customer_id"].to_pylist()) == stay
    assert list(done.runs.values()) == [14 - len(stay)]


def test_refused_rows_and_names_of_files_go_with_their_batch(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "next.csv").write_text("Email,Date,Amount\nola@example.org,2100-12-01,1\n")
    ww.ingest(shop, tmp_path / "next.csv")
    ww.forget_before(shop, "2100-01-01")
    assert read_table(shop, "quarantine").num_rows == 0
    assert set(read_table(shop, "batches")["file"].to_pylist()) == {"[erased]"}


def test_browsing_may_be_kept_for_a_shorter_time(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", threads=1, privacy__keep_browsing="1y")
    text = "customer,date,event_type,amount\na,2022-01-01,order,5\na,2022-01-01,view,\na,2023-12-01,view,\n"
    (tmp_path / "visits.csv").write_text(text)
    ww.ingest(shop, tmp_path / "visits.csv")
    done = ww.forget_before(shop, at=SOON)
    assert (done.tables["events"].rows, list(done.before)) == (1, ["browsing"])
    assert sorted(read_table(shop, "events")["kind"].to_pylist()) == ["order_line", "view"]


def test_nothing_that_old_is_no_erasure_and_has_no_certificate(shop: Shop, tmp_path: Path) -> None:
    before = read_versions(shop)
    done = ww.forget_before(shop, "2001-01-01")
    assert not done.name and not done.finds_anything
    assert not list(shop.privacy.glob("erasure-*")) and read_versions(shop) == before
    (tmp_path / "old.csv").write_text("Email,Date,Amount\nola@example.org,2000-12-01,1\nola@example.org,2023-01-01,9\n")
    assert dict(ww.ingest(shop, tmp_path / "old.csv").files[0].refused) == {"forgotten": 1}


def test_day_before_all_time_is_no_day(tmp_path: Path) -> None:
    shop = ww.create_shop(tmp_path / "shop", timezone="Asia/Shanghai")
    with pytest.raises(InputError, match="neither a span nor a day"):
        ww.forget_before(shop, "0001-01-01")


@pytest.mark.parametrize(
    ("keep", "said"), [("2 moons", "neither a span nor a day"), ("2999-01-01", "no event would be left"), ("", "age")]
)
def test_age_that_makes_no_sense_changes_nothing(shop: Shop, keep: str, said: str) -> None:
    before = read_versions(shop)
    with pytest.raises(InputError, match=said) as caught:
        ww.forget_before(shop, keep)
    assert caught.value.code == "bad-argument"
    assert read_versions(shop) == before
