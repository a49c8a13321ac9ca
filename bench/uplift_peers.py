"""The peers of bench/uplift.py, in an environment of their own: python bench/uplift_peers.py IN.npz OUT.npz

Cross-fitted effects on each outcome by scikit-uplift, causalml and econml, with LightGBM of their common settings.
Needs scikit-uplift, causalml, econml and lightgbm, and nothing of ours.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import lightgbm as lgb
import numpy as np

Array = np.ndarray[Any, Any]
SETTINGS = {"n_estimators": 100, "learning_rate": 0.05, "num_leaves": 15, "min_child_samples": 50, "n_jobs": 1}


def regressor() -> Any:
    return lgb.LGBMRegressor(**SETTINGS, verbosity=-1, random_state=0)


def classifier() -> Any:
    return lgb.LGBMClassifier(**SETTINGS, verbosity=-1, random_state=0)


def peers(is_chance: bool) -> dict[str, Callable[[Array, Array, Array, Array], Array]]:
    """By name: (x, action, y, x asked) -> effects (N, K). Actions are 0..K, 0 the control."""
    import econml.dr
    import econml.metalearners
    from causalml.inference.meta import BaseDRRegressor, BaseRRegressor, BaseSRegressor, BaseTRegressor, BaseXRegressor
    from sklearn.dummy import DummyClassifier
    from sklift.models import ClassTransformation, SoloModel, TwoModels

    def causalml(learner: Callable[[], Any]) -> Callable[[Array, Array, Array, Array], Array]:
        def effects(x: Array, action: Array, y: Array, asked: Array) -> Array:
            shares = np.bincount(action) / len(action)
            known = {k: np.full(len(x), shares[k]) for k in range(1, len(shares))}
            ask = {k: np.full(len(asked), shares[k]) for k in known}
            made = learner()
            made.fit(x, action, y, p=known)
            return made.predict(asked, p=ask)

        return effects

    def econ(learner: Callable[[], Any]) -> Callable[[Array, Array, Array, Array], Array]:
        def effects(x: Array, action: Array, y: Array, asked: Array) -> Array:
            made = learner().fit(y, action, X=x)
            return np.column_stack([made.effect(asked, T0=0, T1=k) for k in range(1, action.max() + 1)])

        return effects

    def pairwise(learner: Callable[[], Any]) -> Callable[[Array, Array, Array, Array], Array]:
        def effects(x: Array, action: Array, y: Array, asked: Array) -> Array:
            found = []
            for k in range(1, action.max() + 1):
                rows = (action == 0) | (action == k)
                found.append(learner().fit(x[rows], y[rows], (action[rows] == k).astype(int)).predict(asked))
            return np.column_stack(found)

        return effects

    dummy = DummyClassifier(strategy="prior")
    found = {
        "causalml S": causalml(lambda: BaseSRegressor(regressor(), control_name=0)),
        "causalml T": causalml(lambda: BaseTRegressor(regressor(), control_name=0)),
        "causalml X": causalml(lambda: BaseXRegressor(regressor(), control_name=0)),
        "causalml R": causalml(lambda: BaseRRegressor(regressor(), control_name=0, random_state=0)),
        "causalml DR": causalml(lambda: BaseDRRegressor(regressor(), control_name=0)),
        "econml T": econ(lambda: econml.metalearners.TLearner(models=regressor())),
        "econml X": econ(lambda: econml.metalearners.XLearner(models=regressor(), propensity_model=dummy)),
        "econml DR": econ(
            lambda: econml.dr.DRLearner(
                model_propensity=dummy, model_regression=regressor(), model_final=regressor(), cv=3, random_state=0
            )
        ),
    }
    if is_chance:
        found |= {
            "scikit-uplift one model": pairwise(lambda: SoloModel(classifier())),
            "scikit-uplift two models": pairwise(lambda: TwoModels(classifier(), classifier())),
            "scikit-uplift transformed": pairwise(lambda: ClassTransformation(classifier())),
        }
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    given = np.load(sys.argv[1], allow_pickle=False)
    x, action, folds = given["x"].astype(float), given["action"], given["folds"]
    answer: dict[str, Array] = {}
    for j, y in enumerate(given["outcome"].T):
        for name, effects in peers(bool(np.isin(y, (0, 1)).all())).items():
            found = np.empty((len(x), int(action.max())))
            for fold in np.unique(folds):
                here = folds == fold
                found[here] = effects(x[~here], action[~here], y[~here], x[here])
            answer[f"{j}:{name}"] = found
            sys.stderr.write(f"{j} {name}\n")
    np.savez(sys.argv[2], **answer)


if __name__ == "__main__":
    main()
