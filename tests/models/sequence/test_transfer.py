"""What another shop's model has learned is taken over by name; what a shop has alone begins anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from worthwhile.errors import InputError
from worthwhile.features.sequences import Content
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.transfer import Inheritance, Names

BRIEF = {"members": 1, "warm_epochs": 1, "epochs": 1, "width": 16}
SHAPE = Shape(items=2, categories=1, channels=1, numbers=18, gaps=3, ahead=4, columns=3, outputs=4, width=8)
OURS = Names(items=["a", "c"], categories=["x"], channels=["web"])
THEIRS = Names(items=["b", "c", "d"], categories=["y"], channels=["web"])


@pytest.fixture
def nets() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Weights of a new network before and after, and those that it was given."""
    torch.manual_seed(0)
    net, donor = EventNetwork(SHAPE), EventNetwork(replace(SHAPE, items=3, columns=2, outputs=6))
    torch.nn.init.normal_(donor.line.weight)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    Inheritance(donor.state_dict(), THEIRS, OURS)(net)
    return before, dict(net.state_dict()), dict(donor.state_dict())


def test_rows_of_known_words_are_taken_over_and_others_are_new(nets) -> None:
    before, after, donor = nets
    item = "item.weight"
    assert torch.equal(after[item][0], before[item][0])  # a: ours alone
    assert torch.equal(after[item][1], donor[item][1])  # c: both
    assert torch.equal(after[item][2], donor[item][3])  # all others
    assert torch.equal(after["category.weight"][0], before["category.weight"][0])
    assert torch.equal(after["channel.weight"], donor["channel.weight"])
    for name in ("ask.weight", "line.weight", "out.bias"):  # heads of the task
        assert torch.equal(after[name], before[name])
    for name in ("read.weight", "encoder.cells.weight_hh_l0", "next_gap.weight"):
        assert torch.equal(after[name], donor[name])


def test_what_reads_vectors_of_another_encoder_begins_anew() -> None:
    torch.manual_seed(0)
    shape = replace(SHAPE, contents={"item": 5, "text": 5})
    net, donor = EventNetwork(shape), EventNetwork(shape)
    Inheritance(donor.state_dict(), OURS, OURS, frozenset({"text"}))(net)
    taken = {name: torch.equal(net.contents[name].weight, donor.contents[name].weight) for name in ("item", "text")}
    assert taken == {"item": False, "text": True}


@pytest.mark.parametrize("encoder", ["static-a", "static-b"])
def test_encoders_are_compared_by_their_ids(small: tuple[Matured, Snapshot], tmp_path: Path, encoder: str) -> None:
    with_a, with_other = (_with_vectors(small, name) for name in ("static-a", encoder))
    model = EventModel(**BRIEF)
    model.fit(*with_a)
    model.save(tmp_path)
    begun = EventModel(**{**BRIEF, "warm_epochs": 0, "epochs": 0}, start=tmp_path)
    begun.fit(*with_other)
    theirs, ours = (one._networks[0].contents["item"].weight for one in (model, begun))
    assert torch.equal(theirs, ours) == (encoder == "static-a")


def _with_vectors(small: tuple[Matured, Snapshot], encoder: str) -> tuple[Matured, Snapshot]:
    """The snapshots with drawn vectors of items, as if this encoder had made them."""
    matured, current = small
    assert current.sequences is not None
    drawn = np.random.default_rng(0).normal(size=(len(current.sequences.vocabularies["item"]), 5)).astype(np.float32)
    sequences = replace(current.sequences, contents={"item": Content(drawn, "item", encoder)})
    return Matured([replace(one, sequences=sequences) for one in matured]), replace(current, sequences=sequences)


@pytest.fixture(scope="module")
def donor(small: tuple[Matured, Snapshot], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("donor")
    model = EventModel(**BRIEF)
    model.fit(*small)
    model.save(folder)
    return folder


def test_training_begins_with_what_the_saved_model_knows(small: tuple[Matured, Snapshot], donor: Path) -> None:
    still = {"warm_epochs": 0, "epochs": 0}  # nothing is learned: the model says what it was given
    begun = EventModel(**{**BRIEF, **still}, start=donor)
    begun.fit(*small)
    given, taken = EventModel.load(donor)._networks[0].state_dict(), begun._networks[0].state_dict()
    for name in ("item.weight", "read.weight", "encoder.cells.weight_hh_l0"):
        assert torch.equal(taken[name], given[name])
    assert not torch.equal(taken["ask.weight"], given["ask.weight"])


def test_a_model_that_knows_what_came_after_the_cutoff_is_refused(small: tuple[Matured, Snapshot], donor: Path) -> None:
    matured, _ = small
    with pytest.raises(InputError, match="after the cutoff") as caught:
        EventModel(**BRIEF, start=donor).fit(matured[:-1], matured[-1].unseen())
    assert caught.value.code == "bad-argument" and "events.start=" in caught.value.remedy


def test_a_model_of_another_build_and_a_folder_without_one_are_refused(
    small: tuple[Matured, Snapshot], donor: Path, tmp_path: Path
) -> None:
    for model, word in [
        (EventModel(**{**BRIEF, "width": 24}, start=donor), "width 16 and not 24"),
        (EventModel(**BRIEF, start=tmp_path / "none"), "no event model"),
    ]:
        with pytest.raises(InputError, match=word) as caught:
            model.fit(*small)
        assert caught.value.code == "bad-argument"
    (tmp_path / "model.json").write_text('{"learning": {}}')
    (tmp_path / "model.safetensors").write_bytes((donor / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match="another version"):
        EventModel(**BRIEF, start=tmp_path).fit(*small)
