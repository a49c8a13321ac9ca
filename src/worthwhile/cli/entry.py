"""From arguments to an exit code: runs one command, prints its answer or its error."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from typer import Typer, TyperException

from worthwhile.cli.answer import Answer, as_json, error_console, print_answer
from worthwhile.cli.usage import usage_error
from worthwhile.errors import InputError

USAGE_EXIT, UNEXPECTED_EXIT, STOPPED_EXIT = 2, 1, 130


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of `errors.ERROR_KINDS`; 0 where all went well.

    With `--json` exactly one JSON document goes to stdout, be it an answer or an error.
    """
    from worthwhile.cli.app import app

    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    wants_json = "--json" in arguments
    debug = "--debug" in arguments or os.environ.get("WORTH_DEBUG", "") not in ("", "0")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(app, arguments, wants_json=wants_json, debug=debug)


def _run(app: Typer, arguments: list[str], *, wants_json: bool, debug: bool) -> int:
    try:
        answer = app(args=arguments, prog_name="worth", standalone_mode=False)
        if answer == STOPPED_EXIT:  # what typer makes of the keyboard's interrupt
            raise KeyboardInterrupt
        if isinstance(answer, Answer):
            print_answer(answer, wants_json=wants_json)
        sys.stdout.flush()
    except InputError as error:
        return _fail(error.to_dict() | {"message": str(error)}, error.exit_code, wants_json=wants_json, debug=debug)
    except TyperException as error:
        return _fail(usage_error(error), USAGE_EXIT, wants_json=wants_json, debug=debug)
    except KeyboardInterrupt:
        return _fail(
            {"code": "stopped", "what": "stopped by the keyboard"}, STOPPED_EXIT, wants_json=wants_json, debug=False
        )
    except BrokenPipeError:
        # The reader of a pipe went away (`worth runs myshop | head`): nothing left to say, and no traceback at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _fail(_unexpected(error), UNEXPECTED_EXIT, wants_json=wants_json, debug=debug)
    return 0


def _fail(error: dict[str, str], exit_code: int, *, wants_json: bool, debug: bool) -> int:
    if debug:
        traceback.print_exc(file=sys.stderr)
    if wants_json:
        sys.stdout.write(as_json({"error": error | {"exit_code": exit_code}}))
        return exit_code
    text = error.get("message") or "; ".join(part for part in (_placed(error), error.get("remedy", "")) if part)
    console = error_console()
    console.print("error: ", style="bold red", end="")
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    return exit_code


def _placed(error: dict[str, str]) -> str:
    return f"{error['where']}: {error['what']}" if error.get("where") else error["what"]


def _unexpected(error: Exception) -> dict[str, str]:
    return {
        "code": "unexpected",
        "what": f"this is a fault of Worthwhile, not yours: {type(error).__name__}: {error}",
        "where": "",
        "remedy": "run the command again with --debug and report what it prints, with `worth --version`",
    }


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    error_console().print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)
