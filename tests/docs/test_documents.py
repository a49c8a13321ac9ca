"""What README and docs tell people to type works, and what they point to is there."""

from __future__ import annotations

import ast
import re
import shlex
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from oracles.small_orders import order_rows, write_orders
from worthwhile.cli.entry import run

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# The Chinese README has the same commands as the English one, which a test holds it to.
# Lines that set up a machine rather than use it, and the demo, which has a test of its own.
NOT_RUN = ("make ", "git ", "cd ", "pip ", "python docs/", "worth demo", ".ci/")
# Pages that go on from a shop with orders in it.
DECIDE_PAGES = (
    *("docs/reasons.md", "docs/segments.md"),
    *("docs/uplift.md", "docs/plan.md", "docs/campaigns.md", "docs/handover.md"),
)
SHELL_PAGES = [
    *("README.md", "docs/tutorial.md", "docs/settings.md", "docs/files.md", "docs/privacy.md", "docs/quality.md"),
    "docs/recommendations.md",
    *DECIDE_PAGES,
]
# So few customers that the gate leaves the simple models, and so few days that next to no window has closed: quick,
# and the commands are the same.
CUSTOMERS, FIRST = 28, date(2011, 5, 1)
PYTHON_PAGES = [
    "README.md",
    "docs/python.md",
    "docs/errors.md",
    "docs/quality.md",
    "docs/recommendations.md",
    "docs/tutorial.md",
    *DECIDE_PAGES,
]


def blocks(page: str, *languages: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for language, code in BLOCK.findall(text) if language in languages]


def write_online_retail(path: Path) -> None:
    """A small workbook of the shape of Online Retail II: two sheets, cancellations, lines without a customer."""
    book = openpyxl.Workbook()
    header = ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country")
    years = {"Year 2009-2010": [], "Year 2010-2011": []}
    for k, (_, customer, day, item, _, quantity, price) in enumerate(order_rows(CUSTOMERS, first=FIRST)):
        sheet = "Year 2009-2010" if day < "2011-08-01" else "Year 2010-2011"
        sold = (str(489000 + k), item, f"ITEM {item}", int(quantity), f"{day} 10:30:00", float(price))
        buyer = None if k % 9 == 0 else 12000 + int(customer[1:])
        years[sheet].append((*sold, buyer, "United Kingdom"))
        if k % 25 == 1 and buyer is not None:
            years[sheet].append(
                (f"C{489000 + k}", item, f"ITEM {item}", -int(quantity), sold[4], sold[5], buyer, "France")
            )
    book.remove(book.worksheets[0])
    for name, rows in years.items():
        sheet = book.create_sheet(name)
        for row in (header, *rows):
            sheet.append(row)
    book.save(path)


def write_campaigns(folder: Path) -> None:
    """A campaign's log with a covariate of its own."""
    rows = [(f"M{i:04d}", ("none", "mail")[i % 2], i % 7 == 0, 5.5 * (i % 7 == 0), i % 5) for i in range(400)]
    lines = [f"{c},{sent},{int(visit)},{spend},{age}" for c, sent, visit, spend, age in rows]
    (folder / "campaign.csv").write_text("customer_id,sent,visit,spend,age\n" + "\n".join(lines) + "\n")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder to work in, with the files that the documents speak of."""
    write_orders(tmp_path / "orders.csv", customers=CUSTOMERS, first=FIRST)
    write_online_retail(tmp_path / "online_retail_II.xlsx")
    odd = "".join(f"b{i},{2 + i % 9}/2/2020 10:00,{i}.50\n" for i in range(40)) + "b1,25/2/2020 11:00,3.00\n"
    (tmp_path / "odd.csv").write_text("Buyer,Paid at,Amount\n" + odd)
    (tmp_path / "actions.toml").write_text(blocks("docs/plan.md", "toml")[0])
    rows = [f"C{k:04d},{action},{1 + k % 3},{4 + k % 7}" for k in range(20) for action in ("call", "card")]
    (tmp_path / "candidates.csv").write_text("\n".join(["customer_id,action,cost,expected_margin", *rows]) + "\n")
    (tmp_path / "channels.csv").write_text("channel,spend,new_customers,value_each\nads,300,20,30\nfriends,100,9,25\n")
    (tmp_path / "consent.csv").write_text("customer_id,consent_email\nC0001,yes\nC0002,no\n")
    write_campaigns(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORTH_THREADS", "1")


@pytest.mark.parametrize("page", SHELL_PAGES)
@pytest.mark.usefixtures("workplace")
def test_commands_of_the_page_run_one_after_the_other(
    page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for code in blocks(page, "bash") for line in code.replace("\\\n", " ").splitlines() if line.strip()]
    if page in ("docs/settings.md", "docs/files.md"):
        lines = ["worth init myshop", *lines]
    if page == "docs/privacy.md":
        file = tmp_path / "asked.csv"
        file.write_text(
            "email,date,amount\n" + "".join(f"{name}@example.com,2023-01-01,2\n" for name in ("jane", "ola"))
        )
        lines = ["worth init myshop", "worth ingest myshop asked.csv", *lines]
    if page in ("docs/quality.md", "docs/recommendations.md", *DECIDE_PAGES):
        lines = ["worth init myshop", "worth ingest myshop orders.csv", *lines]
    commands = [line for line in lines if not line.startswith((*NOT_RUN, "#"))]
    assert commands
    for line in commands:
        words = shlex.split(line, comments=True)
        assert words[0] == "worth", f"{page}: `{line}` is neither run nor left out on purpose"
        assert run(words[1:]) == 0, f"{page}: {line}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", PYTHON_PAGES)
@pytest.mark.usefixtures("workplace")
def test_python_of_the_page_runs_block_after_block(page: str) -> None:
    codes = blocks(page, "python")
    assert codes
    if page in ("docs/quality.md", "docs/recommendations.md", "docs/tutorial.md", *DECIDE_PAGES):
        file, folder = ("online_retail_II.xlsx", "giftshop") if "tutorial" in page else ("orders.csv", "myshop")
        codes = [f"import worthwhile as ww\nww.ingest(ww.create_shop({folder!r}), {file!r})", *codes]
    exec(compile("\n".join(codes), page, "exec"), {"__name__": "page"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_inside_the_project_lead_somewhere(path: Path) -> None:
    targets = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in targets if not (path.parent / link.split("#")[0]).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_in_documents_is_python(path: Path) -> None:
    for code in blocks(str(path.relative_to(ROOT)), "python"):
        ast.parse(code)


def test_both_readmes_tell_the_same() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert len(re.findall("^## ", english, re.MULTILINE)) == len(re.findall("^## ", chinese, re.MULTILINE))
    assert len(re.findall("^- ", english, re.MULTILINE)) == len(re.findall("^- ", chinese, re.MULTILINE))
    own = {"README.md", "README.zh-CN.md"}
    links = [{link.replace("-zh.png", "-en.png") for link in LINK.findall(text)} - own for text in (english, chinese)]
    assert links[0] == links[1]
    # What is typed is the same but for the language of the report and the last lines of the Python.
    commands = [re.sub(r" --lang \w+|lang=\"\w+\"", "", "".join(blocks(n, "bash", "python"))) for n in sorted(own)]
    assert commands[0] == commands[1]


def test_every_command_of_the_makefile_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        t for p in DOCUMENTS for t in re.findall(r"(?:^|`)make (\w+)", p.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named and named <= targets


def test_constraints_pin_every_dependency_exactly_and_name_no_host() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9._-]+==[\w.!]+", line) for line in lines)
    assert "torch==2.13.0" in lines
    assert lines == sorted(lines)
    pyproject = (ROOT / "pyproject.toml").read_text()
    pinned = {line.split("==")[0].replace("_", "-") for line in lines}
    asked = re.findall(r'"([a-z0-9-]+)(?:[>=<][^"]*)?"', pyproject.split("dependencies = [")[1].split("]")[0])
    assert asked and set(asked) <= pinned
