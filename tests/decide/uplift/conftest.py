"""Small campaigns with known effects, and one that was learned from."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from worthwhile.decide.uplift.crossfit import CrossFit


@pytest.fixture(scope="session")
def campaigns() -> ModuleType:
    """The generator in bench/."""
    spec = importlib.util.spec_from_file_location("campaigns", Path(__file__).parents[3] / "bench" / "campaigns.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["campaigns"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def campaign_table(campaigns: ModuleType) -> Any:
    """`campaign_table("opposed", customers=900)`: the log of a simulated campaign as a table."""

    def made(kind: str, **settings: Any) -> pa.Table:
        trial = campaigns.simulate(kind, **settings).trial
        columns = {
            "customer_id": pa.array(trial.customer_ids, pa.string()),
            "sent": pa.array(np.array(trial.actions, dtype=object)[trial.action], pa.string()),
            **{name: trial.outcome[:, j] for j, name in enumerate(trial.outcomes)},
            **{name: trial.covariates[:, i] for i, name in enumerate(trial.names)},
        }
        return pa.table(columns)

    return made


@pytest.fixture(scope="session")
def learned(campaigns: ModuleType) -> Any:
    """A campaign whose mails move those who like their goods, and the nested fits on it."""
    simulated = campaigns.simulate("opposed", customers=4_000, seed=3)
    cross = CrossFit.of(simulated.trial, folds=4, seed=0)
    cross.fit_all()
    return simulated, cross
