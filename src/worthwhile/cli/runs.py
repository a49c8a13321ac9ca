"""`worth runs`: what was recorded, and what tells one run from another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from worthwhile.cli.answer import Answer, money, table
from worthwhile.cli.options import ShopFolder


def runs(
    folder: ShopFolder,
    run_id: Annotated[str | None, typer.Argument(metavar="[RUN]", help="One run in full.", show_default=False)] = None,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many to list, newest first.")] = 20,
) -> Answer:
    """List recorded runs and campaigns, or show one run.

    What is said of a run tells it from others of its kind: models, budget and contacts of a plan, the log and outcomes
    of an uplift, since when segments moved. A run is shown after checking that its files are as they were written.

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
            m["kind"],
            _days(m, shop.settings.zone),
            _horizons(m["asked"]),
            _told(m, shop.settings.zone),
            _made_at(m, shop.settings.zone),
        )
        for m in listed
    ]
    shown: list[str | Table] = [
        table(f"Runs of {shop.name}", ("run", "kind", "cutoff", "horizon", "what", "made at"), rows)
        if rows
        else "No runs yet."
    ]
    campaigns = _campaigns(shop)[:last]
    if campaigns:
        told = [_campaign_row(one, shop.settings.zone) for one in campaigns]
        columns = ("campaign", "from", "horizon", "groups", "of", "measured at")
        shown.append(table(f"Campaigns of {shop.name}", columns, told))
    return Answer({"shop": shop.folder, "runs": listed, "campaigns": campaigns}, shown)


def _one(shop: Any, run_id: str) -> Answer:
    from worthwhile.runs import run_folder
    from worthwhile.runs.record import check_digests

    folder = run_folder(shop, run_id)
    manifest = check_digests(folder)
    zone = shop.settings.zone
    facts = [("kind", manifest["kind"]), ("what", _told(manifest, zone)), ("made at", _made_at(manifest, zone))]
    facts += [(key, value if isinstance(value, str) else repr(value)) for key, value in manifest["asked"].items()]
    facts += [(name, digest) for name, digest in manifest["sha256"].items()]
    return Answer(manifest, (table(run_id, ("fact", "value"), facts), *_sentences(manifest)))


def _sentences(manifest: dict[str, Any]) -> list[str]:
    """What a run says in words: the gate's, or its own answer."""
    return manifest["gate"]["sentences"]["en"] if "gate" in manifest else manifest.get("answer", [])


def _days(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The cutoffs as days of the shop; the first and the last of several. A plan's is that of its forecast."""
    asked = manifest["asked"]
    one = asked.get("cutoff") or manifest.get("facts", {}).get("cutoff")
    moments = asked.get("cutoffs", [one] if one else [])
    if not moments:
        return "-"
    cutoffs = [_day(text, zone) for text in moments]
    return " to ".join(dict.fromkeys([*cutoffs[:1], *cutoffs[-1:]]))


def _day(moment: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(moment).astimezone(zone).date().isoformat()


def _made_at(manifest: Mapping[str, Any], zone: ZoneInfo, key: str = "made_at") -> str:
    """By the shop's clock; older runs do not say."""
    at = manifest.get(key)
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M}" if at else "-"


def _horizons(asked: Mapping[str, Any]) -> str:
    return ", ".join(asked["horizons"]) if "horizons" in asked else str(asked.get("horizon") or "-")


# ---- what tells a run from others of its kind -----------------------------------------------------------------------


def _told(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    tell = TOLD.get(manifest["kind"])
    return tell(manifest, zone) if tell else "-"


def _question(asked: Mapping[str, Any]) -> str:
    """What is asked beyond the spend of all orders: `, of orders`, `, category = tea`."""
    target = asked.get("target", "spend")
    said = [] if target == "spend" else [f"of {target}"]
    said += [f"{column} = {' / '.join(values)}" for column, values in (asked.get("where") or {}).items()]
    return "".join(f", {text}" for text in said)


def _of_forecast(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    said = str(manifest["asked"]["model"]) + _question(manifest["asked"])
    return said + (", to compare with" if "made_for" in manifest else "")


def _of_backtest(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    asked = manifest["asked"]
    return f"{len(asked['cutoffs'])} dates: {', '.join(asked['models'])}{_question(asked)}"


def _of_reasons(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    return f"{manifest['customers']:,} customers of {manifest['asked']['forecast']}"


def _of_segments(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    asked = manifest["asked"]
    since = f"moved since {_day(asked['from_cutoff'], zone)}" if asked.get("from_cutoff") else "no earlier date"
    other = asked.get("from_model") not in (None, asked["model"])
    return f"{since}{' (of ' + asked['from_model'] + ')' if other else ''}; of {asked['forecast_run']}"


def _of_plan(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Budget, contacts, who is held out, and what the effects rest on."""
    asked, facts = manifest["asked"], manifest["facts"]
    budget = next((one["most"] for one in facts["limits"] if one["limit"] == "budget"), None)
    said = "no budget" if budget is None else f"budget {money(budget, facts['currency'])}"
    contacts = [f"{one['action']} {one['contacts']:,}" for one in facts["actions"] if one["contacts"]]
    said += f": {', '.join(contacts) or 'no contacts'}"
    said += f", {facts['held_out']:,} held out" if facts["held_out"] else ""
    return f"{said}; of {asked['forecast']}" + (f" and {asked['uplift']}" if asked.get("uplift") else "")


def _of_uplift(manifest: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The log, who got what, on which outcomes, and whether these are the shop's customers."""
    asked = manifest["asked"]
    actions = ", ".join(action for action in asked["actions"] if action != asked["control"])
    said = f"{asked['log']}: {actions} against {asked['control']}, on {', '.join(asked['outcomes'])};"
    said += f" {manifest['customers']:,} customers"
    return said + (", none of them this shop's" if manifest.get("of_shop") == 0 else "")


TOLD: dict[str, Callable[[Mapping[str, Any], ZoneInfo], str]] = {
    "forecast": _of_forecast,
    "backtest": _of_backtest,
    "reasons": _of_reasons,
    "segments": _of_segments,
    "plan": _of_plan,
    "uplift": _of_uplift,
}


# ---- campaigns ------------------------------------------------------------------------------------------------------


def _campaigns(shop: Any) -> list[dict[str, Any]]:
    """What tells a campaign of the shop from another, the latest to begin first."""
    from worthwhile.decide.campaign.folder import campaigns_of

    found = []
    for campaign in campaigns_of(shop):
        manifest = campaign.manifest
        measured = manifest.get("measured")
        found.append(
            {
                "campaign": campaign.name,
                **{key: manifest[key] for key in ("start_day", "horizon", "plan", "forecast")},
                "sizes": manifest["test"]["sizes"],
                "is_measured": measured is not None,
                "measured_at": None if measured is None else measured.get("measured_at"),
            }
        )
    return sorted(found, key=lambda one: one["start_day"], reverse=True)


def _campaign_row(one: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    groups = ", ".join(f"{name} {size:,}" for name, size in one["sizes"].items())
    measured = _made_at(one, zone, "measured_at") if one["is_measured"] else "not yet"
    return one["campaign"], one["start_day"], one["horizon"], groups, one["plan"] or one["forecast"], measured
