"""The stages of a run; each takes an encoder or a model and leaves a model behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isogloss.recipes.methods import Stage
from isogloss.recipes.stages.adversarial import hide_language
from isogloss.recipes.stages.aligning import align
from isogloss.recipes.stages.distilling import distill
from isogloss.recipes.stages.finetuning import finetune
from isogloss.recipes.stages.selftraining import selftrain
from isogloss.recipes.workshop import Workshop

# How a stage's method is carried out; returns what goes into the stage's result.json.
METHODS: dict[str, Callable[[Workshop, Stage], dict[str, Any]]] = {
    "finetune": finetune,
    "align": align,
    "hide-language": hide_language,
    "distill": distill,
    "selftrain": selftrain,
}
