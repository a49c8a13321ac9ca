"""`backtest`: forecasts made at past cutoffs with what was known then, scored on what came, as a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from worthwhile.distribution import Forecast
from worthwhile.errors import InputError
from worthwhile.evaluation.scores import evaluate
from worthwhile.evaluation.verdict import LEADING_METRIC, Verdict, verdict
from worthwhile.features.terms import ValueTerms
from worthwhile.languages import LANGUAGES
from worthwhile.models.catalogue import MODELS, USUAL_MEMBERS, models_behind
from worthwhile.models.ensemble import Ensemble
from worthwhile.models.files import write_json
from worthwhile.models.protocol import Model
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import Progress, part, silent
from worthwhile.runs.asked import Asked, day_of, facts_of, moment_of
from worthwhile.runs.choose import Fitting, Tuning, check_fine_tuning, check_names, fitting_of, make_model
from worthwhile.runs.event_training import event_training
from worthwhile.runs.gate import Gate, gate, models_made
from worthwhile.runs.prepare import (
    Snapshots,
    after_sequences,
    default_backtest_cutoffs,
    progress_of,
    sequences_of,
)
from worthwhile.runs.pretrained import pretrained_in
from worthwhile.runs.record import record
from worthwhile.shop import Shop
from worthwhile.store.log import Log, open_log
from worthwhile.tasks import Horizon, Task

# To be beaten: where no models are named, a backtest compares them, the ensemble and its members.
HEURISTICS = ("last-period", "past-rate")

T = TypeVar("T")

# Model -> why, in English and in Chinese.
Reasons = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class BacktestRun:
    """A recorded backtest: tidy scores and curves over cutoffs and models, and the verdict in words.

    `skipped`, `warned` and `tuning` are by cutoff (ISO text): the models that were not made and why; those that were
    asked for by name and made although the gate thinks little of them; what tuning came to for each model.
    """

    run_id: str
    folder: Path
    scores: pa.Table
    curves: pa.Table
    verdict: Verdict
    gate: Gate  # at the latest cutoff
    skipped: Mapping[str, Reasons] = field(default_factory=dict)
    warned: Mapping[str, Reasons] = field(default_factory=dict)
    tuning: Mapping[str, Mapping[str, Tuning]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    wanted: int = 0  # cutoffs asked for by number; 0 where they were named
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by cutoff: of the pretrained model, in words

    def __repr__(self) -> str:
        models = ", ".join(self.scores["model"].unique().to_pylist())
        return f"BacktestRun({self.run_id!r}, {models}, {len(self.facts['cutoffs'])} cutoffs)"

    def notes(self) -> list[str]:
        """What the scores do not say, in words: cutoffs that the log has no room for, models skipped or of little
        ground, and what was tuned."""
        skipped = _by_reason(self.skipped, "{model} was skipped at {n} of {cutoffs} cutoffs: {reason}.")
        warned = _by_reason(
            self.warned, "{model} was asked for by name; at {n} of {cutoffs} cutoffs it has little ground: {reason}."
        )
        tuned = [
            f"{day}: {sentence}"
            for day, by_model in self._by_day(self.tuning)
            for tuning in by_model.values()
            for sentence in tuning.sentences()
        ]
        made = len(self.facts["cutoffs"])
        fewer = [
            f"{self.wanted} cutoffs were asked for; the log has room for {made}, a horizon apart and with as much "
            "history before the first."
        ]
        told = [f"{day}: {sentence}" for day, sentences in self._by_day(self.told) for sentence in sentences]
        apart = [
            self.gate.membership.sentence(model)
            for model in self.gate.membership.apart
            if "ensemble" in self.facts["models"] and model not in self.gate.lacks
        ]
        return (fewer if self.wanted > made else []) + skipped + warned + apart + tuned + told

    def _by_day(self, by_cutoff: Mapping[str, T]) -> list[tuple[date, T]]:
        zone = ZoneInfo(self.facts["settings"]["timezone"])
        return [(datetime.fromisoformat(cutoff).astimezone(zone).date(), value) for cutoff, value in by_cutoff.items()]

    def to_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "folder": str(self.folder),
            **self.facts,
            "scores": self.scores.to_pylist(),
            "verdict": self.verdict.to_dict(),
            "gate": self.gate.to_dict(),
            **self.made_how(),
            "notes": self.notes(),
        }

    def made_how(self) -> dict[str, Any]:
        """How the table came about, as plain JSON."""
        tuning = {
            cutoff: {model: tuning.to_dict() for model, tuning in by_model.items()}
            for cutoff, by_model in self.tuning.items()
        }
        return {
            "skipped": self.skipped,
            "warned": self.warned,
            "tuning": tuning,
            "told": self.told,
            "cutoffs_wanted": self.wanted,
        }


def _by_reason(by_cutoff: Mapping[str, Reasons], sentence: str) -> list[str]:
    """A sentence for each model, with the reason at its latest cutoff."""
    found: dict[str, list[str]] = {}
    for reasons in by_cutoff.values():
        for model, reason in reasons.items():
            found.setdefault(model, []).append(reason["en"])
    return [
        sentence.format(model=model, n=len(reasons), cutoffs=len(by_cutoff), reason=reasons[-1])
        for model, reasons in found.items()
    ]


def backtest(  # noqa: PLR0913 (one parameter for each question that a person asks)
    shop: Shop,
    horizon: str | Horizon = "90d",
    *,
    cutoffs: int | Sequence[str | date | datetime] = 4,
    asked: Asked | None = None,
    models: Sequence[str] | None = None,
    tune: int = 0,
    fine_tune: bool = False,
    seed: int | None = None,
    progress: Progress = silent,
) -> BacktestRun:
    """Score models at past cutoffs: a number of the latest ones, a horizon apart, or the dates given.

    `models` named here are made even where the gate thinks little of them, which the answer then says; of the usual
    ones the gate leaves out those that the history cannot carry. What cannot be fitted at a cutoff is skipped there,
    with the reason.
    Raises InputError (`empty-shop`, `not-matured`, `no-history`, `no-such-model`, `bad-argument`).
    """
    asked = asked or Asked()
    named = list(dict.fromkeys(models or ()))
    names = named or [*HEURISTICS, *USUAL_MEMBERS, "ensemble"]
    check_names(names)
    if fine_tune:
        check_fine_tuning(names)
    fitting = fitting_of(shop.settings, seed=seed, tune=tune, fine_tune=fine_tune)
    task = asked.task(horizon)
    value = ValueTerms.of(shop.settings) if asked.target == "value" else None
    with open_log(shop) as log, one_thread_each():
        moments = _moments(log, task, cutoffs)
        done: list[_AtCutoff] = []
        members = fitting.membership(log).members
        names = named or [*HEURISTICS, *members, "ensemble"]
        events = event_training(shop, names, members)
        fitting = replace(fitting, events=events)
        with sequences_of(log, shop, models_behind(names, members), progress) as (sequences, contents):
            snapshots = Snapshots(log, task, value, sequences=sequences, contents=contents)
            rest = after_sequences(progress, sequences)
            for i, moment in enumerate(moments):
                watch = progress_of(rest, i, len(moments))
                done.append(_at_cutoff(snapshots, moment, names, named=named, fitting=fitting, progress=watch))
                snapshots.keep_for(moments[i + 1 :])
        gates = [one.gate for one in done]
        behind = models_made(names, gates)
        facts = {
            "cutoffs": [m.isoformat() for m in moments],
            "horizons": [str(task.horizon)],
            "models": names,
            "named": bool(named),
            "members": [list(found.members) for found in gates] if "ensemble" in names else [],
            "tune": fitting.tune,
            "fine_tune": fitting.fine_tune,
            "seed": fitting.seed,
            **facts_of(shop, log, task, behind),
            **events.facts_for(names, behind),
        }
    wanted = cutoffs if isinstance(cutoffs, int) else 0
    run = _recorded(shop, facts, done, wanted=wanted, progress=progress)
    events.checkpoints.drop()
    return run


def _recorded(
    shop: Shop, facts: dict[str, Any], done: Sequence[_AtCutoff], *, wanted: int, progress: Progress
) -> BacktestRun:
    scores = pa.concat_tables([d.scores for d in done])
    curves = pa.concat_tables([d.curves for d in done])
    said = verdict(scores, metric=LEADING_METRIC[facts["target"]], zone=shop.settings.zone)
    by_cutoff = dict(zip(facts["cutoffs"], done, strict=True))
    run = BacktestRun(
        "",
        shop.runs,
        scores,
        curves,
        said,
        done[-1].gate,
        skipped={cutoff: d.skipped for cutoff, d in by_cutoff.items()},
        warned={cutoff: d.warned for cutoff, d in by_cutoff.items()},
        tuning={cutoff: d.tuning for cutoff, d in by_cutoff.items()},
        facts=facts,
        wanted=wanted,
        told={cutoff: d.told for cutoff, d in by_cutoff.items() if d.told},
    )

    def fill(folder: Path, run_id: str) -> None:
        pq.write_table(scores, folder / "scores.parquet", compression="zstd")
        pq.write_table(curves, folder / "curves.parquet", compression="zstd")
        write_json(folder / "verdict.json", said.to_dict())

    folder = record(shop, "backtest", facts, {"gate": run.gate.to_dict(), **run.made_how()}, fill)
    progress("done", 1.0)
    return replace(run, run_id=folder.name, folder=folder)


def _moments(log: Log, task: Task, cutoffs: int | Sequence[str | date | datetime]) -> list[datetime]:
    if isinstance(cutoffs, int):
        if cutoffs < 1:
            raise _no_cutoffs(f"{cutoffs} cutoffs make no backtest")
        return default_backtest_cutoffs(log, task, cutoffs)
    moments = sorted({moment_of(c, log, where="--cutoffs") for c in cutoffs})
    if not moments:
        raise _no_cutoffs("no cutoffs make no backtest")
    for moment in moments:
        if moment > log.until or task.horizon.after(moment, log.zone) > log.until:
            latest = task.horizon.before(log.until, log.zone)
            raise InputError(
                "not-matured",
                f"{task.horizon} after {day_of(moment, log)} have not passed: the log ends on {day_of(log.until, log)}",
                where="--cutoffs",
                remedy=f"take cutoffs up to {day_of(latest, log)}",
            )
    return moments


def _no_cutoffs(what: str) -> InputError:
    return InputError("bad-argument", what, where="--cutoffs", remedy="give at least 1")


@dataclass(frozen=True)
class _AtCutoff:
    scores: pa.Table
    curves: pa.Table
    gate: Gate
    skipped: Reasons
    warned: Reasons
    tuning: Mapping[str, Tuning]  # model asked for -> what tuning came to
    told: Sequence[str]  # of the pretrained model, in words


def _at_cutoff(
    snapshots: Snapshots,
    cutoff: datetime,
    names: Sequence[str],
    *,
    named: Sequence[str],
    fitting: Fitting,
    progress: Progress,
) -> _AtCutoff:
    matured, known = snapshots.before(cutoff, part(progress, 0.0, 0.2))
    current, outcome = known.unseen(), known.outcome
    assert outcome is not None
    found = gate(matured, current, named=named, membership=fitting.membership(snapshots.log, cutoff))
    skipped: dict[str, Mapping[str, str]] = {}
    tuning: dict[str, Tuning] = {}
    fitted: dict[str, Model] = {}
    tables, drawn, told = [], [], list[str]()
    # The ensemble first: the members that it fitted are the single models asked for, and need no second fit, but for
    # those that are made in another way where they are members.
    for done, name in enumerate(sorted(names, key=lambda n: n != "ensemble")):
        watch = part(progress, 0.2 + 0.8 * done / len(names), 0.2 + 0.8 * (done + 1) / len(names))
        watch(name, 0.0)
        if found.leaves_out(name):
            skipped[name] = _lacking(found, name)
            continue
        try:
            model = fitted.get(name)
            if model is None:
                model, tuning[name] = make_model(name, found, matured, current, fitting, progress=watch)
                model.fit(matured, current, seed=fitting.seed)
        except InputError as error:  # this history cannot carry it: the table goes on without it, and says so
            if error.code != "no-history":
                raise
            skipped[name] = {"en": error.what, "zh": "历史数据不足，无法拟合"}
            continue
        if isinstance(model, Ensemble):
            fitted |= {one: member for one, member in model.fitted.items() if not MODELS[one].as_member}
        said = pretrained_in(model, fine_tune=fitting.fine_tune).sentences()
        told += [sentence for sentence in said if sentence not in told]
        made: Forecast = model.forecast(current)
        scores, curves = evaluate(made, outcome, horizon=str(snapshots.task.horizon), seed=fitting.seed)
        tables.append(scores)
        drawn.append(curves)
    if not tables:
        raise _nothing_fitted(skipped, day_of(cutoff, snapshots.log))
    warned = {name: _lacking(found, name) for name in named if name in found.lacks and name not in skipped}
    return _AtCutoff(pa.concat_tables(tables), pa.concat_tables(drawn), found, skipped, warned, tuning, told)


def _nothing_fitted(skipped: Reasons, day: str) -> InputError:
    reasons = "; ".join(f"{name}: {why['en']}" for name, why in skipped.items())
    return InputError(
        "no-history", f"no model can be fitted ({reasons})", where=f"cutoff {day}", remedy="take later cutoffs"
    )


def _lacking(found: Gate, model: str) -> dict[str, str]:
    return {lang: found.lack(model, lang) for lang in LANGUAGES}
