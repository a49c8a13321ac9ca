"""What an uplift run says in plain words: what the actions did, who responds, whether personalising pays; warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worthwhile.decide.uplift.campaign import CampaignLog
from worthwhile.decide.uplift.checks import FAR, PREDICTED
from worthwhile.decide.uplift.prepare import Prepared
from worthwhile.decide.uplift.results import CHOSEN, Average

if TYPE_CHECKING:
    from worthwhile.decide.uplift.estimate import UpliftRun

SURE = 1.645  # standard errors from which effects are said to differ, one-sided at 5 %
FEW_LEFT = 0.5  # effective share of an action's customers below which overlap is poor
RULES = {
    "groups": "the best action for each of a few groups",
    "personal": "each customer's best action",
    "random": "picked at random",
    "common": "who are expected to do most anyway",
    "shrunk": "who gain most by it",
}


def number(value: float, outcome: str, currency: str) -> str:
    """An amount in currency, or a plain number; `outcome` named spend is money."""
    text = f"{value:,.4f}" if abs(value) < 1 else f"{value:,.2f}"
    return f"{text} {currency}".strip() if outcome == "spend" else text


def sentences(run: UpliftRun, currency: str) -> list[str]:
    """For each outcome: the actions' averages, who responds, and the policy with everybody and with a share."""
    said = []
    for outcome in dict.fromkeys(average.outcome for average in run.averages):
        here = [average for average in run.averages if average.outcome == outcome]
        for average in here:
            said.append(_average(average, currency))
        said += _differences(here)
        said += _policies(run, outcome, currency)
    return said


def _average(a: Average, currency: str) -> str:
    effect, low, high = (number(v, a.outcome, currency) for v in (a.effect, a.low, a.high))
    without = number(a.control_mean, a.outcome, currency)
    if a.low <= 0 <= a.high:
        return (
            f"{a.outcome}: nothing shows that `{a.action}` did anything: {effect} a customer (95 % interval {low} to "
            f"{high}; {without} without)."
        )
    verb = "added" if a.effect > 0 else "took"
    return f"{a.outcome}: `{a.action}` {verb} {effect} a customer ({low} to {high}; {without} without)."


def _differences(here: list[Average]) -> list[str]:
    differ = [a.action for a in here if a.differences > SURE]
    same = [a.action for a in here if a.differences <= SURE]
    said = []
    if differ:
        said.append(
            f"{here[0].outcome}: customers respond differently to {_list(differ)}; who responds most is in the first "
            "deciles."
        )
    if same:
        said.append(
            f"{here[0].outcome}: nothing sure shows that customers respond differently to {_list(same)}; their effects "
            "are kept near the average."
        )
    return said


def _policies(run: UpliftRun, outcome: str, currency: str) -> list[str]:
    said = []
    rows = [row for row in run.policies.to_pylist() if row["outcome"] == outcome]
    for choice in run.facts["chosen"]:
        if choice["outcome"] != outcome:
            continue
        share = choice["share"]
        [honest] = [r for r in rows if r["share"] == share and r["policy"] == CHOSEN]
        value = number(honest["value"], outcome, currency)
        between = f"{number(honest['low'], outcome, currency)} to {number(honest['high'], outcome, currency)}"
        if share >= 1:
            said.append(f"{outcome}, everybody contacted: {_full(choice)} Worth {value} a customer ({between}).")
        else:
            what = f"`{choice['action']}`" if choice["action"] else "each customer's best action"
            whom = RULES["shrunk" if choice["policy"] == "personal" else choice["policy"]]
            beside = [r for r in rows if r["share"] == share and r["policy"] == "random"]
            against = f"; chosen at random {number(beside[0]['value'], outcome, currency)}" if beside else ""
            said.append(
                f"{outcome}, {share:.0%} contacted: {what} to those {whom}. Worth {value} a customer "
                f"({between}{against})."
            )
    return said


def _full(choice: dict[str, object]) -> str:
    if choice["policy"] == "none":
        return "contact nobody: no action is above the control."
    if choice["policy"] == "one":
        return f"`{choice['action']}` to all; telling customers apart is not expected to pay."
    return f"{RULES[str(choice['policy'])]}; telling customers apart is expected to pay."


def warnings_of(prepared: Prepared, campaign: CampaignLog, run: UpliftRun) -> list[str]:
    """What a reader has to know before the numbers."""
    said = []
    if prepared.left_out:
        said.append(
            f"Left out of the covariates: {_list(prepared.left_out)}. They differ between the groups as only what came "
            "after the campaign does; name them as covariates if they are from before."
        )
    said += _chance(prepared)
    said += _unseen(run)
    for each in run.overlap:
        if each.effective < FEW_LEFT * each.customers or each.poor > 0.01:
            said.append(
                f"Overlap: the {each.customers:,} customers with `{each.action}` are worth {each.effective:,.0f} once "
                f"weighted, and {each.poor:.1%} of all had hardly any chance of it; effects there are guesses."
            )
    if prepared.unknown:
        said.append(
            f"{prepared.unknown:,} customers of the log had no order before the campaign, and are left out; nothing is "
            "said of such customers."
        )
    if campaign.numbered:
        said.append("The log has no column customer_id: its rows are numbered instead, and effects are by these.")
    for placebo in (p for p in run.placebos if p.is_seen):
        said.append(
            f"Placebo ({placebo.check}): an effect on {placebo.outcome} is found where there is none "
            f"({placebo.average:+.1f} standard errors of the average, {placebo.differences:+.1f} of differences). "
            "Effects of this size in the answer may be as little."
        )
    if not any(a.low > 0 or a.high < 0 for a in run.averages) and all(a.differences <= SURE for a in run.averages):
        said.append("Nothing is shown: no average effect and no difference between customers stands out from chance.")
    return said


def _unseen(run: UpliftRun) -> list[str]:
    """How strong an unseen cause would have to be, of observational logs."""
    if run.facts["observational"] and not run.sensitivity:
        return ['How strong an unseen cause would undo this is told with: pip install "worthwhile[uplift]".']
    return [
        f"An unseen cause that explains {each.robustness_low:.1%} of what is left of who got `{each.action}` and of "
        f"{each.outcome} would do to leave no sure effect, and {each.robustness:.1%} to leave none."
        for each in run.sensitivity
    ]


def _chance(prepared: Prepared) -> list[str]:
    if prepared.observational:
        how = (
            "as it was said"
            if prepared.detected <= PREDICTED
            else f"covariates tell who got what (by {prepared.detected:.0f} standard errors)"
        )
        return [
            f"The groups were not drawn by chance ({how}). Effects are right only if the covariates hold everything "
            "that moved both who was treated and what they did; nothing in the log can show that. A randomised test "
            "can: worth campaign design."
        ]
    said = []
    far = sorted({b.covariate for b in prepared.balance if abs(b.errors) > FAR})
    if far:
        said.append(f"The groups differ in {_list(far)} as chance does not make them; see balance.parquet.")
    if prepared.detected > PREDICTED:
        said.append(
            f"Covariates tell more of who got what than the chances that were given (by {prepared.detected:.0f} "
            "standard errors): were they followed?"
        )
    return said


def _list(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
