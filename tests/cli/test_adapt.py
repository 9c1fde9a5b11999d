from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from isogloss.cli import adapt as command
from isogloss.cli import options
from isogloss.cli.app import app
from isogloss.errors import IsoglossError
from isogloss.recipes import config as recipe_config
from isogloss.recipes.presets import PRESETS


def config_of(
    given: dict[str, Any], *, config_file: Path | None = None, assignments: list[str] | None = None
) -> recipe_config.RunConfig:
    return command.build_config(given, config_file=config_file, assignments=assignments or [])


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "run.yaml"
    path.write_text("source: a.csv\ntarget: b.csv\nseed: 3\nmax_length: 64\niwda: {n_critic: 2}\n")
    return path


def test_options_not_given_leave_the_defaults() -> None:
    config = config_of({"source": "a.csv", "target": "b.csv", "seed": None, "task": None})
    assert config == recipe_config.RunConfig(source="a.csv", target="b.csv")


def test_the_file_is_the_base_and_options_go_before_it(settings_file: Path) -> None:
    config = config_of(
        {"seed": 5, "target": None, "recipe": "zero-shot"}, config_file=settings_file
    )
    assert (config.source, config.target) == ("a.csv", "b.csv")
    assert (config.seed, config.max_length, config.recipe) == (5, 64, "zero-shot")
    assert config.iwda == {"n_critic": 2}


def test_an_option_that_repeats_a_default_still_goes_before_the_file(settings_file: Path) -> None:
    assert config_of({"seed": 0}, config_file=settings_file).seed == 0


def test_set_goes_before_all_and_reaches_into_groups(settings_file: Path) -> None:
    config = config_of(
        {"seed": 5},
        config_file=settings_file,
        assignments=["seed=7", "iwda.n_critic=4", "iwda.critic_learning_rate=5e-4", "text=null"],
    )
    assert (config.seed, config.text) == (7, None)
    assert config.iwda == {"n_critic": 4, "critic_learning_rate": 5e-4}


@pytest.mark.parametrize(
    ("given", "assignments", "code"),
    [
        ({"source": "a", "target": "b"}, ["no equals sign"], "E644"),
        ({"source": "a", "target": "b"}, ["sede=1"], "E642"),
        ({"source": "a", "target": "b", "task": "[red]"}, [], "E640"),
        ({"source": "a"}, [], "E643"),
    ],
)
def test_settings_that_cannot_be(given: dict[str, Any], assignments: list[str], code: str) -> None:
    with pytest.raises(IsoglossError) as caught:
        config_of(given, assignments=assignments)
    assert caught.value.code == code


def test_a_missing_settings_file(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError) as caught:
        config_of({}, config_file=tmp_path / "no.yaml")
    assert caught.value.code == "E641"


def test_the_choices_in_the_help_are_those_of_the_settings() -> None:
    assert ", ".join(recipe_config.RECIPES) == command.KNOWN
    assert f"[{'|'.join(recipe_config.TASKS)}]" == options.TASKS
    assert ", ".join(PRESETS) == command.NAMED


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    output = tmp_path / "run"
    arguments = ["adapt", "--source", str(tmp_path / "[red]no.csv"), "--target", "b.csv"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(output)])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: E101: ")
    assert "[red]no.csv" in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    assert not output.exists()
