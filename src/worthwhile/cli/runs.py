"""`worth runs`: what was forecast and backtested."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from worthwhile.cli.answer import Answer, table
from worthwhile.cli.options import ShopFolder


def runs(
    folder: ShopFolder,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run in full.", show_default=False)] = None,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many to list, newest first.")] = 20,
) -> Answer:
    """List recorded runs, or show one.

    A run is shown after checking that its files are as they were written.

    Example:

        worth runs myshop
    """
    from worthwhile.runs import list_runs
    from worthwhile.shop import open_shop

    shop = open_shop(folder)
    if run_id is not None:
        return _one(shop, run_id)
    listed = list_runs(shop)[:last]
    rows = [
        (
            m["run_id"],
            m["kind"] + (" (to compare with)" if "made_for" in m else ""),
            _days(m["asked"], shop.settings.zone),
            _horizons(m["asked"]),
            _made_by(m["asked"]),
            _made_at(m, shop.settings.zone),
        )
        for m in listed
    ]
    shown = (
        table(f"Runs of {shop.name}", ("run", "kind", "cutoff", "horizon", "made by", "made at"), rows)
        if rows
        else "No runs yet."
    )
    return Answer({"shop": shop.folder, "runs": listed}, (shown,))


def _one(shop: Any, run_id: str) -> Answer:
    from worthwhile.runs import run_folder
    from worthwhile.runs.record import check_digests

    folder = run_folder(shop, run_id)
    manifest = check_digests(folder)
    facts = [(key, value if isinstance(value, str) else repr(value)) for key, value in manifest["asked"].items()]
    facts += [(name, digest) for name, digest in manifest["sha256"].items()]
    return Answer(manifest, (table(run_id, ("fact", "value"), facts), *_sentences(manifest)))


def _sentences(manifest: dict[str, Any]) -> list[str]:
    """What a run says in words: the gate's, or its own answer."""
    return manifest["gate"]["sentences"]["en"] if "gate" in manifest else manifest.get("answer", [])


def _days(asked: dict[str, Any], zone: ZoneInfo) -> str:
    """The cutoffs as days of the shop; the first and the last of several."""
    moments = asked["cutoffs"] if "cutoffs" in asked else [asked["cutoff"]] if asked.get("cutoff") else []
    if not moments:
        return "-"
    cutoffs = [datetime.fromisoformat(text).astimezone(zone).date().isoformat() for text in moments]
    return " to ".join(dict.fromkeys([*cutoffs[:1], *cutoffs[-1:]]))


def _made_at(manifest: dict[str, Any], zone: ZoneInfo) -> str:
    """By the shop's clock; older runs do not say."""
    at = manifest.get("made_at")
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M}" if at else "-"


def _horizons(asked: dict[str, Any]) -> str:
    return ", ".join(asked["horizons"]) if "horizons" in asked else str(asked.get("horizon") or "-")


def _made_by(asked: dict[str, Any]) -> str:
    """The models; of what was made from a forecast (reasons, segments, a plan) that forecast."""
    if asked.get("model"):
        return str(asked["model"])
    return ", ".join(asked["models"]) if "models" in asked else str(asked.get("forecast") or "-")
