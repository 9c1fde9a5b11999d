"""One configuration for each trainer, on top of Hugging Face `TrainingArguments`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from transformers import TrainingArguments

from isogloss.alignment.conditioning import CONDITIONINGS, RANDOM_SIZE
from isogloss.alignment.divergence import DIVERGENCES, WITH_CRITIC
from isogloss.errors import IsoglossError
from isogloss.labelshift.checks import check_range
from isogloss.trainers.compilation import CHOICES as COMPILE_CHOICES

SAMPLINGS = ("natural", "balanced")
WEIGHTINGS = ("auto", "interval", "held-out", "online", "fixed")


@dataclass
class RowTrainingArguments(TrainingArguments):
    """What all trainers share. Where a default differs from upstream's, its help says so."""

    output_dir: str | None = field(default=None, metadata={"help": "Where checkpoints go."})
    per_device_train_batch_size: int = field(
        default=16, metadata={"help": "Examples a step (alignment: of each side). Upstream: 8."}
    )
    learning_rate: float = field(
        default=5e-5, metadata={"help": "Peak learning rate of encoder and head."}
    )
    num_train_epochs: float = field(
        default=4.0, metadata={"help": "Passes over the source. Upstream: 3."}
    )
    warmup_steps: float = field(
        default=0.1, metadata={"help": "Warm-up: steps, or below 1 a share of them. Upstream: 0."}
    )
    weight_decay: float = field(
        default=0.01, metadata={"help": "Not on biases and norms. Upstream: 0."}
    )
    disable_tqdm: bool | None = field(
        default=True, metadata={"help": "Upstream's own bars; the command line shows its own."}
    )
    logging_steps: float = field(
        default=10, metadata={"help": "Steps between log entries. Upstream: 500."}
    )
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Checkpoints kept; below 2 a kill may leave none whole."}
    )
    logging_nan_inf_filter: bool = field(
        default=False, metadata={"help": "Off: a loss that is not finite stops the run."}
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Rows are collated by our own collator."}
    )
    dataloader_pin_memory: bool = field(
        default=False, metadata={"help": "Upstream: on, which warns where there is no accelerator."}
    )
    pad_to_multiple_of: int = field(
        default=8, metadata={"help": "Batches are padded to a multiple of this many tokens."}
    )
    recompute_tokens: int = field(
        default=1024,
        metadata={
            "help": "Of a batch of more tokens, padding counted, some layers compute their "
            "activations again to save memory; 0: none."
        },
    )
    gradient_checkpointing: bool | None = field(
        default=None,
        metadata={
            "help": "All layers compute their activations again, in every batch: the least memory. "
            "Upstream's newer name for it, activation_checkpointing, does the same."
        },
    )
    bucket_by_length: bool = field(
        default=True, metadata={"help": "Batches of similar lengths; off: plain shuffling."}
    )
    tokens_per_batch: int = field(
        default=0,
        metadata={
            "help": "Tokens a batch, padding counted (alignment: both sides together), in place "
            "of per_device_train_batch_size; 0: batches of a fixed number of examples. A step's "
            "loss stays the mean of its rows, so that a long text weighs more than a short one."
        },
    )

    sampling: str = field(
        default="natural",
        metadata={
            "help": "natural: every example once a pass; balanced: source examples drawn so that "
            "classes come equally often, and target examples, where they are trained on, so that "
            "pseudo-labels do."
        },
    )
    average_snapshots: int = field(
        default=0,
        metadata={
            "help": "Snapshots of the weights whose uniform mean is kept beside the last weights; "
            "0: none."
        },
    )
    average_share: float = field(
        default=0.5,
        metadata={"help": "Last share of the steps, over which the snapshots are spread evenly."},
    )

    def __post_init__(self) -> None:
        """Accept both names of gradient checkpointing.

        Raises:
            IsoglossError: E511 or E516 for `tokens_per_batch`, E510 or E544 for `sampling`, E511
                for `average_snapshots`, E407 for `average_share`, E515 for options of upstream's
                own, E350 for `fp16`.
        """
        # Its scaler expects gradients that overflow now and then; here these stop a run.
        if self.fp16:
            raise IsoglossError("E350", precision="fp16")
        at_least(self, "tokens_per_batch", 0)
        one_of(self, "sampling", SAMPLINGS)
        if self.tokens_per_batch and self.sampling == "balanced":
            raise IsoglossError("E544", value=self.tokens_per_batch)
        at_least(self, "average_snapshots", 0)
        check_range(self.average_share, 0.0, 1.0, name="average_share")
        if self.tokens_per_batch and not self.bucket_by_length:
            raise IsoglossError("E516", value=self.tokens_per_batch)
        # Upstream warns of the older name, which is the one that everybody knows.
        if getattr(self, "activation_checkpointing", False) is None:
            self.activation_checkpointing = self.gradient_checkpointing
        for name in ("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"):
            if value := getattr(self, name, None):
                raise IsoglossError("E515", name=name, value=value)
        super().__post_init__()


@dataclass
class PairedTrainingArguments(RowTrainingArguments):
    """What trainers share whose batches have source and target side by side."""

    sampling_refreshes: int = field(
        default=4,
        metadata={
            "help": "balanced sampling: how often in a run the target's pseudo-labels are given "
            "anew, at even distances; each costs a pass over the target without gradients."
        },
    )

    def __post_init__(self) -> None:
        """Check the number: E511."""
        at_least(self, "sampling_refreshes", 1)
        super().__post_init__()


@dataclass
class FinetuneConfig(RowTrainingArguments):
    """Fine-tuning on labelled rows: `zero-shot` on the source, `supervised` on the target."""


@dataclass
class IWDAConfig(PairedTrainingArguments):
    """Importance-weighted domain alignment (METHOD: Xian, Ji & Zhao, ICLR 2022, section 3).

    The paper's own settings are `isogloss.recipes.presets.PRESETS["paper"]`.
    """

    critic: str = field(
        default="wasserstein",
        metadata={
            "help": "Divergence of the features: wasserstein or jsd, found by a critic; mmd or "
            "sliced (Wasserstein), taken from the rows themselves."
        },
    )
    alignment_strength: float = field(
        default=0.1,
        metadata={
            "help": "lambda: weight of the critic's gradient in the encoder; with mmd and sliced, "
            "of the divergence in the loss."
        },
    )
    alignment_warmup: float = field(
        default=0.1, metadata={"help": "Share of steps over which lambda and the weights ramp in."}
    )
    critic_learning_rate: float = field(
        default=5e-4, metadata={"help": "Learning rate of the critic."}
    )
    critic_weight_decay: float = field(
        default=0.01, metadata={"help": "Weight decay of the critic."}
    )
    critic_width: int = field(default=2048, metadata={"help": "Hidden units of the critic."})
    gradient_penalty: float = field(
        default=10.0, metadata={"help": "gamma of the zero-centred penalty."}
    )
    compile_critic: str = field(
        default="auto",
        metadata={
            "help": "auto: compile the critic on CUDA, where all batches have as many rows (no "
            "tagging, no tokens_per_batch); always: on a CPU, too; never."
        },
    )
    penalty_pairing: str = field(
        default="random",
        metadata={"help": "random: pairs drawn afresh; index: i-th with i-th, as published."},
    )
    conditioning: str = field(
        default="auto",
        metadata={
            "help": "cdan: features x class probabilities; random: a random map of these; auto: "
            "cdan up to 4096 entries, random beyond; none: features."
        },
    )
    conditioning_size: int = field(
        default=RANDOM_SIZE, metadata={"help": "Width of the random map of the conditioning."}
    )
    normalize_weights: bool = field(
        default=True,
        metadata={
            "help": "Weighted source mean divided by the weights' sum (of a critic: over the whole "
            "accumulated batch); off: by n, as published."
        },
    )
    n_critic: int = field(
        default=1,
        metadata={
            "help": "Critic updates a model update, each on a batch of its own, so that a pass has "
            "as many fewer of the model's; 1: both learn from every batch."
        },
    )
    weighting: str = field(
        default="auto",
        metadata={
            "help": "auto: interval where a critic finds the divergence, else held-out; interval: "
            "free within the interval of the estimate from held-out source rows, least favourable "
            "to the critic; held-out: the estimate itself, solved anew several times; online: the "
            "paper's running estimate; fixed: the weights given at the start, never changed "
            "(oracle, unweighted)."
        },
    )
    weight_play_rate: float = field(
        default=0.05,
        metadata={"help": "interval: how far a step moves the balance to the critic's worst one."},
    )
    weight_refreshes: int = field(
        default=4, metadata={"help": "held-out: how often the weights are solved anew in a run."}
    )
    weight_sample: int = field(
        default=600, metadata={"help": "Examples a side, at most, in a solve of the weights."}
    )
    weight_mix: float = field(
        default=0.25, metadata={"help": "rho: share of 1 mixed into the starting weights (online)."}
    )
    weight_learning_rate: float = field(
        default=5e-4, metadata={"help": "Learning rate of the online weights."}
    )
    weight_decay_to_start: float = field(
        default=2.0, metadata={"help": "xi: pull of the online weights to their start."}
    )
    weight_average_rate: float = field(
        default=5e-3, metadata={"help": "Rate of the running statistics of the online weights."}
    )
    weight_average_per_row: bool = field(
        default=True,
        metadata={"help": "The rate holds for a row, whatever the batch size; off: for a batch."},
    )
    weight_projection: str = field(
        default="euclidean", metadata={"help": "euclidean, or rescale: clamp at 0 and rescale."}
    )
    hard_statistics: bool = field(
        default=False, metadata={"help": "Statistics of predicted classes, not of probabilities."}
    )

    def __post_init__(self) -> None:
        """Check the choices: E510, E511 or E513 names the wrong one."""
        one_of(self, "penalty_pairing", ("random", "index"))
        one_of(self, "critic", DIVERGENCES)
        one_of(self, "conditioning", CONDITIONINGS)
        one_of(self, "weighting", WEIGHTINGS)
        one_of(self, "compile_critic", COMPILE_CHOICES)
        one_of(self, "weight_projection", ("euclidean", "rescale"))
        at_least(self, "n_critic", 1)
        at_least(self, "critic_width", 1)
        at_least(self, "conditioning_size", 1)
        at_least(self, "weight_refreshes", 1)
        at_least(self, "weight_sample", 1)
        check_range(self.weight_play_rate, 0.0, 1.0, name="weight_play_rate")
        if self.weighting == "auto":
            self.weighting = "interval" if self.critic in WITH_CRITIC else "held-out"
        if self.critic not in WITH_CRITIC:
            if self.weighting == "interval":
                raise IsoglossError("E517", critic=self.critic)
            _left_at(self, "n_critic", 1)
            _left_at(self, "compile_critic", "auto")
            _left_at(self, "normalize_weights", True)
        super().__post_init__()


def one_of(config: Any, name: str, choices: tuple[str, ...]) -> None:
    """Require one of the choices: E510."""
    value = getattr(config, name)
    if value not in choices:
        raise IsoglossError("E510", name=name, value=value, choices=", ".join(choices))


def at_least(config: Any, name: str, least: float) -> None:
    """Require a number of at least `least`: E511."""
    value = getattr(config, name)
    if value < least:
        raise IsoglossError("E511", name=name, value=value, least=least)


def _left_at(config: IWDAConfig, name: str, default: Any) -> None:
    value = getattr(config, name)
    if value != default:
        raise IsoglossError("E513", name=name, value=value, critic=config.critic, default=default)
