"""What each kind of data adds to the event model: orders, items, texts, ratings, pictures, browsing.

    python bench/ablation.py --data ../shared/data [--only retail amazon chinese pictures planted] [--seeds 3]

The same model is fitted to logs that hold more and more of what a shop knows. A change is against the row named beside
it, on the same cutoff and seed; its standard error is over cutoffs and seeds. Nothing is chosen here: the model is that
of `worth forecast --model events`.

retail    Online Retail II, 90 days: orders, items, titles (static encoder)
amazon    reviews of musical instruments, who reviews again within 180 days: when, what, stars, texts
chinese   whether a review is content, told by its category alone, or by vectors of its text (a logistic probe); a
          pretrained encoder too where `sentence-transformers` is installed
pictures  a simulated shop that sells what 600 real photographs show; what is dark runs out (tests/oracles/
          planted_shop.py); a tiny vision transformer of random weights
planted   a simulated shop in which visits, and what items are, foretell who buys
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from cases import opened
from content import Probe
from tables import by_metric, markdown
from worthwhile.content.chosen import Encoders
from worthwhile.content.hygiene import clean
from worthwhile.content.items import texts_before
from worthwhile.content.static import fit_static, sample_of, static_encoder
from worthwhile.content.text import MINILM, load_text_encoder
from worthwhile.features.build import cutoff_from
from worthwhile.features.sequences import Content, Sequences, build_sequences
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.threads import one_thread_each
from worthwhile.progress import silent
from worthwhile.runs.contents import contents_at
from worthwhile.runs.prepare import Snapshots
from worthwhile.store.log import Log, log_of
from worthwhile.tasks import Task

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracles.planted_shop import RUNS_OUT, PlantedShop, planted_shop
from oracles.tiny_vision import tiny_model

Array = np.ndarray[Any, Any]
# Of a log at a cutoff, with a folder for what is kept: the vectors of what it names.
Describe = Callable[[Log, Sequences, str, Path], Mapping[str, Content]]

RETAIL_CUTOFFS = ("2010-12-01", "2011-03-01", "2011-06-01", "2011-09-01")
AMAZON_CUTOFFS = ("2013-01-01", "2013-07-01", "2014-01-01")
PLANTED_CUTOFF = "2024-07-01"
REVIEWS, FEW_REVIEWS = 6_000, 1_500
ITEMS = 3_000  # of simulated shops
PARTS = ("retail", "amazon", "chinese", "pictures", "planted")
METRICS = ("auc", "gini", "crps")


@dataclass(frozen=True)
class Known:
    """A log that holds some kinds of data."""

    name: str
    events: pa.Table
    zone: str = "UTC"
    items: pa.Table | None = None
    describe: Describe | None = None
    against: str = ""  # the name of what it is compared with


def scores_of(known: Known, task: Task, cutoff: str, seed: int) -> dict[str, float]:
    """The event model's scores at a cutoff."""
    with (
        tempfile.TemporaryDirectory() as place,
        log_of(known.events, zone=known.zone, items=known.items) as log,
        one_thread_each(),
    ):
        sequences = build_sequences(log, Path(place) / "sequences")
        if known.describe is not None:
            contents = known.describe(log, sequences, cutoff, Path(place) / "kept")
            sequences = replace(sequences, contents=contents)
        snapshots = Snapshots(log, task, sequences=sequences)
        matured, current = snapshots.before(cutoff_from(cutoff, log.zone), silent)
        model = EventModel()
        model.fit(matured, current.unseen(), seed=seed)
        assert current.outcome is not None, "the outcome is known"
        return by_metric(model.forecast(current.unseen()), current.outcome, seed=seed)


def compare(
    title: str, knowns: Callable[[int], Sequence[Known]], task: Task, cutoffs: Sequence[str], seeds: int
) -> None:
    """Print the table of what the logs of each seed come to."""
    found: dict[str, list[list[float]]] = {}  # log -> for each seed and cutoff the METRICS
    for seed in range(seeds):
        for known in (shop := knowns(seed)):
            for cutoff in cutoffs:
                begun = time.process_time()
                scores = scores_of(known, task, cutoff, seed)
                found.setdefault(known.name, []).append([scores[metric] for metric in METRICS])
                told = ", ".join(f"{metric} {scores[metric]:.4f}" for metric in METRICS)
                print(f"{seed} {cutoff} {known.name}: {told}, {time.process_time() - begun:.0f} s", file=sys.stderr)
    rows = [_row(known, {name: np.array(scores) for name, scores in found.items()}) for known in shop]
    header = (title, "AUC", "Gini", "CRPS", "against", "change of AUC", "of Gini", "of CRPS, %")
    print(markdown(header, rows) + "\n", flush=True)


def _row(known: Known, found: Mapping[str, Array]) -> tuple[str, ...]:
    own = found[known.name]
    auc, gini, crps = own.mean(axis=0)
    cells = (known.name, f"{auc:.3f}", f"{gini:.3f}", f"{crps:.4g}", known.against)
    if not known.against:
        return (*cells, "", "", "")
    change = own - found[known.against]
    change[:, 2] = 100 * (own[:, 2] / found[known.against][:, 2] - 1)
    return (*cells, *(_with_error(values, digits) for values, digits in zip(change.T, (3, 3, 1), strict=True)))


def _with_error(values: Array, digits: int) -> str:
    error = f" ± {values.std(ddof=1) / np.sqrt(len(values)):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():+.{digits}f}{error}"


def _without(events: pa.Table, *columns: str) -> pa.Table:
    return events.drop_columns(list(columns))


def by_static(log: Log, sequences: Sequences, cutoff: str, kept: Path) -> Mapping[str, Content]:
    """Vectors by the static encoder, as a run makes them."""
    moment = cutoff_from(cutoff, log.zone)
    encoders = Encoders(static_encoder(kept, texts_before(log, moment), seed=0))
    return contents_at(log, sequences, moment, encoders, kept=kept)


# ---- real shops -----------------------------------------------------------------------------------------------------


def retail(data: Path, seeds: int) -> None:
    with opened("online_retail_ii_net", data) as log:
        events = log.con.sql("SELECT * EXCLUDE (ts_us, local_us, day) FROM events").to_arrow_table()
        items = log.con.sql("SELECT * FROM items").to_arrow_table()
    shop = {"zone": "Europe/London", "items": items}
    knowns = [
        Known("orders", _without(events, "item_id", "category"), zone="Europe/London"),
        Known("+ items", events, **shop, against="orders"),
        Known("+ titles", events, **shop, describe=by_static, against="+ items"),
    ]
    compare("Online Retail II, 90 days", lambda seed: knowns, Task.of("90d"), RETAIL_CUTOFFS, seeds)


def amazon(data: Path, seeds: int) -> None:
    """A review counts as an order of amount 1, so that who buys is who reviews."""
    table = pd.read_parquet(data / "amazon_musical_instruments.parquet")
    events = pa.table(
        {
            "customer_id": table["reviewerID"],
            "local_ts": table["ts"],
            "amount": np.ones(len(table)),
            "item_id": table["asin"],
            "rating": table["overall"],
            "text": table["summary"].fillna("") + ". " + table["reviewText"].fillna(""),
        }
    )
    knowns = [
        Known("when they reviewed", _without(events, "item_id", "rating", "text")),
        Known("+ items", _without(events, "rating", "text"), against="when they reviewed"),
        Known("+ stars", _without(events, "text"), against="+ items"),
        Known("+ texts", events, describe=by_static, against="+ stars"),
    ]
    compare("Amazon reviews, 180 days", lambda seed: knowns, Task.of("180d"), AMAZON_CUTOFFS, seeds)


def chinese(data: Path, seeds: int) -> None:
    """Accuracy and AUC of a logistic probe, over several drawings of reviews; a pretrained encoder reads one."""
    table = pd.read_parquet(data / "chinese_shopping_reviews.parquet").dropna(subset=["review"])
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        some = table.sample(REVIEWS, random_state=seed)
        probe = _sentiment(some)
        found.setdefault("category", []).append(probe.quality(pd.get_dummies(some["cat"]).to_numpy(np.float32)))
        found.setdefault("text, static encoder", []).append(probe.quality(_static(probe)))
    if find_spec("sentence_transformers") is not None:
        probe = _sentiment(table.sample(FEW_REVIEWS, random_state=0))
        found[f"the same, {FEW_REVIEWS:,} reviews"] = [probe.quality(_static(probe))]
        pretrained = load_text_encoder(MINILM)
        found[f"text, {MINILM}, {FEW_REVIEWS:,} reviews"] = [probe.quality(pretrained.encode(probe.texts))]
    rows = [(name, *(_plain(values) for values in np.array(each).T)) for name, each in found.items()]
    print(markdown(("sentiment of Chinese reviews", "accuracy", "AUC"), rows) + "\n", flush=True)


def _sentiment(reviews: pd.DataFrame) -> Probe:
    return Probe("sentiment", [clean(text) for text in reviews["review"]], reviews["label"].to_numpy() == 1)


def _static(probe: Probe) -> Array:
    """Vectors by the static encoder fitted to what the probe is fitted to."""
    return fit_static(sample_of(probe.texts[: probe.fitted], seed=0), seed=0).encode(probe.texts)


def _plain(values: Array) -> str:
    return _with_error(values, 3).removeprefix("+")


# ---- simulated shops ------------------------------------------------------------------------------------------------


def by_truth(shop: PlantedShop) -> Describe:
    """The vectors that the shop has planted."""

    def describe(log: Log, sequences: Sequences, cutoff: str, kept: Path) -> Mapping[str, Content]:
        return {"item": Content(shop.vectors[[int(item[1:]) for item in sequences.vocabularies["item"]]], "item")}

    return describe


def planted(customers: int, seeds: int) -> None:
    """A shop for each seed."""

    def knowns(seed: int) -> list[Known]:
        shop = planted_shop(customers, seed=seed)
        orders = shop.without_views()
        first, against = orders.events(), "orders and items"
        mixed = orders.with_vectors_of_others()
        return [
            Known(against, first),
            Known("+ content", first, describe=by_truth(orders), against=against),
            Known("+ content of others", first, describe=by_truth(mixed), against=against),
            Known("+ browsing", shop.events(), against=against),
            Known("+ browsing of others", shop.with_views_of_others().events(), against=against),
            Known("+ browsing and content", shop.events(), describe=by_truth(shop), against=against),
        ]

    compare("planted shop, 30 days", knowns, Task.of("30d"), [PLANTED_CUTOFF], seeds)


def pictures(data: Path, customers: int, seeds: int) -> None:
    """Each photograph is that of several items, so that no item sells often enough to be known by its number."""
    from worthwhile.content.picture import load_picture_encoder

    catalogue = pd.read_parquet(data / "fashion_images" / "catalogue.parquet").query("has_image")
    brightness = np.array([_brightness(data / "fashion_images" / f"{name}.jpg") for name in catalogue["id"]])
    dark = brightness < np.quantile(brightness, RUNS_OUT)
    with tempfile.TemporaryDirectory() as place:
        encoder = load_picture_encoder(str(tiny_model(Path(place))), data / "fashion_images")

        def describe(log: Log, sequences: Sequences, cutoff: str, kept: Path) -> Mapping[str, Content]:
            moment = cutoff_from(cutoff, log.zone)
            encoders = Encoders(static_encoder(kept, texts_before(log, moment), seed=0), encoder)
            return contents_at(log, sequences, moment, encoders, kept=kept)

        def knowns(seed: int) -> list[Known]:
            rng = np.random.default_rng(seed)
            shown = rng.integers(len(catalogue), size=ITEMS)
            events = planted_shop(customers, ITEMS, seed, side=dark[shown]).without_views().events()
            own, others = (_pictured(catalogue, order) for order in (shown, rng.permutation(shown)))
            against = "orders and items"
            return [
                Known(against, events),
                Known("+ pictures", events, items=own, describe=describe, against=against),
                Known("+ pictures of others", events, items=others, describe=describe, against=against),
            ]

        compare("shop of photographs, 30 days", knowns, Task.of("30d"), [PLANTED_CUTOFF], seeds)


def _brightness(photograph: Path) -> float:
    from PIL import Image

    with Image.open(photograph) as picture:
        return float(np.asarray(picture.convert("L")).mean())


def _pictured(catalogue: pd.DataFrame, shown: Array) -> pa.Table:
    """The list of items with their pictures; `shown` (I,) are rows of the catalogue."""
    paths = [f"{photograph}.jpg" for photograph in catalogue["id"].to_numpy()[shown]]
    return pa.table({"item_id": [f"i{item:05d}" for item in range(len(shown))], "picture": paths})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--customers", type=int, default=4000, help="of the simulated shops")
    given = parser.parse_args()
    if not given.data.is_dir():
        parser.error(f"there is no folder {given.data}; name that of the public data with --data")
    torch.set_num_threads(1)
    parts: dict[str, Callable[[], None]] = {
        "retail": lambda: retail(given.data, given.seeds),
        "amazon": lambda: amazon(given.data, given.seeds),
        "chinese": lambda: chinese(given.data, given.seeds),
        "pictures": lambda: pictures(given.data, given.customers, given.seeds),
        "planted": lambda: planted(given.customers, given.seeds),
    }
    for name in given.only:
        parts[name]()


if __name__ == "__main__":
    main()
