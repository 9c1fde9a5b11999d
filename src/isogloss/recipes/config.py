"""Everything a run is told: one dataclass, one YAML file."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from isogloss.data.atomic import naming, replacing
from isogloss.data.yaml_text import LONGEST, load_yaml
from isogloss.errors import IsoglossError
from isogloss.recipes.methods import AUTO, RECIPES, Stage, stages_of, with_seeds
from isogloss.recipes.presets import PRESETS

TASKS = ("sequence", "pair", "token")

# What `auto` averages of each stage.
SNAPSHOTS = 5


def _field(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(kw_only=True)
class RunConfig:
    """The settings of one `adapt` run; `None` means: as the preset or the task says.

    Raises:
        IsoglossError: E640 for a value outside its choices or range.
    """

    source: str = field(metadata={"help": "Labelled file or data set of the source language."})
    target: str = field(metadata={"help": "Unlabelled file or data set of the target language."})
    test: str | None = _field(None, "Labelled target-language file, for evaluation only.")
    labelled_target: str | None = _field(
        None, "A few labelled random target rows, to check and choose by; see train_on_labelled."
    )
    train_on_labelled: bool | None = _field(
        None,
        "false: no weight is trained on the labelled target rows; else the served model's last "
        "layer may be, where there are 200 of them and that gains on rows held out.",
    )
    task: str = _field("sequence", "sequence, pair or token.")
    text: str | None = _field(None, "Column of the text, or of the words.")
    text_pair: str | None = _field(None, "Column of the second text of a pair.")
    label: str | None = _field(None, "Column of the label, or of the tags.")
    format: str | None = _field(None, "File format, where the name does not say it.")
    model: str = _field("offline", "Hub name, folder, or 'offline'.")
    recipe: str = _field(
        None, ", ".join(RECIPES) + "; else auto, and iwda with a preset of the paper's."
    )
    preset: str = _field(
        "default",
        "default: what measures best; paper: as published; paper-alternating: as in its Table 5.",
    )
    budget: float | None = _field(
        None, "auto: minutes of training; no candidate is begun that is expected to end later."
    )
    averages: int | None = _field(
        None,
        "Snapshots of the last half of each stage, whose mean is a candidate, too; 0: none "
        f"(auto: {SNAPSHOTS}, others: 0).",
    )
    seeds: int | None = _field(
        None, "auto: trainings of each stage, of other seeds, whose mean is a candidate, too."
    )
    seed: int = _field(0, "Seed of everything drawn at random.")
    epochs: float | None = _field(
        None, "Passes over the source (distillation: over both sides' texts), in each stage."
    )
    max_steps: int | None = _field(None, "Steps, at most, in each stage.")
    batch_size: int | None = _field(
        None, "Examples a step, of each side (distillation: of both together), in each stage."
    )
    accumulation: int | None = _field(None, "Batches summed into one step, in each stage.")
    gradient_checkpointing: bool | None = _field(None, "Less memory for more time.")
    max_length: int = _field(128, "Word pieces a text is cut to.")
    pooling: str | None = _field(None, "cls or mean.")
    holdout: float | None = _field(None, "Share of the source kept for the statistics, 0 to 0.5.")
    precision: str | None = _field(None, "auto, bf16 or fp32.")
    dropout: str | None = _field(None, "pooled (same effect, less cost on a CPU) or torch.")
    trim: bool | None = _field(None, "Train only the embeddings of pieces that occur.")
    token_passes: str | None = _field(
        None, "Whose passes set the steps of a token task's later stages: source or target."
    )
    orphan_tags: str | None = _field(
        None,
        "Tagging: a predicted I tag that continues no entity begins one (begin) or is none "
        "(outside).",
    )
    start: str | None = _field(None, "Earlier run whose stages are taken over where they agree.")
    teacher: str | None = _field(
        None, "Run, stage or model that teaches (kd, wu2020); else the run's own zero-shot stage."
    )
    student: str | None = _field(None, "Encoder that learns from the teacher; else the model.")
    tensorboard: bool | None = _field(
        None, "Write events for TensorBoard; left open: if it is installed."
    )
    trust_remote_code: bool = _field(False, "Run code that comes with a model.")
    finetune: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Settings of FinetuneConfig."}
    )
    iwda: dict[str, Any] = field(default_factory=dict, metadata={"help": "Settings of IWDAConfig."})
    keung: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Settings of KeungConfig."}
    )
    distill: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Settings of DistillationConfig."}
    )
    selftrain: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "Settings of SelfTrainingConfig."}
    )

    def __post_init__(self) -> None:
        """Refuse what no run could use."""
        for each in dataclasses.fields(self):
            self._kind(each.name, str(each.type))
        self._choice("task", TASKS)
        self._choice("preset", tuple(PRESETS))
        if not self.recipe:
            self.recipe = PRESETS[self.preset]["recipe"]
        self._choice("recipe", tuple(RECIPES))
        self._choice("pooling", (None, "cls", "mean"))
        self._choice("precision", (None, "auto", "bf16", "fp32"))
        self._choice("dropout", (None, "pooled", "torch"))
        self._choice("token_passes", (None, "source", "target"))
        self._choice("orphan_tags", (None, "begin", "outside"))
        self._choice("gradient_checkpointing", (None, True, False))
        self._choice("tensorboard", (None, True, False))
        self._choice("trim", (None, True, False))
        self._choice("train_on_labelled", (None, True, False))
        # Anything else that counts as true must not run a stranger's code.
        self._choice("trust_remote_code", (True, False))
        self._count("max_length", 8, 1_000_000)
        self._count("max_steps", 1, 1_000_000_000)
        self._range("epochs", 1e-6, 1e6)
        self._range("budget", 0.0, 1e9)
        self._count("averages", 0, 1_000)
        self._count("seeds", 1, 100)
        self._range("holdout", 0.0, 0.5)
        self._count("batch_size", 1, 1_000_000)
        self._count("accumulation", 1, 1_000_000)
        self._count("seed", 0, 2**32 - 1)

    def _kind(self, name: str, kind: str) -> None:
        """Require text or a group of settings, where the field is one of these, and no void."""
        value = getattr(self, name)
        if value is None and "None" not in kind and name != "recipe":
            raise IsoglossError("E640", name=name, value=value, wanted="given, or left out")
        if isinstance(value, os.PathLike) or (type(value) is int and kind.startswith("str")):
            # A path, or a column whose name is a number.
            value = str(value)
            setattr(self, name, value)
        if kind.startswith("str") and not (value is None or isinstance(value, str)):
            raise IsoglossError("E640", name=name, value=value, wanted="text")
        if kind.startswith("dict") and not _is_group(value):
            raise IsoglossError("E640", name=name, value=value, wanted="a group of settings")
        if isinstance(value, str) and not _can_be_written(value):
            wanted = "text that UTF-8 can hold (rename the file or column)"
            raise IsoglossError("E640", name=name, value=value, wanted=wanted)

    def _choice(self, name: str, choices: tuple[Any, ...]) -> None:
        value = getattr(self, name)
        if not any(
            value is choice or (value == choice and type(value) is str) for choice in choices
        ):
            listed = ", ".join(str(c) for c in choices if c is not None)
            raise IsoglossError("E640", name=name, value=value, wanted=f"one of {listed}")

    def _range(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (numeric and least <= value <= most):
            wanted = f"a number from {least:g} to {most:g}"
            raise IsoglossError("E640", name=name, value=value, wanted=wanted)

    def _count(self, name: str, least: int, most: int) -> None:
        value = getattr(self, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value <= most):
            wanted = f"a whole number from {least} to {most}"
            raise IsoglossError("E640", name=name, value=value, wanted=wanted)

    def stages(self) -> tuple[Stage, ...]:
        """The stages of this run, in order."""
        return with_seeds(stages_of(self.recipe, self.teacher), self.seeds or 1)

    def resolved(self) -> RunConfig:
        """A copy in which the preset has filled every setting left open."""
        preset = PRESETS[self.preset]
        filled = {
            name: value
            for name, value in preset.items()
            if not isinstance(value, dict) and getattr(self, name) is None
        }
        if self.recipe == AUTO and self.averages is None:
            filled["averages"] = SNAPSHOTS
        return dataclasses.replace(
            self,
            **filled,
            finetune={**preset["finetune"], **self.finetune},
            iwda={**preset["iwda"], **self.iwda},
            keung={**preset["keung"], **self.keung},
            distill={**preset["distill"], **self.distill},
            selftrain={**preset["selftrain"], **self.selftrain},
        )

    def for_every_stage(self) -> dict[str, Any]:
        """What goes before each trainer's own settings, under the trainers' names."""
        named = {
            "num_train_epochs": self.epochs,
            "per_device_train_batch_size": self.batch_size,
            "gradient_accumulation_steps": self.accumulation,
            "gradient_checkpointing": self.gradient_checkpointing,
        }
        return {name: value for name, value in named.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Plain values by name, in the order of the fields."""
        return dataclasses.asdict(self)

    def save(self, path: Path) -> None:
        """Write YAML that `load` reads back, whole or not at all.

        Raises:
            IsoglossError: E121 where it cannot be written.
        """
        text = yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True)
        with naming(path), replacing(path, durable=True) as temporary:
            temporary.write_text(text, "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> RunConfig:
        """Read a YAML file of settings.

        Raises:
            IsoglossError: E641 where the file cannot be read, E642 for an unknown setting, E640.
        """
        return cls.from_dict(read_yaml(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """Settings by name.

        Raises:
            IsoglossError: E642 for an unknown setting, E643 for a missing one, E640.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise IsoglossError("E642", name=name, hint=did_you_mean(name, known))
        for name in ("source", "target"):
            if not values.get(name):
                raise IsoglossError("E643", name=name)
        return cls(**values)

    def with_overrides(self, assignments: Iterable[str]) -> RunConfig:
        """A copy with `key=value` settings applied, such as `iwda.n_critic=4`.

        Raises:
            IsoglossError: E644 for a text that is no assignment, E642, E640.
        """
        return RunConfig.from_dict(assign(self.as_dict(), assignments))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        IsoglossError: E641 where there is no such file or it is no YAML mapping.
    """
    if not os.path.isfile(path):
        why = "it is a folder" if os.path.isdir(path) else "there is no such file"
        raise IsoglossError("E641", path=path, why=why)
    path = Path(path)
    if path.stat().st_size > 4 * LONGEST:
        raise IsoglossError("E641", path=path, why="it is too large for settings")
    try:
        values = load_yaml(path.read_text("utf-8"))
    except OSError as error:
        raise IsoglossError("E641", path=path, why=error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise IsoglossError("E641", path=path, why=f"it is no valid YAML ({why})") from error
    if not isinstance(values, dict):
        raise IsoglossError("E641", path=path, why="it holds no 'name: value' settings")
    return values


def assign(values: Mapping[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Settings with `key=value` texts applied; a dot reaches into a group, values are YAML.

    Raises:
        IsoglossError: E644 for a text that is no assignment or reaches into no group.
    """
    out = {name: dict(v) if isinstance(v, dict) else v for name, v in values.items()}
    for text in assignments:
        key, equals, value = text.partition("=")
        *groups, name = key.strip().split(".")
        place: Any = out
        for group in groups:
            place = place.setdefault(group, {}) if isinstance(place, dict) else None
        if not equals or not name or not isinstance(place, dict):
            raise IsoglossError("E644", text=text)
        try:
            place[name] = load_yaml(value)
        except yaml.YAMLError as error:
            raise IsoglossError("E644", text=text) from error
        if isinstance(place[name], str):
            place[name] = _number_or_text(place[name])
    return out


def _is_group(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)


def _can_be_written(value: str) -> bool:
    return not any("\ud800" <= mark <= "\udfff" for mark in value)


def _number_or_text(value: str) -> float | str:
    # YAML 1.1 takes 5e-4 for a text; nobody who types it means one.
    try:
        return float(value)
    except ValueError:
        return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest of the known names."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"the nearest is '{close[0]}'" if close else f"known are {', '.join(known)}"
