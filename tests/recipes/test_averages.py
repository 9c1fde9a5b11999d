"""Averages of weights as candidates: of a stage's snapshots, and of seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import isogloss
from isogloss.errors import IsoglossError
from isogloss.models.averaging import WeightAverage
from isogloss.models.features import FeatureClassifier
from isogloss.recipes.config import RunConfig
from isogloss.recipes.folder import RunFolder
from isogloss.trainers.base import RowTrainer

FOUR = ("zero-shot", "iwda", "iwda+kd", "iwda+st")


def weights(run: Path, stage: str) -> dict[str, torch.Tensor]:
    return load_file(run / "stages" / stage / "model" / "model.safetensors")


def mean_of(states: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {n: torch.stack([s[n].double() for s in states]).mean(0) for n in states[0]}


def assert_close(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        torch.testing.assert_close(value.double(), wanted[name], atol=1e-6, rtol=0)


def snapshots_of(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """Fills with the weights of every snapshot that is taken."""
    taken: list[dict[str, torch.Tensor]] = []
    inner = WeightAverage.add

    def spy(average: WeightAverage, classifier: Any) -> None:
        taken.append({n: p.detach().clone() for n, p in classifier.named_parameters()})
        inner(average, classifier)

    monkeypatch.setattr(WeightAverage, "add", spy)
    return taken


@pytest.mark.parametrize("task", ["sequence", "token"])
def test_a_stage_s_average_is_a_stage_and_can_be_served(
    files: dict[str, Any],
    conll: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
) -> None:
    """With mean pooling and a trimmed embedding for texts, plain for words."""
    files |= {"task": task, "averages": 3}
    files["finetune"] = {"learning_rate": 1e-2, "per_device_train_batch_size": 4}
    if task == "token":
        files |= {
            "source": str(conll("en.conll", rows=30, tags=True, seed=0)),
            "target": str(conll("de.conll", rows=20, tags=False, seed=1)),
            "test": None,
        }
    taken = snapshots_of(monkeypatch)
    result = isogloss.adapt(output=tmp_path / "run", **{**files, "recipe": "zero-shot"})
    run = result.folder
    assert list(result.metrics["stages"]) == ["zero-shot", "zero-shot-average"]
    assert (
        result.metrics["stages"]["zero-shot-average"].keys()
        == result.metrics["stages"]["zero-shot"].keys()
    )
    plain, averaged = weights(run, "zero-shot"), weights(run, "zero-shot-average")
    # The last snapshot is the last step's, and 2 of 4 steps are in the last half.
    assert len(taken) == 2
    names = {name for name in plain if any(name in n for n in taken[0]) and "embedd" not in name}
    assert len(names) > 10
    for name in names:
        own = [next(s[n] for n in s if name in n) for s in taken]
        torch.testing.assert_close(plain[name], own[-1], atol=0, rtol=0)
        torch.testing.assert_close(
            averaged[name].double(),
            torch.stack([o.double() for o in own]).mean(0),
            atol=1e-6,
            rtol=0,
        )
    table = next(name for name in plain if "word_embeddings" in name)
    changed = (plain[table] != averaged[table]).any(dim=1)
    assert 0 < int(changed.sum()) < len(changed)
    # It is what was measured and what is served.
    found = RunFolder(run).stage_result("zero-shot-average")
    assert found is not None
    assert found["averaged"] == 2
    model = isogloss.select(run, "zero-shot-average")
    served = load_file(model / "model.safetensors")
    assert all(torch.equal(served[name], averaged[name]) for name in averaged)


def test_the_average_corrected(files: dict[str, Any], tmp_path: Path) -> None:
    run = isogloss.adapt(output=tmp_path / "run", averages=2, **files).folder
    path = run / "stages" / "iwda-average" / "result.json"
    found = json.loads(path.read_text())
    found["prior"] |= {"significant": True, "weights": [0.1, 2.0, 0.9]}
    path.write_text(json.dumps(found))
    isogloss.select(run, "iwda-average+prior")
    chosen = json.loads((run / "metrics.json").read_text())["chosen"]
    assert chosen["name"] == "iwda-average+prior"
    assert chosen["at_first"] == "iwda"
    bias = load_file(run / "model" / "model.safetensors")["classifier.bias"]
    moved = bias - weights(run, "iwda-average")["classifier.bias"]
    torch.testing.assert_close(moved, torch.tensor([0.1, 2.0, 0.9]).log(), atol=1e-6, rtol=0)


def test_averages_change_no_other_stage_and_can_be_left_out(
    files: dict[str, Any], tmp_path: Path
) -> None:
    runs = {
        count: isogloss.adapt(output=tmp_path / f"{count}", averages=count, **files)
        for count in (0, 3)
    }
    assert list(runs[0].metrics["stages"]) == ["zero-shot", "iwda"]
    assert runs[3].metrics["chosen"]["name"] == "iwda"
    for stage in ("zero-shot", "iwda"):
        one, other = (weights(run.folder, stage) for run in runs.values())
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_too_short_a_stage_has_no_average(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"recipe": "zero-shot", "max_steps": 1}
    result = isogloss.adapt(output=tmp_path / "run", averages=5, **files)
    assert list(result.metrics["stages"]) == ["zero-shot"]


def test_seeds(files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All seeds of a stage start from the same weights, and what comes out is averaged."""
    started: dict[str, dict[str, torch.Tensor]] = {}
    inner = RowTrainer.train

    def train(trainer: RowTrainer, *args: Any, **options: Any) -> Any:
        stage = Path(str(trainer.args.output_dir)).parent.name
        classifier: FeatureClassifier = trainer.classifier
        started[stage] = {n: p.detach().clone() for n, p in classifier.named_parameters()}
        return inner(trainer, *args, **options)

    monkeypatch.setattr(RowTrainer, "train", train)
    files |= {"recipe": "auto", "max_steps": 2, "averages": 0, "seeds": 2}
    result = isogloss.adapt(output=tmp_path / "run", **files)
    run, stages = result.folder, list(result.metrics["stages"])
    wanted = [name + end for end in ("", "-seed-1", "-seeds") for name in FOUR]
    assert stages == wanted
    for name in FOUR:
        one, other = started[name], started[f"{name}-seed-1"]
        assert all(torch.equal(one[n], other[n]) for n in one)
        ended = [weights(run, name), weights(run, f"{name}-seed-1")]
        assert any(not torch.equal(ended[0][n], ended[1][n]) for n in ended[0])
        assert_close(weights(run, f"{name}-seeds"), mean_of(ended))
    chosen = result.metrics["chosen"]
    judged = {row["model"] for row in chosen["table"]}
    assert judged == {name + end for end in ("", "-seeds") for name in FOUR}
    assert {name for name in chosen["candidates"] if "+prior" not in name} == set(wanted)
    # A teacher is asked once, whatever the number of its students.
    assert [p.parent.name for p in run.glob("stages/*/teacher.safetensors")] == ["iwda+kd"]


def test_a_budget_leaves_averages_of_seeds_out(files: dict[str, Any], tmp_path: Path) -> None:
    said: list[str] = []

    class Listener(isogloss.progress.Progress):
        def say(self, text: str) -> None:
            said.append(text)

    files |= {"recipe": "auto", "max_steps": 2, "averages": 0, "seeds": 3, "budget": 0.0}
    result = isogloss.adapt(output=tmp_path / "run", progress=Listener(), **files)
    assert list(result.metrics["stages"]) == ["zero-shot"]
    assert "zero-shot-seeds: left out, there is only one seed" in said


def test_stages_taken_over_bring_their_averages(files: dict[str, Any], tmp_path: Path) -> None:
    files |= {"averages": 2}
    first = isogloss.adapt(output=tmp_path / "first", **files).folder
    files |= {"start": str(first), "recipe": "auto", "budget": 0.0}
    for count, wanted in ((2, ["zero-shot", "zero-shot-average"]), (3, ["zero-shot"])):
        run = isogloss.adapt(output=tmp_path / f"run-{count}", **files | {"averages": count})
        assert list(run.metrics["stages"]) == wanted


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"seeds": 2, "recipe": "iwda"}, "E652"),
        ({"seeds": 0}, "E640"),
        ({"seeds": 1.5}, "E640"),
        ({"averages": -1}, "E640"),
        ({"averages": True}, "E640"),
        ({"iwda": {"average_snapshots": 3}}, "E645"),
        ({"finetune": {"average_share": 2.0}}, "E407"),
    ],
)
def test_settings_that_cannot_be_used(
    files: dict[str, Any], tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(IsoglossError) as caught:
        isogloss.adapt(output=tmp_path / "run", **{**files, "recipe": "auto", **changes})
    assert caught.value.code == code
    assert not (tmp_path / "run").exists()


def test_auto_averages_and_others_do_not() -> None:
    for recipe, wanted in (("auto", 5), ("iwda", None)):
        assert RunConfig(source="a", target="b", recipe=recipe).resolved().averages == wanted
    assert RunConfig(source="a", target="b", averages=0).resolved().averages == 0
