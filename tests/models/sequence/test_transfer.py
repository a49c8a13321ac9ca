"""What another shop's model has learned is taken over by name; what a shop has alone begins anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from worthwhile.errors import InputError
from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.sequence.model import EventModel
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.transfer import Inheritance, Names

BRIEF = {"members": 1, "warm_epochs": 1, "epochs": 1, "width": 16}
SHAPE = Shape(items=2, categories=1, channels=1, numbers=18, gaps=3, columns=3, outputs=4, width=8)
OURS = Names(items=["a", "c"], categories=["x"], channels=["web"], columns=["p", "q", "r"])
THEIRS = Names(items=["b", "c", "d"], categories=["y"], channels=["web"], columns=["r", "p"])


@pytest.fixture
def nets() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Weights of a new network before and after, and those that it was given."""
    torch.manual_seed(0)
    net, donor = EventNetwork(SHAPE), EventNetwork(replace(SHAPE, items=3, columns=2, outputs=6))
    torch.nn.init.normal_(donor.line.weight)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    Inheritance(donor.state_dict(), THEIRS, OURS)(net)
    return before, dict(net.state_dict()), dict(donor.state_dict())


def test_rows_of_known_words_and_columns_are_taken_over_and_others_are_new(nets) -> None:
    before, after, donor = nets
    item = "item.weight"
    assert torch.equal(after[item][0], before[item][0])  # a: ours alone
    assert torch.equal(after[item][1], donor[item][1])  # c: both
    assert torch.equal(after[item][2], donor[item][3])  # all others
    assert torch.equal(after["category.weight"][0], before["category.weight"][0])
    assert torch.equal(after["channel.weight"], donor["channel.weight"])
    ask = "ask.weight"
    assert torch.equal(after[ask][:, :8], donor[ask][:, :8])
    assert torch.equal(after[ask][:, [8, 10]], donor[ask][:, [9, 8]]) and torch.equal(
        after[ask][:, 9], before[ask][:, 9]
    )
    assert torch.equal(after["line.weight"][:2, [0, 2]], donor["line.weight"][:2, [1, 0]])
    assert torch.equal(after["line.weight"][2:], before["line.weight"][2:])
    assert torch.equal(after["out.bias"][:2], donor["out.bias"][:2])
    for name in ("read.weight", "encoder.cells.weight_hh_l0", "next_gap.weight", "think.bias"):
        assert torch.equal(after[name], donor[name])


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
    said = [begun.forecast(small[1]), EventModel.load(donor).forecast(small[1])]
    assert np.allclose(said[0].p_active, said[1].p_active, atol=1e-5)


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
