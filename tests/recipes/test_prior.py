"""The prior of a file: the same as from arrays, however the file is read; and found where it is."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isogloss
from isogloss.errors import IsoglossError, IsoglossWarning
from isogloss.labelshift.prior_estimation import estimate_prior
from isogloss.recipes.facts import NamedFacts
from isogloss.recipes.heldout import HELD_OUT, read_held_out, save_held_out, uncorrected
from isogloss.recipes.prior import estimate_file_prior
from isogloss.recipes.serving import open_served
from isogloss.trainers.rows import CollectedRows
from tests.helpers.models import WORDS
from tests.recipes.conftest import SETTINGS, write_csv

FEW = {"precision": "fp32"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, encoder: Path) -> Path:
    """A classifier that has learned its three classes."""
    folder = tmp_path_factory.mktemp("prior")
    settings = SETTINGS | {"epochs": 30.0, "max_steps": 400, "holdout": 0.4}
    settings["finetune"] = {"per_device_train_batch_size": 16, "learning_rate": 1e-3}
    isogloss.adapt(
        write_csv(folder / "en.csv", rows=240, labels=True, seed=0),
        skewed(folder / "de.csv", shares=(0.7, 0.25, 0.05)),
        output=folder / "run",
        model=str(encoder),
        **settings | {"recipe": "zero-shot"},
    )
    return folder / "run"


def skewed(path: Path, *, shares: tuple[float, ...], rows: int = 200) -> Path:
    rng = random.Random(3)
    lines = ["text,label"]
    for kind in rng.choices(range(3), shares, k=rows):
        words = " ".join([WORDS[kind], *rng.choices(WORDS[10:60], k=rng.randint(3, 8))])
        lines.append(f"{words},nonsense")
    path.write_text("\n".join(lines), "utf-8")
    return path


def code_of(call: Callable[[], Any]) -> str:
    with pytest.raises(IsoglossError) as caught:
        call()
    return caught.value.code


def test_finds_the_shift_of_a_file(run: Path, tmp_path: Path) -> None:
    shares = (0.7, 0.25, 0.05)
    report = estimate_file_prior(run, skewed(tmp_path / "x.csv", shares=shares), **FEW)
    assert (report["file"], report["rows"]) == ("x.csv", 200)
    assert report["labels"] == ["class-0", "class-1", "class-2"]
    np.testing.assert_allclose(report["estimate"], shares, atol=0.1)
    np.testing.assert_allclose(report["source"], [1 / 3] * 3, atol=0.02)
    assert report["significant"]
    assert report["shift"] == pytest.approx(0.37, abs=0.1)
    assert sum(report["predicted"]) == pytest.approx(1.0)
    assert 0.0 <= report["assumption_p_value"] <= 1.0
    assert report["sentences"]
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_is_that_of_the_arrays(run: Path, tmp_path: Path) -> None:
    source = skewed(tmp_path / "x.csv", shares=(0.2, 0.3, 0.5), rows=50)
    served = open_served(run, precision="fp32")
    _, rows = served.rows(isogloss.load(source).select_columns(["text"]))
    kept = read_held_out(run)
    direct = estimate_prior(
        kept.probabilities,
        kept.labels,
        rows.probabilities,
        method="bbse",
        calibration="none",
        level=0.8,
        seed=4,
    )
    options: dict[str, Any] = {"method": "bbse", "calibration": "none", "level": 0.8, "seed": 4}
    for size in (7, 2048):
        report = estimate_file_prior(run, source, batch_rows=size, **options, **FEW)
        np.testing.assert_allclose(report["estimate"], direct.prior, atol=1e-4)
        np.testing.assert_allclose(report["interval"], direct.interval, atol=1e-2)
        assert (report["level"], report["method"]) == (0.8, direct.method)
    with_dataset = estimate_file_prior(run, isogloss.load(source), batch_rows=7, **options, **FEW)
    np.testing.assert_allclose(with_dataset["estimate"], direct.prior, atol=1e-4)


def test_a_corrected_model_is_not_taken_for_the_one_that_was_measured(
    run: Path, tmp_path: Path
) -> None:
    """The balance that a corrected candidate is served under is not told of other files."""
    even = skewed(tmp_path / "even.csv", shares=(0.2, 0.3, 0.5))
    before = estimate_file_prior(run, even, **FEW)
    corrected = tmp_path / "run"
    shutil.copytree(run, corrected)
    isogloss.select(corrected, "zero-shot+prior")
    assert not (corrected / HELD_OUT).exists()
    for folder in (corrected, corrected / "model"):
        assert uncorrected(folder) == corrected / "stages" / "zero-shot"
        assert estimate_file_prior(folder, even, **FEW) == before
    np.testing.assert_allclose(before["estimate"], (0.2, 0.3, 0.5), atol=0.1)
    # The model itself does predict otherwise.
    _, plain = open_served(run, precision="fp32").rows(isogloss.load(even))
    _, served = open_served(corrected, precision="fp32").rows(isogloss.load(even))
    assert np.abs(plain.probabilities - served.probabilities).max() > 0.02
    isogloss.select(corrected, "zero-shot")
    assert uncorrected(corrected) == corrected
    assert estimate_file_prior(corrected, even, **FEW) == before
    isogloss.select(corrected, "zero-shot+prior")
    shutil.rmtree(corrected / "stages")
    assert code_of(lambda: estimate_file_prior(corrected, even, **FEW)) == "E524"


def test_sentences_are_the_groups_of_words(
    files: dict[str, Any],
    conll: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from isogloss.recipes import prior

    source = conll("en.conll", rows=60, tags=True, seed=0)
    settings = files | {"task": "token", "recipe": "zero-shot", "holdout": 0.5}
    settings |= {
        "source": str(source),
        "target": str(conll("de.conll", rows=9, tags=False, seed=1)),
    }
    del settings["test"]
    run = isogloss.adapt(output=tmp_path / "run", **settings).folder
    seen: list[tuple[int, int]] = []
    inner = prior.PriorEstimator

    class Spy(inner):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, groups: Any, **options: Any) -> None:
            seen.append((len(args[1]), len(set(groups.tolist()))))
            super().__init__(*args, groups=groups, **options)

        def estimate(self, target: Any, *, groups: Any, **options: Any) -> Any:
            seen.append((len(target), len(set(groups.tolist()))))
            return super().estimate(target, groups=groups, **options)

    monkeypatch.setattr(prior, "PriorEstimator", Spy)
    new = conll("x.conll", rows=21, tags=True, seed=2)
    words = sum(bool(line) for line in new.read_text("utf-8").splitlines())
    report = estimate_file_prior(run, new, batch_rows=4, **FEW)
    assert report["rows"] == 21
    assert seen[0][1] == 30
    assert seen[1] == (words, 21)


def test_facts_are_heeded(run: Path, tmp_path: Path) -> None:
    source = skewed(tmp_path / "x.csv", shares=(0.7, 0.25, 0.05))
    facts = NamedFacts(bounds={"class-2": (0.2, 0.2)}, order=(("class-1", "class-0"),))
    estimate = estimate_file_prior(run, source, facts=facts, **FEW)["estimate"]
    assert estimate[2] == pytest.approx(0.2, abs=1e-6)
    assert estimate[1] >= estimate[0] - 1e-6


def test_what_is_wrong_is_said(run: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)

    def code(**changes: Any) -> str:
        options: dict[str, Any] = {"file": source} | FEW | changes
        return code_of(lambda: estimate_file_prior(run, **options))

    assert code(level=1.5) == "E407"
    assert code(method="magic") == "E409"
    assert code(calibration="magic") == "E409"
    assert code(file=tmp_path / "nowhere.csv") == "E101"
    assert code(facts=NamedFacts(bounds={"x": (0.0, 1.0)})) == "E534"
    assert code(columns={"text": "body"}) == "E105"
    (tmp_path / "empty.csv").write_text("text\n", "utf-8")
    assert code(file=tmp_path / "empty.csv") == "E102"
    (tmp_path / "hole.csv").write_text("text\n" + "gut\n" * 7 + '""\n', "utf-8")
    with pytest.raises(IsoglossError, match="row 8"):
        estimate_file_prior(run, tmp_path / "hole.csv", batch_rows=3, **FEW)


def test_rows_of_another_run_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(run / "model")
    source = write_csv(tmp_path / "x.csv", rows=5, labels=False, seed=4)
    rows = CollectedRows(np.zeros((4, 2), np.float32), np.array([0, 1, 0, 1]), np.arange(4))
    save_held_out(tmp_path / HELD_OUT, rows, names=("a", "b"), trained_on=False)
    with pytest.raises(IsoglossError, match=r"E533: .* \(a, b\)"):
        estimate_file_prior(tmp_path, source, **FEW)


def test_rows_that_were_trained_on_are_warned_of(run: Path, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(run / "model")
    kept = read_held_out(run)
    logits = np.log(np.maximum(kept.probabilities, 1e-9))
    rows = CollectedRows(logits, kept.labels, kept.examples)
    save_held_out(tmp_path / HELD_OUT, rows, names=kept.names, trained_on=True)
    source = write_csv(tmp_path / "x.csv", rows=30, labels=False, seed=4)
    with pytest.warns(IsoglossWarning, match="W523"):
        estimate_file_prior(tmp_path, source, **FEW)


def test_long_rows_are_warned_of(run: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text\n" + "gut\n" * 3 + f"{'gut ' * 99}\n" * 4, "utf-8")
    with pytest.warns(IsoglossWarning, match=r"W522: 4 of 7 rows of x\.csv"):
        estimate_file_prior(run, tmp_path / "x.csv", batch_rows=2, **FEW)


def test_the_run_s_own_report_has_all_that_a_file_s_has(run: Path) -> None:
    report = json.loads((run / "prior.json").read_text("utf-8"))
    found = set(report)
    wanted = {"labels", "source", "predicted", "estimate", "interval", "level", "weights", "shift"}
    assert wanted | {"significant", "method", "shrinkage", "assumption_p_value"} <= found
    card = (run / "model" / "README.md").read_text("utf-8")
    first = report["sentences"][0].split()
    assert all(word.strip("().,%") in card for word in first if word.isalpha())
