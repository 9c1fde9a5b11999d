"""Prior-shift studies: many sets of one labelled target, and every measure of a model on them."""

from __future__ import annotations

from isogloss.study.chosen import ChosenSets
from isogloss.study.correlations import correlations
from isogloss.study.drawing import draw_sets
from isogloss.study.evaluation import ESTIMATES, ModelScores, SourceStatistics, evaluate_sets
from isogloss.study.plans import PriorPlan
from isogloss.study.priors import complete_prior, dirichlet_priors, grid_priors
from isogloss.study.resampling import resample_rows, resample_sentences
from isogloss.study.rows import ModelRows, SourceSide, TargetLabels
from isogloss.study.summary import by_band, summarise
from isogloss.study.windows import WindowSets

__all__ = [
    "ESTIMATES",
    "ChosenSets",
    "ModelRows",
    "ModelScores",
    "PriorPlan",
    "SourceSide",
    "SourceStatistics",
    "TargetLabels",
    "WindowSets",
    "by_band",
    "complete_prior",
    "correlations",
    "dirichlet_priors",
    "draw_sets",
    "evaluate_sets",
    "grid_priors",
    "resample_rows",
    "resample_sentences",
    "summarise",
]
