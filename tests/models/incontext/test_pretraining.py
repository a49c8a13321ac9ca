"""Pretraining: taken up again it goes on as if never stopped, and it needs torch alone."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from worthwhile.models.incontext import pretrain
from worthwhile.models.incontext.muon import orthogonal
from worthwhile.models.incontext.network import SIZES, Size
from worthwhile.models.incontext.pretrain import Plan, main, rate_at, resume, train
from worthwhile.models.incontext.prior import simulate
from worthwhile.models.incontext.rows import NAMES

PLAN = Plan(
    sizes=("tiny",),
    minutes=1e6,
    shops=4,
    rounds=1,
    batch=2,
    queries=16,
    most_context=32,
    validation_shops=0,
    warmup=0.0,
)


@pytest.fixture(autouse=True)
def small_prior(monkeypatch):
    """Shops of few customers; rows are standardised by nothing."""
    whole, numbers = pretrain.simulate, len(NAMES)
    monkeypatch.setattr(pretrain, "simulate", lambda shops, seed, **more: whole(shops, seed, customers=50, **more))
    monkeypatch.setattr(pretrain, "measure_rows", lambda plan: (torch.zeros(numbers), torch.full((numbers,), 2.0)))


def assert_same_weights(run, other):
    assert run.size == other.size and run.step == other.step > 0
    for name, value in run.averaged.items():
        assert torch.allclose(other.averaged[name], value, atol=1e-6), name
    for name, value in run.network.state_dict().items():
        assert torch.allclose(other.network.state_dict()[name], value, atol=1e-6), name


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_run_taken_up_again_ends_with_the_same_weights(tmp_path, optimizer):
    plan = replace(PLAN, optimizer=optimizer)
    [whole] = train(plan, tmp_path / "whole", chunks=4)
    train(plan, tmp_path / "parts", chunks=2)
    kept, runs = resume(replace(plan, seed=99, batch=4), tmp_path / "parts")  # the plan is that of the run
    assert kept == plan
    [again] = train(kept, tmp_path / "parts", runs=runs, chunks=2)
    assert whole.step > 4
    assert_same_weights(again, whole)


def test_a_run_is_neither_begun_over_another_nor_taken_up_where_there_is_none(tmp_path):
    arguments = ["--out", str(tmp_path), "--sizes", "tiny", "--minutes", "0", "--validation-shops", "0"]
    with pytest.raises(SystemExit, match="no run of tiny"):
        main([*arguments, "--resume"])
    assert main(arguments) == 0
    with pytest.raises(SystemExit, match="holds a run of tiny"):
        main(arguments)
    assert main([*arguments, "--resume"]) == 0


def test_sizes_side_by_side_learn_from_the_same_batches_and_each_as_if_alone(tmp_path, monkeypatch):
    monkeypatch.setitem(SIZES, "other", Size(width=16, layers=1, heads=2, hidden=24, thinking=2))
    step, seen = pretrain.take_step, {"other": [], "tiny": []}

    def watched_step(plan, run, batch):
        seen[run.size].append(batch.apart())
        return step(plan, run, batch)

    with monkeypatch.context() as watched:
        watched.setattr(pretrain, "take_step", watched_step)
        [other, beside] = train(replace(PLAN, sizes=("other", "tiny")), tmp_path / "both", chunks=2)
    assert other.step == beside.step == len(seen["other"]) == len(seen["tiny"]) > 2
    for here, there in zip(seen["other"], seen["tiny"], strict=True):
        for name, value in vars(here).items():
            assert torch.equal(value.nan_to_num(), getattr(there, name).nan_to_num()), name
    [alone] = train(PLAN, tmp_path / "alone", chunks=2)
    assert_same_weights(beside, alone)


def test_shops_that_other_processes_simulate_give_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "simulate", simulate)  # other processes know nothing of small shops
    plan = replace(PLAN, shops=2, queries=8, most_context=16)
    [here] = train(plan, tmp_path / "here", chunks=3)
    [beside] = train(replace(plan, workers=2), tmp_path / "beside", chunks=3)
    assert_same_weights(beside, here)


def test_training_changes_the_weights_that_are_written(tmp_path):
    [run] = train(PLAN, tmp_path, chunks=2)
    weights = load_file(tmp_path / "tiny" / "weights.safetensors")
    [begun] = [run.averaged for run in pretrain.begin(PLAN)]
    assert set(weights) == set(begun) == set(run.averaged)
    assert any(not torch.equal(weights[name], begun[name]) for name in weights)
    assert json.loads((tmp_path / "tiny" / "state.json").read_text())["step"] == run.step


def test_training_may_begin_from_weights_that_exist(tmp_path):
    [first] = train(PLAN, tmp_path, chunks=1)
    (tmp_path / "tiny" / "weights.safetensors").rename(tmp_path / "tiny.safetensors")
    [begun] = pretrain.begin(PLAN, tmp_path)
    assert begun.step == 0
    for name, value in first.averaged.items():
        assert torch.equal(begun.network.state_dict()[name], begun.averaged[name]), name
        assert torch.equal(begun.averaged[name], value), name


def test_validation_scores_every_shop_and_writes_a_line(tmp_path):
    plan = replace(PLAN, validation_shops=16, minutes=1e-3, every=0.0)
    train(plan, tmp_path, chunks=1)
    [line] = [json.loads(text) for text in (tmp_path / "tiny" / "curve.jsonl").read_text().splitlines()]
    assert {"nll", "crps", "gini", "auc", "bias_total", "nll_by_context", "step", "loss"} <= set(line)
    assert list(line["nll_by_context"]) == ["0", "64", "256", "1024"]


def test_the_rate_rises_stays_and_falls_to_nothing():
    plan = Plan(warmup=0.1, cooldown=0.4)
    rates = [rate_at(plan, part) for part in (0.0, 0.05, 0.1, 0.5, 0.8, 1.0)]
    assert rates == pytest.approx([0.02, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_muons_steps_are_orthogonal():
    steps = orthogonal(torch.randn(3, 24, 40, generator=torch.Generator().manual_seed(0)))
    singular = torch.linalg.svdvals(steps)
    assert float(singular.min()) > 0.5 and float(singular.max()) < 1.4


def test_pretraining_needs_no_more_than_torch_numpy_and_safetensors():
    code = (
        "import sys, worthwhile.models.incontext.pretrain\n"
        "heavy = {'pyarrow', 'scipy', 'duckdb', 'pandas', 'lightgbm', 'sklearn', 'deltalake', 'sqlglot'}\n"
        "sys.exit(' '.join(heavy & {name.split('.')[0] for name in sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
