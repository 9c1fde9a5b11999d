"""The validators of pytorch-adapt 0.0.83, each with its defaults where it has them.

What they take as training and as validation rows of the source are the same held-out rows, as no
others are stored. Left out are DeepEmbeddedValidator, which trains nine discriminators a candidate
with pytorch-ignite and wants training rows beside held-out ones (skada has the same estimate);
ISTValidator, which returns what its own loss would have smallest, with no word on its direction;
and those that need target labels or know the source alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import torch
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.utils.inference import CustomKNN

from selectionbench.outside import Scorer, Shown

_VISION = ("torchvision", "torchvision.datasets", "torchvision.datasets.utils")
_VISION = (*_VISION, "torchvision.transforms")


class _Placeholder(ModuleType):
    """A module of which every name is an empty class."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def import_validators() -> ModuleType:
    """Import pytorch-adapt's validators without torchvision.

    They use nothing of it, but lie beside data sets of images that import it; a build of it that
    does not fit torch's breaks transformers, too. It is as it was afterwards.
    """
    # This looks for torchvision by itself, and would take the placeholder for it.
    importlib.import_module("torchmetrics")
    before = {name: sys.modules.pop(name) for name in _VISION if name in sys.modules}
    sys.modules.update({name: _Placeholder(name) for name in _VISION})
    try:
        return importlib.import_module("pytorch_adapt.validators")
    finally:
        for name in _VISION:
            del sys.modules[name]
        sys.modules.update(before)


validators = import_validators()


def splits(shown: Shown) -> dict[str, dict[str, torch.Tensor]]:
    """A candidate's rows as validators take them, by split."""
    source = _split(shown.source_features, shown.source_logits, domain=0)
    source["labels"] = torch.tensor(shown.source_labels)
    target = _split(shown.target_features, shown.target_logits, domain=1)
    return {"src_train": source, "src_val": source, "target_train": target}


def _split(features: Any, logits: Any, *, domain: int) -> dict[str, torch.Tensor]:
    found = {"features": torch.tensor(features), "logits": torch.tensor(logits)}
    found["preds"] = torch.softmax(found["logits"], dim=1)
    found["domain"] = torch.full((len(features),), domain)
    return found


def apply(make: Callable[[], Any], shown: Shown) -> float:
    """What a validator says of a candidate."""
    validator = make()
    given = splits(shown)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(shown.seed)
        return float(validator(**{name: given[name] for name in validator.required_data}))


def _mmd() -> Any:
    # By default it is refused: batches need the quadratic estimate.
    return validators.MMDValidator(mmd_kwargs={"mmd_type": "quadratic"})


# In the place of faiss, which is the default and not there for every system.
_NEIGHBOURS = CustomKNN(CosineSimilarity())

SCORERS: dict[str, Scorer] = {
    "EntropyValidator": partial(apply, validators.EntropyValidator),
    "DiversityValidator": partial(apply, validators.DiversityValidator),
    "IMValidator": partial(apply, validators.IMValidator),
    "BNMValidator": partial(apply, validators.BNMValidator),
    "SNDValidator": partial(apply, validators.SNDValidator),
    "ClassClusterValidator": partial(apply, validators.ClassClusterValidator),
    "MMDValidator": partial(apply, _mmd),
    "KNNValidator": partial(apply, partial(validators.KNNValidator, knn_func=_NEIGHBOURS)),
    "TargetKNNValidator": partial(
        apply, partial(validators.TargetKNNValidator, knn_func=_NEIGHBOURS)
    ),
    "NearestSourceValidator": partial(apply, validators.NearestSourceValidator),
    "NearestSourceL2Validator": partial(apply, validators.NearestSourceL2Validator),
}
