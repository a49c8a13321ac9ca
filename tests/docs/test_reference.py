"""The reference pages hold what the code's tables hold, all of it."""

from __future__ import annotations

import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_reference = _load()


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_is_up_to_date(path: Path) -> None:
    """If this fails: python docs/make_reference.py"""
    text = path.read_text(encoding="utf-8")
    assert make_reference.renewed(text) == text


def test_every_table_of_the_code_stands_on_a_page() -> None:
    begun = {
        name for path in PAGES for name in re.findall("<!-- begin: ([\\w-]+) -->", path.read_text(encoding="utf-8"))
    }
    assert {name for name in begun if not name.startswith("format-")} == set(make_reference.BLOCKS)


def test_every_format_has_a_page_with_its_columns() -> None:
    from worthwhile.ingestion.formats import FORMATS

    index = page("formats/README.md")
    for name in FORMATS:
        assert f"`{name}`" in index
        if name != "orders":  # docs/files.md is its page
            assert f"<!-- begin: format-{name} -->" in page(f"formats/{name}.md")


def test_old_page_is_told_apart() -> None:
    text = page("settings.md")
    assert make_reference.renewed(text.replace("| `currency` |", "| `coin` |")) == text


def test_every_command_setting_error_metric_model_feature_finding_and_reason_is_documented() -> None:
    from worthwhile.cli.app import COMMANDS, words_of
    from worthwhile.errors import ERROR_KINDS
    from worthwhile.evaluation.metrics import METRICS
    from worthwhile.features.declared import FEATURES
    from worthwhile.ingestion import REASONS
    from worthwhile.ingestion.quality import FINDINGS
    from worthwhile.models.catalogue import MODELS
    from worthwhile.settings import SETTINGS

    expected = {
        "commands.md": [f"## worth {' '.join(words_of(command))}\n" for command in COMMANDS],
        "settings.md": [f"`{key}`" for key in SETTINGS],
        "errors.md": [f"`{code}`" for code in ERROR_KINDS],
        "metrics.md": [f"`{name}`" for name in METRICS],
        "models.md": [f"`{name}`" for name in MODELS],
        "features.md": [f"`{feature.name}`" for feature in FEATURES],
        "quality.md": [f"`{code}`" for code in (*FINDINGS, *REASONS)],
    }
    missing = {name: [text for text in texts if text not in page(name)] for name, texts in expected.items()}
    assert missing == {name: [] for name in expected}


def test_every_model_has_its_own_section_in_words() -> None:
    from worthwhile.models.catalogue import MODELS

    sections = set(re.findall(r"^##+ (\S+)$", page("models.md"), re.MULTILINE))
    assert set(MODELS) - sections == set()


def test_every_column_of_the_forecast_table_is_documented_in_its_order() -> None:
    import numpy as np

    from worthwhile.distribution import COUNT_GRID, Forecast, amount_grid, from_prob

    grid = amount_grid(10.0)
    amount, orders = (from_prob(g, np.ones((1, g.columns))) for g in (grid, COUNT_GRID))
    table = Forecast(np.array(["a"], object), datetime(2011, 9, 1, tzinfo=UTC), "90d", amount, orders, "bg-nbd").table(
        "run"
    )
    assert re.findall(r"^\| `(\w+)` \|", page("forecast-table.md"), re.MULTILINE)[: len(table.column_names)] == (
        table.column_names
    )
