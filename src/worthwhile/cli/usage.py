"""What is wrong with the words of a command line, said as other errors are: what, where and how to mend it."""

from __future__ import annotations

from typing import Any

from typer import TyperException


def usage_error(error: TyperException) -> dict[str, str]:
    """The error of a command line that could not be read, with the keys of `InputError.to_dict`."""
    context: Any = getattr(error, "ctx", None)
    remedy = f"see `{context.command_path if context is not None else 'worth'} --help`"
    faults = getattr(error.__cause__, "errors", None)  # of pydantic, which typer reads values with
    told = _of_value(faults()[0]) if callable(faults) else None
    if told is None:
        return {"code": "bad-argument", "what": error.format_message().rstrip("."), "where": "", "remedy": remedy}
    return {"code": "bad-argument", "what": told[0], "where": _option(error), "remedy": told[1]}


def _option(error: Any) -> str:
    """`--budget`, or the name of an argument."""
    parameter = error.param
    return next((name for name in parameter.opts if name.startswith("--")), str(parameter.name))


def _of_value(fault: dict[str, Any]) -> tuple[str, str] | None:
    """What is wrong with a value and what to write instead; None where it was not to be a number."""
    kind, value = fault["type"], fault["input"]
    if kind == "greater_than_equal":
        return f"{value} is too small", f"give {fault['ctx']['ge']:g} or more"
    if kind == "less_than_equal":
        return f"{value} is too large", f"give {fault['ctx']['le']:g} or less"
    if kind.startswith(("int_", "float_")):
        if kind.startswith("float_"):
            return f"`{value}` is no number", f"write {number_meant(value, otherwise='it as 12.50')}"
        near = number_meant(value, otherwise="")
        return f"`{value}` is no whole number", f"write {round(float(near))}" if near else "write it as 12"
    return None


def number_meant(text: Any, *, otherwise: str) -> str:
    """How the number that a person means by 5k or 1,50 is written; `otherwise` where that cannot be told."""
    from worthwhile.ingestion.numbers import meant

    number = meant(str(text))
    return otherwise if number is None else f"{number:.15g}"
