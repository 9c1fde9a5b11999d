from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from isogloss.data.reviews import sample_reviews
from isogloss.errors import IsoglossError
from isogloss.recipes.demo import (
    OPTIMUM,
    SOURCE_PRIOR,
    TARGET_PRIOR,
    DemoSizes,
    optimum,
    run_demo,
    target_languages,
)
from tests.helpers.models import save_tiny

SIZES = DemoSizes(source=60, target=40, test=30)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_shift_is_strong() -> None:
    assert np.abs(np.subtract(TARGET_PRIOR, SOURCE_PRIOR)).sum() / 2 > 0.35


def test_a_tiny_demo_from_files_to_scores(tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "encoder", "bert"))
    options = {"model": model, "max_steps": 1, "sizes": SIZES}
    result = run_demo(tmp_path / "demo", **options)
    data = tmp_path / "demo" / "data"
    source, target, test = (
        rows_of(data / f"{n}.csv") for n in ("source.en", "target.de", "test.de")
    )
    assert (len(source), len(target)) == (60, 40)
    assert list(target[0]) == ["text"]
    assert list(source[0]) == list(test[0]) == ["text", "label"]
    assert not {row["text"] for row in test} & {row["text"] for row in target}
    assert list(result.scores) == ["zero-shot", "iwda", OPTIMUM]
    assert result.true_prior == pytest.approx(list(TARGET_PRIOR))
    assert result.run.model.is_dir()
    # The same call finds the run finished; another seed is another run, and touches nothing.
    assert run_demo(tmp_path / "demo", **options).scores == result.scores
    with pytest.raises(IsoglossError) as caught:
        run_demo(tmp_path / "demo", seed=1, **options)
    assert caught.value.code == "E521"
    assert rows_of(data / "source.en.csv") == source


def test_a_demo_leaves_what_is_not_its_own_alone(tmp_path: Path) -> None:
    model = str(save_tiny(tmp_path / "encoder", "bert"))
    own = tmp_path / "home" / "data" / "source.en.csv"
    for path in (own, tmp_path / "other" / "notes.txt"):
        path.parent.mkdir(parents=True)
        path.write_text("mine", "utf-8")
        folder = tmp_path / path.relative_to(tmp_path).parts[0]
        before = sorted(folder.rglob("*"))
        with pytest.raises(IsoglossError) as caught:
            run_demo(folder, model=model, max_steps=1, sizes=SIZES)
        assert caught.value.code == "E520"
        assert sorted(folder.rglob("*")) == before
        assert path.read_text("utf-8") == "mine"
    # Where no model is to be had, and where the run ends before its first step.
    for name in (str(tmp_path / "nowhere"), str(tmp_path / "other")):
        with pytest.raises(IsoglossError):
            run_demo(tmp_path / "new", model=name, sizes=SIZES)
        assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("language", target_languages())
def test_the_optimum_is_far_better_than_guessing(language: str) -> None:
    test: Dataset = sample_reviews(language, 400, prior=TARGET_PRIOR, seed=5)
    scores = optimum(test, language)
    assert scores["accuracy"] > 0.7
    assert scores["macro_f1"] > 0.6


def test_a_language_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(IsoglossError) as caught:
        run_demo(tmp_path, to="en")
    assert caught.value.code == "E600"
