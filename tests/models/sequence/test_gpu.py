"""The event model on a GPU gives what it gives on the CPU, within rounding, and the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from worthwhile.features.snapshot import Snapshot
from worthwhile.models.matured import Matured
from worthwhile.models.network_fit import fewer_digits, placed
from worthwhile.models.sequence.batches import Read, read
from worthwhile.models.sequence.checkpoints import Checkpoints
from worthwhile.models.sequence.coming import AHEAD_LAW, GAPS, HORIZONS, coming_loss, coming_of
from worthwhile.models.sequence.learning import Tally
from worthwhile.models.sequence.model import EventModel, vocabulary_of
from worthwhile.models.sequence.monitor import Monitor
from worthwhile.models.sequence.network import EventNetwork, Shape
from worthwhile.models.sequence.steps import NUMBERS, Steps, steps_of

Small = tuple[Matured, Snapshot]
ENCODERS = ["gru", "transformer"]
BRIEF = {"members": 1, "warm_epochs": 1, "epochs": 2, "width": 16}
NO_CHANCE = {"dropout": 0.0, "drop": 0.0, "jitter": 0.0}
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


@pytest.fixture(scope="module")
def steps(small: Small) -> Steps:
    _, current = small
    assert current.sequences is not None
    plain = steps_of(current.sequences, current.cutoff, current.scale)
    return vocabulary_of(plain, current.sequences).coded(plain, current.sequences)


def network(steps: Steps, encoder: str = "gru", width: int = 32) -> EventNetwork:
    torch.manual_seed(0)
    shape = Shape(
        encoder=encoder, width=width, dropout=0.0, numbers=len(NUMBERS), items=int(steps.item[:].max()),
        item_spread=0.1, categories=int(steps.category[:].max()), channels=int(steps.channel[:].max()),
        gaps=len(GAPS), ahead=AHEAD_LAW * len(HORIZONS), columns=1, windows=1, outputs=1,
    )  # fmt: skip
    return EventNetwork(shape)


def batch(steps: Steps, device: str = "cpu") -> Read:
    return read(steps, steps.offsets[:-1], steps.offsets[1:], device=torch.device(device))


def gradients(steps: Steps, encoder: str, device: str) -> tuple[float, dict[str, np.ndarray]]:
    """The loss of foretelling what comes after all steps at once, and its gradients."""
    net, told = network(steps, encoder).to(device), batch(steps, device)
    with fewer_digits(torch.device(device)):
        states = net.encode(told.batch)[told.batch.row, told.batch.at]
    torch.manual_seed(1)  # of the items that are drawn
    parts = coming_loss(net, told, states.float(), steps, coming_of(steps), until_day=1e9)
    loss = torch.stack(list(parts.values())).sum()
    loss.backward()
    found = {name: weights.grad for name, weights in net.named_parameters()}
    return loss.item(), {name: grad.cpu().numpy() for name, grad in found.items() if grad is not None}


# ---- what shows without one ----------------------------------------------------------------------------------------


def test_digits_are_saved_on_a_gpu_alone_and_only_where_it_is_built_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    ones = torch.full((2, 2), 1.001)
    for device in ("cpu", "cuda"):  # a GPU of an old build, which imitates bf16
        with fewer_digits(torch.device(device)):
            assert (ones @ ones).dtype == torch.float32


def test_a_gru_keeps_its_digits_where_other_layers_save_them(steps: Steps) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = network(steps).encode(batch(steps).batch)
    assert states.dtype == torch.float32
    plain = network(steps).encode(batch(steps).batch)
    np.testing.assert_allclose(states.detach().numpy(), plain.detach().numpy(), atol=0.1)


def test_a_batch_tells_where_each_of_its_steps_stands(steps: Steps) -> None:
    told = batch(steps)
    numbers = told.batch.numbers[told.batch.row, told.batch.at]
    np.testing.assert_array_equal(numbers.numpy(), steps.numbers[told.steps])


def test_losses_of_an_epoch_are_means_over_what_they_were_of() -> None:
    tally = Tally()
    for mean, count in ((1.0, 1), (4.0, 3)):
        tally.add("gap", torch.tensor(mean), count)
    assert tally.means()["loss/gap"] == pytest.approx(13 / 4)


def test_a_number_alone_is_placed_as_one() -> None:
    assert placed(np.array(3.0), torch.device("cpu")).shape == ()


# ---- on one --------------------------------------------------------------------------------------------------------


@on_gpu
@pytest.mark.parametrize("encoder", ENCODERS)
def test_losses_and_gradients_of_a_gpu_are_those_of_the_cpu(steps: Steps, encoder: str) -> None:
    loss, expected = gradients(steps, encoder, "cpu")
    there, found = gradients(steps, encoder, "cuda")
    assert there == pytest.approx(loss, rel=1e-2)
    assert found.keys() == expected.keys()
    largest = max(np.linalg.norm(grad) for grad in expected.values())
    for name, grad in expected.items():
        assert np.linalg.norm(found[name] - grad) < 0.05 * np.linalg.norm(grad) + 1e-3 * largest, name


@on_gpu
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_network_read_on_a_gpu_answers_as_on_the_cpu(small: Small, encoder: str) -> None:
    model = EventModel(**BRIEF, encoder=encoder)
    model.fit(*small)
    here = model.forecast(small[1])
    for net in model._networks:
        net.cuda()
    np.testing.assert_allclose(model.forecast(small[1]).p_active, here.p_active, atol=2e-3)


@on_gpu
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_model_trained_on_a_gpu_without_chance_forecasts_as_one_of_the_cpu(small: Small, encoder: str) -> None:
    forecasts = []
    for device in ("cpu", "cuda"):
        model = EventModel(**BRIEF, **NO_CHANCE, encoder=encoder, device=device)
        model.fit(*small)
        forecasts.append(model.forecast(small[1]))
    here, there = forecasts
    np.testing.assert_allclose(there.p_active, here.p_active, atol=0.02)
    assert there.amount.mean().sum() == pytest.approx(here.amount.mean().sum(), rel=0.02)


@on_gpu
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_gpu_gives_the_same_twice_and_a_training_broken_off_there_too(
    small: Small, encoder: str, tmp_path: Path
) -> None:
    class Broken(Exception):
        pass

    def breaks(text: str, share: float) -> None:
        if "network" in text and "epoch 2" in text:
            raise Broken

    def weights(monitor: Monitor) -> list[np.ndarray]:
        model = EventModel(**BRIEF | {"warm_epochs": 3}, encoder=encoder, device="cuda", monitor=monitor)
        model.fit(*small)
        return [tensor.numpy() for tensor in model._networks[0].state_dict().values()]

    expected = weights(Monitor())
    with pytest.raises(Broken):
        weights(Monitor(breaks, Checkpoints(tmp_path)))
    for found in (weights(Monitor()), weights(Monitor(checkpoints=Checkpoints(tmp_path)))):
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))


@on_gpu
def test_a_student_is_taught_and_a_model_saved_from_a_gpu_is_read_anywhere(small: Small, tmp_path: Path) -> None:
    model = EventModel(**BRIEF, student=True, device="cuda")
    model.fit(*small)
    model.save(tmp_path / "m")
    loaded = EventModel.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.forecast(small[1]).p_active, model.forecast(small[1]).p_active)
    onward = EventModel(**BRIEF, device="cuda", start=tmp_path / "full")
    full = EventModel(**BRIEF, device="cuda")
    full.fit(*small)
    full.save(tmp_path / "full")
    onward.fit(*small)
    assert np.isfinite(onward.forecast(small[1]).amount.mean()).all()
