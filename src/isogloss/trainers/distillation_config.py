"""The configuration of distillation."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.trainers.config import RowTrainingArguments, at_least, one_of

LOSSES = ("mse", "kl")
DOMAINS = ("both", "target")


@dataclass
class DistillationConfig(RowTrainingArguments):
    """A student that mimics a teacher's class probabilities (Hinton et al., 2015).

    The published settings are `isogloss.recipes.presets.PRESETS["paper"]`.
    """

    per_device_train_batch_size: int = field(
        default=32, metadata={"help": "Examples a step, of both sides together. Upstream: 8."}
    )
    num_train_epochs: float = field(
        default=4.0, metadata={"help": "Passes over the texts of both sides. Upstream: 3."}
    )
    distillation_loss: str = field(
        default="mse",
        metadata={
            "help": "mse: of the softened probabilities; kl: divergence of the student's from the "
            "teacher's, times the temperature squared."
        },
    )
    temperature: float = field(
        default=3.0, metadata={"help": "Both sides' logits are divided by it before the softmax."}
    )
    domains: str = field(
        default="both", metadata={"help": "Whose texts the teacher is mimicked on: both, target."}
    )
    source_loss_weight: float = field(
        default=0.1, metadata={"help": "Weight of the cross-entropy on source labels; 0: none."}
    )
    freeze_embeddings: bool = field(
        default=True, metadata={"help": "The student's embeddings stay as they are."}
    )
    frozen_layers: int = field(
        default=3, metadata={"help": "Layers of the student, from the bottom, that stay so too."}
    )
    correct_prior: bool = field(
        default=False,
        metadata={
            "help": "What the teacher says of target texts is first put under the target prior "
            "that is estimated with it."
        },
    )

    def __post_init__(self) -> None:
        """Check the choices: E510 or E511 names the wrong one."""
        one_of(self, "distillation_loss", LOSSES)
        one_of(self, "domains", DOMAINS)
        at_least(self, "temperature", 0.01)
        at_least(self, "source_loss_weight", 0)
        at_least(self, "frozen_layers", 0)
        super().__post_init__()

    @property
    def uses_source(self) -> bool:
        """Whether source texts are trained on at all."""
        return self.domains == "both" or self.source_loss_weight > 0
