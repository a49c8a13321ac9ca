"""What the report shows of a measured campaign: the one that was measured last, whatever the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from worthwhile.decide.campaign.folder import read_campaign
from worthwhile.errors import InputError
from worthwhile.models.files import read_json
from worthwhile.report.texts import Voice
from worthwhile.runs.record import MANIFEST
from worthwhile.shop import Shop

SHOWN = ("measured_at", "notes")  # what a measurement of an earlier version lacks


@dataclass(frozen=True)
class CampaignFacts:
    """A campaign that was designed and measured (docs/campaigns.md)."""

    name: str
    manifest: Mapping[str, Any]
    measured_at: datetime  # by the shop's clock

    @property
    def measured(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifest["measured"]
        return found

    def said(self, voice: Voice) -> str:
        """Which campaign, and when it was measured."""
        at = self.measured_at
        return voice("section.made", name=self.name, day=voice.numbers.day(at.date()), time=f"{at:%H:%M}")


def campaign_of(shop: Shop, *, name: str | None = None) -> CampaignFacts | None:
    """The campaign `name`, by default the one that was measured last; None where none is measured.

    Those that an earlier version measured without what is shown are passed over.
    Raises InputError: `damaged`; of the one named `no-such-run`, and `bad-argument` where it is not measured, or was
    by an earlier version.
    """
    if name is None:
        name = _last_measured(shop)
        if name is None:
            return None
    manifest = read_campaign(shop, name).manifest
    if not _is_shown(manifest):
        what = "was measured by an earlier version" if "measured" in manifest else "has not been measured yet"
        raise InputError(
            "bad-argument",
            f"the campaign `{name}` {what}",
            where="--campaign",
            remedy=f"measure it: worth campaign measure SHOP --campaign {name}",
        )
    at = datetime.fromisoformat(manifest["measured"]["measured_at"]).astimezone(shop.settings.zone)
    return CampaignFacts(name, manifest, at)


def _last_measured(shop: Shop) -> str | None:
    manifests = [(path.parent.name, read_json(path)) for path in sorted(shop.campaigns.glob(f"[!.]*/{MANIFEST}"))]
    measured = [(one["measured"]["measured_at"], name) for name, one in manifests if _is_shown(one)]
    return max(measured)[1] if measured else None


def _is_shown(manifest: Mapping[str, Any]) -> bool:
    return set(SHOWN) <= set(manifest.get("measured", ()))
