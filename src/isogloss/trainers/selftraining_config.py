"""The configuration of self-training."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.labelshift.checks import check_range
from isogloss.trainers.config import RowTrainingArguments, at_least, one_of


@dataclass
class SelfTrainingConfig(RowTrainingArguments):
    """Self-training on pseudo-labelled target rows beside the source (METHOD, section 5: `st`).

    The paper's own settings are `isogloss.recipes.presets.PRESETS["paper"]`.
    """

    selection: str = field(
        default="prior",
        metadata={
            "help": "prior: rows by quotas of the classes, from the estimated target prior, "
            "or, where no estimate can be trusted, those that do not hang on it; "
            "confident: the surest examples whatever their class, as published."
        },
    )
    rounds: int = field(
        default=1,
        metadata={
            "help": "How often pseudo-labels are given, at even distances, at most; 1: by the "
            "model that training starts from, whose class balance later models drift from."
        },
    )
    fraction: float = field(
        default=1.0,
        metadata={"help": "Share of all target rows (confident: examples) labelled in a round."},
    )
    keep_labels: bool = field(
        default=True,
        metadata={
            "help": "A pseudo-label once given stays, as published; off: each round gives all anew."
        },
    )
    targets: str = field(
        default="hard",
        metadata={"help": "hard: the class; soft: the probabilities that it was chosen by."},
    )
    pseudo_weight: float = field(
        default=1.0, metadata={"help": "Weight of the pseudo-labels' loss beside the source's."}
    )
    estimate_sample: int = field(
        default=4_000, metadata={"help": "Examples a side, at most, in an estimate of the prior."}
    )

    def __post_init__(self) -> None:
        """Check the choices: E407, E510 or E511 names the wrong one."""
        one_of(self, "selection", ("prior", "confident"))
        one_of(self, "targets", ("hard", "soft"))
        at_least(self, "rounds", 1)
        at_least(self, "pseudo_weight", 0.0)
        at_least(self, "estimate_sample", 1)
        check_range(self.fraction, 1e-6, 1.0, name="fraction")
        super().__post_init__()
