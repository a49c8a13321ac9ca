"""`events`: the shop's own event model. What customers did, in order, foretells what they will spend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.special import logit

from worthwhile.distribution import Forecast, Histogram
from worthwhile.errors import InputError
from worthwhile.features.sequences import KINDS, NONE, Content, Sequences
from worthwhile.features.slices import ROWS as ROWS_READ
from worthwhile.features.slices import Growing
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.baseline import LEAST_MORE
from worthwhile.models.calibrate import LOWEST_AMOUNT
from worthwhile.models.chunks import forecast_in_chunks
from worthwhile.models.files import read_arrays, read_json, write_arrays, write_json
from worthwhile.models.network_fit import chosen_device
from worthwhile.models.sequence.checkpoints import digest_of
from worthwhile.models.sequence.coming import coming_of
from worthwhile.models.sequence.course import Starts, train
from worthwhile.models.sequence.heads import Heads, fit_heads
from worthwhile.models.sequence.learning import Learning, Material, Questions, answers, foretold_at
from worthwhile.models.sequence.monitor import Monitor
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.steps import NUMBERS, Recoded, Steps, steps_of
from worthwhile.models.sequence.student import Lesson, learning_of, taught
from worthwhile.models.sequence.transfer import Inheritance, Names, check_alike
from worthwhile.models.training import split_forward, training_rows

Array = np.ndarray[Any, Any]

ROWS = 400_000  # questions that it learns from
LEAST_LINES = 3  # an item is known by itself once it is in so many lines of the past
MOST_ITEMS = 50_000
SECONDS_PER_DAY = 86_400
ORDERS, ORDER_GAP = NUMBERS.index("orders"), NUMBERS.index("order_gap")


@dataclass(frozen=True)
class Vocabulary:
    """The words that the network knows, ascending. The code after the last is for all others."""

    items: Array  # str objects
    categories: Array
    channels: Array

    def coded(self, steps: Steps, sequences: Sequences) -> Steps:
        """Steps of these sequences with the network's codes."""

        def recoded(values: Any, known: Array, name: str) -> Recoded:
            return Recoded(values, _codes(known, sequences.vocabularies[name]))

        return replace(
            steps,
            item=recoded(steps.item, self.items, "item"),
            category=recoded(steps.category, self.categories, "category"),
            channel=recoded(steps.channel, self.channels, "channel"),
        )


def _codes(known: Array, words: Array) -> Array:
    """(W + 1,) int32: the code of each word, and at the end, where NONE points, that of what is not told."""
    if not len(known):
        return np.zeros(len(words) + 1, dtype=np.int32)
    place = np.minimum(np.searchsorted(known, words), len(known) - 1)
    codes = np.where(known[place] == words, place, len(known)) if len(words) else place
    return np.append(codes, len(known)).astype(np.int32)


def vocabulary_of(steps: Steps, sequences: Sequences) -> Vocabulary:
    """The items of the steps that are frequent enough, and their categories and channels."""
    words = sequences.vocabularies
    counts = _counts(steps.item, len(words["item"]))
    frequent = np.sort(np.argsort(-counts, kind="stable")[:MOST_ITEMS])
    frequent = frequent[counts[frequent] >= LEAST_LINES]
    categories = _counts(steps.category, len(words["category"])) > 0
    channels = _counts(steps.channel, len(words["channel"])) > 0
    return Vocabulary(words["item"][frequent], words["category"][categories], words["channel"][channels])


def _counts(codes: Any, words: int) -> Array:
    """(W,) how often each word is told."""
    counts = np.zeros(words, dtype=np.int64)
    for at in range(0, len(codes), ROWS_READ):
        part = codes[at : at + ROWS_READ]
        counts += np.bincount(part[part != NONE], minlength=words)
    return counts


class EventModel:
    """A GRU or causal transformer over each customer's steps (`steps.py`), with heads that correct plain lines.

    It also reads the snapshot's features: what the log tells of a customer in sum need not be found anew.
    """

    name: ClassVar[str] = "events"

    def __init__(
        self, *, start: Path | str | None = None, student: bool = False, monitor: Monitor | None = None, **learning: Any
    ) -> None:
        """`start`: folder of a saved event model, of another shop perhaps, whose weights training begins with.
        `student`: a smaller network that is taught by the trained ones answers in their place. `monitor` hears of the
        training. `learning`: fields of `Learning`.
        """
        self.learning = Learning(**learning)
        self.start = Path(start) if start else None
        self.is_student = student
        self.monitor = monitor or Monitor()
        self.epochs = 0
        self.cutoff: datetime | None = None  # of the past that was learned from, UTC
        self._networks: list[EventNetwork] = []
        self._heads: Heads | None = None
        self._vocabulary: Vocabulary | None = None
        self._encoders: dict[str, str] = {}  # content -> id of what made its vectors
        self._units: dict[str, Array] = {}  # content -> the mean of its vectors, and the sd of their numbers

    def fit(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> None:
        """Raises InputError `no-history` where nobody bought in any past horizon, or the snapshots have no events;
        `bad-argument` and `damaged` where there is no model to start from, or one of another build, or one that knows
        what came after the cutoff."""
        sequences = events_of(current)
        self._encoders = {name: content.encoder for name, content in sequences.contents.items()}
        self._units = {name: _units_of(content.vectors) for name, content in sequences.contents.items()}
        sequences = self._as_learned(sequences)
        chosen_device(self.learning.device)
        donor = _donor(self.start, current.cutoff) if self.start else None
        training = training_rows(matured, cap=ROWS, seed=seed)
        heads, guess = fit_heads(matured, training, seed)
        cutoffs = [snapshot.cutoff for snapshot in training.snapshots]
        plain = steps_of(sequences, current.cutoff, current.scale, cutoffs)
        vocabulary = vocabulary_of(plain, sequences)
        steps = vocabulary.coded(plain, sequences)
        row, end, columns = _stacked(training.snapshots, steps, sequences, heads)
        questions = Questions(
            row=row,
            end=end,
            columns=columns,
            windows=training.window_columns().astype(np.float32),
            start=heads.start(guess),
            target=heads.target(training),
            weight=training.weight.astype(np.float32),
        )
        shape = self._shape(vocabulary, questions, heads, steps)
        self._heads, self._vocabulary, self.cutoff = heads, vocabulary, current.cutoff
        latest = training.snapshots[-1]  # of a day that its cutoff parts, nothing is learned in the search
        days = [np.floor(_local_day(latest.cutoff, latest)), _local_day(current.cutoff, current)]
        self._networks, self.epochs = train(
            Material(steps, coming_of(steps), questions, heads.losses, heads),
            shape,
            self.learning,
            split=split_forward(training, seed),
            days=(days[0], days[1]),
            seed=seed,
            starts=self._starts(donor, shape) if donor else None,
            monitor=self.monitor,
        )
        if self.is_student:
            self._networks = self.distilled(matured, current, seed=seed)._networks

    def distilled(self, matured: Sequence[Snapshot], current: Snapshot, *, seed: int = 0) -> EventModel:
        """A student of this model: the same but for its network, which is one and smaller. It is taught on the
        snapshots that the model was fitted on, and on the features of `current`."""
        assert self._heads and self._vocabulary, "fit first"
        sequences = self._as_learned(events_of(current))
        snapshots = (*training_rows(matured, cap=ROWS, seed=seed).snapshots, current.unseen())
        cutoffs = [snapshot.cutoff for snapshot in snapshots]
        plain = steps_of(sequences, current.cutoff, current.scale, cutoffs)
        steps = self._vocabulary.coded(plain, sequences)
        lesson = Lesson(*_stacked(snapshots, steps, sequences, self._heads))
        learning = learning_of(self.learning)
        student = EventModel(student=True)
        student.learning, student.epochs, student.cutoff = learning, self.epochs, self.cutoff
        student._heads, student._vocabulary = self._heads, self._vocabulary
        student._encoders, student._units = self._encoders, self._units
        until_day = _local_day(current.cutoff, current)
        student._networks = [taught(self._networks, steps, lesson, learning, until_day=until_day, seed=seed)]
        return student

    def _starts(self, donor: EventModel, shape: Shape) -> Starts:
        """What the networks begin with that the donor's have learned."""
        check_alike(shape, donor._networks[0].shape, where=str(self.start))
        theirs, ours = donor._names(), self._names()
        alike = {name for name, encoder in self._encoders.items() if donor._encoders.get(name) == encoder}
        each = [Inheritance(net.state_dict(), theirs, ours, alike) for net in donor._networks]
        arrays = [{name: tensor.numpy() for name, tensor in one.weights.items()} for one in each]
        return Starts(digest_of(arrays, theirs), each)

    def _names(self) -> Names:
        assert self._vocabulary
        words = {f.name: getattr(self._vocabulary, f.name).tolist() for f in fields(Vocabulary)}
        return Names(**words)

    def _shape(self, vocabulary: Vocabulary, questions: Questions, heads: Heads, steps: Steps) -> Shape:
        return Shape(
            encoder=self.learning.encoder,
            width=self.learning.width,
            layers=self.learning.layers,
            dropout=self.learning.dropout,
            items=len(vocabulary.items),
            categories=len(vocabulary.categories),
            channels=len(vocabulary.channels),
            kinds=len(KINDS),
            numbers=len(NUMBERS),
            contents={name: vectors.shape[1] for name, (vectors, _) in steps.contents.items()},
            columns=questions.columns.shape[1],
            windows=questions.windows.shape[1],
            outputs=heads.outputs,
        )

    def forecast(self, snapshot: Snapshot) -> Forecast:
        """Raises InputError `bad-argument` where the snapshot lacks the vectors of content that the model reads."""
        sequences = self._as_learned(events_of(snapshot))
        steps = self._steps(snapshot, sequences)
        return forecast_in_chunks(snapshot, self.name, lambda part: self._answer(part, steps, sequences))

    def _steps(self, snapshot: Snapshot, sequences: Sequences) -> Steps:
        assert self._vocabulary, "fit first"
        return self._vocabulary.coded(steps_of(sequences, snapshot.cutoff, snapshot.scale), sequences)

    def _as_learned(self, sequences: Sequences) -> Sequences:
        """The sequences with those contents that the model reads, in the units that it reads them in."""
        for name, encoder in self._encoders.items():
            if name not in sequences.contents or sequences.contents[name].encoder != encoder:
                raise InputError(
                    "bad-argument",
                    f"the model reads vectors of `{name}` by the encoder {encoder}, which the snapshot does not have",
                    where="events",
                    remedy="make them with that encoder, which lies in the shop's cache, or fit the model anew",
                )
        contents = {name: sequences.contents[name] for name in self._encoders}
        return replace(sequences, contents={name: _in_units(one, self._units[name]) for name, one in contents.items()})

    def _answer(self, part: Snapshot, steps: Steps, sequences: Sequences) -> tuple[Histogram, Histogram]:
        assert self._heads
        guess = self._heads.baseline.read(part)
        _, end, columns = _stacked([part], steps, sequences, self._heads)
        start = self._heads.start(guess)
        raws = [answers(net, steps, end, columns) + start for net in self._networks]
        return self._heads.histograms(raws, guess, part.scale)

    def vectors(self, snapshot: Snapshot) -> Array:
        """(N, D) float32: what the networks say of each customer, for other models to read.

        Log-odds of buying; by how much, in logs, orders beyond the first and the amount given buying lie above the
        lines'; and what comes next (`coming.foretold`). All mean the same whatever network says them.
        """
        assert self._heads, "fit first"
        sequences = self._as_learned(events_of(snapshot))
        steps = self._steps(snapshot, sequences)
        said = forecast_in_chunks(snapshot, self.name, lambda part: self._answer(part, steps, sequences))
        line, sigma = self._heads.baseline.read(snapshot), self._heads.baseline.sigma
        p = np.clip(said.p_active.astype(np.float64), self._heads.limit, 1 - self._heads.limit)
        more = np.log(np.maximum(said.orders.mean() / p - 1, LEAST_MORE)) - line.more
        mean_amount = np.maximum(said.amount.mean() / p / snapshot.scale, LOWEST_AMOUNT)
        amount = np.log(mean_amount) - (line.amount + sigma**2 / 2)  # the lines' law is log-normal
        _, end, _ = _asked(snapshot, steps, sequences)
        coming = np.mean([foretold_at(net, steps, end) for net in self._networks], axis=0)
        return np.concatenate([np.stack([logit(p), more, amount], axis=1), coming], axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        assert self._heads and self._vocabulary and self.cutoff, "fit first"
        learning = {key: value for key, value in asdict(self.learning).items() if key != "device"}
        words = {f.name: getattr(self._vocabulary, f.name).tolist() for f in fields(Vocabulary)}
        told = {
            "learning": learning,
            "shape": asdict(self._networks[0].shape),
            "networks": len(self._networks),
            "student": self.is_student,
            "epochs": self.epochs,
            "cutoff": self.cutoff.isoformat(),
            "words": words,
            "encoders": self._encoders,
        }
        write_json(folder / "model.json", told)
        arrays = {
            f"network.{place}.{name}": tensor.numpy()
            for place, net in enumerate(self._networks)
            for name, tensor in net.state_dict().items()
        }
        units = {f"units.{name}": told for name, told in self._units.items()}
        write_arrays(folder / "model.safetensors", self._heads.to_arrays() | arrays | units)

    @classmethod
    def load(cls, folder: Path) -> Self:
        told, arrays = read_json(folder / "model.json"), read_arrays(folder / "model.safetensors")
        model = cls(student=told["student"], **told["learning"])
        model.epochs, model._encoders = told["epochs"], told["encoders"]
        model.cutoff = datetime.fromisoformat(told["cutoff"])
        model._units = {name: arrays[f"units.{name}"] for name in model._encoders}
        model._heads = Heads.from_arrays(arrays)
        model._vocabulary = Vocabulary(*(np.array(told["words"][f.name], dtype=object) for f in fields(Vocabulary)))
        for place in range(told["networks"]):
            net, prefix = EventNetwork(Shape(**told["shape"])), f"network.{place}."
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            net.load_state_dict({name: torch.from_numpy(array) for name, array in own.items()})
            model._networks.append(net.eval())
        return model


def _units_of(vectors: Array) -> Array:
    """(width + 1,) float32: the mean of the vectors (words, width) of what is known, and the sd of their numbers.

    Vectors of networks have most of their length in common, and what tells them apart would be learned last. With it
    content raises the AUC on a planted shop of 1,500 customers by .016, without it by .013.
    """
    known = vectors[vectors.any(axis=1)]
    if not len(known):
        return np.append(np.zeros(vectors.shape[1]), 1.0).astype(np.float32)
    mean = known.mean(axis=0)
    return np.append(mean, np.sqrt(((known - mean) ** 2).mean()) or 1.0).astype(np.float32)


def _in_units(content: Content, units: Array) -> Content:
    """Vectors from their mean, in units of their sd; zeros, of what is not known, stay."""
    known = np.any(content.vectors, axis=1, keepdims=True)
    return replace(content, vectors=np.where(known, (content.vectors - units[:-1]) / units[-1], 0).astype(np.float32))


def events_of(snapshot: Snapshot) -> Sequences:
    """The snapshot's event sequences. Raises InputError `no-history` where it has none."""
    if snapshot.sequences is None:
        raise InputError("no-history", "the snapshot has no event sequences", remedy="take them from the event log")
    return snapshot.sequences


def _local_day(moment: datetime, snapshot: Snapshot) -> float:
    """Days from 1970-01-01 to a moment, by the shop's wall clock."""
    local = moment.astimezone(snapshot.zone).replace(tzinfo=None)
    return (local - datetime(1970, 1, 1)).total_seconds() / SECONDS_PER_DAY


def _donor(folder: Path, cutoff: datetime) -> EventModel:
    """The model to start from. Raises InputError `bad-argument` where there is none, or it learned from what came
    after the cutoff; `damaged`."""
    model = _loaded(folder)
    if model.cutoff and model.cutoff > cutoff:
        raise InputError(
            "bad-argument",
            f"the model to start from knows what came after the cutoff: it learned until {model.cutoff.isoformat()}, "
            f"and asked for is {cutoff.isoformat()}",
            where=str(folder),
            remedy="name a model that learned until the cutoff or before, or start from none: events.start=",
        )
    return model


def _loaded(folder: Path) -> EventModel:
    """Raises InputError `bad-argument` where there is no event model, `damaged`."""
    if not (folder / "model.json").is_file():
        raise InputError(
            "bad-argument",
            "there is no event model to start from here",
            where=str(folder),
            remedy="name the folder of one that a run kept: runs/<run>/models/<horizon>/events",
        )
    try:
        return EventModel.load(folder)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "bad-argument",
            "this is no event model, or one of another version",
            where=str(folder),
            remedy="name the folder of an event model that this version of worthwhile kept",
        ) from error


def _stacked(
    snapshots: Sequence[Snapshot], steps: Steps, sequences: Sequences, heads: Heads
) -> tuple[Array, Array, Array]:
    """Of the customers of all snapshots, one after the other: row and last step as of `_asked`, and the question's
    columns (Q, X) float32."""
    parts, columns = [], Growing(sequences.folder)
    for snapshot in snapshots:
        *places, extra = _asked(snapshot, steps, sequences)
        parts.append(places)
        columns.add({"columns": np.concatenate([heads.baseline.standard.apply(snapshot), extra], axis=1)})
    row, end = (np.concatenate(part) for part in zip(*parts, strict=True))
    return row, end, columns.arrays()["columns"]


def _asked(snapshot: Snapshot, steps: Steps, sequences: Sequences) -> tuple[Array, Array, Array]:
    """Of each customer of a snapshot: the row in `steps`, the last step before the cutoff, and what only the question
    tells (n, 3) float32: the time since that step, beside the gaps before it, and the orders so far."""
    row = sequences.rows_of(snapshot.customer_ids)
    end = steps.ends_at(snapshot.cutoff)[row] - 1
    since = np.log1p(np.maximum(_local_day(snapshot.cutoff, snapshot) - steps.day[end], 0))
    extra = [since - 3, since - steps.numbers[end, ORDER_GAP], steps.numbers[end, ORDERS] - 1]  # about zero
    return row, end, np.stack(extra, axis=1).astype(np.float32)
