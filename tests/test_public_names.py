"""What `import worthwhile as ww` offers, whatever was imported before."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import worthwhile as ww


@pytest.mark.parametrize("name", [name for name in ww.__all__ if name != "__version__"])
def test_public_name_is_there_and_has_a_docstring(name: str) -> None:
    value = getattr(ww, name)
    assert callable(value)
    assert value.__doc__


def test_each_public_name_can_be_the_first_thing_that_is_asked_for() -> None:
    """Packages that import each other can be imported in one order, and not in another."""
    code = (
        "import importlib, sys\n"
        f"for name in {[name for name in ww.__all__ if name != '__version__']!r}:\n"
        "    for module in [m for m in sys.modules if m.split('.')[0] == 'worthwhile']: del sys.modules[module]\n"
        "    try: getattr(importlib.import_module('worthwhile'), name)\n"
        "    except ImportError as error: sys.exit(f'{name}: {error}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_public_names_are_listed_once_and_seen_by_dir() -> None:
    assert len(set(ww.__all__)) == len(ww.__all__)
    assert set(ww.__all__) <= set(dir(ww))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'forcast'"):
        _ = ww.forcast


def test_no_module_has_the_name_of_a_public_function() -> None:
    """Importing such a module would bind it over the function."""
    modules = {module.name for module in pkgutil.iter_modules(ww.__path__)}
    assert not modules & set(ww.__all__)


def test_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert ww.__version__ == version("worthwhile")
