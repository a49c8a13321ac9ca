"""The layout that docs/design.md draws: who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "worthwhile"
FILES = sorted(SOURCE.rglob("*.py"))
# A place may import from those before it. The package's own __init__ names what all of them offer.
ORDER = (
    "errors",
    "progress",
    "languages",
    "plain",
    "settings",
    "schema",
    "distribution",
    "shop",
    "store",
    "ingestion",
    "content",
    "tasks",
    "features",
    "models",
    "evaluation",
    "runs",
    "recommend",
    "explain",
    "decide",
    "privacy",
    "report",
    "cli",
)
HEAVY = (
    "torch",
    "lightgbm",
    "sklearn",
    "scipy",
    "duckdb",
    "deltalake",
    "pyarrow",
    "pandas",
    "optuna",
    "numpy",
)


def place_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module of our own that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [f"{node.module}.{a.name}" if node.module == "worthwhile" else f"{node.module}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "worthwhile")


def test_every_place_has_its_rank() -> None:
    places = {place_of(path) for path in FILES} - {"__init__"}
    assert places == set(ORDER)


def test_every_place_stands_in_the_design() -> None:
    design = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    assert [place for place in ORDER if f"| `{place}.py`" not in design and f"| `{place}/`" not in design] == []


def test_imports_follow_the_way_of_the_data() -> None:
    wrong = []
    for path in FILES:
        if place_of(path) == "__init__":
            continue
        for line, name in imported(path):
            if name == "worthwhile.__version__":
                continue
            place = name.split(".")[1] if "." in name else ""
            assert place in ORDER, f"{path}:{line}: imports {name}"
            if ORDER.index(place) > ORDER.index(place_of(path)):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def test_models_know_nothing_of_shops_and_tables() -> None:
    known = {name.split(".")[1] for path in FILES if place_of(path) == "models" for _, name in imported(path)}
    assert known.isdisjoint({"shop", "settings", "store", "ingestion"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_library_prints_nothing_and_unpickles_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called.isdisjoint({"print", "eval", "exec"})
    modules = {a.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert modules.isdisjoint({"pickle", "joblib", "dill", "cloudpickle"})


def test_no_file_and_no_function_grows_out_of_sight() -> None:
    long_files = [str(p.relative_to(ROOT)) for p in FILES if len(p.read_text(encoding="utf-8").splitlines()) > 650]
    long_functions = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 75
    ]
    assert long_files + long_functions == []


def _loaded_after(code: str) -> set[str]:
    """The top-level modules that are loaded once a fresh interpreter has run the code."""
    script = f"{code}\nimport sys; sys.stdout.write('\\n' + ' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_importing_worthwhile_loads_nothing_heavy() -> None:
    assert _loaded_after("import worthwhile").isdisjoint({*HEAVY, "typer", "rich", "tomlkit"})


def test_help_of_the_command_line_loads_nothing_heavy() -> None:
    code = "from worthwhile.cli.entry import run\nassert run(['--help']) == 0\nassert run(['forecast', '--help']) == 0"
    assert _loaded_after(code).isdisjoint(HEAVY)


def test_importing_any_module_starts_no_thread_and_opens_no_session() -> None:
    modules = [".".join(p.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__") for p in FILES]
    code = (
        "import importlib, logging, threading\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not logging.getLogger().handlers\n"
    )
    _loaded_after(code)


def test_small_ingest_loads_no_pandas(tmp_path: Path) -> None:
    """Its import takes longer than all else that a thousand lines take; pyarrow loads it to make datetimes."""
    (tmp_path / "a.csv").write_text("customer_id,order_id,date,amount\na,1,2020-01-01,3\nb,2,2020-01-02,4\n")
    code = (
        "import worthwhile as ww\n"
        f"shop = ww.create_shop({str(tmp_path / 'shop')!r})\n"
        f"for _ in range(2): ww.ingest(shop, {str(tmp_path / 'a.csv')!r})"
    )
    assert "pandas" not in _loaded_after(code)
