"""What all pages share: languages, and how a template becomes one self-contained file."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from worthwhile.report.texts import Voice


def write_page(path: Path, page: str) -> None:
    """Put a page in the place of the file, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)


def rendered(template: str, lang: str, voice: Voice, **parts: Any) -> str:
    """A template of the folder `page` filled: its texts by `t`, numbers by `n`, style and script within."""
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = _resource("tips.js")
    return environment.get_template(template).render(
        lang="zh-CN" if lang == "zh" else "en",
        t=voice,
        n=voice.numbers,
        style=Markup(_resource("report.css")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **parts,
    )


def _resource(name: str) -> str:
    return files("worthwhile.report").joinpath("page", name).read_text(encoding="utf-8")
