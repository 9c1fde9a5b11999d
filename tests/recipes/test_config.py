from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import IsoglossError
from isogloss.recipes.config import RunConfig, assign
from isogloss.recipes.methods import RECIPES
from isogloss.recipes.presets import PRESETS
from isogloss.recipes.stages import METHODS
from isogloss.trainers.config import FinetuneConfig, IWDAConfig
from isogloss.trainers.keung_config import KeungConfig

MINIMUM = {"source": "a.csv", "target": "b.csv"}


def code_of(call: Any) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task", "image"),
        ("recipe", "magic"),
        ("preset", "best"),
        ("pooling", "max"),
        ("precision", "fp8"),
        ("dropout", "none"),
        ("max_length", 2),
        ("max_steps", 0),
        ("epochs", 0),
        ("epochs", "many"),
        ("holdout", 0.9),
        ("seed", -1),
        ("batch_size", 0),
        ("accumulation", 0),
        ("gradient_checkpointing", "yes"),
        ("token_passes", "both"),
        ("orphan_tags", "inside"),
    ],
)
def test_values_outside_their_range_are_named(name: str, value: Any) -> None:
    with pytest.raises(IsoglossError) as caught:
        RunConfig.from_dict({**MINIMUM, name: value})
    assert caught.value.code == "E640"
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    config = RunConfig(**MINIMUM, text="Bewertung: größer", iwda={"n_critic": 4}).resolved()
    config.save(tmp_path / "c.yaml")
    assert RunConfig.load(tmp_path / "c.yaml") == config


def test_unknown_setting_gets_a_hint() -> None:
    with pytest.raises(IsoglossError, match="the nearest is 'max_length'"):
        RunConfig.from_dict({**MINIMUM, "max_lenght": 3})


def test_missing_source_is_named() -> None:
    assert code_of(lambda: RunConfig.from_dict({"target": "b.csv"})) == "E643"


@pytest.mark.parametrize("text", ["no such file", "a: [", "just text", "\udcff"])
def test_unreadable_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    if text != "no such file":
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert code_of(lambda: RunConfig.load(path)) == "E641"


def test_yaml_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("source: !!python/object/apply:os.getcwd []\ntarget: b", "utf-8")
    assert code_of(lambda: RunConfig.load(path)) == "E641"


def test_assignments() -> None:
    values = assign(
        {"iwda": {}, "seed": 0}, ["iwda.n_critic=4", "seed=2", "iwda.learning_rate=5e-6"]
    )
    assert values == {"iwda": {"n_critic": 4, "learning_rate": 5e-6}, "seed": 2}


@pytest.mark.parametrize("text", ["novalue", "=3", "seed.x=1", "a=[", "iwda.=1"])
def test_texts_that_assign_nothing(text: str) -> None:
    assert code_of(lambda: assign({"seed": 0, "iwda": {}}, [text])) == "E644"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_accepted_by_the_trainers(preset: str) -> None:
    config = RunConfig(**MINIMUM, preset=preset).resolved()
    assert None not in (config.pooling, config.holdout, config.precision, config.trim)
    FinetuneConfig(**config.finetune)
    IWDAConfig(**config.iwda)
    KeungConfig(**config.keung)


def test_own_settings_win_over_the_preset() -> None:
    config = RunConfig(**MINIMUM, preset="paper", holdout=0.2, iwda={"n_critic": 4}).resolved()
    assert config.holdout == 0.2
    assert config.iwda["n_critic"] == 4
    assert config.iwda["weighting"] == "online"


def test_paper_preset_has_the_published_numbers() -> None:
    """METHOD, section 5: the hyper-parameters of the paper's appendix C.2."""
    config = RunConfig(**MINIMUM, preset="paper").resolved()
    args = IWDAConfig(**config.iwda)
    published = {
        "learning_rate": 1e-5,
        "warmup_steps": 0.1,
        "weight_decay": 0.01,
        "per_device_train_batch_size": 8,
        "num_train_epochs": 4.0,
        "critic_learning_rate": 5e-4,
        "critic_weight_decay": 0.01,
        "critic_width": 2048,
        "gradient_penalty": 10.0,
        "alignment_strength": 5e-3,
        "weight_learning_rate": 5e-4,
        "weight_decay_to_start": 2.0,
        "weight_mix": 0.25,
        "weight_average_rate": 5e-3,
        "alignment_warmup": 0.1,
        "weighting": "online",
        "hard_statistics": True,
        # As published where it differs from ours, and where ours might come to differ.
        "critic": "wasserstein",
        "conditioning": "cdan",
        "penalty_pairing": "index",
        "normalize_weights": False,
        "weight_projection": "rescale",
        "weight_average_per_row": False,
        "n_critic": 1,
        "sampling": "natural",
        "max_grad_norm": 0.0,
        "bucket_by_length": False,
        "tokens_per_batch": 0,
    }
    assert {name: getattr(args, name) for name in published} == published
    run = {
        "recipe": "iwda",
        "pooling": "cls",
        "holdout": 0.0,
        "precision": "fp32",
        "dropout": "torch",
        "trim": False,
        "token_passes": "target",
        # Strict IOB2 scoring of the tags as they come.
        "orphan_tags": "outside",
    }
    assert {name: getattr(config, name) for name in run} == run


def test_paper_preset_fine_tunes_as_published() -> None:
    config = RunConfig(**MINIMUM, preset="paper").resolved()
    published = {
        "learning_rate": 1e-5,
        "warmup_steps": 0.1,
        "weight_decay": 0.01,
        "lr_scheduler_type": "linear",
        "per_device_train_batch_size": 8,
        "num_train_epochs": 4.0,
        "max_grad_norm": 0.0,
        "sampling": "natural",
        "bucket_by_length": False,
    }
    for args in (FinetuneConfig(**config.finetune), KeungConfig(**config.keung)):
        assert {name: getattr(args, name) for name in published} == published


def test_alternating_preset_is_the_paper_s_but_for_what_table_5_changes() -> None:
    paper, table = (
        RunConfig(**MINIMUM, preset=name).resolved().as_dict()
        for name in ("paper", "paper-alternating")
    )
    differing = {name for name in paper if paper[name] != table[name]}
    assert differing == {"preset", "iwda"}
    changed = {n: v for n, v in table["iwda"].items() if paper["iwda"].get(n) != v}
    assert changed == {"n_critic": 4, "num_train_epochs": 40.0, "weight_decay_to_start": 1.0}


def test_settings_for_every_stage_go_before_a_stage_s_own() -> None:
    config = RunConfig(
        **MINIMUM, batch_size=4, accumulation=2, gradient_checkpointing=True, epochs=1.5
    )
    assert config.for_every_stage() == {
        "num_train_epochs": 1.5,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "gradient_checkpointing": True,
    }
    assert RunConfig(**MINIMUM).for_every_stage() == {}


def test_every_recipe_starts_from_a_stage_of_its_own() -> None:
    for stages in RECIPES.values():
        seen: list[str] = []
        for stage in stages:
            assert stage.method in METHODS
            assert stage.start is None or stage.start in seen
            seen.append(stage.name)
        assert len(set(seen)) == len(seen)
