"""The label-free scores by name, each with what it needs and what it claims."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from isogloss.selection import accuracy, adapters
from isogloss.selection.adapters import Function
from isogloss.selection.confidence import batch_nuclear_norm, nuclear_norm
from isogloss.selection.neighbours import soft_neighbourhood_density

# What a score may need beside logits and labelled source rows -> how a message names it.
NEEDS = {
    "weights": "the estimated importance weights (weights)",
    "features": "the features of every candidate on both sides (source_features, target_features)",
    "ensemble": "a second candidate",
    "zero_shot": "the zero-shot candidate to compare with (zero_shot)",
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """A label-free score.

    Attributes:
        name: its key in `SCORES`.
        function: from the evidence of a candidate to a number.
        needs: keys of `NEEDS`. Logits of both sides and the source's labels are always there.
        higher_is_better: whether a better candidate is expected to have a higher score.
        estimates: "accuracy" or "macro_f1" where the value itself estimates that on the target;
            None where it only ranks candidates.
        reference: where it comes from.
    """

    name: str
    function: Function
    needs: frozenset[str]
    higher_is_better: bool
    estimates: str | None
    reference: str


def _score(
    name: str,
    function: Function,
    reference: str,
    *,
    needs: Iterable[str] = (),
    higher: bool = True,
    estimates: str | None = None,
) -> Score:
    return Score(
        name=name,
        function=function,
        needs=frozenset(needs),
        higher_is_better=higher,
        estimates=estimates,
        reference=reference,
    )


_of_source, _of_both = adapters.of_source, adapters.of_both
_atc = accuracy.average_thresholded_confidence
_by_entropy = partial(_atc, kind="entropy")
_doc = accuracy.difference_of_confidences
_GARG, _GUILLORY = "Garg et al., ICLR 2022", "Guillory et al., ICCV 2021"
_SUGIYAMA = "Sugiyama, Krauledat & Müller, JMLR 2007; Lipton, Wang & Smola, ICML 2018"
_CUI = "Cui et al., CVPR 2020"
_XIAN = "Xian, Ji & Zhao, ICLR 2022"
_SHIFT = {"weights", "features", "zero_shot"}

_ALL = (
    _score(
        "source-accuracy",
        _of_source(accuracy.source_accuracy, weighted=False),
        "validation on the source",
        estimates="accuracy",
    ),
    _score(
        "source-macro-f1",
        _of_source(accuracy.source_macro_f1, weighted=False),
        "validation on the source",
        estimates="macro_f1",
    ),
    _score(
        "weighted-accuracy",
        _of_source(accuracy.source_accuracy, weighted=True),
        _SUGIYAMA,
        needs={"weights"},
        estimates="accuracy",
    ),
    _score(
        "weighted-macro-f1",
        _of_source(accuracy.source_macro_f1, weighted=True),
        _SUGIYAMA,
        needs={"weights"},
        estimates="macro_f1",
    ),
    _score(
        "corrected-confidence",
        adapters.corrected_confidence,
        "average confidence (Guillory et al., ICCV 2021) under the estimated prior",
        needs={"weights"},
        estimates="accuracy",
    ),
    _score("atc-confidence", _of_both(_atc, weighted=False), _GARG, estimates="accuracy"),
    _score("atc-entropy", _of_both(_by_entropy, weighted=False), _GARG, estimates="accuracy"),
    _score("doc", _of_both(_doc, weighted=False), _GUILLORY, estimates="accuracy"),
    _score(
        "weighted-atc-confidence",
        _of_both(_atc, weighted=True),
        f"{_GARG}, source rows weighted",
        needs={"weights"},
        estimates="accuracy",
    ),
    _score(
        "weighted-atc-entropy",
        _of_both(_by_entropy, weighted=True),
        f"{_GARG}, source rows weighted",
        needs={"weights"},
        estimates="accuracy",
    ),
    _score(
        "weighted-doc",
        _of_both(_doc, weighted=True),
        f"{_GUILLORY}, source rows weighted",
        needs={"weights"},
        estimates="accuracy",
    ),
    _score("ensv", adapters.agreement, "Hu et al., NeurIPS 2024", needs={"ensemble"}),
    _score("mano", adapters.normalised_logits, "Xie et al., NeurIPS 2024"),
    _score("nuclear-norm", adapters.of_target(nuclear_norm), "Deng et al., ICML 2023"),
    _score("bnm", adapters.drawn(batch_nuclear_norm), _CUI),
    _score("weighted-bnm", adapters.batches, f"{_CUI}, classes weighted", needs={"weights"}),
    _score("snd", adapters.drawn(soft_neighbourhood_density), "Saito et al., ICCV 2021"),
    _score(
        "infomax",
        adapters.information,
        "Krause, Perona & Gomes, NeurIPS 2010",
        needs={"weights"},
    ),
    _score(
        "dev",
        adapters.validation_risk,
        "You et al., ICML 2019",
        needs={"features"},
        estimates="accuracy",
    ),
    _score(
        "reverse-validation",
        adapters.backwards,
        "Zhong et al., ECML PKDD 2010; Ganin et al., JMLR 2016",
        needs={"weights", "features"},
    ),
    _score("residual", adapters.residual, f"{_XIAN}, eq. 3", needs={"weights"}, higher=False),
    _score(
        "feature-shift",
        adapters.feature_shift_change,
        f"{_XIAN}, eqs. 1 and 2",
        needs=_SHIFT,
        higher=False,
    ),
    _score(
        "scaled-feature-shift",
        adapters.scaled_feature_shift_change,
        f"{_XIAN}, eqs. 1 and 2, by the spread of the classes",
        needs=_SHIFT,
        higher=False,
    ),
)

SCORES: dict[str, Score] = {score.name: score for score in _ALL}
