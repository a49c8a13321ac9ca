"""What `import worthwhile as ww` offers, whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import worthwhile as ww


@pytest.mark.parametrize("name", [name for name in ww.__all__ if name != "__version__"])
def test_public_name_is_there_and_has_a_docstring(name: str) -> None:
    value = getattr(ww, name)
    assert callable(value)
    assert value.__doc__


def test_public_names_are_listed_once_and_seen_by_dir() -> None:
    assert len(set(ww.__all__)) == len(ww.__all__)
    assert set(ww.__all__) <= set(dir(ww))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'forcast'"):
        _ = ww.forcast


@pytest.mark.parametrize("name", ["ingest", "forecast"])
def test_function_is_not_hidden_by_the_module_of_its_name(name: str) -> None:
    code = (
        f"import worthwhile.{name}, worthwhile as ww\n"
        "from worthwhile.forecast import Forecast\n"
        "import worthwhile.ingest.quality\n"
        f"assert type(ww.{name}).__name__ == 'function', ww.{name}\n"
        f"import worthwhile.{name}\n"
        f"assert type(ww.{name}).__name__ == 'function', ww.{name}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert ww.__version__ == version("worthwhile")
