"""The configuration of language-adversarial training."""

from __future__ import annotations

from dataclasses import dataclass, field

from isogloss.trainers.config import PairedTrainingArguments, at_least


@dataclass
class KeungConfig(PairedTrainingArguments):
    """Language-adversarial training of the [CLS] vector (Keung, Lu & Bhardwaj, EMNLP 2019).

    The weight of the adversarial loss and the discriminator's rate are ours; the publication has
    an optimizer for each of its three losses instead. Too large a weight makes the encoder exchange
    the languages rather than hide them: `discriminator_accuracy` in the log falls far below a half.
    """

    adversarial_strength: float = field(
        default=0.1,
        metadata={"help": "Weight of the encoder's loss for being told its language; 0: none."},
    )
    discriminator_learning_rate: float = field(
        default=1e-3, metadata={"help": "Learning rate of the language discriminator."}
    )
    discriminator_steps: int = field(
        default=1,
        metadata={"help": "Discriminator updates a model update, each on a batch of its own."},
    )

    def __post_init__(self) -> None:
        """Check the ranges: E511 names the wrong one."""
        at_least(self, "adversarial_strength", 0.0)
        at_least(self, "discriminator_steps", 1)
        super().__post_init__()
