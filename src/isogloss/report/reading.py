"""A finished run, read from its folder alone: its source and target files are not needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from isogloss.data.arrays import read_arrays
from isogloss.data.sampling import sampled_places
from isogloss.data.yaml_text import load_yaml
from isogloss.errors import IsoglossError
from isogloss.labelshift.calibration import softmax
from isogloss.labelshift.checks import Floats
from isogloss.labelshift.correction import reweigh
from isogloss.selection.opinions import CORRECTED
from isogloss.selection.rows import CandidateRows

# In a run folder, for people; a run is finished without it.
REPORT = "report.html"
UNKNOWN: dict[str, Any] = {"name": None, "by": "recipe", "reasons": [], "candidates": []}


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What the files of a run folder say.

    Attributes:
        root: the folder.
        config: every setting.
        record: `data` (fingerprints) and `versions`.
        metrics: `metrics.json`.
        prior: `prior.json`.
        stages: name -> `result.json`, in the order of the run.
        served: what the model's configuration says of the task: `text`, `labels` and so on.
        analysis: what `isogloss analyze` left, or None.
    """

    root: Path
    config: Mapping[str, Any]
    record: Mapping[str, Any]
    metrics: Mapping[str, Any]
    prior: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    served: Mapping[str, Any]
    analysis: Mapping[str, Any] | None

    @property
    def labels(self) -> list[str]:
        """The k class names."""
        return [str(name) for name in self.prior["labels"]]

    @property
    def is_tagging(self) -> bool:
        """Whether rows are words."""
        return bool(self.config["task"] == "token")

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Which candidate is served, and why; runs of earlier versions serve their last stage."""
        found = {**UNKNOWN, **self.metrics.get("chosen", {})}
        return found | {"name": found["name"] or list(self.metrics["stages"])[-1]}

    @property
    def stage(self) -> str:
        """The stage whose model is served."""
        return str(self.chosen["name"]).removesuffix(CORRECTED)

    @property
    def is_corrected(self) -> bool:
        """Whether the served model is corrected by the estimated balance."""
        return str(self.chosen["name"]).endswith(CORRECTED)


@dataclass(frozen=True, kw_only=True)
class StageRows:
    """What a stage's model says of both sides, and which examples of the target those rows are.

    Attributes:
        rows: the model's rows; groups are places among the examples that were looked at.
        places: (e,) the row of the target file, from 0, of each such example.
        examples: in the whole target.
    """

    rows: CandidateRows
    places: np.ndarray
    examples: int

    def probabilities(self, side: str, weights: Floats | None = None) -> Floats:
        """What it gives, (r, k), of "source" or "target"; under class weights where given."""
        logits = self.rows.source_logits if side == "source" else self.rows.target_logits
        found = softmax(np.asarray(logits, dtype=np.float64))
        return found if weights is None else reweigh(found, weights / max(weights.max(), 1e-300))


def read_run(folder: str | Path, *, metrics: Mapping[str, Any] | None = None) -> RunFacts:
    """Read what a finished run left.

    Args:
        folder: of the run.
        metrics: what `metrics.json` will hold, where all but that is written.

    Raises:
        IsoglossError: E524 where there is no such run, E525 where it has not finished, E532 where a
            file of it cannot be read.
    """
    root = Path(folder)
    if not (root / "config.yaml").is_file():
        raise IsoglossError("E524", folder=folder)
    if metrics is None:
        if not (root / "metrics.json").is_file():
            raise IsoglossError("E525", folder=folder)
        metrics = _json(root / "metrics.json")
    stages = {name: _json(root / "stages" / name / "result.json") for name in metrics["stages"]}
    analysis = root / "analysis.json"
    return RunFacts(
        root=root,
        config=_yaml(root / "config.yaml"),
        record=_json(root / "run.json"),
        metrics=metrics,
        prior=_json(root / "prior.json"),
        stages=stages,
        served=_json(root / "model" / "config.json").get("isogloss", {}),
        analysis=_json(analysis) if analysis.is_file() else None,
    )


def read_stage(run: RunFacts, name: str) -> StageRows | None:
    """What a stage kept of both sides; None for one of an earlier version, which kept nothing.

    Raises:
        IsoglossError: E532 where the file cannot be read.
    """
    path = run.root / "stages" / name / "candidate.safetensors"
    if not path.is_file():
        return None
    try:
        arrays, facts = read_arrays(path)
        rows = CandidateRows(name=name, **arrays, settled=bool(facts.get("settled")))
    except (AttributeError, TypeError, ValueError) as error:
        raise IsoglossError("E532", path=path, reason=str(error)) from error
    examples = run.metrics["data"]["target_rows"]
    drawn = facts.get("target") or {"of": examples, "most": examples, "seed": 0}
    return StageRows(
        rows=rows,
        places=sampled_places(drawn["of"], drawn["most"], drawn["seed"]),
        examples=examples,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise IsoglossError("E532", path=path, reason=" ".join(str(error).split())) from error
    if not isinstance(found, dict):
        raise IsoglossError("E532", path=path, reason="it holds no JSON object")
    return found


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = load_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise IsoglossError("E532", path=path, reason=" ".join(str(error).split())) from error
    if not isinstance(found, dict):
        raise IsoglossError("E532", path=path, reason="it holds no settings")
    return found
