"""How many steps a stage makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset

import isogloss
from isogloss.recipes.stages.training import bound_steps, scale_passes, total_steps
from isogloss.trainers.config import IWDAConfig


def sentences(count: int, words: int) -> Dataset:
    """`count` sentences of `words` words in all."""
    short, longer = divmod(words, count)
    return Dataset.from_dict({"active": [[0] * (short + (i < longer)) for i in range(count)]})


def passes(
    source: Dataset, target: Dataset, *, kind: str, token_passes: str, recipe: str = "iwda"
) -> float:
    args = IWDAConfig(output_dir="unused", use_cpu=True, num_train_epochs=4.0)
    shop: Any = SimpleNamespace(
        task=SimpleNamespace(kind=kind),
        source_rows=source,
        data=SimpleNamespace(target=target),
        config=SimpleNamespace(token_passes=token_passes, recipe=recipe),
    )
    scale_passes(args, shop)
    return args.num_train_epochs


def test_longer_target_sentences_take_as_many_more_passes() -> None:
    source, target = sentences(10, 50), sentences(40, 240)
    assert passes(source, target, kind="token", token_passes="source") == pytest.approx(4 * 1.2)
    assert passes(source, target, kind="token", token_passes="target") == pytest.approx(
        4 * 1.2 * 40 / 10
    )
    for sides in ("source", "target"):
        assert passes(source, target, kind="sequence", token_passes=sides) == 4.0
        in_language = passes(source, target, kind="token", token_passes=sides, recipe="supervised")
        assert in_language == pytest.approx(4 * 1.2)


@pytest.mark.parametrize("recipe", ["iwda", "supervised"])
def test_published_numbers_of_steps(recipe: str) -> None:
    """Appendix C.2: from English to German, CoNLL 2003 without its lines between documents."""
    source, target = sentences(14_041, 203_621), sentences(12_152, 206_931)
    args = IWDAConfig(
        output_dir="unused",
        use_cpu=True,
        per_device_train_batch_size=8,
        num_train_epochs=passes(source, target, kind="token", token_passes="target", recipe=recipe),
    )
    rows = target if recipe == "supervised" else source
    steps = total_steps(args, len(rows) // args.per_device_train_batch_size)
    assert steps == 7135


def test_a_run_s_bound_cuts_a_stage_short_and_never_stretches_it() -> None:
    for most, wanted in ((None, -1), (7, 7), (8, -1), (9, -1)):
        args = IWDAConfig(
            output_dir="unused", use_cpu=True, gradient_accumulation_steps=2, num_train_epochs=2.5
        )
        shop: Any = SimpleNamespace(config=SimpleNamespace(max_steps=most))
        bound_steps(args, shop, 5)
        assert args.max_steps == wanted
        assert total_steps(args, 5) == (7 if most == 7 else 8)


@pytest.mark.parametrize(("recipe", "factor"), [("iwda", 1), ("keung2019", 2), ("supervised", 1)])
@pytest.mark.parametrize("token_passes", ["source", "target"])
def test_steps_of_a_token_run(
    files: dict[str, Any],
    conll: Callable[..., Path],
    tmp_path: Path,
    recipe: str,
    factor: int,
    token_passes: str,
) -> None:
    """`keung2019` has a batch of the discriminator for each of the model."""
    del files["max_steps"], files["test"]
    source, target = tmp_path / "en.conll", tmp_path / "de.conll"
    source.write_text("anna\tB-PER\n\nberlin\tB-LOC\n\n" * 8, "utf-8")
    tags = ("\tO", "\tO", "\tB-PER") if recipe == "supervised" else ("", "", "")
    target.write_text("book{}\nfood{}\nanna{}\n\n".format(*tags) * 24, "utf-8")
    result = isogloss.adapt(
        **{**files, "source": str(source), "target": str(target), "recipe": recipe},
        output=tmp_path / "run",
        task="token",
        holdout=0.0,
        batch_size=4,
        token_passes=token_passes,
    )
    # 16 sentences of 1 word, 4 a step; 24 of 3 words on the other side.
    over_target = token_passes == "target" or recipe == "supervised"
    wanted = 3 * 6 if over_target else 3 * 4
    steps = isogloss.recipes.folder.read_json(result.folder / "metrics.json")["steps"]
    assert steps[recipe] == wanted * factor


@pytest.mark.parametrize(
    ("recipe", "group"),
    [("iwda", "iwda"), pytest.param("st", "selftrain", marks=pytest.mark.slow)],
)
def test_steps_of_a_run_in_batches_of_tokens(
    files: dict[str, Any], tmp_path: Path, recipe: str, group: str
) -> None:
    """The larger the budget, the fewer the steps, unless the run's bound cuts them short."""
    del files["test"]
    steps = {}
    for budget, most in ((64, None), (256, None), (64, 5), (64, 10**6)):
        settings = {name: {"tokens_per_batch": budget} for name in ("finetune", group)}
        given = {**files, **settings, "epochs": 2.0, "max_steps": most, "recipe": recipe}
        folder = tmp_path / f"{budget}-{most}"
        isogloss.adapt(**given, output=folder)
        steps[budget, most] = isogloss.recipes.folder.read_json(folder / "metrics.json")["steps"]
    for stage in ("zero-shot", recipe):
        assert steps[64, 5][stage] == 5
        assert steps[64, 10**6][stage] == steps[64, None][stage]
        assert 2 * steps[256, None][stage] < steps[64, None][stage]
