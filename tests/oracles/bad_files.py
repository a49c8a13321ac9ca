"""Over 300 files that no reader should meet, each made when it is asked for, the same ones for the same seed.

Each says what must come of it: `error` (one `InputError`), `rows` (read, every row an event or in quarantine), or
`either`, where both are right and only a crash, a hang or a lost row is wrong.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import socket
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from oracles.small_xls import compound_file, small_xls

HEADER = "customer_id,order_date,amount"
MB = 1 << 20
Writer = Callable[[Path], Path]


@dataclass(frozen=True)
class BadFile:
    """`write` makes the file in an empty folder and gives the path to ingest.

    `meddle`, where given, is called with the path while the file is being read. `heavy` files take a second or are
    large while they are read: they are run in a process of their own, whose memory is measured.
    """

    name: str
    write: Writer
    expect: str = "either"
    heavy: bool = False
    meddle: Callable[[Path], None] | None = None
    row: str = ""  # of a healthy file with one odd row: that row


def lines(count: int = 40) -> list[str]:
    return [f"c{k % 9},2020-{1 + k % 12:02d}-{1 + k % 28:02d},{5 + k % 7}.50" for k in range(count)]


def csv_text(rows: list[str] | None = None, header: str = HEADER) -> str:
    return "\n".join([header, *(lines() if rows is None else rows)]) + "\n"


def of_bytes(content: bytes | Callable[[], bytes], name: str = "orders.csv") -> Writer:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return write


def of_text(text: str, name: str = "orders.csv", encoding: str = "utf-8") -> Writer:
    return of_bytes(text.encode(encoding), name)


def with_rows(*rows: str, header: str = HEADER) -> Writer:
    """A healthy file with some odd rows at its end."""
    return of_text(csv_text([*lines(), *rows], header))


def odd_row(name: str, row: str) -> BadFile:
    return BadFile(name, with_rows(row), "rows", row=row)


# ---- whole files of every kind ------------------------------------------------------------------------------------


def parquet_bytes(table: pa.Table | None = None, **options: object) -> bytes:
    if table is None:
        rows = [line.split(",") for line in lines()]
        table = pa.table(
            {name: list(column) for name, column in zip(HEADER.split(","), zip(*rows, strict=True), strict=True)}
        )
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def workbook_bytes(fill: Callable[[openpyxl.Workbook], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    (fill or healthy_sheet)(book)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def healthy_sheet(book: openpyxl.Workbook) -> None:
    for row in [HEADER, *lines()]:
        cells = row.split(",")
        book.active.append([*cells[:2], float(cells[2]) if cells[2] != "amount" else cells[2]])


def json_lines() -> bytes:
    rows = [line.split(",") for line in lines()]
    return "".join(f'{{"customer_id": "{c}", "order_date": "{d}", "amount": {a}}}\n' for c, d, a in rows).encode()


def gzip_bytes(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


WHOLE = {
    "csv": (lambda: csv_text(lines(400)).encode(), "orders.csv"),
    "gz": (lambda: gzip_bytes(csv_text(lines(4000)).encode()), "orders.csv.gz"),
    "xlsx": (workbook_bytes, "orders.xlsx"),
    "xls": (lambda: small_xls([line.split(",") for line in [HEADER, *lines()]]), "orders.xls"),
    "parquet": (parquet_bytes, "orders.parquet"),
    "jsonl": (json_lines, "orders.jsonl"),
}


def damaged(seed: int) -> Iterator[BadFile]:
    """Cut off at any place, or with a few bytes turned into others."""
    dice = random.Random(seed)
    for kind, (make, name) in WHOLE.items():
        whole = make()
        for number in range(6):
            cut = dice.randrange(1, len(whole))
            expect = "error" if kind in ("gz", "xlsx", "parquet") else "either"
            yield BadFile(f"cut {kind} {number}", of_bytes(whole[:cut], name), expect)
        for number in range(7):
            broken = bytearray(whole)
            for _ in range(dice.choice((1, 3, 20))):
                broken[dice.randrange(len(broken))] = dice.randrange(256)
            yield BadFile(f"broken {kind} {number}", of_bytes(bytes(broken), name))


# ---- text ---------------------------------------------------------------------------------------------------------


def encodings() -> Iterator[BadFile]:
    chinese = "客户,日期,金额\n" + "".join(f"王小明{k},2020-01-{1 + k % 28:02d},{k}.5\n" for k in range(30))
    western = csv_text([*lines(), "José Müller,2020-01-05,5", "Zoë – “quoted”,2020-01-05,5"])
    for encoding in ("gb18030", "gbk", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield BadFile(f"chinese in {encoding}", of_text(chinese, encoding=encoding), "rows")
    for encoding in ("utf-16-le", "utf-16-be", "cp1252"):
        yield BadFile(f"western in {encoding}", of_text(western, encoding=encoding), "rows")
    for encoding in ("big5", "utf-32-le", "utf-7"):
        text = chinese if encoding != "big5" else chinese.replace("户", "戶").replace("额", "額")
        yield BadFile(f"chinese in {encoding}", of_text(text, encoding=encoding))
    for encoding in ("cp037", "latin-1", "mac-roman", "cp1251"):
        text = csv_text([*lines(), "Zoe,2020-01-05,5"])
        yield BadFile(f"text in {encoding}", of_text(text, encoding=encoding))
    plain = csv_text().encode()
    mixed = plain + "José,2020-01-05,5\n".encode() + "José,2020-01-05,5\n".encode("latin-1")
    yield BadFile("two encodings", of_bytes(mixed), "rows")
    yield BadFile("two chinese encodings", of_bytes(chinese.encode() + "李四,2020-01-05,5\n".encode("gbk")), "rows")
    yield BadFile("one bad byte", of_bytes(plain + b"c\xff,2020-01-05,5\n"), "rows")
    yield BadFile("cut within a character", of_bytes(chinese.encode()[:-1].removesuffix(b"5") + "王".encode()[:2]))
    yield BadFile("utf-16 cut within a character", of_bytes(csv_text().encode("utf-16") + b"\x00\xd8"))
    yield BadFile("two marks", of_bytes(b"\xef\xbb\xbf\xef\xbb\xbf" + plain), "rows")
    yield BadFile("nothing but a mark", of_bytes(b"\xef\xbb\xbf"), "error")
    yield BadFile("nothing but a mark of utf-16", of_bytes(b"\xff\xfe"), "error")
    yield BadFile("mark of utf-16 before utf-8", of_bytes(b"\xff\xfe" + plain))
    yield BadFile("zero byte in a cell", of_bytes(plain + b"c\x001,2020-01-05,5\n"), "error")
    late = csv_text(lines(20_000)).encode() + b"c\x001,2020-01-05,5\n"
    yield BadFile("zero byte late", of_bytes(late), "rows")
    yield BadFile("end of file of DOS", of_bytes(plain + b"\x1a"), "rows")
    yield BadFile("carriage returns only", of_bytes(plain.replace(b"\n", b"\r")), "rows")
    yield BadFile("line ends mixed", of_bytes(plain.replace(b"\n", b"\r\n", 9)), "rows")
    yield BadFile("doubled carriage returns", of_bytes(plain.replace(b"\n", b"\r\r\n")))
    for name, sign in (("form feed", "\f"), ("vertical tab", "\v"), ("separator", "\u2028"), ("next line", "\x85")):
        yield BadFile(f"{name} in a cell", with_rows(f"c{sign}1,2020-01-05,5"), "rows")
    yield BadFile("zero bytes only", of_bytes(b"\x00" * 5000), "error")
    yield BadFile("random bytes", of_bytes(random.Random(1).randbytes(5000)), "error")
    yield BadFile("long random bytes", of_bytes(random.Random(2).randbytes(700_000)), "error")


def quotes() -> Iterator[BadFile]:
    healthy = lines(300)
    for place in (0, 150, 299):
        for row in ('"c1,2020-01-05,5', 'c1,"2020-01-05,5', 'c1,2020-01-05,"5'):
            rows = [*healthy[:place], row, *healthy[place:]]
            yield BadFile(f"quote not closed at {place}: {row}", of_text(csv_text(rows)), "rows")
    twice = [*healthy[:50], '"c1,2020-01-05,5', *healthy[50:], '"c2,2020-01-05,5', *healthy]
    yield BadFile("two quotes not closed", of_text(csv_text(twice)), "rows")
    every = [f'"{line}' if k % 3 == 0 else line for k, line in enumerate(healthy)]
    yield BadFile("every third quote not closed", of_text(csv_text(every)), "rows")
    yield BadFile("quote not closed in the header", of_text(csv_text(header='"' + HEADER)))
    yield BadFile("quotes within a field", with_rows('c"1",2020-01-05,5', '"c"1,2020-01-05,5'), "rows")
    yield BadFile("backslash before a quote", with_rows('"c\\"1",2020-01-05,5'), "rows")
    yield BadFile("single quotes", with_rows("'c,1',2020-01-05,5"), "rows")
    yield BadFile("line break in a field", with_rows('"c\n1",2020-01-05,5'), "rows")
    yield BadFile("last line torn", of_text(csv_text().rstrip() + "\nc1,2020-0"), "rows")
    yield BadFile("every line torn", of_text(csv_text([line + ",x" for line in lines()])))
    yield BadFile("many lines torn", of_text(csv_text([*lines(3000), *["c1"] * 2000])), "rows")


def columns() -> Iterator[BadFile]:
    cells = [line.split(",") for line in lines()]
    names = HEADER.split(",")
    for number, order in enumerate(((1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1))):
        rows = [",".join(row[i] for i in order) for row in cells]
        yield BadFile(f"columns shuffled {number}", of_text(csv_text(rows, ",".join(names[i] for i in order))), "rows")
    for gone in range(3):
        kept = [i for i in range(3) if i != gone]
        rows = [",".join(row[i] for i in kept) for row in cells]
        text = csv_text(rows, ",".join(names[i] for i in kept))
        yield BadFile(f"column {names[gone]} missing", of_text(text), "rows" if gone == 2 else "error")
    for again in range(3):
        rows = [",".join([*row, row[again]]) for row in cells]
        yield BadFile(f"column {names[again]} twice", of_text(csv_text(rows, f"{HEADER},{names[again]}")), "error")
    yield BadFile(
        "names differ in case only", of_text(csv_text([f"{x},1" for x in lines()], HEADER + ",AMOUNT")), "error"
    )
    yield BadFile("header only", of_text(HEADER + "\n"), "error")
    yield BadFile("header only, no line end", of_text(HEADER), "error")
    yield BadFile("blank lines only", of_text("\n" * 500), "error")
    yield BadFile("blanks only", of_text("   \n\t \n" * 50), "error")
    yield BadFile("commas only", of_text(",,,\n" * 50), "error")
    yield BadFile("header twice", of_text(csv_text([*lines(), HEADER, *lines(9)])), "rows")
    yield BadFile("title above the header", of_text("Orders of 2020\n\n" + csv_text()), "rows")
    yield BadFile("padded title above the header", of_text("Orders of 2020,,\n,,\n" + csv_text()), "rows")
    yield BadFile("delimiter told to Excel", of_text("sep=,\n" + csv_text()), "rows")
    yield BadFile("nothing but a delimiter told", of_text("sep=;\n"), "error")
    yield BadFile("title and nothing below", of_text("Orders of 2020\n\n"), "error")
    yield BadFile("totals below the table", with_rows("Total,,260.00", ",,"), "rows")
    yield BadFile("no header", of_text("\n".join(lines())))
    yield BadFile("names are blank", of_text(csv_text(header=",,")))
    yield BadFile("name over two lines", of_text(csv_text(header='customer_id,"order\ndate",amount')))
    yield BadFile("name of 200,000 letters", of_text(csv_text(header=HEADER + "x" * 200_000)))
    yield BadFile("comma at every end", of_text(csv_text([x + "," for x in lines()], HEADER + ",")), "rows")
    yield BadFile("comma at every end but the header's", of_text(csv_text([x + "," for x in lines()])))
    yield BadFile("one column", of_text("customer_id\nc1\nc2\n"), "error")
    yield BadFile("blank lines between", of_text("\n\n".join([HEADER, *lines()])), "rows")
    yield BadFile(
        "two delimiters", of_text(csv_text([x.replace(",", ";") if k % 2 else x for k, x in enumerate(lines())]))
    )
    yield BadFile("1,001 columns", of_text(",".join([HEADER, *(f"x{k}" for k in range(998))]) + "\n"), "error")
    wide = ",".join([HEADER, *(f"x{k}" for k in range(997))]) + "\n" + lines()[0] + "," * 997 + "\n"
    yield BadFile("1,000 columns", of_text(wide), "rows", heavy=True)
    million = lambda: (",".join(f"x{k}" for k in range(10**6)) + "\n" + "," * (10**6 - 1) + "\n").encode()  # noqa: E731
    yield BadFile("a million columns", of_bytes(million), "error", heavy=True)
    quoted = lambda: (",".join(f'"x{k}"' for k in range(10**6)) + "\n").encode()  # noqa: E731
    yield BadFile("a million quoted columns", of_bytes(quoted), "error", heavy=True)


def values() -> Iterator[BadFile]:
    dates = (
        *("0000-01-01", "0000-00-00", "99999-01-01", "2020-02-30", "2020-13-01", "1969-12-31", "2101-01-01", "-5"),
        *("2020-01-05 25:61", "05/13/2020 25:61", "2020-01-05T10:00:00+99:99", "2020-01-05 24:00:00", "now"),
        *("2020-01-05 23:59:60", "99999", "43831.999999", "1577836800", "99999999999999999999", "20200105250000"),
        *("2020年1月5日", "5 janvier 2020", "Janvember 5, 2020", "٢٠٢٠-٠١-٠٥", "2020-01-05 10:00 EST", "1e9"),
        *("#REF!", "=NOW()", "2020-01-05; DROP TABLE events", "Infinity", "epoch", "2020-01-05 (BC)"),
    )
    for text in dates:
        yield odd_row(f"date {text}", f"c1,{text},5")
    amounts = (
        *("nan", "NaN", "inf", "-inf", "Infinity", "1e308", "-1e308", "1e309", "9" * 400, "0." + "0" * 400 + "1"),
        *(
            "0x10",
            "1_000",
            "12 kg",
            "5 Stück",
            "5%",
            "½",
            "٥",
            "５",
            "--5",
            "5-",
            "(5)",
            "+5",
            "=1+1",
            "=cmd|' /C calc'!A0",
        ),
        *(
            "#REF!",
            "#DIV/0!",
            "#N/A",
            "N/A",
            "free",
            "EUR",
            "1 000",
            "1'000",
            "5 000 000 000 000 000 000",
            "١٢",
            "1.2.3",
        ),
    )
    for text in amounts:
        yield odd_row(f"amount {text[:30]}", f'c1,2020-01-05,"{text}"')
    mixed = [f'c{k},2020-01-{1 + k % 28:02d},"{"1.234,56" if k % 2 else "1,234.56"}"' for k in range(40)]
    yield BadFile("decimal commas and points", of_text(csv_text(mixed)), "either")
    both = [f"c{k},{'13/01/2020' if k % 2 else '01/13/2020'},5" for k in range(40)]
    yield BadFile("day first and month first", of_text(csv_text(both)), "error")
    unclear = [f"c{k},0{1 + k % 9}/0{1 + k % 7}/2020,5" for k in range(40)]
    yield BadFile("day and month not to be told apart", of_text(csv_text(unclear)), "error")
    huge = [f"c{k},2020-01-05,1,{10.0**k:g},{10.0**k:g}" for k in range(300, 309)]
    yield BadFile(
        "quantity times price overflows", of_text(csv_text(huge, "customer_id,order_date,order_id,quantity,price"))
    )
    yield BadFile("all amounts huge", of_text(csv_text([f"c{k},2020-01-05,9e14" for k in range(50)])), "rows")
    yield BadFile("no value at all", of_text(csv_text([",,"] * 30)), "error")


def documents() -> Iterator[BadFile]:
    """JSON that is none, or that a reader of documents could choke on."""
    good = json_lines()
    line = good.splitlines(keepends=True)[0]
    deep = {depth: b'{"a":' * depth + b"1" + b"}" * depth for depth in (200, 5_000, 100_000)}
    for depth, text in deep.items():
        yield BadFile(f"objects {depth} deep", of_bytes(text, "orders.json"), "error")
        yield BadFile(f"objects {depth} deep in a line", of_bytes(good + text + b"\n", "orders.jsonl"), "error")
        wrapped = b'{"orders": [' + line.rstrip()[:-1] + b', "x": ' + text + b"}]}"
        yield BadFile(f"objects {depth} deep in an order", of_bytes(wrapped, "orders.json"), "error")
    lists = b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}\n"
    yield BadFile("lists 5000 deep in a line", of_bytes(good + lists, "orders.jsonl"), "error")
    for digits in (400, 5_000):
        long = b'{"customer_id": "c", "order_date": "2020-01-05", "amount": ' + b"9" * digits + b"}\n"
        yield BadFile(f"number of {digits} digits", of_bytes(good + long, "orders.jsonl"), "rows")
        one = long.replace(b", ", b",\n")
        yield BadFile(f"number of {digits} digits over lines", of_bytes(one, "orders.json"), "error")
    odd = {
        "name that is empty": b'{"": 1, ',
        "name with a zero byte": b'{"x\\u0000y": 1, ',
        "name twice": b'{"amount": 1, ',
        "half a character": b'{"x": "\\ud800", ',
        "amount NaN": b'{"discount": NaN, ',
        "line of another kind": b"[1, 2]\n{",
        "line of nothing": b"null\n{",
    }
    for name, begin in odd.items():
        yield BadFile(name, of_bytes(good + begin + line[1:], "orders.jsonl"), "rows")
    one = good.replace(b"}\n", b"},")
    yield BadFile("list cut after a comma", of_bytes(b"[" + one, "orders.json"), "error")
    yield BadFile("list of numbers and texts", of_bytes(b'[{"a": 1}, 5, "x", null]', "orders.json"), "error")
    for text in (b"{}", b"[]", b"[{}]", b'{"orders": []}', b'{"a": {}}'):
        yield BadFile(f"nothing but {text.decode()}", of_bytes(text, "orders.json"), "error")


def texts() -> Iterator[BadFile]:
    ids = (
        *(
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@SUM(A1)",
            "\u202egnp.exe",
            "c\u200b1",
            "\x1b[31mred",
            "\x07bell",
            "c\x7f",
        ),
        *("<script>alert(1)</script>", "'; DROP TABLE events; --", "{count}", "%s%n", "../../etc/passwd", "🙈" * 50),
        *("NULL", "None", "nan", "true", "0", "0.0", "1e5", "$(reboot)", "`id`", "{{7*7}}", "\\", "\\N", "d" * 90_000),
        "c" * 200_000,
    )
    for text in ids:
        cell = text.replace('"', '""')
        yield odd_row(f"customer {text[:24]!a}", f'"{cell}",2020-01-05,5')
    wide = "customer_id,order_date,amount,title"
    long = [*(f"{x},t" for x in lines()), f"c1,2020-01-05,5,{'x' * 5 * MB}", "c1,2020-01-05,5,t"]
    yield BadFile("field of 5 MB", of_text(csv_text(long, wide)), "rows", heavy=True)


# ---- sizes and bombs ----------------------------------------------------------------------------------------------


def write_pieces(path: Path, piece: bytes, times: int, before: bytes = b"", after: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(before)
        for _ in range(times):
            file.write(piece)
        file.write(after)
    return path


def write_gzip(path: Path, piece: bytes, times: int, before: bytes = b"") -> Path:
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(before)
        for _ in range(times):
            file.write(piece)
    return path


CONTENT_TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="xml" ContentType="application/xml"/>'
    b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    b'<Override PartName="/xl/workbook.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    b'<Override PartName="/xl/worksheets/sheet1.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
RELATIONS = (
    b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Id="rId1" Target="%s"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s"/>%s</Relationships>'
)
BOOK = (
    b'<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    b' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    b'<sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
SHEET = b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
STRINGS = b'<?xml version="1.0"?>%s<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" %s>'
STRINGS_RELATION = (
    b'<Relationship Id="rId2" Target="sharedStrings.xml"'
    b' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/>'
)
Pieces = tuple[bytes, bytes, int, bytes]  # before, the piece, how often, after


def cell(place: str, text: str) -> bytes:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'.encode()


def sheet_rows(rows: list[list[str]]) -> bytes:
    made = [
        f'<row r="{n}">'.encode() + b"".join(cell(f"{'ABCDEFG'[k]}{n}", text) for k, text in enumerate(row)) + b"</row>"
        for n, row in enumerate(rows, start=1)
    ]
    return b"".join(made)


HEALTHY_ROWS = sheet_rows([line.split(",") for line in [HEADER, *lines(9)]])


def write_workbook(path: Path, sheet: Pieces, strings: Pieces | None = None, **others: bytes) -> Path:
    """A workbook of one sheet, part by part, so that any of them may be too long or missing."""
    parts = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": RELATIONS % (b"xl/workbook.xml", b"officeDocument", b""),
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": RELATIONS
        % (b"worksheets/sheet1.xml", b"worksheet", STRINGS_RELATION if strings else b""),
        **others,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            if content:
                archive.writestr(name, content)
        for name, pieces in (("xl/worksheets/sheet1.xml", sheet), ("xl/sharedStrings.xml", strings)):
            if pieces is None:
                continue
            before, piece, times, after = pieces
            with archive.open(name, "w", force_zip64=True) as part:
                part.write(before)
                for _ in range(times):
                    part.write(piece)
                part.write(after)
    return path


def of_workbook(sheet: Pieces, strings: Pieces | None = None, **others: bytes) -> Writer:
    return lambda folder: write_workbook(folder / "orders.xlsx", sheet, strings, **others)


def whole_sheet(data: bytes) -> Pieces:
    return SHEET + b"<sheetData>" + data + b"</sheetData></worksheet>", b"", 0, b""


def lying_workbook(folder: Path) -> Path:
    """A sheet of 300 MB of which the directory says that it has a thousand bytes."""
    path = folder / "orders.xlsx"
    write_workbook(path, (SHEET + b"<sheetData>", b" " * MB, 300, HEALTHY_ROWS + b"</sheetData></worksheet>"))
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\x01\x02")  # the directory's last entry is the sheet's
    struct.pack_into("<I", content, place + 24, 1000)
    path.write_bytes(bytes(content))
    return path


def overlapping_zip(folder: Path) -> Path:
    """A thousand parts of a workbook that are one and the same megabytes of the file."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(b" " * 8 * MB) + kernel.flush()
    out = io.BytesIO()
    directory = []
    for number in range(1000):
        name = b"xl/workbook.xml" if number == 0 else f"xl/worksheets/sheet{number}.xml".encode()
        if number == 0:
            out.write(struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, 0, len(packed), 8 * MB, len(name), 0))
            out.write(name + packed)
        sizes = (0, len(packed), 8 * MB, len(name), 0, 0, 0, 0, 0, 0)
        directory.append(struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes) + name)
    start = out.tell()
    entries = b"".join(directory)
    out.write(entries + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1000, 1000, len(entries), start, 0))
    path = folder / "orders.xlsx"
    path.write_bytes(out.getvalue())
    return path


def repeating_parquet(folder: Path) -> Path:
    """Rows without end in a few kilobytes: one value, said over and over."""
    path = folder / "orders.parquet"
    once = pa.table({"customer_id": ["c1"] * MB, "order_date": ["2020-01-05"] * MB, "amount": ["5"] * MB})
    with pq.ParquetWriter(path, once.schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_table(once)
    return path


def sizes(share: float = 1.0) -> Iterator[BadFile]:
    """Giants. A `share` below 1 makes bombs smaller and quicker to make, still far beyond what they may unpack to."""

    def big(name: str, expect: str, write: Writer) -> BadFile:
        return BadFile(name, write, expect, heavy=True)

    head = (HEADER + "\n").encode()
    yield big("one line of 100 MB", "error", lambda f: write_pieces(f / "o.csv", b"x" * MB, 100))
    yield big("line of 100 MB after the header", "error", lambda f: write_pieces(f / "o.csv", b"x" * MB, 100, head))
    yield big("line of 100 MB of commas", "error", lambda f: write_pieces(f / "o.csv", b"," * MB, 100, head))
    healthy = csv_text(lines(5000)).encode()
    yield big(
        "line of 100 MB late",
        "error",
        lambda f: write_pieces(f / "o.csv", b"x" * MB, 100, healthy, b"\nc1,2020-01-05,5\n"),
    )
    rows = ("\n".join(lines(1000)) + "\n").encode()
    yield big(
        "quote open over 9 MB", "rows", lambda f: write_pieces(f / "o.csv", rows, 400, head + b'"c1,2020-01-05,5\n')
    )
    yield big("line of 15 MB", "rows", lambda f: write_pieces(f / "o.csv", b"x" * MB, 14, healthy, b",2020-01-05,5\n"))
    yield big("gzip bomb of zeros", "error", lambda f: write_gzip(f / "o.csv.gz", b"\x00" * MB, int(1000 * share)))
    yield big(
        "gzip bomb of rows",
        "error",
        lambda f: write_gzip(f / "o.csv.gz", (lines()[0] + "\n").encode() * 50_000, int(1000 * share), head),
    )
    twice = lambda: gzip_bytes(gzip_bytes(csv_text().encode()))  # noqa: E731
    yield BadFile("gzip in gzip", of_bytes(twice, "orders.csv.gz"), "error")
    yield BadFile("gzip and more behind it", of_bytes(gzip_bytes(csv_text().encode()) + b"more", "o.csv.gz"), "error")
    yield BadFile("two gzip files in one", of_bytes(gzip_bytes(csv_text().encode()) * 2, "o.csv.gz"), "rows")
    end = b"</sheetData></worksheet>"
    blanks = (SHEET + b"<sheetData>" + HEALTHY_ROWS, b" " * MB, int(2000 * share), end)
    yield big("xlsx bomb in the sheet", "error", of_workbook(blanks))
    strings = (STRINGS % (b"", b"") + b"<si><t>", b"x" * MB, int(1000 * share), b"</t></si></sst>")
    yield big("xlsx bomb in the strings", "error", of_workbook(whole_sheet(HEALTHY_ROWS), strings))
    once = b'<row><c t="s"><v>0</v></c><c t="s"><v>0</v></c></row>'
    shown = (SHEET + b"<sheetData>", once * 100, 500, end)
    shared = (STRINGS % (b"", b"") + b"<si><t>", b"x" * 60_000, 1, b"</t></si></sst>")
    yield big("xlsx bomb of one string shown often", "error", of_workbook(shown, shared))
    longest = (STRINGS % (b"", b"") + b"<si><t>", b"x" * MB, 30, b"</t></si></sst>")
    yield big("xlsx string of 30 MB", "error", of_workbook(shown, longest))
    yield big("xlsx that lies about its sizes", "error", lying_workbook)
    yield big("xlsx of parts that overlap", "error", overlapping_zip)
    corners = HEALTHY_ROWS + b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    yield big("xlsx cells in opposite corners", "error", of_workbook(whole_sheet(corners)))
    many = b"".join(f'<row r="{n}"><c r="ZZ{n}"><v>1</v></c></row>'.encode() for n in range(11, 60_000, 40))
    yield big("xlsx cells far apart", "error", of_workbook(whole_sheet(HEALTHY_ROWS + many)))
    yield big("parquet of one row repeated", "error", repeating_parquet)
    yield big("parquet of a text repeated", "rows", of_bytes(lambda: parquet_bytes(long_texts()), "orders.parquet"))


def long_texts() -> pa.Table:
    text = "x" * MB
    return pa.table({"customer_id": ["c1"] * 60, "order_date": ["2020-01-05"] * 60, "title": [text] * 59 + ["t"]})


# ---- what is no table ---------------------------------------------------------------------------------------------


def zip_bytes(parts: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return sink.getvalue()


def write_database(folder: Path) -> Path:
    path = folder / "orders.csv"
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE orders (customer_id TEXT, order_date TEXT, amount REAL)")
        con.executemany("INSERT INTO orders VALUES (?, ?, ?)", [line.split(",") for line in lines()])
    con.close()
    return path


def arrow_bytes() -> bytes:
    sink = io.BytesIO()
    feather.write_feather(pa.table({"customer_id": ["c1"], "order_date": ["2020-01-05"]}), sink)
    return sink.getvalue()


LOGIN = """<!DOCTYPE html>
<html><head><title>Log in, please</title></head><body><form action="/login" method="post">
<p>User, password, and <b>language</b>: en, de, fr</p><input name="user"><input name="password">
</form></body></html>
"""


def foreign() -> Iterator[BadFile]:
    table = "<table><tr><td>customer_id</td><td>order_date</td></tr><tr><td>c1</td><td>2020-01-05</td></tr></table>"
    kinds: dict[str, bytes] = {
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 60,
        "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 60,
        "GIF": b"GIF89a" + b"\x01\x00" * 40,
        "exe": b"MZ\x90\x00\x03" + b"\x00" * 90 + b"This program cannot be run in DOS mode.",
        "ELF": b"\x7fELF\x02\x01\x01" + b"\x00" * 90,
        "login page": LOGIN.encode(),
        "login page with a mark": b"\xef\xbb\xbf\n " + LOGIN.encode(),
        "HTML table": table.encode(),
        "HTML table called xls": f"<html><body>{table}</body></html>".encode(),
        "XML": b'<?xml version="1.0"?><orders><order customer="c1" date="2020-01-05"/></orders>',
        "RTF": rb"{\rtf1\ansi customer_id, order_date, amount}",
        "zip with a CSV": zip_bytes({"orders.csv": csv_text().encode()}),
        "empty zip": zip_bytes({}),
        "Word": zip_bytes({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
        "presentation": zip_bytes({"ppt/presentation.xml": b"<p/>"}),
        "ods": zip_bytes({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"}),
        "xlsb": zip_bytes({"[Content_Types].xml": b"<Types/>", "xl/workbook.bin": b"\x00"}),
        "7z": b"7z\xbc\xaf\x27\x1c" + b"\x00" * 60,
        "rar": b"Rar!\x1a\x07\x00" + b"\x00" * 60,
        "xz": b"\xfd7zXZ\x00" + b"\x00" * 60,
        "bzip2": b"BZh91AY&SY" + b"\x00" * 60,
        "zstd": b"\x28\xb5\x2f\xfd" + b"\x00" * 60,
        "tar": b"orders.csv".ljust(257, b"\x00") + b"ustar\x0000" + b"\x00" * 300,
        "Arrow": arrow_bytes(),
        "ORC": b"ORC" + b"\x00" * 60,
        "Avro": b"Obj\x01" + b"\x00" * 60,
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00]\x94.",
        "encrypted Parquet": b"PARE" + b"\x00" * 60 + b"PARE",
        "gzip of a picture": gzip_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 60),
        "gzip of a login page": gzip_bytes(LOGIN.encode()),
        "nothing": b"",
        "one byte": b"x",
        "one quote": b'"',
        "one line end": b"\n",
        "poem": b"Tyger Tyger, burning bright,\nIn the forests of the night;\n",
        "SQL dump": b"INSERT INTO orders VALUES ('c1', '2020-01-05', 5);\n" * 40,
        "JSON list": b'[{"customer_id": "c1"}, {"customer_id": "c2"}]',
        "JSON torn": b'{"orders": [{"customer_id": "c1", "order_date": "2020-01-0',
        "mail": b"From: a@b.c\nTo: d@e.f\nSubject: orders\n\nsee the attachment\n",
        "log": b"2020-01-05 10:00:00 INFO started\n2020-01-05 10:00:01 INFO done, all\n" * 30,
        "password": compound_file(
            {"EncryptionInfo": b"\x04\x00\x04\x00" + b"\x00" * 90, "EncryptedPackage": b"\x00" * 900}
        ),
        "empty compound file": compound_file({"Other": b"\x00" * 5000}),
        "old workbook of zeros": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 2000,
    }
    unsure = {"JSON list", "JSON torn", "XML", "SQL dump", "log", "mail"}
    for name, content in kinds.items():
        yield BadFile(f"{name} named csv", of_bytes(content), "either" if name in unsure else "error")
    yield BadFile("SQLite named csv", write_database, "error")
    yield BadFile("workbook named csv", of_bytes(workbook_bytes), "rows")
    yield BadFile("Parquet named csv", of_bytes(parquet_bytes), "rows")
    yield BadFile("CSV named xlsx", of_text(csv_text(), "orders.xlsx"), "rows")
    yield BadFile("CSV named parquet", of_text(csv_text(), "orders.parquet"), "rows")
    yield BadFile("old workbook", of_bytes(WHOLE["xls"][0], "orders.xls"), "rows")


# ---- paths --------------------------------------------------------------------------------------------------------


def linked(target: str) -> Writer:
    def write(folder: Path) -> Path:
        path = folder / "orders.csv"
        path.symlink_to(target)
        return path

    return write


def loop(folder: Path) -> Path:
    (folder / "a.csv").symlink_to(folder / "b.csv")
    (folder / "b.csv").symlink_to(folder / "a.csv")
    return folder / "a.csv"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "orders.csv")
    return folder / "orders.csv"


def bound_socket(folder: Path) -> Path:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)  # the names of sockets are short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("orders.csv")
    finally:
        os.fchdir(here)
        os.close(here)
    return folder / "orders.csv"


def unreadable(folder: Path) -> Path:
    path = of_text(csv_text())(folder)
    path.chmod(0)
    return path


def name_of_bytes(folder: Path) -> Path:
    path = os.fsencode(folder) + b"/\xff\xfe.csv"
    with open(path, "wb") as file:  # noqa: PTH123 - the name is no text
        file.write(csv_text().encode())
    return Path(os.fsdecode(path))


def with_neighbour(folder: Path) -> Path:
    """A name that as a pattern would mean another file, which lies beside it."""
    (folder / "ordersA.csv").write_text(csv_text(lines(3)))
    return of_text(csv_text(), "orders[A-Z].csv")(folder)


def paths() -> Iterator[BadFile]:
    yield BadFile("link to nothing", linked("/nowhere/at/all.csv"), "error")
    yield BadFile("link to a folder", linked("/tmp"), "error")
    yield BadFile("link to endless zeros", linked("/dev/zero"), "error")
    yield BadFile("link to chance", linked("/dev/urandom"), "error")
    yield BadFile("link to nothing at all", linked("/dev/null"), "error")
    yield BadFile("links in a circle", loop, "error")
    yield BadFile("pipe", pipe, "error")
    yield BadFile("socket", bound_socket, "error")
    yield BadFile("folder", lambda folder: folder, "error")
    yield BadFile("device", lambda folder: Path("/dev/zero"), "error")
    yield BadFile("terminal", lambda folder: Path("/dev/tty"), "error")
    yield BadFile("missing", lambda folder: folder / "missing.csv", "error")
    yield BadFile("below a file", lambda folder: of_text("x")(folder) / "orders.csv", "error")
    yield BadFile("name with a zero byte", lambda folder: folder / "a\x00b.csv", "error")
    yield BadFile("name too long", lambda folder: folder / ("x" * 5000), "error")
    yield BadFile("name that is no text", name_of_bytes, "error")
    yield BadFile("no permission", unreadable)  # who runs as root may read it
    yield BadFile("name that is a pattern", with_neighbour, "rows")
    names = (
        *(
            "a'b.csv",
            'a"b.csv',
            "a;b.csv",
            "a[b].csv",
            "a[b.csv",
            "a]b.csv",
            "*.csv",
            "a?.csv",
            "{a,b}.csv",
            "a\nb.csv",
        ),
        *(
            "-rf.csv",
            "--help",
            "~",
            "$HOME.csv",
            "a b .csv",
            " ",
            "客户订单.csv",
            "\u202ecsv.exe",
            "a\\b.csv",
            "a%20b.csv",
        ),
        *(
            "a\tb.csv",
            "\x1b[2J.csv",
            "a#b.csv",
            "a:b.csv",
            "😀.csv",
            "x" * 250,
            "a,b.csv",
            "=cmd.csv",
            "<b>.csv",
            "a&b.csv",
        ),
    )
    for name in names:
        yield BadFile(f"named {name[:30]!a}", of_text(csv_text(), name), "rows")
    yield BadFile("workbook named oddly", of_bytes(workbook_bytes, "a'[b]*;\n.xlsx"), "rows")
    yield BadFile("Parquet named oddly", of_bytes(parquet_bytes, "a'[b]*;\n.parquet"), "rows")


# ---- workbooks ----------------------------------------------------------------------------------------------------


def sheets(count: int, *, alike: bool) -> Callable[[openpyxl.Workbook], None]:
    def fill(book: openpyxl.Workbook) -> None:
        book.remove(book.active)
        for number in range(count):
            sheet = book.create_sheet(f"sheet {number}")
            sheet.append(HEADER.split(",") if alike or number == 0 else [f"a{number}", "b", "c"])
            sheet.append([f"c{number}", "2020-01-05", 5])

    return fill


def merged_header(book: openpyxl.Workbook) -> None:
    healthy_sheet(book)
    book.active.insert_rows(1)
    book.active["A1"] = "Orders"
    book.active.merge_cells("A1:C1")


def merged_names(book: openpyxl.Workbook) -> None:
    healthy_sheet(book)
    book.active.merge_cells("A1:B1")


def odd_cells(book: openpyxl.Workbook) -> None:
    healthy_sheet(book)
    for value in ("#REF!", "#DIV/0!", "=A1*2", "=SUM(C2:C9)", True, "", 1e308, float("nan"), "12 kg"):
        book.active.append(["c1", "2020-01-05", value])


def only_formulas(book: openpyxl.Workbook) -> None:
    book.active.append(HEADER.split(","))
    for row in range(2, 40):
        book.active.append([f'="c"&{row}', f"=DATE(2020,1,{row % 28 + 1})", f"={row}*2"])


def late_start(book: openpyxl.Workbook) -> None:
    for number, line in enumerate([HEADER, *lines()], start=7):
        for place, text in enumerate(line.split(","), start=4):
            book.active.cell(number, place, text)


def workbooks() -> Iterator[BadFile]:
    filled: dict[str, tuple[Callable[[openpyxl.Workbook], None], str]] = {
        "empty": (lambda book: None, "error"),
        "header only": (lambda book: book.active.append(HEADER.split(",")), "error"),
        "200 sheets alike": (sheets(200, alike=True), "rows"),
        "200 sheets that differ": (sheets(200, alike=False), "rows"),
        "merged title": (merged_header, "rows"),
        "merged names": (merged_names, "either"),
        "odd cells": (odd_cells, "rows"),
        "formulas never worked out": (only_formulas, "error"),
        "table that starts late": (late_start, "rows"),
        "one column": (lambda book: [book.active.append([n]) for n in range(9)] and None, "error"),
    }
    for name, (fill, expect) in filled.items():
        yield BadFile(f"workbook: {name}", of_bytes(lambda fill=fill: workbook_bytes(fill), "orders.xlsx"), expect)
    sheet = whole_sheet(HEALTHY_ROWS)
    yield BadFile("workbook by hand", of_workbook(sheet), "rows")
    missing = {"no content types": "[Content_Types].xml", "no relations": "xl/_rels/workbook.xml.rels"}
    for name, part in {**missing, "no list of sheets": "xl/workbook.xml"}.items():
        yield BadFile(f"workbook: {name}", of_workbook(sheet, **{part: b""}))
    broken = {
        "XML cut off": (SHEET + b"<sheetData>" + HEALTHY_ROWS[:300], b"", 0, b""),
        "tags crossed": whole_sheet(HEALTHY_ROWS.replace(b"</row>", b"</c>", 1)),
        "no XML": (b"hello, sheet", b"", 0, b""),
        "place that is none": whole_sheet(HEALTHY_ROWS.replace(b'r="A2"', b'r="??"')),
        "row beyond the last": whole_sheet(HEALTHY_ROWS + b'<row r="99999999"><c r="A99999999"><v>1</v></c></row>'),
        "column beyond the last": whole_sheet(HEALTHY_ROWS + b'<row r="12"><c r="ZZZ12"><v>1</v></c></row>'),
        "string that there is not": whole_sheet(HEALTHY_ROWS + b'<row r="11"><c r="A11" t="s"><v>999</v></c></row>'),
        "style that there is not": whole_sheet(HEALTHY_ROWS + b'<row r="11"><c r="A11" s="77"><v>9</v></c></row>'),
        "no places": whole_sheet(HEALTHY_ROWS.replace(b' r="', b' q="')),
        "dimension that lies": (
            SHEET + b'<dimension ref="A1:XFD1048576"/><sheetData>' + HEALTHY_ROWS + b"</sheetData></worksheet>",
            *(b"", 0, b""),
        ),
    }
    for name, pieces in broken.items():
        yield BadFile(f"workbook: {name}", of_workbook(pieces))
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%b">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9)
    )
    strings = (STRINGS % (laughs + b"]>", b"") + b"<si><t>&j;</t></si></sst>", b"", 0, b"")
    shown = whole_sheet(HEALTHY_ROWS + b'<row r="11"><c r="A11" t="s"><v>0</v></c></row>')
    yield BadFile("workbook: a billion laughs", of_workbook(shown, strings))
    count = (STRINGS % (b"", b'count="4000000000" uniqueCount="4000000000"') + b"<si><t>x</t></si></sst>", b"", 0, b"")
    yield BadFile("workbook: four thousand million strings, it says", of_workbook(shown, count))
    locked = bytearray(zip_bytes({"xl/workbook.xml": b"x"}))
    locked[6] |= 1
    locked[locked.rfind(b"PK\x01\x02") + 8] |= 1
    yield BadFile("workbook: zip with a password", of_bytes(bytes(locked), "orders.xlsx"), "error")


# ---- Parquet ------------------------------------------------------------------------------------------------------


def parquets() -> Iterator[BadFile]:
    ids, days = pa.array(["c1", "c2"]), pa.array(["2020-01-05", "2020-01-06"])

    def made(name: str, expect: str = "rows", options: dict[str, object] | None = None, **columns: pa.Array) -> BadFile:
        table = pa.table({"customer_id": ids, "order_date": days, **columns})
        return BadFile(f"parquet: {name}", of_bytes(parquet_bytes(table, **(options or {})), "orders.parquet"), expect)

    yield made("nested", more=pa.array([{"a": ["p", "q"], "b": {"c": None}}, None]))
    yield made("list", more=pa.array([["x", "y"], []]))
    yield made("map", more=pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())))
    yield made("binary", more=pa.array([b"\xff\xfe\x00", b""]))
    yield made("binary ids", customer_id=pa.array([b"\xff\xfe", b"c2"]))
    yield made("dictionary", customer_id=pa.array(["c1", "c2"]).dictionary_encode())
    decimals = pa.array(["12.50", "-3.25"]).cast(pa.decimal128(20, 4))
    yield made("decimal", amount=decimals)
    yield made("wide decimal", amount=decimals.cast(pa.decimal256(60, 10)))
    yield made("nan and infinite", amount=pa.array([float("nan"), float("inf")]), expect="error")
    yield made("half floats", amount=pa.array([1.5, 2.5]).cast(pa.float16()))
    yield made("no values", more=pa.nulls(2))
    yield made("timestamps", order_date=pa.array([0, 1_600_000_000_000_000_000], pa.timestamp("ns", "Asia/Shanghai")))
    yield made("timestamps out of range", order_date=pa.array([2**62, -(2**62)], pa.timestamp("us")), expect="either")
    yield made("dates out of range", order_date=pa.array([2**31 - 1, -(2**31)], pa.date32()), expect="either")
    yield made("times", more=pa.array([0, 86_399], pa.time32("s")))
    yield made("durations", more=pa.array([0, 5], pa.duration("s")), expect="either")
    yield made("huge integers", amount=pa.array([2**64 - 1, 0], pa.uint64()))
    yield made("zero bytes in text", customer_id=pa.array(["c\x001", "c2"]))
    yield made("packed by brotli", options={"compression": "brotli"})
    yield made("columns of our own names", row=ids, part=ids, c0=ids, file_row_number=ids, torn=ids)
    yield made("column without a name", **{"": ids})
    yield made("odd names", **{'a"b': ids, "a;b": ids, "a'b": ids, "a\nb": ids, "a b": ids, "客户": ids})
    yield made("3,000 columns", "error", **{f"x{k}": ids for k in range(3000)})
    twice = pa.Table.from_arrays(
        [ids, days, pa.array(["p", "q"]), pa.array(["r", "s"])], ["customer_id", "order_date", "x", "x"]
    )
    yield BadFile("parquet: a name twice", of_bytes(parquet_bytes(twice), "orders.parquet"), "rows")
    cased = pa.Table.from_arrays(
        [ids, days, pa.array(["p", "q"]), pa.array(["r", "s"])], ["customer_id", "order_date", "X", "x"]
    )
    yield BadFile("parquet: a name twice but for case", of_bytes(parquet_bytes(cased), "orders.parquet"), "rows")
    yield BadFile(
        "parquet: no rows", of_bytes(parquet_bytes(pa.table({"customer_id": ids[:0], "order_date": days[:0]}))), "error"
    )
    yield BadFile("parquet: no columns", of_bytes(parquet_bytes(pa.table({}))), "error")
    whole = parquet_bytes()
    for name, content in {
        "wrong mark at its end": whole[:-4] + b"XXXX",
        "no mark at its beginning": b"XXXX" + whole[4:],
        "footer longer than the file": whole[:-8] + struct.pack("<I", 2**31) + b"PAR1",
        "footer of no length": whole[:-8] + struct.pack("<I", 0) + b"PAR1",
        "more behind it": whole + b"more",
        "only its marks": b"PAR1PAR1",
    }.items():
        yield BadFile(f"parquet: {name}", of_bytes(content, "orders.parquet"), "error")
    pages = bytearray(parquet_bytes(options_table(), compression="none", use_dictionary=False))
    for place in range(30, 400, 3):
        pages[place] ^= 0xA5
    yield BadFile("parquet: broken pages", of_bytes(bytes(pages), "orders.parquet"))


def options_table() -> pa.Table:
    rows = [line.split(",") for line in lines(400)]
    return pa.table({name: [row[k] for row in rows] for k, name in enumerate(HEADER.split(","))})


# ---- files that change --------------------------------------------------------------------------------------------


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"c9,2020-06-06,5\n")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_text(csv_text(lines(5)))
    other.replace(path)


def changing() -> Iterator[BadFile]:
    kinds = {"csv": "orders.csv", "gz": "orders.csv.gz", "xlsx": "orders.xlsx", "parquet": "orders.parquet"}
    for kind, name in kinds.items():
        for what, meddle in {
            "written to": append,
            "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
            "replaced": replace,
            "removed": Path.unlink,
        }.items():
            yield BadFile(f"{kind} {what} while it is read", of_bytes(WHOLE[kind][0](), name), "error", meddle=meddle)


FAMILIES: dict[str, Callable[[], Iterator[BadFile]]] = {
    "encodings": encodings,
    "quotes": quotes,
    "columns": columns,
    "values": values,
    "texts": texts,
    "documents": documents,
    "sizes": sizes,
    "foreign": foreign,
    "paths": paths,
    "workbooks": workbooks,
    "parquet": parquets,
    "changing": changing,
}


def bad_files(seed: int = 0, *, share: float = 1.0) -> Iterator[tuple[str, BadFile]]:
    """All of them, each with its family; `share` as in `sizes`."""
    yield from (("damaged", one) for one in damaged(seed))
    for family, make in FAMILIES.items():
        yield from ((family, one) for one in (sizes(share) if make is sizes else make()))


def merged(files: Iterable[tuple[str, BadFile]]) -> Iterator[tuple[str, BadFile]]:
    """The same, with the files of one odd row put together into one of each family: a tenth of the time."""
    rows: dict[str, list[str]] = {}
    for family, file in files:
        if file.row:
            rows.setdefault(family, []).append(file.row)
        else:
            yield family, file
    for family, odd in rows.items():
        yield family, BadFile(f"all odd rows of {family}", with_rows(*odd), "rows")
