"""Choosing among candidates without target labels: scores, and what to expect."""

from __future__ import annotations

from isogloss.selection.accuracy import (
    average_thresholded_confidence,
    difference_of_confidences,
    mean_confidence,
    source_accuracy,
    source_macro_f1,
)
from isogloss.selection.agreement import ensemble, ensemble_agreement
from isogloss.selection.confidence import (
    batch_nuclear_norm,
    information_maximisation,
    mano,
    nuclear_norm,
)
from isogloss.selection.consensus import agreed_estimates
from isogloss.selection.evidence import Comparison, Evidence
from isogloss.selection.expectation import RULE, ExpectedScore, Rule, expected_score
from isogloss.selection.gains import Standing, weigh_candidates
from isogloss.selection.guard import Choice, choose
from isogloss.selection.labelled import (
    LabelledEvidence,
    LabelledRows,
    LabelledScore,
    weigh_labelled,
)
from isogloss.selection.neighbours import soft_neighbourhood_density
from isogloss.selection.opinions import CORRECTED, opinions_of
from isogloss.selection.refit import (
    REFITTED,
    HeadChange,
    RefitGain,
    out_of_fold_logits,
    refit_gain,
    refit_head,
)
from isogloss.selection.registry import NEEDS, SCORES, Score
from isogloss.selection.reverse import reverse_validation
from isogloss.selection.risk import deep_embedded_validation, density_ratios
from isogloss.selection.rows import CandidateRows
from isogloss.selection.scoring import available_scores, score_candidates
from isogloss.selection.sharpening import sharpened, sharpened_score
from isogloss.selection.shift import conditional_feature_shift, label_shift_residual
from isogloss.selection.verdicts import GUARD, Decision, GuardRule, Verdict, decide, weighed

__all__ = [
    "CORRECTED",
    "GUARD",
    "NEEDS",
    "REFITTED",
    "RULE",
    "SCORES",
    "CandidateRows",
    "Choice",
    "Comparison",
    "Decision",
    "Evidence",
    "ExpectedScore",
    "GuardRule",
    "HeadChange",
    "LabelledEvidence",
    "LabelledRows",
    "LabelledScore",
    "RefitGain",
    "Rule",
    "Score",
    "Standing",
    "Verdict",
    "agreed_estimates",
    "available_scores",
    "average_thresholded_confidence",
    "batch_nuclear_norm",
    "choose",
    "conditional_feature_shift",
    "decide",
    "deep_embedded_validation",
    "density_ratios",
    "difference_of_confidences",
    "ensemble",
    "ensemble_agreement",
    "expected_score",
    "information_maximisation",
    "label_shift_residual",
    "mano",
    "mean_confidence",
    "nuclear_norm",
    "opinions_of",
    "out_of_fold_logits",
    "refit_gain",
    "refit_head",
    "reverse_validation",
    "score_candidates",
    "sharpened",
    "sharpened_score",
    "soft_neighbourhood_density",
    "source_accuracy",
    "source_macro_f1",
    "weigh_candidates",
    "weigh_labelled",
    "weighed",
]
